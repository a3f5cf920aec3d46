/* fleet_state: rows, and one row of facts. See the header. */
#include "gateway/state/fleet_state.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"

struct fleet_state {
	struct state_db *db;
	char *id, *tally; /* lent out by fleet_state_facts */
};

/* Rows. */

static bool
is_object(const char *text)
{
	struct err ignored;

	return text[0] == '{' && json_check(text, strlen(text), &ignored) == 0;
}

/* Lends from the row. False when it is none that was written here. */
static bool
row_read(struct fleet_row *out, const struct state_row *row)
{
	*out = (struct fleet_row){.key = state_row_text(row, 0),
	    .n = state_row_int(row, 1),
	    .version = state_row_int(row, 2),
	    .removed = state_row_int(row, 3) != 0,
	    .json = state_row_text(row, 4),
	    .pending = state_row_text(row, 5),
	    .pending_removed = state_row_int(row, 6) != 0};
	return out->key != NULL && out->key[0] != '\0' && out->n >= 0 &&
	    out->version >= 0 && (out->json != NULL) == (out->n > 0) &&
	    (out->json != NULL || state_row_is_null(row, 4)) &&
	    (out->pending != NULL || state_row_is_null(row, 5)) &&
	    (out->json == NULL || is_object(out->json)) &&
	    (out->pending == NULL || is_object(out->pending));
}

struct reading {
	fleet_state_fn *fn;
	void *arg;
};

static int
take_row(void *arg, const struct state_row *row, struct err *err)
{
	const struct reading *r = arg;
	struct fleet_row out;

	if (!row_read(&out, row))
		return err_set(err, E_PARSE,
		    "table fleet_record, key '%.80s': not a record that was "
		    "written here",
		    out.key != NULL ? out.key : "?");
	return r->fn != NULL ? r->fn(r->arg, &out, err) : 0;
}

int
fleet_state_each(
    struct fleet_state *s, fleet_state_fn *fn, void *arg, struct err *err)
{
	struct reading r = {.fn = fn, .arg = arg};

	return state_db_read(s->db, STATE_SQL_FLEET_ALL, take_row, &r, err, "");
}

int
fleet_state_one(struct fleet_state *s, const char *key, fleet_state_fn *fn,
    void *arg, struct err *err)
{
	struct reading r = {.fn = fn, .arg = arg};

	return state_db_read(
	    s->db, STATE_SQL_FLEET_ONE, take_row, &r, err, "t", key);
}

/* Facts. */

struct facts_reading {
	struct fleet_state *s;
	struct fleet_state_facts *out;
};

static int
take_facts(void *arg, const struct state_row *row, struct err *err)
{
	const struct facts_reading *r = arg;
	const char *id = state_row_text(row, 0);
	const char *tally = state_row_text(row, 3);

	r->out->head = state_row_int(row, 1);
	r->out->filled = state_row_int(row, 2);
	if (id == NULL || r->out->head < 0 || r->out->filled < 0)
		return err_set(err, E_PARSE,
		    "table fleet_fact: not what was written here");
	free(r->s->id);
	free(r->s->tally);
	r->s->id = strdup(id);
	r->s->tally = tally != NULL ? strdup(tally) : NULL;
	if (r->s->id == NULL || (tally != NULL && r->s->tally == NULL))
		return err_set(err, E_NOMEM, "out of memory");
	r->out->id = r->s->id;
	r->out->tally = r->s->tally;
	return 0;
}

int
fleet_state_facts(
    struct fleet_state *s, struct fleet_state_facts *out, struct err *err)
{
	struct facts_reading r = {.s = s, .out = out};

	*out = (struct fleet_state_facts){.id = ""};
	return state_db_read(
	    s->db, STATE_SQL_FLEET_FACTS, take_facts, &r, err, "");
}

