/*
 * crl_index: see the header. Never reads an entry; equality is asked of who
 * fills it, and decided again by who looks up.
 */
#include "cache/crl_index.h"

#include <openssl/rand.h>

/*
 * Fill of 0.725 keeps a slot table within 11.1 bytes an entry, two probes a
 * hit and seven a miss, all in one or two cache lines. Growth at 0.8.
 */
#define SLOTS_FOR(n)  ((n) + (n) / 100 * 38 + (n) % 100 * 38 / 100 + 8)
#define GROW_AT(s)    ((s) / 5 * 4)
#define TOO_ROOMY(n)  ((n) + (n) / 100 * 42 + 64)
#define FIRST_ENTRIES 256
/* A serial listed for more issuers than this is an attack on the table. */
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
	block_cleanup(&x->block);
	*x = (struct crl_index){0};
}

/* Moves all slots into a table of num_slots. */
static int
index_rebuild(struct crl_index *x, size_t num_slots)
{
	struct crl_slot *old = x->slots, s;
	size_t num_old = x->num_slots, at;
	struct block was = x->block, fresh;

	if (num_slots > UINT32_MAX)
		return E_LIMIT;
	if (block_alloc(&fresh, num_slots * sizeof(*old)) != 0)
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
	block_cleanup(&was);
	return 0;
}

int
crl_index_grow(struct crl_index *x, size_t num)
{
	if (num < FIRST_ENTRIES)
		num = FIRST_ENTRIES;
	while (x->num_done < x->num_added)
		if (!crl_index_settle(x))
			return E_PARSE;
	if (x->grow_at >= num)
		return 0;
	return index_rebuild(x, SLOTS_FOR(num));
}

bool
crl_index_settle(struct crl_index *x)
{
	struct crl_slot s = x->pending[x->num_done % CRL_INDEX_PENDING];
	size_t at = crl_index_home(x, s.hash);
	unsigned twins = 0;

	x->num_done++;
	for (; x->slots[at].offset != 0;
	     at = at + 1 == x->num_slots ? 0 : at + 1) {
		if (__builtin_expect(x->slots[at].hash != s.hash, 1))
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

int
crl_index_finish(struct crl_index *x)
{
	while (x->num_done < x->num_added)
		if (!crl_index_settle(x))
			return E_PARSE;
	if (x->num_slots > TOO_ROOMY(x->num_used))
		return index_rebuild(x, SLOTS_FOR(x->num_used));
	return 0;
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
	/* RFC 5280 4.1.2.2 allows 20 octets; longer ones take this road. */
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
