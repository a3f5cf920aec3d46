/*
 * peer_header: the certificate that a proxy has seen in its own handshake, out
 * of the header in which it says so. One format, the configured one: nothing is
 * guessed from what arrives, and what is not exactly of that format is
 * malformed. Formats:
 *
 *   nginx    PEM of the leaf, %-escaped ($ssl_client_escaped_cert)
 *   envoy    elements "Key=value;Key=\"value\"" with commas between them; of
 *            one of them Cert or Chain, %-escaped PEM in quotes
 *   traefik  base64 of DER without delimiters, leaf first, commas between
 *            (%-escaped before Traefik 2.9.4)
 *   rfc9440  ":base64:" of the leaf; in a second header those above it
 *
 * Pure; any thread.
 */
#ifndef GATEWAY_AUTHORIZE_PEER_HEADER_H
#define GATEWAY_AUTHORIZE_PEER_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "cache/base/error.h"
#include "gateway/conf/conf.h"
#include "gateway/http1/http_head.h"

struct peer_header {
	enum conf_peer_format format;
	const char *name;
	uint32_t hop; /* envoy: which element, from the end; 1 is the last */
	size_t max_certs; /* more are malformed */
};

/*
 * 1: *out has at least one certificate, leaf first; the caller's. 0: the
 * header is not there, or empty. E_PARSE: it is there twice or malformed; err
 * has a sentence for who configured the proxy. E_NOMEM.
 */
int peer_header_read(STACK_OF(X509) * *out, const struct peer_header *rules,
    const struct http_head *head, struct err *err) MUST_USE;

#endif
