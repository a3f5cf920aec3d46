/*
 * workers: starts, feeds and stops the workers. Runs on main's thread, but for
 * what is thread-safe. Holds no connection and touches no socket of a peer.
 */
#include "gateway/dataplane/workers.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/async.h>

#include "cache/base/clock.h"
#include "gateway/process/sd_listen.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/half_open.h"
#include "gateway/dataplane/limits.h"
#include "gateway/tls/staple.h"
#include "gateway/dataplane/worker.h"
#include "gateway/dataplane/worker_setup.h"

#define WORKERS_TRIM_BYTES (4 * 1024 * 1024)
#define WORKERS_MMAP_BYTES (1024 * 1024)

struct workers {
	const struct log *log, *strangers;
	const struct sd_listen *activation; /* borrowed; may be NULL */
	struct limits *limits;
	struct half_open *half_open;
	struct decision_ring *decisions;
	struct gatherer gatherer;
	atomic_llong node_silent_since;
	struct runtime *runtime;  /* the newest, a reference */
	struct counters counters; /* of what main's thread does */
	struct worker **workers;
	size_t num_workers; /* made */
	size_t num_started;

	atomic_size_t undrained; /* workers that still have connections */
	bool draining;
	void (*drained)(void *arg);
	void *drained_arg;
};

int
workers_check(struct conf *conf, struct err *err)
{
	struct runtime *runtime;
	int rc = runtime_new(&runtime, conf, NULL, 0, NULL, err);

	if (rc == 0)
		runtime_free(runtime);
	return rc;
}

/* What the runtime shares with none before. */
static void
workers_count_made(struct workers *d)
{
	counters_add(
	    &d->counters, COUNTER_CONTEXTS_MADE, d->runtime->num_contexts_made);
	counters_add(
	    &d->counters, COUNTER_PATHS_MADE, d->runtime->num_memories_made);
}

/* On the worker's thread. */
static void
workers_on_drained(struct worker *w)
{
	struct workers *d = w->drained_arg;

	if (atomic_fetch_sub(&d->undrained, 1) == 1 && d->drained != NULL)
		d->drained(d->drained_arg);
}

