/*
 * peer: a peer of the town at the gateway's door.
 */
#ifndef TESTS_LIB_PEER_H
#define TESTS_LIB_PEER_H

#include "fixtures/lib/tls.h"
#include "tests/lib/net.h"

/*
 * The usual question in one call: dials with NET/peers/NAME and tries an echo.
 * Returns -1 when the echo came back, the alert's number when one was
 * received, 0 when the connection ended without one.
 */
#define TLS_IN (-1)
int tls_try(const struct town *town, const char *peer, int port, int version);

/* Dials likewise and must get in: the echo came back. */
void tls_enter(struct tls *t, const struct town *town, const char *peer,
    int port, int version);

/* Waits for the end of a connection on which nothing is said, and frees it. */
void tls_must_be_cut(struct tls *t);

#endif
