/*
 * worker: one thread, one event loop, its listeners and its connections from
 * accept to close. Everything in here belongs to that thread, but for the
 * mailbox, its answer and the counters.
 *
 * What a handshake writes that other workers' write, too: the counts of limits
 * and the lock of an address's shard; the lock of half_open and that of the
 * decision ring; the locks of a shard of path_cache and of one of the engine's
 * cert_sources; counts of references to the runtime, to cert_sources, to
 * evidence and to the certificates above a leaf. And in OpenSSL 3.0 the counts
 * of references to its methods, 200, and the read locks of its library
 * contexts, which are taken 660 times (tests/bench/tls_workers.c).
 */
#ifndef GATEWAY_DATAPLANE_WORKER_H
#define GATEWAY_DATAPLANE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/base/chain_poll.h"
#include "gateway/observe/counters.h"
#include "gateway/dataplane/half_open.h"
#include "gateway/dataplane/mailbox.h"
#include "gateway/dataplane/dial.h"
#include "gateway/dataplane/relay.h"
#include "gateway/dataplane/slack.h"
#include "gateway/dataplane/workers.h"
#include "gateway/tls/handshake.h"

struct conn;
struct decision_ring;
struct evdns_base;
struct event;
struct event_base;
struct runtime;
struct limits;
struct source_index;
struct revcheck;
struct worker_setup;

/*
 * Who collects the chains of live connections (see workers_gather). Shared by
 * the workers; replaced at any time.
 */
struct gatherer {
	pthread_mutex_t lock;
	workers_chain_fn *fn;
	void *arg;
	uint64_t round; /* each worker answers once a round */
};

struct worker {
	unsigned index;
	pthread_t thread;
	struct event_base *base;
	struct evdns_base *dns; /* made when a name is first dialled */
	struct event *ev_mail;
	struct event *ev_drain; /* its deadline */
	struct mailbox mailbox;
	atomic_bool answered; /* MAIL_PING; the asker clears it */
	struct counters counters;
	struct histogram inbound_handshakes, outbound_handshakes;

	struct handshake_env env;    /* for its handshakes */
	const struct log *log;       /* borrowed, like the next five */
	const struct log *strangers; /* of who is not let in */
	struct limits *limits;
	struct half_open *half_open;
	struct decision_ring *decisions;
	struct gatherer *gatherer;
	atomic_llong *node_silent_since; /* of all workers; see worker_node */

	struct worker_setup *setup;
	struct runtime *runtime; /* the setup's */

	struct conn *conns; /* newest first */
	struct slack slack;
	uint64_t recheck_round; /* rounds begun: everybody is asked */
	struct source_index *sources;
	struct chain_poll recheck;
	uint64_t gather_round; /* the last one that was answered */

	bool draining;
	bool stopping;
	void (*drained)(struct worker *w); /* draining, and no one is left */
	void *drained_arg;

	uint64_t next_conn;
	struct relay_pad pad;
};

struct worker_order {
	unsigned index;
	struct revcheck *rc;
	const struct log *log;
	const struct log *strangers;
	struct limits *limits;
	struct half_open *half_open;
	struct decision_ring *decisions;
	struct gatherer *gatherer;
	atomic_llong *node_silent_since;
	struct runtime *runtime; /* references are taken */
	void (*drained)(struct worker *w);
	void *drained_arg;
};

/* worker_new sets up and starts accepting; worker_start starts the thread. */
int worker_new(struct worker **out, const struct worker_order *order,
    struct err *err) MUST_USE;
int worker_start(struct worker *w, struct err *err) MUST_USE;

/* After MAIL_STOP, if it was started. */
void worker_join(struct worker *w);
void worker_free(struct worker *w);

/* No node, or one of them, took a connection: since when is for who asks. */
static inline void
worker_node(struct worker *w, bool reached)
{
	long long never = 0;

	if (!reached)
		atomic_compare_exchange_strong(
		    w->node_silent_since, &never, (long long)time(NULL));
	else if (atomic_load_explicit(
		     w->node_silent_since, memory_order_relaxed) != 0)
		atomic_store(w->node_silent_since, 0);
}

#endif
