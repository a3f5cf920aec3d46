/*
 * epoch: see the header. No lock, no system call for readers; the one who
 * waits yields. Owns nothing but its counters.
 */
#include "cache/engine/epoch.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>

void
epoch_init(struct epoch *q)
{
	for (size_t i = 0; i < EPOCH_STRIPES; i++) {
		atomic_init(&q->stripe[i].present[0], 0);
		atomic_init(&q->stripe[i].present[1], 0);
	}
	atomic_init(&q->phase, 0);
}

struct epoch_mark
epoch_enter(struct epoch *q)
{
	/* Descriptors of threads lie far apart: the bits differ higher up. */
	uint64_t self = (uint64_t)(uintptr_t)pthread_self();
	struct epoch_mark m;

	m.stripe = (unsigned)((self * 0x9e3779b97f4a7c15u) >> 58);
	m.phase = atomic_load_explicit(&q->phase, memory_order_relaxed) & 1;
	/* Total order with the phase and with what writers unpublish. */
	atomic_fetch_add(&q->stripe[m.stripe].present[m.phase], 1);
	return m;
}

void
epoch_leave(struct epoch *q, struct epoch_mark m)
{
	atomic_fetch_sub_explicit(
	    &q->stripe[m.stripe].present[m.phase], 1, memory_order_release);
}

static void
epoch_drain(struct epoch *q, unsigned phase)
{
	for (size_t i = 0; i < EPOCH_STRIPES; i++)
		while (atomic_load(&q->stripe[i].present[phase]) != 0)
			sched_yield();
}

void
epoch_wait(struct epoch *q)
{
	unsigned old = atomic_load(&q->phase) & 1;

	/*
	 * A reader may have read the phase long ago and entered under it only
	 * now: both counters are drained, newcomers going to the other one.
	 */
	epoch_drain(q, old ^ 1);
	atomic_fetch_add(&q->phase, 1);
	epoch_drain(q, old);
}
