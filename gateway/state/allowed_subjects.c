/*
 * allowed_subjects: entries in memory, changes in a journal. Small lists:
 * looked through from the front.
 */
#include "gateway/state/allowed_subjects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/x509.h>

#include "gateway/base/journal.h"
#include "gateway/base/json.h"
#include "gateway/base/dn.h"

struct allowed_subjects {
	char **holders; /* parallel to names */
	const char **names;
	size_t num;
	struct name_set *set; /* of the names; NULL: none yet */
	bool enforced;
	struct journal *journal;
	/* The last change, for undo. */
	char *last_holder, *last_name;
	bool last_added, last_enforced;
};

/* Names. */

/* The text as certificates' subjects are shown; free() it. */
static char *
normal_form(const char *text, struct err *err)
{
	X509_NAME *name = strlen(text) < DN_MAX ? dn_parse(text) : NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	char *out = NULL, *data;
	long len;

	if (name != NULL && bio != NULL &&
	    X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		len = BIO_get_mem_data(bio, &data);
		out = strndup(data, (size_t)len);
	}
	if (out == NULL)
		err_ossl(err, E_PARSE,
		    "'%.100s' is not a distinguished name: expected one such "
		    "as 'O=Alice, L=London, C=GB'",
		    text);
	BIO_free(bio);
	X509_NAME_free(name);
	return out;
}

/* The list. */

static size_t
position(const struct allowed_subjects *s, const char *holder, const char *name)
{
	size_t i = 0;

	while (i < s->num &&
	    (strcasecmp(s->holders[i], holder) != 0 ||
		strcasecmp(s->names[i], name) != 0))
		i++;
	return i;
}

static bool
is_listed(const struct allowed_subjects *s, const char *name)
{
	for (size_t i = 0; i < s->num; i++)
		if (strcasecmp(s->names[i], name) == 0)
			return true;
	return false;
}

/* The set follows the list. */
static int
set_follow(struct allowed_subjects *s, const char *name)
{
	struct name_set *fresh;
	int rc = is_listed(s, name)
	    ? name_set_with(&fresh, s->set, name, NULL)
	    : name_set_without(&fresh, s->set, name, NULL);

	if (rc == 0) {
		name_set_free(s->set);
		s->set = fresh;
	}
	return rc;
}

/* Whether the list is another one afterwards; negative: no memory. */
static int
list_set(struct allowed_subjects *s, const char *holder, const char *name,
    bool allowed)
{
	size_t at = position(s, holder, name);
	char **holders;
	const char **names;

	if (allowed == (at < s->num))
		return 0;
	if (!allowed) {
		free(s->holders[at]);
		free((void *)(uintptr_t)s->names[at]);
		s->num--;
		memmove(s->holders + at, s->holders + at + 1,
		    (s->num - at) * sizeof(*s->holders));
		memmove(s->names + at, s->names + at + 1,
		    (s->num - at) * sizeof(*s->names));
		return set_follow(s, name) == 0 ? 1 : E_NOMEM;
	}
	if (s->num >= ALLOWED_SUBJECTS_MAX)
		return E_LIMIT;
	holders = realloc(s->holders, (s->num + 1) * sizeof(*holders));
	if (holders == NULL)
		return E_NOMEM;
	s->holders = holders;
	names = realloc(s->names, (s->num + 1) * sizeof(*names));
	if (names == NULL)
		return E_NOMEM;
	s->names = names;
	holders[s->num] = strdup(holder);
	names[s->num] = strdup(name);
	if (holders[s->num] == NULL || names[s->num] == NULL)
		return E_NOMEM;
	s->num++;
	return set_follow(s, name) == 0 ? 1 : E_NOMEM;
}

static int
replay(void *arg, const cJSON *record, struct err *err)
{
	struct allowed_subjects *s = arg;
	const char *holder = json_get_string(record, "holder");
	const char *name = json_get_string(record, "subject");
	const cJSON *allowed = json_get(record, "allowed");

	if (holder == NULL || name == NULL || !cJSON_IsBool(allowed))
		return err_set(err, E_PARSE, "not a change of the list");
	s->enforced = true;
	return list_set(s, holder, name, cJSON_IsTrue(allowed)) >= 0
	    ? 0
	    : err_set(err, E_NOMEM, "out of memory");
}

int
allowed_subjects_open(struct allowed_subjects **out, const char *dir,
    const struct log *log, struct err *err)
{
	struct allowed_subjects *s = calloc(1, sizeof(*s));
	int rc = 0;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (dir != NULL)
		rc = journal_open_in(
		    &s->journal, dir, "subjects.journal", replay, s, log, err);
	if (rc != 0) {
		allowed_subjects_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void
allowed_subjects_close(struct allowed_subjects *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->num; i++) {
		free(s->holders[i]);
		free((void *)(uintptr_t)s->names[i]);
	}
	free(s->holders);
	free(s->names);
	name_set_free(s->set);
	free(s->last_holder);
	free(s->last_name);
	journal_close(s->journal);
	free(s);
}

static int
write_change(struct allowed_subjects *s, const char *holder, const char *name,
    bool allowed, struct err *err)
{
	cJSON *o = cJSON_CreateObject();
	int rc = 0;

	if (cJSON_AddStringToObject(o, "holder", holder) == NULL ||
	    cJSON_AddStringToObject(o, "subject", name) == NULL ||
	    cJSON_AddBoolToObject(o, "allowed", allowed) == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	else if (s->journal != NULL)
		rc = journal_append(s->journal, o, err);
	cJSON_Delete(o);
	return rc;
}

int
allowed_subjects_set(struct allowed_subjects *s, const char *holder,
    const char *subject, bool allowed, struct err *err)
{
	char *name = normal_form(subject, err);
	int rc;

	if (name == NULL)
		return E_PARSE;
	rc = write_change(s, holder, name, allowed, err);
	if (rc == 0) {
		free(s->last_holder);
		free(s->last_name);
		s->last_holder = NULL;
		s->last_name = NULL;
		s->last_enforced = s->enforced;
		s->enforced = true;
		rc = list_set(s, holder, name, allowed);
		if (rc == 1) {
			s->last_holder = strdup(holder);
			s->last_name = strdup(name);
			s->last_added = allowed;
		}
		rc = rc >= 0 ? 0
			     : err_set(err, rc, "the list of subjects is full");
	}
	free(name);
	return rc;
}

int
allowed_subjects_undo(struct allowed_subjects *s, struct err *err)
{
	int rc = s->journal != NULL ? journal_undo(s->journal, err) : 0;

	s->enforced = s->last_enforced;
	if (s->last_holder != NULL && s->last_name != NULL &&
	    list_set(s, s->last_holder, s->last_name, !s->last_added) < 0)
		return err_set(err, E_NOMEM, "out of memory");
	return rc;
}

bool
allowed_subjects_enforced(const struct allowed_subjects *s)
{
	return s->enforced;
}

struct name_set *
allowed_subjects_names(const struct allowed_subjects *s)
{
	return s->set;
}

cJSON *
allowed_subjects_json(const struct allowed_subjects *s, const char *holder)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < s->num; i++)
		if (strcasecmp(s->holders[i], holder) == 0)
			cJSON_AddItemToArray(
			    list, cJSON_CreateString(s->names[i]));
	return list;
}
