/*
 * archive_internal: struct archive from the inside; for archive*.c, flight*.c,
 * resource_timer.c and crl_files.c only. Everything here belongs to the service
 * thread, but for memory (its own rules) and the counters.
 */
#ifndef CACHE_ENGINE_ARCHIVE_INTERNAL_H
#define CACHE_ENGINE_ARCHIVE_INTERNAL_H

#include <stdatomic.h>

#include <event2/event.h>

#include "cache/engine/archive.h"
#include "cache/fetch/fetch.h"
#include "cache/engine/memory_table.h"
#include "cache/engine/service.h"
#include "cache/store/store.h"

struct address_rules;
struct source_book;

/* Of one kind of evidence. */
struct archive_fetch_counters {
	atomic_ullong num[ARCHIVE_NUM_FETCH_TIMES], ms;
};

/* In memory, by any thread: a stripe for each. */
#define ARCHIVE_STRIPES 16
struct archive_looks {
	atomic_ullong hits, misses;
	char gap[64]; /* nothing of another in its cache line */
};

struct archive_counters {
	struct archive_fetch_counters crl_fetches, ocsp_fetches;
	struct archive_looks looks[ARCHIVE_STRIPES];
	atomic_ullong disk_hits;
	atomic_ullong fetches, fetches_304, fetched_bytes, joins, refreshes;
	atomic_ullong restarts; /* of a CRL's numbers */
	atomic_ullong fail[EVIDENCE_FAIL_NOMEM + 1];
	atomic_ullong shared[ARCHIVE_NUM_SHARED];
};

/* One who waits. Owned by the archive until told or cancelled. */
struct archive_wait {
	struct archive_wait *next, **prev; /* of a flight, or of told_soon */
	struct archive *archive;
	struct event *deadline;
	uint64_t deadline_mono_ms;
	archive_done_fn *done;
	void *arg;
	struct archive_acceptor *acceptor; /* reference */
	/* Once it is to be told: reference or NULL, and why it is no answer. */
	struct documents *documents;
	bool answered;
	struct evidence_failure failure;
};

struct archive {
	struct service *service;
	struct fetcher *fetcher;
	struct address_rules *addresses;
	struct store *disk;         /* NULL: memory only */
	struct shared_tier *shared; /* NULL: with nobody */
	struct memory_table table;
	struct archive_counters count;
	struct log log_copy;
	const struct log *log;
	struct wall_clock clock;
	bool offline, closing, always_fetch;
	struct crl_limits crl_limits;
	uint32_t min_refresh_sec, skew_sec;
	uint32_t retry_first_ms, retry_max_ms;
	void (*changed)(void *arg, const struct evidence_key *key);
	void *changed_arg;
	void (*exchange)(void *arg, const struct archive_exchange *x);
	void *exchange_arg;
	uint64_t num_exchanges; /* begun */
	uint64_t num_tickets;   /* of claims */
	struct news *news;
	struct floors *floors;
	struct source_book *book;
	unsigned
	    num_retries; /* flights that a timer began for what is lacked */
	struct flight *flights;
	struct archive_wait *told_soon;
	struct event *tell_soon;
	event_callback_fn refresh_due; /* of a resource's timer */
	uint32_t random;
};

static inline struct event_base *
archive_base(struct archive *a)
{
	return service_get0_base(a->service);
}

static inline time_t
archive_now(struct archive *a)
{
	return wall_clock_now(&a->clock);
}

/* Flights: one getting of one resource, for all who wait. */

/*
 * flight_start begins to get r (NULL: for a job whose answer is not held) by
 * disk, then network. It runs without waiters, too. NULL: out of memory.
 */
struct flight *
flight_start(struct archive *a, struct resource *r, struct fetch_job *job);
void flight_join(struct flight *f, struct archive_wait *w);
bool flight_has_waiters(const struct flight *f);
/* Somebody wants it now, though he does not wait: it is not put off. */
void flight_hurry(struct flight *f);
/* Likewise, for what is not held and was asked for: at most a few at once. */
bool flight_retry(struct archive *a, struct resource *r);
/* Ends it; all who wait receive `fail`. */
void flight_abort(struct flight *f, enum evidence_fail fail);

void archive_wait_link(struct archive_wait **list, struct archive_wait *w);
/* Calls done with what w has, and frees w. */
void archive_wait_tell(struct archive_wait *w);
/* Whether what is held and seen answers who waits. */
bool
acceptor_answered(struct archive_acceptor *by, const struct documents *held,
    const struct documents *seen, struct archive *a);

/* Spreads what is due at one time, in 24 bits; it is not secret. */
uint32_t archive_random(struct archive *a);

/* (Re)arms the refresh timer of r for next_refresh_at; then refresh_due. */
void resource_schedule(struct resource *r);
/* Likewise for within a second; table.lock is held. */
void resource_due_soon(struct resource *r);

/*
 * Leaves the source of r alone for a while: after one failure more in a row, or
 * one answer more that did not help. talks: it is a responder, and said
 * something (tryLater), which costs little and may pass.
 */
void resource_failed(struct archive *a, struct resource *r, bool talks);
void resource_fruitless(struct archive *a, struct resource *r);
/*
 * Whether it is only our settings that refuse (scheme, port, address): nothing
 * was asked, and they may have changed.
 */
bool resource_refused(const struct resource *r);

/*
 * Records that r answered, lastly with e, and plans the next refresh;
 * max_age_sec -1: none.
 */
void resource_plan(struct archive *a, struct resource *r,
    const struct evidence *e, int64_t max_age_sec);

#endif
