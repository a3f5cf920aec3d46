/*
 * reel: bytes that are kept one after another and let go in about that order.
 * They lie in blocks of their own: small pieces of memory that outlive the
 * connections between which they were made would keep a page each.
 * One thread at a time writes to a reel; pieces are counted, any thread lets
 * go of them.
 */
#ifndef GATEWAY_OBSERVE_REEL_H
#define GATEWAY_OBSERVE_REEL_H

#include <stddef.h>

#define REEL_BLOCK_BYTES 32768

struct reel_block;

struct reel {
	struct reel_block *last; /* a reference; NULL: nothing was written */
};

/* Bytes that stay until it is released. Zeroed: none. */
struct reel_piece {
	struct reel_block *block;
	unsigned char *bytes;
	size_t len;
};

/* A piece for the caller to fill; none where memory is short. */
struct reel_piece reel_add(struct reel *r, size_t len);
/* Pieces outlive it. */
void reel_cleanup(struct reel *r);

void reel_piece_up_ref(const struct reel_piece *p);
void reel_piece_release(const struct reel_piece *p);

#endif
