/*
 * counters: what the data plane counts, and one set of it a worker. Only its
 * worker writes, so a plain relaxed load and store is enough; anybody may read.
 */
#ifndef GATEWAY_OBSERVE_COUNTERS_H
#define GATEWAY_OBSERVE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "gateway/observe/number.h"

/* What the gateway itself answers requests with, in HTTP mode. */
#define COUNTER_HTTP_REFUSALS(X)                \
	X(400, "malformed")                     \
	X(403, "path of no rule of allow")      \
	X(404, "path not configured")           \
	X(408, "head or body too slow")         \
	X(411, "no Content-Length")             \
	X(413, "body too large")                \
	X(415, "not application/json")          \
	X(417, "unknown expectation")           \
	X(431, "head too large")                \
	X(500, "no node reachable")             \
	X(501, "method or coding not taken")    \
	X(502, "no valid answer of the node")   \
	X(503, "stopping")                      \
	X(504, "no answer of the node in time") \
	X(505, "not HTTP/1.1")

/*
 * Counters since the start, and gauges, summed over the workers: the name in
 * JSON; the metric, its label or NULL, the words of this row, and those of the
 * metric (NULL: the same). Rows of one metric are neighbours; their order is
 * not part of the contract.
 */
#define COUNTERS_LIST(X)                                                       \
	X(ACCEPTED, COUNTER, "connections_accepted",                           \
	    "connections_accepted_total", NULL, "connections accepted", NULL)  \
	X(OPEN, GAUGE, "connections_open", "connections_open", NULL,           \
	    "connections open now", NULL)                                      \
	X(RELAYING, GAUGE, "connections_relaying", "connections_relaying",     \
	    NULL, "connections relaying", NULL)                                \
	X(SILENT, COUNTER, "connections_silent", "connections_silent_total",   \
	    NULL,                                                              \
	    "connections that ended before they sent a byte, as probes do",    \
	    NULL)                                                              \
	X(PAUSED_NOW, GAUGE, "handshakes_paused_now", "handshakes_waiting",    \
	    NULL, "handshakes waiting for a verdict", NULL)                    \
	X(PAUSED, COUNTER, "handshakes_paused", "handshakes_paused_total",     \
	    NULL, "handshakes that had to wait", NULL)                         \
	X(HANDSHAKES, COUNTER, "handshakes", "handshakes_total",               \
	    "result=\"completed\"", "handshakes completed",                    \
	    "handshakes by how they ended")                                    \
	X(HANDSHAKE_FAILED, COUNTER, "handshakes_failed", "handshakes_total",  \
	    "result=\"failed\"",                                               \
	    "handshakes that ended in an error, refusals included",            \
	    "handshakes by how they ended")                                    \
	X(ALLOWED, COUNTER, "verdicts_allowed", "peers_let_in_total", NULL,    \
	    "peers let in by verdict", NULL)                                   \
	X(REFUSED_REVOKED, COUNTER, "refused_revoked", "peers_refused_total",  \
	    "reason=\"revoked\"", "peers refused: revoked",                    \
	    "peers refused, by reason")                                        \
	X(REFUSED_UNKNOWN, COUNTER, "refused_unknown", "peers_refused_total",  \
	    "reason=\"unknown\"", "peers refused: status not determined",      \
	    "peers refused, by reason")                                        \
	X(REFUSED_PATH, COUNTER, "refused_path", "peers_refused_total",        \
	    "reason=\"path\"", "peers refused: path not valid",                \
	    "peers refused, by reason")                                        \
	X(REFUSED_SUBJECT, COUNTER, "refused_subject", "peers_refused_total",  \
	    "reason=\"subject\"",                                              \
	    "peers refused: subject not on the allow-list",                    \
	    "peers refused, by reason")                                        \
	X(REFUSED_NOT_ALLOWED, COUNTER, "refused_not_allowed",                 \
	    "peers_refused_total", "reason=\"not_allowed\"",                   \
	    "peers refused: no rule of allow lets them in",                    \
	    "peers refused, by reason")                                        \
	X(REFUSED_ERROR, COUNTER, "refused_error", "peers_refused_total",      \
	    "reason=\"error\"",                                                \
	    "peers refused: the question could not be asked",                  \
	    "peers refused, by reason")                                        \
	X(LEFT_PAUSED, COUNTER, "left_while_paused",                           \
	    "left_while_paused_total", NULL, "peers that left while waiting",  \
	    NULL)                                                              \
	X(SHED_PAUSED, COUNTER, "shed_paused", "shed_total",                   \
	    "reason=\"paused\"", "refused: too many paused handshakes",        \
	    "connections turned away or ended for want of room, by what "      \
	    "there was too much of")                                           \
	X(SHED_TOTAL, COUNTER, "shed_connections", "shed_total",               \
	    "reason=\"connections\"", "refused: too many connections",         \
	    "connections turned away or ended for want of room, by what "      \
	    "there was too much of")                                           \
	X(SHED_ADDRESS, COUNTER, "shed_address", "shed_total",                 \
	    "reason=\"address\"",                                              \
	    "refused: too many connections from one address",                  \
	    "connections turned away or ended for want of room, by what "      \
	    "there was too much of")                                           \
	X(SHED_HANDSHAKES, COUNTER, "shed_handshakes", "shed_total",           \
	    "reason=\"handshakes\"",                                           \
	    "refused: too many handshakes in progress",                        \
	    "connections turned away or ended for want of room, by what "      \
	    "there was too much of")                                           \
	X(SHED_SLOW, COUNTER, "shed_slow", "shed_total", "reason=\"slow\"",    \
	    "handshakes ended to make room for others",                        \
	    "connections turned away or ended for want of room, by what "      \
	    "there was too much of")                                           \
	X(SHED_RATE, COUNTER, "shed_rate", "shed_total", "reason=\"rate\"",    \
	    "refused: too many handshakes a second",                           \
	    "connections turned away or ended for want of room, by what "      \
	    "there was too much of")                                           \
	X(TIMEOUT_HANDSHAKE, COUNTER, "timeouts_handshake", "timeouts_total",  \
	    "reason=\"handshake\"", "handshakes too slow",                     \
	    "connections ended for taking too long")                           \
	X(TIMEOUT_IDLE, COUNTER, "timeouts_idle", "timeouts_total",            \
	    "reason=\"idle\"", "connections closed as idle",                   \
	    "connections ended for taking too long")                           \
	X(NODE_CONNECTED, COUNTER, "node_connections", "node_dials_total",     \
	    "result=\"connected\"", "connections made to the node",            \
	    "attempts to reach a node")                                        \
	X(NODE_FAILED, COUNTER, "node_failed", "node_dials_total",             \
	    "result=\"failed\"", "attempts to reach a node that failed",       \
	    "attempts to reach a node")                                        \
	X(NODE_REFUSED, COUNTER, "node_unreachable", "node_unreachable_total", \
	    NULL, "peers turned away: no node reachable", NULL)                \
	X(BYTES_IN, COUNTER, "bytes_from_peers", "relayed_bytes_total",        \
	    "direction=\"from_peers\"", "plain bytes, peers to node",          \
	    "plain bytes relayed")                                             \
	X(BYTES_OUT, COUNTER, "bytes_to_peers", "relayed_bytes_total",         \
	    "direction=\"to_peers\"", "plain bytes, node to peers",            \
	    "plain bytes relayed")                                             \
	X(RECHECKS, COUNTER, "rechecks", "rechecks_total", NULL,               \
	    "live connections asked about again", NULL)                        \
	X(RECHECK_CLOSED, COUNTER, "recheck_closed", "rechecks_closed_total",  \
	    NULL, "live connections closed because the verdict changed", NULL) \
	X(PATH_HITS, COUNTER, "path_memory_hits", "path_lookups_total",        \
	    "result=\"hit\"", "paths found in memory",                         \
	    "certificate paths looked up in memory")                           \
	X(PATH_MISSES, COUNTER, "path_memory_misses", "path_lookups_total",    \
	    "result=\"miss\"", "paths verified anew",                          \
	    "certificate paths looked up in memory")                           \
	X(PATHS_MADE, COUNTER, "path_memories_made",                           \
	    "path_memories_made_total", NULL,                                  \
	    "times the memory of paths began empty", NULL)                     \
	X(CONTEXTS_MADE, COUNTER, "tls_contexts_made",                         \
	    "tls_contexts_made_total", NULL,                                   \
	    "TLS contexts made, at the start and by changes", NULL)            \
	X(ACCEPT_ERRORS, COUNTER, "accept_errors", "accept_errors_total",      \
	    NULL, "accept failed (EMFILE and such)", NULL)                     \
	X(LINKS, COUNTER, "links_opened", "links_dialled_total", NULL,         \
	    "outbound connections dialled", NULL)                              \
	X(LINK_FAILED, COUNTER, "links_failed", "links_ended_total",           \
	    "reason=\"failed\"", "outbound connections that failed",           \
	    "outbound connections that did not come about")                    \
	X(LINK_REFUSED, COUNTER, "links_refused", "links_ended_total",         \
	    "reason=\"refused\"", "outbound peers refused by verdict",         \
	    "outbound connections that did not come about")                    \
	X(STAPLED, COUNTER, "staples_sent", "staples_total",                   \
	    "result=\"sent\"",                                                 \
	    "handshakes with an OCSP response of our own stapled",             \
	    "clients that asked for an OCSP response of our own")              \
	X(UNSTAPLED, COUNTER, "staples_missing", "staples_total",              \
	    "result=\"missing\"",                                              \
	    "clients that asked for a staple while there was none",            \
	    "clients that asked for an OCSP response of our own")              \
	X(SOFT_ACCEPTED, COUNTER, "soft_accepted", "soft_accepted_total",      \
	    NULL, "peers let in with an undetermined status (SOFT_FAIL)",      \
	    NULL)                                                              \
	X(SOFT_KEPT, COUNTER, "soft_kept", "soft_kept_total", NULL,            \
	    "rechecks that kept a peer of undetermined status (SOFT_FAIL)",    \
	    NULL)                                                              \
	X(HTTP_REQUESTS, COUNTER, "http_requests", "http_requests_total",      \
	    NULL, "requests passed to the node", NULL)

