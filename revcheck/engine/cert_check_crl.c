/*
 * cert_check_crl: the CRLs of a check: distribution points in turn, deltas with
 * their bases, signers with paths of their own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "revcheck/engine/policy.h"
#include "revcheck/engine/cert_check_internal.h"

/*
 * Whether the signer is an issuer of this very chain, whose path and status
 * are in question already. A proof is shared by all certificates of an issuer:
 * what was in the chain of one need not be in the chain of the next.
 */
static bool
signer_in_chain(const struct cert_check *q, X509 *signer)
{
	for (size_t i = q->index + 1; i < q->num_chain; i++)
		if (q->chain[i] == signer || X509_cmp(q->chain[i], signer) == 0)
			return true;
	/* The issuer's certificate, renewed with the same key and name. */
	return X509_NAME_cmp(X509_get_subject_name(q->s->issuer),
		   X509_get_subject_name(signer)) == 0 &&
	    EVP_PKEY_eq(
		X509_get0_pubkey(q->s->issuer), X509_get0_pubkey(signer)) == 1;
}

static bool
in_date(X509 *cert, time_t at)
{
	return X509_cmp_time(X509_get0_notAfter(cert), &at) > 0 &&
	    X509_cmp_time(X509_get0_notBefore(cert), &at) < 0;
}

/*
 * Asks about certificate i of a signer's path: in date, and not revoked? The
 * answer is in w->signer_status.
 */
static enum answer
weigh_step(struct crl_evidence *w, struct cert_check *q,
    struct request_env *env, X509 *const *path, size_t num, size_t i,
    struct source **need, struct cert_check **owner)
{
	enum revcheck_status s = REVCHECK_UNKNOWN;
	enum answer a = ANSWER_FINAL;

	if (in_date(path[i], env->rules.at))
		a = cert_check_ask_signer(
		    &s, q, env, path, num, i, false, need, owner);
	if (a == ANSWER_FINAL)
		w->signer_status = s;
	return a;
}

/* A signer that is not in the chain: in date, and not revoked? */
static enum answer
weigh_signer(struct crl_evidence *w, struct cert_check *q,
    struct request_env *env, struct source **need, struct cert_check **owner)
{
	const struct crl_proof *p = w->proof;
	X509 *beside[2] = {p->signer, q->s->issuer};
	enum answer a;

	w->signer_status = REVCHECK_GOOD;
	if (env->trust == NULL || signer_in_chain(q, p->signer))
		return ANSWER_FINAL;
	/* Verified in the chain of another certificate of our issuer. */
	if (p->num_path == 0)
		return weigh_step(w, q, env, beside, 2, 0, need, owner);
	/* From the anchor down, as the path itself is asked about. */
	for (size_t i = p->num_path - 1; i-- > 0;) {
		a = weigh_step(w, q, env, p->path, p->num_path, i, need, owner);
		if (a != ANSWER_FINAL || w->signer_status != REVCHECK_GOOD)
			return a;
	}
	return ANSWER_FINAL;
}

/*
 * The documents of a source, each with its proof here; one that is not proven
 * here says nothing.
 */
static enum answer
add_documents(struct cert_check *q, struct request_env *env, struct source *r,
    size_t *num, struct source **need, struct cert_check **owner)
{
	struct document_asker by = cert_check_asker(q, env);
	enum answer a = ANSWER_FINAL;

	for (size_t i = 0;
	     a == ANSWER_FINAL && r->docs != NULL && i < r->docs->num; i++) {
		struct evidence *e = r->docs->v[i];
		struct crl_evidence *w = cert_check_evidence_room(q, *num + 1);
		const struct crl_proof *proof;
		struct crl_proof *mine;
		enum revcheck_why why;
		struct err err = {0};
		int rc;

		if (w == NULL)
			return ANSWER_NOMEM;
		rc = document_prove_crl(&proof, &mine, e, &by, &why, &err);
		if (rc == E_NOMEM)
			return ANSWER_NOMEM;
		if (rc != 0) {
			cert_check_complain(q, why, 0, e->url, err.msg);
			continue;
		}
		if (mine != NULL && cert_check_own(q, mine) != 0)
			return ANSWER_NOMEM;
		w += *num;
		*w = (struct crl_evidence){
		    .crl = e->crl,
		    .proof = proof,
		    .source = cert_check_source_of(r, e),
		    .url = e->url,
		    .fetched_at = e->fetched_at,
		    .below_floor = documents_below_floor(
			r->docs, e, env->rules.at, env->rules.skew_sec),
		};
		*num += 1;
		a = weigh_signer(w, q, env, need, owner);
		if (a == ANSWER_FINAL)
			cert_check_doubt(r, e, w->signer_status, env);
	}
	return a;
}

