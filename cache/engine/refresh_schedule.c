/* refresh_schedule: see the header. Pure, any thread. */
#include "cache/engine/refresh_schedule.h"

#include <stdbool.h>

#define DEFAULT_REFRESH_SEC 3600
#define COLD_MIN_SEC        3600
#define COLD_MAX_SEC        (7 * 86400)

time_t
refresh_schedule_at(const struct refresh_schedule_facts *f)
{
	int64_t wait = DEFAULT_REFRESH_SEC, left, spread;

	if (f->next_update != 0) {
		left = (int64_t)(f->next_update - f->now);
		if (left < 0)
			left = 0;
		/* A day at most, also where nextUpdate is in the year 9999. */
		if (left > 86400 * 100 / 75)
			left = 86400 * 100 / 75;
		spread = left * 15 / 100;
		wait = left * 75 / 100;
		if (spread > 0)
			wait += f->random % (uint32_t)(spread + 1);
	}
	if (f->max_age_sec >= 0 && f->max_age_sec < wait)
		wait = f->max_age_sec;
	if (wait < (int64_t)f->floor_sec)
		wait = f->floor_sec;
	return f->now + (time_t)wait;
}

uint64_t
refresh_schedule_retry_ms(
    unsigned failures, uint32_t first_ms, uint32_t max_ms, uint32_t random)
{
	uint64_t wait = first_ms;

	for (unsigned i = 1; i < failures && wait < max_ms; i++)
		wait *= 2;
	if (wait > max_ms)
		wait = max_ms;
	return wait - (wait / 4 > 0 ? random % (wait / 4 + 1) : 0);
}

uint32_t
refresh_schedule_fruitless_max_ms(uint32_t retry_max_ms, uint32_t floor_sec)
{
	uint64_t floor_ms = (uint64_t)floor_sec * 1000;

	return floor_ms < retry_max_ms ? (uint32_t)floor_ms : retry_max_ms;
}

uint32_t
refresh_schedule_cold_after_sec(time_t this_update, time_t next_update)
{
	int64_t period = next_update != 0 ? next_update - this_update : 0;

	period *= 2;
	if (period < COLD_MIN_SEC)
		return COLD_MIN_SEC;
	return period > COLD_MAX_SEC ? COLD_MAX_SEC : (uint32_t)period;
}
