/*
 * worker: the loop of one thread. Owns its event base, its listeners and its
 * list of connections; takes its orders from the mailbox. Never blocks.
 */
#include "gateway/dataplane/worker.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <openssl/async.h>
#include <openssl/crypto.h>

#include "cache/base/clock.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/conn_list.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/listener.h"
#include "gateway/dataplane/recheck.h"
#include "gateway/tls/staple.h"

/*
 * Jobs a thread may have, each a 32 KiB stack while it is paused. The
 * configuration's max_paused is the limit in force; this one bounds it.
 */
#define WORKER_JOBS_MAX 65536

/* Listeners. */

static void
worker_free_listeners(struct listener **listeners, size_t num)
{
	for (size_t i = 0; i < num; i++)
		listener_free(listeners[i]);
	free(listeners);
}

/* The new ones first: an address that stays is never without a listener. */
static int
worker_listen(struct worker *w, struct runtime *runtime, struct err *err)
{
	struct listener **mine;
	int rc;

	mine = calloc(runtime->ports.num + 1, sizeof(*mine));
	if (mine == NULL)
		return err_set(err, E_NOMEM, "cannot listen");
	for (size_t i = 0; i < runtime->ports.num; i++) {
		rc = listener_new(&mine[i], w, &runtime->ports.p[i], err);
		if (rc != 0) {
			worker_free_listeners(mine, i);
			return rc;
		}
	}
	worker_free_listeners(w->listeners, w->num_listeners);
	w->listeners = mine;
	w->num_listeners = runtime->ports.num;
	return 0;
}

/* Orders. */

/* Takes the reference. */
static void
worker_adopt_runtime(struct worker *w, struct runtime *runtime)
{
	struct node_health health = {0};
	struct err err = {0};

	if (w->draining || w->stopping) {
		runtime_free(runtime);
		return;
	}
	if (node_health_init(&health, runtime->conf->node.num_addresses) != 0 ||
	    worker_listen(w, runtime, &err) != 0) {
		/* Out of memory; workers_apply can no longer be told. */
		log_line(w->log, LOG_LEVEL_ERROR,
		    "worker %u keeps its old configuration: %s", w->index,
		    err.msg[0] != '\0' ? err.msg : "out of memory");
		node_health_cleanup(&health);
		runtime_free(runtime);
		return;
	}
	node_health_cleanup(&w->health);
	w->health = health;
	runtime_free(w->runtime);
	w->runtime = runtime;
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
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	for (size_t i = 0; i < w->num_listeners; i++)
		listener_shut(w->listeners[i]);
	worker_free_listeners(w->listeners, w->num_listeners);
	w->listeners = NULL;
	w->num_listeners = 0;
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
	worker_free_listeners(w->listeners, w->num_listeners);
	w->listeners = NULL;
	w->num_listeners = 0;
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
		staples_free(w->staples);
		w->staples = batch.staples;
	}
	if (batch.bits & MAIL_RUNTIME)
		worker_adopt_runtime(w, batch.runtime);
	if (batch.bits & MAIL_PING)
		atomic_store(&w->answered, true);
	if (batch.bits & MAIL_RECHECK)
		recheck_begin(w);
	if (batch.bits & MAIL_GATHER)
		worker_gather(w);
	if (batch.bits & MAIL_DRAIN)
		worker_drain(w, batch.drain_at_mono_ms);
	if (batch.bits & MAIL_STOP)
		worker_stop(w);
}

static void
worker_on_recheck(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	recheck_continue(arg);
}

/* The thread. */

static void *
worker_main(void *arg)
{
	struct worker *w = arg;

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
	w->rc = order->rc;
	w->log = order->log;
	w->limits = order->limits;
	w->decisions = order->decisions;
	w->gatherer = order->gatherer;
	w->drained = order->drained;
	w->drained_arg = order->drained_arg;
	w->runtime = runtime_up_ref(order->runtime);
	atomic_init(&w->answered, true);
	rc = mailbox_init(&w->mailbox, err);
	if (rc != 0) {
		runtime_free(w->runtime);
		free(w);
		return rc;
	}
	w->base = event_base_new();
	if (w->base == NULL)
		goto nomem;
	w->ev_mail = event_new(
	    w->base, w->mailbox.fd, EV_READ | EV_PERSIST, worker_on_mail, w);
	w->ev_recheck = evtimer_new(w->base, worker_on_recheck, w);
	w->ev_drain = evtimer_new(w->base, worker_on_drain_over, w);
	if (w->ev_mail == NULL || w->ev_recheck == NULL ||
	    w->ev_drain == NULL || event_add(w->ev_mail, NULL) != 0 ||
	    node_health_init(
		&w->health, w->runtime->conf->node.num_addresses) != 0)
		goto nomem;
	rc = worker_listen(w, w->runtime, err);
	if (rc != 0) {
		worker_free(w);
		return rc;
	}
	*out = w;
	return 0;
nomem:
	worker_free(w);
	return err_set(err, E_NOMEM, "cannot start a worker");
}

int
worker_start(struct worker *w, struct err *err)
{
	sigset_t all, old;
	int rc;

	/* Signals are main's. SIGPIPE, too: writes say EPIPE. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
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
	worker_free_listeners(w->listeners, w->num_listeners);
	if (w->dns != NULL)
		evdns_base_free(w->dns, 0);
	if (w->ev_mail != NULL)
		event_free(w->ev_mail);
	if (w->ev_recheck != NULL)
		event_free(w->ev_recheck);
	if (w->ev_drain != NULL)
		event_free(w->ev_drain);
	if (w->base != NULL)
		event_base_free(w->base);
	mailbox_cleanup(&w->mailbox);
	node_health_cleanup(&w->health);
	runtime_free(w->runtime);
	staples_free(w->staples);
	free(w);
}
