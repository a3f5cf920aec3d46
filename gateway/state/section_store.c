/*
 * section_store: the values in force and how they came to be. Control thread
 * only.
 */
#include "gateway/state/section_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/journal.h"
#include "gateway/base/json.h"

struct history {
	struct section_change *changes; /* oldest first */
	size_t num;
	cJSON *config; /* of the newest */
};

struct section_store {
	struct history sections[SECTION_NUM];
	struct journal *journal; /* NULL: memory only */
	const struct log *log;
};

static void
change_cleanup(struct section_change *c)
{
	free(c->who);
	free(c->from);
	free(c->action);
	free(c->text);
	free(c->note);
}

/* Takes *c over, also on failure. */
static int
history_add(
    struct history *h, struct section_change *c, cJSON *config, struct err *err)
{
	struct section_change *grown;

	if (c->who == NULL || c->from == NULL || c->action == NULL ||
	    c->text == NULL || config == NULL)
		goto no_memory;
	if (h->num == SECTION_MAX_HISTORY) {
		change_cleanup(&h->changes[0]);
		memmove(
		    h->changes, h->changes + 1, --h->num * sizeof(*h->changes));
	}
	grown = realloc(h->changes, (h->num + 1) * sizeof(*grown));
	if (grown == NULL)
		goto no_memory;
	h->changes = grown;
	h->changes[h->num++] = *c;
	cJSON_Delete(h->config);
	h->config = config;
	return 0;
no_memory:
	change_cleanup(c);
	cJSON_Delete(config);
	return err_set(err, E_NOMEM, "out of memory");
}

static char *
copy_member(const cJSON *record, const char *name)
{
	const char *s = json_get_string(record, name);

	return s != NULL ? strdup(s) : NULL;
}

static int
replay(void *arg, const cJSON *record, struct err *err)
{
	struct section_store *s = arg;
	const char *name = json_get_string(record, "section");
	const char *text = json_get_string(record, "config");
	enum section_id id = name != NULL ? section_find(name) : SECTION_NUM;
	struct section_change c = {0};
	int64_t at;
	cJSON *config;
	int rc;

	if (id == SECTION_NUM || text == NULL ||
	    json_to_int(
		json_get(record, "version"), 1, INT32_MAX, &c.version) != 0 ||
	    json_to_int(json_get(record, "at"), 0, INT64_C(1) << 40, &at) != 0)
		return err_set(err, E_PARSE, "not a change of a section");
	rc = json_parse(&config, text, strlen(text), err);
	if (rc != 0)
		return rc;
	rc = section_validate(id, config, err);
	if (rc != 0) {
		cJSON_Delete(config);
		return rc;
	}
	c.at = (time_t)at;
	c.who = copy_member(record, "who");
	c.from = copy_member(record, "from");
	c.action = copy_member(record, "action");
	c.text = strdup(text);
	c.note = copy_member(record, "note");
	return history_add(&s->sections[id], &c, config, err);
}

static cJSON *
change_record(enum section_id id, const struct section_change *c)
{
	cJSON *o = cJSON_CreateObject();

	if (cJSON_AddStringToObject(o, "section", section_name(id)) == NULL ||
	    cJSON_AddNumberToObject(o, "version", (double)c->version) == NULL ||
	    cJSON_AddNumberToObject(o, "at", (double)c->at) == NULL ||
	    cJSON_AddStringToObject(o, "who", c->who) == NULL ||
	    cJSON_AddStringToObject(o, "from", c->from) == NULL ||
	    cJSON_AddStringToObject(o, "action", c->action) == NULL ||
	    cJSON_AddStringToObject(o, "config", c->text) == NULL ||
	    (c->note != NULL &&
		cJSON_AddStringToObject(o, "note", c->note) == NULL)) {
		cJSON_Delete(o);
		return NULL;
	}
	return o;
}

