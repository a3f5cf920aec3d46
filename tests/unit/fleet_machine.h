/*
 * fleet_machine: machines of a fleet in one process: the facade, each with a
 * state.db in memory. Who includes it says what they are linked to.
 */
#ifndef TESTS_UNIT_FLEET_MACHINE_H
#define TESTS_UNIT_FLEET_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "cache/base/clock.h"
#include "gateway/fleet/fleet.h"
#include "gateway/fleet/seal.h"
#include "gateway/state/fleet_state.h"

#define HELPER __attribute__((unused)) static

/* Machines. */

struct machine {
	struct state_db *db;
	struct fleet_state *state;
	struct fleet *fleet;
	struct fleet_link *link; /* of fleet_help.h */
	struct log log;
	const char *name, *refuses; /* keys so begin that cannot act here */
	size_t lines;               /* of its log */
	char last_line[256];
	bool disk_full;
	uint64_t reconnects;   /* that a test has seen */
	size_t takes, records; /* calls of take, ordered records taken */
	char last_claim[80];   /* that is free again */
};

static struct event_base *base;
static const char *const *machine_endpoints;
/* Of who includes this. */
static void machine_began(struct machine *m);
static bool looping; /* a test that failed has left it */
static char secret_file[64];

static int
copy_pending(void *arg, const struct fleet_row *row, struct err *err)
{
	char **out = arg;

	*out = row->pending != NULL ? strdup(row->pending) : NULL;
	return 0;
}

/* What is in force and waits stays so, until it is what came. */
static void
must_agree_with_outbox(const struct machine *m, const struct fleet_record *r)
{
	char *pending = NULL;
	bool same;
	struct err err;

	assert_int_equal(
	    fleet_state_one(m->state, r->key, copy_pending, &pending, &err), 0);
	same = pending != NULL && strcmp(pending, r->json) == 0;
	assert_int_equal(r->settles, same);
	assert_int_equal(r->shadowed, pending != NULL && !same);
	free(pending);
}

static int
machine_keep(struct machine *m, const struct fleet_record *r, struct err *err)
{
	const struct fleet_row row = {.key = r->key,
	    .n = r->n,
	    .version = r->version,
	    .removed = r->removed,
	    .json = r->json};

	if (r->kind == FLEET_CLAIM && r->gone)
		snprintf(m->last_claim, sizeof(m->last_claim), "%s", r->name);
	if (!fleet_kind_rule(r->kind)->ordered)
		return 0;
	if (r->gone)
		return fleet_state_drop(m->state, r->key, err);
	must_agree_with_outbox(m, r);
	m->records++;
	return fleet_state_put(m->state, &row, r->settles, err);
}

static int
machine_take(void *arg, const struct fleet_record *v, size_t num,
    const struct fleet_facts *facts, bool adopted, struct fleet_taken *taken,
    struct err *err)
{
	const struct fleet_state_facts keep = {.id = facts->id,
	    .head = facts->head,
	    .filled = facts->filled,
	    .tally = facts->tally};
	struct machine *m = arg;
	int rc;

	m->takes++;
	if (m->disk_full)
		return err_set(err, E_IO, "no space left on device");
	rc = state_db_begin(m->db, err);
	if (rc != 0)
		return rc;
	if (adopted)
		rc = fleet_state_clear(m->state, err);
	for (size_t i = 0; i < num && rc == 0; i++) {
		if (m->refuses != NULL &&
		    strncmp(v[i].key, m->refuses, strlen(m->refuses)) == 0) {
			taken[i].ok = false;
			snprintf(taken[i].why, sizeof(taken[i].why),
			    "address in use");
			continue;
		}
		rc = machine_keep(m, &v[i], err);
	}
	if (rc == 0)
		rc = fleet_state_set_facts(m->state, &keep, err);
	return state_db_end(m->db, rc, err);
}

struct holding {
	fleet_held_fn *fn;
	void *arg;
};

static int
held_row(void *arg, const struct fleet_row *row, struct err *err)
{
	const struct holding *h = arg;

	return h->fn(h->arg,
	    &(struct fleet_held){.key = row->key,
		.n = row->n,
		.version = row->version,
		.removed = row->removed,
		.json = row->json,
		.pending = row->pending,
		.pending_removed = row->pending_removed},
	    err);
}

