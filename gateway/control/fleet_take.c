/*
 * fleet_take: what others set, put in force here. Records that come together
 * are one transaction; where one of them cannot act here they are halved until
 * it is alone, so that it holds up nobody else and loosens nothing: what was in
 * force stays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/control/fleet_join_internal.h"
#include "gateway/control/stores.h"

#define SAID_EACH 20 /* more at once are one line */

struct taking {
	struct fleet_join *join;
	const struct fleet_record *v;
	struct fleet_box *boxes; /* each of its record */
	struct fleet_taken *taken;
	struct change *changes; /* room for all */
	size_t *order;          /* sections come first: see sort */
	const struct fleet_facts *facts;
	bool adopted; /* what was held of another fleet is to go */
	size_t from, to;
};

bool
fleet_join_shares(const struct fleet_join *j, enum fleet_kind kind)
{
	switch (kind) {
	case FLEET_CONFIG:
	case FLEET_HISTORY:
		return (j->kinds & 1U << CHANGE_SECTION) != 0;
	case FLEET_DENY:
		return (j->kinds & 1U << CHANGE_DENIED) != 0;
	case FLEET_SUBJECT:
		return (j->kinds & 1U << CHANGE_SUBJECT) != 0;
	case FLEET_HOLDING:
	case FLEET_CHAIN:
		return (j->kinds & 1U << CHANGE_MEMBER) != 0;
	case FLEET_KEY:
		return (j->kinds & 1U << CHANGE_KEY) != 0;
	default:
		return false;
	}
}

/*
 * What a section was before: for who looks at its history here. One that cannot
 * be read is none of it.
 */
static int
keep_history(
    struct fleet_join *j, const struct fleet_record *r, struct err *err)
{
	char name[FLEET_KEY_SIZE];
	struct section_change c = {.version = r->version};
	enum section_id id;
	struct err ignored;
	cJSON *o = NULL;
	int64_t at = 0;
	int rc = 0;

	snprintf(
	    name, sizeof(name), "%.*s", (int)strcspn(r->name, "/"), r->name);
	id = section_find(name);
	if (id == SECTION_NUM || json_parse(&o, r->json, r->len, &ignored) != 0)
		return 0;
	c.who = json_get_string(o, "who");
	c.from = json_get_string(o, "from");
	c.action = json_get_string(o, "action");
	c.text = json_get_string(o, "config");
	c.note = json_get_string(o, "note");
	if (c.who != NULL && c.from != NULL && c.action != NULL &&
	    c.text != NULL && c.version > 0 &&
	    json_to_int(json_get(o, "at"), 0, INT64_C(253402300799), &at) ==
		0) {
		c.at = (time_t)at;
		rc = section_store_add_older(j->stores->sections, id, &c, err);
	}
	cJSON_Delete(o);
	return rc;
}

/* Keeps what a record says, whether or not it changes anything. */
static int
keep_record(struct fleet_join *j, const struct fleet_record *r, struct err *err)
{
	const struct fleet_row row = {.key = r->key,
	    .n = r->n,
	    .version = r->version,
	    .removed = r->removed,
	    .json = r->json};
	int rc;

	if (!fleet_join_shares(j, r->kind))
		return 0;
	if (r->gone)
		return fleet_state_drop(j->state, r->key, err);
	rc = fleet_state_put(j->state, &row, r->settles, err);
	return rc == 0 && r->kind == FLEET_HISTORY ? keep_history(j, r, err)
						   : rc;
}

/* In the transaction of control_take. */
static int
keep_records(void *arg, struct err *err)
{
	const struct taking *t = arg;
	struct fleet_join *j = t->join;
	const struct fleet_state_facts facts = {.id = t->facts->id,
	    .head = t->facts->head,
	    .filled = t->facts->filled,
	    .tally = t->facts->tally};
	int rc = t->adopted ? fleet_state_clear(j->state, err) : 0;

	for (size_t i = t->from; i < t->to && rc == 0; i++)
		if (t->taken[t->order[i]].ok)
			rc = keep_record(j, &t->v[t->order[i]], err);
	return rc == 0 ? fleet_state_set_facts(j->state, &facts, err) : rc;
}

/* What is at fault is this machine, not what a record says. */
static bool
is_trouble(int rc)
{
	return rc == E_IO || rc == E_NOMEM;
}

static int
take_range(struct taking *t, size_t from, size_t to, struct err *err);

static int
take_halves(struct taking *t, size_t from, size_t to, struct err *err)
{
	size_t middle = from + (to - from) / 2;
	int rc = take_range(t, from, middle, err);

	return rc == 0 ? take_range(t, middle, to, err) : rc;
}

