/*
 * crl_index: see the header. It does not read entries: the caller who adds one
 * says whether two with the same hash are equal, and who looks one up compares
 * again.
 */
#include "cache/crl/crl_index.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <openssl/rand.h>

/*
 * Fill of 0.725 keeps a slot table within 11.1 bytes an entry, two probes a
 * hit and seven a miss, all in one or two cache lines. Growth at 0.8.
 */
#define SLOTS_FOR(n)  ((n) + (n) / 100 * 38 + (n) % 100 * 38 / 100 + 8)
#define GROW_AT(s)    ((s) / 5 * 4)
#define TOO_ROOMY(n)  ((n) + (n) / 100 * 42 + 64)
#define FIRST_ENTRIES 256
#define MAX_GATHERED  ((size_t)1 << 20)
/* A table for less fits into the second-level cache as it is. */
#define PARTS_FROM ((size_t)96 << 10)
#define ONE_ROOM   512
/* Slots are prefetched so many entries before they are filled. */
#define AHEAD 16
/*
 * A serial listed for more issuers than this is taken for an attack on the
 * table.
 */
#define MAX_TWINS 256

int
crl_index_init(struct crl_index *x, crl_index_same_fn *same, void *arg)
{
	*x = (struct crl_index){.same = same, .same_arg = arg};
	if (RAND_bytes((unsigned char *)x->key, sizeof(x->key)) != 1)
		return E_INTERNAL;
	x->key[2] |= 1;
	return 0;
}

void
crl_index_cleanup(struct crl_index *x)
{
	mem_block_cleanup(&x->block);
	mem_block_cleanup(&x->gather);
	*x = (struct crl_index){0};
}

/* Moves all slots into a table of num_slots. */
static int
index_rebuild(struct crl_index *x, size_t num_slots)
{
	struct crl_slot *old = x->slots, s;
	size_t num_old = x->num_slots, at;
	struct mem_block was = x->block, fresh;

	if (num_slots > UINT32_MAX)
		return E_LIMIT;
	if (mem_block_alloc(&fresh, num_slots * sizeof(*old)) != 0)
		return E_NOMEM;
	x->block = fresh;
	x->slots = (struct crl_slot *)(void *)fresh.p;
	x->num_slots = num_slots;
	x->grow_at = GROW_AT(num_slots);
	/* Homes rise with the hash: both tables are walked front to back. */
	for (size_t i = 0; i < num_old; i++) {
		s = old[i];
		if (s.offset == 0)
			continue;
		at = crl_index_home(x, s.hash);
		while (x->slots[at].offset != 0)
			at = at + 1 == num_slots ? 0 : at + 1;
		x->slots[at] = s;
	}
	mem_block_cleanup(&was);
	return 0;
}

/* Runs for gathering num entries, or as many as is worth while. */
static int
index_gather_room(struct crl_index *x, size_t num)
{
	size_t mean = ONE_ROOM;
	unsigned bits = num < PARTS_FROM ? 0 : CRL_INDEX_PART_BITS;

	if (num > MAX_GATHERED)
		num = MAX_GATHERED;
	/* An eighth more than the mean: rarely does one run fill early. */
	if (bits > 0)
		mean = num / CRL_INDEX_PARTS + num / CRL_INDEX_PARTS / 8 + 8;
	if (mean <= x->part_room)
		return 0;
	mem_block_cleanup(&x->gather);
	x->part_room = 0;
	if (mem_block_alloc(&x->gather,
		((mean << bits) + AHEAD) * sizeof(*x->gathered)) != 0)
		return E_NOMEM;
	x->gathered = (struct crl_slot *)(void *)x->gather.p;
	x->part_room = mean;
	x->part_bits = bits;
	return 0;
}

int
crl_index_grow(struct crl_index *x, size_t num)
{
	int rc;

	if (num < FIRST_ENTRIES)
		num = FIRST_ENTRIES;
	if (!crl_index_settle(x))
		return E_PARSE;
	rc = index_gather_room(x, num);
	if (rc != 0)
		return rc;
	if (x->grow_at >= num)
		return 0;
	return index_rebuild(x, SLOTS_FOR(num));
}

/* Inserts s. Place `at` is taken or has its hash: looks behind it. */
static bool
index_insert(struct crl_index *x, struct crl_slot s, size_t at)
{
	unsigned twins = 0;

	for (; x->slots[at].offset != 0;
	     at = at + 1 == x->num_slots ? 0 : at + 1) {
		if (x->slots[at].hash != s.hash)
			continue;
		switch (x->same(x->same_arg, x->slots[at].offset, s.offset)) {
		case CRL_INDEX_KEEP_OLD:
			return true;
		case CRL_INDEX_KEEP_NEW:
			x->slots[at].offset = s.offset;
			return true;
		case CRL_INDEX_KEEP_BOTH:
			if (++twins <= MAX_TWINS)
				continue;
			return false;
		case CRL_INDEX_FAIL:
			return false;
		}
	}
	x->slots[at] = s;
	x->num_used++;
	return true;
}

