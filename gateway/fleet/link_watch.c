/*
 * link_watch: what has been read is followed by a watch, and a heartbeat finds
 * out when that has died in silence.
 */
#include "gateway/fleet/link_internal.h"

#include <inttypes.h>
#include <string.h>

#include "cache/base/clock.h"

#define MANY_BEAT_MS 5000

static uint64_t
beat_ms(const struct fleet_link *l)
{
	if (l->members >= FLEET_LINK_MANY_MEMBERS &&
	    l->heartbeat_ms < MANY_BEAT_MS)
		return MANY_BEAT_MS;
	return l->heartbeat_ms;
}

/* Beats. */

static void
beat_next(struct fleet_link *l)
{
	link_arm(l->beat, link_jittered(beat_ms(l), 20));
}

/* In step, as of then. */
static void
beat_agreed(struct fleet_link *l, uint64_t when_ms)
{
	l->doubted = false;
	l->agreed_ms = when_ms;
	l->backoff_ms = LINK_BACKOFF_FIRST_MS;
	if (l->quiet)
		log_line(l->log, LOG_LEVEL_INFO,
		    "the fleet's engine is followed again (endpoint=%s "
		    "revision=%" PRId64 ")",
		    l->endpoints[l->endpoint], l->revision);
	l->quiet = false;
	link_flush(l);
}

/*
 * What one beat has seen is told by the watch until the next, or the watch is
 * dead, and is begun anew where it was. Where that brings nothing, nobody will
 * tell what is missing.
 */
static void
watch_missed(struct fleet_link *l)
{
	if (l->doubted) {
		l->doubted = false;
		link_start_over(l, "a change was never told");
	} else {
		l->doubted = true;
		link_fail(l, "the watch has missed a change");
	}
}

/* A beat of a store that has not gone back. */
static void
beat_judge(struct fleet_link *l, const struct marks *now)
{
	if (!marks_heard(l, &l->beat_marks)) {
		watch_missed(l);
		return;
	}
	if (marks_heard(l, now))
		beat_agreed(l, clock_mono_ms());
	else if (l->beat_ms != 0)
		beat_agreed(l, l->beat_ms);
	l->beat_marks = *now;
	l->beat_ms = clock_mono_ms();
	beat_next(l);
}

static void
beaten(void *arg, const struct engine_answer *a)
{
	struct fleet_link *l = arg;
	struct marks now;

	link_enter(l);
	l->stats.beats++;
	marks_read(&now, a);
	if (a->result != ENGINE_DONE) {
		/* At once: two in silence are the end of it. */
		if (++l->missed >= 2)
			link_fail(l, a->why);
		else
			link_arm(l->beat, 0);
	} else {
		l->missed = 0;
		if (!marks_go_on(l, &now, a->revision) ||
		    (now.revision[MARK_FLEET] ==
			    l->marks.revision[MARK_FLEET] &&
			!marks_same_fleet(&now, &l->marks)))
			link_start_over(l, "the engine has gone back");
		else
			beat_judge(l, &now);
	}
	link_leave(l);
}

void
link_beat_due(evutil_socket_t fd, short what, void *arg)
{
	struct fleet_link *l = arg;
	/*
	 * Twice that, and the time between two beats, are less than 5 s, and
	 * more than it takes etcd to have a new leader.
	 */
	uint64_t ms = beat_ms(l) * 5 / 8;

	link_enter(l);
	if (ms < 500)
		ms = 500;
	marks_ask(l, ms < l->timeout_ms ? (unsigned)ms : l->timeout_ms, beaten);
	link_leave(l);
}

/* Joining: the watch. */

static void
watch_created(void *arg, int64_t revision)
{
	struct fleet_link *l = arg;

	link_enter(l);
	evtimer_del(l->step);
	l->agreed_ms = clock_mono_ms();
	log_line(l->log, l->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
	    "the fleet's engine is followed (endpoint=%s revision=%" PRId64 ")",
	    l->endpoints[l->endpoint], l->revision);
	beat_next(l);
	link_set_state(l, FLEET_LINK_UP);
	link_leave(l);
}

static void
watch_events(void *arg, const struct fleet_kv *kv, size_t num, int64_t revision,
    unsigned damaged)
{
	struct fleet_link *l = arg;

	link_enter(l);
	for (size_t i = 0; i < num; i++)
		marks_hear(&l->marks, &kv[i]);
	l->stats.events += num;
	l->stats.damaged += damaged;
	if (revision > l->revision)
		l->revision = revision;
	if (num > 0)
		l->in_parts = revision == 0;
	if (num > 0)
		l->calls.records(l->calls.arg, kv, num, false);
	link_leave(l);
}

static void
watch_ended(void *arg, enum engine_result result, const char *why)
{
	struct fleet_link *l = arg;

	link_enter(l);
	if (result == ENGINE_COMPACTED)
		link_start_over(l, why);
	else
		link_fail(l, why);
	link_leave(l);
}

void
link_join(struct fleet_link *l)
{
	struct engine_watch_calls calls = {
	    l, watch_created, watch_events, watch_ended};

	link_set_state(l, FLEET_LINK_JOINING);
	if (l->dead || l->engine == NULL)
		return;
	link_arm(l->step, l->timeout_ms);
	engine_watch(l->engine, l->revision + 1, &calls);
}
