/*
 * proxyv2: the PROXY protocol version 2 header, which tells the node who the
 * peer is before the peer's first byte.
 */
#ifndef GATEWAY_DATAPLANE_PROXYV2_H
#define GATEWAY_DATAPLANE_PROXYV2_H

#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>

#include "cache/base/error.h"

struct conn;

#define PROXYV2_MAX 1024

/* Our own TLVs, in the range for private use. */
enum {
	PROXYV2_TYPE_STATUS = 0xe0, /* revocation status, a word */
	PROXYV2_TYPE_LEAF_SHA256 =
	    0xe1 /* of the peer's certificate, 32 bytes */
};

struct proxyv2 {
	const struct sockaddr_storage *from; /* NULL: LOCAL */
	const struct sockaddr_storage *to;
	const char *tls_version; /* NULL: not TLS */
	const char *common_name; /* NULL: no client certificate */
	int verified;            /* 1: the certificate was verified */
	const char *status;      /* NULL: left out */
	const uint8_t *leaf_sha256;
};

/* Length, or negative when it does not fit. */
int proxyv2_encode(uint8_t out[PROXYV2_MAX], const struct proxyv2 *p) MUST_USE;

/* The one for this connection: length, or negative when it does not fit. */
int proxyv2_make(uint8_t out[PROXYV2_MAX], const struct conn *c) MUST_USE;

/* Sends one to the node, ahead of everything. */
int proxyv2_send(struct conn *c) MUST_USE;

#endif