static int
workers_make(struct workers *d, struct revcheck *rc, struct err *err)
{
	size_t num = d->runtime->conf->workers;
	int r;

	d->workers = calloc(num, sizeof(struct worker *));
	if (d->workers == NULL)
		return err_set(err, E_NOMEM, "cannot start the workers");
	atomic_init(&d->undrained, num);
	for (; d->num_workers < num; d->num_workers++) {
		const struct worker_order order = {
		    .index = (unsigned)d->num_workers,
		    .rc = rc,
		    .log = d->log,
		    .strangers = d->strangers,
		    .limits = d->limits,
		    .half_open = d->half_open,
		    .decisions = d->decisions,
		    .gatherer = &d->gatherer,
		    .node_silent_since = &d->node_silent_since,
		    .runtime = d->runtime,
		    .drained = workers_on_drained,
		    .drained_arg = d,
		};

		r = worker_new(&d->workers[d->num_workers], &order, err);
		if (r != 0)
			return r;
	}
	for (; d->num_started < num; d->num_started++) {
		r = worker_start(d->workers[d->num_started], err);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Some are passed and some are not: this may not be what was meant. */
static void
workers_tell_sockets(const struct workers *d)
{
	for (size_t i = 0;
	     sd_listen_num(d->activation) > 0 && i < d->runtime->ports.num;
	     i++) {
		const struct listen_port *p = &d->runtime->ports.p[i];

		log_line(d->log, LOG_LEVEL_INFO,
		    p->bound->passed
			? "listener '%s' has the socket passed for it (%s)"
			: "listener '%s': no socket was passed for it, bound "
			  "here (%s)",
		    p->name, p->bound->address);
	}
}

int
workers_new(struct workers **out, struct conf *conf, struct revcheck *rc,
    struct decision_ring *decisions, const struct sd_listen *activation,
    const struct log *log, const struct log *strangers, struct err *err)
{
	struct workers *d;
	int r;

	*out = NULL;
	if (conf->workers == 0)
		return err_set(err, E_ARG, "workers: at least 1 was expected");
	if (!ASYNC_is_capable())
		return err_set(err, E_INTERNAL,
		    "this OpenSSL cannot suspend a handshake (no async jobs)");
	/*
	 * Buffers of 64 KiB come and go with each read: the heap must not
	 * give their pages back and fault them in again.
	 */
	mallopt(M_TRIM_THRESHOLD, WORKERS_TRIM_BYTES);
	mallopt(M_MMAP_THRESHOLD, WORKERS_MMAP_BYTES);
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return err_set(err, E_NOMEM, "cannot start the workers");
	d->log = log;
	d->strangers = strangers;
	d->decisions = decisions;
	d->activation = activation;
	pthread_mutex_init(&d->gatherer.lock, NULL);
	r = limits_new(&d->limits, err);
	if (r == 0)
		r = half_open_new(&d->half_open, err);
	if (r == 0)
		r = runtime_new(
		    &d->runtime, conf, NULL, conf->workers, activation, err);
	if (r == 0) {
		workers_count_made(d);
		workers_tell_sockets(d);
	}
	if (r == 0)
		r = workers_make(d, rc, err);
	if (r != 0) {
		workers_free(d);
		return r;
	}
	*out = d;
	return 0;
}

/* All that may fail, for all of them. */
static int
workers_make_setups(struct workers *d, struct runtime *runtime,
    struct worker_setup ***out, struct err *err)
{
	struct worker_setup **setups =
	    calloc(d->num_workers, sizeof(struct worker_setup *));
	int rc;

	*out = NULL;
	if (setups == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < d->num_workers; i++) {
		rc = worker_setup_new(&setups[i], d->workers[i], runtime, err);
		if (rc == 0)
			continue;
		while (i-- > 0)
			worker_setup_free(setups[i]);
		free(setups);
		return rc;
	}
	*out = setups;
	return 0;
}

int
workers_apply(struct workers *d, struct conf *conf, struct err *err)
{
	struct worker_setup **setups;
	struct runtime *runtime;
	int rc;

	rc = runtime_new(
	    &runtime, conf, d->runtime, d->num_workers, d->activation, err);
	if (rc != 0)
		return rc;
	rc = workers_make_setups(d, runtime, &setups, err);
	if (rc != 0) {
		runtime_free(runtime);
		return rc;
	}
	for (size_t i = 0; i < d->num_workers; i++)
		mailbox_post_setup(&d->workers[i]->mailbox, setups[i]);
	free(setups);
	runtime_free(d->runtime);
	d->runtime = runtime;
	workers_count_made(d);
	return 0;
}

void
workers_recheck(struct workers *d)
{
	for (size_t i = 0; i < d->num_workers; i++)
		mailbox_post(&d->workers[i]->mailbox, MAIL_RECHECK);
}

void
workers_told(struct workers *d, const unsigned char *source, uint64_t change)
{
	for (size_t i = 0; i < d->num_workers; i++)
		mailbox_post_source(&d->workers[i]->mailbox, source, change);
}

bool
workers_answers(struct workers *d)
{
	bool all = true;

	for (size_t i = 0; i < d->num_workers; i++) {
		if (!atomic_exchange(&d->workers[i]->answered, false))
			all = false;
		mailbox_post(&d->workers[i]->mailbox, MAIL_PING);
	}
	return all;
}

void
workers_gather(struct workers *d, workers_chain_fn *fn, void *arg)
{
	pthread_mutex_lock(&d->gatherer.lock);
	d->gatherer.fn = fn;
	d->gatherer.arg = arg;
	d->gatherer.round++;
	pthread_mutex_unlock(&d->gatherer.lock);
	for (size_t i = 0; i < d->num_workers && fn != NULL; i++)
		mailbox_post(&d->workers[i]->mailbox, MAIL_GATHER);
}

int
workers_ask(struct workers *d, struct event_base *base,
    const struct conn_question *question, conn_query_fn *done, void *arg,
    struct conn_query **out, struct err *err)
{
	struct conn_query *q;
	int rc =
	    conn_query_new(&q, base, question, d->num_workers, done, arg, err);

	*out = q;
	for (size_t i = 0; rc == 0 && i < d->num_workers; i++)
		mailbox_post_query(
		    &d->workers[i]->mailbox, conn_query_part(q, i));
	return rc;
}

size_t
workers_num(const struct workers *d)
{
	return d->num_workers;
}

void
workers_staple(struct workers *d, struct staples *staples)
{
	for (size_t i = 0; i < d->num_workers; i++)
		mailbox_post_staples(
		    &d->workers[i]->mailbox, staples_up_ref(staples));
}

void
workers_get_stats(struct workers *d, struct workers_stats *out)
{
	*out = (struct workers_stats){0};
	for (unsigned c = 0; c < NUM_COUNTERS; c++)
		out->n[c] = counters_get(&d->counters, (enum counter)c);
	for (size_t i = 0; i < d->num_workers; i++) {
		const struct worker *w = d->workers[i];

		for (unsigned c = 0; c < NUM_COUNTERS; c++)
			out->n[c] +=
			    counters_get(&w->counters, (enum counter)c);
		histogram_read(
		    &out->inbound_handshakes, &w->inbound_handshakes);
		histogram_read(
		    &out->outbound_handshakes, &w->outbound_handshakes);
	}
	out->node_silent_since = (time_t)atomic_load(&d->node_silent_since);
}

size_t
workers_get_bound(struct workers *d, struct listen_bound *out, size_t max)
{
	for (size_t i = 0; i < d->runtime->ports.num && i < max; i++) {
		const struct listen_port *p = &d->runtime->ports.p[i];

		snprintf(out[i].name, sizeof(out[i].name), "%s", p->name);
		snprintf(out[i].address, sizeof(out[i].address), "%s",
		    p->bound->address);
	}
	return d->runtime->ports.num;
}

void
workers_drain(struct workers *d, uint32_t deadline_ms,
    void (*drained)(void *arg), void *arg)
{
	uint64_t at = clock_mono_ms() + deadline_ms;

	if (!d->draining) {
		d->draining = true;
		d->drained = drained;
		d->drained_arg = arg;
	}
	for (size_t i = 0; i < d->num_workers; i++)
		mailbox_post_drain(&d->workers[i]->mailbox, at);
}

void
workers_free(struct workers *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->num_started; i++)
		mailbox_post(&d->workers[i]->mailbox, MAIL_STOP);
	for (size_t i = 0; i < d->num_started; i++)
		worker_join(d->workers[i]);
	for (size_t i = 0; i < d->num_workers; i++)
		worker_free(d->workers[i]);
	free(d->workers);
	runtime_free(d->runtime);
	half_open_free(d->half_open);
	limits_free(d->limits);
	pthread_mutex_destroy(&d->gatherer.lock);
	free(d);
}
