/*
 * http_chunk: takes the framing of a chunked body away (RFC 9112 section
 * 7.1), in place, as bytes come in. Extensions and trailers are dropped.
 * Pure.
 */
#ifndef GATEWAY_HTTP1_HTTP_CHUNK_H
#define GATEWAY_HTTP1_HTTP_CHUNK_H

#include <stddef.h>
#include <stdint.h>

enum http_chunk_result {
	HTTP_CHUNK_BAD = 0,
	HTTP_CHUNK_MORE,
	HTTP_CHUNK_END /* the body is over */
};

enum http_chunk_at {
	HTTP_CHUNK_AT_SIZE = 0,
	HTTP_CHUNK_AT_EXTENSION,
	HTTP_CHUNK_AT_SIZE_LF,
	HTTP_CHUNK_AT_DATA,
	HTTP_CHUNK_AT_DATA_CR,
	HTTP_CHUNK_AT_DATA_LF,
	HTTP_CHUNK_AT_LINE,    /* the beginning of a trailer line */
	HTTP_CHUNK_AT_TRAILER, /* in one */
	HTTP_CHUNK_AT_TRAILER_LF,
	HTTP_CHUNK_AT_LAST_LF
};

/* Zeroed at the beginning of a body. */
struct http_chunk {
	enum http_chunk_at at;
	unsigned digits;  /* of the size seen */
	unsigned skipped; /* bytes of extensions and trailers */
	uint64_t left;    /* of this chunk */
};

/*
 * Moves the data of p[0..len) to its front: *data bytes. *used: bytes looked
 * at; END leaves what comes after the body.
 */
enum http_chunk_result http_chunk_decode(
    struct http_chunk *c, uint8_t *p, size_t len, size_t *data, size_t *used);

#endif
