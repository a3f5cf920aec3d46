/*
 * source_index: who keeps an answer of the engine, by the sources that it rests
 * on, and who of them is to be asked about again: because one of its sources
 * has changed, because its time has come, or because everybody is. What is not
 * concerned is not touched. One thread, that of the loop.
 */
#ifndef GATEWAY_BASE_SOURCE_INDEX_H
#define GATEWAY_BASE_SOURCE_INDEX_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "cache/base/clock.h"
#include "cache/base/error.h"
#include "revcheck/revcheck.h"

/*
 * Who rests on an UNKNOWN is asked about again after so long, and up to a
 * minute: the engine tries its sources only as long as somebody asks.
 */
#define SOURCE_INDEX_LACKING_SEC 600
/*
 * Whoever rests on any source is asked about at least so often, less up to a
 * tenth: what nobody asked for in an hour may not be refreshed any more.
 */
#define SOURCE_INDEX_ANYWAY_SEC 1800

struct event_base;
struct source_index;
struct source_link;

/* One answer, embedded in whoever keeps it. Zero: in no index. */
struct source_asker {
	struct source_asker *next, *prev; /* of who is due, or of the others */
	struct source_link *links;
	size_t num_links;
	uint64_t changes; /* that the answer takes into account */
	time_t at;        /* asked about again then */
	size_t place;     /* in the heap, from 1; 0: no time is set */
};

/*
 * due(arg) is called when somebody is due who was not: take him soon. clock
 * (NULL: the system's) and base must outlive it. E_NOMEM.
 */
int source_index_new(struct source_index **out, struct event_base *base,
    const struct wall_clock *clock, void (*due)(void *arg), void *arg,
    struct err *err) MUST_USE;
/* Everybody has left. NULL is fine. */
void source_index_free(struct source_index *i);

/* Rests on nothing and is due with everybody. E_NOMEM. */
int source_index_join(struct source_index *i, struct source_asker *a) MUST_USE;
/* Fine when it is in none. */
void source_index_leave(struct source_index *i, struct source_asker *a);

/*
 * Rests on this report from now on; it is due at once where one of its sources
 * has changed since the engine looked, else when its evidence runs out, after
 * a while if it is UNKNOWN, a longer one in any case, and at ends_at (0: no
 * matter). Without a report:
 * the sources of before, and ends_at. Where memory is short every change of a
 * source concerns it.
 */
void source_index_rest(struct source_index *i, struct source_asker *a,
    const struct revcheck_report *report, time_t ends_at);

/* As revcheck_watch tells it: who rests on source and did not know is due. */
void source_index_changed(
    struct source_index *i, const unsigned char source[32], uint64_t change);
/* Everybody is due. */
void source_index_all_due(struct source_index *i);

/* The next who is due, and is no more; NULL: nobody. */
struct source_asker *source_index_take(struct source_index *i);

/* How many sources are rested on. */
size_t source_index_num(const struct source_index *i);

#endif
