/*
 * denylist: certificates and keys the operator has shut out, effective at
 * once and in every mode. The entries are in the database and in the engine,
 * and nowhere else. Control thread only.
 */
#ifndef GATEWAY_STATE_DENYLIST_H
#define GATEWAY_STATE_DENYLIST_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "gateway/state/denied.h"
#include "gateway/state/state_db.h"
#include "revcheck/revcheck.h"

#define DENYLIST_MAX 100000

struct denylist;

/* db is borrowed and must outlive it. */
int denylist_open(
    struct denylist **out, struct state_db *db, struct err *err) MUST_USE;
void denylist_close(struct denylist *d);

/*
 * Gives the whole list to the engine. An entry that cannot be read is E_PARSE
 * naming table and id: to leave it out would let in who was shut out.
 */
int denylist_apply(
    const struct denylist *d, struct revcheck *rc, struct err *err) MUST_USE;

/*
 * Within a transaction: writes an entry, in place of the one of that id.
 * E_LIMIT when the list is full.
 */
int denylist_add(
    struct denylist *d, const struct denied *e, struct err *err) MUST_USE;

/* Likewise takes one away; E_ARG when there is no such entry. */
int
denylist_remove(struct denylist *d, const char *id, struct err *err) MUST_USE;

/*
 * Within the transaction, after its last change: the engine has what was added
 * from here on, unless the transaction is taken back, and what was removed
 * until it is committed: whatever goes wrong, nobody is let in too early.
 */
int denylist_give(
    struct denylist *d, struct revcheck *rc, struct err *err) MUST_USE;

/* Each, oldest first; lent. Ends at anything but 0. */
typedef int denylist_fn(void *arg, const struct denied *e, struct err *err);
int denylist_each(const struct denylist *d, denylist_fn *fn, void *arg,
    struct err *err) MUST_USE;
/* Likewise at most max of those of which the fleet has no record. */
int denylist_each_alone(const struct denylist *d, size_t max, denylist_fn *fn,
    void *arg, struct err *err) MUST_USE;
/* *e is empty (no name) when there is none; denied_cleanup it. */
int denylist_get(struct denied *e, const struct denylist *d, const char *id,
    struct err *err) MUST_USE;

/* Array of entries; NULL when it fails. */
cJSON *denylist_json(const struct denylist *d);
/* Likewise, of at most max, newest first. */
cJSON *denylist_newest_json(const struct denylist *d, size_t max);
size_t denylist_num(const struct denylist *d);

#endif
