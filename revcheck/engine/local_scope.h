/*
 * local_scope: what one CRL file said in one scope: the newest that was proven,
 * and the last that nobody has proven yet. Whoever holds one sees to it that
 * one thread at a time uses it.
 */
#ifndef REVCHECK_ENGINE_LOCAL_SCOPE_H
#define REVCHECK_ENGINE_LOCAL_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/evidence/documents.h"
#include "cache/evidence/evidence.h"
#include "revcheck/engine/engine_state.h"

/* Of one scope, not proven by anybody yet. */
#define LOCAL_SCOPE_UNPROVEN 4

/*
 * What one file said in one scope, as far as that can be told from the bytes:
 * issuer, authority key, distribution point, complete or delta.
 */
struct local_scope {
	struct local_scope *next;
	struct evidence_key id;
	struct documents *proven;
	struct evidence
	    *unproven[LOCAL_SCOPE_UNPROVEN]; /* in the order they came */
	size_t num_unproven;
	struct evidence *now; /* in the file; NULL: there no more */
	bool seen;            /* in the reading that is told */
	bool overruled;       /* now is older than what was proven */
};
void local_scope_free(struct local_scope *s);

struct evidence_key local_scope_id(const struct evidence *e);
/* As far as the bytes say. */
bool
local_scope_seems_older(const struct evidence *is, const struct evidence *was);
bool local_scope_same_bytes(const struct evidence *a, const struct evidence *b);

/* e is in the file: up-ref'd. Whether that is news. */
bool local_scope_take(struct local_scope *s, struct evidence *e);
/*
 * Takes note of those that were proven meanwhile; says in the log of rc when a
 * file counts anew or is older. Whether more is in force than before.
 */
bool local_scope_settle(struct revcheck *rc, struct local_scope *s);
/* Drops the i-th that is not proven. */
void local_scope_remove(struct local_scope *s, size_t i);
/* The newest: what is listed. Lends; NULL: there is none. */
const struct evidence *local_scope_get0_top(const struct local_scope *s);

#endif
