/*
 * epoch: see the header. Readers take no lock and make no system call; the
 * writer who waits yields.
 */
#include "cache/engine/epoch.h"

#include <sched.h>

#include "cache/base/stripe.h"

void
epoch_init(struct epoch *e)
{
	for (size_t i = 0; i < EPOCH_STRIPES; i++) {
		atomic_init(&e->stripe[i].present[0], 0);
		atomic_init(&e->stripe[i].present[1], 0);
	}
	atomic_init(&e->phase, 0);
}

struct epoch_mark
epoch_enter(struct epoch *e)
{
	struct epoch_mark m;

	m.stripe = stripe_of_thread(EPOCH_STRIPES);
	m.phase = atomic_load_explicit(&e->phase, memory_order_relaxed) & 1;
	/* Total order with the phase and with what writers unpublish. */
	atomic_fetch_add(&e->stripe[m.stripe].present[m.phase], 1);
	return m;
}

void
epoch_leave(struct epoch *e, struct epoch_mark m)
{
	atomic_fetch_sub_explicit(
	    &e->stripe[m.stripe].present[m.phase], 1, memory_order_release);
}

static void
epoch_drain(struct epoch *e, unsigned phase)
{
	for (size_t i = 0; i < EPOCH_STRIPES; i++)
		while (atomic_load(&e->stripe[i].present[phase]) != 0)
			sched_yield();
}

void
epoch_wait(struct epoch *e)
{
	unsigned old = atomic_load(&e->phase) & 1;

	/*
	 * A reader may have read the phase long ago and entered under it only
	 * now. So both counters are drained, while new readers use the other.
	 */
	epoch_drain(e, old ^ 1);
	atomic_fetch_add(&e->phase, 1);
	epoch_drain(e, old);
}
