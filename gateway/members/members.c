/*
 * members: records in memory, each change a whole record in a journal.
 */
#include "gateway/members/members.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/journal.h"
#include "gateway/base/json.h"

struct members {
	struct member *list;
	size_t num;
	struct journal *journal; /* NULL: memory only */
	/* What the last change replaced, for undo. */
	struct member before;
	bool before_none; /* there was none */
	bool can_undo;
};

static void
member_cleanup(struct member *h)
{
	free(h->name);
	cJSON_Delete(h->registration);
	cJSON_Delete(h->setup);
	memset(h, 0, sizeof(*h));
}

/* Copies what is given, or else what `old` has. */
static int
member_make(struct member *out, const struct member *old, const char *id,
    const char *name, const cJSON *registration, const cJSON *setup)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->id, sizeof(out->id), "%s", id);
	if (old != NULL) {
		name = name != NULL ? name : old->name;
		registration =
		    registration != NULL ? registration : old->registration;
		setup = setup != NULL ? setup : old->setup;
	}
	if (name != NULL && (out->name = strdup(name)) == NULL)
		goto nomem;
	if (registration != NULL &&
	    (out->registration = cJSON_Duplicate(registration, 1)) == NULL)
		goto nomem;
	if (setup != NULL && (out->setup = cJSON_Duplicate(setup, 1)) == NULL)
		goto nomem;
	return 0;
nomem:
	member_cleanup(out);
	return E_NOMEM;
}

static size_t
position(const struct members *s, const char *id)
{
	size_t i = 0;

	while (i < s->num && strcmp(s->list[i].id, id) != 0)
		i++;
	return i;
}

/* Room for one more, so that what follows cannot fail. */
static int
make_room(struct members *s, struct err *err)
{
	struct member *list;

	if (s->num >= MEMBERS_MAX)
		return err_set(err, E_LIMIT,
		    "there are %d holding identities already", MEMBERS_MAX);
	list = realloc(s->list, (s->num + 1) * sizeof(*list));
	if (list == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->list = list;
	return 0;
}

/* Takes h over. There is room. */
static void
put(struct members *s, struct member *h)
{
	size_t at = position(s, h->id);

	assert(s->list != NULL);
	member_cleanup(&s->before);
	s->before_none = at == s->num;
	if (at < s->num)
		s->before = s->list[at];
	else
		s->num++;
	s->list[at] = *h;
	s->can_undo = true;
}

static int
replay(void *arg, const cJSON *record, struct err *err)
{
	struct members *s = arg;
	const char *id = json_get_string(record, "id");
	char clean[KEYSTORE_ID_SIZE];
	struct member h;
	int rc;

	if (id == NULL || !keystore_id_parse(clean, id))
		return err_set(err, E_PARSE, "not a holding identity");
	rc = make_room(s, err);
	if (rc != 0)
		return rc;
	if (member_make(&h, NULL, clean, json_get_string(record, "name"),
		json_get(record, "registration"),
		json_get(record, "setup")) != 0)
		return err_set(err, E_NOMEM, "out of memory");
	put(s, &h);
	return 0;
}

int
members_open(struct members **out, const char *dir, const struct log *log,
    struct err *err)
{
	struct members *s = calloc(1, sizeof(*s));
	int rc = 0;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (dir != NULL)
		rc = journal_open_in(
		    &s->journal, dir, "holdings.journal", replay, s, log, err);
	if (rc != 0) {
		members_close(s);
		return rc;
	}
	s->can_undo = false;
	*out = s;
	return 0;
}

void
members_close(struct members *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->num; i++)
		member_cleanup(&s->list[i]);
	member_cleanup(&s->before);
	free(s->list);
	journal_close(s->journal);
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
	return &s->list[i];
}

const struct member *
members_find(const struct members *s, const char *id)
{
	size_t at = position(s, id);

	return at < s->num ? &s->list[at] : NULL;
}

static int
write_record(struct members *s, const struct member *h, struct err *err)
{
	cJSON *o = cJSON_CreateObject();
	bool ok = cJSON_AddStringToObject(o, "id", h->id) != NULL;
	int rc;

	if (ok && h->name != NULL)
		ok = cJSON_AddStringToObject(o, "name", h->name) != NULL;
	if (ok && h->registration != NULL)
		ok = cJSON_AddItemReferenceToObject(
		    o, "registration", h->registration);
	if (ok && h->setup != NULL)
		ok = cJSON_AddItemReferenceToObject(o, "setup", h->setup);
	rc = ok ? journal_append(s->journal, o, err)
		: err_set(err, E_NOMEM, "out of memory");
	cJSON_Delete(o);
	return rc;
}

int
members_set(struct members *s, const char *id, const char *name,
    const cJSON *registration, const cJSON *setup, struct err *err)
{
	struct member h;
	int rc = 0;

	if (members_find(s, id) == NULL)
		rc = make_room(s, err);
	if (rc == 0 &&
	    member_make(
		&h, members_find(s, id), id, name, registration, setup) != 0)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc != 0)
		return rc;
	if (s->journal != NULL)
		rc = write_record(s, &h, err);
	if (rc != 0) {
		member_cleanup(&h);
		return rc;
	}
	put(s, &h);
	return 0;
}

int
members_know_keys(
    struct members *s, const struct keystore *keys, struct err *err)
{
	char id[KEYSTORE_ID_SIZE];
	int rc = 0;

	for (size_t i = 0; i < keystore_num(keys) && rc == 0; i++) {
		const char *tenant = keystore_get(keys, i)->tenant;

		if (keystore_id_parse(id, tenant) &&
		    members_find(s, id) == NULL)
			rc = members_set(s, id, NULL, NULL, NULL, err);
	}
	return rc;
}

int
members_undo(struct members *s, struct err *err)
{
	int rc = s->journal != NULL ? journal_undo(s->journal, err) : 0;
	size_t at;

	if (!s->can_undo)
		return err_set(err, E_ARG, "there is nothing to take back");
	s->can_undo = false;
	if (s->before_none) {
		member_cleanup(&s->list[--s->num]);
		return rc;
	}
	at = position(s, s->before.id);
	member_cleanup(&s->list[at]);
	s->list[at] = s->before;
	memset(&s->before, 0, sizeof(s->before));
	return rc;
}
