/*
 * shelf: the resources the archive knows, by key, with the evidence it holds
 * for them, under a budget of bytes. Looked up by any thread without a lock;
 * changed by the service thread alone.
 *
 * Who has to go when the budget is spent: the resource longest unasked of the
 * owner (issuing CA) that holds most. A CA can only push out its own.
 */
#ifndef CACHE_ENGINE_SHELF_H
#define CACHE_ENGINE_SHELF_H

#include <pthread.h>
#include <stdatomic.h>

#include "cache/engine/archive.h"
#include "cache/fetch/fetch.h"
#include "cache/engine/errand.h"
#include "cache/engine/quiet.h"

struct event;
struct flight;

/* An issuing CA and what is held of it, in a ring. */
struct owner {
	uint8_t id[32];
	size_t bytes;
	struct resource *hand; /* next to be looked at for eviction */
	struct owner *next;
};

/*
 * Owned by the shelf. Members below the line belong to the service thread;
 * shelf.lock is held where archive_list reads them.
 */
struct resource {
	struct archive_key key;
	_Atomic(struct evidence *) evidence; /* one reference */
	atomic_uint asked_at_sec;            /* monotonic */
	atomic_bool asked;                   /* since eviction came by */
	/* ---- */
	struct archive *archive;
	struct errand *order; /* how to get it again */
	struct flight *flight;
	struct event *refresh;
	struct owner *owner;
	struct resource *ring_next, *ring_prev; /* of the owner */
	size_t cost;
	unsigned failures;  /* in a row */
	unsigned fruitless; /* answers in a row that were no fresher */
	uint64_t retry_mono_ms;
	uint64_t tried_mono_ms; /* start of the last try, 0: none */
	time_t next_refresh_at;
	char etag[FETCH_MAX_VALIDATOR];
	char last_modified[FETCH_MAX_VALIDATOR];
};

struct shelf_table;

struct shelf {
	struct quiet quiet;
	_Atomic(struct shelf_table *) table;
	pthread_mutex_t lock; /* writers, and archive_list */
	struct owner **owners;
	size_t num_owner_buckets;
	uint64_t budget_bytes;
	atomic_ullong bytes, entries, evictions;
	const struct log *log;
	/* Frees what hangs on a resource beyond its evidence and order. */
	void (*on_remove)(struct resource *r);
};

int shelf_init(
    struct shelf *m, uint64_t budget_bytes, const struct log *log) MUST_USE;
void shelf_cleanup(struct shelf *m);

/* shelf_get1: the hot path; see archive_get1. */
struct evidence *shelf_get1(struct shelf *m, const struct archive_key *key);

/* The rest: service thread only. */
struct resource *shelf_find(struct shelf *m, const struct archive_key *key);
/* Makes it if need be. NULL: out of memory. */
struct resource *shelf_add(
    struct shelf *m, const struct archive_key *key, const uint8_t owner[32]);
/*
 * shelf_keep puts e (a reference is taken) in the place of what r holds and
 * evicts for it. False: it does not fit into the budget and was not kept.
 */
bool shelf_keep(struct shelf *m, struct resource *r, struct evidence *e);
void shelf_drop_evidence(struct shelf *m, struct resource *r);
/* Takes r out of sight and frees it; not while a flight uses it. */
void shelf_remove(struct shelf *m, struct resource *r);
/* Calls fn for every resource until it says false; fn may remove its own. */
void shelf_each(
    struct shelf *m, bool (*fn)(struct resource *r, void *arg), void *arg);

/* Seconds of the coarse monotonic clock, no system call. */
unsigned shelf_now_sec(void);

#endif
