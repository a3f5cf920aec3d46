/*
 * link_state: how a link goes from state to state, and how long it waits.
 */
#include "gateway/fleet/link_internal.h"

#include <string.h>

#include <openssl/rand.h>

#include "cache/base/text.h"

#define BACKOFF_MAX_MS 5000
#define MEMBER_MS      1 /* of each: from the first to the last */

const char *
fleet_link_state_text(enum fleet_link_state s)
{
	static const char *const texts[] = {
	    [FLEET_LINK_DOWN] = "down",
	    [FLEET_LINK_CONNECTING] = "connecting",
	    [FLEET_LINK_LOADING] = "loading",
	    [FLEET_LINK_JOINING] = "joining",
	    [FLEET_LINK_UP] = "up",
	};

	return texts[s];
}

/* Time. */

uint64_t
link_jittered(uint64_t ms, unsigned percent)
{
	uint32_t r = 0;

	(void)RAND_bytes((unsigned char *)&r, sizeof(r));
	return ms * (100 - percent + r % (2 * percent + 1)) / 100;
}

void
link_arm(struct event *timer, uint64_t ms)
{
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	evtimer_add(timer, &tv);
}

/* States. */

void
link_set_state(struct fleet_link *l, enum fleet_link_state state)
{
	if (l->state == state)
		return;
	l->state = state;
	if (l->calls.state != NULL)
		l->calls.state(
		    l->calls.arg, state, state == FLEET_LINK_UP ? "" : l->why);
}

void
link_disconnect(struct fleet_link *l)
{
	engine_close(l->engine);
	l->engine = NULL;
	l->answering = l->in_parts = false;
	l->missed = 0;
	memset(&l->beat_marks, 0, sizeof(l->beat_marks));
	l->beat_ms = 0;
	evtimer_del(l->step);
	evtimer_del(l->beat);
	link_ground(l);
}

/*
 * Before the next try. Twice as long each time, until a beat agrees: an engine
 * that answers and spoils its watches is one that fails. Many who lose one at
 * the same moment come back one after the other.
 */
static void
pause_then_step(struct fleet_link *l)
{
	l->stats.pause_ms = link_jittered(l->backoff_ms, 20) +
	    link_jittered(l->members * MEMBER_MS / 2, 100);
	link_arm(l->step, l->stats.pause_ms);
	l->backoff_ms = l->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS
							   : l->backoff_ms * 2;
}

void
link_fail(struct fleet_link *l, const char *why)
{
	struct err err;

	err_set(&err, E_IO, "%s", why);
	memcpy(l->why, err.msg, sizeof(l->why));
	log_line(l->log, l->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
	    "cannot follow the fleet's engine: %s (endpoint=%s)", l->why,
	    l->endpoints[l->endpoint]);
	l->quiet = true;
	link_disconnect(l);
	l->endpoint = (l->endpoint + 1) % l->num_endpoints;
	l->stats.reconnects++;
	pause_then_step(l);
	link_set_state(l, FLEET_LINK_DOWN);
}

void
link_start_over(struct fleet_link *l, const char *why)
{
	log_line(l->log, LOG_LEVEL_INFO,
	    "the fleet's records are read anew: %s", why);
	text_copy(l->why, sizeof(l->why), why);
	l->loaded = false;
	link_forget_pages(l);
	l->stats.resyncs++;
	link_disconnect(l);
	pause_then_step(l);
	link_set_state(l, FLEET_LINK_DOWN);
}
