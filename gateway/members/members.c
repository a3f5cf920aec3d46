/* members: see the header. */
#include "gateway/members/members.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/dn.h"
#include "gateway/base/json.h"

#define MAX_CHANGED MEMBERS_MAX /* in one transaction */

struct members {
	struct state_db *db;
	struct state_watch watch;
	struct member **list; /* of MEMBERS_MAX; in the order they came */
	size_t num;
	/* What a transaction that has not ended replaced; NULL: nothing. */
	struct {
		size_t at;
		struct member *before;
	} changed[MAX_CHANGED];
	size_t num_changed;
};

static void
member_free(struct member *h)
{
	if (h == NULL)
		return;
	free(h->name);
	cJSON_Delete(h->registration);
	cJSON_Delete(h->setup);
	free(h);
}

/* A few microseconds for as many as there may be. */
static size_t
position(const struct members *s, const char *id)
{
	size_t i = 0;

	while (i < s->num && strcmp(s->list[i]->id, id) != 0)
		i++;
	return i;
}

static void
on_end(void *arg, bool committed)
{
	struct members *s = arg;

	while (s->num_changed > 0) {
		size_t i = --s->num_changed, at = s->changed[i].at;

		if (committed) {
			member_free(s->changed[i].before);
			continue;
		}
		member_free(s->list[at]);
		s->list[at] = s->changed[i].before;
		if (s->list[at] == NULL)
			s->num--; /* it was the last */
	}
}

/* Rows. */

/* False when the text is neither NULL nor an object. */
static bool
take_object(cJSON **out, const struct state_row *row, int column)
{
	const char *text = state_row_text(row, column);

	*out = NULL;
	if (text == NULL)
		return state_row_is_null(row, column);
	return json_parse(out, text, strlen(text), NULL) == 0 &&
	    cJSON_IsObject(*out);
}

static bool
take_name(char **out, const struct state_row *row, int column)
{
	const char *text = state_row_text(row, column);
	X509_NAME *name;

	*out = NULL;
	if (text == NULL)
		return state_row_is_null(row, column);
	name = dn_parse(text);
	*out = name != NULL ? strdup(text) : NULL;
	X509_NAME_free(name);
	return *out != NULL;
}

/* What a start does with a row, and what was just written is held against. */
static int
member_of_row(struct member **out, const struct state_row *row, struct err *err)
{
	const char *id = state_row_text(row, 0);
	struct member *h = calloc(1, sizeof(*h));

	*out = h;
	if (h == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (id != NULL && keystore_id_parse(h->id, id) &&
	    strcmp(h->id, id) == 0 && take_name(&h->name, row, 1) &&
	    take_object(&h->registration, row, 2) &&
	    take_object(&h->setup, row, 3))
		return 0;
	member_free(h);
	*out = NULL;
	return err_set(err, E_PARSE, "table member, id '%.20s' cannot be read",
	    id != NULL ? id : "?");
}

/* A start's: also more than there may be are there. */
static int
add_row(void *arg, const struct state_row *row, struct err *err)
{
	struct members *s = arg;
	struct member *h;
	int rc = member_of_row(&h, row, err);

	if (rc == 0 && s->num >= MEMBERS_MAX) {
		member_free(h);
		return err_set(err, E_LIMIT,
		    "table member has more than %d rows", MEMBERS_MAX);
	}
	if (rc == 0)
		s->list[s->num++] = h;
	return rc;
}

int
members_open(struct members **out, struct state_db *db, struct err *err)
{
	struct members *s = calloc(1, sizeof(*s));
	int rc = 0;

	*out = NULL;
	if (s == NULL ||
	    (s->list = calloc(MEMBERS_MAX, sizeof(*s->list))) == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc == 0)
		rc = state_db_read(
		    db, STATE_SQL_MEMBER_ALL, add_row, s, err, "");
	if (rc != 0) {
		members_close(s);
		return rc;
	}
	s->db = db;
	s->watch = (struct state_watch){.ended = on_end, .arg = s};
	state_db_watch(db, &s->watch);
	*out = s;
	return 0;
}

void
members_close(struct members *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->num; i++)
		member_free(s->list[i]);
	free(s->list);
	free(s);
}

size_t
members_num(const struct members *s)
{
	return s->num;
}

const struct member *
members_get(const struct members *s, size_t i)
{
	return s->list[i];
}

