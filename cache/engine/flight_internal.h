/*
 * flight_internal: struct flight from the inside; for flight*.c only. Service
 * thread.
 */
#ifndef CACHE_ENGINE_FLIGHT_INTERNAL_H
#define CACHE_ENGINE_FLIGHT_INTERNAL_H

#include "cache/engine/archive_internal.h"
#include "cache/engine/fetch_plan.h"

enum flight_state {
	FLIGHT_DISK = 0,
	FLIGHT_SCAN,
	FLIGHT_NETWORK,
};

/* Owned by its archive; freed by flight_over only. */
struct flight {
	struct flight *next, **prev;
	struct archive *archive;
	struct resource *resource; /* NULL: the answer is not held */
	/* What came and was authentic, kept or not; reference or NULL. */
	struct documents *seen;
	bool replied; /* one of them over the network */
	struct fetch_job *job;
	enum flight_state state;
	struct archive_wait *waits;
	bool retry; /* counted by the archive */
	struct fetch_plan plan;
	const struct fetch_attempt *attempt; /* in plan; NULL: none yet */
	uint64_t until_mono_ms;              /* no attempt begins after it */
	struct fetch *fetch;
	/* Of the exchange under way, for who watches it. */
	struct archive_exchange exchange;
	uint64_t exchange_mono_ms;
	struct store_load *loading;
	struct store_found *found;   /* on the disk */
	size_t num_found;            /* of these, not looked at yet */
	struct evidence *loaded;     /* the last of them; reference or NULL */
	struct store_record *record; /* one of these, looked at now */
	struct crl_builder *builder;
	struct event *step;
	struct evidence_failure failure; /* the most telling so far */
};

/*
 * A document came, from disk or network: proven by one of those who ask, it is
 * weighed and, where it is the newest of its scope, held. Returns it, lent, or
 * the one held that has the same bytes. NULL, with the reason in failure, when
 * nobody accepts it.
 */
struct evidence *flight_take(
    struct flight *f, struct evidence *e, struct evidence_failure *failure);

/* The next step. f may be freed when one of these returns. */

/*
 * Tells those whose question is answered by now. True: that was all, and f is
 * gone; e is what came last and max_age_sec what HTTP said of it (-1: nothing).
 */
bool flight_answered(
    struct flight *f, const struct evidence *e, int64_t max_age_sec);

/* Looks on the disk, then goes on to the network unless that is enough. */
void flight_disk(struct flight *f);
void flight_network(struct flight *f);

/* Counts and logs a failure; keeps it if it says more than the one before. */
void flight_note_failure(struct flight *f, const struct evidence_failure *x);
/* Every way was tried. */
void flight_failed(struct flight *f);

/*
 * Calls all who wait, then frees the flight. The resource has let go of it
 * before: a callback that asks again starts a new flight.
 */
void flight_over(struct flight *f);

#endif
