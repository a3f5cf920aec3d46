/*
 * conn_step: the states of a connection that have files of their own, for
 * conn.c, which drives them, and for each other. Run on the connection's
 * worker's thread. Free nothing: CONN_STEP_DONE makes the driver do it.
 */
#ifndef GATEWAY_DATAPLANE_CONN_STEP_H
#define GATEWAY_DATAPLANE_CONN_STEP_H

#include "gateway/dataplane/conn.h"

/* What a state wants of the driver. */
enum conn_step {
	CONN_STEP_DONE = 0, /* close and free */
	CONN_STEP_AGAIN,    /* another state, or more to do */
	CONN_STEP_WAIT      /* for the events in *wish */
};

/* RELAY and HTTP, conn_traffic.c: the peer is in, the node connected. */
enum conn_step conn_begin_relay(struct conn *c);
enum conn_step conn_step_relay(struct conn *c, unsigned *wish);
/* Requests need no node yet. */
enum conn_step conn_begin_http(struct conn *c);
enum conn_step conn_step_http(struct conn *c, unsigned *wish);

/*
 * LINGER, conn_linger.c: the last word is said. conn_linger enters it from any
 * state.
 */
enum conn_step conn_linger(struct conn *c);
/*
 * Ends one that carries traffic, from our side: close_notify to the TLS peer,
 * unless a record is stuck half sent, then LINGER. The plain side ends at once,
 * by a reset when its bytes must not look like a whole.
 */
enum conn_step conn_end(struct conn *c, bool reset);
enum conn_step conn_step_linger(struct conn *c, unsigned *wish);

#endif
