/*
 * denylist: rows, and from rows to the engine. Entries past their date stay
 * listed until they are removed; the engine knows the date.
 */
#include "gateway/state/denylist.h"

#include <stdlib.h>
#include <string.h>

/* One entry that a transaction which has not ended has changed. */
struct undo {
	struct undo *next; /* changed before it */
	char id[DENIED_ID_SIZE];
	struct denied before; /* empty (no name): there was none */
	struct denied given;  /* what the engine has of it; likewise */
};

struct denylist {
	struct state_db *db;
	struct state_watch watch;
	int64_t num, num_before;
	struct undo *undo;       /* the last first */
	struct revcheck *engine; /* of denylist_give */
};

static int
take_entry(void *arg, const struct state_row *row, struct err *err)
{
	return denied_of_row(arg, row, err);
}

int
denylist_get(
    struct denied *e, const struct denylist *d, const char *id, struct err *err)
{
	*e = (struct denied){0};
	return state_db_read(
	    d->db, STATE_SQL_DENIED_ONE, take_entry, e, err, "t", id);
}

struct each {
	denylist_fn *fn;
	void *arg;
};

static int
each_row(void *arg, const struct state_row *row, struct err *err)
{
	const struct each *each = arg;
	struct denied e;
	int rc = denied_of_row(&e, row, err);

	if (rc == 0)
		rc = each->fn(each->arg, &e, err);
	denied_cleanup(&e);
	return rc;
}

int
denylist_each(
    const struct denylist *d, denylist_fn *fn, void *arg, struct err *err)
{
	struct each e = {.fn = fn, .arg = arg};

	return state_db_read(
	    d->db, STATE_SQL_DENIED_ALL, each_row, &e, err, "");
}

int
denylist_each_alone(const struct denylist *d, size_t max, denylist_fn *fn,
    void *arg, struct err *err)
{
	struct each e = {.fn = fn, .arg = arg};

	return state_db_read(d->db, STATE_SQL_DENIED_ALONE, each_row, &e, err,
	    "i", (int64_t)max);
}

static int
add_to_array(void *arg, const struct state_row *row, struct err *err)
{
	struct denied e;
	int rc = denied_of_row(&e, row, err);

	if (rc != 0)
		return rc;
	cJSON_AddItemToArray(arg, denied_json(&e));
	denied_cleanup(&e);
	return 0;
}

cJSON *
denylist_json(const struct denylist *d)
{
	cJSON *list = cJSON_CreateArray();
	struct err ignored;

	if (state_db_read(d->db, STATE_SQL_DENIED_ALL, add_to_array, list,
		&ignored, "") != 0) {
		cJSON_Delete(list);
		return NULL;
	}
	return list;
}

cJSON *
denylist_newest_json(const struct denylist *d, size_t max)
{
	cJSON *list = cJSON_CreateArray();
	struct err ignored;

	if (state_db_read(d->db, STATE_SQL_DENIED_LAST, add_to_array, list,
		&ignored, "i", (int64_t)max) != 0) {
		cJSON_Delete(list);
		return NULL;
	}
	return list;
}

size_t
denylist_num(const struct denylist *d)
{
	return (size_t)d->num;
}

/* The engine has what was there before, or nothing. */
static void
take_back(struct revcheck *engine, const struct undo *u)
{
	struct revcheck_deny given = denied_deny(&u->given),
			     old = denied_deny(&u->before);
	struct revcheck_error ignored;

	/* Without memory the entry stays in force: it denies too much. */
	if (u->given.id[0] == '\0')
		return;
	if (u->before.id[0] != '\0')
		(void)!revcheck_denylist_add(engine, &old, &ignored);
	else
		(void)!revcheck_denylist_remove(engine, &given, &ignored);
}

/* What is gone is gone from the engine, too. */
static void
let_go(const struct denylist *d, const struct undo *u)
{
	struct revcheck_deny old = denied_deny(&u->before);
	struct revcheck_error why;
	struct denied now;
	struct err err;

	if (u->before.id[0] == '\0' || d->engine == NULL)
		return;
	if (denylist_get(&now, d, u->id, &err) == 0 && now.id[0] == '\0')
		(void)!revcheck_denylist_remove(d->engine, &old, &why);
	denied_cleanup(&now);
}

static void
on_end(void *arg, bool committed)
{
	struct denylist *d = arg;

	if (d->undo != NULL && !committed)
		d->num = d->num_before;
	while (d->undo != NULL) {
		struct undo *u = d->undo;

		d->undo = u->next;
		if (committed)
			let_go(d, u);
		else
			take_back(d->engine, u);
		denied_cleanup(&u->before);
		denied_cleanup(&u->given);
		free(u);
	}
	d->engine = NULL;
}

/* Life. */

