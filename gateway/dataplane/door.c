/*
 * door: starts, feeds and stops the workers. Runs on main's thread, but for
 * what is thread-safe. Holds no connection and touches no socket of a peer.
 */
#include "gateway/dataplane/door.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/async.h>

#include "cache/base/clock.h"
#include "gateway/process/sd_listen.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/front.h"
#include "gateway/dataplane/limits.h"
#include "gateway/dataplane/observer.h"
#include "gateway/tls/staple.h"
#include "gateway/dataplane/worker.h"

#define DOOR_TRIM_BYTES (4 * 1024 * 1024)
#define DOOR_MMAP_BYTES (1024 * 1024)

struct door {
	const struct log *log;
	const struct sd_listen *activation; /* borrowed; may be NULL */
	struct limits *limits;
	struct observer observer;
	struct gatherer gatherer;
	struct front *front; /* the newest, a reference */
	struct worker **workers;
	size_t num_workers; /* made */
	size_t num_started;

	atomic_size_t undrained; /* workers that still have connections */
	bool draining;
	void (*drained)(void *arg);
	void *drained_arg;
};

static const struct {
	const char *name, *help;
} door_counters[] = {
#define DOOR_COUNTER_TEXT(id, name, help) {name, help},
    DOOR_COUNTERS(DOOR_COUNTER_TEXT)
#undef DOOR_COUNTER_TEXT
#define DOOR_COUNTER_TEXT(status, help) \
	{"http_refused_" #status, "requests refused with " #status ": " help},
	DOOR_HTTP_REFUSALS(DOOR_COUNTER_TEXT)
#undef DOOR_COUNTER_TEXT
};

const char *
door_counter_name(enum door_counter c)
{
	return (unsigned)c < DOOR_NUM_COUNTERS ? door_counters[c].name : "?";
}

const char *
door_counter_help(enum door_counter c)
{
	return (unsigned)c < DOOR_NUM_COUNTERS ? door_counters[c].help : "?";
}

int
door_check(struct conf *conf, struct err *err)
{
	struct front *front;
	int rc = front_new(&front, conf, NULL, 0, NULL, err);

	if (rc == 0)
		front_free(front);
	return rc;
}

/* On the worker's thread. */
static void
door_on_drained(struct worker *w)
{
	struct door *d = w->drained_arg;

	if (atomic_fetch_sub(&d->undrained, 1) == 1 && d->drained != NULL)
		d->drained(d->drained_arg);
}

static int
door_make_workers(struct door *d, struct revcheck *rc, struct err *err)
{
	size_t num = d->front->conf->workers;
	int r;

	d->workers = calloc(num, sizeof(struct worker *));
	if (d->workers == NULL)
		return err_set(err, E_NOMEM, "cannot start the door");
	atomic_init(&d->undrained, num);
	for (; d->num_workers < num; d->num_workers++) {
		const struct worker_order order = {
		    .index = (unsigned)d->num_workers,
		    .rc = rc,
		    .log = d->log,
		    .limits = d->limits,
		    .observer = &d->observer,
		    .gatherer = &d->gatherer,
		    .front = d->front,
		    .drained = door_on_drained,
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
door_tell_sockets(const struct door *d)
{
	for (size_t i = 0;
	     sd_listen_num(d->activation) > 0 && i < d->front->ports.num; i++) {
		const struct door_port *p = &d->front->ports.p[i];

		log_line(d->log, LOG_LEVEL_INFO,
		    p->bound->passed
			? "listener '%s' has the socket passed for it (%s)"
			: "listener '%s': no socket was passed for it, bound "
			  "here (%s)",
		    p->name, p->bound->address);
	}
}

int
door_new(struct door **out, struct conf *conf, struct revcheck *rc,
    const struct sd_listen *activation, const struct log *log, struct err *err)
{
	struct door *d;
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
	mallopt(M_TRIM_THRESHOLD, DOOR_TRIM_BYTES);
	mallopt(M_MMAP_THRESHOLD, DOOR_MMAP_BYTES);
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return err_set(err, E_NOMEM, "cannot start the door");
	d->log = log;
	d->activation = activation;
	pthread_mutex_init(&d->observer.lock, NULL);
	pthread_mutex_init(&d->gatherer.lock, NULL);
	r = limits_new(&d->limits, err);
	if (r == 0)
		r = front_new(
		    &d->front, conf, NULL, conf->workers, activation, err);
	if (r == 0)
		door_tell_sockets(d);
	if (r == 0)
		r = door_make_workers(d, rc, err);
	if (r != 0) {
		door_free(d);
		return r;
	}
	*out = d;
	return 0;
}

int
door_apply(struct door *d, struct conf *conf, struct err *err)
{
	struct front *front;
	int rc;

	if (conf->workers != d->num_workers)
		log_line(d->log, LOG_LEVEL_WARN,
		    "workers: %u instead of %zu takes effect after a restart",
		    conf->workers, d->num_workers);
	rc = front_new(
	    &front, conf, d->front, d->num_workers, d->activation, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < d->num_workers; i++)
		mailbox_post_front(
		    &d->workers[i]->mailbox, front_up_ref(front));
	front_free(d->front);
	d->front = front;
	return 0;
}

void
door_recheck(struct door *d)
{
	for (size_t i = 0; i < d->num_workers; i++)
		mailbox_post(&d->workers[i]->mailbox, MAIL_RECHECK);
}

bool
door_answers(struct door *d)
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
door_gather(struct door *d, door_chain_fn *fn, void *arg)
{
	pthread_mutex_lock(&d->gatherer.lock);
	d->gatherer.fn = fn;
	d->gatherer.arg = arg;
	d->gatherer.round++;
	pthread_mutex_unlock(&d->gatherer.lock);
	for (size_t i = 0; i < d->num_workers && fn != NULL; i++)
		mailbox_post(&d->workers[i]->mailbox, MAIL_GATHER);
}

size_t
door_num_workers(const struct door *d)
{
	return d->num_workers;
}

void
door_staple(struct door *d, struct staples *staples)
{
	for (size_t i = 0; i < d->num_workers; i++)
		mailbox_post_staples(
		    &d->workers[i]->mailbox, staples_up_ref(staples));
}

void
door_get_stats(struct door *d, struct door_stats *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < d->num_workers; i++)
		for (unsigned c = 0; c < DOOR_NUM_COUNTERS; c++)
			out->n[c] += counters_get(
			    &d->workers[i]->counters, (enum door_counter)c);
}

size_t
door_get_bound(struct door *d, struct door_bound *out, size_t max)
{
	for (size_t i = 0; i < d->front->ports.num && i < max; i++) {
		const struct door_port *p = &d->front->ports.p[i];

		snprintf(out[i].name, sizeof(out[i].name), "%s", p->name);
		snprintf(out[i].address, sizeof(out[i].address), "%s",
		    p->bound->address);
	}
	return d->front->ports.num;
}

void
door_observe(struct door *d, door_decision_fn *fn, void *arg)
{
	pthread_mutex_lock(&d->observer.lock);
	d->observer.fn = fn;
	d->observer.arg = arg;
	pthread_mutex_unlock(&d->observer.lock);
}

void
door_drain(
    struct door *d, uint32_t deadline_ms, void (*drained)(void *arg), void *arg)
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
door_free(struct door *d)
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
	front_free(d->front);
	limits_free(d->limits);
	pthread_mutex_destroy(&d->observer.lock);
	pthread_mutex_destroy(&d->gatherer.lock);
	free(d);
}
