/*
 * warmup: asks about many chains, some at a time, and again about those whose
 * sources may come back, until all are answered or the time is over.
 */
#include "gateway/control/warmup.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cache/base/clock.h"
#include "gateway/base/services.h"
#include "gateway/dataplane/workers.h"
#include "gateway/sessions/session_watch.h"
#include "gateway/control/warmup_report.h"

#define BATCH      64   /* chains looked at a turn of the loop */
#define ASKING_MAX 256  /* questions at their sources at once */
#define AGAIN_MS   1000 /* back-off begins with a second */

struct warmup {
	const struct services *services;
	const struct session_watch *sessions;
	struct workers *workers; /* may be NULL */
	struct warmup_calls calls;
	struct warmup_state state;
	uint64_t begun_mono_ms;
	struct warmup_chain *incoming; /* to be added to chains */
	struct warmup_chains chains;
	struct warmup_chain *at; /* the next to look at in this pass */
	struct chain_poll poll;
	struct event *gathered; /* all chains have arrived */
	struct event *again;    /* the next pass; or over, once more */
	struct event *bound;
	bool ending; /* over has been called, and could not */
	/* From the workers. */
	pthread_mutex_t lock;
	struct warmup_chain *arrived;
	size_t num_gathering; /* workers that have not shown all */
};

static void warmup_finish(struct warmup *w, enum warmup_outcome outcome);

/* Gathering. */

/* On a worker's thread. */
static void
on_live_chain(
    void *arg, const struct revcheck_certs *certs, struct revcheck_trust *trust)
{
	struct warmup *w = arg;
	struct warmup_chain *c = NULL;

	if (certs != NULL)
		c = warmup_chain_new(
		    certs, trust, REVCHECK_QUERY_PATH_VERIFIED);
	pthread_mutex_lock(&w->lock);
	if (c != NULL) {
		c->next = w->arrived;
		w->arrived = c;
	} else if (certs == NULL && w->num_gathering > 0 &&
	    --w->num_gathering == 0) {
		event_active(w->gathered, EV_READ, 0);
	}
	pthread_mutex_unlock(&w->lock);
}

static void
on_session_chain(
    void *arg, const struct revcheck_certs *certs, struct revcheck_trust *trust)
{
	struct warmup *w = arg;
	struct warmup_chain *c = warmup_chain_new(certs, trust, 0);

	if (c != NULL) {
		c->next = w->incoming;
		w->incoming = c;
	}
}

static bool
still_gathering(struct warmup *w)
{
	bool still;

	pthread_mutex_lock(&w->lock);
	still = w->num_gathering > 0;
	pthread_mutex_unlock(&w->lock);
	return still;
}

/* What the workers have shown by now. */
static void
take_arrived(struct warmup *w)
{
	struct warmup_chain **end = &w->incoming;

	while (*end != NULL)
		end = &(*end)->next;
	pthread_mutex_lock(&w->lock);
	*end = w->arrived;
	w->arrived = NULL;
	pthread_mutex_unlock(&w->lock);
}

static void
stop_gathering(struct warmup *w)
{
	struct warmup_chain *c, *next;

	if (w->workers != NULL)
		workers_gather(w->workers, NULL, NULL);
	take_arrived(w);
	for (c = w->incoming; c != NULL; c = next) {
		next = c->next;
		warmup_chain_free(c);
	}
	w->incoming = NULL;
	w->num_gathering = 0;
}

static void
gather(struct warmup *w)
{
	if (w->state.parts & WARMUP_SESSIONS)
		session_watch_each(w->sessions, on_session_chain, w);
	if (w->workers == NULL || !(w->state.parts & WARMUP_TLS))
		return;
	/* Before anybody can answer. */
	pthread_mutex_lock(&w->lock);
	w->num_gathering = workers_num(w->workers);
	pthread_mutex_unlock(&w->lock);
	workers_gather(w->workers, on_live_chain, w);
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
	case REVCHECK_WHY_OLDER:
	case REVCHECK_WHY_SIGNER_UNKNOWN:
	case REVCHECK_WHY_CANCELLED:
	case REVCHECK_WHY_INTERNAL:
		return true;
	default:
		return false;
	}
}

static void
take_report(
    struct warmup *w, struct warmup_chain *c, const struct revcheck_report *r)
{
	enum revcheck_why why = revcheck_report_why(r);

	if (revcheck_report_allows(r) == 1) {
		warmup_chains_set(&w->chains, c, WARMUP_ALLOWED);
		return;
	}
	c->why = why;
	if (revcheck_report_status(r) == REVCHECK_UNKNOWN) {
		warmup_chains_set(&w->chains, c,
		    may_pass(why) ? WARMUP_AGAIN : WARMUP_UNKNOWN);
		return;
	}
	/* Revoked in SOFT_FAIL, too: whoever is live is cut off at once. */
	warmup_chains_set(&w->chains, c, WARMUP_REFUSED);
	w->calls.refused(w->calls.arg);
}

