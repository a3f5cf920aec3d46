/*
 * span: a borrowed run of bytes. It owns nothing and is never freed; it is
 * valid as long as what it points into. An empty span may have p == NULL.
 */
#ifndef CACHE_BASE_SPAN_H
#define CACHE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *p;
	size_t len;
};

static inline struct span
span_of(const void *p, size_t len)
{
	return (struct span){.p = p, .len = len};
}

static inline bool
span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

#endif
