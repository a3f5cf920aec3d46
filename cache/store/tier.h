/*
 * tier: a place where signed evidence outlives the memory: the disk, and
 * whatever comes between disk and network. A tier is never trusted: what it
 * gives is parsed and accepted again like an answer from the network. All
 * calls are made on the service thread.
 */
#ifndef CACHE_STORE_TIER_H
#define CACHE_STORE_TIER_H

#include "cache/engine/archive.h"
#include "cache/fetch/fetch.h"

/* What is kept beside the signed bytes. None of it is believed. */
struct tier_meta {
	struct archive_key key;
	enum evidence_kind kind;
	uint8_t owner[32];
	time_t fetched_at;
	char url[1024];
	char etag[FETCH_MAX_VALIDATOR];
	char last_modified[FETCH_MAX_VALIDATOR];
};

/* A record that was found: bytes in a file at an offset, or on the heap. */
struct tier_record {
	struct tier_meta meta;
	int fd; /* -1: der */
	size_t offset;
	uint8_t *der;
	size_t len;
};

void tier_record_cleanup(struct tier_record *r);

enum tier_answer {
	TIER_NONE = 0, /* it has nothing under that key */
	TIER_NOW,      /* *out is filled; its caller cleans it up */
	TIER_LATER,    /* done will be called, from the loop, once */
};

struct tier_load; /* a load under way, made by the tier */

/* found: NULL for nothing; taken over by the one who is told. */
typedef void tier_done_fn(void *arg, struct tier_record *found);

struct tier {
	const char *name;
	enum tier_answer (*load)(struct tier *t, const struct archive_key *key,
	    struct tier_record *out, tier_done_fn *done, void *arg,
	    struct tier_load **pending);
	/* done will not be called. */
	void (*cancel)(struct tier_load *pending);
	/* Keeps a copy, in its own time; e is referenced if need be. */
	void (*save)(
	    struct tier *t, const struct tier_meta *meta, struct evidence *e);
	/* What it gave was not accepted: it must not give it again. */
	void (*reject)(
	    struct tier *t, const struct archive_key *key, const char *why);
	void (*forget)(struct tier *t, const struct archive_key *key);
	void (*free)(struct tier *t);
};

#endif
