/*
 * fleet_ask: one change that somebody here asks for, until it is answered.
 *
 *     tightens ──► in force, in the outbox ──► SETTLE ──► sent, or pending
 *     all else ──► WRITE ──► written ──► (WAIT for the others) ──► done
 *                       └──► written, cannot act here ──► BACK ──► failed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cache/base/clock.h"
#include "gateway/base/json.h"
#include "gateway/control/fleet_join_internal.h"
#include "gateway/control/stores.h"

#define SETTLE_MS 3000 /* for what is in force already to be sent */
#define AWAY      "the fleet cannot be asked; nothing was changed"

struct join_ask {
	struct fleet_join *join;
	struct join_ask **prev, *next;
	struct control_later later;
	struct event *timer;
	bool settling, waiting; /* for the outbox; for the other members */
	char key[FLEET_KEY_SIZE];
	enum change_kind kind;
	/* SECTION. */
	enum section_id section;
	int64_t version; /* that is written */
	char *before;    /* the text that is replaced; NULL: none */
	char who[128], from[128];
	struct err why; /* of what is taken back */
};

static void
ask_free(struct join_ask *a)
{
	*a->prev = a->next;
	if (a->next != NULL)
		a->next->prev = a->prev;
	if (a->timer != NULL)
		event_free(a->timer);
	free(a->before);
	free(a);
}

static void
ask_done(struct join_ask *a, const struct control_answer *answer)
{
	const struct control_later later = a->later;

	ask_free(a);
	if (later.done != NULL)
		later.done(later.arg, answer);
}

static void
ask_fail(
    struct join_ask *a, enum control_outcome outcome, int code, const char *why)
{
	struct control_answer answer = {.outcome = outcome};

	err_set(&answer.err, code, "%s", why);
	ask_done(a, &answer);
}

/* The other members. */

struct missing {
	const struct join_ask *ask;
	char text[160];
	size_t num;
};

static void
look_at_member(void *arg, const char *name, const char *json)
{
	struct missing *m = arg;
	const struct join_ask *a = m->ask;
	cJSON *o = cJSON_Parse(json);
	const char *lag = json_get_string(o, "lag");
	int64_t version = 0;

	if (json_to_int(
		json_get(json_get(o, "config"), section_name(a->section)), 0,
		INT32_MAX, &version) != 0 ||
	    version < a->version) {
		if (m->num++ == 0)
			snprintf(m->text, sizeof(m->text),
			    "not yet in force on %.64s%s%.60s", name,
			    lag != NULL && lag[0] != '\0' ? ": " : "",
			    lag != NULL ? lag : "");
	}
	cJSON_Delete(o);
}

/* Whether all have it; else out says one that has not. */
static bool
all_have_it(const struct join_ask *a, char out[160])
{
	struct missing m = {.ask = a};

	fleet_each_member(a->join->fleet, look_at_member, &m);
	snprintf(
	    out, 160, "%s", m.num > 0 ? m.text : "in force on every member");
	if (m.num > 1)
		snprintf(out, 160, "not yet in force on %zu members", m.num);
	return m.num == 0;
}

void
fleet_asks_look(struct fleet_join *j)
{
	struct control_answer answer = {.outcome = CONTROL_CHANGED};
	struct join_ask *next;

	for (struct join_ask *a = j->asks; a != NULL; a = next) {
		next = a->next;
		if (a->waiting && all_have_it(a, answer.err.msg))
			ask_done(a, &answer);
	}
}

/* The time is up. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct join_ask *a = arg;
	struct control_answer answer = {.outcome = CONTROL_CHANGED};

	(void)fd, (void)what;
	answer.pending = a->settling;
	if (a->waiting)
		(void)all_have_it(a, answer.err.msg);
	ask_done(a, &answer);
}

static void
ask_time(struct join_ask *a, uint32_t ms)
{
	const struct timeval tv = clock_timeval(ms);

	evtimer_add(a->timer, &tv);
}

/* What was written. */

/*
 * A section is not removed: what was before comes back as a version of its own,
 * and "{}" where nothing was.
 */
static cJSON *
section_before(const struct join_ask *a)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "v", FLEET_TEXT_SCHEMA);
	cJSON_AddNumberToObject(o, "version", (double)a->version + 1);
	cJSON_AddNumberToObject(o, "at", (double)time(NULL));
	cJSON_AddStringToObject(o, "who", a->who);
	cJSON_AddStringToObject(o, "from", a->from);
	cJSON_AddStringToObject(o, "action", "taken back");
	cJSON_AddStringToObject(o, "note", a->why.msg);
	cJSON_AddStringToObject(
	    o, "config", a->before != NULL ? a->before : "{}");
	cJSON_AddNumberToObject(o, "schemaVersion", FLEET_TEXT_SCHEMA);
	return o;
}

