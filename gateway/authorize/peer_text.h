/*
 * peer_text: certificates in the texts that headers carry: %-escapes, PEM,
 * base64. Strict: what is not a certificate is an error, and never left out.
 * Pure; any thread.
 */
#ifndef GATEWAY_AUTHORIZE_PEER_TEXT_H
#define GATEWAY_AUTHORIZE_PEER_TEXT_H

#include <openssl/x509.h>

#include "cache/base/error.h"
#include "gateway/http1/http_head.h"

/* Where they go; max: E_PARSE beyond. */
struct peer_certs {
	STACK_OF(X509) * list;
	size_t max;
};

/* One of base64 without line ends (RFC 4648 section 4, padded). */
int peer_text_base64(struct peer_certs *out, const struct http_text *text,
    struct err *err) MUST_USE;
/* One or more of PEM, %-escaped (RFC 3986 section 2.1). */
int peer_text_escaped_pem(struct peer_certs *out, const struct http_text *text,
    struct err *err) MUST_USE;
/*
 * Undoes %-escapes; to be freed. What is escaped must be text of one or more
 * lines. Characters that are never left as they are, blanks among them, are
 * refused.
 */
int peer_text_unescape(char **out, size_t *len, const struct http_text *text,
    struct err *err) MUST_USE;

#endif
