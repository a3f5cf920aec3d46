/*
 * digest_map: see the header. A node that one map alone refers to, by a path of
 * such nodes, is changed in place; every other is copied first. Copying changes
 * nothing that a reader could see, so that a change which runs out of memory
 * half-way down has changed nothing.
 */
#include "cache/base/digest_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BITS_A_LEVEL 5
#define MAX_LEVELS   ((DIGEST_MAP_KEY_LEN * 8 + BITS_A_LEVEL - 1) / BITS_A_LEVEL)

/* Entries stand in the order of their bits, those that are set alone. */
struct digest_node {
	struct ref ref;
	uint32_t used;  /* which of the 32 ways lead somewhere */
	uint32_t items; /* of these, which lead to an item */
	union entry {
		struct digest_node *node;
		struct digest_item *item;
	} entries[];
};

/* Bits. */

static uint32_t
bit_of(const uint8_t *key, unsigned level)
{
	unsigned at = level * BITS_A_LEVEL, byte = at / 8;
	unsigned two = (unsigned)key[byte] << 8;

	if (byte + 1 < DIGEST_MAP_KEY_LEN)
		two |= key[byte + 1];
	return UINT32_C(1) << (two >> (16 - BITS_A_LEVEL - at % 8) & 31);
}

static unsigned
count_bits(uint32_t bits)
{
	return (unsigned)__builtin_popcount(bits);
}

static unsigned
place_of(const struct digest_node *n, uint32_t bit)
{
	return count_bits(n->used & (bit - 1));
}

/* Nodes. */

static struct digest_node *
node_new(unsigned num)
{
	struct digest_node *n =
	    calloc(1, sizeof(*n) + num * sizeof(union entry));

	if (n != NULL)
		ref_init(&n->ref);
	return n;
}

static void
item_drop(const struct digest_map *m, struct digest_item *item)
{
	if (ref_down(&item->ref))
		m->free_item(item);
}

static void
node_drop(const struct digest_map *m, struct digest_node *n)
{
	unsigned i = 0;

	if (n == NULL || !ref_down(&n->ref))
		return;
	for (uint32_t left = n->used; left != 0; left &= left - 1, i++)
		if (n->items & (left & -left))
			item_drop(m, n->entries[i].item);
		else
			node_drop(m, n->entries[i].node);
	free(n);
}

static bool
node_is_own(struct digest_node *n)
{
	return atomic_load_explicit(&n->ref.count, memory_order_acquire) == 1;
}

static void
entry_drop(const struct digest_map *m, union entry e, bool is_item)
{
	if (is_item)
		item_drop(m, e.item);
	else
		node_drop(m, e.node);
}

static void
entry_up_ref(union entry e, bool is_item)
{
	ref_up(is_item ? &e.item->ref : &e.node->ref);
}

/*
 * A node of its own for `used` in the place of *at: entries that both have are
 * kept, those of *at alone are dropped, those of `used` alone are empty.
 */
static int
node_reshape(struct digest_map *m, struct digest_node **at, uint32_t used)
{
	struct digest_node *old = *at, *fresh = node_new(count_bits(used));
	bool own = node_is_own(old);
	unsigned from = 0;

	if (fresh == NULL)
		return E_NOMEM;
	fresh->used = used;
	fresh->items = old->items & used;
	for (uint32_t left = old->used; left != 0; left &= left - 1, from++) {
		uint32_t bit = left & -left;
		union entry e = old->entries[from];

		if (used & bit) {
			if (!own)
				entry_up_ref(e, old->items & bit);
			fresh->entries[place_of(fresh, bit)] = e;
		} else if (own) {
			entry_drop(m, e, old->items & bit);
		}
	}
	if (own)
		free(old);
	else
		node_drop(m, old);
	*at = fresh;
	return 0;
}

static int
node_own(struct digest_map *m, struct digest_node **at)
{
	return node_is_own(*at) ? 0 : node_reshape(m, at, (*at)->used);
}