/* Answers of the node to requests, by class of status. */
#define COUNTER_HTTP_ANSWERS(X) \
	X(2XX, "2xx")           \
	X(3XX, "3xx")           \
	X(4XX, "4xx")           \
	X(5XX, "5xx")

enum counter {
#define COUNTER_ROW_ENUM(id, type, name, metric, label, words, help) \
	COUNTER_##id,
	COUNTERS_LIST(COUNTER_ROW_ENUM)
#undef COUNTER_ROW_ENUM
#define COUNTER_ROW_ENUM(status, name) COUNTER_HTTP_NODE_##status,
	COUNTER_HTTP_ANSWERS(COUNTER_ROW_ENUM)
#undef COUNTER_ROW_ENUM
#define COUNTER_ROW_ENUM(status, help) COUNTER_HTTP_##status,
	    COUNTER_HTTP_REFUSALS(COUNTER_ROW_ENUM)
#undef COUNTER_ROW_ENUM
		NUM_COUNTERS
};

/* In a struct that begins with an array of uint64_t, one for each. */
extern const struct number counter_numbers[NUM_COUNTERS];

struct counters {
	_Atomic uint64_t n[NUM_COUNTERS];
};

static inline void
counters_add(struct counters *c, enum counter which, uint64_t by)
{
	uint64_t old = atomic_load_explicit(&c->n[which], memory_order_relaxed);

	atomic_store_explicit(&c->n[which], old + by, memory_order_relaxed);
}

static inline void
counters_inc(struct counters *c, enum counter which)
{
	counters_add(c, which, 1);
}

/* For gauges. */
static inline void
counters_dec(struct counters *c, enum counter which)
{
	counters_add(c, which, (uint64_t)-1);
}

static inline uint64_t
counters_get(const struct counters *c, enum counter which)
{
	return atomic_load_explicit(&c->n[which], memory_order_relaxed);
}

#endif
