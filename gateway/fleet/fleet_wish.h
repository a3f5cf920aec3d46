/*
 * fleet_wish: one record of a write: what it shall say, what is expected to be
 * there before, and whether that is so. Private to gateway/fleet.
 */
#ifndef GATEWAY_FLEET_FLEET_WISH_H
#define GATEWAY_FLEET_FLEET_WISH_H

#include "gateway/fleet/fleet_core.h"

/* Zeroed is empty and cleanable. */
struct fleet_wish {
	enum fleet_kind kind;
	char key[FLEET_KEY_SIZE];
	char *json; /* NULL: the key is deleted */
	size_t json_len;
	int64_t expect;
	/* What this machine held when it was asked for; 0: nothing. */
	int64_t held;
	bool tombstone; /* to be leased */
	uint8_t *sealed;
	size_t sealed_len;
	int64_t compared; /* revision; -1: not compared */
};

int fleet_wish_init(struct fleet_wish *w, const struct fleet *f,
    const struct fleet_change *is, struct err *err) MUST_USE;
/* With a version of a section goes the one that is one too many: 1, and it is
 * *older; or 0. */
size_t fleet_wish_trim(struct fleet_wish *older, const struct fleet *f,
    const struct fleet_wish *history);
void fleet_wish_unseal(struct fleet_wish *w);
void fleet_wish_cleanup(struct fleet_wish *w);

/*
 * Whether something else is there than was expected: *n is what; otherwise
 * w->compared is set. waiting: it is what waits in the outbox under that key,
 * which nothing else may overtake.
 */
bool fleet_wish_conflicts(struct fleet_wish *w, const struct mirror_entry *e,
    bool waiting, int64_t *n);
/* Whether what was compared is another one by now. */
bool fleet_wish_moved(const struct fleet_wish *w, const struct fleet *f);

#endif
