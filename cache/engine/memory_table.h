/*
 * memory_table: the sources that the archive knows, by key, with the documents
 * it holds of them, under a budget of bytes. Looked up by any thread without a
 * lock; changed by the service thread alone.
 *
 * Eviction: of the owner (issuing CA) that holds most, the resource that was
 * not asked for the longest. A CA can only push out its own.
 */
#ifndef CACHE_ENGINE_MEMORY_TABLE_H
#define CACHE_ENGINE_MEMORY_TABLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "cache/engine/archive.h"
#include "cache/evidence/documents.h"
#include "cache/fetch/fetch.h"
#include "cache/engine/fetch_job.h"
#include "cache/engine/epoch.h"

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
 * Owned by the table. Members below the line belong to the service thread;
 * table.lock is held where archive_list reads them.
 */
struct resource {
	struct evidence_key key;
	_Atomic(struct documents *) held; /* one reference; NULL: nothing */
	atomic_uint asked_at_sec;         /* monotonic */
	atomic_bool asked; /* since the hand of the clock passed */
	/* ---- */
	struct archive *archive;
	struct fetch_job *job; /* how to get it again */
	struct flight *flight;
	struct event *refresh;
	struct owner *owner;
	struct resource *ring_next, *ring_prev; /* of the owner */
	size_t cost;
	struct evidence_failure *last; /* owned; NULL: it did not fail */
	unsigned failures;             /* in a row */
	unsigned fruitless; /* answers in a row that were no fresher */
	uint64_t retry_mono_ms;
	uint64_t tried_mono_ms; /* start of the last try, 0: none */
	time_t next_refresh_at;
	/* Which of the documents held, at which URL, the validators are of. */
	const struct evidence *validated; /* compared only */
	size_t validated_url;
	char etag[FETCH_MAX_VALIDATOR];
	char last_modified[FETCH_MAX_VALIDATOR];
	/* The digest of `validated`, where it is known. */
	uint8_t sha256[32];
	bool has_sha256;
	unsigned put_off; /* in a row, because others fetch it */
};

struct memory_slots;

struct memory_table {
	struct epoch epoch;
	_Atomic(struct memory_slots *) table;
	pthread_mutex_t lock; /* writers, and archive_list */
	struct owner **owners;
	size_t num_owner_buckets;
	uint64_t budget_bytes;
	atomic_ullong bytes, entries, evictions;
	const struct log *log;
	/* Frees what belongs to a resource beyond its evidence and job. */
	void (*on_remove)(struct resource *r);
};

int memory_table_init(struct memory_table *m, uint64_t budget_bytes,
    const struct log *log) MUST_USE;
void memory_table_cleanup(struct memory_table *m);

/* memory_table_get1: the hot path; see archive_get1. */
struct documents *
memory_table_get1(struct memory_table *m, const struct evidence_key *key);

/* The rest: service thread only. */
struct resource *
memory_table_find(struct memory_table *m, const struct evidence_key *key);
/* Makes it if need be. NULL: out of memory. */
struct resource *memory_table_add(struct memory_table *m,
    const struct evidence_key *key, const uint8_t owner[32]);
/*
 * memory_table_twin: the CRL with the bytes of e that another source of this
 * owner holds, lent, or NULL; it is looked for among so many sources at most.
 */
#define MEMORY_TABLE_TWINS 4096
struct evidence *
memory_table_twin(const struct resource *r, const struct evidence *e);
/*
 * memory_table_keep puts d (a reference is taken) in the place of what r holds
 * and evicts for it. False: it does not fit into the budget and was not kept.
 */
bool memory_table_keep(
    struct memory_table *m, struct resource *r, struct documents *d);
void memory_table_drop_held(struct memory_table *m, struct resource *r);
/* Unpublishes and frees r; not while a flight uses it. */
void memory_table_remove(struct memory_table *m, struct resource *r);
/* Calls fn for every resource until it returns false; fn may remove its own. */
void memory_table_each(struct memory_table *m,
    bool (*fn)(struct resource *r, void *arg), void *arg);

/* Seconds of the coarse monotonic clock, no system call. */
unsigned memory_table_now_sec(void);

#endif
