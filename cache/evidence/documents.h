/*
 * documents: what one source holds: a small, bounded set of documents, the
 * newest of each scope, and the one of the highest number where that is not the
 * newest. Counted and immutable: a change makes another set.
 */
#ifndef CACHE_EVIDENCE_DOCUMENTS_H
#define CACHE_EVIDENCE_DOCUMENTS_H

#include "cache/evidence/evidence.h"

/* Of all scopes together. */
#define DOCUMENTS_MAX 8

struct documents {
	struct ref ref;
	size_t num;
	size_t cost_bytes;                 /* of all of them */
	struct evidence *v[DOCUMENTS_MAX]; /* references; newest arrival last */
};

struct documents *documents_up_ref(struct documents *d);
void documents_free(struct documents *d);

enum documents_change {
	DOCUMENTS_NOMEM = 0,
	/* Taken in. */
	DOCUMENTS_KEPT,
	/* Taken in beside one of a higher number, which is out of date. */
	DOCUMENTS_RESTARTED,
	/* The same bytes are held; *out is `held`, which has them. */
	DOCUMENTS_SAME,
	/* Not taken in: of its scope a newer one is held, and in date. */
	DOCUMENTS_OLDER,
	/* Not taken in: not valid yet, and one that is valid is held. */
	DOCUMENTS_EARLY,
	/* Not taken in: an answer to be weighed once, or no room. */
	DOCUMENTS_PASSED,
};

/*
 * documents_with: what is held once e has come. held may be NULL. *out is a
 * reference to a set in any case but NOMEM, and NULL when it is empty.
 *
 * In a scope the higher number, or the later thisUpdate, takes the place of the
 * others. While it is in date nothing below it is taken in. Once it is not, a
 * document that is in date is taken in whatever its number (a CA restored from
 * a backup begins at 1 again), and both are held: what the old one lists still
 * counts. In whatever order they come: one that is out of date does not push
 * out the one that is in date.
 */
enum documents_change
documents_with(struct documents **out, struct documents *held,
    struct evidence *e, time_t now, uint32_t skew_sec) MUST_USE;

/* A set with e at its end, without any rule; NULL: out of memory or room. */
struct documents *
documents_add(const struct documents *d, struct evidence *e) MUST_USE;

/*
 * Whether one of a higher number in the same scope is held and in date, or was
 * seen before: e may list, and its silence proves nothing.
 */
bool documents_below_floor(const struct documents *d, const struct evidence *e,
    time_t now, uint32_t skew_sec);

/* Whether one of them is within its dates. d may be NULL. */
bool documents_fresh(const struct documents *d, time_t now, uint32_t skew_sec);

/* The one in d (may be NULL) that has the bytes of e, lent, or NULL. */
struct evidence *
documents_same(const struct documents *d, const struct evidence *e);

#endif
