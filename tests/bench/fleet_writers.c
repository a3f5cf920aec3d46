/*
 * fleet_writers: several members change one section at the same time, each from
 * the version that it holds. What was answered "written" must all be there: the
 * section's text counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/fleet_rig.h"

#define SECTION "corda.p2p.linkManager"

struct writing {
	size_t written, conflicts, others, under_way;
	bool over;
	char why[160];
	struct sample ms;
};

struct writer {
	struct writing *all;
	struct member *m;
	double began;
};

struct held {
	int64_t n, version;
	long count;
};

static int
read_held(void *arg, const struct fleet_row *row, struct err *err)
{
	const char *at = row->json ? strstr(row->json, "count\\\":") : NULL;
	struct held *h = arg;

	h->n = row->n;
	h->version = row->version;
	h->count = at != NULL ? atol(at + strlen("count\\\":")) : 0;
	return 0;
}

static struct held
held_by(struct member *m)
{
	struct held h = {0};
	struct err err;

	if (fleet_state_one(m->state, "config/" SECTION, read_held, &h, &err))
		rig_die("%s", err.msg);
	return h;
}

static void write_next(struct writer *w);

static void
on_done(void *arg, const struct fleet_outcome *o)
{
	struct writer *w = arg;
	struct writing *all = w->all;

	all->under_way--;
	sample_add(&all->ms, (now_sec() - w->began) * 1000);
	if (o->result == FLEET_WRITTEN) {
		all->written++;
	} else if (o->result == FLEET_CONFLICT) {
		all->conflicts++;
	} else {
		all->others++;
		snprintf(all->why, sizeof(all->why), "%s", o->why);
	}
	if (!all->over)
		write_next(w);
}

static void
write_next(struct writer *w)
{
	struct held h = held_by(w->m);
	char json[512], name[64];
	struct fleet_change c[2] = {
	    {.kind = FLEET_CONFIG,
		.name = SECTION,
		.json = json,
		.expect = h.n},
	    {.kind = FLEET_HISTORY, .name = name, .json = json},
	};
	struct err err;

	snprintf(
	    name, sizeof(name), SECTION "/%010lld", (long long)h.version + 1);
	snprintf(json, sizeof(json),
	    "{\"version\":%lld,\"at\":1796000000,\"who\":\"operator\","
	    "\"from\":\"127.0.0.1\",\"action\":\"put\",\"config\":"
	    "\"{\\\"count\\\":%ld}\"}",
	    (long long)h.version + 1, h.count + 1);
	w->began = now_sec();
	if (fleet_write(w->m->f, c, 2, on_done, w, &err) != 0)
		rig_die("%s", err.msg);
	w->all->under_way++;
}

/* How many updates that were acknowledged are not in what a member holds. */
static long
lost(struct rig *r, const struct writing *all)
{
	long least = (long)all->written;

	for (size_t i = 0; i < r->num; i++) {
		long count = held_by(&r->members[i]).count;

		least = count < least ? count : least;
	}
	return (long)all->written - least;
}

void
bench_writers(const char *endpoint, size_t writers, double seconds)
{
	struct writer *w = calloc(writers, sizeof(*w));
	struct writing all = {0};
	char what[64], goal[320];
	struct rig r;

	rig_init(&r, endpoint, "writers");
	rig_join(&r, writers, NULL);
	for (size_t i = 0; i < writers; i++) {
		w[i] = (struct writer){.all = &all, .m = &r.members[i]};
		write_next(&w[i]);
	}
	rig_run(&r, seconds);
	all.over = true;
	for (int i = 0; i < 100 && (all.under_way > 0 || lost(&r, &all)); i++)
		rig_run(&r, 0.1);
	snprintf(what, sizeof(what), "%zu writers of one section, an answer",
	    writers);
	snprintf(goal, sizeof(goal),
	    "%ld of %zu updates lost, goal 0 (%zu conflicts, %zu others%s%s)",
	    lost(&r, &all), all.written, all.conflicts, all.others,
	    all.others > 0 ? ": " : "", all.why);
	rig_line(what, &all.ms, goal);
	free(w);
	sample_free(&all.ms);
	rig_end(&r);
}
