/*
 * clock: the two clocks, and a replacement for tests. Wall time (time_t) is
 * compared with the dates of evidence; monotonic milliseconds drive timers. The
 * two are never mixed.
 */
#ifndef CACHE_BASE_CLOCK_H
#define CACHE_BASE_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

/*
 * A source of wall time. Where fn or the clock is NULL, the system's clock is
 * read.
 */
struct wall_clock {
	time_t (*fn)(void *arg);
	void *arg;
};

time_t wall_clock_now(const struct wall_clock *c);
uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);

/* As event_add() wants them. */
static inline struct timeval
clock_timeval(uint64_t ms)
{
	return (struct timeval){.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

#endif
