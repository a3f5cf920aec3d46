/*
 * section_store: the values in force, and how they came to be. Control thread
 * only.
 */
#include "gateway/state/section_store.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"

struct value {
	int64_t version; /* 0: nothing is stored */
	char *text;
	cJSON *config;
	/* Its strings are `text` and the three after it. */
	struct section_change change;
	char *who, *from, *action;
};

struct section_store {
	struct state_db *db;
	struct state_watch watch;
	struct value now[SECTION_NUM];
	/* What a transaction that has not ended has replaced. */
	struct value before[SECTION_NUM];
	bool changed[SECTION_NUM];
};

static void
value_cleanup(struct value *v)
{
	free(v->text);
	free(v->who);
	free(v->from);
	free(v->action);
	cJSON_Delete(v->config);
	*v = (struct value){0};
}

static void
on_end(void *arg, bool committed)
{
	struct section_store *s = arg;

	for (enum section_id id = 0; id < SECTION_NUM; id++) {
		if (!s->changed[id])
			continue;
		s->changed[id] = false;
		if (committed) {
			value_cleanup(&s->before[id]);
			continue;
		}
		value_cleanup(&s->now[id]);
		s->now[id] = s->before[id];
		s->before[id] = (struct value){0};
	}
}

/* Rows. */

/* Lends from the row. False when it is none that was written here. */
static bool
change_of_row(struct section_change *c, const struct state_row *row)
{
	*c = (struct section_change){.version = state_row_int(row, 1),
	    .at = (time_t)state_row_int(row, 2),
	    .who = state_row_text(row, 3),
	    .from = state_row_text(row, 4),
	    .action = state_row_text(row, 5),
	    .text = state_row_text(row, 6),
	    .note = state_row_text(row, 7),
	    .seq = state_row_int(row, 8)};
	return c->version > 0 && c->version <= INT32_MAX && c->who != NULL &&
	    c->from != NULL && c->action != NULL && c->text != NULL;
}

static int
read_value(struct value *v, enum section_id id, const struct section_change *c,
    struct err *err)
{
	int rc = json_parse(&v->config, c->text, strlen(c->text), err);

