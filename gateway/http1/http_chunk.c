/*
 * http_chunk: see http_chunk.h. One byte at a time, but for the data.
 */
#include "gateway/http1/http_chunk.h"

#include <string.h>

#include "cache/base/text.h"

#define DIGITS_MAX  15          /* of a chunk's size */
#define SKIPPED_MAX (16 * 1024) /* extensions and trailers, in all */

/* The size line: digits, perhaps an extension, CRLF. */
static enum http_chunk_result
read_size(struct http_chunk *c, uint8_t b)
{
	int v = text_hex_value((char)b);

	if (v >= 0) {
		if (++c->digits > DIGITS_MAX)
			return HTTP_CHUNK_BAD;
		c->left = c->left * 16 + (uint64_t)v;
		return HTTP_CHUNK_MORE;
	}
	if (c->digits == 0)
		return HTTP_CHUNK_BAD;
	if (b == '\r')
		c->at = HTTP_CHUNK_AT_SIZE_LF;
	else if (b == ';' || b == ' ' || b == '\t')
		c->at = HTTP_CHUNK_AT_EXTENSION;
	else
		return HTTP_CHUNK_BAD;
	return HTTP_CHUNK_MORE;
}

/* Goes to `next` at the byte it waits for; everything else is skipped. */
static enum http_chunk_result
skip(struct http_chunk *c, uint8_t b, enum http_chunk_at next)
{
	if (b == '\n' || ++c->skipped > SKIPPED_MAX)
		return HTTP_CHUNK_BAD;
	if (b == '\r')
		c->at = next;
	return HTTP_CHUNK_MORE;
}

static enum http_chunk_result
expect(struct http_chunk *c, uint8_t b, uint8_t wanted, enum http_chunk_at next)
{
	c->at = next;
	return b == wanted ? HTTP_CHUNK_MORE : HTTP_CHUNK_BAD;
}

static enum http_chunk_result
read_byte(struct http_chunk *c, uint8_t b)
{
	switch (c->at) {
	case HTTP_CHUNK_AT_SIZE:
		return read_size(c, b);
	case HTTP_CHUNK_AT_EXTENSION:
		return skip(c, b, HTTP_CHUNK_AT_SIZE_LF);
	case HTTP_CHUNK_AT_SIZE_LF:
		return expect(c, b, '\n',
		    c->left > 0 ? HTTP_CHUNK_AT_DATA : HTTP_CHUNK_AT_LINE);
	case HTTP_CHUNK_AT_DATA_CR:
		return expect(c, b, '\r', HTTP_CHUNK_AT_DATA_LF);
	case HTTP_CHUNK_AT_DATA_LF:
		c->digits = 0;
		return expect(c, b, '\n', HTTP_CHUNK_AT_SIZE);
	case HTTP_CHUNK_AT_LINE:
		if (b == '\r') {
			c->at = HTTP_CHUNK_AT_LAST_LF;
			return HTTP_CHUNK_MORE;
		}
		c->at = HTTP_CHUNK_AT_TRAILER;
		return skip(c, b, HTTP_CHUNK_AT_TRAILER_LF);
	case HTTP_CHUNK_AT_TRAILER:
		return skip(c, b, HTTP_CHUNK_AT_TRAILER_LF);
	case HTTP_CHUNK_AT_TRAILER_LF:
		return expect(c, b, '\n', HTTP_CHUNK_AT_LINE);
	case HTTP_CHUNK_AT_LAST_LF:
		return b == '\n' ? HTTP_CHUNK_END : HTTP_CHUNK_BAD;
	case HTTP_CHUNK_AT_DATA:
		break;
	}
	return HTTP_CHUNK_BAD;
}

enum http_chunk_result
http_chunk_decode(
    struct http_chunk *c, uint8_t *p, size_t len, size_t *data, size_t *used)
{
	enum http_chunk_result result = HTTP_CHUNK_MORE;
	size_t i = 0, n;

	*data = 0;
	while (i < len && result == HTTP_CHUNK_MORE) {
		if (c->at != HTTP_CHUNK_AT_DATA) {
			result = read_byte(c, p[i++]);
			continue;
		}
		n = len - i;
		if (n > c->left)
			n = (size_t)c->left;
		memmove(p + *data, p + i, n);
		*data += n;
		i += n;
		c->left -= n;
		if (c->left == 0)
			c->at = HTTP_CHUNK_AT_DATA_CR;
	}
	*used = i;
	return result;
}
