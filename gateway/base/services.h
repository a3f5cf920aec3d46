/*
 * services: what nearly every part of the process works with. Lent by main,
 * which owns them; they stay the same for as long as the process lives.
 */
#ifndef GATEWAY_BASE_SERVICES_H
#define GATEWAY_BASE_SERVICES_H

#include "cache/base/clock.h"
#include "cache/base/log.h"
#include "revcheck/revcheck.h"

struct event_base;

struct services {
	struct event_base *base; /* the control thread's loop */
	const struct log *log;
	/* For lines that those can cause who have shown nothing yet. */
	const struct log *strangers;
	struct revcheck *engine;
	const struct wall_clock *clock; /* NULL: the system's */
};

#endif
