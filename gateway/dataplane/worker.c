/*
 * worker: the loop of one thread. Owns its event base, its listeners and its
 * list of connections; takes its orders from the mailbox. Never blocks.
 */
#include "gateway/dataplane/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/syscall.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <openssl/async.h>
#include <openssl/crypto.h>

#include "cache/base/clock.h"
#include "cache/base/thread.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/conn_answer.h"
#include "gateway/dataplane/conn_list.h"
#include "gateway/dataplane/recheck.h"
#include "gateway/dataplane/worker_setup.h"
#include "gateway/tls/staple.h"

/*
 * Jobs a thread may have, each a 32 KiB stack while it is paused. The
 * configuration's max_paused is the limit in force; this one bounds it.
 */
#define WORKER_JOBS_MAX 65536

/* Orders. */

/* The new listeners first: an address that stays is never without one. */
static void
worker_adopt(struct worker *w, struct worker_setup *setup)
{
	struct worker_setup *old = w->setup;

	if (w->draining || w->stopping) {
		worker_setup_free(setup);
		return;
	}
	worker_setup_listen(setup);
	w->setup = setup;
	w->runtime = setup->runtime;
	worker_setup_free(old);
	recheck_begin(w);
}

static void
worker_close_conns(struct worker *w)
{
	while (w->conns != NULL)
		conn_close(w->conns);
}

static void
worker_on_drain_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	worker_close_conns(arg);
}

static void
worker_drain(struct worker *w, uint64_t at_mono_ms)
{
	uint64_t now = clock_mono_ms();
	uint64_t ms = at_mono_ms > now ? at_mono_ms - now : 0;
	struct timeval tv = clock_timeval(ms);

	worker_setup_end_listen(w->setup);
	w->draining = true;
	event_add(w->ev_drain, &tv);
	for (struct conn *c = w->conns, *next; c != NULL; c = next) {
		next = c->next;
		conn_drain(c);
	}
	conn_list_check_drained(w);
}

static void
worker_stop(struct worker *w)
{
	w->stopping = true;
	worker_setup_end_listen(w->setup);
	worker_close_conns(w);
	event_base_loopbreak(w->base);
}

static void
worker_gather(struct worker *w)
{
	struct gatherer *g = w->gatherer;

	pthread_mutex_lock(&g->lock);
	if (g->fn != NULL && w->gather_round != g->round) {
		w->gather_round = g->round;
		for (struct conn *c = w->conns; c != NULL; c = c->next)
			if (c->certs != NULL && !c->doomed)
				g->fn(g->arg, c->certs, c->trust);
		g->fn(g->arg, NULL, NULL);
	}
	pthread_mutex_unlock(&g->lock);
}

static void
worker_on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct mail_batch batch = mailbox_take(&w->mailbox);

	(void)fd;
	(void)what;
	if (batch.bits & MAIL_STAPLES) {
		staples_free(w->env.staples);
		w->env.staples = batch.staples;
	}
	if (batch.bits & MAIL_SETUP)
		worker_adopt(w, batch.setup);
	if (batch.bits & MAIL_PING)
		atomic_store(&w->answered, true);
	if ((batch.bits & MAIL_SOURCES &&
		source_box_take(&w->mailbox.sources, w->sources)) ||
	    batch.bits & MAIL_RECHECK)
		recheck_begin(w);
	if (batch.bits & MAIL_GATHER)
		worker_gather(w);
	if (batch.bits & MAIL_QUERY)
		conn_answer(w, batch.queries);
	if (batch.bits & MAIL_DRAIN)
		worker_drain(w, batch.drain_at_mono_ms);
	if (batch.bits & MAIL_STOP)
		worker_stop(w);
}

/* The thread. */

/*
 * A thread that wakes runs at once where its slice is shorter than that of the
 * one at work (sched_setattr(2), Linux 6.12), and gets no larger share for it.
 * What else this process does, and others do, may then take its milliseconds
 * while nobody shakes hands. Older kernels keep their ways.
 */
