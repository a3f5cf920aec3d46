/*
 * counters: one set a worker. Only its worker writes, so a plain relaxed load
 * and store is enough; anybody may read.
 */
#ifndef GATEWAY_OBSERVE_COUNTERS_H
#define GATEWAY_OBSERVE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "gateway/dataplane/workers.h"

struct counters {
	_Atomic uint64_t n[NUM_COUNTERS];
};

static inline void
counters_add(struct counters *c, enum counter which, uint64_t by)
{
	uint64_t old = atomic_load_explicit(&c->n[which], memory_order_relaxed);

	atomic_store_explicit(&c->n[which], old + by, memory_order_relaxed);
}

static inline void
counters_inc(struct counters *c, enum counter which)
{
	counters_add(c, which, 1);
}

/* For gauges. */
static inline void
counters_dec(struct counters *c, enum counter which)
{
	counters_add(c, which, (uint64_t)-1);
}

static inline uint64_t
counters_get(const struct counters *c, enum counter which)
{
	return atomic_load_explicit(&c->n[which], memory_order_relaxed);
}

#endif
