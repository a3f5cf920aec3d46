/* allowed_subjects: see the header. */
#include "gateway/state/allowed_subjects.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/dn.h"

#define HOLDER_LEN (ALLOWED_SUBJECTS_HOLDER - 1)

/* What changes together, and is taken back together. */
struct view {
	struct name_set *names;
	int64_t num; /* rows */
	bool enforced;
};

struct allowed_subjects {
	struct state_db *db;
	struct state_watch watch;
	struct view now, before;
	bool changing;
};

/* Names. */

/* As certificates' subjects are shown. */
static int
normal_form(char out[DN_MAX], const char *text, struct err *err)
{
	X509_NAME *name = strlen(text) < DN_MAX ? dn_parse(text) : NULL;
	bool ok = name != NULL && dn_name_text(out, name);

	X509_NAME_free(name);
	return ok ? 0
		  : err_ossl(err, E_PARSE,
			"'%.100s' is not a distinguished name of at most %d "
			"bytes: expected one such as 'O=Alice, L=London, C=GB'",
			text, DN_MAX - 1);
}

static bool
holder_of(char out[HOLDER_LEN + 1], const char *text)
{
	size_t n = 0;

	for (; n < HOLDER_LEN && isxdigit((unsigned char)text[n]); n++)
		out[n] = (char)toupper((unsigned char)text[n]);
	out[n] = '\0';
	return n == HOLDER_LEN && text[n] == '\0';
}

int
allowed_subjects_normal(char name[DN_MAX], char holder[ALLOWED_SUBJECTS_HOLDER],
    const char *subject, const char *holder_text, struct err *err)
{
	int rc = normal_form(name, subject, err);

	if (rc == 0 && !holder_of(holder, holder_text))
		rc = err_set(err, E_PARSE,
		    "a holding identity is 12 hexadecimal digits");
	return rc;
}

/* Rows. */

/* NULL, with the error set, when no change can have written it. */
static const char *
name_of_row(const struct state_row *row, struct err *err)
{
	const char *holder = state_row_text(row, 0);
	const char *name = state_row_text(row, 1);
	char same[HOLDER_LEN + 1];

	if (holder != NULL && name != NULL && holder_of(same, holder) &&
	    strcmp(same, holder) == 0 && name[0] != '\0' &&
	    strlen(name) < DN_MAX)
		return name;
	err_set(err, E_PARSE,
	    "table allowed_subject, holder '%.20s', name '%.100s' cannot be "
	    "read",
	    holder != NULL ? holder : "?", name != NULL ? name : "?");
	return NULL;
}

static int
take_row(void *arg, const struct state_row *row, struct err *err)
{
	struct view *v = arg;
	const char *name = name_of_row(row, err);

	if (name == NULL)
		return E_PARSE;
	v->num++;
	return name_set_add(v->names, name, err);
}

static int
copy_name(void *arg, const struct state_row *row, struct err *err)
{
	const char *name = name_of_row(row, err);

	if (name == NULL)
		return E_PARSE;
	memcpy(arg, name, strlen(name) + 1);
	return 0;
}

/* The list. */

static void
on_end(void *arg, bool committed)
{
	struct allowed_subjects *s = arg;

	if (!s->changing)
		return;
	s->changing = false;
	if (committed) {
		name_set_free(s->before.names);
	} else {
		name_set_free(s->now.names);
		s->now = s->before;
	}
	s->before = (struct view){0};
}

int
allowed_subjects_open(
    struct allowed_subjects **out, struct state_db *db, struct err *err)
{
	struct allowed_subjects *s = calloc(1, sizeof(*s));
	int64_t enforced = 0;
	int rc;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->db = db;
	s->watch = (struct state_watch){.ended = on_end, .arg = s};
	rc = name_set_new(&s->now.names, err);
	if (rc == 0)
		rc = state_db_read(
		    db, STATE_SQL_SUBJECT_ALL, take_row, &s->now, err, "");
	if (rc == 0)
		rc = state_db_number(
		    db, STATE_SQL_SUBJECT_ENFORCED, &enforced, err);
	/* One that is listed was added by a change: the others stay out. */
	s->now.enforced = enforced > 0 || s->now.num > 0;
	if (rc != 0) {
		allowed_subjects_close(s);
		return rc;
	}
	state_db_watch(db, &s->watch);
	*out = s;
	return 0;
}

void
allowed_subjects_close(struct allowed_subjects *s)
{
	if (s == NULL)
		return;
	name_set_free(s->now.names);
	free(s);
}