	if (rc == 0)
		rc = section_validate(id, v->config, err);
	if (rc != 0)
		return rc;
	v->version = c->version;
	v->text = strdup(c->text);
	v->who = strdup(c->who);
	v->from = strdup(c->from);
	v->action = strdup(c->action);
	if (v->text == NULL || v->who == NULL || v->from == NULL ||
	    v->action == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	v->change = (struct section_change){.version = c->version,
	    .at = c->at,
	    .who = v->who,
	    .from = v->from,
	    .action = v->action,
	    .text = v->text};
	return 0;
}

/* What a start does with a row, and what was just written is held against. */
static int
take_newest(void *arg, const struct state_row *row, struct err *err)
{
	struct section_store *s = arg;
	const char *name = state_row_text(row, 0);
	enum section_id id = name != NULL ? section_find(name) : SECTION_NUM;
	struct section_change c;
	struct value v = {0};
	struct err why;
	int rc;

	if (!change_of_row(&c, row) || id == SECTION_NUM)
		rc = err_set(&why, E_PARSE, "not a change of a section");
	else
		rc = read_value(&v, id, &c, &why);
	if (rc != 0) {
		value_cleanup(&v);
		return err_set(err, rc,
		    "table section_change, section '%.40s', version %lld: %s",
		    name != NULL ? name : "?", (long long)c.version, why.msg);
	}
	if (s->changed[id]) {
		value_cleanup(&s->now[id]);
	} else {
		s->before[id] = s->now[id];
		s->changed[id] = true;
	}
	s->now[id] = v;
	return 0;
}

int
section_store_open(
    struct section_store **out, struct state_db *db, struct err *err)
{
	struct section_store *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->db = db;
	s->watch = (struct state_watch){.ended = on_end, .arg = s};
	rc = state_db_read(db, STATE_SQL_SECTION_ALL, take_newest, s, err, "");
	on_end(s, true);
	if (rc != 0) {
		section_store_close(s);
		return rc;
	}
	state_db_watch(db, &s->watch);
	*out = s;
	return 0;
}

void
section_store_close(struct section_store *s)
{
	if (s == NULL)
		return;
	for (enum section_id id = 0; id < SECTION_NUM; id++)
		value_cleanup(&s->now[id]);
	free(s);
}

int64_t
section_version(const struct section_store *s, enum section_id id)
{
	int64_t version = s->now[id].version;

	return version > 0 ? version : SECTION_VERSION_NONE;
}

const cJSON *
section_config(const struct section_store *s, enum section_id id)
{
	return s->now[id].config;
}

const char *
section_text(const struct section_store *s, enum section_id id)
{
	return s->now[id].text;
}

const struct section_change *
section_newest(const struct section_store *s, enum section_id id)
{
	return s->now[id].version > 0 ? &s->now[id].change : NULL;
}

/* History. */

struct reading {
	section_change_fn *fn;
	void *arg;
};

static int
read_change(void *arg, const struct state_row *row, struct err *err)
{
	const struct reading *r = arg;
	struct section_change c;

	return change_of_row(&c, row)
	    ? r->fn(r->arg, &c, err)
	    : err_set(err, E_INTERNAL,
		  "table section_change, version %lld cannot be read",
		  (long long)c.version);
}

int
section_read_history(const struct section_store *s, enum section_id id,
    section_change_fn *fn, void *arg, struct err *err)
{
	struct reading r = {.fn = fn, .arg = arg};

	return state_db_read(s->db, STATE_SQL_SECTION_HISTORY, read_change, &r,
	    err, "t", section_name(id));
}

static int
copy_text(void *arg, const struct section_change *c, struct err *err)
{
	char **text = arg;

	*text = strdup(c->text);
	return *text != NULL ? 0 : err_set(err, E_NOMEM, "out of memory");
}

int
section_copy_version(const struct section_store *s, enum section_id id,
    int64_t version, char **text, struct err *err)
{
	struct reading r = {.fn = copy_text, .arg = text};
	int rc;

	*text = NULL;
	rc = state_db_read(s->db, STATE_SQL_SECTION_VERSION, read_change, &r,
	    err, "ti", section_name(id), version);
	if (rc == 0 && *text == NULL)
		rc = err_set(
		    err, E_ARG, "there is no version %lld", (long long)version);
	return rc;
}

/* Change. */

int
section_store_put(struct section_store *s, enum section_id id,
    const cJSON *config, const char *text, const struct section_author *author,
    struct err *err)
{
	const char *name = section_name(id);
	int64_t version =
	    author->version != 0 ? author->version : s->now[id].version + 1;
	time_t at = author->at != 0 ? author->at : time(NULL);
	int rc;

	if (version > INT32_MAX)
		return err_set(err, E_LIMIT, "there are no more versions");
	rc = state_db_write(s->db, STATE_SQL_SECTION_PUT, NULL, err, "tiittttt",
	    name, version, (int64_t)at, author->who, author->from,
	    author->action, text, author->note);
	if (rc == 0)
		rc = state_db_write(s->db, STATE_SQL_SECTION_TRIM, NULL, err,
		    "ti", name, version - SECTION_MAX_HISTORY);
	if (rc == 0)
		rc = state_db_read(s->db, STATE_SQL_SECTION_NEWEST, take_newest,
		    s, err, "t", name);
	if (rc == 0 &&
	    (s->now[id].version != version ||
		strcmp(s->now[id].text, text) != 0 ||
		!json_equal(s->now[id].config, config)))
		rc = err_set(err, E_PARSE,
		    "the configuration is not what can be read back");
	return rc;
}

int
section_store_add_older(struct section_store *s, enum section_id id,
    const struct section_change *c, struct err *err)
{
	const char *name = section_name(id);
	int rc = state_db_write(s->db, STATE_SQL_SECTION_OLDER, NULL, err,
	    "tiittttt", name, c->version, (int64_t)c->at, c->who, c->from,
	    c->action, c->text, c->note);

	return rc == 0
	    ? state_db_write(s->db, STATE_SQL_SECTION_TRIM, NULL, err, "ti",
		  name, section_version(s, id) - SECTION_MAX_HISTORY)
	    : rc;
}

int
section_store_set_aside(
    struct section_store *s, enum section_id id, struct err *err)
{
	const char *name = section_name(id);
	int rc =
	    state_db_write(s->db, STATE_SQL_SECTION_KEEP, NULL, err, "t", name);

	return rc == 0 ? state_db_write(s->db, STATE_SQL_SECTION_TRIM, NULL,
			     err, "ti", name, INT64_MAX)
		       : rc;
}