static void
on_answer(void *asker, struct revcheck_report *report)
{
	struct warmup_chain *c = asker;
	struct warmup *w = c->asker;

	take_report(w, c, report);
}

/*
 * As HARD_FAIL would ask, so that nothing is counted as let in, and that a
 * rule for one CA is heeded.
 */
static void
ask(struct warmup *w, struct warmup_chain *c)
{
	struct revcheck_report *report = NULL;
	struct revcheck_error err = {0};
	struct revcheck_query q = {.size = sizeof(q),
	    .chain = c->certs,
	    .trust = c->trust,
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .flags = c->flags,
	    .deadline_ms = warmup_left_ms(w)};
	int rc;

	c->asker = w;
	rc =
	    chain_poll_ask(&w->poll, &c->item, &report, &q, on_answer, c, &err);
	if (rc == REVCHECK_PENDING) {
		warmup_chains_set(&w->chains, c, WARMUP_ASKING);
	} else if (rc == REVCHECK_DONE) {
		take_report(w, c, report);
		revcheck_report_free(report);
	} else {
		/* Too many questions at once, most likely. */
		c->why = REVCHECK_WHY_INTERNAL;
		warmup_chains_set(&w->chains, c, WARMUP_AGAIN);
	}
}

static void
arm(struct event *ev, uint32_t ms)
{
	const struct timeval tv = clock_timeval(ms);

	event_add(ev, &tv);
}

/* First takes in what is new, each chain once, then asks about all of them. */
static bool
ask_next(void *arg)
{
	struct warmup *w = arg;
	struct warmup_chain *c = w->incoming;

	if (c != NULL) {
		w->incoming = c->next;
		warmup_chains_add(&w->chains, c);
		/* The list grows at its head. */
		w->at = w->chains.first;
		return true;
	}
	if (w->at == NULL)
		return false;
	c = w->at;
	w->at = c->next;
	if (c->answer == WARMUP_UNASKED)
		ask(w, c);
	return true;
}

static void
on_idle(void *arg)
{
	struct warmup *w = arg;

	if (w->state.outcome != WARMUP_RUNNING)
		return;
	if (w->chains.answers[WARMUP_AGAIN] == 0)
		warmup_finish(w, WARMUP_COMPLETE);
	else
		arm(w->again, AGAIN_MS);
}

static void
on_gathered(evutil_socket_t fd, short what, void *arg)
{
	struct warmup *w = arg;

	(void)fd, (void)what;
	if (w->state.outcome != WARMUP_RUNNING || still_gathering(w))
		return;
	take_arrived(w);
	chain_poll_start(&w->poll);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct warmup *w = arg;

	(void)fd, (void)what;
	if (w->ending) {
		warmup_finish(w, w->state.outcome);
		return;
	}
	for (struct warmup_chain *c = w->chains.first; c != NULL; c = c->next)
		if (c->answer == WARMUP_AGAIN)
			warmup_chains_set(&w->chains, c, WARMUP_UNASKED);
	w->at = w->chains.first;
	chain_poll_start(&w->poll);
}

/* The end. */

static void
count(struct warmup_state *s, const struct warmup *w)
{
	const size_t *n = w->chains.answers;

	s->chains = w->chains.num;
	s->refused = n[WARMUP_REFUSED];
	s->determined = n[WARMUP_ALLOWED] + n[WARMUP_REFUSED];
	memset(s->unknown, 0, sizeof(s->unknown));
	for (const struct warmup_chain *c = w->chains.first; c != NULL;
	     c = c->next)
		if (c->answer != WARMUP_ALLOWED && c->answer != WARMUP_REFUSED)
			s->unknown[c->why]++;
}

/* Questions that are under way have run out of time. */
static void
stop(struct warmup *w)
{
	event_del(w->gathered);
	event_del(w->again);
	event_del(w->bound);
	stop_gathering(w);
	for (struct warmup_chain *c = w->chains.first; c != NULL; c = c->next) {
		if (c->answer != WARMUP_ASKING && c->answer != WARMUP_UNASKED)
			continue;
		if (c->why == REVCHECK_WHY_NONE)
			c->why = REVCHECK_WHY_DEADLINE;
		chain_poll_drop(&c->item);
		warmup_chains_set(&w->chains, c, WARMUP_AGAIN);
	}
	chain_poll_stop(&w->poll);
	count(&w->state, w);
	w->state.elapsed_ms = (uint32_t)(clock_mono_ms() - w->begun_mono_ms);
}

