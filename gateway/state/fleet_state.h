/*
 * fleet_state: what this machine knows of its fleet: of each record the number
 * of the change that wrote it, its text, tombstones, and what is in force here
 * and could not be sent yet (the outbox). In state.db, and nothing in memory:
 * who puts a record in force writes it here in the same transaction, so that
 * after kill -9 there is both or neither. Control thread.
 *
 * Keys are as gateway/fleet/record.h makes them. Here they are text.
 */
#ifndef GATEWAY_STATE_FLEET_STATE_H
#define GATEWAY_STATE_FLEET_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "gateway/state/state_db.h"

struct fleet_state;

/* All lent for the call. */
struct fleet_row {
	const char *key;  /* "deny/0123456789abcdef" */
	int64_t n;        /* of the change that is held; 0: none yet */
	int64_t version;  /* of a section; else 0 */
	bool removed;     /* json is a tombstone */
	const char *json; /* NULL with n 0 */
	/* In force here and not sent yet: its text. NULL: nothing waits. */
	const char *pending;
	bool pending_removed;
};

/* All lent for the call; "" and 0 where nothing was ever set. */
struct fleet_state_facts {
	const char *id; /* of the fleet that this machine follows */
	int64_t head;   /* the highest n that was seen */
	int64_t filled; /* how often that fleet was filled again */
	/* What the head said of its records; NULL where nothing was set. */
	const char *tally;
};

/*
 * Reads every row once. One that cannot be read is E_PARSE naming table and
 * key: to leave it out would let an older record in. db is borrowed and must
 * outlive it.
 */
int fleet_state_open(
    struct fleet_state **out, struct state_db *db, struct err *err) MUST_USE;
void fleet_state_close(struct fleet_state *s);

/* Within a transaction, all of these. */

/*
 * Keeps what a record of the fleet says, in place of what was held. An older n
 * than the one held is E_ARG. `settles`: what waited in the outbox under this
 * key is this, and waits no longer.
 */
int fleet_state_put(struct fleet_state *s, const struct fleet_row *row,
    bool settles, struct err *err) MUST_USE;
/* Puts row->pending (and pending_removed) into the outbox, in place of what
 * waited there. */
int fleet_state_pend(struct fleet_state *s, const struct fleet_row *row,
    struct err *err) MUST_USE;
/* Nothing is held under this key any more (the end of a tombstone or of a
 * history); what waits in the outbox stays. */
int fleet_state_drop(
    struct fleet_state *s, const char *key, struct err *err) MUST_USE;
/* The highest n never falls, but by fleet_state_clear. */
int fleet_state_set_facts(struct fleet_state *s,
    const struct fleet_state_facts *facts, struct err *err) MUST_USE;
/* Another fleet is followed from now on: nothing of the one of before is held,
 * and what waits in the outbox stays. */
int fleet_state_clear(struct fleet_state *s, struct err *err) MUST_USE;

/*
 * What has been in force here ever since as the fleet has it: bits that who
 * calls has chosen; 0 before they were first set. _set_kinds within a
 * transaction.
 */
int
fleet_state_kinds(struct state_db *db, unsigned *out, struct err *err) MUST_USE;
int fleet_state_set_kinds(
    struct state_db *db, unsigned kinds, struct err *err) MUST_USE;

/* What is held, in the order of the keys. Anything but 0 ends the reading. fn
 * must not call anything here. */
typedef int
fleet_state_fn(void *arg, const struct fleet_row *row, struct err *err);
int fleet_state_each(struct fleet_state *s, fleet_state_fn *fn, void *arg,
    struct err *err) MUST_USE;
/* Calls fn once, or not at all when there is no such row. */
int fleet_state_one(struct fleet_state *s, const char *key, fleet_state_fn *fn,
    void *arg, struct err *err) MUST_USE;
/* *out is lent until the next change of facts. */
int fleet_state_facts(struct fleet_state *s, struct fleet_state_facts *out,
    struct err *err) MUST_USE;

#endif
