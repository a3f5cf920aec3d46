/*
 * store: signed evidence outside of memory: the disk, or another tier between
 * memory and network. What a tier gives is parsed and accepted again like an
 * answer from the network. All calls are made on the service thread.
 */
#ifndef CACHE_STORE_STORE_H
#define CACHE_STORE_STORE_H

#include "cache/evidence/evidence.h"
#include "cache/fetch/fetch.h"

/* What is stored beside the signed bytes. It is not authenticated. */
struct store_meta {
	struct evidence_key key;
	enum evidence_kind kind;
	uint8_t owner[32];
	time_t fetched_at;
	char url[1024];
	char etag[FETCH_MAX_VALIDATOR];
	char last_modified[FETCH_MAX_VALIDATOR];
};

/* A record that was found: bytes in a file at an offset, or on the heap. */
struct store_record {
	struct store_meta meta;
	int fd; /* -1: der */
	size_t offset;
	uint8_t *der;
	size_t len;
};

void store_record_cleanup(struct store_record *r);

enum store_answer {
	STORE_NONE = 0, /* it has nothing under that key */
	STORE_NOW,      /* *out is filled; its caller cleans it up */
	STORE_LATER,    /* done will be called, from the loop, once */
};

struct store_load; /* a load under way, made by the tier */

/* found: NULL for nothing; the callee takes it over. */
typedef void store_done_fn(void *arg, struct store_record *found);

struct store {
	const char *name;
	enum store_answer (*load)(struct store *t,
	    const struct evidence_key *key, struct store_record *out,
	    store_done_fn *done, void *arg, struct store_load **pending);
	/* done will not be called. */
	void (*cancel)(struct store_load *pending);
	/* Keeps a copy, in its own time; e is referenced if need be. */
	void (*save)(
	    struct store *t, const struct store_meta *meta, struct evidence *e);
	/* What it gave was not accepted: it must not give it again. */
	void (*reject)(
	    struct store *t, const struct evidence_key *key, const char *why);
	void (*forget)(struct store *t, const struct evidence_key *key);
	void (*free)(struct store *t);
};

#endif
