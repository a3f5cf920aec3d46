/*
 * workers: the data plane as others see it. Owns the workers; they own
 * listeners, connections and links. Decides nothing about revocation: it asks
 * revcheck.
 *
 * All functions are called from one thread (main's), except where "thread-
 * safe" is said. A configuration is an immutable counted snapshot; the
 * workers take references of their own.
 */
#ifndef GATEWAY_DATAPLANE_WORKERS_H
#define GATEWAY_DATAPLANE_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/dataplane/conn_query.h"
#include "gateway/observe/counters.h"
#include "gateway/observe/histogram.h"
#include "revcheck/revcheck.h"

struct decision_ring;
struct sd_listen;
struct conf;
struct workers;
struct staples;

struct workers_stats {
	uint64_t n[NUM_COUNTERS];
	/* How long those took that completed. */
	struct histogram_sum inbound_handshakes, outbound_handshakes;
	/* No node could be reached since then, nor was one after; 0: not so. */
	time_t node_silent_since;
};

/*
 * workers_check says whether a configuration could be applied (keys load and
 * match, anchors are there, addresses resolve) without binding anything.
 */
int workers_check(struct conf *conf, struct err *err) MUST_USE;

/*
 * workers_new binds every listener and starts the workers, which accept at
 * once. rc, decisions (where each decision about a peer goes), log, strangers
 * (for lines about peers that are not let in) and activation (sockets to use
 * instead of binding; may be NULL) are borrowed and must outlive the workers.
 * evthread_use_pthreads() must have been called.
 */
int workers_new(struct workers **out, struct conf *conf, struct revcheck *rc,
    struct decision_ring *decisions, const struct sd_listen *activation,
    const struct log *log, const struct log *strangers,
    struct err *err) MUST_USE;

/*
 * workers_apply puts a new configuration in force: all or nothing. New
 * listeners are bound and new identities loaded before anything changes; then
 * each worker switches between two events of its loop. Connections go on; those
 * that the new trust or allow-list would not let in are closed.
 */
int
workers_apply(struct workers *d, struct conf *conf, struct err *err) MUST_USE;

/*
 * workers_recheck asks again for every live connection, from what is in the
 * archive, and closes those that are refused now. Calls in quick succession
 * are joined. Thread-safe.
 */
void workers_recheck(struct workers *d);

/*
 * As revcheck_watch tells it: workers_recheck for those that rest on this
 * source alone; NULL: for all. Thread-safe.
 */
void
workers_told(struct workers *d, const unsigned char *source, uint64_t change);

/*
 * workers_gather shows fn the verified chain of every live connection, and what
 * its path ends in; both are lent. Then, once for each worker, NULLs: that
 * worker has no more. Called on the workers' threads, one at a time; must not
 * block. A second call begins anew; after workers_gather(d, NULL, NULL) the
 * function before is not called any more.
 */
typedef void workers_chain_fn(void *arg, const struct revcheck_certs *chain,
    struct revcheck_trust *trust);
void workers_gather(struct workers *d, workers_chain_fn *fn, void *arg);
size_t workers_num(const struct workers *d);

/*
 * workers_ask asks all workers about the connections of who is in; see
 * conn_query.h. Ended by conn_query_cancel, or by done. E_NOMEM.
 */
int workers_ask(struct workers *d, struct event_base *base,
    const struct conn_question *question, conn_query_fn *done, void *arg,
    struct conn_query **out, struct err *err) MUST_USE;

/*
 * workers_staple gives every worker these OCSP responses for our own
 * certificates instead of the former ones.
 */
void workers_staple(struct workers *d, struct staples *staples);

/*
 * workers_answers says whether every worker's loop has come round since the
 * call before, and asks them again: the heart of a watchdog.
 */
bool workers_answers(struct workers *d);

/* Thread-safe. */
void workers_get_stats(struct workers *d, struct workers_stats *out);

/*
 * Where the workers listen, for the ready line: name is the listener's or
 * link's of the configuration, address "127.0.0.1:8080", "[::1]:8080" or
 * "unix:/path". Returns how many there are; fills at most max.
 */
struct listen_bound {
	char name[64];
	char address[128];
};
size_t
workers_get_bound(struct workers *d, struct listen_bound *out, size_t max);

/*
 * workers_drain stops accepting. Connections go on until they end or
 * deadline_ms passes. drained(arg) is called once, on a worker's thread, when
 * none is left. A second call only shortens the deadline; its drained is
 * ignored.
 */
void workers_drain(struct workers *d, uint32_t deadline_ms,
    void (*drained)(void *arg), void *arg);

/* Stops at once, joins the workers, frees everything. NULL is fine. */
void workers_free(struct workers *d);

#endif
