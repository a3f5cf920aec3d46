/*
 * mem_block: a run of memory that may be large: heap when small, anonymous
 * pages (huge ones where the kernel has them) when not, or a file's pages.
 * Growing moves pages instead of copying bytes.
 */
#ifndef CACHE_DER_MEM_BLOCK_H
#define CACHE_DER_MEM_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"

enum mem_block_home {
	MEM_BLOCK_HEAP = 0, /* also the empty block */
	MEM_BLOCK_PAGES,
	MEM_BLOCK_FILE, /* read-only */
};

struct mem_block {
	uint8_t *p;
	size_t len; /* bytes that are there */
	enum mem_block_home home;
	size_t skip;   /* FILE: mapped bytes in front of p */
	size_t mapped; /* PAGES: whole pages, huge ones where len is large */
};

/* mem_block_alloc: zero-filled pages or heap. E_NOMEM. */
int mem_block_alloc(struct mem_block *b, size_t len) MUST_USE;

/* mem_block_resize keeps the content up to the smaller size. E_NOMEM leaves b.
 */
int mem_block_resize(struct mem_block *b, size_t len) MUST_USE;

/* mem_block_take makes a malloc'd run a block, which frees it. */
void mem_block_take(struct mem_block *b, uint8_t *p, size_t len);

/* mem_block_map maps len bytes at offset for reading. E_IO with errno. */
int
mem_block_map(struct mem_block *b, int fd, size_t offset, size_t len) MUST_USE;

/*
 * mem_block_trim frees the part of a huge page behind len. For blocks that have
 * stopped growing, so that they use as much memory as they report.
 */
void mem_block_trim(struct mem_block *b);

void mem_block_cleanup(struct mem_block *b);

#endif
