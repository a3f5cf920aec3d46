/*
 * dial: getting a connected socket to one of several addresses, in order of
 * preference, again and again for a while. `struct node_health` remembers,
 * for one worker, which addresses did not answer lately, so that they are
 * tried last.
 */
#ifndef GATEWAY_DATAPLANE_DIAL_H
#define GATEWAY_DATAPLANE_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"

struct address;
struct conn;
struct runtime;
struct worker;

struct node_health {
	size_t num;
	uint64_t *down_until_mono_ms; /* 0: up, as far as we know */
};

int node_health_init(struct node_health *h, size_t num) MUST_USE;
void node_health_cleanup(struct node_health *h);

/* What to reach, borrowed for as long as the dial lives. */
struct dial_order {
	const struct address *addresses;
	size_t num_addresses;
	/* Whose health is kept, as long as it is the worker's; NULL: none. */
	const struct runtime *runtime;
	uint32_t connect_timeout_ms; /* an address */
	uint32_t retry_ms;           /* between rounds, and out of favour */
	uint32_t max_retries;        /* rounds after the first */
};

/* Where an inbound connection's node is; lent by its runtime. */
void dial_get_node_order(const struct conn *c, struct dial_order *out);

enum dial_result {
	DIAL_FAILED = 0, /* dial_error says why */
	DIAL_PENDING,
	DIAL_DONE /* dial_take_fd */
};

struct dial;

/* Called once, from the event loop, when a pending dial is DONE or FAILED. */
typedef void dial_fn(void *arg);

/* dial_start: *out is set unless out of memory (DIAL_FAILED, *out NULL). */
enum dial_result dial_start(struct dial **out, struct worker *w,
    const struct dial_order *order, dial_fn *done, void *arg);
enum dial_result dial_result(const struct dial *d);
int dial_take_fd(struct dial *d);
const char *dial_error(const struct dial *d);
void dial_free(struct dial *d);

#endif