#define SLICE_NS 300000

static void
worker_wake_promptly(void)
{
	struct { /* sched_attr, in its first version */
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr;

	/* What an operator chose stays. */
	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) != 0 ||
	    attr.policy != SCHED_OTHER)
		return;
	attr.runtime = SLICE_NS;
	(void)syscall(SYS_sched_setattr, 0, &attr, 0);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;

	worker_wake_promptly();
	if (ASYNC_init_thread(WORKER_JOBS_MAX, 0) != 1)
		log_line(w->log, LOG_LEVEL_ERROR,
		    "worker %u cannot suspend handshakes: out of memory",
		    w->index);
	event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY);
	assert(w->conns == NULL);
	ASYNC_cleanup_thread();
	OPENSSL_thread_stop();
	return NULL;
}

static bool
worker_pause(void *limits, const struct conf_limits *conf)
{
	return limits_pause(limits, conf);
}

static void
worker_resume(void *limits)
{
	limits_resume(limits);
}

static int
worker_make_events(struct worker *w, struct err *err)
{
	w->base = event_base_new();
	if (w->base == NULL)
		return err_set(err, E_NOMEM, "cannot start a worker");
	w->env.base = w->base;
	w->ev_mail = event_new(
	    w->base, w->mailbox.fd, EV_READ | EV_PERSIST, worker_on_mail, w);
	w->ev_drain = evtimer_new(w->base, worker_on_drain_over, w);
	if (w->ev_mail == NULL || w->ev_drain == NULL ||
	    event_add(w->ev_mail, NULL) != 0)
		return err_set(err, E_NOMEM, "cannot start a worker");
	if (slack_init(&w->slack, w->base, w->env.rc, err) != 0)
		return E_NOMEM;
	return recheck_init(w, err);
}

int
worker_new(
    struct worker **out, const struct worker_order *order, struct err *err)
{
	struct worker *w = calloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	if (w == NULL)
		return err_set(err, E_NOMEM, "cannot start a worker");
	w->index = order->index;
	w->env = (struct handshake_env){.rc = order->rc,
	    .counters = &w->counters,
	    .pause = worker_pause,
	    .resume = worker_resume,
	    .limits = order->limits};
	w->log = order->log;
	w->strangers = order->strangers;
	w->limits = order->limits;
	w->half_open = order->half_open;
	w->decisions = order->decisions;
	w->gatherer = order->gatherer;
	w->node_silent_since = order->node_silent_since;
	w->drained = order->drained;
	w->drained_arg = order->drained_arg;
	atomic_init(&w->answered, true);
	rc = mailbox_init(&w->mailbox, err);
	if (rc != 0) {
		free(w);
		return rc;
	}
	rc = worker_make_events(w, err);
	if (rc == 0)
		rc = worker_setup_new(&w->setup, w, order->runtime, err);
	if (rc != 0) {
		worker_free(w);
		return rc;
	}
	w->runtime = w->setup->runtime;
	worker_setup_listen(w->setup);
	*out = w;
	return 0;
}

int
worker_start(struct worker *w, struct err *err)
{
	int rc;

	/* SIGPIPE is blocked, too: writes say EPIPE. */
	rc = thread_start(&w->thread, worker_main, w);
	if (rc != 0)
		return err_set(
		    err, E_IO, "cannot start a worker: %s", strerror(rc));
	return 0;
}

void
worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	assert(w->conns == NULL);
	worker_setup_free(w->setup);
	if (w->dns != NULL)
		evdns_base_free(w->dns, 0);
	if (w->ev_mail != NULL)
		event_free(w->ev_mail);
	recheck_cleanup(w);
	slack_cleanup(&w->slack);
	if (w->ev_drain != NULL)
		event_free(w->ev_drain);
	if (w->base != NULL)
		event_base_free(w->base);
	mailbox_cleanup(&w->mailbox);
	staples_free(w->env.staples);
	free(w);
}
