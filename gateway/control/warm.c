/*
 * warm: asks about many chains, some at a time, and again about those whose
 * sources may come back, until all are answered or the time is over.
 */
#include "gateway/control/warm.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cache/base/clock.h"
#include "gateway/control/control.h"
#include "gateway/dataplane/workers.h"
#include "gateway/sessions/session_watch.h"
#include "gateway/base/pending_check.h"
#include "gateway/control/warm_show.h"

#define BATCH      64   /* chains looked at a turn of the loop */
#define ASKING_MAX 256  /* questions at their sources at once */
#define AGAIN_MS   1000 /* back-off begins with a second */

struct warm {
	struct control *control;
	warm_over_fn *over;
	void *arg;
	struct warm_state state;
	uint64_t begun_mono_ms;
	struct warm_chain *incoming; /* to be added to chains */
	struct warm_chains chains;
	struct warm_chain *at; /* the next to look at in this pass */
	struct event *turn;    /* goes on with the pass */
	struct event *again;   /* the next pass; or over, once more */
	struct event *bound;
	bool ending; /* over has been called, and could not */
	/* From the workers. */
	pthread_mutex_t lock;
	struct warm_chain *arrived;
	size_t num_gathering; /* workers that have not shown all */
};

static void warm_finish(struct warm *w, enum warm_outcome outcome);

/* Gathering. */

/* On a worker's thread. */
static void
on_live_chain(
    void *arg, const struct revcheck_certs *certs, struct revcheck_trust *trust)
{
	struct warm *w = arg;
	struct warm_chain *c = NULL;

	if (certs != NULL)
		c = warm_chain_new(certs, trust, REVCHECK_QUERY_PATH_VERIFIED);
	pthread_mutex_lock(&w->lock);
	if (c != NULL) {
		c->next = w->arrived;
		w->arrived = c;
	} else if (certs == NULL && w->num_gathering > 0 &&
	    --w->num_gathering == 0) {
		event_active(w->turn, EV_READ, 0);
	}
	pthread_mutex_unlock(&w->lock);
}

static void
on_session_chain(
    void *arg, const struct revcheck_certs *certs, struct revcheck_trust *trust)
{
	struct warm *w = arg;
	struct warm_chain *c = warm_chain_new(certs, trust, 0);

	if (c != NULL) {
		c->next = w->incoming;
		w->incoming = c;
	}
}

static bool
still_gathering(struct warm *w)
{
	bool still;

	pthread_mutex_lock(&w->lock);
	still = w->num_gathering > 0;
	pthread_mutex_unlock(&w->lock);
	return still;
}

/* What the workers have shown by now. */
static void
take_arrived(struct warm *w)
{
	struct warm_chain **end = &w->incoming;

	while (*end != NULL)
		end = &(*end)->next;
	pthread_mutex_lock(&w->lock);
	*end = w->arrived;
	w->arrived = NULL;
	pthread_mutex_unlock(&w->lock);
}

static void
stop_gathering(struct warm *w)
{
	struct workers *door = control_door(w->control);
	struct warm_chain *c, *next;

	if (door != NULL)
		workers_gather(door, NULL, NULL);
	take_arrived(w);
	for (c = w->incoming; c != NULL; c = next) {
		next = c->next;
		warm_chain_free(c);
	}
	w->incoming = NULL;
	w->num_gathering = 0;
}

static void
gather(struct warm *w)
{
	struct workers *door = control_door(w->control);

	if (w->state.parts & WARM_SESSIONS)
		session_watch_each(
		    control_remembered(w->control), on_session_chain, w);
	if (door == NULL || !(w->state.parts & WARM_TLS))
		return;
	/* Before anybody can answer. */
	pthread_mutex_lock(&w->lock);
	w->num_gathering = workers_num(door);
	pthread_mutex_unlock(&w->lock);
	workers_gather(door, on_live_chain, w);
}

/* Asking. */

/* Whether the same question may be answered a second later. */
static bool
may_pass(enum revcheck_why why)
{
	switch (why) {
	case REVCHECK_WHY_UNREACHABLE:
	case REVCHECK_WHY_DEADLINE:
	case REVCHECK_WHY_HTTP_ERROR:
	case REVCHECK_WHY_RESPONDER_ERROR:
	case REVCHECK_WHY_BACKOFF:
	case REVCHECK_WHY_STALE:
	case REVCHECK_WHY_NOT_YET_VALID:
	case REVCHECK_WHY_SIGNER_UNKNOWN:
	case REVCHECK_WHY_CANCELLED:
	case REVCHECK_WHY_INTERNAL:
		return true;
	default:
		return false;
	}
}