static int
machine_each(
    void *arg, const char *key, fleet_held_fn *fn, void *fnarg, struct err *err)
{
	struct holding h = {fn, fnarg};
	struct machine *m = arg;

	return key != NULL ? fleet_state_one(m->state, key, held_row, &h, err)
			   : fleet_state_each(m->state, held_row, &h, err);
}

static int
machine_facts(void *arg, struct fleet_facts *out, struct err *err)
{
	struct machine *m = arg;
	struct fleet_state_facts facts;
	int rc = fleet_state_facts(m->state, &facts, err);

	if (rc == 0)
		*out = (struct fleet_facts){.id = facts.id,
		    .head = facts.head,
		    .filled = facts.filled,
		    .tally = facts.tally};
	return rc;
}

static void
machine_log(void *arg, enum log_level level, const char *line)
{
	struct machine *m = arg;

	m->lines++;
	snprintf(m->last_line, sizeof(m->last_line), "%s", line);
	if (getenv("FLEET_LOG") != NULL)
		fprintf(
		    stderr, "# %s: %s\n", ((struct machine *)arg)->name, line);
}

struct machine_options {
	const char *fleet; /* its name; NULL: "eu" */
	const char *secret_file, *previous;
	bool create, adopt;
	int64_t min_n;
};

/* Begins what it is, with what it has kept. */
HELPER void
machine_begin(struct machine *m, const struct machine_options *o)
{
	const struct fleet_link_options link = {.base = base,
	    .name = o->fleet != NULL ? o->fleet : "eu",
	    .endpoints = machine_endpoints,
	    .log = &m->log};
	const struct fleet_options options = {.link = &link,
	    .member = m->name,
	    .secret_file =
		o->secret_file != NULL ? o->secret_file : secret_file,
	    .previous_secret_file = o->previous,
	    .min_n = o->min_n,
	    .create = o->create,
	    .adopt = o->adopt,
	    .log = &m->log,
	    .calls = {.take = machine_take,
		.each = machine_each,
		.facts = machine_facts},
	    .arg = m};
	struct err err = {0};

	m->log =
	    (struct log){.level = LOG_LEVEL_INFO, .fn = machine_log, .arg = m};
	if (fleet_new(&m->fleet, &options, &err) != 0)
		fail_msg("%s", err.msg);
	machine_began(m);
}

HELPER void
machine_init(
    struct machine *m, const char *name, const struct machine_options *o)
{
	struct err err;

	*m = (struct machine){.name = name};
	assert_int_equal(state_db_open(&m->db, NULL, NULL, &err), 0);
	assert_int_equal(fleet_state_open(&m->state, m->db, &err), 0);
	machine_begin(m, o);
}

HELPER void
machine_cleanup(struct machine *m)
{
	fleet_free(m->fleet);
	fleet_state_close(m->state);
	state_db_close(m->db);
	*m = (struct machine){.name = NULL};
}

/* Stops and starts again with what it has. */
HELPER void
machine_restart(struct machine *m, const struct machine_options *o)
{
	fleet_free(m->fleet);
	machine_begin(m, o);
}