/*
 * The first free one of LOOK slots at v, LOOK if there is none or one before it
 * has this hash. Without a branch: where it lies is chance, and a mispredicted
 * one costs more than all the rest.
 */
#define LOOK 8

static size_t
first_free(const struct crl_slot *v, uint32_t hash)
{
#ifdef __SSE2__
	/* Two lanes a slot, as it lies: the hash, and 0 where it is free. */
	const __m128i want = _mm_set_epi32(0, (int)hash, 0, (int)hash);
	const __m128i *at = (const void *)v;
	__m128i low, high;
	unsigned m, same, free;

	low = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_loadu_si128(at), want),
	    _mm_cmpeq_epi32(_mm_loadu_si128(at + 1), want));
	high = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_loadu_si128(at + 2), want),
	    _mm_cmpeq_epi32(_mm_loadu_si128(at + 3), want));
	m = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(low, high));
	same = m & 0x5555;
	free = m & 0xaaaa;
	free &= 0u - free;
	/* free is 0, or one bit; those of same below it stand in the way. */
	if (__builtin_expect(free == 0 || (same & (free - 1) >> 1) != 0, 0))
		return LOOK;
	return (unsigned)__builtin_ctz(free) / 2;
#else
	size_t i = 0;

	while (i < LOOK && v[i].offset != 0 && v[i].hash != hash)
		i++;
	return i < LOOK && v[i].offset == 0 ? i : LOOK;
#endif
}

/* Inserts one run. */
static bool
settle_run(struct crl_index *x, const struct crl_slot *run, uint32_t num)
{
	struct crl_slot *slots = x->slots;
	size_t num_slots = x->num_slots, at, i, used = 0;
	bool ok = true;

	for (uint32_t k = 0; ok && k < num; k++) {
		struct crl_slot s = run[k];

		/* Behind the end of the run any address may be prefetched. */
		__builtin_prefetch(
		    &slots[(uint64_t)run[k + AHEAD].hash * num_slots >> 32], 1);
		at = (size_t)((uint64_t)s.hash * num_slots >> 32);
		i = at + LOOK <= num_slots ? first_free(&slots[at], s.hash)
					   : LOOK;
		if (__builtin_expect(i == LOOK, 0)) {
			ok = index_insert(x, s, at);
			continue;
		}
		slots[at + i] = s;
		used++;
	}
	x->num_used += used;
	return ok;
}

bool
crl_index_settle(struct crl_index *x)
{
	bool ok = true;

	if (x->num_gathered == 0)
		return true;
	for (size_t part = 0; ok && part >> x->part_bits == 0; part++) {
		ok = settle_run(
		    x, &x->gathered[part * x->part_room], x->part_len[part]);
		x->part_len[part] = 0;
	}
	x->num_gathered = 0;
	return ok;
}

int
crl_index_finish(struct crl_index *x)
{
	int rc = 0;

	if (!crl_index_settle(x))
		return E_PARSE;
	mem_block_cleanup(&x->gather);
	x->gathered = NULL;
	x->part_room = 0;
	if (x->num_slots > TOO_ROOMY(x->num_used))
		rc = index_rebuild(x, SLOTS_FOR(x->num_used));
	mem_block_trim(&x->block);
	return rc;
}

uint32_t
crl_hash_any(const struct crl_index *x, struct span s)
{
	uint8_t room[24] = {0};
	uint64_t h;

	if (s.len > 0 && s.len <= 24) {
		memcpy(room, s.p, s.len);
		return crl_hash(x, room, s.len);
	}
	/* RFC 5280 4.1.2.2 allows 20 octets; this is for longer ones. */
	h = x->key[0] ^ s.len;
	for (; s.len > 0; s = span_of(s.p + 8, s.len - 8)) {
		uint64_t v = 0;

		memcpy(&v, s.p, s.len < 8 ? s.len : 8);
		h = crl_hash_mix(h ^ v, x->key[1]);
		if (s.len <= 8)
			break;
	}
	h = crl_hash_mix(h, x->key[2]);
	return (uint32_t)(h >> 32);
}

uint32_t
crl_index_seek(const struct crl_index *x, uint32_t hash, size_t *at)
{
	size_t i;

	if (x->num_slots == 0)
		return 0;
	i = *at == SIZE_MAX ? crl_index_home(x, hash) : *at;
	for (; x->slots[i].offset != 0;) {
		const struct crl_slot *s = &x->slots[i];

		i = i + 1 == x->num_slots ? 0 : i + 1;
		if (s->hash == hash) {
			*at = i;
			return s->offset;
		}
	}
	return 0;
}
