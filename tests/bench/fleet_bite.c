/*
 * fleet_bite: how long until an entry of the denylist that one member has made
 * is in force on all; how long members take to join.
 */
#include <stdio.h>
#include <string.h>

#include "tests/bench/fleet_rig.h"

struct biting {
	char name[17];
	double began;
	size_t heard;
	struct sample others;
};

static void
on_heard(void *arg, struct member *m, const struct fleet_record *v)
{
	struct biting *b = arg;

	if (v->kind != FLEET_DENY || strcmp(v->name, b->name) != 0)
		return;
	b->heard++;
	if (m != &m->rig->members[0])
		sample_add(&b->others, (now_sec() - b->began) * 1000);
}

static void
on_written(void *arg, const struct fleet_outcome *o)
{
	if (o->result != FLEET_WRITTEN)
		rig_die("an entry is not written: %s", o->why);
	++*(size_t *)arg;
}

/* An entry such as GET /denylist has it. room: 512 */
static const char *
entry(char *out, size_t i)
{
	snprintf(out, 512,
	    "{\"id\":\"%016zx\",\"spkiSha256\":\"%064zx\",\"reason\":\"key "
	    "compromise, reported by telephone\",\"addedAt\":\"2026-01-01T00:"
	    "00:00Z\",\"addedBy\":\"operator\"}",
	    i, i);
	return out;
}

void
bench_bite(const char *endpoint, size_t members, size_t changes)
{
	struct biting b = {0};
	size_t written = 0;
	char json[512], what[64];
	struct rig r;
	struct err err;

	snprintf(what, sizeof(what), "bite-%zu", members);
	rig_init(&r, endpoint, what);
	rig_join(&r, members, NULL);
	snprintf(what, sizeof(what), "%zu members: all join at once", members);
	rig_line(what, &r.joined, "< 5000");
	r.heard = on_heard;
	r.heard_arg = &b;
	for (size_t i = 1; i <= changes; i++) {
		struct fleet_change c = {.kind = FLEET_DENY,
		    .name = b.name,
		    .json = entry(json, i),
		    .expect = FLEET_ABSENT};

		b.heard = 0;
		snprintf(b.name, sizeof(b.name), "%016zx", i);
		b.began = now_sec();
		if (fleet_write(
			r.members[0].f, &c, 1, on_written, &written, &err) != 0)
			rig_die("%s", err.msg);
		rig_await(&r, &b.heard, members);
		rig_await(&r, &written, i);
	}
	snprintf(what, sizeof(what), "%zu members: an entry bites", members);
	rig_line(what, &b.others,
	    members >= 1000      ? "200 / 800"
		: members >= 100 ? "50 / 250"
				 : "15 / 100");
	sample_free(&b.others);
	rig_end(&r);
}

/* One that is new joins a fleet with so many entries, with a state of its own
 * on disk; then it does so again, and has them already. */
void
bench_join(const char *endpoint, size_t denied)
{
	static char json[FLEET_WRITE_MAX][512], names[FLEET_WRITE_MAX][17];
	struct fleet_change c[FLEET_WRITE_MAX];
	size_t written = 0, calls = 0;
	double began = now_sec();
	char what[64];
	struct rig r;
	struct err err;

	rig_init(&r, endpoint, "join");
	rig_join(&r, 1, NULL);
	for (size_t i = 0; i < denied;) {
		size_t num = 0;

		for (; num < FLEET_WRITE_MAX && i < denied; i++, num++) {
			snprintf(names[num], sizeof(names[num]), "%016zx", i);
			c[num] = (struct fleet_change){.kind = FLEET_DENY,
			    .name = names[num],
			    .json = entry(json[num], i),
			    .expect = FLEET_ABSENT};
		}
		if (fleet_write(r.members[0].f, c, num, on_written, &written,
			&err) != 0)
			rig_die("%s", err.msg);
		rig_await(&r, &written, ++calls);
	}
	printf(
	    "  (%zu entries written in %.1f s)\n", denied, now_sec() - began);
	sample_free(&r.joined);
	rig_join(&r, 1, "join");
	snprintf(
	    what, sizeof(what), "a fresh machine joins %zu entries", denied);
	rig_line(what, &r.joined, "< 5000");
	rig_end(&r);
}
