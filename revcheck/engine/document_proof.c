/* document_proof: see the header. */
#include "revcheck/engine/document_proof.h"

#include <pthread.h>
#include <string.h>

#include "revcheck/crl/crl_scope.h"

static void
crl_proof_drop(void *p)
{
	crl_proof_free(p);
}

static void
ocsp_proof_drop(void *p)
{
	ocsp_proof_free(p);
}

int
document_prove_crl(const struct crl_proof **out, struct crl_proof **mine,
    struct evidence *e, const struct document_asker *by, enum revcheck_why *why,
    struct err *err)
{
	struct crl_signers who = {.chain = by->chain,
	    .num_chain = by->num_chain,
	    .subject = by->index,
	    .extra = by->extra,
	    .num_extra = by->num_extra,
	    .trust = by->trust};
	struct crl_proof *made, *noted = NULL;
	int rc;

	*mine = NULL;
	*why = REVCHECK_WHY_NONE;
	if (by->now)
		*out = evidence_note_get0(e, &by->s->context);
	else
		*out = NULL;
	if (*out != NULL)
		return 0;
	rc = crl_verify(&made, e->crl, &who, by->rules, why, err);
	if (rc != 0)
		return rc;
	if (by->now)
		noted = evidence_note_put0(
		    e, &by->s->context, made, crl_proof_drop);
	if (noted == NULL)
		*mine = made;
	*out = noted != NULL ? noted : made;
	return 0;
}

int
document_prove_ocsp(const struct ocsp_proof **out, struct ocsp_proof **mine,
    struct evidence *e, const struct document_asker *by, enum revcheck_why *why,
    struct err *err)
{
	struct ocsp_question q = {.subject = by->s->cert,
	    .issuer = by->s->issuer,
	    .pinned = by->s->rule != NULL ? by->s->rule->ocsp_signer : NULL,
	    .extra = by->extra,
	    .num_extra = by->num_extra,
	    .nonce = by->nonce};
	struct ocsp_proof *made, *noted = NULL;
	int rc;

	*mine = NULL;
	*why = REVCHECK_WHY_NONE;
	if (by->now)
		*out = evidence_note_get0(e, &by->s->ocsp_context);
	else
		*out = NULL;
	if (*out != NULL)
		return 0;
	rc = ocsp_verify(
	    &made, span_of(e->der, e->der_len), &q, by->rules, why, err);
	if (rc != 0)
		return rc;
	if (by->now)
		noted = evidence_note_put0(
		    e, &by->s->ocsp_context, made, ocsp_proof_drop);
	if (noted == NULL)
		*mine = made;
	*out = noted != NULL ? noted : made;
	return 0;
}

void
document_describe_crl(struct evidence *e, const struct crl_proof *proof)
{
	const struct crl_info *info = crl_get0_info(e->crl);

	if (e->described)
		return;
	e->this_update = info->this_update;
	if (info->has_next_update)
		/* 0 says that none was given: this one is long past. */
		e->next_update = info->next_update > 0 ? info->next_update : 1;
	crl_scope_id(proof, e->scope);
	evidence_set_number(e, crl_proof_number(proof));
	e->described = true;
}

void
document_describe_once(struct evidence *e, const struct crl_proof *proof)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	if (atomic_load_explicit(&e->described, memory_order_acquire))
		return;
	pthread_mutex_lock(&lock);
	document_describe_crl(e, proof);
	pthread_mutex_unlock(&lock);
}

void
document_describe_ocsp(struct evidence *e, const struct ocsp_proof *proof,
    const struct validity_rules *rules)
{
	bool said = false;

	if (e->described)
		return;
	for (size_t i = 0; i < proof->num_facts; i++) {
		const struct ocsp_fact *f = &proof->facts[i];

		if (i == 0 || f->this_update < e->this_update)
			e->this_update = f->this_update;
		if (f->next_update != 0 &&
		    (e->next_update == 0 || f->next_update < e->next_update))
			e->next_update = f->next_update;
		said = said || f->status != REVCHECK_UNKNOWN;
	}
	e->passing = !said;
	if (ocsp_keep_sec(proof, rules) == OCSP_KEEP_SHORT_SEC)
		e->keep_sec = OCSP_KEEP_SHORT_SEC;
	e->cost_bytes = e->der_len * 2 + 512;
	e->described = true;
}

/* Answers. */

/* What is held or seen, in one row. */
struct row {
	struct evidence *v[2 * DOCUMENTS_MAX];
	size_t num;
	const struct documents *held, *seen;
};

