/*
 * quiet: readers never wait; whoever takes something out of their sight waits
 * until every reader who may have seen it has left. Readers mark themselves
 * present on one of many counters, so that threads do not share cache lines.
 */
#ifndef CACHE_ENGINE_QUIET_H
#define CACHE_ENGINE_QUIET_H

#include <stdatomic.h>
#include <stddef.h>

#define QUIET_STRIPES 64

struct quiet_stripe {
	_Alignas(64) atomic_uint present[2];
};

struct quiet {
	struct quiet_stripe stripe[QUIET_STRIPES];
	_Alignas(64) atomic_uint phase;
};

/* Where a reader marked itself; handed back on leaving. */
struct quiet_mark {
	unsigned stripe, phase;
};

void quiet_init(struct quiet *q);
struct quiet_mark quiet_enter(struct quiet *q);
void quiet_leave(struct quiet *q, struct quiet_mark m);

/*
 * quiet_wait returns when no reader is inside who was inside when it was
 * called. One caller at a time; not while inside.
 */
void quiet_wait(struct quiet *q);

#endif
