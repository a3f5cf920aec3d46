/*
 * denylist: rows, and from rows to the engine. Entries past their date stay
 * listed until they are removed; the engine knows the date.
 */
#include "gateway/state/denylist.h"

#include <stdlib.h>
#include <string.h>

struct denylist {
	struct state_db *db;
	int64_t num;
};

static int
take_entry(void *arg, const struct state_row *row, struct err *err)
{
	return denied_of_row(arg, row, err);
}

/* *e is empty (no name) when there is none. */
static int
entry_read(
    struct denied *e, const struct denylist *d, const char *id, struct err *err)
{
	*e = (struct denied){0};
	return state_db_read(
	    d->db, STATE_SQL_DENIED_ONE, take_entry, e, err, "t", id);
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
	rc = state_db_number(db, STATE_SQL_DENIED_NUM, &d->num, err);
	if (rc != 0) {
		denylist_close(d);
		return rc;
	}
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
		rc = entry_read(&back, d, e->id, err);
	if (rc != 0)
		return rc;
	if (!denied_same(&back, e))
		rc = err_set(
		    err, E_PARSE, "the entry is not what can be read back");
	denied_cleanup(&back);
	return rc == 0 ? state_db_flush(d->db, err) : rc;
}

/* The engine has what was there before, or nothing. */
static void
engine_restore(
    struct revcheck *rc, const struct denied *e, const struct denied *before)
{
	struct revcheck_deny deny = denied_deny(e), old = denied_deny(before);
	struct revcheck_error ignored;

	/* Without memory the entry stays in force: it denies too much. */
	if (before->id[0] != '\0')
		(void)!revcheck_denylist_add(rc, &old, &ignored);
	else
		(void)!revcheck_denylist_remove(rc, &deny, &ignored);
}

static int
add_within(struct denylist *d, struct revcheck *rc, const struct denied *e,
    struct denied *before, bool *given, struct err *err)
{
	struct revcheck_deny deny = denied_deny(e);
	struct revcheck_error why;
	int ret = entry_read(before, d, e->id, err);

	if (ret == 0 && before->id[0] == '\0' && d->num >= DENYLIST_MAX)
		ret = err_set(err, E_LIMIT,
		    "the denylist has %d entries already", DENYLIST_MAX);
	if (ret == 0)
		ret = entry_write(d, e, err);
	if (ret == 0) {
		ret = revcheck_denylist_add(rc, &deny, &why);
		*given = ret == 0;
		if (ret != 0)
			err_set(err, ret, "%s", why.msg);
	}
	return ret;
}

int
denylist_add(struct denylist *d, struct revcheck *rc, const cJSON *o,
    const char *who, char id[DENIED_ID_SIZE], struct err *err)
{
	struct denied e, before = {0};
	bool given = false;
	int ret = denied_parse(&e, o, who, err);

	if (ret != 0)
		return ret;
	ret = state_db_begin(d->db, err);
	if (ret == 0)
		ret = state_db_end(
		    d->db, add_within(d, rc, &e, &before, &given, err), err);
	if (ret == 0) {
		d->num += before.id[0] == '\0';
		memcpy(id, e.id, DENIED_ID_SIZE);
	} else if (given) {
		engine_restore(rc, &e, &before);
	}
	denied_cleanup(&before);
	denied_cleanup(&e);
	return ret;
}

int
denylist_remove(
    struct denylist *d, struct revcheck *rc, const char *id, struct err *err)
{
	struct revcheck_error why;
	struct revcheck_deny deny;
	struct denied e;
	int ret = entry_read(&e, d, id, err);

	if (ret == 0 && e.id[0] == '\0')
		return err_set(err, E_ARG, "there is no entry '%.32s'", id);
	if (ret != 0)
		return ret;
	ret = state_db_begin(d->db, err);
	if (ret == 0)
		ret = state_db_end(d->db,
		    state_db_write(
			d->db, STATE_SQL_DENIED_REMOVE, NULL, err, "t", e.id),
		    err);
	if (ret == 0) {
		d->num--;
		deny = denied_deny(&e);
		if (revcheck_denylist_remove(rc, &deny, &why) < 0)
			ret = err_set(err, E_NOMEM,
			    "the entry is removed, but stays in force until "
			    "the next start: %s",
			    why.msg);
	}
	denied_cleanup(&e);
	return ret;
}
