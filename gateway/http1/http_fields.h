/*
 * http_fields: the heads that the gateway writes: of a request for the node,
 * with who the peer is, of an answer for the peer, and of its own answers.
 * What a peer says about its identity never passes. Pure.
 */
#ifndef GATEWAY_HTTP1_HTTP_FIELDS_H
#define GATEWAY_HTTP1_HTTP_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/base/bytes.h"
#include "gateway/http1/http_rules.h"
#include "gateway/http1/http_head.h"
#include "revcheck/revcheck.h"

/* Who the peer is, as the gateway knows it. */
struct http_peer {
	const struct revcheck_certs *certs; /* verified; NULL: none shown */
	const char *status;                 /* a word; NULL: none */
	const char *tls;                    /* "TLSv1.3" */
	const char *address;                /* "192.0.2.1:4321" */
};

/* How the peer can tell where an answer ends. */
enum http_framing {
	/* There is no body, whatever is said, or it lasts until the end. */
	HTTP_FRAMING_NONE = 0,
	HTTP_FRAMING_LENGTH,
	HTTP_FRAMING_CHUNKED
};

/* Whether a field of a peer would claim to be what only the gateway says. */
bool http_field_is_claim(const struct http_text *name);

/* Who shows this certificate: appended, with E_LIMIT, E_NOMEM. */
int http_put_leaf(struct bytes *out, X509 *leaf) MUST_USE;

/*
 * Each appends; E_LIMIT, E_NOMEM. An interim answer (1xx) has neither framing
 * nor a word about the connection.
 */
int http_put_request(struct bytes *out, const struct http_head *h,
    const struct http_order *order, const struct http_peer *who) MUST_USE;
int http_put_answer(struct bytes *out, const struct http_head *h,
    enum http_framing framing, uint64_t length, bool close) MUST_USE;
int http_put_interim(struct bytes *out, const struct http_head *h) MUST_USE;
/* Head and body (HEAD has none); the connection is closed after it. */
int http_put_refusal(
    struct bytes *out, unsigned status, const char *why, bool head) MUST_USE;

#endif
