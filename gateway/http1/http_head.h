/*
 * http_head: the head of an HTTP/1.1 message (RFC 9112), read strictly. Where
 * two readers could disagree (a bare LF or CR, a folded line, a space before
 * the colon, control characters) it is malformed: that is what requests are
 * smuggled with.
 *
 * A head is read in two steps: http_head_scan as bytes come in, until the
 * empty line is there, then http_parse_* once. Slices lie in the caller's
 * bytes. Pure.
 */
#ifndef GATEWAY_HTTP1_HTTP_HEAD_H
#define GATEWAY_HTTP1_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"

#define HTTP_MAX_FIELDS 100

struct http_text {
	const char *p;
	size_t len;
};

struct http_field {
	struct http_text name, value; /* value without white space around */
};

struct http_head {
	struct http_text method, target; /* of a request */
	unsigned status;                 /* of an answer */
	struct http_text reason;
	unsigned major, minor; /* version */
	struct http_field fields[HTTP_MAX_FIELDS];
	size_t num_fields;
};

enum http_scan {
	HTTP_SCAN_BAD = 0, /* no head begins so; *why says what */
	HTTP_SCAN_MORE,
	HTTP_SCAN_END /* *seen is the length, the empty line included */
};

/*
 * Looks for the end of the head in p[0..len), of which the first *seen bytes
 * have been looked at; moves *seen. why: static text.
 */
enum http_scan http_head_scan(
    const char *p, size_t len, size_t *seen, const char **why) MUST_USE;

/*
 * p[0..len) is a whole head, the empty line included. E_PARSE when it is
 * malformed, E_LIMIT when it has more than HTTP_MAX_FIELDS; *why is static
 * text.
 */
int http_parse_request(struct http_head *out, const char *p, size_t len,
    const char **why) MUST_USE;
int http_parse_answer(struct http_head *out, const char *p, size_t len,
    const char **why) MUST_USE;

/* Without regard to case. */
bool http_text_is(const struct http_text *t, const char *word);
/* The first field of that name, or NULL. */
const struct http_field *
http_head_find(const struct http_head *h, const char *name);
size_t http_head_count(const struct http_head *h, const char *name);
/* Whether a comma-separated list, over all fields of that name, has a word. */
bool http_head_lists(
    const struct http_head *h, const char *name, const struct http_text *word);
bool
http_head_has(const struct http_head *h, const char *name, const char *word);

/*
 * Digits and nothing else; what is beyond 2^58 counts as that. false: not a
 * Content-Length.
 */
bool http_length(const struct http_text *t, uint64_t *out);

#endif