/* Drops from the file what the bounded history has dropped. */
static int
compact(struct section_store *s, struct err *err)
{
	cJSON *all = cJSON_CreateArray();
	int rc = 0;

	for (enum section_id id = 0; id < SECTION_NUM && rc == 0; id++)
		for (size_t i = 0; i < s->sections[id].num && rc == 0; i++) {
			cJSON *record =
			    change_record(id, &s->sections[id].changes[i]);

			if (record == NULL ||
			    !cJSON_AddItemToArray(all, record))
				rc = err_set(err, E_NOMEM, "out of memory");
		}
	if (rc == 0)
		rc = journal_rewrite(s->journal, all, err);
	cJSON_Delete(all);
	return rc;
}

int
section_store_open(struct section_store **out, const char *dir,
    const struct log *log, struct err *err)
{
	struct section_store *s = calloc(1, sizeof(*s));
	bool full = false;
	int rc = 0;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->log = log;
	if (dir != NULL)
		rc = journal_open_in(
		    &s->journal, dir, "sections.journal", replay, s, log, err);
	for (enum section_id id = 0; id < SECTION_NUM; id++)
		full |= s->sections[id].num == SECTION_MAX_HISTORY;
	if (rc == 0 && s->journal != NULL && full)
		rc = compact(s, err);
	if (rc != 0) {
		section_store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void
section_store_close(struct section_store *s)
{
	if (s == NULL)
		return;
	for (enum section_id id = 0; id < SECTION_NUM; id++) {
		struct history *h = &s->sections[id];

		for (size_t i = 0; i < h->num; i++)
			change_cleanup(&h->changes[i]);
		free(h->changes);
		cJSON_Delete(h->config);
	}
	journal_close(s->journal);
	free(s);
}

static const struct section_change *
newest(const struct section_store *s, enum section_id id)
{
	const struct history *h = &s->sections[id];

	return h->num > 0 ? &h->changes[h->num - 1] : NULL;
}

int64_t
section_version(const struct section_store *s, enum section_id id)
{
	const struct section_change *c = newest(s, id);

	return c != NULL ? c->version : SECTION_VERSION_NONE;
}

const cJSON *
section_config(const struct section_store *s, enum section_id id)
{
	return s->sections[id].config;
}

const char *
section_text(const struct section_store *s, enum section_id id)
{
	const struct section_change *c = newest(s, id);

	return c != NULL ? c->text : NULL;
}

size_t
section_num_changes(const struct section_store *s, enum section_id id)
{
	return s->sections[id].num;
}

const struct section_change *
section_change(const struct section_store *s, enum section_id id, size_t i)
{
	return i < s->sections[id].num ? &s->sections[id].changes[i] : NULL;
}

int
section_store_put(struct section_store *s, enum section_id id,
    const cJSON *config, const char *text, const struct section_author *author,
    struct err *err)
{
	int64_t version = section_version(s, id);
	struct section_change c = {
	    .version = version == SECTION_VERSION_NONE ? 1 : version + 1,
	    .at = time(NULL),
	    .who = strdup(author->who),
	    .from = strdup(author->from),
	    .action = strdup(author->action),
	    .text = strdup(text),
	    .note = author->note != NULL ? strdup(author->note) : NULL};
	cJSON *record = NULL;
	int rc = 0;

	if (c.who != NULL && c.from != NULL && c.action != NULL &&
	    c.text != NULL && (c.note != NULL || author->note == NULL))
		record = change_record(id, &c);
	if (record == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	else if (s->journal != NULL)
		rc = journal_append(s->journal, record, err);
	cJSON_Delete(record);
	if (rc != 0) {
		change_cleanup(&c);
		return rc;
	}
	return history_add(
	    &s->sections[id], &c, cJSON_Duplicate(config, 1), err);
}

int
section_store_revert(
    struct section_store *s, enum section_id id, struct err *err)
{
	struct history *h = &s->sections[id];
	const struct section_change *c;
	int rc = 0;

	if (h->num == 0)
		return err_set(err, E_ARG, "nothing to take back");
	if (s->journal != NULL)
		rc = journal_undo(s->journal, err);
	change_cleanup(&h->changes[--h->num]);
	cJSON_Delete(h->config);
	c = newest(s, id);
	h->config = c != NULL ? cJSON_Parse(c->text) : NULL;
	return rc;
}
