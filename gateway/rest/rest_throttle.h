/*
 * rest_throttle: how often wrong credentials came, by name and address and by
 * address alone, and how long the next try waits for it: longer each time, 5
 * seconds at most, and never for good. Nobody can tell which names or addresses
 * share a place: the table is keyed, and what is full drops who failed longest
 * ago. Not thread-safe; time is the caller's.
 */
#ifndef GATEWAY_REST_REST_THROTTLE_H
#define GATEWAY_REST_REST_THROTTLE_H

#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"

struct rest_throttle;

/* An address may fail so many times more often than one name from there. */
#define REST_THROTTLE_NAMES 4
/* Entries that are kept; about 100 bytes each. */
#define REST_THROTTLE_MAX 4096
/* Whoever would wait longer, behind others, need not come. */
#define REST_THROTTLE_MAX_WAIT_MS 10000
#define REST_THROTTLE_TOO_MANY    UINT32_MAX

struct rest_try {
	const char *name;
	const char *address;
	uint32_t max_failures; /* without a wait */
	uint32_t window_ms;    /* since the last one, until all is forgotten */
	uint64_t now_mono_ms;
};

int rest_throttle_new(struct rest_throttle **out, struct err *err) MUST_USE;
void rest_throttle_free(struct rest_throttle *t);

/*
 * Milliseconds until this try may be looked at; it has its turn then. Or
 * REST_THROTTLE_TOO_MANY, and it has none.
 */
uint32_t rest_throttle_wait(struct rest_throttle *t, const struct rest_try *x);
/*
 * It was wrong. Returns the milliseconds that the next one would wait, for
 * those whose answer is delayed instead.
 */
uint32_t rest_throttle_wrong(struct rest_throttle *t, const struct rest_try *x);
/* It was right: this name is forgiven at this address. */
void rest_throttle_right(struct rest_throttle *t, const struct rest_try *x);

#endif