static void
warmup_finish(struct warmup *w, enum warmup_outcome outcome)
{
	if (!w->ending) {
		stop(w);
		w->state.outcome = outcome;
		warmup_report_end(w->services->log, &w->state);
	}
	w->ending = w->calls.over(w->calls.arg) != 0;
	if (w->ending)
		arm(w->again, AGAIN_MS);
	else
		warmup_chains_cleanup(&w->chains);
}

static void
on_bound(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	warmup_finish(arg, WARMUP_TIMED_OUT);
}

void
warmup_give_up(struct warmup *w)
{
	if (w->state.outcome != WARMUP_RUNNING && !w->ending)
		return;
	stop(w);
	w->ending = false;
	w->state.outcome = WARMUP_GIVEN_UP;
	warmup_chains_cleanup(&w->chains);
	warmup_report_end(w->services->log, &w->state);
}

/* Life. */

int
warmup_new(struct warmup **out, const struct services *services,
    const struct session_watch *sessions, const struct warmup_calls *calls,
    struct err *err)
{
	static const struct chain_poll_calls calls_of_poll = {
	    .next = ask_next, .idle = on_idle};
	const struct chain_poll_bounds bounds = {BATCH, ASKING_MAX};
	struct event_base *base = services->base;
	struct warmup *w = calloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	if (w == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	pthread_mutex_init(&w->lock, NULL);
	w->services = services;
	w->sessions = sessions;
	w->calls = *calls;
	w->gathered = event_new(base, -1, EV_PERSIST, on_gathered, w);
	w->again = evtimer_new(base, on_again, w);
	w->bound = evtimer_new(base, on_bound, w);
	rc = chain_poll_init(
	    &w->poll, &calls_of_poll, w, bounds, services->engine, base, err);
	if (rc == 0 &&
	    (w->gathered == NULL || w->again == NULL || w->bound == NULL))
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc != 0)
		warmup_free(w);
	else
		*out = w;
	return rc;
}

void
warmup_free(struct warmup *w)
{
	if (w == NULL)
		return;
	warmup_chains_cleanup(&w->chains);
	stop_gathering(w);
	chain_poll_cleanup(&w->poll);
	if (w->gathered != NULL)
		event_free(w->gathered);
	if (w->again != NULL)
		event_free(w->again);
	if (w->bound != NULL)
		event_free(w->bound);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void
warmup_set_workers(struct warmup *w, struct workers *workers)
{
	w->workers = workers;
}

unsigned
warmup_live(const struct warmup *w)
{
	struct workers_stats stats = {0};
	unsigned parts = 0;

	if (session_watch_num(w->sessions) > 0)
		parts |= WARMUP_SESSIONS;
	if (w->workers != NULL)
		workers_get_stats(w->workers, &stats);
	if (stats.n[COUNTER_RELAYING] + stats.n[COUNTER_PAUSED_NOW] > 0)
		parts |= WARMUP_TLS;
	return parts;
}

void
warmup_begin(struct warmup *w, unsigned parts, uint32_t bound_ms)
{
	struct revcheck_error why = {0};

	if (w->state.outcome == WARMUP_RUNNING || w->ending)
		stop(w);
	warmup_chains_cleanup(&w->chains);
	w->state = (struct warmup_state){.outcome = WARMUP_RUNNING,
	    .parts = parts,
	    .begun_at = wall_clock_now(w->services->clock),
	    .bound_ms = bound_ms,
	    .num = w->state.num + 1};
	w->ending = false;
	w->begun_mono_ms = clock_mono_ms();
	warmup_report_begin(w->services->log, &w->state);
	if (revcheck_archive_fetch_missing(w->services->engine, &why) != 0)
		log_line(w->services->log, LOG_LEVEL_WARN,
		    "cannot fetch what is missing: %s", why.msg);
	w->at = NULL;
	gather(w);
	arm(w->bound, bound_ms);
	event_active(w->gathered, EV_READ, 0);
}

void
warmup_get(const struct warmup *w, struct warmup_state *out)
{
	*out = w->state;
	if (out->outcome != WARMUP_RUNNING && !w->ending)
		return;
	/* SOFT_FAIL is enforced for as long as HARD_FAIL cannot be. */
	out->outcome = WARMUP_RUNNING;
	count(out, w);
	out->elapsed_ms = (uint32_t)(clock_mono_ms() - w->begun_mono_ms);
}

uint32_t
warmup_left_ms(const struct warmup *w)
{
	uint64_t gone = clock_mono_ms() - w->begun_mono_ms;

	if (w->state.outcome != WARMUP_RUNNING)
		return 0;
	return gone < w->state.bound_ms ? w->state.bound_ms - (uint32_t)gone
					: 1;
}
