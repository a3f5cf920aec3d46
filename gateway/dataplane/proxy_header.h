/*
 * proxy_header: the PROXY protocol version 2 header, which tells the node who
 * the peer is before the peer's first byte.
 */
#ifndef GATEWAY_DATAPLANE_PROXY_HEADER_H
#define GATEWAY_DATAPLANE_PROXY_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>

#include "cache/base/error.h"

struct conn;

#define PROXY_HEADER_MAX 1024

/* Our own TLVs, in the range for private use. */
enum {
	PROXY_HEADER_TYPE_STATUS = 0xe0, /* revocation status, a word */
	PROXY_HEADER_TYPE_LEAF_SHA256 =
	    0xe1 /* of the peer's certificate, 32 bytes */
};

struct proxy_header {
	const struct sockaddr_storage *from; /* NULL: LOCAL */
	const struct sockaddr_storage *to;
	const char *tls_version; /* NULL: not TLS */
	const char *common_name; /* NULL: no client certificate */
	int verified;            /* 1: the certificate was verified */
	const char *status;      /* NULL: left out */
	const uint8_t *leaf_sha256;
};

/* Length, or negative when it does not fit. */
int proxy_header_encode(
    uint8_t out[PROXY_HEADER_MAX], const struct proxy_header *p) MUST_USE;

/* The one for this connection: length, or negative when it does not fit. */
int
proxy_header_make(uint8_t out[PROXY_HEADER_MAX], const struct conn *c) MUST_USE;

/* Sends one to the node, ahead of everything. */
int proxy_header_send(struct conn *c) MUST_USE;

#endif
