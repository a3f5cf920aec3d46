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
 * Counters since the start, and gauges, summed over the workers. The name is
 * what metrics and JSON show. Order is not part of the contract.
 */
#define COUNTERS_LIST(X)                                                       \
	X(ACCEPTED, COUNTER, "connections_accepted", "connections accepted")   \
	X(OPEN, GAUGE, "connections_open", "connections open now")             \
	X(RELAYING, GAUGE, "connections_relaying", "connections relaying")     \
	X(PAUSED_NOW, GAUGE, "handshakes_paused_now",                          \
	    "handshakes waiting for a verdict")                                \
	X(PAUSED, COUNTER, "handshakes_paused", "handshakes that had to wait") \
	X(HANDSHAKES, COUNTER, "handshakes", "handshakes completed")           \
	X(HANDSHAKE_FAILED, COUNTER, "handshakes_failed",                      \
	    "handshakes that ended in an error, refusals included")            \
	X(ALLOWED, COUNTER, "verdicts_allowed", "peers let in by verdict")     \
	X(REFUSED_REVOKED, COUNTER, "refused_revoked",                         \
	    "peers refused: revoked")                                          \
	X(REFUSED_UNKNOWN, COUNTER, "refused_unknown",                         \
	    "peers refused: status not determined")                            \
	X(REFUSED_PATH, COUNTER, "refused_path",                               \
	    "peers refused: path not valid")                                   \
	X(REFUSED_SUBJECT, COUNTER, "refused_subject",                         \
	    "peers refused: subject not on the allow-list")                    \
	X(REFUSED_NOT_ALLOWED, COUNTER, "refused_not_allowed",                 \
	    "peers refused: no rule of allow lets them in")                    \
	X(REFUSED_ERROR, COUNTER, "refused_error",                             \
	    "peers refused: the question could not be asked")                  \
	X(LEFT_PAUSED, COUNTER, "left_while_paused",                           \
	    "peers that left while waiting")                                   \
	X(SHED_PAUSED, COUNTER, "shed_paused",                                 \
	    "refused: too many paused handshakes")                             \
	X(SHED_TOTAL, COUNTER, "shed_connections",                             \
	    "refused: too many connections")                                   \
	X(SHED_ADDRESS, COUNTER, "shed_address",                               \
	    "refused: too many connections from one address")                  \
	X(SHED_HANDSHAKES, COUNTER, "shed_handshakes",                         \
	    "refused: too many handshakes in progress")                        \
	X(SHED_SLOW, COUNTER, "shed_slow",                                     \
	    "handshakes ended to make room for others")                        \
	X(SHED_RATE, COUNTER, "shed_rate",                                     \
	    "refused: too many handshakes a second")                           \
	X(TIMEOUT_HANDSHAKE, COUNTER, "timeouts_handshake",                    \
	    "handshakes too slow")                                             \
	X(TIMEOUT_IDLE, COUNTER, "timeouts_idle",                              \
	    "connections closed as idle")                                      \
	X(NODE_CONNECTED, COUNTER, "node_connections",                         \
	    "connections made to the node")                                    \
	X(NODE_FAILED, COUNTER, "node_failed",                                 \
	    "attempts to reach a node that failed")                            \
	X(NODE_REFUSED, COUNTER, "node_unreachable",                           \
	    "peers turned away: no node reachable")                            \
	X(BYTES_IN, COUNTER, "bytes_from_peers", "plain bytes, peers to node") \
	X(BYTES_OUT, COUNTER, "bytes_to_peers", "plain bytes, node to peers")  \
	X(RECHECKS, COUNTER, "rechecks", "live connections asked about again") \
	X(RECHECK_CLOSED, COUNTER, "recheck_closed",                           \
	    "live connections closed because the verdict changed")             \
	X(PATH_HITS, COUNTER, "path_memory_hits", "paths found in memory")     \
	X(PATH_MISSES, COUNTER, "path_memory_misses", "paths verified anew")   \
	X(PATHS_MADE, COUNTER, "path_memories_made",                           \
	    "times the memory of paths began empty")                           \
	X(CONTEXTS_MADE, COUNTER, "tls_contexts_made",                         \
	    "TLS contexts made, at the start and by changes")                  \
	X(ACCEPT_ERRORS, COUNTER, "accept_errors",                             \
	    "accept failed (EMFILE and such)")                                 \
	X(LINKS, COUNTER, "links_opened", "outbound connections dialled")      \
	X(LINK_FAILED, COUNTER, "links_failed",                                \
	    "outbound connections that failed")                                \
	X(LINK_REFUSED, COUNTER, "links_refused",                              \
	    "outbound peers refused by verdict")                               \
	X(STAPLED, COUNTER, "staples_sent",                                    \
	    "handshakes with an OCSP response of our own stapled")             \
	X(UNSTAPLED, COUNTER, "staples_missing",                               \
	    "clients that asked for a staple while there was none")            \
	X(SOFT_ACCEPTED, COUNTER, "soft_accepted",                             \
	    "peers let in with an undetermined status (SOFT_FAIL)")            \
	X(SOFT_KEPT, COUNTER, "soft_kept",                                     \
	    "rechecks that kept a peer of undetermined status (SOFT_FAIL)")    \
	X(HTTP_REQUESTS, COUNTER, "http_requests",                             \
	    "requests passed to the node")

/* Answers of the node to requests, by class of status. */
#define COUNTER_HTTP_ANSWERS(X) \
	X(2XX, "2xx")           \
	X(3XX, "3xx")           \
	X(4XX, "4xx")           \
	X(5XX, "5xx")

enum counter {
#define COUNTER_ROW_ENUM(id, type, name, help) COUNTER_##id,
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