/* Moves the item of an entry one level down, to make room beside it. */
static int
entry_split(union entry *e, unsigned level)
{
	struct digest_node *child = node_new(1);

	if (child == NULL)
		return E_NOMEM;
	child->used = child->items = bit_of(e->item->key, level + 1);
	child->entries[0] = *e;
	e->node = child;
	return 0;
}

/* The map. */

void
digest_map_init(
    struct digest_map *m, void (*free_item)(struct digest_item *item))
{
	*m = (struct digest_map){.free_item = free_item};
}

void
digest_map_copy(struct digest_map *to, const struct digest_map *from)
{
	*to = *from;
	if (to->root != NULL)
		ref_up(&to->root->ref);
}

void
digest_map_cleanup(struct digest_map *m)
{
	node_drop(m, m->root);
	m->root = NULL;
	m->num = 0;
}

struct digest_item *
digest_map_find(
    const struct digest_map *m, const uint8_t key[DIGEST_MAP_KEY_LEN])
{
	const struct digest_node *n = m->root;
	struct digest_item *item;

	for (unsigned level = 0; n != NULL; level++) {
		uint32_t bit = bit_of(key, level);

		if (!(n->used & bit))
			return NULL;
		if (n->items & bit) {
			item = n->entries[place_of(n, bit)].item;
			return memcmp(item->key, key, DIGEST_MAP_KEY_LEN) == 0
			    ? item
			    : NULL;
		}
		n = n->entries[place_of(n, bit)].node;
	}
	return NULL;
}

int
digest_map_put(struct digest_map *m, struct digest_item *item)
{
	struct digest_node **at = &m->root;

	if (*at == NULL && (*at = node_new(0)) == NULL)
		return E_NOMEM;
	for (unsigned level = 0;; level++) {
		uint32_t bit = bit_of(item->key, level);
		union entry *e;

		assert(level < MAX_LEVELS);
		if (!((*at)->used & bit)) {
			if (node_reshape(m, at, (*at)->used | bit) != 0)
				return E_NOMEM;
			(*at)->items |= bit;
			(*at)->entries[place_of(*at, bit)].item = item;
			m->num++;
			return 0;
		}
		if (node_own(m, at) != 0)
			return E_NOMEM;
		e = &(*at)->entries[place_of(*at, bit)];
		if ((*at)->items & bit) {
			if (memcmp(e->item->key, item->key,
				DIGEST_MAP_KEY_LEN) == 0) {
				item_drop(m, e->item);
				e->item = item;
				return 0;
			}
			if (entry_split(e, level) != 0)
				return E_NOMEM;
			(*at)->items &= ~bit;
		}
		at = &e->node;
	}
}

/*
 * The level of the last node on the way to a key that leads elsewhere, too:
 * what is below it on that way goes with the key.
 */
static unsigned
last_fork(const struct digest_map *m, const uint8_t *key)
{
	const struct digest_node *n = m->root;
	unsigned fork = 0;

	for (unsigned level = 0;; level++) {
		uint32_t bit = bit_of(key, level);

		if (count_bits(n->used) > 1)
			fork = level;
		if (n->items & bit)
			return fork;
		n = n->entries[place_of(n, bit)].node;
	}
}

int
digest_map_remove(struct digest_map *m, const uint8_t key[DIGEST_MAP_KEY_LEN])
{
	struct digest_node **at = &m->root;
	unsigned fork;

	if (digest_map_find(m, key) == NULL)
		return 0;
	fork = last_fork(m, key);
	for (unsigned level = 0; level < fork; level++) {
		if (node_own(m, at) != 0)
			return E_NOMEM;
		at = &(*at)->entries[place_of(*at, bit_of(key, level))].node;
	}
	if (node_reshape(m, at, (*at)->used & ~bit_of(key, fork)) != 0)
		return E_NOMEM;
	m->num--;
	return 1;
}
