/* floors: see the header. A table in sets of a few. */
#include "cache/engine/floors.h"

#include <stdlib.h>
#include <string.h>

#include "cache/store/store.h"

#define FLOOR_SETS 4096 /* 16384 scopes */
#define FLOOR_WAYS 4
/* Without nextUpdate a floor holds for a day, as evidence_fresh has it. */
#define FLOOR_DAY 86400
/* Octets of a number that are remembered; RFC 5280 5.2.3 allows 20. */
#define FLOOR_NUMBER_MAX STORE_SERIAL_MAX

struct floor {
	bool used;
	uint64_t seen; /* order of looking */
	uint8_t scope[32];
	uint8_t number[FLOOR_NUMBER_MAX];
	size_t number_len;
	time_t this_update, until;
};

struct floors {
	uint64_t clock;
	struct store *disk; /* NULL: none */
	struct floor floor[FLOOR_SETS][FLOOR_WAYS];
};

struct floors *
floors_new(void)
{
	return calloc(1, sizeof(struct floors));
}

void
floors_free(struct floors *f)
{
	free(f);
}

void
floors_set_store(struct floors *f, struct store *disk)
{
	f->disk = disk;
}

/* That of this scope, or the place for it. */
static struct floor *
place_of(struct floors *f, const uint8_t scope[32])
{
	size_t set = ((size_t)scope[0] << 8 | scope[1]) % FLOOR_SETS;
	struct floor *best = &f->floor[set][0];

	for (size_t i = 0; i < FLOOR_WAYS; i++) {
		struct floor *at = &f->floor[set][i];

		if (at->used && memcmp(at->scope, scope, 32) == 0)
			return at;
		if (best->used && (!at->used || at->seen < best->seen))
			best = at;
	}
	best->used = false;
	return best;
}

static void
set_floor(struct floor *at, const struct store_floor *s)
{
	at->used = true;
	memcpy(at->scope, s->scope, sizeof(at->scope));
	at->number_len = s->number_len;
	memcpy(at->number, s->number, sizeof(at->number));
	at->this_update = s->this_update;
	at->until =
	    s->next_update != 0 ? s->next_update : s->seen_at + FLOOR_DAY;
}

/* What is known of the scope; false: nothing. */
static bool
find_floor(struct floors *f, struct floor *at, const uint8_t scope[32])
{
	struct store_floor s;

	if (!at->used && f->disk != NULL &&
	    f->disk->floor_get(f->disk, scope, &s))
		set_floor(at, &s);
	return at->used;
}

static void
raise_floor(struct floors *f, struct floor *at, const struct evidence *e,
    const uint8_t owner[32], time_t now, bool restart)
{
	struct store_floor s = {.this_update = e->this_update,
	    .next_update = e->next_update,
	    .seen_at = now};

	memcpy(s.scope, e->scope, sizeof(s.scope));
	memcpy(s.owner, owner, sizeof(s.owner));
	if (e->number.len > 0 && e->number.len <= sizeof(s.number)) {
		s.number_len = e->number.len;
		memcpy(s.number, e->number.p, e->number.len);
	}
	set_floor(at, &s);
	if (f->disk != NULL)
		f->disk->floor_put(f->disk, &s, restart);
}

enum floor_change
floors_apply(struct floors *f, struct evidence *e, const uint8_t owner[32],
    time_t now, uint32_t skew_sec)
{
	struct evidence was = {.kind = EVIDENCE_CRL};
	bool below = false, over;
	struct floor *at;

	if (e->kind != EVIDENCE_CRL || e->this_update > now + (time_t)skew_sec)
		return FLOOR_STAYS;
	at = place_of(f, e->scope);
	at->seen = ++f->clock;
	if (find_floor(f, at, e->scope)) {
		was.number = span_of(at->number, at->number_len);
		was.this_update = at->this_update;
		below = evidence_older(e, &was);
	}
	over = below && at->until + (time_t)skew_sec < now;
	if (below && !over)
		e->below_floor_until = at->until;
	if (below && (!over || !evidence_fresh(e, now, skew_sec)))
		return FLOOR_STAYS;
	raise_floor(f, at, e, owner, now, over);
	return over ? FLOOR_RESTARTED : FLOOR_RAISED;
}
