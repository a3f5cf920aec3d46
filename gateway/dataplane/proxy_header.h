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

/* What nginx reads at most; other servers take more. */
#define PROXY_HEADER_MAX 4096

/* Our own TLVs, in the range for private use. */
enum {
	PROXY_HEADER_TYPE_STATUS = 0xe0, /* revocation status, a word */
	PROXY_HEADER_TYPE_LEAF_SHA256 =
	    0xe1, /* of the peer's certificate, 32 bytes */
	PROXY_HEADER_TYPE_SUBJECT = 0xe2 /* as subject_show writes it */
};

struct proxy_header {
	const struct sockaddr_storage *from; /* NULL: LOCAL */
	const struct sockaddr_storage *to;
	const char *tls_version; /* NULL: not TLS */
	const char *common_name; /* NULL: no client certificate */
	int verified;            /* 1: the certificate was verified */
	const char *status;      /* NULL: left out */
	const uint8_t *leaf_sha256;
	const char *server_name; /* SNI as the client sent it; NULL: none */
	const uint8_t *alpn;     /* what was agreed on; NULL: nothing */
	size_t alpn_len;
	const char *subject;        /* NULL: no client certificate */
	const uint8_t *certificate; /* DER; NULL: left out */
	size_t certificate_len;
};

/*
 * Length. What does not fit is left out, whole: first the certificate, then
 * the common name. All else always fits when the subject has at most 511
 * bytes, the server name and ALPN at most 255.
 */
size_t proxy_header_encode(
    uint8_t out[PROXY_HEADER_MAX], const struct proxy_header *p) MUST_USE;

/* The one for this connection; its length. */
size_t
proxy_header_make(uint8_t out[PROXY_HEADER_MAX], const struct conn *c) MUST_USE;

/* Sends one to the node, ahead of everything. */
int proxy_header_send(struct conn *c) MUST_USE;

#endif
