/*
 * http_exchange: HTTP/1.1 between a peer and the node, one exchange after the
 * other on one connection. A request is checked by its head (http_rules.h)
 * before the node hears of it; then its body goes up and the answer comes down
 * as they come, each with back-pressure, neither kept. Belongs to its
 * connection and runs on its worker's thread; conn.c alone frees it.
 */
#ifndef GATEWAY_DATAPLANE_HTTP_EXCHANGE_H
#define GATEWAY_DATAPLANE_HTTP_EXCHANGE_H

#include <stdbool.h>

#include "cache/base/error.h"

struct conn;
struct http_exchange;

/*
 *	HEAD -> DIAL (unless the node is connected) -> EXCHANGE -> HEAD ...
 *	any of them -> LAST (an answer of our own, or the end) -> HTTP_SAID
 *
 * Timers: HEAD the idle time, from the first byte on the time of a head; DIAL
 * the node's own; EXCHANGE the idle time while the peer is waited for, the
 * node's response time until its answer begins; LAST the time of a head.
 */
enum http_result {
	HTTP_CUT = 0, /* close it; neither side must take it for an end */
	HTTP_WAIT,    /* for the events in *wish */
	HTTP_SAID,    /* all is said and sent: linger, close */
	HTTP_OVER     /* its time is over: tell the peer by close_notify; a
		       * body under way has its length or chunks to tell */
};

/* Whether close_notify would make a part of an answer look like all of it. */
bool http_exchange_ends_by_close(const struct http_exchange *h);

/*
 * For a connection that has just been let in; NULL when out of memory. Freed
 * after the connection's dial.
 */
struct http_exchange *http_exchange_new(struct conn *c);
void http_exchange_free(struct http_exchange *h);

/* Goes on with the connection's events, timer and dial as far as it can. */
enum http_result
http_exchange_drive(struct http_exchange *h, unsigned *wish) MUST_USE;

#endif
