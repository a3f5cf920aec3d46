/*
 * The OCSP half of a question: responses at hand and fetched, and whether who
 * signed them may still be believed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "revcheck/engine/policy.h"
#include "revcheck/engine/question_parts.h"

/* OCSP. */

static enum answer
judge_ocsp(struct question *q, struct request_env *env,
    const struct ocsp_proof *p, struct resource **need, struct question **owner)
{
	enum revcheck_status signer = REVCHECK_GOOD;
	X509 *path[2];
	enum answer a;

	q->tmp = q->s->blank;
	q->tmp.method = REVCHECK_METHOD_OCSP;
	ocsp_status(p, &env->rules, &q->tmp);
	if (!p->needs_signer_status || q->tmp.status == REVCHECK_UNKNOWN ||
	    env->trust == NULL)
		return ANSWER_FINAL;
	/* RFC 6960 4.2.2.2.1: no nocheck, so the responder is asked about. */
	path[0] = p->signer;
	path[1] = q->s->issuer;
	a = question_ask_signer(&signer, q, env, path, 2, 0, true, need, owner);
	if (a != ANSWER_FINAL || signer == REVCHECK_GOOD)
		return a;
	q->tmp.status = REVCHECK_UNKNOWN;
	q->tmp.reason = REVCHECK_REASON_NONE;
	q->tmp.revoked_at = 0;
	q->tmp.why = signer == REVCHECK_REVOKED ? REVCHECK_WHY_SIGNER_REVOKED
						: REVCHECK_WHY_SIGNER_UNKNOWN;
	snprintf(q->tmp.text, sizeof(q->tmp.text),
	    "unknown: the OCSP responder's own certificate %s",
	    signer == REVCHECK_REVOKED ? "is revoked" : "could not be checked");
	return ANSWER_FINAL;
}

enum answer
question_ask_ocsp(struct question *q, struct request_env *env, bool fetch,
    struct revcheck_result *best, bool *have, struct resource **need,
    struct question **owner)
{
	struct resource *r = &q->ocsp;
	bool supplied_good = false;
	enum answer a;

	for (size_t i = 0; i < q->num_ocsp; i++) {
		a = judge_ocsp(q, env, q->ocsp_proofs[i], need, owner);
		if (a != ANSWER_FINAL)
			return a;
		q->tmp.source = q->ocsp_from[i] != NULL
		    ? REVCHECK_SOURCE_FILE
		    : REVCHECK_SOURCE_STAPLE;
		snprintf(q->tmp.url, sizeof(q->tmp.url), "%s",
		    q->ocsp_from[i] != NULL ? q->ocsp_from[i]->name : "staple");
		supplied_good =
		    supplied_good || q->tmp.status != REVCHECK_UNKNOWN;
		question_consider(best, &q->tmp, have);
	}
	if (question_wants(q, r, env, fetch && !supplied_good)) {
		*need = r;
		*owner = q;
		return ANSWER_FETCH;
	}
	if (r->e == NULL)
		return ANSWER_FINAL;
	a = judge_ocsp(q, env, r->e->proof, need, owner);
	if (a != ANSWER_FINAL)
		return a;
	q->tmp.source = r->source;
	q->tmp.fetched_at = r->e->fetched_at;
	snprintf(q->tmp.url, sizeof(q->tmp.url), "%s", r->e->url);
	question_consider(best, &q->tmp, have);
	return ANSWER_FINAL;
}
