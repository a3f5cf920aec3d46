/*
 * block: a run of memory that may be large: heap when small, anonymous pages
 * (huge ones where the kernel has them) when not, or a file's pages. Growing
 * moves pages instead of copying bytes.
 */
#ifndef CACHE_DER_BLOCK_H
#define CACHE_DER_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"

enum block_home {
	BLOCK_HEAP = 0, /* also the empty block */
	BLOCK_PAGES,
	BLOCK_FILE, /* read-only */
};

struct block {
	uint8_t *p;
	size_t len; /* bytes that are there */
	enum block_home home;
	size_t skip;   /* FILE: mapped bytes in front of p */
	size_t mapped; /* PAGES: whole pages, huge ones where len is large */
};

/* block_alloc: zero-filled pages or heap. E_NOMEM. */
int block_alloc(struct block *b, size_t len) MUST_USE;

/* block_resize keeps the content up to the smaller size. E_NOMEM leaves b. */
int block_resize(struct block *b, size_t len) MUST_USE;

/* block_take makes a malloc'd run a block, which frees it. */
void block_take(struct block *b, uint8_t *p, size_t len);

/* block_map maps len bytes at offset for reading. E_IO with errno. */
int block_map(struct block *b, int fd, size_t offset, size_t len) MUST_USE;

/*
 * block_trim gives back what a huge page holds behind len; for blocks that
 * have stopped growing, so that they cost what they say.
 */
void block_trim(struct block *b);

void block_cleanup(struct block *b);

#endif
