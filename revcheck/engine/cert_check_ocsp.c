/*
 * cert_check_ocsp: the OCSP responses of a check, supplied and fetched, and the
 * status of those who signed them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "revcheck/engine/policy.h"
#include "revcheck/engine/cert_check_internal.h"

static enum answer
weigh_ocsp(struct cert_check *q, struct request_env *env,
    const struct ocsp_proof *p, enum revcheck_status *signer,
    struct source **need, struct cert_check **owner)
{
	X509 *path[2];
	enum answer a;

	*signer = REVCHECK_GOOD;
	q->tmp = q->s->blank;
	q->tmp.method = REVCHECK_METHOD_OCSP;
	ocsp_status(p, &env->rules, &q->tmp);
	if (!p->needs_signer_status || q->tmp.status == REVCHECK_UNKNOWN ||
	    env->trust == NULL)
		return ANSWER_FINAL;
	/* RFC 6960 4.2.2.2.1: no nocheck, so the responder is asked about. */
	path[0] = p->signer;
	path[1] = q->s->issuer;
	a = cert_check_ask_signer(
	    signer, q, env, path, 2, 0, true, need, owner);
	if (a == ANSWER_FINAL)
		ocsp_status_with_signer(&q->tmp, *signer);
	return a;
}

/* One document of the source, proven here. */
static enum answer
weigh_document(struct cert_check *q, struct request_env *env, struct source *r,
    struct evidence *e, struct revcheck_result *best, bool *have,
    struct source **need, struct cert_check **owner)
{
	struct document_asker by = cert_check_asker(q, env);
	const struct ocsp_proof *proof;
	struct ocsp_proof *mine;
	enum revcheck_status signer;
	enum revcheck_why why;
	struct err err = {0};
	enum answer a;
	int rc;

	rc = document_prove_ocsp(&proof, &mine, e, &by, &why, &err);
	if (rc == E_NOMEM)
		return ANSWER_NOMEM;
	if (rc != 0) {
		cert_check_complain(q, why, 0, e->url, err.msg);
		return ANSWER_FINAL;
	}
	a = weigh_ocsp(q, env, proof, &signer, need, owner);
	ocsp_proof_free(mine);
	if (a != ANSWER_FINAL)
		return a;
	cert_check_doubt(r, e, signer, env);
	if (documents_below_floor(
		r->docs, e, env->rules.at, env->rules.skew_sec) &&
	    !document_revokes_for_good(&q->tmp))
		return ANSWER_FINAL;
	q->tmp.source = cert_check_source_of(r, e);
	q->tmp.fetched_at = e->fetched_at;
	snprintf(q->tmp.url, sizeof(q->tmp.url), "%s", e->url);
	cert_check_note(q, &q->tmp);
	if (cert_check_consider(best, &q->tmp, have))
		q->response = e;
	return ANSWER_FINAL;
}

/* A hold is asked about again: it may have been lifted. */
static bool
settled(const struct revcheck_result *best, bool have)
{
	return have && best->status != REVCHECK_UNKNOWN &&
	    best->reason != REVCHECK_REASON_CERTIFICATE_HOLD;
}

enum answer
cert_check_ask_ocsp(struct cert_check *q, struct request_env *env, bool fetch,
    struct revcheck_result *best, bool *have, struct source **need,
    struct cert_check **owner)
{
	struct source *r = &q->ocsp;
	bool supplied_good = false;
	enum revcheck_status signer;
	enum answer a;

	for (size_t i = 0; i < q->num_ocsp; i++) {
		a = weigh_ocsp(q, env, q->ocsp_proofs[i], &signer, need, owner);
		if (a != ANSWER_FINAL)
			return a;
		q->tmp.source = q->ocsp_from[i] != NULL
		    ? REVCHECK_SOURCE_FILE
		    : REVCHECK_SOURCE_STAPLE;
		snprintf(q->tmp.url, sizeof(q->tmp.url), "%s",
		    q->ocsp_from[i] != NULL ? q->ocsp_from[i]->name : "staple");
		supplied_good =
		    supplied_good || q->tmp.status != REVCHECK_UNKNOWN;
		cert_check_note(q, &q->tmp);
		cert_check_consider(best, &q->tmp, have);
	}
	cert_check_look(r, env);
	for (size_t i = 0; r->docs != NULL && i < r->docs->num; i++) {
		a = weigh_document(
		    q, env, r, r->docs->v[i], best, have, need, owner);
		if (a != ANSWER_FINAL)
			return a;
	}
	if (cert_check_wants(
		q, r, env, fetch && !supplied_good && !settled(best, *have))) {
		*need = r;
		*owner = q;
		return ANSWER_FETCH;
	}
	return ANSWER_FINAL;
}
