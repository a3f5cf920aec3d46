/*
 * block: see the header. Owns the choice between heap and pages; any thread,
 * one at a time per block. Never looks at what is stored.
 */
#include "cache/der/block.h"

#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

/* From here on pages, so that growing is a move of page tables. */
#define BLOCK_PAGES_FROM ((size_t)256 << 10)
#define BLOCK_HUGE_FROM  ((size_t)4 << 20)
#define BLOCK_HUGE       ((size_t)2 << 20)
#define BLOCK_SMALL      ((size_t)64 << 10)

/* Whole huge pages: the kernel then places the mapping on their border. */
static size_t
pages_size(size_t len)
{
	size_t unit = len >= BLOCK_HUGE_FROM ? BLOCK_HUGE : BLOCK_SMALL;

	return (len + unit - 1) / unit * unit;
}

static void
block_advise(struct block *b)
{
	/* A hint: without huge pages everything works, a little slower. */
	if (b->len >= BLOCK_HUGE_FROM)
		(void)madvise(b->p, b->mapped, MADV_HUGEPAGE);
}

static int
block_alloc_pages(struct block *b, size_t len)
{
	size_t mapped = pages_size(len);
	void *p = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return E_NOMEM;
	*b = (struct block){
	    .p = p, .len = len, .home = BLOCK_PAGES, .mapped = mapped};
	block_advise(b);
	return 0;
}

int
block_alloc(struct block *b, size_t len)
{
	*b = (struct block){0};
	if (len >= BLOCK_PAGES_FROM)
		return block_alloc_pages(b, len);
	b->p = calloc(1, len > 0 ? len : 1);
	if (b->p == NULL)
		return E_NOMEM;
	b->len = len;
	return 0;
}

int
block_resize(struct block *b, size_t len)
{
	struct block fresh;
	size_t mapped;
	void *p;

	if (b->home == BLOCK_PAGES && len >= BLOCK_PAGES_FROM) {
		mapped = pages_size(len);
		p = mremap(b->p, b->mapped, mapped, MREMAP_MAYMOVE);
		if (p == MAP_FAILED)
			return E_NOMEM;
		b->p = p;
		b->len = len;
		b->mapped = mapped;
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

/* The block owns p: what it points at is not const. */
void /* NOLINTNEXTLINE(readability-non-const-parameter) */
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
block_trim(struct block *b)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t used = (b->len + page - 1) / page * page;

	if (b->home == BLOCK_PAGES && used < b->mapped)
		(void)madvise(b->p + used, b->mapped - used, MADV_DONTNEED);
}

void
block_cleanup(struct block *b)
{
	switch (b->home) {
	case BLOCK_HEAP:
		free(b->p);
		break;
	case BLOCK_PAGES:
		(void)munmap(b->p, b->mapped);
		break;
	case BLOCK_FILE:
		(void)munmap(b->p - b->skip, b->len + b->skip);
		break;
	}
	*b = (struct block){0};
}
