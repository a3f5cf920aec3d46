/*
 * supplied: CRLs and OCSP responses handed in by the caller. They are evidence
 * like any fetched: nothing here believes them. Immutable once a question
 * holds a reference; counted.
 */
#ifndef REVCHECK_SUPPLIED_H
#define REVCHECK_SUPPLIED_H

#include <stdbool.h>

#include "cache/archive.h"
#include "revcheck/revcheck.h"

struct supplied {
	struct evidence *evidence; /* without proof; NULL when broken */
	char *name;                /* file, or the caller's name for it */
	enum revcheck_evidence_kind kind;
	enum revcheck_why broken; /* why it could not be read, or NONE */
	char msg[160];
};

struct revcheck_evidence {
	struct ref ref;
	size_t num;
	struct supplied *v;
};

struct revcheck_evidence *supplied_up_ref(struct revcheck_evidence *e);

#endif
