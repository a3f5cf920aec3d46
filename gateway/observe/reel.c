/* reel: see the header. A block goes with the last piece of it. */
#include "gateway/observe/reel.h"

#include <stdlib.h>

#include "cache/base/ref.h"

struct reel_block {
	struct ref ref; /* a piece has one, and its reel until it is full */
	size_t used, max;
	unsigned char bytes[];
};

static void
block_release(struct reel_block *b)
{
	if (b != NULL && ref_down(&b->ref))
		free(b);
}

static struct reel_block *
block_new(size_t len)
{
	const size_t usual =
	    REEL_BLOCK_BYTES - offsetof(struct reel_block, bytes);
	size_t max = len > usual ? len : usual;
	struct reel_block *b = malloc(sizeof(*b) + max);

	if (b == NULL)
		return NULL;
	ref_init(&b->ref);
	b->used = 0;
	b->max = max;
	return b;
}

struct reel_piece
reel_add(struct reel *r, size_t len)
{
	struct reel_block *b = r->last;
	struct reel_piece p = {0};

	if (len == 0)
		return p;
	if (b == NULL || len > b->max - b->used) {
		b = block_new(len);
		if (b == NULL)
			return p;
		block_release(r->last);
		r->last = b;
	}
	p = (struct reel_piece){b, b->bytes + b->used, len};
	b->used += len;
	ref_up(&b->ref);
	return p;
}

void
reel_cleanup(struct reel *r)
{
	block_release(r->last);
	r->last = NULL;
}

void
reel_piece_up_ref(const struct reel_piece *p)
{
	if (p->block != NULL)
		ref_up(&p->block->ref);
}

void
reel_piece_release(const struct reel_piece *p)
{
	block_release(p->block);
}
