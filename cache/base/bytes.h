/*
 * bytes: a growing buffer with a maximum set at the start. Everything that
 * comes from the network is collected in one.
 */
#ifndef CACHE_BASE_BYTES_H
#define CACHE_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "cache/base/span.h"

struct bytes {
	uint8_t *p;
	size_t len;
	size_t cap;
	size_t max; /* never grows beyond; 0 in a zeroed, unusable buffer */
};

void bytes_init(struct bytes *b, size_t max);
void bytes_cleanup(struct bytes *b);

/* bytes_reserve makes room for `more` bytes. E_LIMIT beyond max, E_NOMEM. */
int bytes_reserve(struct bytes *b, size_t more) MUST_USE;

/* bytes_append copies len bytes to the end; all or nothing. */
int bytes_append(struct bytes *b, const void *p, size_t len) MUST_USE;

/* bytes_printf appends formatted text and a NUL beyond b->len. */
int
bytes_printf(struct bytes *b, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_USE;

/* bytes_steal gives the heap block away (free() it) and empties the buffer. */
uint8_t *bytes_steal(struct bytes *b, size_t *out_len);

static inline struct span
bytes_span(const struct bytes *b)
{
	return span_of(b->p, b->len);
}

#endif
