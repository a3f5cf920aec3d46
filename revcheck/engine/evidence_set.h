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

struct evidence_item {
	struct evidence *evidence; /* NULL when broken */
	char *name;                /* file, or the caller's name for it */
	enum revcheck_evidence_kind kind;
	enum revcheck_why broken; /* why it could not be read, or NONE */
	char msg[160];
};

/* Of a CRL: name_hash of its issuer, and where it is in v. */
struct evidence_at {
	uint64_t hash;
	size_t at;
};

struct revcheck_evidence {
	struct ref ref;
	pthread_mutex_t lock; /* proofs */
	size_t num;
	struct evidence_item *v;
	struct evidence_at *index; /* of all of v, in order; NULL: none */
};

struct revcheck_evidence *evidence_set_up_ref(struct revcheck_evidence *e);

/* Appends evidence that was read elsewhere; a reference is taken. */
int evidence_set_add_evidence(struct revcheck_evidence *set, struct evidence *e,
    const char *name) MUST_USE;

/* Makes the index of a set that holds CRLs alone, and is complete. */
int evidence_set_index(struct revcheck_evidence *set) MUST_USE;
/*
 * Nothing is added to it from here on: it gets an index, where it holds CRLs
 * alone and there is memory. Thread-safe.
 */
void evidence_set_close(struct revcheck_evidence *set);
/* The first of this hash in the index, or where it would be. */
size_t evidence_set_find(const struct revcheck_evidence *set, uint64_t hash);

#endif
