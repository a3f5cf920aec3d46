/*
 * digest_map: from SHA-256 digests to counted items, made so that a copy costs
 * nothing and a change of one costs a few small allocations, however many
 * items there are: copies share what they have in common (a hash trie of
 * counted nodes, 32 ways a level, nodes copied when a change meets one that is
 * shared).
 *
 * A map is a plain value: whoever holds one may change it, and no copy made
 * before notices. A map that is shared between threads must not be changed any
 * more; reading it and copying it is safe from any thread.
 */
#ifndef CACHE_BASE_DIGEST_MAP_H
#define CACHE_BASE_DIGEST_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "cache/base/ref.h"

#define DIGEST_MAP_KEY_LEN 32

/* The first member of what is kept. Immutable once it is in a map. */
struct digest_item {
	struct ref ref;
	uint8_t key[DIGEST_MAP_KEY_LEN]; /* spread evenly, as a digest is */
};

struct digest_node;

struct digest_map {
	struct digest_node *root; /* NULL: empty */
	size_t num;
	void (*free_item)(struct digest_item *item); /* the last reference's */
};

void digest_map_init(
    struct digest_map *m, void (*free_item)(struct digest_item *item));
/* Makes *to, which was not a map before, hold what *from holds. */
void digest_map_copy(struct digest_map *to, const struct digest_map *from);
void digest_map_cleanup(struct digest_map *m);

/* NULL when there is none; lent while this map, or a copy, holds it. */
struct digest_item *digest_map_find(
    const struct digest_map *m, const uint8_t key[DIGEST_MAP_KEY_LEN]);

/*
 * Takes over the caller's reference to item and puts it in place of one with
 * the same key. E_NOMEM leaves the map as it was and the item the caller's.
 */
int digest_map_put(struct digest_map *m, struct digest_item *item) MUST_USE;

/* 1 when one was taken out, 0 when there was none, E_NOMEM as above. */
int digest_map_remove(
    struct digest_map *m, const uint8_t key[DIGEST_MAP_KEY_LEN]) MUST_USE;

#endif
