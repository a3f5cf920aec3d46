/*
 * evidence_set: CRLs and OCSP responses supplied by the caller. They are
 * verified like fetched ones. Immutable once a question holds a reference;
 * counted.
 */
#ifndef REVCHECK_ENGINE_EVIDENCE_SET_H
#define REVCHECK_ENGINE_EVIDENCE_SET_H

#include <pthread.h>
#include <stdbool.h>

#include "cache/engine/archive.h"
#include "revcheck/revcheck.h"

struct crl_proof;

/*
 * Proofs of a supplied CRL, for the next question about the same issuer under
 * the same trust, so that a large CRL is verified once. The only member that
 * changes after publication; the set's lock covers it.
 */
#define EVIDENCE_ITEM_PROOFS 4
struct evidence_item_proof {
	struct evidence_key context;
	struct crl_proof *proof; /* reference, NULL: free */
};

struct evidence_item {
	struct evidence *evidence; /* without proof; NULL when broken */
	char *name;                /* file, or the caller's name for it */
	enum revcheck_evidence_kind kind;
	enum revcheck_why broken; /* why it could not be read, or NONE */
	char msg[160];
	struct evidence_item_proof proofs[EVIDENCE_ITEM_PROOFS];
	unsigned next_proof;
};

struct revcheck_evidence {
	struct ref ref;
	pthread_mutex_t lock; /* proofs */
	size_t num;
	struct evidence_item *v;
};

/* A reference to the proof made for this context, or NULL. Thread-safe. */
struct crl_proof *evidence_set_proof_get(struct revcheck_evidence *e,
    struct evidence_item *s, const struct evidence_key *context);
void
evidence_set_proof_put(struct revcheck_evidence *e, struct evidence_item *s,
    const struct evidence_key *context, struct crl_proof *proof);

struct revcheck_evidence *evidence_set_up_ref(struct revcheck_evidence *e);

/* Appends a CRL that was read elsewhere; a reference is taken. */
int evidence_set_add_evidence(struct revcheck_evidence *set, struct evidence *e,
    const char *name) MUST_USE;

#endif
