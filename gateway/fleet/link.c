/*
 * link: see link.h. The connection, from endpoint to endpoint.
 *
 *                        +--- somewhere else, or the first time ----+
 *                        |                                          v
 *   new --> CONNECTING --+                                       LOADING
 *             ^      |   |                                          |
 *      in time|      |   +--- what was heard last is still true --+ | last page
 *             |      |                                            v v
 *           DOWN <---+---------------------------------------- JOINING
 *             ^    no answer, refused                            |
 *             |                                          created |
 *             +------------------------------------------------- UP
 *                an end; two beats in silence; a beat saw what the watch
 *                has not told when the next one comes
 *
 * Every way down closes the connection and takes the next endpoint. A watch
 * that begins at what is no longer kept, and a store that is behind what was
 * heard of it, go to CONNECTING with nothing known, and so to LOADING.
 */
#include "gateway/fleet/link_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "cache/base/clock.h"
#include "cache/base/text.h"
#include "gateway/fleet/fleet_password.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS   5000
/*
 * Records a page. For each page etcd counts all that is behind its first key:
 * 99,001 records took 3.0 s in pages of 500, 1.6 s in these.
 */
#define PAGE         2000
#define MANY_BEAT_MS 5000

static const char *const mark_keys[NUM_MARKS] = {
    [MARK_FLEET] = FLEET_KEY_FLEET,
    [MARK_HEAD] = FLEET_KEY_HEAD,
    [MARK_NEWS] = FLEET_KEY_NEWS,
};

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

/* ms, give or take so many percent: a thousand machines are not one. */
static uint64_t
jittered(uint64_t ms, unsigned percent)
{
	uint32_t r = 0;

	(void)RAND_bytes((unsigned char *)&r, sizeof(r));
	return ms * (100 - percent + r % (2 * percent + 1)) / 100;
}

static void
arm(struct event *timer, uint64_t ms)
{
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	evtimer_add(timer, &tv);
}

static uint64_t
beat_ms(const struct fleet_link *l)
{
	if (l->members >= FLEET_LINK_MANY_MEMBERS &&
	    l->heartbeat_ms < MANY_BEAT_MS)
		return MANY_BEAT_MS;
	return l->heartbeat_ms;
}

/* States. */

static void
set_state(struct fleet_link *l, enum fleet_link_state state)
{
	if (l->state == state)
		return;
	l->state = state;
	if (l->calls.state != NULL)
		l->calls.state(
		    l->calls.arg, state, state == FLEET_LINK_UP ? "" : l->why);
}

static void
disconnect(struct fleet_link *l)
{
	engine_close(l->engine);
	l->engine = NULL;
	l->answering = false;
	l->missed = 0;
	memset(&l->beat_marks, 0, sizeof(l->beat_marks));
	l->beat_ms = 0;
	evtimer_del(l->step);
	evtimer_del(l->beat);
	link_ground(l);
}

/* Down, and then the next endpoint: after a connection that held, at once. */
static void
fail(struct fleet_link *l, const char *why)
{
	struct err err;

	err_set(&err, E_IO, "%s", why);
	memcpy(l->why, err.msg, sizeof(l->why));
	log_line(l->log, l->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
	    "cannot follow the fleet's engine: %s (endpoint=%s)", l->why,
	    l->endpoints[l->endpoint]);
	l->quiet = true;
	disconnect(l);
	l->endpoint = (l->endpoint + 1) % l->num_endpoints;
	l->stats.reconnects++;
	arm(l->step, jittered(l->backoff_ms, 20));
	l->backoff_ms = l->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS
							   : l->backoff_ms * 2;
	set_state(l, FLEET_LINK_DOWN);
}

/* What was heard is not what is there: everything anew, from the same. */
static void
start_over(struct fleet_link *l, const char *why)
{
	log_line(l->log, LOG_LEVEL_INFO,
	    "the fleet's records are read anew: %s", why);
	text_copy(l->why, sizeof(l->why), why);
	l->loaded = false;
	l->stats.resyncs++;
	disconnect(l);
	arm(l->step, 0);
	set_state(l, FLEET_LINK_DOWN);
}

/* Marks. */