int
denylist_open(struct denylist **out, struct state_db *db, struct err *err)
{
	struct denylist *d = calloc(1, sizeof(*d));
	int rc;

	*out = NULL;
	if (d == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	d->db = db;
	d->watch = (struct state_watch){.ended = on_end, .arg = d};
	rc = state_db_number(db, STATE_SQL_DENIED_NUM, &d->num, err);
	if (rc != 0) {
		denylist_close(d);
		return rc;
	}
	state_db_watch(db, &d->watch);
	*out = d;
	return 0;
}

void
denylist_close(struct denylist *d)
{
	free(d);
}

struct gathering {
	struct denied *entries;
	size_t num, max;
};

static int
gather(void *arg, const struct state_row *row, struct err *err)
{
	struct gathering *g = arg;
	int rc;

	if (g->num == g->max)
		return err_set(
		    err, E_INTERNAL, "the denylist grew while it was read");
	rc = denied_of_row(&g->entries[g->num], row, err);
	g->num += rc == 0;
	return rc;
}

int
denylist_apply(const struct denylist *d, struct revcheck *rc, struct err *err)
{
	size_t max = (size_t)d->num;
	struct gathering g = {
	    .entries = calloc(max + 1, sizeof(*g.entries)), .max = max};
	struct revcheck_deny *list = calloc(max + 1, sizeof(*list));
	struct revcheck_error why;
	int ret;

	if (list == NULL || g.entries == NULL)
		ret = err_set(err, E_NOMEM, "out of memory");
	else
		ret = state_db_read(
		    d->db, STATE_SQL_DENIED_ALL, gather, &g, err, "");
	for (size_t i = 0; ret == 0 && i < g.num; i++)
		list[i] = denied_deny(&g.entries[i]);
	if (ret == 0 && revcheck_set_denylist(rc, list, g.num, &why) != 0)
		ret = err_set(err, why.code, "%s", why.msg);
	for (size_t i = 0; i < g.num; i++)
		denied_cleanup(&g.entries[i]);
	free(g.entries);
	free(list);
	return ret;
}

/* Changes. */

/* Within a transaction. */
static int
entry_write(struct denylist *d, const struct denied *e, struct err *err)
{
	struct denied back;
	int rc =
	    state_db_write(d->db, STATE_SQL_DENIED_PUT, NULL, err, "tbbbitit",
		e->id, e->issuer, e->issuer_len, e->is_spki ? NULL : e->serial,
		e->serial_len, e->is_spki ? e->spki : NULL, sizeof(e->spki),
		e->until, e->note, e->added_at, e->who);

	if (rc == 0 && e->subject != NULL)
		rc = state_db_write(d->db, STATE_SQL_DENIED_NAME, NULL, err,
		    "tt", e->id, e->subject);
	if (rc == 0)
		rc = denylist_get(&back, d, e->id, err);
	if (rc != 0)
		return rc;
	if (!denied_same(&back, e))
		rc = err_set(
		    err, E_PARSE, "the entry is not what can be read back");
	denied_cleanup(&back);
	return rc;
}

/* Takes before over. */
static int
changed(
    struct denylist *d, const char *id, struct denied *before, struct err *err)
{
	struct undo *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (d->undo == NULL)
		d->num_before = d->num;
	memcpy(u->id, id, sizeof(u->id));
	u->before = *before;
	*before = (struct denied){0};
	u->next = d->undo;
	d->undo = u;
	return 0;
}

int
denylist_add(struct denylist *d, const struct denied *e, struct err *err)
{
	struct denied before;
	int ret = denylist_get(&before, d, e->id, err);
	bool fresh = before.id[0] == '\0';

	if (ret == 0 && fresh && d->num >= DENYLIST_MAX)
		ret = err_set(err, E_LIMIT,
		    "the denylist has %d entries already", DENYLIST_MAX);
	if (ret == 0)
		ret = changed(d, e->id, &before, err);
	if (ret == 0)
		ret = entry_write(d, e, err);
	if (ret == 0)
		d->num += fresh;
	denied_cleanup(&before);
	return ret;
}

int
denylist_remove(struct denylist *d, const char *id, struct err *err)
{
	struct denied e;
	int ret = denylist_get(&e, d, id, err);

	if (ret == 0 && e.id[0] == '\0')
		return err_set(err, E_ARG, "there is no entry '%.32s'", id);
	if (ret == 0)
		ret = state_db_write(
		    d->db, STATE_SQL_DENIED_REMOVE, NULL, err, "t", e.id);
	if (ret == 0)
		ret = changed(d, e.id, &e, err);
	if (ret == 0)
		d->num--;
	denied_cleanup(&e);
	return ret;
}

int
denylist_give(struct denylist *d, struct revcheck *rc, struct err *err)
{
	d->engine = rc;
	for (struct undo *u = d->undo; u != NULL; u = u->next) {
		struct revcheck_error why;
		struct revcheck_deny deny;
		int ret = denylist_get(&u->given, d, u->id, err);

		if (ret != 0)
			return ret;
		if (u->given.id[0] == '\0')
			continue;
		deny = denied_deny(&u->given);
		ret = revcheck_denylist_add(rc, &deny, &why);
		if (ret != 0) {
			denied_cleanup(&u->given);
			return err_set(err, ret, "%s", why.msg);
		}
	}
	return 0;
}
