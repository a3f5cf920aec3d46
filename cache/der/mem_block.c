/*
 * mem_block: see the header. Chooses between heap and pages. Any thread, one at
 * a time per block.
 */
#include "cache/der/mem_block.h"

#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

/*
 * From this size on pages are used, so that growing moves page tables: huge
 * ones, since each that is touched first costs a fault. Below it the heap's
 * cost less, which have been touched before.
 */
#define MEM_BLOCK_PAGES_FROM ((size_t)1 << 20)
#define MEM_BLOCK_HUGE       ((size_t)2 << 20)

/* Whole huge pages: the kernel then places the mapping on their border. */
static size_t
pages_size(size_t len)
{
	return (len + MEM_BLOCK_HUGE - 1) / MEM_BLOCK_HUGE * MEM_BLOCK_HUGE;
}

static void
mem_block_advise(struct mem_block *b)
{
	/* A hint: without huge pages it works as well, a little slower. */
	(void)madvise(b->p, b->mapped, MADV_HUGEPAGE);
}

static int
mem_block_alloc_pages(struct mem_block *b, size_t len)
{
	size_t mapped = pages_size(len);
	void *p = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return E_NOMEM;
	*b = (struct mem_block){
	    .p = p, .len = len, .home = MEM_BLOCK_PAGES, .mapped = mapped};
	mem_block_advise(b);
	return 0;
}

int
mem_block_alloc(struct mem_block *b, size_t len)
{
	*b = (struct mem_block){0};
	if (len >= MEM_BLOCK_PAGES_FROM)
		return mem_block_alloc_pages(b, len);
	b->p = calloc(1, len > 0 ? len : 1);
	if (b->p == NULL)
		return E_NOMEM;
	b->len = len;
	return 0;
}

int
mem_block_resize(struct mem_block *b, size_t len)
{
	struct mem_block fresh;
	size_t mapped;
	void *p;

	if (b->home == MEM_BLOCK_PAGES && len >= MEM_BLOCK_PAGES_FROM) {
		mapped = pages_size(len);
		p = mremap(b->p, b->mapped, mapped, MREMAP_MAYMOVE);
		if (p == MAP_FAILED)
			return E_NOMEM;
		b->p = p;
		b->len = len;
		b->mapped = mapped;
		mem_block_advise(b);
		return 0;
	}
	if (b->home == MEM_BLOCK_HEAP && len < MEM_BLOCK_PAGES_FROM) {
		p = realloc(b->p, len > 0 ? len : 1);
		if (p == NULL)
			return E_NOMEM;
		b->p = p;
		b->len = len;
		return 0;
	}
	if (mem_block_alloc(&fresh, len) != 0)
		return E_NOMEM;
	if (b->p != NULL)
		memcpy(fresh.p, b->p, b->len < len ? b->len : len);
	mem_block_cleanup(b);
	*b = fresh;
	return 0;
}

/* The block owns p: what it points at is not const. */
void /* NOLINTNEXTLINE(readability-non-const-parameter) */
mem_block_take(struct mem_block *b, uint8_t *p, size_t len)
{
	*b = (struct mem_block){.p = p, .len = len, .home = MEM_BLOCK_HEAP};
}

int
mem_block_map(struct mem_block *b, int fd, size_t offset, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), skip = offset % page;
	void *p = mmap(NULL, len + skip, PROT_READ, MAP_PRIVATE, fd,
	    (off_t)(offset - skip));

	*b = (struct mem_block){0};
	if (p == MAP_FAILED)
		return E_IO;
	(void)madvise(p, len + skip, MADV_WILLNEED);
	*b = (struct mem_block){.p = (uint8_t *)p + skip,
	    .len = len,
	    .home = MEM_BLOCK_FILE,
	    .skip = skip};
	return 0;
}

void
mem_block_trim(struct mem_block *b)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t used = (b->len + page - 1) / page * page;

	if (b->home == MEM_BLOCK_PAGES && used < b->mapped)
		(void)madvise(b->p + used, b->mapped - used, MADV_DONTNEED);
}

void
mem_block_cleanup(struct mem_block *b)
{
	switch (b->home) {
	case MEM_BLOCK_HEAP:
		free(b->p);
		break;
	case MEM_BLOCK_PAGES:
		(void)munmap(b->p, b->mapped);
		break;
	case MEM_BLOCK_FILE:
		(void)munmap(b->p - b->skip, b->len + b->skip);
		break;
	}
	*b = (struct mem_block){0};
}
