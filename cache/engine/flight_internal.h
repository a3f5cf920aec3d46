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
	struct fetch_job *job;
	enum flight_state state;
	struct archive_wait *waits;
	bool retry; /* counted by the archive */
	struct fetch_plan plan;
	const struct fetch_attempt *attempt; /* in plan; NULL: none yet */
	uint64_t until_mono_ms;              /* no attempt begins after it */
	struct fetch *fetch;
	struct store_load *loading;
	struct store_record record;
	struct crl_builder *builder;
	struct event *step;
	struct evidence_failure failure; /* the most telling so far */
};

/* Holds it, and says so where it was not known before. */
void flight_hold(struct flight *f, struct evidence *e);

/* 0, or negative with the reason in failure. */
int flight_accept(
    struct flight *f, struct evidence *e, struct evidence_failure *failure);

/* The next step. f may be freed when one of these returns. */

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
void flight_over(struct flight *f, struct evidence *e);

#endif