static void
mark_hear(struct marks *m, const struct fleet_kv *kv)
{
	for (int i = 0; i < NUM_MARKS; i++) {
		if (strcmp(kv->key, mark_keys[i]) != 0)
			continue;
		m->revision[i] = kv->value != NULL ? kv->revision : 0;
		if (i == MARK_FLEET)
			SHA256(
			    kv->value != NULL ? kv->value : (const uint8_t *)"",
			    kv->len, m->fleet);
	}
}

static void
marks_read(struct marks *m, const struct engine_answer *a)
{
	memset(m, 0, sizeof(*m));
	SHA256((const uint8_t *)"", 0, m->fleet);
	for (size_t i = 0; i < a->num; i++)
		mark_hear(m, &a->kv[i]);
}

static bool
same_fleet(const struct marks *a, const struct marks *b)
{
	return memcmp(a->fleet, b->fleet, sizeof(a->fleet)) == 0;
}

/*
 * The store is where it was when it was asked, or further: it has not forgotten
 * anything. (Meanwhile the watch may have told more than it answers.)
 */
static bool
goes_on(const struct fleet_link *l, const struct marks *now, int64_t revision)
{
	const struct marks *then = &l->asked_marks;

	for (int i = 0; i < NUM_MARKS; i++)
		if (now->revision[i] < then->revision[i])
			return false;
	return revision >= l->asked_revision;
}

/* Has the watch told all that these know of? */
static bool
has_heard(const struct fleet_link *l, const struct marks *of)
{
	for (int i = 0; i < NUM_MARKS; i++)
		if (of->revision[i] > l->marks.revision[i])
			return false;
	return true;
}

static void
read_marks(struct fleet_link *l, unsigned timeout_ms, engine_done_fn *done)
{
	struct fleet_op op[NUM_MARKS];

	l->asked_revision = l->revision;
	l->asked_marks = l->marks;
	for (int i = 0; i < NUM_MARKS; i++)
		op[i] = (struct fleet_op){
		    .kind = FLEET_OP_GET, .key = mark_keys[i]};
	engine_txn(l->engine, NULL, 0, op, NUM_MARKS, timeout_ms, done, l);
}

/* Beats. */

static void
beat_next(struct fleet_link *l)
{
	arm(l->beat, jittered(beat_ms(l), 20));
}

/* In step, as of then. */
static void
beat_agreed(struct fleet_link *l, uint64_t when_ms)
{
	l->doubted = false;
	l->agreed_ms = when_ms;
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
		start_over(l, "a change was never told");
	} else {
		l->doubted = true;
		fail(l, "the watch has missed a change");
	}
}

/* A beat of a store that has not gone back. */
static void
beat_judge(struct fleet_link *l, const struct marks *now)
{
	if (!has_heard(l, &l->beat_marks)) {
		watch_missed(l);
		return;
	}
	if (has_heard(l, now))
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
			fail(l, a->why);
		else
			arm(l->beat, 0);
	} else {
		l->missed = 0;
		if (!goes_on(l, &now, a->revision) ||
		    (now.revision[MARK_FLEET] ==
			    l->marks.revision[MARK_FLEET] &&
			!same_fleet(&now, &l->marks)))
			start_over(l, "the engine has gone back");
		else
			beat_judge(l, &now);
	}
	link_leave(l);
}

static void
beat_due(evutil_socket_t fd, short what, void *arg)
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
	read_marks(
	    l, ms < l->timeout_ms ? (unsigned)ms : l->timeout_ms, beaten);
	link_leave(l);
}

/* Joining: the watch. */

static void
watch_created(void *arg, int64_t revision)
{
	struct fleet_link *l = arg;

	link_enter(l);
	evtimer_del(l->step);
	l->backoff_ms = BACKOFF_FIRST_MS;
	l->agreed_ms = clock_mono_ms();
	log_line(l->log, LOG_LEVEL_INFO,
	    "the fleet's engine is followed (endpoint=%s revision=%" PRId64 ")",
	    l->endpoints[l->endpoint], l->revision);
	l->quiet = false;
	beat_next(l);
	set_state(l, FLEET_LINK_UP);
	link_leave(l);
}

static void
watch_events(void *arg, const struct fleet_kv *kv, size_t num, int64_t revision,
    unsigned damaged)
{
	struct fleet_link *l = arg;

	link_enter(l);
	for (size_t i = 0; i < num; i++)
		mark_hear(&l->marks, &kv[i]);
	l->stats.events += num;
	l->stats.damaged += damaged;
	if (revision > l->revision)
		l->revision = revision;
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
		start_over(l, why);
	else
		fail(l, why);
	link_leave(l);
}

