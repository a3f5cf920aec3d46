/* bytes: bounded buffer; see the header. */
#include "cache/base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
bytes_init(struct bytes *b, size_t max)
{
	*b = (struct bytes){.max = max};
}

void
bytes_cleanup(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){.max = b->max};
}

int
bytes_reserve(struct bytes *b, size_t more)
{
	size_t cap = b->cap;
	uint8_t *p;

	if (more > b->max || b->len > b->max - more)
		return E_LIMIT;
	if (b->len + more <= cap)
		return 0;
	if (cap == 0)
		cap = 256;
	while (cap < b->len + more)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	if (cap > b->max)
		cap = b->max;
	p = realloc(b->p, cap);
	if (p == NULL)
		return E_NOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

int
bytes_append(struct bytes *b, const void *p, size_t len)
{
	int rc = bytes_reserve(b, len);

	if (rc != 0)
		return rc;
	if (len > 0)
		memcpy(b->p + b->len, p, len);
	b->len += len;
	return 0;
}

int
bytes_printf(struct bytes *b, const char *fmt, ...)
{
	va_list ap;
	int n, rc;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return E_ARG;
	rc = bytes_reserve(b, (size_t)n + 1);
	if (rc != 0)
		return rc;
	va_start(ap, fmt);
	vsnprintf((char *)b->p + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

uint8_t *
bytes_steal(struct bytes *b, size_t *out_len)
{
	uint8_t *p = b->p;

	*out_len = b->len;
	*b = (struct bytes){.max = b->max};
	return p;
}