static void
judge(struct warm *w, struct warm_chain *c, const struct revcheck_report *r)
{
	enum revcheck_why why = revcheck_report_why(r);

	if (revcheck_report_allows(r) == 1) {
		warm_chains_set(&w->chains, c, WARM_ALLOWED);
		return;
	}
	c->why = why;
	if (revcheck_report_status(r) == REVCHECK_UNKNOWN &&
	    why != REVCHECK_WHY_FORGED) {
		warm_chains_set(
		    &w->chains, c, may_pass(why) ? WARM_AGAIN : WARM_UNKNOWN);
		return;
	}
	/* Refused in SOFT_FAIL, too: whoever is live is cut off at once. */
	warm_chains_set(&w->chains, c, WARM_REFUSED);
	control_recheck(w->control);
}

static void
on_answer(void *asker, struct revcheck_report *report)
{
	struct warm_chain *c = asker;
	struct warm *w = c->asker;

	pending_check_drop(c->wait);
	c->wait = NULL;
	judge(w, c, report);
	event_active(w->turn, EV_READ, 0);
}

/*
 * As HARD_FAIL would ask, so that nothing is counted as let in, and that a
 * rule for one CA is heeded.
 */
static void
ask(struct warm *w, struct warm_chain *c)
{
	struct revcheck_report *report = NULL;
	struct revcheck_error err = {0};
	struct revcheck_query q = {.size = sizeof(q),
	    .chain = c->certs,
	    .trust = c->trust,
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .flags = c->flags,
	    .deadline_ms = warm_left_ms(w)};
	int rc;

	c->asker = w;
	rc = pending_check_ask(&c->wait, &report, control_engine(w->control),
	    &q, control_base(w->control), on_answer, c, &err);
	if (rc == REVCHECK_PENDING) {
		warm_chains_set(&w->chains, c, WARM_ASKING);
	} else if (rc == REVCHECK_DONE) {
		judge(w, c, report);
		revcheck_report_free(report);
	} else {
		/* Too many questions at once, most likely. */
		c->why = REVCHECK_WHY_INTERNAL;
		warm_chains_set(&w->chains, c, WARM_AGAIN);
	}
}