static void
join(struct fleet_link *l)
{
	struct engine_watch_calls calls = {
	    l, watch_created, watch_events, watch_ended};

	set_state(l, FLEET_LINK_JOINING);
	if (l->dead || l->engine == NULL)
		return;
	arm(l->step, l->timeout_ms);
	engine_watch(l->engine, l->revision + 1, &calls);
}

/* Loading: page by page, all at one revision. */

static void paged(void *arg, const struct engine_answer *a);

static void
ask_page(struct fleet_link *l)
{
	engine_list(
	    l->engine, "", l->after, l->page_revision, l->page, paged, l);
}

static void
load_end(struct fleet_link *l)
{
	l->revision = l->page_revision;
	l->marks = l->greeting;
	l->loaded = true;
	l->calls.loaded(l->calls.arg, l->revision);
	if (!l->dead && l->engine != NULL)
		join(l);
}

static void
page_take(struct fleet_link *l, const struct engine_answer *a)
{
	char *last = NULL;

	l->stats.damaged += a->damaged;
	if (a->last != NULL)
		last = strdup(a->last);
	if (a->num > 0)
		l->calls.records(l->calls.arg, a->kv, a->num, true);
	if (l->dead || l->engine == NULL) {
		free(last);
	} else if (!a->more) {
		free(last);
		load_end(l);
	} else if (last == NULL ||
	    (l->after != NULL && strcmp(last, l->after) <= 0)) {
		free(last);
		fail(l, "a page leads no further");
	} else {
		free(l->after);
		l->after = last;
		l->page = l->page * 2 > PAGE ? PAGE : l->page * 2;
		ask_page(l);
	}
}

static void
paged(void *arg, const struct engine_answer *a)
{
	struct fleet_link *l = arg;

	link_enter(l);
	if (a->result == ENGINE_DONE) {
		page_take(l, a);
	} else if (a->result == ENGINE_TOO_LONG && l->page > 1) {
		/* Large records: fewer at a time. */
		l->page = l->page / 8 > 0 ? l->page / 8 : 1;
		ask_page(l);
	} else if (a->result == ENGINE_COMPACTED) {
		start_over(l, a->why);
	} else {
		fail(l, a->why);
	}
	link_leave(l);
}

/* `fleet` first: without it nobody can read what follows. */
static void
load(struct fleet_link *l, const struct engine_answer *a)
{
	struct fleet_kv fleet = {.key = FLEET_KEY_FLEET};

	for (size_t i = 0; i < a->num; i++)
		if (strcmp(a->kv[i].key, FLEET_KEY_FLEET) == 0)
			fleet = a->kv[i];
	l->page_revision = a->revision;
	l->page = PAGE;
	free(l->after);
	l->after = NULL;
	l->loaded = false;
	set_state(l, FLEET_LINK_LOADING);
	if (l->dead || l->engine == NULL)
		return;
	l->calls.loading(l->calls.arg);
	if (l->dead || l->engine == NULL)
		return;
	l->calls.records(l->calls.arg, &fleet, 1, true);
	if (!l->dead && l->engine != NULL)
		ask_page(l);
}

/* Connecting. */

static void
greeted(void *arg, const struct engine_answer *a)
{
	struct fleet_link *l = arg;

	link_enter(l);
	if (a->result != ENGINE_DONE) {
		fail(l, a->why);
	} else {
		marks_read(&l->greeting, a);
		l->answering = true;
		link_flush(l);
		if (l->loaded && goes_on(l, &l->greeting, a->revision) &&
		    same_fleet(&l->greeting, &l->marks)) {
			join(l);
		} else {
			if (l->loaded)
				l->stats.resyncs++;
			load(l, a);
		}
	}
	link_leave(l);
}

