/*
 * multipart: strict reading of multipart/form-data (RFC 7578, RFC 2046
 * section 5.1) from strangers. Copies nothing but names. Pure, bounded.
 */
#ifndef GATEWAY_REST_MULTIPART_H
#define GATEWAY_REST_MULTIPART_H

#include <stddef.h>

#include "cache/base/error.h"

#define MULTIPART_MAX_PARTS 32
#define MULTIPART_MAX_NAME  64

struct multipart_part {
	char name[MULTIPART_MAX_NAME + 1];
	const char *data; /* inside the body */
	size_t len;
};

/*
 * Fills parts in order. content_type may be NULL, as when none was sent.
 * E_PARSE: not such a body; E_LIMIT: too many parts.
 */
int multipart_parse(struct multipart_part parts[MULTIPART_MAX_PARTS],
    size_t *num, const char *content_type, const char *body, size_t len,
    struct err *err) MUST_USE;

#endif