static void
row_add(struct row *r, const struct documents *d)
{
	for (size_t i = 0; d != NULL && i < d->num; i++)
		r->v[r->num++] = d->v[i];
}

/* What is seen and not held is measured by what is held, too. */
static bool
below_floor(const struct row *r, const struct evidence *e,
    const struct validity_rules *rules)
{
	return documents_below_floor(r->held, e, rules->at, rules->skew_sec) ||
	    documents_below_floor(r->seen, e, rules->at, rules->skew_sec);
}

static bool
settles(const struct revcheck_result *res)
{
	if (res->status == REVCHECK_UNKNOWN)
		return res->why == REVCHECK_WHY_REASONS_MISSING;
	/* A hold may have been lifted by what is newer. */
	return res->reason != REVCHECK_REASON_CERTIFICATE_HOLD || !res->stale;
}

bool
document_revokes_for_good(const struct revcheck_result *res)
{
	return res->status == REVCHECK_REVOKED &&
	    res->reason != REVCHECK_REASON_CERTIFICATE_HOLD;
}

static bool
delta_in_date(const struct document_asker *by, const struct evidence *e,
    const struct crl_proof *p)
{
	return p->scope->is_delta &&
	    validity_dates(by->rules, e->this_update, e->next_update) ==
	    REVCHECK_WHY_NONE;
}

/* Its signer, as far as somebody asked about him. */
static enum revcheck_status
signer_status(const struct evidence *e)
{
	switch (atomic_load(&e->doubt)) {
	case EVIDENCE_DOUBT_NONE:
		return REVCHECK_GOOD;
	case EVIDENCE_DOUBT_REVOKED:
		return REVCHECK_REVOKED;
	default:
		return REVCHECK_UNKNOWN;
	}
}

static bool
crls_answer(const struct document_asker *by, bool delta, const struct row *row)
{
	struct crl_evidence w[2 * DOCUMENTS_MAX];
	struct crl_proof *mine[2 * DOCUMENTS_MAX];
	struct revcheck_result res;
	enum revcheck_why why;
	struct err err;
	size_t num = 0;
	bool yes = false;

	for (size_t i = 0; i < row->num; i++) {
		struct evidence *e = row->v[i];
		const struct crl_proof *p;

		if (document_prove_crl(&p, &mine[num], e, by, &why, &err) != 0)
			continue;
		yes = yes || (delta && delta_in_date(by, e, p));
		w[num++] = (struct crl_evidence){
		    .crl = e->crl,
		    .proof = p,
		    .url = e->url,
		    .signer_status = signer_status(e),
		    .below_floor = below_floor(row, e, by->rules),
		};
	}
	if (!delta && num > 0) {
		res = by->s->blank;
		crl_status(by->s->crl, w, num, by->rules, &res);
		yes = settles(&res);
	}
	for (size_t i = 0; i < num; i++)
		crl_proof_free(mine[i]);
	return yes;
}

static bool
responses_answer(const struct document_asker *by, const struct row *row)
{
	for (size_t i = 0; i < row->num; i++) {
		struct evidence *e = row->v[i];
		struct revcheck_result res = by->s->blank;
		const struct ocsp_proof *p;
		struct ocsp_proof *mine;
		enum revcheck_why why;
		struct err err;

		if (document_prove_ocsp(&p, &mine, e, by, &why, &err) != 0)
			continue;
		ocsp_status(p, by->rules, &res);
		ocsp_status_with_signer(&res, signer_status(e));
		ocsp_proof_free(mine);
		if (res.status == REVCHECK_UNKNOWN ||
		    (below_floor(row, e, by->rules) &&
			!document_revokes_for_good(&res)))
			continue;
		if (res.reason != REVCHECK_REASON_CERTIFICATE_HOLD ||
		    e->fetched_at + OCSP_KEEP_SHORT_SEC >= by->rules->at)
			return true;
	}
	return false;
}

static void
mark_answered(const struct row *row)
{
	for (size_t i = 0; i < row->num; i++)
		if (!atomic_load_explicit(
			&row->v[i]->answered, memory_order_relaxed))
			atomic_store(&row->v[i]->answered, true);
}

bool
documents_answer(const struct document_asker *by, enum evidence_kind kind,
    bool delta, const struct documents *held, const struct documents *seen)
{
	struct row row = {.held = held, .seen = seen};
	bool yes;

	row_add(&row, held);
	row_add(&row, seen);
	yes = kind == EVIDENCE_CRL ? crls_answer(by, delta, &row)
				   : responses_answer(by, &row);
	if (yes)
		mark_answered(&row);
	return yes;
}
