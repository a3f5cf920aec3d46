/* cert_check_new: makes and frees the check of one certificate. */
#include "revcheck/engine/cert_check_internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static X509 **
chain_copy(X509 *const *chain, size_t num)
{
	X509 **copy = malloc(num * sizeof(*copy));

	for (size_t i = 0; copy != NULL && i < num; i++) {
		X509_up_ref(chain[i]);
		copy[i] = chain[i];
	}
	return copy;
}

static void
chain_free(X509 **chain, size_t num)
{
	for (size_t i = 0; chain != NULL && i < num; i++)
		X509_free(chain[i]);
	free(chain);
}

int
cert_check_new(struct cert_check **out, struct cert_sources *s,
    X509 *const *chain, size_t num_chain, size_t index, unsigned depth,
    struct err *err)
{
	struct cert_check *q;

	*out = NULL;
	q = malloc(sizeof(*q));
	if (q == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	/*
	 * The results are large, and are written before they are read: not
	 * zeroed.
	 */
	memset(q, 0, offsetof(struct cert_check, res));
	if (s->num_points > 0)
		q->points = calloc(s->num_points, sizeof(*q->points));
	if (depth > 0)
		q->own_chain = chain_copy(chain, num_chain);
	if ((s->num_points > 0 && q->points == NULL) ||
	    (depth > 0 && q->own_chain == NULL)) {
		chain_free(q->own_chain, num_chain);
		free(q->points);
		free(q);
		return err_set(err, E_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < s->num_points; i++)
		q->points[i] = (struct source){
		    .kind = EVIDENCE_CRL, .point = &s->points[i]};
	q->ocsp = (struct source){.kind = EVIDENCE_OCSP, .point = &s->ocsp};
	q->delta = (struct source){.kind = EVIDENCE_CRL, .point = &s->delta};
	q->s = cert_sources_up_ref(s);
	q->chain = q->own_chain != NULL ? q->own_chain : chain;
	q->num_chain = num_chain;
	q->index = index;
	q->depth = depth;
	q->res = s->blank;
	*out = q;
	return 0;
}

void
cert_check_free(struct cert_check *q)
{
	if (q == NULL)
		return;
	documents_free(q->ocsp.docs);
	documents_free(q->delta.docs);
	documents_free(q->own_delta_of);
	for (size_t i = 0; i < q->s->num_points; i++)
		documents_free(q->points[i].docs);
	for (size_t i = 0; i < q->num_own; i++)
		crl_proof_free(q->own_proofs[i]);
	free(q->own_proofs);
	free(q->trail);
	for (size_t i = 0; i < q->num_ocsp; i++)
		ocsp_proof_free(q->ocsp_proofs[i]);
	chain_free(q->own_chain, q->num_chain);
	free(q->points);
	free(q->ocsp_proofs);
	free(q->ocsp_from);
	free(q->crls);
	cert_sources_free(q->s);
	free(q);
}

int
cert_check_own(struct cert_check *q, struct crl_proof *proof)
{
	struct crl_proof **v =
	    realloc(q->own_proofs, (q->num_own + 1) * sizeof(*v));

	if (v == NULL) {
		crl_proof_free(proof);
		return E_NOMEM;
	}
	q->own_proofs = v;
	v[q->num_own++] = proof;
	return 0;
}