static void
on_back(void *arg, const struct fleet_outcome *outcome)
{
	struct join_ask *a = arg;

	if (outcome->result != FLEET_WRITTEN)
		log_line(a->join->services->log, LOG_LEVEL_ERROR,
		    "cannot take back '%s' in the fleet, which cannot be in "
		    "force here: %s",
		    a->key, outcome->why);
	ask_fail(a, CONTROL_FAILED, E_INTERNAL, a->why.msg);
}

static int
copy_row(void *arg, const struct fleet_row *row, struct err *err)
{
	cJSON **out = arg;

	*out = row->json != NULL ? cJSON_Parse(row->json) : NULL;
	return row->json == NULL || *out != NULL
	    ? 0
	    : err_set(err, E_NOMEM, "out of memory");
}

/* Written, and cannot act here after all: as it was before. */
static void
take_back(struct join_ask *a, const struct fleet_outcome *outcome)
{
	const char *name;
	char history[FLEET_KEY_SIZE];
	struct fleet_change back[] = {
	    {.kind = fleet_key_kind(a->key, &name), .expect = outcome->n},
	    {.kind = FLEET_HISTORY, .name = history, .expect = FLEET_ANY}};
	cJSON *o = NULL;
	char *text;
	int rc = E_NOMEM;

	err_set(&a->why, E_INTERNAL, "%s", outcome->why);
	if (a->kind == CHANGE_SECTION)
		o = section_before(a);
	else if (fleet_state_one(
		     a->join->state, a->key, copy_row, &o, &a->why) == 0 &&
	    o == NULL)
		o = cJSON_Parse("{\"removed\":true,\"allowed\":false}");
	text = cJSON_PrintUnformatted(o);
	back[0].name = name;
	back[0].json = back[1].json = text;
	snprintf(history, sizeof(history), "%.100s/%010lld", name,
	    (long long)a->version + 1);
	if (text != NULL)
		rc = fleet_write(a->join->fleet, back,
		    a->kind == CHANGE_SECTION ? 2 : 1, on_back, a, &a->why);
	cJSON_free(text);
	cJSON_Delete(o);
	if (rc != 0)
		ask_fail(a, CONTROL_FAILED, E_INTERNAL, outcome->why);
}

/* Both versions, or at least which change was first. */
static void
conflict(struct join_ask *a, const struct fleet_outcome *outcome)
{
	struct fleet_join *j = a->join;
	int64_t there = 0;
	char why[200];

	if (a->kind == CHANGE_SECTION) {
		there = section_version(j->stores->sections, a->section);
		if (j->lag_version[a->section] > there)
			there = j->lag_version[a->section];
	}
	if (there >= a->version)
		snprintf(why, sizeof(why),
		    "the version given is %lld, the version stored is %lld",
		    (long long)(a->version > 1 ? a->version - 1
					       : SECTION_VERSION_NONE),
		    (long long)there);
	else
		snprintf(why, sizeof(why),
		    "another machine has changed it meanwhile (change %lld "
		    "of the fleet): look, and ask again",
		    (long long)outcome->n);
	ask_fail(a, CONTROL_CONFLICT, E_ARG, why);
}

static void
written(struct join_ask *a)
{
	struct control_answer answer = {.outcome = CONTROL_CHANGED};

	if (a->kind == CHANGE_SECTION && a->later.wait_ms > 0) {
		a->waiting = true;
		if (!all_have_it(a, answer.err.msg)) {
			ask_time(a, a->later.wait_ms);
			return;
		}
	}
	ask_done(a, &answer);
}

static void
on_written(void *arg, const struct fleet_outcome *outcome)
{
	struct join_ask *a = arg;

	switch (outcome->result) {
	case FLEET_WRITTEN:
		written(a);
		return;
	case FLEET_CONFLICT:
		conflict(a, outcome);
		return;
	case FLEET_AWAY:
		ask_fail(a, CONTROL_AWAY, E_IO,
		    outcome->unsure ? "the fleet cannot be asked; whether it "
				      "was changed is not known yet"
				    : AWAY);
		return;
	case FLEET_FULL:
		log_line(a->join->services->log, LOG_LEVEL_ERROR,
		    "the fleet takes nothing more, nothing was changed: %s",
		    outcome->why);
		ask_fail(a, CONTROL_AWAY, E_IO, outcome->why);
		return;
	case FLEET_NOT_APPLIED:
		take_back(a, outcome);
		return;
	case FLEET_FAILED:
		break;
	}
	ask_fail(a, CONTROL_FAILED, E_INTERNAL, outcome->why);
}

/* Asking. */

