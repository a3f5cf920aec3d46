/*
 * cert_check_supplied: which of the supplied evidence concerns the certificate
 * and is authentic. Sorted once, when the check is answered first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "revcheck/engine/policy.h"
#include "revcheck/engine/cert_check_internal.h"

struct crl_evidence *
cert_check_evidence_room(struct cert_check *q, size_t want)
{
	struct crl_evidence *w;

	if (want <= q->cap_crls)
		return q->crls;
	w = realloc(q->crls, want * sizeof(*w));
	if (w == NULL)
		return NULL;
	q->crls = w;
	q->cap_crls = want;
	return w;
}

/*
 * E_NOMEM where evidence could not be looked at: passed over, what it lists
 * would count for nothing.
 */
static int
prepare_crl(struct cert_check *q, const struct request_env *env,
    struct evidence_item *sup)
{
	struct document_asker by = cert_check_asker(q, env);
	enum revcheck_why why = REVCHECK_WHY_INTERNAL;
	const struct crl_proof *proof;
	struct crl_proof *mine;
	struct crl_evidence *w;
	struct err err = {0};
	int rc;

	if (!crl_may_concern(q->s->crl, sup->evidence->crl))
		return 0;
	rc = document_prove_crl(&proof, &mine, sup->evidence, &by, &why, &err);
	if (rc == E_NOMEM)
		return rc;
	if (rc != 0) {
		cert_check_complain(q, why, 0, sup->name, err.msg);
		return 0;
	}
	if (mine != NULL && cert_check_own(q, mine) != 0)
		return E_NOMEM;
	document_describe_once(sup->evidence, proof);
	w = cert_check_evidence_room(q, q->num_supplied + 1);
	if (w == NULL)
		return E_NOMEM;
	w[q->num_supplied++] = (struct crl_evidence){
	    .crl = sup->evidence->crl,
	    .proof = proof,
	    .source = REVCHECK_SOURCE_FILE,
	    .url = sup->name,
	    .signer_status = REVCHECK_GOOD,
	};
	return 0;
}

static struct ocsp_question
ocsp_question_of(const struct cert_check *q, const struct request_env *env)
{
	return (struct ocsp_question){
	    .subject = q->s->cert,
	    .issuer = q->s->issuer,
	    .pinned = q->s->rule != NULL ? q->s->rule->ocsp_signer : NULL,
	    .extra = env->extra,
	    .num_extra = env->num_extra,
	};
}

static int
prepare_ocsp(struct cert_check *q, const struct request_env *env,
    const struct evidence *e, const char *name, const struct evidence_item *sup)
{
	struct ocsp_question oq = ocsp_question_of(q, env);
	enum revcheck_why why = REVCHECK_WHY_INTERNAL;
	struct ocsp_proof *proof = NULL, **proofs;
	const struct evidence_item **from;
	struct err err = {0};
	int rc;

	rc = ocsp_verify(
	    &proof, span_of(e->der, e->der_len), &oq, &env->rules, &why, &err);
	if (rc == E_NOMEM)
		return rc;
	if (rc != 0) {
		cert_check_complain(q, why, 0, name, err.msg);
		return 0;
	}
	proofs = realloc(q->ocsp_proofs, (q->num_ocsp + 1) * sizeof(*proofs));
	if (proofs != NULL)
		q->ocsp_proofs = proofs;
	from = realloc(q->ocsp_from, (q->num_ocsp + 1) * sizeof(*from));
	if (from != NULL)
		q->ocsp_from = from;
	if (proofs == NULL || from == NULL) {
		ocsp_proof_free(proof);
		return E_NOMEM;
	}
	proofs[q->num_ocsp] = proof;
	from[q->num_ocsp++] = sup;
	return 0;
}

static int
prepare_set(struct cert_check *q, const struct request_env *env,
    struct revcheck_evidence *set)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && set != NULL && i < set->num; i++) {
		struct evidence_item *sup = &set->v[i];

		if (sup->broken != REVCHECK_WHY_NONE)
			cert_check_complain(
			    q, sup->broken, 0, sup->name, sup->msg);
		else if (sup->kind == REVCHECK_EVIDENCE_CRL)
			rc = prepare_crl(q, env, sup);
		else if (!q->crl_only)
			rc =
			    prepare_ocsp(q, env, sup->evidence, sup->name, sup);
	}
	return rc;
}

/* Of many files only those of its issuer are looked at. */
static int
prepare_local(struct cert_check *q, const struct request_env *env,
    struct revcheck_evidence *set)
{
	uint64_t hash;
	int rc = 0;

	if (set == NULL || set->index == NULL ||
	    !crl_subject_hash(q->s->crl, &hash))
		return prepare_set(q, env, set);
	for (size_t i = evidence_set_find(set, hash);
	     rc == 0 && i < set->num && set->index[i].hash == hash; i++)
		rc = prepare_crl(q, env, &set->v[set->index[i].at]);
	return rc;
}

int
cert_check_prepare(struct cert_check *q, const struct request_env *env)
{
	int rc = 0;

	if (q->prepared)
		return 0;
	q->prepared = true;
	if (env->staple != NULL && q->depth == 0 && q->index == 0)
		rc = prepare_ocsp(q, env, env->staple, "staple", NULL);
	if (rc == 0)
		rc = prepare_set(q, env, env->supplied);
	if (rc == 0)
		rc = prepare_local(q, env, env->snap->local);
	return rc;
}
