/* floors: see the header. A table in sets of a few. */
#include "cache/engine/floors.h"

#include <stdlib.h>
#include <string.h>

#define FLOOR_SETS 4096 /* 16384 scopes */
#define FLOOR_WAYS 4
/* Without nextUpdate a floor holds for a day, as evidence_fresh has it. */
#define FLOOR_DAY 86400
/* Octets of a number that are remembered; RFC 5280 5.2.3 allows 20. */
#define FLOOR_NUMBER_MAX 64

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
set_floor(struct floor *at, const struct evidence *e, time_t now)
{
	at->used = true;
	memcpy(at->scope, e->scope, sizeof(at->scope));
	at->number_len = 0;
	if (e->number.len <= sizeof(at->number)) {
		at->number_len = e->number.len;
		if (e->number.len > 0)
			memcpy(at->number, e->number.p, e->number.len);
	}
	at->this_update = e->this_update;
	at->until = e->next_update != 0 ? e->next_update : now + FLOOR_DAY;
}

enum floor_change
floors_apply(
    struct floors *f, struct evidence *e, time_t now, uint32_t skew_sec)
{
	struct evidence was = {.kind = EVIDENCE_CRL};
	struct floor *at;

	if (e->kind != EVIDENCE_CRL || e->this_update > now + (time_t)skew_sec)
		return FLOOR_STAYS;
	at = place_of(f, e->scope);
	at->seen = ++f->clock;
	if (!at->used) {
		set_floor(at, e, now);
		return FLOOR_RAISED;
	}
	was.number = span_of(at->number, at->number_len);
	was.this_update = at->this_update;
	if (!evidence_older(e, &was)) {
		set_floor(at, e, now);
		return FLOOR_RAISED;
	}
	if (at->until + (time_t)skew_sec >= now) {
		e->below_floor_until = at->until;
		return FLOOR_STAYS;
	}
	if (!evidence_fresh(e, now, skew_sec))
		return FLOOR_STAYS;
	set_floor(at, e, now);
	return FLOOR_RESTARTED;
}
