/*
 * tcp_options: what every TCP socket of the gateway has: small writes go out at
 * once, and a silent other side is asked whether it is there still. A peer
 * whose machine has lost its power says nothing for ever; without an idle
 * timeout, which a healthy quiet connection could not tell from it, only this
 * ends the connection. Thread-safe.
 */
#ifndef GATEWAY_DATAPLANE_TCP_OPTIONS_H
#define GATEWAY_DATAPLANE_TCP_OPTIONS_H

#include "cache/base/error.h"

struct conf_limits;

/* Probes without an answer after which TCP gives up by itself. */
#define TCP_OPTIONS_PROBES 6

/*
 * Sets TCP_NODELAY, keepalive and TCP_USER_TIMEOUT (tcp(7)) as conf says, on a
 * socket that has had others before, too. Sockets accepted from one that has
 * them inherit them. Nothing for another family than IP. E_IO when the kernel
 * refuses.
 */
int tcp_options_set(int fd, int family, const struct conf_limits *conf);

#endif
