/*
 * store_file: the tier on disk. One file a piece of evidence: a page of text
 *about it, then the signed DER as it came. Written by a thread of its own to a
 * temporary name, synced, renamed, mode 0600; read lazily, mapped where large.
 *
 *	DIR/v1/<two hex digits>/<key in hex>	what is kept
 *	DIR/v1/aside/<key in hex>		what was refused on reading
 */
#ifndef CACHE_STORE_STORE_FILE_H
#define CACHE_STORE_STORE_FILE_H

#include "cache/base/log.h"
#include "cache/store/store.h"

struct store_options {
	const char *dir;
	uint64_t max_bytes;
	uint32_t max_ocsp_bytes;
	const struct log *log; /* outlives the store */
};

/* Makes what is missing of the directories (0700). E_IO, E_NOMEM. */
int store_new(struct store **out, const struct store_options *o,
    struct err *err) MUST_USE;

/* The format, for tools that read a directory without an engine. */

#define STORE_HEADER_BYTES 4096

/* store_header_write fills a whole page. */
void store_header_write(
    char page[STORE_HEADER_BYTES], const struct store_meta *m, size_t der_len);

/* store_header_read: false when this is not a page of this version. */
bool store_header_read(
    const char page[STORE_HEADER_BYTES], struct store_meta *m, size_t *der_len);

/*
 * store_read opens one file and checks its header: 1 and *out, 0 when there is
 * none, E_PARSE with err when it is cut short or not of this format, E_IO.
 */
int store_read(struct store_record *out, const char *path, size_t max_ocsp,
    struct err *err) MUST_USE;

/* store_write writes one file as described above. */
int store_write(const char *dir, const struct store_meta *m, struct span der,
    struct err *err) MUST_USE;

/* Calls fn with the path of every stored file until it returns false. */
int store_each(const char *dir, bool (*fn)(void *arg, const char *path),
    void *arg, struct err *err) MUST_USE;

#endif
