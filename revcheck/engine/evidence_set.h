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

struct revcheck_evidence {
	struct ref ref;
	pthread_mutex_t lock; /* proofs */
	size_t num;
	struct evidence_item *v;
};

struct revcheck_evidence *evidence_set_up_ref(struct revcheck_evidence *e);

/* Appends evidence that was read elsewhere; a reference is taken. */
int evidence_set_add_evidence(struct revcheck_evidence *set, struct evidence *e,
    const char *name) MUST_USE;

#endif
