/*
 * epoch: readers never wait; whoever takes something out of their sight waits
 * until every reader who may have seen it has left. Readers mark themselves
 * present on one of many counters, so that threads do not share cache lines.
 */
#ifndef CACHE_ENGINE_EPOCH_H
#define CACHE_ENGINE_EPOCH_H

#include <stdatomic.h>
#include <stddef.h>

#define EPOCH_STRIPES 64

struct epoch_stripe {
	_Alignas(64) atomic_uint present[2];
};

struct epoch {
	struct epoch_stripe stripe[EPOCH_STRIPES];
	_Alignas(64) atomic_uint phase;
};

/* Where a reader marked itself; handed back on leaving. */
struct epoch_mark {
	unsigned stripe, phase;
};

void epoch_init(struct epoch *q);
struct epoch_mark epoch_enter(struct epoch *q);
void epoch_leave(struct epoch *q, struct epoch_mark m);

/*
 * epoch_wait returns when no reader is inside who was inside when it was
 * called. One caller at a time; not while inside.
 */
void epoch_wait(struct epoch *q);

#endif
