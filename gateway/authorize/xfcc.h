/*
 * xfcc: one element of Envoy's x-forwarded-client-cert. Quotes may hold
 * commas, semicolons and, behind a backslash, quotes. Pure; any thread.
 */
#ifndef GATEWAY_AUTHORIZE_XFCC_H
#define GATEWAY_AUTHORIZE_XFCC_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "gateway/http1/http_head.h"

/* Slices of the header, without quotes; p NULL where the key is not there. */
struct xfcc_element {
	struct http_text cert, chain;
	bool unsafe; /* what stands before them may have made them up */
};

/*
 * The hop-th from the end; 1 is the last. The whole of text must be well
 * formed, no element may have Cert or Chain twice, and before those of the one
 * that is asked for nothing may stand without quotes that is a peer's own word,
 * such as URI and DNS. E_PARSE.
 */
int xfcc_read(struct xfcc_element *out, const struct http_text *text,
    uint32_t hop, struct err *err) MUST_USE;

#endif
