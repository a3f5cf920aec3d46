/* fleet_rig: see the header. */
#include "tests/bench/fleet_rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET_FILE "fleet.secret"
#define PATIENCE    60

void
rig_die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fprintf(stderr, "bench_fleet: ");
	vfprintf(stderr, format, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(1);
}

void
rig_line(const char *what, struct sample *ms, const char *goal)
{
	printf("  %-44s %7.0f %7.0f %7.0f   %s\n", what, sample_at(ms, 50),
	    sample_at(ms, 99), sample_at(ms, 100), goal);
	fflush(stdout);
}

/* What a member keeps: as the gateway does, without what is put in force. */

static int
keep(struct member *m, const struct fleet_record *v, struct err *err)
{
	struct fleet_row row = {.key = v->key,
	    .n = v->n,
	    .version = v->version,
	    .removed = v->removed,
	    .json = v->json};

	if (!fleet_kind_rule(v->kind)->ordered)
		return 0;
	return v->gone ? fleet_state_drop(m->state, v->key, err)
		       : fleet_state_put(m->state, &row, v->settles, err);
}

static int
member_take(void *arg, const struct fleet_record *v, size_t num,
    const struct fleet_facts *facts, bool adopted, struct fleet_taken *taken,
    struct err *err)
{
	struct fleet_state_facts f = {.id = facts->id,
	    .head = facts->head,
	    .filled = facts->filled,
	    .tally = facts->tally};
	struct member *m = arg;
	int rc = state_db_begin(m->db, err);

	if (rc != 0)
		return rc;
	if (adopted)
		rc = fleet_state_clear(m->state, err);
	for (size_t i = 0; rc == 0 && i < num; i++)
		rc = keep(m, &v[i], err);
	if (rc == 0)
		rc = fleet_state_set_facts(m->state, &f, err);
	if (rc == 0)
		rc = state_db_flush(m->db, err);
	rc = state_db_end(m->db, rc, err);
	for (size_t i = 0; rc == 0 && i < num; i++)
		if (m->rig->heard != NULL)
			m->rig->heard(m->rig->heard_arg, m, &v[i]);
	return rc;
}

struct reading {
	fleet_held_fn *fn;
	void *arg;
};

static int
read_row(void *arg, const struct fleet_row *row, struct err *err)
{
	struct fleet_held held = {.key = row->key,
	    .n = row->n,
	    .version = row->version,
	    .removed = row->removed,
	    .json = row->json,
	    .pending = row->pending,
	    .pending_removed = row->pending_removed};
	struct reading *r = arg;

	return r->fn(r->arg, &held, err);
}

static int
member_each(
    void *arg, const char *key, fleet_held_fn *fn, void *fnarg, struct err *err)
{
	struct reading r = {.fn = fn, .arg = fnarg};
	struct member *m = arg;

	return key != NULL ? fleet_state_one(m->state, key, read_row, &r, err)
			   : fleet_state_each(m->state, read_row, &r, err);
}

static int
member_facts(void *arg, struct fleet_facts *out, struct err *err)
{
	struct member *m = arg;
	struct fleet_state_facts f;
	int rc = fleet_state_facts(m->state, &f, err);

	if (rc == 0)
		*out = (struct fleet_facts){.id = f.id,
		    .head = f.head,
		    .filled = f.filled,
		    .tally = f.tally};
	return rc;
}

static void
member_changed(void *arg)
{
	struct member *m = arg;
	struct fleet_view view;

	fleet_view(m->f, &view);
	if (m->up || view.state != FLEET_UP)
		return;
	m->up = true;
	m->rig->num_up++;
	sample_add(&m->rig->joined, (now_sec() - m->began) * 1000);
}