/* Runs the loop until something is so, or fails. */
#define LOOP_SEC 20
#define loop_until(what)                                               \
	do {                                                           \
		uint64_t loop_end = clock_mono_ms() + LOOP_SEC * 1000; \
                                                                       \
		while (!(what)) {                                      \
			if (clock_mono_ms() > loop_end)                \
				fail_msg("not in time: %s", #what);    \
			loop_once();                                   \
		}                                                      \
	} while (0)

static void
on_nothing(evutil_socket_t fd, short what, void *arg)
{
}

HELPER void
loop_once(void)
{
	const struct timeval soon = {0, 5000};

	event_base_once(base, -1, EV_TIMEOUT, on_nothing, NULL, &soon);
	looping = true;
	event_base_loop(base, EVLOOP_ONCE);
	looping = false;
}

/* Until nothing is on its way. */
HELPER void
loop_idle(void)
{
	looping = true;
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	looping = false;
}

HELPER enum fleet_state_now
machine_state(const struct machine *m)
{
	struct fleet_view v;

	fleet_view(m->fleet, &v);
	return v.state;
}

struct found {
	char text[512];
	char pending[512];
	int64_t n;
};

static int
copy_row(void *arg, const struct fleet_row *row, struct err *err)
{
	struct found *f = arg;

	f->n = row->n;
	snprintf(
	    f->text, sizeof(f->text), "%s", row->json != NULL ? row->json : "");
	snprintf(f->pending, sizeof(f->pending), "%s",
	    row->pending != NULL ? row->pending : "");
	return 0;
}

/* What it has kept; n 0: nothing. */
HELPER struct found
machine_has(const struct machine *m, const char *key)
{
	struct found f = {.n = 0};
	struct err err;

	assert_int_equal(fleet_state_one(m->state, key, copy_row, &f, &err), 0);
	return f;
}

struct written {
	bool over;
	struct fleet_outcome o;
};

static void
on_written(void *arg, const struct fleet_outcome *o)
{
	struct written *w = arg;

	assert_false(w->over);
	w->over = true;
	w->o = *o;
}

HELPER void
write_begin(struct machine *m, struct written *w, enum fleet_kind kind,
    const char *name, const char *json, int64_t expect)
{
	const struct fleet_change c = {
	    .kind = kind, .name = name, .json = json, .expect = expect};
	struct err err = {0};

	*w = (struct written){.over = false};
	if (fleet_write(m->fleet, &c, 1, on_written, w, &err) != 0)
		fail_msg("%s", err.msg);
	assert_false(w->over);
}

HELPER struct fleet_outcome
machine_write(struct machine *m, enum fleet_kind kind, const char *name,
    const char *json, int64_t expect)
{
	struct written w;

	write_begin(m, &w, kind, name, json, expect);
	loop_until(w.over);
	return w.o;
}

/* An entry of the denylist, which must be written. */
HELPER void
must_write(struct machine *m, const char *name, const char *json)
{
	struct fleet_outcome o =
	    machine_write(m, FLEET_DENY, name, json, FLEET_ANY);

	if (o.result != FLEET_WRITTEN)
		fail_msg("%s: %d: %s", m->name, o.result, o.why);
}

HELPER struct fleet_view
view(const struct machine *m)
{
	struct fleet_view v;

	fleet_view(m->fleet, &v);
	return v;
}

/* A record as the fleet seals it, for a stranger to put somewhere. */
HELPER uint8_t *
sealed_by(const char *secret, const char *id, enum fleet_kind kind,
    const char *key, int64_t n, const char *json, size_t *len)
{
	const struct fleet_seal_place place = {
	    .id = id, .kind = kind, .key = key, .n = n};
	struct fleet_seal *s;
	uint8_t *out;
	struct err err;

	assert_int_equal(fleet_seal_new(&s, secret, NULL, &err), 0);
	assert_int_equal(
	    fleet_seal_close(s, &place, json, strlen(json), &out, len, &err),
	    0);
	fleet_seal_free(s);
	return out;
}

HELPER void
secret_write(char path[64], const char *text)
{
	int fd;

	snprintf(path, 64, "/tmp/test_fleet.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

HELPER int
machines_setup(void **state)
{
	base = event_base_new();
	secret_write(secret_file, "a secret of the fleet");
	return base != NULL ? 0 : -1;
}

/* A test that failed has left the loop in the middle. */
HELPER int
machines_teardown(void **state)
{
	if (!looping)
		event_base_free(base);
	looping = false;
	return unlink(secret_file);
}

/* Writers of one section. */

static int
version_of_row(void *arg, const struct fleet_row *row, struct err *err)
{
	*(int64_t *)arg = row->version;
	return 0;
}

HELPER int64_t
section_version(const struct machine *m)
{
	int64_t version = 0;
	struct err err;

	assert_int_equal(fleet_state_one(m->state, "config/revcheck",
			     version_of_row, &version, &err),
	    0);
	return version;
}

/* Writes the next version that this machine knows of; which that is. */
HELPER int64_t
section_write(struct machine *m, fleet_done_fn *done, void *arg)
{
	int64_t version = section_version(m) + 1;
	char history[64], json[256];
	struct fleet_change c[2] = {{.kind = FLEET_CONFIG,
					.name = "revcheck",
					.json = json,
					.expect = FLEET_HELD},
	    {.kind = FLEET_HISTORY,
		.name = history,
		.json = json,
		.expect = FLEET_ABSENT}};
	struct err err = {0};

	snprintf(
	    history, sizeof(history), "revcheck/%010lld", (long long)version);
	snprintf(json, sizeof(json),
	    "{\"version\":%lld,\"at\":1,\"who\":\"%s\",\"from\":\"t\","
	    "\"action\":\"put\",\"config\":\"{}\"}",
	    (long long)version, m->name);
	if (fleet_write(m->fleet, c, 2, done, arg, &err) != 0)
		fail_msg("%s", err.msg);
	return version;
}

#endif
