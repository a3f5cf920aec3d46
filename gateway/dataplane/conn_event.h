/*
 * conn_event: the events and the timer of one connection. For its states and
 * its driver, which alone arms.
 */
#ifndef GATEWAY_DATAPLANE_CONN_EVENT_H
#define GATEWAY_DATAPLANE_CONN_EVENT_H

#include "gateway/dataplane/conn.h"

#define CONN_MAGIC 0x436f6e6eu

/* For evtimer_assign, dial_start and struct handshake. */
void conn_on_timer(evutil_socket_t fd, short what, void *arg);
void conn_on_dialled(void *arg);
void conn_on_answered(void *arg);

/* Waits for these (enum relay_event) and for no others. */
void conn_arm(struct conn *c, unsigned wish);
void conn_set_timer(struct conn *c, uint64_t ms);
/* What the read side of the TLS socket is watched for: EV_READ, ... */
void conn_watch_tls(struct conn *c, short what);
/* A connection that is cut must not look like one that ended. */
void conn_reset_plain(struct conn *c);
/* Closes the plain side, whose socket may change hands after it. */
void conn_drop_plain(struct conn *c, bool reset);
/* After tls_fd or plain_fd has changed. */
void conn_assign_tls(struct conn *c);
void conn_assign_plain(struct conn *c);

/* It is no handshake any more; the first call counts. */
void conn_end_handshake(struct conn *c);
/* Closes in delay_ms; the first call counts. Frees nothing by itself. */
/* close_notify and the end of our direction, as far as the socket takes it. */
void conn_say_end(struct conn *c);

void conn_doom(struct conn *c, uint32_t delay_ms);

#endif
