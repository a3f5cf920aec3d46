/*
 * http_rules: whether a request is one that this gateway takes, in the order
 * in which Corda's gateway asks. Pure.
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
};

/* What a good request asks for. */
struct http_order {
	struct http_text target; /* for the node: path and query */
	uint64_t body_bytes;
	bool keep_alive;
	bool expects_continue;
};

/* 0 and *out, or the status to answer with and *why, static text. */
unsigned http_rules_check(struct http_order *out, const struct http_head *h,
    const struct http_rules *rules, const char **why);

/* "Not Found"; "Error" for a status that has no words here. */
const char *http_status_words(unsigned status);

#endif