/* 0: taken, or said of each why not. */
static int
take_range(struct taking *t, size_t from, size_t to, struct err *err)
{
	struct fleet_join *j = t->join;
	size_t num = 0, alone = t->order[from];
	int rc;

	for (size_t i = from; i < to; i++) {
		const struct fleet_box *b = &t->boxes[t->order[i]];

		if (t->taken[t->order[i]].ok && b->change.kind != 0 && !b->idle)
			t->changes[num++] = b->change;
	}
	t->from = from;
	t->to = to;
	rc = control_take(j->control, t->changes, num, keep_records, t, err);
	if (rc == 0) {
		t->adopted = false;
		return 0;
	}
	if (is_trouble(rc) || num == 0)
		return rc;
	if (to - from > 1)
		return take_halves(t, from, to, err);
	t->taken[alone].ok = false;
	snprintf(t->taken[alone].why, sizeof(t->taken[alone].why), "%.150s",
	    err->msg);
	return 0;
}

/* A history is one of what is stored: its section comes before it, also when
 * they are halved. */
static void
sort(struct taking *t, size_t num)
{
	size_t at = 0;

	for (size_t i = 0; i < num; i++)
		if (t->v[i].kind == FLEET_CONFIG)
			t->order[at++] = i;
	for (size_t i = 0; i < num; i++)
		if (t->v[i].kind != FLEET_CONFIG)
			t->order[at++] = i;
}

static int
see_held(void *arg, const struct fleet_row *row, struct err *err)
{
	bool *held = arg;

	*held = row->n > 0;
	return 0;
}

/*
 * The first of a fleet that others made: what was pushed here before is none of
 * its versions, whichever numbers it has.
 */
static int
part_section(struct taking *t, size_t i, struct err *err)
{
	struct fleet_join *j = t->join;
	struct fleet_box *b = &t->boxes[i];
	bool held = false;
	int rc = 0;

	if (t->v[i].kind != FLEET_CONFIG || j->create ||
	    section_version(j->stores->sections, b->change.section) <= 0)
		return 0;
	if (!t->adopted)
		rc = fleet_state_one(
		    j->state, t->v[i].key, see_held, &held, err);
	if (rc == 0 && !held) {
		b->change.apart = true;
		b->idle = false;
	}
	return rc;
}

/* Reads what is to be put in force; what cannot be read is not taken. */
static void
read_records(struct taking *t, size_t num)
{
	struct fleet_join *j = t->join;
	struct err err;

	for (size_t i = 0; i < num; i++) {
		const struct fleet_record *r = &t->v[i];

		if (r->gone || r->shadowed || !fleet_join_shares(j, r->kind) ||
		    !fleet_text_is_change(r->kind))
			continue;
		if (fleet_box_read(&t->boxes[i], r, j->stores, &err) == 0 &&
		    part_section(t, i, &err) == 0)
			continue;
		fleet_box_cleanup(&t->boxes[i]);
		t->taken[i].ok = false;
		snprintf(t->taken[i].why, sizeof(t->taken[i].why), "%.150s",
		    err.msg);
	}
}

/* Sections are told of by control. */
static void
say_taken(const struct taking *t, size_t num)
{
	const struct log *log = t->join->services->log;
	size_t changed = 0, refused = 0;

	for (size_t i = 0; i < num; i++)
		changed += t->taken[i].ok && t->boxes[i].change.kind != 0 &&
		    !t->boxes[i].idle && t->v[i].kind != FLEET_CONFIG;
	if (changed > SAID_EACH)
		log_line(log, LOG_LEVEL_INFO,
		    "the fleet has changed what is in force (changes=%zu)",
		    changed);
	for (size_t i = 0; i < num; i++) {
		const struct fleet_record *r = &t->v[i];

		if (!t->taken[i].ok && refused++ < SAID_EACH)
			log_line(log, LOG_LEVEL_ERROR,
			    "'%s' of the fleet cannot be in force here, what "
			    "was stays: %s (n=%lld)",
			    r->key, t->taken[i].why, (long long)r->n);
		else if (!t->taken[i].ok)
			continue;
		else if (changed <= SAID_EACH && t->boxes[i].change.kind != 0 &&
		    !t->boxes[i].idle && r->kind != FLEET_CONFIG)
			log_line(log, LOG_LEVEL_INFO,
			    "'%s' of the fleet is %s (n=%lld)", r->key,
			    r->removed ? "removed" : "in force",
			    (long long)r->n);
	}
	if (refused > SAID_EACH)
		log_line(log, LOG_LEVEL_ERROR,
		    "more of the fleet cannot be in force here, what was stays "
		    "(records=%zu)",
		    refused - SAID_EACH);
}

