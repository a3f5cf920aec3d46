/*
 * clock: the two clocks, and a seam for tests. Wall time (time_t) judges
 * evidence; monotonic milliseconds run timers. Never mixed.
 */
#ifndef CACHE_BASE_CLOCK_H
#define CACHE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* A source of wall time. A NULL fn, or a NULL clock, is the system's. */
struct wall_clock {
	time_t (*fn)(void *arg);
	void *arg;
};

time_t wall_clock_now(const struct wall_clock *c);
uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);

#endif
