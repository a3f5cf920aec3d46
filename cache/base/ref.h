/*
 * ref: a thread-safe reference count, embedded in the object it counts.
 * Counted objects are immutable after publication, but for members that
 * their header names as atomic.
 */
#ifndef CACHE_BASE_REF_H
#define CACHE_BASE_REF_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>

struct ref {
	atomic_uint count;
};

static inline void
ref_init(struct ref *r)
{
	atomic_init(&r->count, 1);
}

static inline void
ref_up(struct ref *r)
{
	unsigned old =
	    atomic_fetch_add_explicit(&r->count, 1, memory_order_relaxed);

	assert(old > 0);
	(void)old;
}

/* ref_down returns true to the one caller who gave back the last reference. */
static inline bool
ref_down(struct ref *r)
{
	unsigned old =
	    atomic_fetch_sub_explicit(&r->count, 1, memory_order_acq_rel);

	assert(old > 0);
	return old == 1;
}

#endif