/* A setup needs its key and its chains, a value may need another one. */
static bool
completes(const struct taking *t, size_t i)
{
	enum change_kind kind = t->boxes[i].change.kind;

	return t->taken[i].ok && !t->boxes[i].idle &&
	    (kind == CHANGE_KEY || kind == CHANGE_CHAIN ||
		kind == CHANGE_MEMBER || kind == CHANGE_SECTION);
}

/* How many there are decides over what time they get what is new. */
static bool
note_members(const struct taking *t, size_t num)
{
	struct fleet_view view;
	size_t i = 0;

	while (i < num && t->v[i].kind != FLEET_MEMBER)
		i++;
	if (i == num)
		return false;
	fleet_view(t->join->fleet, &view);
	fleet_evidence_members(t->join->evidence, view.num[FLEET_MEMBER]);
	return true;
}

/* What others wait for, and what this machine tells of itself. */
static void
note_taken(const struct taking *t, size_t num)
{
	struct fleet_join *j = t->join;
	/* Before the pointers that come with them at a start. */
	bool members = note_members(t, num);

	for (size_t i = 0; i < num; i++) {
		const struct fleet_record *r = &t->v[i];
		enum section_id id = r->kind == FLEET_CONFIG
		    ? section_find(r->name)
		    : SECTION_NUM;

		j->again |= completes(t, i);
		fleet_evidence_take(j->evidence, r);
		if (id != SECTION_NUM)
			j->lag_version[id] = t->taken[i].ok ? 0 : r->version;
		if (r->settles && t->taken[i].ok)
			fleet_asks_settled(j, r->key);
	}
	fleet_sessions_take(j, t->v, num);
	if (members)
		fleet_asks_look(j);
	fleet_join_later(j);
}

int
fleet_join_take(void *arg, const struct fleet_record *v, size_t num,
    const struct fleet_facts *facts, bool adopted, struct fleet_taken *taken,
    struct err *err)
{
	struct fleet_join *j = arg;
	struct taking t = {.join = j,
	    .v = v,
	    .taken = taken,
	    .facts = facts,
	    .adopted = adopted,
	    .boxes = calloc(num + 1, sizeof(*t.boxes)),
	    .changes = calloc(num + 1, sizeof(*t.changes)),
	    .order = calloc(num + 1, sizeof(*t.order))};
	int rc = 0;

	if (t.boxes == NULL || t.changes == NULL || t.order == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc == 0) {
		sort(&t, num);
		read_records(&t, num);
		rc = take_range(&t, 0, num, err);
	}
	if (rc == 0) {
		j->has_state = facts->id[0] != '\0';
		say_taken(&t, num);
		if (j->fleet != NULL) /* not a file's */
			note_taken(&t, num);
	}
	for (size_t i = 0; t.boxes != NULL && i < num; i++)
		fleet_box_cleanup(&t.boxes[i]);
	free(t.boxes);
	free(t.changes);
	free(t.order);
	return rc;
}

/* What is held. */

struct reading {
	fleet_held_fn *fn;
	void *arg;
};

static int
read_row(void *arg, const struct fleet_row *row, struct err *err)
{
	const struct reading *r = arg;
	const struct fleet_held held = {.key = row->key,
	    .n = row->n,
	    .version = row->version,
	    .removed = row->removed,
	    .json = row->json,
	    .pending = row->pending,
	    .pending_removed = row->pending_removed};

	return r->fn(r->arg, &held, err);
}

int
fleet_join_each(
    void *arg, const char *key, fleet_held_fn *fn, void *fnarg, struct err *err)
{
	struct fleet_join *j = arg;
	struct reading r = {.fn = fn, .arg = fnarg};

	return key != NULL ? fleet_state_one(j->state, key, read_row, &r, err)
			   : fleet_state_each(j->state, read_row, &r, err);
}

int
fleet_join_facts(void *arg, struct fleet_facts *out, struct err *err)
{
	struct fleet_join *j = arg;
	struct fleet_state_facts facts;
	int rc = fleet_state_facts(j->state, &facts, err);

	*out = (struct fleet_facts){.id = ""};
	if (rc == 0)
		*out = (struct fleet_facts){.id = facts.id,
		    .head = facts.head,
		    .filled = facts.filled,
		    .tally = facts.tally};
	return rc;
}
