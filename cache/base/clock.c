/* clock: see the header. */
#include "cache/base/clock.h"

#include <stddef.h>

time_t
wall_clock_now(const struct wall_clock *c)
{
	if (c != NULL && c->fn != NULL)
		return c->fn(c->arg);
	return time(NULL);
}

uint64_t
clock_mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

uint64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000u;
}