static struct join_ask *
ask_new(struct fleet_join *j, const struct fleet_text *t,
    const struct change *ch, const struct control_later *later)
{
	struct join_ask *a = calloc(1, sizeof(*a));
	const char *text;

	if (a == NULL)
		return NULL;
	a->join = j;
	if (later != NULL)
		a->later = *later;
	a->kind = ch->kind;
	memcpy(a->key, t->key, sizeof(a->key));
	a->next = j->asks;
	a->prev = &j->asks;
	if (a->next != NULL)
		a->next->prev = &a->next;
	j->asks = a;
	a->timer = evtimer_new(j->services->base, on_timer, a);
	if (ch->kind == CHANGE_SECTION) {
		int64_t stored =
		    section_version(j->stores->sections, ch->section);

		a->section = ch->section;
		a->version = (stored > 0 ? stored : 0) + 1;
		snprintf(a->who, sizeof(a->who), "%s", ch->author.who);
		snprintf(a->from, sizeof(a->from), "%s", ch->author.from);
		text = section_text(j->stores->sections, ch->section);
		a->before = text != NULL ? strdup(text) : NULL;
		if (text != NULL && a->before == NULL) {
			ask_free(a);
			return NULL;
		}
	}
	if (a->timer == NULL) {
		ask_free(a);
		return NULL;
	}
	return a;
}

struct pending {
	struct fleet_join *join;
	const struct fleet_text *text;
	const struct change *change;
};

static int
put_into_outbox(void *arg, struct err *err)
{
	const struct pending *p = arg;
	const struct fleet_row row = {.key = p->text->key,
	    .pending = p->text->v[0].json,
	    .pending_removed = p->change->removed};

	return fleet_state_pend(p->join->state, &row, err);
}

int
fleet_join_pend(struct fleet_join *j, const struct fleet_text *t,
    const struct change *ch, struct err *err)
{
	struct pending p = {.join = j, .text = t, .change = ch};
	struct err why;
	int rc = control_take(j->control, ch, 1, put_into_outbox, &p, err);

	if (rc == 0)
		log_line(j->services->log, LOG_LEVEL_INFO,
		    "'%s' is in force here, and the fleet is told", t->key);
	/* It is kept: what is not sent now is sent after the next start. */
	if (rc == 0 && fleet_pending(j->fleet, &t->v[0], false, &why) != 0)
		log_line(j->services->log, LOG_LEVEL_WARN,
		    "'%s' waits in the outbox: %s", t->key, why.msg);
	return rc;
}

static enum control_outcome
ask_tighten(struct fleet_join *j, const struct fleet_text *t,
    const struct change *ch, const struct control_later *later, struct err *err)
{
	struct join_ask *a = ask_new(j, t, ch, later);

	if (a == NULL) {
		err_set(err, E_NOMEM, "out of memory");
		return CONTROL_FAILED;
	}
	if (fleet_join_pend(j, t, ch, err) != 0) {
		ask_free(a);
		return CONTROL_FAILED;
	}
	a->settling = true;
	ask_time(a, fleet_join_in_step(j) ? SETTLE_MS : 0);
	return CONTROL_LATER;
}

enum control_outcome
fleet_join_keep(void *arg, const struct change *ch,
    const struct control_later *later, struct err *err)
{
	struct fleet_join *j = arg;
	enum control_outcome outcome = CONTROL_FAILED;
	struct join_ask *a = NULL;
	struct fleet_text t;
	int rc = fleet_text_make(&t, ch, j->stores, err);

	if (rc == 0 && change_tightens(j->stores, ch)) {
		outcome = ask_tighten(j, &t, ch, later, err);
		fleet_text_cleanup(&t);
		return outcome;
	}
	if (rc == 0 && (a = ask_new(j, &t, ch, later)) == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc == 0)
		rc = fleet_write(j->fleet, t.v, t.num, on_written, a, err);
	fleet_text_cleanup(&t);
	if (rc == 0)
		return CONTROL_LATER;
	if (a != NULL)
		ask_free(a);
	if (rc == E_CLOSED || (rc == E_LIMIT && a != NULL)) {
		err_set(err, E_IO, AWAY);
		outcome = CONTROL_AWAY;
	}
	return outcome;
}

void
fleet_asks_settled(struct fleet_join *j, const char *key)
{
	const struct control_answer answer = {.outcome = CONTROL_CHANGED};
	struct join_ask *next;

	for (struct join_ask *a = j->asks; a != NULL; a = next) {
		next = a->next;
		if (a->settling && strcmp(a->key, key) == 0)
			ask_done(a, &answer);
	}
}

void
fleet_asks_end(struct fleet_join *j)
{
	struct control_answer answer = {.outcome = CONTROL_AWAY};

	err_set(&answer.err, E_CLOSED, "the gateway stops");
	while (j->asks != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		ask_done(j->asks, &answer);
}
