/*
 * epoch: epoch-based reclamation, as in userspace RCU. Readers never wait. A
 * writer who has unpublished something waits until every reader who may have
 * seen it has left, and then frees it. Readers count themselves on one of many
 * counters, so that threads do not share cache lines.
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

/* Where a reader counted itself; passed to epoch_leave. */
struct epoch_mark {
	unsigned stripe, phase;
};

void epoch_init(struct epoch *e);
struct epoch_mark epoch_enter(struct epoch *e);
void epoch_leave(struct epoch *e, struct epoch_mark m);

/*
 * epoch_wait returns when every reader that was inside at the call has left.
 * One caller at a time; not while inside.
 */
void epoch_wait(struct epoch *e);

#endif