/* The set follows a row that was written or removed. */
static int
follow(struct allowed_subjects *s, const char *name, struct err *err)
{
	char found[DN_MAX] = "";
	struct name_set *fresh;
	int rc;

	/* Another holding identity may have allowed the same. */
	rc = state_db_read(
	    s->db, STATE_SQL_SUBJECT_NAMED, copy_name, found, err, "t", name);
	if (rc == 0)
		rc = found[0] != '\0'
		    ? name_set_with(&fresh, s->now.names, found, err)
		    : name_set_without(&fresh, s->now.names, name, err);
	if (rc != 0)
		return rc;
	name_set_free(s->now.names);
	s->now.names = fresh;
	return 0;
}

static int
add(struct allowed_subjects *s, const char *holder, const char *name,
    struct err *err)
{
	char found[DN_MAX] = "";
	int rc;

	rc = state_db_read(s->db, STATE_SQL_SUBJECT_ONE, copy_name, found, err,
	    "tt", holder, name);
	if (rc != 0 || found[0] != '\0')
		return rc;
	if (s->now.num >= ALLOWED_SUBJECTS_MAX)
		return err_set(err, E_LIMIT,
		    "there are %d allowed subjects already",
		    ALLOWED_SUBJECTS_MAX);
	rc = state_db_write(
	    s->db, STATE_SQL_SUBJECT_PUT, NULL, err, "tt", holder, name);
	if (rc == 0)
		rc = state_db_read(s->db, STATE_SQL_SUBJECT_ONE, copy_name,
		    found, err, "tt", holder, name);
	if (rc == 0 && strcmp(found, name) != 0)
		rc = err_set(
		    err, E_PARSE, "the name is not what can be read back");
	if (rc != 0)
		return rc;
	s->now.num++;
	return follow(s, name, err);
}

static int
take_away(struct allowed_subjects *s, const char *holder, const char *name,
    struct err *err)
{
	int64_t num = 0;
	int rc = state_db_write(
	    s->db, STATE_SQL_SUBJECT_REMOVE, &num, err, "tt", holder, name);

	if (rc != 0 || num == 0)
		return rc;
	s->now.num -= num;
	return follow(s, name, err);
}

int
allowed_subjects_set(struct allowed_subjects *s, const char *holder,
    const char *subject, bool allowed, struct err *err)
{
	char name[DN_MAX], id[HOLDER_LEN + 1];
	int rc = allowed_subjects_normal(name, id, subject, holder, err);

	if (rc != 0)
		return rc;
	if (!s->changing) {
		s->before = s->now;
		name_set_up_ref(s->now.names);
		s->changing = true;
	}
	if (!s->now.enforced)
		rc = state_db_write(
		    s->db, STATE_SQL_SUBJECT_ENFORCE, NULL, err, "");
	if (rc == 0) {
		s->now.enforced = true;
		rc = allowed ? add(s, id, name, err)
			     : take_away(s, id, name, err);
	}
	return rc;
}

bool
allowed_subjects_enforced(const struct allowed_subjects *s)
{
	return s->now.enforced;
}

struct name_set *
allowed_subjects_names(const struct allowed_subjects *s)
{
	return s->now.names;
}

struct each {
	allowed_subjects_fn *fn;
	void *arg;
};

static int
each_row(void *arg, const struct state_row *row, struct err *err)
{
	const struct each *e = arg;
	const char *name = name_of_row(row, err);

	return name != NULL ? e->fn(e->arg, state_row_text(row, 0), name, err)
			    : E_PARSE;
}

int
allowed_subjects_each(const struct allowed_subjects *s, allowed_subjects_fn *fn,
    void *arg, struct err *err)
{
	struct each e = {.fn = fn, .arg = arg};

	return state_db_read(
	    s->db, STATE_SQL_SUBJECT_ALL, each_row, &e, err, "");
}

static int
add_to_array(void *arg, const struct state_row *row, struct err *err)
{
	const char *name = name_of_row(row, err);

	if (name == NULL)
		return E_PARSE;
	return cJSON_AddItemToArray(arg, cJSON_CreateString(name))
	    ? 0
	    : err_set(err, E_NOMEM, "out of memory");
}

cJSON *
allowed_subjects_json(const struct allowed_subjects *s, const char *holder)
{
	cJSON *list = cJSON_CreateArray();
	char id[HOLDER_LEN + 1];
	struct err ignored;

	if (holder_of(id, holder) &&
	    state_db_read(s->db, STATE_SQL_SUBJECT_OF, add_to_array, list,
		&ignored, "t", id) != 0) {
		cJSON_Delete(list);
		return NULL;
	}
	return list;
}