static void
arm(struct event *ev, uint32_t ms)
{
	const struct timeval tv = {
	    .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	event_add(ev, &tv);
}

/* A few of those that are new; true while there are more. */
static bool
take_in(struct warm *w)
{
	struct warm_chain *c;

	take_arrived(w);
	for (int i = 0; i < BATCH && (c = w->incoming) != NULL; i++) {
		w->incoming = c->next;
		warm_chains_add(&w->chains, c);
		/* A list that grows at its head is begun anew. */
		w->at = w->chains.first;
	}
	return w->incoming != NULL;
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct warm *w = arg;

	(void)fd, (void)what;
	if (w->state.outcome != WARM_RUNNING || still_gathering(w))
		return;
	if (take_in(w)) {
		event_active(w->turn, EV_READ, 0);
		return;
	}
	for (int i = 0; i < BATCH && w->at != NULL &&
	     w->chains.answers[WARM_ASKING] < ASKING_MAX;
	     i++, w->at = w->at->next)
		if (w->at->answer == WARM_UNASKED)
			ask(w, w->at);
	if (w->at != NULL) {
		/* The next answer goes on with it, or the next turn. */
		if (w->chains.answers[WARM_ASKING] < ASKING_MAX)
			event_active(w->turn, EV_READ, 0);
	} else if (w->chains.answers[WARM_ASKING] == 0) {
		if (w->chains.answers[WARM_AGAIN] == 0)
			warm_finish(w, WARM_COMPLETE);
		else
			arm(w->again, AGAIN_MS);
	}
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct warm *w = arg;

	(void)fd, (void)what;
	if (w->ending) {
		warm_finish(w, w->state.outcome);
		return;
	}
	for (struct warm_chain *c = w->chains.first; c != NULL; c = c->next)
		if (c->answer == WARM_AGAIN)
			warm_chains_set(&w->chains, c, WARM_UNASKED);
	w->at = w->chains.first;
	event_active(w->turn, EV_READ, 0);
}

/* The end. */

static void
count(struct warm_state *s, const struct warm *w)
{
	const size_t *n = w->chains.answers;

	s->chains = w->chains.num;
	s->refused = n[WARM_REFUSED];
	s->determined = n[WARM_ALLOWED] + n[WARM_REFUSED];
	memset(s->unknown, 0, sizeof(s->unknown));
	for (const struct warm_chain *c = w->chains.first; c != NULL;
	     c = c->next)
		if (c->answer != WARM_ALLOWED && c->answer != WARM_REFUSED)
			s->unknown[c->why]++;
}

/* Questions that are under way have run out of time. */
static void
stop(struct warm *w)
{
	event_del(w->turn);
	event_del(w->again);
	event_del(w->bound);
	stop_gathering(w);
	for (struct warm_chain *c = w->chains.first; c != NULL; c = c->next) {
		if (c->answer != WARM_ASKING && c->answer != WARM_UNASKED)
			continue;
		if (c->why == REVCHECK_WHY_NONE)
			c->why = REVCHECK_WHY_DEADLINE;
		pending_check_drop(c->wait);
		c->wait = NULL;
		warm_chains_set(&w->chains, c, WARM_AGAIN);
	}
	count(&w->state, w);
	w->state.elapsed_ms = (uint32_t)(clock_mono_ms() - w->begun_mono_ms);
}

static void
warm_finish(struct warm *w, enum warm_outcome outcome)
{
	if (!w->ending) {
		stop(w);
		w->state.outcome = outcome;
		warm_log_end(control_log(w->control), &w->state);
	}
	w->ending = w->over(w->arg) != 0;
	if (w->ending)
		arm(w->again, AGAIN_MS);
	else
		warm_chains_cleanup(&w->chains);
}

static void
on_bound(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	warm_finish(arg, WARM_TIMED_OUT);
}

void
warm_give_up(struct warm *w)
{
	if (w->state.outcome != WARM_RUNNING && !w->ending)
		return;
	stop(w);
	w->ending = false;
	w->state.outcome = WARM_GIVEN_UP;
	warm_chains_cleanup(&w->chains);
	warm_log_end(control_log(w->control), &w->state);
}

/* Life. */

int
warm_new(struct warm **out, struct control *control, warm_over_fn *over,
    void *arg, struct err *err)
{
	struct event_base *base = control_base(control);
	struct warm *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (w == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	pthread_mutex_init(&w->lock, NULL);
	w->control = control;
	w->over = over;
	w->arg = arg;
	w->turn = event_new(base, -1, EV_PERSIST, on_turn, w);
	w->again = evtimer_new(base, on_again, w);
	w->bound = evtimer_new(base, on_bound, w);
	if (w->turn == NULL || w->again == NULL || w->bound == NULL) {
		warm_free(w);
		return err_set(err, E_NOMEM, "out of memory");
	}
	*out = w;
	return 0;
}

void
warm_free(struct warm *w)
{
	if (w == NULL)
		return;
	warm_chains_cleanup(&w->chains);
	stop_gathering(w);
	if (w->turn != NULL)
		event_free(w->turn);
	if (w->again != NULL)
		event_free(w->again);
	if (w->bound != NULL)
		event_free(w->bound);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

unsigned
warm_needed(const struct warm *w, unsigned parts)
{
	struct workers *door = control_door(w->control);
	struct workers_stats stats = {0};

	if (session_watch_num(control_remembered(w->control)) == 0)
		parts &= ~(unsigned)WARM_SESSIONS;
	if (door != NULL)
		workers_get_stats(door, &stats);
	if (stats.n[COUNTER_RELAYING] + stats.n[COUNTER_PAUSED_NOW] == 0)
		parts &= ~(unsigned)WARM_TLS;
	return parts;
}

void
warm_begin(struct warm *w, unsigned parts, uint32_t bound_ms)
{
	struct revcheck_error why = {0};

	if (w->state.outcome == WARM_RUNNING || w->ending)
		stop(w);
	warm_chains_cleanup(&w->chains);
	w->state = (struct warm_state){.outcome = WARM_RUNNING,
	    .parts = parts,
	    .begun_at = time(NULL),
	    .bound_ms = bound_ms,
	    .num = w->state.num + 1};
	w->ending = false;
	w->begun_mono_ms = clock_mono_ms();
	warm_log_begin(control_log(w->control), &w->state);
	if (revcheck_kept_fetch_missing(control_engine(w->control), &why) != 0)
		log_line(control_log(w->control), LOG_LEVEL_WARN,
		    "cannot fetch what is missing: %s", why.msg);
	w->at = NULL;
	gather(w);
	arm(w->bound, bound_ms);
	event_active(w->turn, EV_READ, 0);
}

void
warm_get(const struct warm *w, struct warm_state *out)
{
	*out = w->state;
	if (out->outcome != WARM_RUNNING && !w->ending)
		return;
	/* SOFT_FAIL is enforced for as long as HARD_FAIL cannot be. */
	out->outcome = WARM_RUNNING;
	count(out, w);
	out->elapsed_ms = (uint32_t)(clock_mono_ms() - w->begun_mono_ms);
}

uint32_t
warm_left_ms(const struct warm *w)
{
	uint64_t gone = clock_mono_ms() - w->begun_mono_ms;

	if (w->state.outcome != WARM_RUNNING)
		return 0;
	return gone < w->state.bound_ms ? w->state.bound_ms - (uint32_t)gone
					: 1;
}