/* The delta CRLs that a document of this source names; NULL: none. */
static const char *const *
named_deltas(const struct crl_evidence *w, size_t num)
{
	const char *const *urls;

	for (size_t i = 0; i < num; i++) {
		urls = crl_proof_delta_urls(w[i].proof);
		if (urls != NULL && urls[0] != NULL)
			return urls;
	}
	return NULL;
}

/*
 * The delta of what was just added: named by the certificate, or by the CRL
 * itself (RFC 5280 4.2.1.15, 5.2.6). Without it the base stands alone.
 */
static enum answer
add_delta(struct cert_check *q, struct request_env *env,
    const struct source *base, size_t first, bool fetch, size_t *num,
    struct source **need, struct cert_check **owner)
{
	const char *const *urls;

	if (q->s->delta.num_urls == 0 && q->own_delta.num_urls == 0) {
		urls = named_deltas(q->crls + first, *num - first);
		if (urls == NULL)
			return ANSWER_FINAL;
		/* The base may be fetched again, and this one go. */
		q->own_delta_of = documents_up_ref(base->docs);
		q->own_delta.urls = urls;
		while (q->own_delta.num_urls < 8 &&
		    urls[q->own_delta.num_urls] != NULL)
			q->own_delta.num_urls++;
		q->own_delta.key = cert_sources_delta_key(q->s, urls);
		q->delta.point = &q->own_delta;
	}
	cert_check_look(&q->delta, env);
	if (cert_check_wants(q, &q->delta, env, fetch)) {
		*need = &q->delta;
		*owner = q;
		return ANSWER_FETCH;
	}
	return add_documents(q, env, &q->delta, num, need, owner);
}

static void
weigh_crls(struct cert_check *q, struct request_env *env, size_t num,
    struct revcheck_result *best, bool *have)
{
	if (num == 0)
		return;
	q->tmp = q->s->blank;
	q->tmp.method = REVCHECK_METHOD_CRL;
	crl_status(q->s->crl, q->crls, num, &env->rules, &q->tmp);
	cert_check_note(q, &q->tmp);
	cert_check_consider(best, &q->tmp, have);
}

/* What is held of one point, its deltas, and what all of it says by now. */
static enum answer
ask_point(struct cert_check *q, struct request_env *env, struct source *r,
    bool fetch, size_t *num, struct revcheck_result *best, bool *have,
    struct source **need, struct cert_check **owner)
{
	size_t first = *num;
	enum answer a;

	cert_check_look(r, env);
	if (r->docs == NULL)
		return ANSWER_FINAL;
	a = add_documents(q, env, r, num, need, owner);
	if (a == ANSWER_FINAL && *num > first)
		a = add_delta(q, env, r, first, fetch, num, need, owner);
	if (a == ANSWER_FINAL)
		weigh_crls(q, env, *num, best, have);
	return a;
}

static bool
settled(const struct revcheck_result *best, bool have)
{
	return have && best->method == REVCHECK_METHOD_CRL &&
	    best->status != REVCHECK_UNKNOWN;
}

/* A hold in a CRL that is out of date may have been lifted since. */
static bool
may_be_lifted(const struct revcheck_result *best)
{
	return best->status == REVCHECK_REVOKED && best->stale &&
	    best->reason == REVCHECK_REASON_CERTIFICATE_HOLD;
}

enum answer
cert_check_ask_crl(struct cert_check *q, struct request_env *env, bool fetch,
    struct revcheck_result *best, bool *have, struct source **need,
    struct cert_check **owner)
{
	size_t num = q->num_supplied;
	enum answer a;

	for (size_t i = 0; i < q->num_supplied; i++) {
		a = weigh_signer(&q->crls[i], q, env, need, owner);
		if (a != ANSWER_FINAL)
			return a;
	}
	weigh_crls(q, env, num, best, have);
	for (size_t i = 0; i < q->s->num_points; i++) {
		struct source *r = &q->points[i];
		bool enough = settled(best, *have);

		/* What is at hand is heard, also where the answer is known. */
		a = ask_point(
		    q, env, r, fetch && !enough, &num, best, have, need, owner);
		if (a != ANSWER_FINAL)
			return a;
		enough = settled(best, *have) && !may_be_lifted(best);
		if (cert_check_wants(q, r, env, fetch && !enough)) {
			*need = r;
			*owner = q;
			return ANSWER_FETCH;
		}
	}
	return ANSWER_FINAL;
}
