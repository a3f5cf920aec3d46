/*
 * document_proof: what a document is worth to one who asks: its proof in his
 * context, found beside the document or made and noted there, and whether what
 * a source holds answers him. Any thread; signatures are verified on the thread
 * that asks first.
 */
#ifndef REVCHECK_ENGINE_DOCUMENT_PROOF_H
#define REVCHECK_ENGINE_DOCUMENT_PROOF_H

#include "cache/evidence/documents.h"
#include "revcheck/crl/crl.h"
#include "revcheck/engine/cert_sources.h"
#include "revcheck/ocsp/ocsp.h"

/* Who asks, about chain[index]. Borrowed. */
struct document_asker {
	const struct cert_sources *s;
	X509 *const *chain;
	size_t num_chain, index;
	X509 *const *extra; /* supplied certificates that may be signers */
	size_t num_extra;
	struct revcheck_trust *trust; /* NULL: status-only */
	struct span nonce;            /* sent; empty: none */
	const struct validity_rules *rules;
	/* rules->at is the present: a proof made for it may be noted. */
	bool now;
};

/*
 * document_prove_crl: *out is the proof, lent as long as e is held, or, where
 * it could not be noted, *mine as well, which the caller frees. E_NOMEM,
 * E_PARSE with *why: not proven here.
 */
int document_prove_crl(const struct crl_proof **out, struct crl_proof **mine,
    struct evidence *e, const struct document_asker *by, enum revcheck_why *why,
    struct err *err) MUST_USE;
int document_prove_ocsp(const struct ocsp_proof **out, struct ocsp_proof **mine,
    struct evidence *e, const struct document_asker *by, enum revcheck_why *why,
    struct err *err) MUST_USE;

/* Fills what evidence.h says the first acceptor fills. */
void document_describe_crl(struct evidence *e, const struct crl_proof *proof);
/* Likewise, of a document that others see already. Any thread. */
void document_describe_once(struct evidence *e, const struct crl_proof *proof);
void document_describe_ocsp(struct evidence *e, const struct ocsp_proof *proof,
    const struct validity_rules *rules);

/*
 * Whether it is a revocation that nothing newer ends: it counts below the
 * floor, too.
 */
bool document_revokes_for_good(const struct revcheck_result *res);

/*
 * Whether documents of one source (either may be NULL) answer: an authentic
 * listing, or silence that may be believed for the reasons they are about. The
 * status of who signed them apart. delta: the source is one of delta CRLs, and
 * one in date is enough.
 */
bool documents_answer(const struct document_asker *by, enum evidence_kind kind,
    bool delta, const struct documents *held, const struct documents *seen);

#endif
