/*
 * cert_check_signer: checks those who signed the evidence. Recursion, bounded
 * in depth and number; a signer whose check depends on itself stays unknown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "revcheck/engine/policy.h"
#include "revcheck/engine/cert_check_internal.h"

/* RFC 5280 sets no bound for signers of signers; this does. */
#define CERT_CHECK_MAX_DEPTH   3
#define CERT_CHECK_MAX_SIGNERS 32

static struct cert_check *
find_signer(
    const struct request_env *env, X509 *cert, X509 *issuer, bool crl_only)
{
	for (size_t i = 0; i < env->num_signers; i++) {
		struct cert_check *q = env->signers[i];

		if (q->crl_only == crl_only &&
		    X509_cmp(q->s->cert, cert) == 0 &&
		    X509_cmp(q->s->issuer, issuer) == 0)
			return q;
	}
	return NULL;
}

/* chain may be the caller's own: the check, which stays, has a copy. */
static struct cert_check *
new_signer(struct request_env *env, const struct cert_check *parent,
    X509 *const *chain, size_t num_chain, size_t index, bool crl_only)
{
	struct cert_sources_context ctx = {.anchor = parent->s->anchor,
	    .rules = env->snap->rules,
	    .relax = env->rules.relax,
	    .security_level = env->rules.security_level};
	struct cert_check **list, *q = NULL;
	struct cert_sources *s = NULL;
	X509 *const *whole = chain;
	size_t num = num_chain, at = index;

	list = realloc(env->signers, (env->num_signers + 1) * sizeof(*list));
	if (list == NULL)
		return NULL;
	env->signers = list;
	if (cert_sources_memo_get(env->rc->memo, &s, chain[index],
		chain[index + 1], &ctx, NULL) != 0)
		return NULL;
	/*
	 * A delegated responder stands where the certificate it answers for
	 * stands: the same issuer and the same way to the anchor.
	 */
	if (crl_only) {
		whole = parent->chain;
		num = parent->num_chain;
		at = parent->index;
	}
	if (cert_check_new(&q, s, whole, num, at, parent->depth + 1, NULL) ==
	    0) {
		q->crl_only = crl_only;
		q->mode = parent->mode;
		env->signers[env->num_signers++] = q;
	}
	cert_sources_free(s);
	return q;
}

enum answer
cert_check_ask_signer(enum revcheck_status *status, struct cert_check *parent,
    struct request_env *env, X509 *const *chain, size_t num_chain, size_t index,
    bool crl_only, struct source **need, struct cert_check **owner)
{
	struct cert_check *q;
	enum answer a;

	*status = REVCHECK_UNKNOWN;
	q = find_signer(env, chain[index], chain[index + 1], crl_only);
	if (q == NULL) {
		if (parent->depth >= CERT_CHECK_MAX_DEPTH ||
		    env->num_signers >= CERT_CHECK_MAX_SIGNERS)
			return ANSWER_FINAL;
		q = new_signer(env, parent, chain, num_chain, index, crl_only);
		if (q == NULL)
			return ANSWER_NOMEM;
	}
	/* Evidence that proves the status of its own signer proves nothing. */
	if (q->asking)
		return ANSWER_FINAL;
	a = env->answer(q, env, need, owner);
	if (a != ANSWER_FINAL)
		return a;
	*status = q->res.status;
	/*
	 * RFC 6960 4.2.2.2.1: a CA may specify no method for its responder, and
	 * rely on the short life of that certificate. A responder for the
	 * responder is a method, though it is not asked; so is a distribution
	 * point, though it names no URL.
	 */
	if (crl_only && q->res.status == REVCHECK_UNKNOWN &&
	    q->res.why == REVCHECK_WHY_NO_SOURCE && q->s->aia_urls[0] == NULL &&
	    crl_subject_source(q->s->crl) == CRL_SUBJECT_NONE)
		*status = REVCHECK_GOOD;
	if (q->res.status == REVCHECK_NOT_ASKED)
		*status = REVCHECK_GOOD;
	return ANSWER_FINAL;
}
