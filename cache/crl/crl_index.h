/*
 * crl_index: serial number -> offset of the entry in the DER. Open addressing
 * over slots of eight bytes; the place follows from the upper bits of a keyed
 * 32-bit hash (fast range: any number of slots), which is kept whole in the
 * slot, so that growing needs neither the DER nor a second hash. The key is
 * random per index: who writes a CRL cannot choose collisions.
 *
 * Filled by one thread, then read by any number.
 */
#ifndef CACHE_CRL_CRL_INDEX_H
#define CACHE_CRL_CRL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <endian.h>

#include "cache/base/error.h"
#include "cache/base/span.h"
#include "cache/der/mem_block.h"

struct crl_slot {
	uint32_t hash;
	uint32_t offset; /* 0: free; no entry begins a CRL */
};

/*
 * Entries are gathered first, those of a large table by the upper bits of their
 * hash, and inserted part by part: each part of the table fits into the
 * second-level cache, whatever the size of the whole.
 */
#define CRL_INDEX_PARTS     32
#define CRL_INDEX_PART_BITS 5

/*
 * Called for a new entry with the same hash as one already there. Returns
 * KEEP_BOTH for different entries, KEEP_OLD, or KEEP_NEW to put the new one in
 * its place.
 */
enum crl_index_same {
	CRL_INDEX_KEEP_BOTH = 0,
	CRL_INDEX_KEEP_OLD,
	CRL_INDEX_KEEP_NEW,
	CRL_INDEX_FAIL,
};
typedef enum crl_index_same
crl_index_same_fn(void *arg, uint32_t old_offset, uint32_t new_offset);

struct crl_index {
	struct crl_slot *slots; /* in block */
	size_t num_slots;
	size_t num_used;
	size_t grow_at; /* num_used that asks for more room */
	uint64_t key[3];
	crl_index_same_fn *same;
	void *same_arg;
	struct mem_block block;
	struct crl_slot *gathered; /* runs of part_room each, in gather */
	unsigned part_bits;        /* of the hash: PART_BITS, or 0: one run */
	size_t part_room;
	size_t num_gathered;
	struct mem_block gather;
	uint32_t part_len[CRL_INDEX_PARTS];
};

int crl_index_init(
    struct crl_index *x, crl_index_same_fn *same, void *arg) MUST_USE;
void crl_index_cleanup(struct crl_index *x);

/* crl_index_room: how many entries can be added before crl_index_grow. */
static inline size_t
crl_index_room(const struct crl_index *x)
{
	size_t taken = x->num_used + x->num_gathered;

	return taken < x->grow_at ? x->grow_at - taken : 0;
}

/* crl_index_grow makes room for num entries in all. E_NOMEM, E_LIMIT. */
int crl_index_grow(struct crl_index *x, size_t num) MUST_USE;

/* crl_index_finish inserts what is gathered and gives back spare room. */
int crl_index_finish(struct crl_index *x) MUST_USE;

/* Inserts what is gathered; false when `same` said FAIL. */
bool crl_index_settle(struct crl_index *x);

/* Hashing. */

static inline uint64_t
crl_hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t
crl_hash_load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/*
 * crl_hash hashes a trimmed serial of 1..24 octets at s, of which 24 bytes at
 * least can be read; what lies behind its end does not count.
 */
static inline uint32_t
crl_hash(const struct crl_index *x, const uint8_t *s, size_t len)
{
	uint64_t a, b, c = 0, h;

	if (len >= 8) {
		a = crl_hash_load(s);
		b = crl_hash_load(s + (len <= 16 ? len - 8 : 8));
		if (len > 16)
			c = crl_hash_load(s + len - 8);
	} else {
		a = crl_hash_load(s) << (8 * (8 - len));
		b = 0;
	}
	h = crl_hash_mix(a ^ x->key[0], b ^ x->key[1] ^ len);
	h = crl_hash_mix(h ^ c, x->key[2]);
	return (uint32_t)(h >> 32);
}

/* crl_hash_any is crl_hash for any length, reading len bytes only. */
uint32_t crl_hash_any(const struct crl_index *x, struct span serial);

static inline size_t
crl_index_home(const struct crl_index *x, uint32_t hash)
{
	return (size_t)(((uint64_t)hash * x->num_slots) >> 32);
}

/* crl_index_add takes an entry; there must be room. False: see settle. */
static inline bool
crl_index_add(struct crl_index *x, uint32_t hash, uint32_t offset)
{
	size_t part = (size_t)((uint64_t)hash << x->part_bits >> 32);
	uint32_t n = x->part_len[part]++;

	x->gathered[part * x->part_room + n] =
	    (struct crl_slot){.hash = hash, .offset = offset};
	x->num_gathered++;
	return __builtin_expect(n + 1 < x->part_room, 1) || crl_index_settle(x);
}

/*
 * crl_index_seek walks the offsets that may belong to hash: *at starts as
 * SIZE_MAX; 0 at the end.
 */
uint32_t crl_index_seek(const struct crl_index *x, uint32_t hash, size_t *at);

#endif