static void
member_start(struct member *m, const char *dir, bool create)
{
	const char *endpoints[] = {m->rig->endpoint, NULL};
	struct fleet_link_options link = {.base = m->rig->base,
	    .name = m->rig->fleet,
	    .endpoints = endpoints};
	struct fleet_options o = {.link = &link,
	    .member = m->name,
	    .secret_file = SECRET_FILE,
	    .create = create,
	    .calls = {.take = member_take,
		.each = member_each,
		.facts = member_facts,
		.changed = member_changed},
	    .arg = m};
	char path[128];
	struct err err;

	if (dir != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, m->name);
		(void)mkdir(dir, 0700);
		(void)mkdir(path, 0700);
	}
	if (state_db_open(&m->db, dir != NULL ? path : NULL, NULL, &err) != 0 ||
	    fleet_state_open(&m->state, m->db, &err) != 0)
		rig_die("%s", err.msg);
	m->began = now_sec();
	if (fleet_new(&m->f, &o, &err) != 0)
		rig_die("%s", err.msg);
}

static void
member_end(struct member *m)
{
	fleet_free(m->f);
	fleet_state_close(m->state);
	state_db_close(m->db);
}

/* Rigs. */

void
rig_init(struct rig *r, const char *endpoint, const char *fleet)
{
	FILE *f = fopen(SECRET_FILE, "w");

	*r = (struct rig){.base = event_base_new(), .endpoint = endpoint};
	snprintf(r->fleet, sizeof(r->fleet), "%s", fleet);
	if (r->base == NULL || f == NULL ||
	    fputs("0123456789abcdef0123456789abcdef\n", f) < 0 ||
	    fclose(f) != 0 || chmod(SECRET_FILE, 0600) != 0)
		rig_die("no rig");
}

/* Members keep their places: the first call says how many there can be. */
#define MOST_MEMBERS 1100

void
rig_join(struct rig *r, size_t num, const char *dir)
{
	size_t first = r->num;

	if (r->members == NULL)
		r->members = calloc(MOST_MEMBERS, sizeof(*r->members));
	if (r->members == NULL || first + num > MOST_MEMBERS)
		rig_die("too many members");
	for (size_t i = first; i < first + num; i++) {
		struct member *m = &r->members[i];

		m->rig = r;
		snprintf(m->name, sizeof(m->name), "m%zu", i);
		member_start(m, dir, i == 0);
		r->num++;
		/* The fleet must be there before others look for it. */
		if (i == 0)
			rig_await(r, &r->num_up, 1);
	}
	rig_await(r, &r->num_up, r->num);
}

void
rig_end(struct rig *r)
{
	for (size_t i = 0; i < r->num; i++)
		member_end(&r->members[i]);
	free(r->members);
	sample_free(&r->joined);
	event_base_free(r->base);
	*r = (struct rig){0};
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	*(bool *)arg = true;
}

static struct event *
timer(struct rig *r, double seconds, bool *late)
{
	struct timeval tv = {.tv_sec = (long)seconds,
	    .tv_usec = (long)((seconds - (double)(long)seconds) * 1e6)};
	struct event *e = event_new(r->base, -1, 0, on_late, late);

	if (e == NULL || event_add(e, &tv) != 0)
		rig_die("no timer");
	return e;
}

/* Why the members that lag do so. */
static void
die_late(struct rig *r, size_t count, size_t want)
{
	struct fleet_view view = {0};

	for (size_t i = 0; i < r->num; i++) {
		fleet_view(r->members[i].f, &view);
		if (view.state != FLEET_UP)
			break;
	}
	rig_die("%zu of %zu after a minute (a member is %s: %s)", count, want,
	    fleet_state_word(view.state), view.why);
}

void
rig_await(struct rig *r, const size_t *count, size_t want)
{
	bool late = false;
	struct event *e = timer(r, PATIENCE, &late);

	while (*count < want && !late)
		event_base_loop(r->base, EVLOOP_ONCE);
	event_free(e);
	if (*count < want)
		die_late(r, *count, want);
}

void
rig_run(struct rig *r, double seconds)
{
	bool late = false;
	struct event *e = timer(r, seconds, &late);

	while (!late)
		event_base_loop(r->base, EVLOOP_ONCE);
	event_free(e);
}
