/*
 * fleet_again: records that are put in force from a copy: a fellow machine's
 * file, or this machine's own state. The latter when what they are about could
 * be changed here past the fleet meanwhile, because the gateway ran without a
 * fleet, or shared less: for the fleet what is held is held, and is not told
 * again.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/control/fleet_join_internal.h"
#include "gateway/control/stores.h"
#include "gateway/state/state_db.h"

/* Copies. */

int
fleet_copies_add(
    struct fleet_copies *c, const struct fleet_held *held, struct err *err)
{
	struct fleet_record *r;
	const char *name;

	if (c->num == c->max) {
		size_t max = c->max * 2 + 64;

		r = realloc(c->v, max * sizeof(*r));
		if (r == NULL)
			return err_set(err, E_NOMEM, "out of memory");
		c->v = r;
		c->max = max;
	}
	r = &c->v[c->num];
	*r = (struct fleet_record){.key = strdup(held->key),
	    .json = held->json != NULL ? strdup(held->json) : NULL,
	    .n = held->n,
	    .version = held->version,
	    .removed = held->removed};
	if (r->key == NULL || r->json == NULL) {
		free((char *)(uintptr_t)r->key);
		free((char *)(uintptr_t)r->json);
		return err_set(err, E_NOMEM, "out of memory");
	}
	c->num++;
	r->kind = fleet_key_kind(r->key, &name);
	r->name = name;
	r->len = strlen(r->json);
	return 0;
}

void
fleet_copies_cleanup(struct fleet_copies *c)
{
	for (size_t i = 0; i < c->num; i++) {
		free((char *)(uintptr_t)c->v[i].key);
		free((char *)(uintptr_t)c->v[i].json);
	}
	free(c->v);
	*c = (struct fleet_copies){.num = 0};
}

int
fleet_copies_take(struct fleet_join *j, const struct fleet_copies *c,
    const struct fleet_facts *facts, bool adopted, size_t *left_out,
    struct err *err)
{
	struct fleet_taken *taken = calloc(c->num + 1, sizeof(*taken));
	int rc;

	*left_out = 0;
	if (taken == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < c->num; i++)
		taken[i].ok = true;
	rc = fleet_join_take(j, c->v, c->num, facts, adopted, taken, err);
	for (size_t i = 0; i < c->num; i++)
		*left_out += !taken[i].ok;
	free(taken);
	return rc;
}

/* This machine's own. */

/* Who was shut out here alone stays so, whatever the fleet has. */
static bool
lets_in(const struct fleet_record *r)
{
	return (r->kind == FLEET_DENY && r->removed) ||
	    (r->kind == FLEET_SUBJECT && !r->removed);
}

struct looking {
	struct fleet_join join; /* as if it shared nothing but these */
	struct fleet_copies *out;
};

static int
look(void *arg, const struct fleet_row *row, struct err *err)
{
	struct looking *l = arg;
	const char *name;
	const struct fleet_held held = {.key = row->key,
	    .n = row->n,
	    .version = row->version,
	    .removed = row->removed,
	    .json = row->json};
	struct fleet_record r = {.kind = fleet_key_kind(row->key, &name),
	    .key = row->key,
	    .n = row->n,
	    .version = row->version,
	    .removed = row->removed,
	    .json = row->json};
	struct fleet_box box;
	struct err ignored;
	bool differs;

	r.name = name;
	if (row->json == NULL || row->pending != NULL ||
	    !fleet_join_shares(&l->join, r.kind) ||
	    !fleet_text_is_change(r.kind) || lets_in(&r))
		return 0;
	r.len = strlen(row->json);
	differs = fleet_box_read(&box, &r, l->join.stores, &ignored) != 0 ||
	    !box.idle;
	fleet_box_cleanup(&box);
	return differs ? fleet_copies_add(l->out, &held, err) : 0;
}

static int
set_kinds(struct state_db *db, unsigned kinds, struct err *err)
{
	int rc = state_db_begin(db, err);

	if (rc != 0)
		return rc;
	rc = fleet_state_set_kinds(db, kinds, err);
	return state_db_end(db, rc, err);
}

static int
take_again(
    struct fleet_join *j, unsigned kinds, size_t *left_out, struct err *err)
{
	struct fleet_copies copies = {.num = 0};
	struct looking l = {.join = *j, .out = &copies};
	struct fleet_facts facts;
	int rc = fleet_join_facts(j, &facts, err);

	l.join.kinds = kinds;
	if (rc == 0)
		rc = fleet_state_each(j->state, look, &l, err);
	if (rc == 0 && copies.num > 0) {
		log_line(j->services->log, LOG_LEVEL_WARN,
		    "the fleet: what was changed here past it is as the fleet "
		    "has it again (records=%zu)",
		    copies.num);
		rc =
		    fleet_copies_take(j, &copies, &facts, false, left_out, err);
	}
	fleet_copies_cleanup(&copies);
	return rc;
}

int
fleet_join_again(struct fleet_join *j, struct err *err)
{
	struct state_db *db = j->stores->db;
	unsigned before, now = j->kinds;
	size_t left_out = 0;
	int rc = fleet_state_kinds(db, &before, err);

	if (rc == 0 && (now & ~before))
		rc = take_again(j, now & ~before, &left_out, err);
	/* What is left out is looked at again at the next start. */
	if (left_out > 0)
		now &= before;
	return rc == 0 && now != before ? set_kinds(db, now, err) : rc;
}

int
fleet_join_none(struct stores *stores, struct err *err)
{
	unsigned before = 0;
	int rc = stores->db != NULL
	    ? fleet_state_kinds(stores->db, &before, err)
	    : 0;

	return rc == 0 && before != 0 ? set_kinds(stores->db, 0, err) : rc;
}
