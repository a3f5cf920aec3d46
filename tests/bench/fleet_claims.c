/*
 * fleet_claims: all members want the same CRL, within spread_ms or at the very
 * same moment. How many fetch it, and how long each waits until it knows of the
 * one that was fetched. The fetch is a pause: what counts is who begins one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/fleet_rig.h"

#define FETCH_MS 100
#define WAIT_MS  2000 /* fleet.claim_wait_ms */

struct asking {
	char source[65];
	size_t num, known, won, alone, late;
	struct sample ms;
};

struct asker {
	struct asking *asking;
	struct member *m;
	struct event *ask, *fetch, *patience;
	double began; /* 0: it has not asked yet */
	bool has, waits, won;
};

static void
fetch(struct asker *a, bool won)
{
	struct timeval tv = {.tv_usec = FETCH_MS * 1000};

	a->won = won;
	a->waits = false;
	event_add(a->fetch, &tv);
}

static void
on_fetched(evutil_socket_t fd, short what, void *arg)
{
	struct asker *a = arg;
	char json[512];
	struct err err;

	snprintf(json, sizeof(json),
	    "{\"number\":\"1a\",\"this\":1796000000,\"next\":1796086400,"
	    "\"sha256\":\"%s\",\"len\":40000000,\"url\":"
	    "\"http://crl.example/ca.crl\",\"checked\":1796000001,\"etag\":"
	    "\"\\\"5f3a\\\"\",\"by\":\"%s\"}",
	    a->asking->source, a->m->name);
	if (fleet_put_evidence(a->m->f, a->asking->source, json, &err) != 0)
		rig_die("%s", err.msg);
	if (a->won)
		fleet_claim_release(a->m->f, a->asking->source, NULL, 0);
}

static void
on_impatient(evutil_socket_t fd, short what, void *arg)
{
	struct asker *a = arg;

	if (a->has || !a->waits)
		return;
	a->asking->late++;
	fetch(a, false);
}

static void
on_claim(void *arg, enum fleet_claim_result result, int64_t until)
{
	struct asker *a = arg;

	if (result == FLEET_CLAIM_WON && a->has) {
		fleet_claim_release(a->m->f, a->asking->source, NULL, 0);
	} else if (result == FLEET_CLAIM_WON) {
		a->asking->won++;
		fetch(a, true);
	} else if (result == FLEET_CLAIM_AWAY && !a->has) {
		a->asking->alone++;
		fetch(a, false);
	} else {
		a->waits = !a->has;
	}
}

static void
claim(struct asker *a)
{
	struct err err;

	a->waits = false;
	if (fleet_claim(a->m->f, a->asking->source, on_claim, a, &err) != 0)
		rig_die("%s", err.msg);
}

/* It wanted it, and has it. */
static void
know(struct asker *a)
{
	a->asking->known++;
	sample_add(&a->asking->ms, (now_sec() - a->began) * 1000);
}

static void
on_ask(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = {.tv_sec = WAIT_MS / 1000};
	struct asker *a = arg;

	a->began = now_sec();
	if (a->has) {
		know(a);
	} else {
		event_add(a->patience, &tv);
		claim(a);
	}
}

static void
on_heard(void *arg, struct member *m, const struct fleet_record *v)
{
	struct asking *all = arg;
	struct asker *a = m->own;

	if (a == NULL || strcmp(v->name, all->source) != 0)
		return;
	if (v->kind == FLEET_EVIDENCE && !v->gone && !a->has) {
		a->has = true;
		if (a->began > 0)
			know(a);
	} else if (v->kind == FLEET_CLAIM && v->gone && a->waits) {
		claim(a);
	}
}

static struct event *
asker_event(struct asker *a, event_callback_fn fn)
{
	struct event *e = event_new(a->m->rig->base, -1, 0, fn, a);

	if (e == NULL)
		rig_die("out of memory");
	return e;
}

static void
asker_begin(
    struct asker *a, struct member *m, struct asking *all, unsigned delay_ms)
{
	struct timeval tv = {
	    .tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};

	*a = (struct asker){.asking = all, .m = m};
	a->ask = asker_event(a, on_ask);
	a->fetch = asker_event(a, on_fetched);
	a->patience = asker_event(a, on_impatient);
	m->own = a;
	event_add(a->ask, &tv);
}

static void
asker_end(struct asker *a)
{
	a->m->own = NULL;
	event_free(a->ask);
	event_free(a->fetch);
	event_free(a->patience);
}

/* The order in which they ask is no order of theirs. */
static unsigned
delay(size_t i, size_t members, unsigned spread_ms)
{
	return (unsigned)(i * 7919 % members * spread_ms / members);
}

void
bench_claims(
    const char *endpoint, size_t members, size_t sources, unsigned spread_ms)
{
	struct asker *askers = calloc(members, sizeof(*askers));
	struct asking all = {.num = members};
	char what[64], goal[160];
	struct rig r;

	snprintf(what, sizeof(what), "claims-%zu-%u", members, spread_ms);
	rig_init(&r, endpoint, what);
	rig_join(&r, members, NULL);
	r.heard = on_heard;
	r.heard_arg = &all;
	for (size_t s = 0; s < sources; s++) {
		snprintf(all.source, sizeof(all.source), "%064zx", s + 1);
		all.known = 0;
		for (size_t i = 0; i < members; i++)
			asker_begin(&askers[i], &r.members[i], &all,
			    delay(i, members, spread_ms));
		rig_await(&r, &all.known, members);
		/* What was begun in vain shows. */
		rig_run(&r, 1);
		for (size_t i = 0; i < members; i++)
			asker_end(&askers[i]);
	}
	snprintf(what, sizeof(what), "%zu members want a CRL %s", members,
	    spread_ms > 0 ? "within 2 s" : "at once");
	snprintf(goal, sizeof(goal),
	    "%.2f fetches a CRL%s (claimed %zu, without an answer %zu, out of "
	    "patience %zu)",
	    (double)(all.won + all.alone + all.late) / (double)sources,
	    spread_ms > 0 ? "; goal 1" : "", all.won, all.alone, all.late);
	rig_line(what, &all.ms, goal);
	free(askers);
	sample_free(&all.ms);
	rig_end(&r);
}