int
fleet_state_set_facts(struct fleet_state *s,
    const struct fleet_state_facts *facts, struct err *err)
{
	int rc = state_db_write(s->db, STATE_SQL_FLEET_FACTS_PUT, NULL, err,
	    "tii", facts->id, facts->head, facts->filled);

	if (rc == 0 && facts->tally != NULL && facts->tally[0] != '\0')
		rc = state_db_write(s->db, STATE_SQL_FLEET_TALLY_PUT, NULL, err,
		    "t", facts->tally);
	return rc;
}

int
fleet_state_kinds(struct state_db *db, unsigned *out, struct err *err)
{
	int64_t kinds = 0;
	int rc = state_db_number(db, STATE_SQL_FLEET_KINDS, &kinds, err);

	*out = (unsigned)kinds;
	return rc;
}

int
fleet_state_set_kinds(struct state_db *db, unsigned kinds, struct err *err)
{
	return state_db_write(
	    db, STATE_SQL_FLEET_KINDS_PUT, NULL, err, "i", (int64_t)kinds);
}

/* Life. */

int
fleet_state_open(struct fleet_state **out, struct state_db *db, struct err *err)
{
	struct fleet_state *s = calloc(1, sizeof(*s));
	struct fleet_state_facts facts;
	int rc;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->db = db;
	rc = fleet_state_each(s, NULL, NULL, err);
	if (rc == 0)
		rc = fleet_state_facts(s, &facts, err);
	if (rc != 0) {
		fleet_state_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void
fleet_state_close(struct fleet_state *s)
{
	if (s == NULL)
		return;
	free(s->id);
	free(s->tally);
	free(s);
}

/* Changes. */

static int
must_be_record(const struct fleet_row *row, const char *text, struct err *err)
{
	if (row->key == NULL || row->key[0] == '\0' || text == NULL ||
	    !is_object(text))
		return err_set(err, E_ARG, "not a record of a fleet");
	return 0;
}

int
fleet_state_put(struct fleet_state *s, const struct fleet_row *row,
    bool settles, struct err *err)
{
	int64_t changed = 0;
	int rc = must_be_record(row, row->json, err);

	if (rc == 0 && (row->n < 1 || row->version < 0))
		rc = err_set(err, E_ARG, "a record of no change");
	if (rc == 0)
		rc = state_db_write(s->db, STATE_SQL_FLEET_PUT, &changed, err,
		    "tiiit", row->key, row->n, row->version,
		    (int64_t)row->removed, row->json);
	if (rc == 0 && changed == 0)
		rc = err_set(err, E_ARG,
		    "'%.80s' is held as a newer change already", row->key);
	if (rc == 0 && settles)
		rc = state_db_write(
		    s->db, STATE_SQL_FLEET_SETTLE, NULL, err, "t", row->key);
	return rc;
}

int
fleet_state_pend(
    struct fleet_state *s, const struct fleet_row *row, struct err *err)
{
	int rc = must_be_record(row, row->pending, err);

	if (rc == 0)
		rc = state_db_write(s->db, STATE_SQL_FLEET_PEND, NULL, err,
		    "tti", row->key, row->pending,
		    (int64_t)row->pending_removed);
	return rc;
}

int
fleet_state_drop(struct fleet_state *s, const char *key, struct err *err)
{
	int rc =
	    state_db_write(s->db, STATE_SQL_FLEET_DROP, NULL, err, "t", key);

	if (rc == 0)
		rc = state_db_write(
		    s->db, STATE_SQL_FLEET_TRIM, NULL, err, "t", key);
	return rc;
}

int
fleet_state_clear(struct fleet_state *s, struct err *err)
{
	int rc = state_db_write(s->db, STATE_SQL_FLEET_CLEAR, NULL, err, "");

	if (rc == 0)
		rc =
		    state_db_write(s->db, STATE_SQL_FLEET_EMPTY, NULL, err, "");
	if (rc == 0)
		rc = state_db_write(
		    s->db, STATE_SQL_FLEET_FACTS_CLEAR, NULL, err, "");
	if (rc == 0)
		rc = state_db_write(
		    s->db, STATE_SQL_FLEET_TALLY_CLEAR, NULL, err, "");
	return rc;
}
