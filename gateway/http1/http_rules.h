/*
 * http_rules: whether a request is one that this gateway takes. Two profiles:
 * what Corda's gateway takes, in the order in which it asks, and any request
 * that means one thing to all who read it. Pure.
 */
#ifndef GATEWAY_HTTP1_HTTP_RULES_H
#define GATEWAY_HTTP1_HTTP_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http1/http_head.h"
#include "gateway/http1/http_routes.h"

struct http_rules {
	const struct http_routes *routes;
	uint16_t port; /* of the listener */
	uint64_t max_request_bytes;
	bool any; /* the profile */
};

enum http_body {
	HTTP_BODY_NONE = 0, /* nothing is said of one */
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED
};

/* What a good request asks for. */
struct http_order {
	struct http_text target;    /* for the node: path and query, or "*" */
	struct http_text path;      /* of it, the query aside */
	struct http_text authority; /* of an absolute target; empty: none */
	enum http_body body;
	uint64_t body_bytes; /* LENGTH */
	bool any;            /* the profile it was taken by */
	bool keep_alive;
	bool expects_continue;
	bool asks_node;  /* the expectation is the node's to answer */
	bool old;        /* HTTP/1.0: no chunks and no interim answers */
	bool head;       /* HEAD: its answer has no body */
	bool repeatable; /* no harm if the node hears it twice */
};

/*
 * 0 and *out, or the status to answer with and *why, static text. Of a path
 * that is taken under `any`, no reader makes another one by dot segments,
 * encoded or not: "/a/../b" is refused, "/a/%2e%2e/b" and "/a/..;x/b", too.
 */
unsigned http_rules_check(struct http_order *out, const struct http_head *h,
    const struct http_rules *rules, const char **why);

/* "Not Found"; "Error" for a status that has no words here. */
const char *http_status_words(unsigned status);

#endif
