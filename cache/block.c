/*
 * block: see the header. Owns the choice between heap and pages; any thread,
 * one at a time per block. Never looks at what is stored.
 */
#include "cache/block.h"

#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

/* From here on pages, so that growing is a move of page tables. */
#define BLOCK_PAGES_FROM ((size_t)256 << 10)
#define BLOCK_HUGE_FROM  ((size_t)2 << 20)

static void
block_advise(struct block *b)
{
	/* A hint: without huge pages everything works, a little slower. */
	if (b->len >= BLOCK_HUGE_FROM)
		(void)madvise(b->p, b->len, MADV_HUGEPAGE);
}

static uint8_t *
pages_new(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int
block_alloc(struct block *b, size_t len)
{
	*b = (struct block){.len = len};
	if (len >= BLOCK_PAGES_FROM) {
		b->home = BLOCK_PAGES;
		b->p = pages_new(len);
	} else {
		b->p = calloc(1, len > 0 ? len : 1);
	}
	if (b->p == NULL) {
		*b = (struct block){0};
		return E_NOMEM;
	}
	if (b->home == BLOCK_PAGES)
		block_advise(b);
	return 0;
}

int
block_resize(struct block *b, size_t len)
{
	struct block fresh;
	void *p;

	if (b->home == BLOCK_PAGES && len >= BLOCK_PAGES_FROM) {
		p = mremap(b->p, b->len, len, MREMAP_MAYMOVE);
		if (p == MAP_FAILED)
			return E_NOMEM;
		b->p = p;
		b->len = len;
		block_advise(b);
		return 0;
	}
	if (b->home == BLOCK_HEAP && len < BLOCK_PAGES_FROM) {
		p = realloc(b->p, len > 0 ? len : 1);
		if (p == NULL)
			return E_NOMEM;
		b->p = p;
		b->len = len;
		return 0;
	}
	if (block_alloc(&fresh, len) != 0)
		return E_NOMEM;
	if (b->p != NULL)
		memcpy(fresh.p, b->p, b->len < len ? b->len : len);
	block_cleanup(b);
	*b = fresh;
	return 0;
}

void
block_take(struct block *b, uint8_t *p, size_t len)
{
	*b = (struct block){.p = p, .len = len, .home = BLOCK_HEAP};
}

int
block_map(struct block *b, int fd, size_t offset, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), skip = offset % page;
	void *p = mmap(NULL, len + skip, PROT_READ, MAP_PRIVATE, fd,
	    (off_t)(offset - skip));

	*b = (struct block){0};
	if (p == MAP_FAILED)
		return E_IO;
	(void)madvise(p, len + skip, MADV_WILLNEED);
	*b = (struct block){.p = (uint8_t *)p + skip,
	    .len = len,
	    .home = BLOCK_FILE,
	    .skip = skip};
	return 0;
}

void
block_cleanup(struct block *b)
{
	if (b->home == BLOCK_HEAP)
		free(b->p);
	else if (b->p != NULL)
		(void)munmap(b->p - b->skip, b->len + b->skip);
	*b = (struct block){0};
}