const struct member *
members_find(const struct members *s, const char *id)
{
	size_t at = position(s, id);

	return at < s->num ? s->list[at] : NULL;
}

/* Change. */

/* Takes h over. There is room. */
static void
put(struct members *s, struct member *h)
{
	size_t at = position(s, h->id);

	s->changed[s->num_changed].at = at;
	s->changed[s->num_changed++].before = s->list[at];
	s->list[at] = h;
	if (at == s->num)
		s->num++;
}

static int
read_back(void *arg, const struct state_row *row, struct err *err)
{
	return member_of_row(arg, row, err);
}

static int
write_row(struct members *s, struct member **back, const struct member *h,
    struct err *err)
{
	char *registration = NULL, *setup = NULL;
	int rc = 0;

	*back = NULL;
	if ((h->registration != NULL &&
		(registration = cJSON_PrintUnformatted(h->registration)) ==
		    NULL) ||
	    (h->setup != NULL &&
		(setup = cJSON_PrintUnformatted(h->setup)) == NULL))
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc == 0)
		rc = state_db_write(s->db, STATE_SQL_MEMBER_PUT, NULL, err,
		    "tttt", h->id, h->name, registration, setup);
	if (rc == 0)
		rc = state_db_read(s->db, STATE_SQL_MEMBER_ONE, read_back, back,
		    err, "t", h->id);
	free(registration);
	free(setup);
	return rc;
}

static bool
same_object(const cJSON *a, const cJSON *b)
{
	return a == NULL || b == NULL ? a == b : json_equal(a, b);
}

static bool
same(const struct member *a, const struct member *b)
{
	return b != NULL && strcmp(a->id, b->id) == 0 &&
	    (a->name == NULL || b->name == NULL
		    ? a->name == b->name
		    : strcmp(a->name, b->name) == 0) &&
	    same_object(a->registration, b->registration) &&
	    same_object(a->setup, b->setup);
}

bool
member_has_name(const struct member *h, const X509_NAME *name)
{
	X509_NAME *known = h->name != NULL ? dn_parse(h->name) : NULL;
	bool same = known != NULL && dn_same(known, name);

	X509_NAME_free(known);
	return same;
}

int
members_set(struct members *s, const char *id, const char *name,
    const cJSON *registration, const cJSON *setup, struct err *err)
{
	const struct member *old = members_find(s, id);
	struct member wanted = {.name = NULL}, *back;
	int rc;

	if (s->num_changed == MAX_CHANGED)
		return err_set(err, E_LIMIT,
		    "more than %d holding identities at once", MAX_CHANGED);
	if (old == NULL && s->num >= MEMBERS_MAX)
		return err_set(err, E_LIMIT,
		    "there are %d holding identities already", MEMBERS_MAX);
	if (old != NULL)
		wanted = *old;
	snprintf(wanted.id, sizeof(wanted.id), "%s", id);
	/* Borrowed: none of it is changed or freed. */
	if (name != NULL)
		wanted.name = (char *)(uintptr_t)name;
	if (registration != NULL)
		wanted.registration = (cJSON *)(uintptr_t)registration;
	if (setup != NULL)
		wanted.setup = (cJSON *)(uintptr_t)setup;
	rc = write_row(s, &back, &wanted, err);
	if (rc == 0 && !same(&wanted, back))
		rc = err_set(err, E_PARSE,
		    "the holding identity is not what can be read back");
	if (rc != 0) {
		member_free(back);
		return rc;
	}
	put(s, back);
	return 0;
}

int
members_change(struct members *s, const char *id, const char *name,
    const cJSON *registration, const cJSON *setup, struct err *err)
{
	int rc = state_db_begin(s->db, err);

	if (rc != 0)
		return rc;
	rc = members_set(s, id, name, registration, setup, err);
	return state_db_end(s->db, rc, err);
}

int
members_keep_key(struct members *s, struct keystore *keys,
    struct keystore_key *key, struct err *err)
{
	char id[KEYSTORE_ID_SIZE];
	int rc = state_db_begin(s->db, err);

	if (rc == 0) {
		rc = keystore_keep(keys, key, err);
		if (rc == 0 && keystore_id_parse(id, key->tenant) &&
		    members_find(s, id) == NULL)
			rc = members_set(s, id, NULL, NULL, NULL, err);
		rc = state_db_end(s->db, rc, err);
	}
	if (rc != 0)
		keystore_discard(keys, key);
	return rc;
}
