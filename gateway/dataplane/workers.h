/*
 * workers: the front of the data plane. Owns the workers; they own listeners,
 * connections and links. Decides nothing about revocation: it asks revcheck.
 *
 * All functions are called from one thread (main's), except where "thread-
 * safe" is said. A configuration is an immutable counted snapshot; the door
 * takes references of its own.
 */
#ifndef GATEWAY_DATAPLANE_WORKERS_H
#define GATEWAY_DATAPLANE_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "revcheck/revcheck.h"

struct sd_listen;
struct conf;
struct workers;
struct staples;

/* What the gateway itself answers requests with, in HTTP mode. */
#define COUNTER_HTTP_REFUSALS(X)                \
	X(400, "malformed")                     \
	X(404, "path not configured")           \
	X(408, "head or body too slow")         \
	X(411, "no Content-Length")             \
	X(413, "body too large")                \
	X(415, "not application/json")          \
	X(417, "unknown expectation")           \
	X(431, "head too large")                \
	X(500, "no node reachable")             \
	X(501, "not POST")                      \
	X(502, "no valid answer of the node")   \
	X(503, "stopping")                      \
	X(504, "no answer of the node in time") \
	X(505, "not HTTP/1.1")

/*
 * Counters since the start, and gauges (marked), summed over the workers. The
 * name is what metrics and JSON show. Order is not part of the contract.
 */
#define COUNTERS_LIST(X)                                                      \
	X(ACCEPTED, "connections_accepted", "connections accepted")           \
	X(OPEN, "connections_open", "connections open now (gauge)")           \
	X(RELAYING, "connections_relaying", "connections relaying (gauge)")   \
	X(PAUSED_NOW, "handshakes_paused_now",                                \
	    "handshakes waiting for a verdict (gauge)")                       \
	X(PAUSED, "handshakes_paused", "handshakes that had to wait")         \
	X(HANDSHAKES, "handshakes", "handshakes completed")                   \
	X(HANDSHAKE_FAILED, "handshakes_failed",                              \
	    "handshakes that ended in an error, refusals included")           \
	X(ALLOWED, "verdicts_allowed", "peers let in by verdict")             \
	X(REFUSED_REVOKED, "refused_revoked", "peers refused: revoked")       \
	X(REFUSED_UNKNOWN, "refused_unknown",                                 \
	    "peers refused: status not determined")                           \
	X(REFUSED_PATH, "refused_path", "peers refused: path not valid")      \
	X(REFUSED_SUBJECT, "refused_subject",                                 \
	    "peers refused: subject not on the allow-list")                   \
	X(REFUSED_ERROR, "refused_error",                                     \
	    "peers refused: the question could not be asked")                 \
	X(LEFT_PAUSED, "left_while_paused", "peers that left while waiting")  \
	X(SHED_PAUSED, "shed_paused", "refused: too many paused handshakes")  \
	X(SHED_TOTAL, "shed_connections", "refused: too many connections")    \
	X(SHED_ADDRESS, "shed_address",                                       \
	    "refused: too many connections from one address")                 \
	X(SHED_HANDSHAKES, "shed_handshakes",                                 \
	    "refused: too many handshakes in progress")                       \
	X(SHED_SLOW, "shed_slow", "handshakes ended to make room for others") \
	X(SHED_RATE, "shed_rate", "refused: too many handshakes a second")    \
	X(TIMEOUT_HANDSHAKE, "timeouts_handshake", "handshakes too slow")     \
	X(TIMEOUT_IDLE, "timeouts_idle", "connections closed as idle")        \
	X(NODE_CONNECTED, "node_connections", "connections made to the node") \
	X(NODE_FAILED, "node_failed", "attempts to reach a node that failed") \
	X(NODE_REFUSED, "node_unreachable",                                   \
	    "peers turned away: no node reachable")                           \
	X(BYTES_IN, "bytes_from_peers", "plain bytes, peers to node")         \
	X(BYTES_OUT, "bytes_to_peers", "plain bytes, node to peers")          \
	X(RECHECKS, "rechecks", "live connections asked about again")         \
	X(RECHECK_CLOSED, "recheck_closed",                                   \
	    "live connections closed because the verdict changed")            \
	X(PATH_HITS, "path_memory_hits", "paths found in memory")             \
	X(PATH_MISSES, "path_memory_misses", "paths verified anew")           \
	X(ACCEPT_ERRORS, "accept_errors", "accept failed (EMFILE and such)")  \
	X(LINKS, "links_opened", "outbound connections dialled")              \
	X(LINK_FAILED, "links_failed", "outbound connections that failed")    \
	X(LINK_REFUSED, "links_refused", "outbound peers refused by verdict") \
	X(STAPLED, "staples_sent",                                            \
	    "handshakes with an OCSP response of our own stapled")            \
	X(UNSTAPLED, "staples_missing",                                       \
	    "clients that asked for a staple while there was none")           \
	X(SOFT_ACCEPTED, "soft_accepted",                                     \
	    "peers let in with an undetermined status (SOFT_FAIL)")           \
	X(HTTP_REQUESTS, "http_requests", "requests passed to the node")      \
	X(HTTP_NODE_2XX, "http_answers_2xx", "answers of the node, 2xx")      \
	X(HTTP_NODE_3XX, "http_answers_3xx", "answers of the node, 3xx")      \
	X(HTTP_NODE_4XX, "http_answers_4xx", "answers of the node, 4xx")      \
	X(HTTP_NODE_5XX, "http_answers_5xx", "answers of the node, 5xx")

