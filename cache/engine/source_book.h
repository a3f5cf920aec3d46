/*
 * source_book: what became of each URL that is fetched from, also of those that
 * never answered. Written on the service thread; shown to any. Bounded: beyond
 * it the one that was not tried for the longest is forgotten.
 */
#ifndef CACHE_ENGINE_SOURCE_BOOK_H
#define CACHE_ENGINE_SOURCE_BOOK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "cache/evidence/evidence.h"

#define SOURCE_BOOK_MAX 20000

struct source_book;

/* Owned by the book. */
struct source_row {
	struct source_row *next; /* in its bucket */
	uint64_t hash;
	enum evidence_kind kind;
	char *url;
	time_t tried_at, succeeded_at;    /* 0: never */
	struct evidence_failure *failure; /* the last; NULL: it did not fail */
	unsigned failures;                /* in a row */
	uint64_t bytes;                   /* of the last transfer */
	uint32_t ms;
	/* For who walks over all of them; zeroed before. */
	struct source_kept {
		struct evidence_key key; /* of what ends the soonest */
		size_t num, bytes;
		time_t this_update, ends_at; /* of that; 0: there is none */
		time_t fetched_at;           /* the latest */
		time_t next_try_at;          /* the soonest; 0: none */
	} kept;
};

/* NULL: out of memory. */
struct source_book *source_book_new(void);
void source_book_free(struct source_book *b);

/* It may be fetched from here. Out of memory, it is not noted. */
void source_book_add(
    struct source_book *b, enum evidence_kind kind, const char *url);
/* One transfer is over; failure NULL: it brought something usable. */
void source_book_note(struct source_book *b, enum evidence_kind kind,
    const char *url, const struct evidence_failure *failure, time_t at,
    uint64_t bytes, uint64_t ms);

/* Any thread: between these nothing changes. The first zeroes `kept`. */
void source_book_lock(struct source_book *b);
void source_book_unlock(struct source_book *b);
/* NULL: it is not in the book. */
struct source_row *source_book_find(
    struct source_book *b, enum evidence_kind kind, const char *url);
/* Until fn returns false. */
void source_book_each(struct source_book *b,
    bool (*fn)(void *arg, const struct source_row *row), void *arg);

#endif