static void
connect_next(struct fleet_link *l)
{
	struct engine_options o = {.base = l->base,
	    .log = l->log,
	    .endpoint = l->endpoints[l->endpoint],
	    .prefix = l->prefix,
	    .ca_file = l->ca_file,
	    .certificate = l->certificate,
	    .key = l->key,
	    .user = l->user,
	    .token = l->token,
	    .timeout_ms = l->timeout_ms};
	char *password = NULL;
	struct err err;
	int rc = 0;

	if (l->user != NULL)
		rc = fleet_password_read(&password, l->password_file, &err);
	o.password = password;
	if (rc == 0)
		rc = engine_open(&l->engine, &o, &err);
	fleet_password_free(password);
	if (rc != 0) {
		fail(l, err.msg);
		return;
	}
	set_state(l, FLEET_LINK_CONNECTING);
	if (!l->dead && l->engine != NULL)
		read_marks(l, 0, greeted);
}

/* DOWN: time to try again. JOINING: the watch was not made. */
static void
step_due(evutil_socket_t fd, short what, void *arg)
{
	struct fleet_link *l = arg;

	link_enter(l);
	if (l->state == FLEET_LINK_JOINING)
		fail(l, "no watch was made in time");
	else
		connect_next(l);
	link_leave(l);
}

/* The link. */

void
fleet_link_free(struct fleet_link *l)
{
	if (l == NULL)
		return;
	/* Nothing is told any more, and nothing of it touched but `dead`. */
	l->dead = true;
	engine_close(l->engine);
	l->engine = NULL;
	link_forget(l);
	if (l->step != NULL)
		event_free(l->step);
	if (l->beat != NULL)
		event_free(l->beat);
	if (l->soon != NULL)
		event_free(l->soon);
	OPENSSL_cleanse(l->token, sizeof(l->token));
	link_options_free(l);
	free(l->prefix);
	free(l->after);
	if (l->busy == 0)
		free(l);
}

int
fleet_link_new(struct fleet_link **out, const struct fleet_link_options *o,
    const struct fleet_link_calls *calls, struct err *err)
{
	struct fleet_link *l = calloc(1, sizeof(*l));
	char prefix[ENGINE_MAX_KEY];
	bool ok = true;
	int rc;

	*out = NULL;
	if (l == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	l->base = o->base;
	l->log = o->log;
	l->calls = *calls;
	l->backoff_ms = BACKOFF_FIRST_MS;
	l->agreed_ms = clock_mono_ms();
	snprintf(prefix, sizeof(prefix), FLEET_PREFIX, o->name);
	l->prefix = text_dup(prefix, &ok);
	rc = link_options_take(l, o, err);
	l->step = evtimer_new(o->base, step_due, l);
	l->beat = evtimer_new(o->base, beat_due, l);
	l->soon = event_new(o->base, -1, 0, link_tell, l);
	if (rc == 0 &&
	    (!ok || l->step == NULL || l->beat == NULL || l->soon == NULL))
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc != 0) {
		fleet_link_free(l);
		return rc;
	}
	arm(l->step, 0);
	*out = l;
	return 0;
}

int
fleet_link_configure(
    struct fleet_link *l, const struct fleet_link_options *o, struct err *err)
{
	int rc = link_options_take(l, o, err);

	if (rc != 0)
		return rc;
	memset(l->token, 0, sizeof(l->token));
	l->endpoint = 0;
	l->backoff_ms = BACKOFF_FIRST_MS;
	l->quiet = false;
	text_copy(l->why, sizeof(l->why), "it is configured anew");
	/* What could not be read, or not act, may now. */
	l->loaded = false;
	disconnect(l);
	/* From the loop, as everything. */
	l->state = FLEET_LINK_DOWN;
	arm(l->step, 0);
	return 0;
}

void
fleet_link_read_anew(struct fleet_link *l, const char *why)
{
	link_enter(l);
	start_over(l, why);
	link_leave(l);
}

void
fleet_link_set_members(struct fleet_link *l, size_t num)
{
	l->members = num;
}

int64_t
fleet_link_revision(const struct fleet_link *l)
{
	return l->revision;
}

uint64_t
fleet_link_lag_ms(const struct fleet_link *l)
{
	return clock_mono_ms() - l->agreed_ms;
}

void
fleet_link_stats(const struct fleet_link *l, struct fleet_link_stats *out)
{
	*out = l->stats;
	out->state = l->state;
	out->endpoint = l->endpoints[l->endpoint];
	memcpy(out->why, l->why, sizeof(out->why));
	out->revision = l->revision;
	out->lag_ms = fleet_link_lag_ms(l);
}