enum counter {
#define COUNTER_ROW_ENUM(id, name, help) COUNTER_##id,
	COUNTERS_LIST(COUNTER_ROW_ENUM)
#undef COUNTER_ROW_ENUM
#define COUNTER_ROW_ENUM(status, help) COUNTER_HTTP_##status,
	COUNTER_HTTP_REFUSALS(COUNTER_ROW_ENUM)
#undef COUNTER_ROW_ENUM
	    NUM_COUNTERS
};

struct workers_stats {
	uint64_t n[NUM_COUNTERS];
};

/* Never NULL; "?" when out of range. Thread-safe. */
const char *counter_name(enum counter c);
const char *counter_help(enum counter c);

/*
 * workers_check says whether a configuration could be applied (keys load and
 * match, anchors are there, addresses resolve) without binding anything.
 */
int workers_check(struct conf *conf, struct err *err) MUST_USE;

/*
 * workers_new binds every listener and starts the workers, which accept at
 * once. rc, log and activation (sockets to use instead of binding; may be NULL)
 * are borrowed and must outlive the door. evthread_use_pthreads() must have
 * been called.
 */
int workers_new(struct workers **out, struct conf *conf, struct revcheck *rc,
    const struct sd_listen *activation, const struct log *log,
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
 * are joined. Thread-safe: made for revcheck_watch.
 */
void workers_recheck(struct workers *d);

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
 * workers_staple gives every worker these OCSP responses for our own
 * certificates instead of those of before.
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
 * Where the door listens, for the ready line: name is the listener's or
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
 * A decision about a peer, as it is logged. Texts and report are lent for the
 * call. subject is not escaped.
 */
enum workers_occasion {
	DECISION_AT_HANDSHAKE = 0,
	DECISION_AT_RECHECK
};
struct workers_decision {
	enum workers_occasion occasion;
	bool inbound;
	bool allowed;
	uint64_t conn;       /* connection id, unique in this process */
	const char *address; /* of the peer */
	const char *subject; /* RFC 2253, or "" when there was none */
	const char *tls;     /* "TLSv1.3" */
	const char *error;   /* why, where there is no report; or "" */
	uint32_t waited_ms;  /* for the verdict; 0: it was there */
	struct revcheck_report *report; /* may be NULL */
};
/* Called on any worker's thread; must not block. */
typedef void
workers_decision_fn(void *arg, const struct workers_decision *decision);
void workers_observe(struct workers *d, workers_decision_fn *fn, void *arg);

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
