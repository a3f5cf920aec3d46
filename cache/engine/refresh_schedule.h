/*
 * refresh_schedule: when to fetch again. Pure: times and a random number in,
 * times out.
 */
#ifndef CACHE_ENGINE_REFRESH_SCHEDULE_H
#define CACHE_ENGINE_REFRESH_SCHEDULE_H

#include <stdint.h>
#include <time.h>

struct refresh_schedule_facts {
	time_t now;
	time_t this_update;
	time_t next_update;  /* 0: none given */
	int64_t max_age_sec; /* of the HTTP answer; -1: none given */
	uint32_t floor_sec;  /* between two fetches */
	uint32_t random;
};

/*
 * refresh_schedule_at: after 75..90 % of what is left until nextUpdate, at
 * random; earlier if HTTP says so; after an hour where neither says anything;
 * never before now + floor.
 */
time_t refresh_schedule_at(const struct refresh_schedule_facts *f);

/*
 * refresh_schedule_retry_ms: how long to leave a source alone after `failures`
 * in a row: doubling from first_ms to max_ms, less up to a quarter at random.
 */
uint64_t refresh_schedule_retry_ms(
    unsigned failures, uint32_t first_ms, uint32_t max_ms, uint32_t random);

/*
 * refresh_schedule_fruitless_max_ms: the bound of that where the source
 * answers, and what it says does not help (unknown, tryLater, stale): the floor
 * between two fetches, whatever the dates of what it says.
 */
uint32_t
refresh_schedule_fruitless_max_ms(uint32_t retry_max_ms, uint32_t floor_sec);

/* Evidence not asked for this long is no longer refreshed. */
uint32_t
refresh_schedule_cold_after_sec(time_t this_update, time_t next_update);

#endif
