/*
 * fleet_chunk: as much of a write as one transaction takes: its records, the
 * head that counts them, and what is compared. Private to gateway/fleet.
 */
#ifndef GATEWAY_FLEET_FLEET_CHUNK_H
#define GATEWAY_FLEET_FLEET_CHUNK_H

#include "gateway/fleet/fleet_wish.h"

/* Zeroed is empty. */
struct fleet_chunk {
	struct fleet_wish *v; /* within the write's */
	size_t num;
	int64_t n;             /* of this change */
	int64_t head_compared; /* revision */
	int64_t lease;         /* of tombstones; kept for the next; 0: none */
	uint8_t *head;         /* sealed */
	size_t head_len;
};

/* How many of these go into it: at least one. What was sealed is unsealed
 * before. */
void
fleet_chunk_choose(struct fleet_chunk *c, struct fleet_wish *v, size_t num);
bool fleet_chunk_needs_lease(const struct fleet_chunk *c);
/* As change n. */
int fleet_chunk_seal(struct fleet *f, struct fleet_chunk *c, int64_t n,
    struct err *err) MUST_USE;
void fleet_chunk_unseal(struct fleet_chunk *c);
void fleet_chunk_send(
    struct fleet *f, struct fleet_chunk *c, engine_done_fn *done, void *arg);

/* It got through: as if the watch had brought it. */
void
fleet_chunk_see(struct fleet *f, const struct fleet_chunk *c, int64_t revision);
/* Whose text says whether all of them got through. */
const struct fleet_wish *fleet_chunk_telling(const struct fleet_chunk *c);
/* Whether what made it lose has come. */
bool fleet_chunk_moved(const struct fleet *f, const struct fleet_chunk *c);

#endif
