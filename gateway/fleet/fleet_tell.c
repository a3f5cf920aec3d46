/* fleet_tell: see the header. */
#include "gateway/fleet/fleet_tell.h"

#include <stdlib.h>
#include <string.h>

#include "cache/base/clock.h"
#include "gateway/fleet/fleet_take.h"

#define MAX_WAITING 4096
#define MAX_ASKING  8
#define MAX_TRIES   8
#define AGAIN_MS    200

struct tell {
	struct tell *next;
	struct fleet *f;
	enum fleet_kind kind;
	char key[FLEET_KEY_SIZE];
	char *json;
	struct mirror_value value;
	int64_t lease_sec; /* 0: for ever */
	int64_t lease;
	uint8_t *sealed;
	size_t sealed_len;
	bool asking;
	unsigned tries;
	uint64_t not_before;
};

struct fleet_telling {
	struct tell *first, **last;
	size_t num, asking;
	uint64_t dropped;
	struct event *timer;
};

static void
tell_free(struct tell *t)
{
	if (t == NULL)
		return;
	mirror_value_cleanup(&t->value);
	free(t->sealed);
	free(t->json);
	free(t);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	fleet_tell_moved(arg);
}

int
fleet_tell_init(struct fleet *f, struct err *err)
{
	struct fleet_telling *q = calloc(1, sizeof(*q));

	f->telling = q;
	if (q != NULL) {
		q->last = &q->first;
		q->timer = evtimer_new(f->base, on_timer, f);
	}
	return q != NULL && q->timer != NULL
	    ? 0
	    : err_set(err, E_NOMEM, "out of memory");
}

void
fleet_tell_cleanup(struct fleet *f)
{
	struct fleet_telling *q = f->telling;

	if (q == NULL)
		return;
	while (q->first != NULL) {
		struct tell *t = q->first;

		q->first = t->next;
		tell_free(t);
	}
	if (q->timer != NULL)
		event_free(q->timer);
	free(q);
	f->telling = NULL;
}

static void
drop(struct tell *t)
{
	struct fleet_telling *q = t->f->telling;
	struct tell **at = &q->first;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (q->last == &t->next)
		q->last = at;
	q->num--;
	tell_free(t);
}

/* One that says less about the same, and is not on its way. */
static void
drop_same(struct fleet *f, const char *key)
{
	struct tell *t = f->telling->first, *next;

	for (; t != NULL; t = next) {
		next = t->next;
		if (!t->asking && strcmp(t->key, key) == 0)
			drop(t);
	}
}

static int
add(struct fleet *f, enum fleet_kind kind, const char *name, const char *json,
    int64_t lease_sec, struct err *err)
{
	struct fleet_telling *q = f->telling;
	struct tell *t = calloc(1, sizeof(*t));
	size_t len = strlen(json);
	struct fleet_meaning meaning;
	int rc = 0;

	if (t == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (!fleet_key_make(t->key, kind, name))
		rc = err_set(err, E_ARG, "no name of such a record");
	else if (fleet_record_read(&meaning, kind, json, len, err) != 0)
		rc = E_ARG;
	else if ((t->json = strdup(json)) == NULL ||
	    mirror_value_init(&t->value, 0, &meaning, json, len) != 0)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc != 0) {
		tell_free(t);
		return rc;
	}
	t->f = f;
	t->kind = kind;
	t->lease_sec = lease_sec;
	drop_same(f, t->key);
	if (q->num >= MAX_WAITING) {
		q->dropped++;
		tell_free(t);
		return err_set(
		    err, E_LIMIT, "%d facts wait to be told", MAX_WAITING);
	}
	*q->last = t;
	q->last = &t->next;
	q->num++;
	fleet_kick(f);
	return 0;
}

int
fleet_put_evidence(
    struct fleet *f, const char *source, const char *json, struct err *err)
{
	return add(f, FLEET_EVIDENCE, source, json, 0, err);
}

int
fleet_tell_revoked(struct fleet *f, const char *identity, const char *json,
    int64_t lease_sec, struct err *err)
{
	return add(f, FLEET_REVOKED, identity, json,
	    lease_sec > 0 ? lease_sec
			  : fleet_kind_rule(FLEET_REVOKED)->lease_sec,
	    err);
}

int
fleet_tell_withdrawn(
    struct fleet *f, const char *leaf, const char *json, struct err *err)
{
	return add(f, FLEET_WITHDRAWN, leaf, json,
	    fleet_kind_rule(FLEET_WITHDRAWN)->lease_sec, err);
}

static void
again(void *arg, struct mirror_entry *e)
{
	struct fleet *f = arg;

	if ((e->kind == FLEET_EVIDENCE || e->kind == FLEET_REVOKED) &&
	    e->text != NULL && e->there == MIRROR_ABSENT)
		(void)!add(f, e->kind, e->name, e->text,
		    fleet_kind_rule(e->kind)->lease_sec, NULL);
}

void
fleet_tell_again(struct fleet *f)
{
	mirror_each(f->mirror, again, f);
	if (f->calls.emptied != NULL)
		f->calls.emptied(f->arg);
}

bool
fleet_tell_waits(const struct fleet *f, const char *key)
{
	for (const struct tell *t = f->telling->first; t != NULL; t = t->next)
		if (strcmp(t->key, key) == 0)
			return true;
	return false;
}

/* Later, or never. */
static void
later(struct tell *t, unsigned ms)
{
	if (++t->tries >= MAX_TRIES) {
		t->f->telling->dropped++;
		drop(t);
		return;
	}
	t->not_before = clock_mono_ms() + ms;
	fleet_kick(t->f);
}

static void
on_told(void *arg, const struct engine_answer *a)
{
	struct tell *t = arg;
	struct fleet *f = t->f;
	const struct fleet_kv kv = {.key = t->key,
	    .value = t->sealed,
	    .len = t->sealed_len,
	    .revision = a->revision};

	t->asking = false;
	f->telling->asking--;
	switch (a->result) {
	case ENGINE_DONE:
		fleet_see(f, &kv);
		drop(t);
		(void)!fleet_commit(f, NULL);
		return;
	case ENGINE_AWAY:
		/* Waits for the engine, however long. */
		t->tries = 0;
		later(t, AGAIN_MS);
		break;
	case ENGINE_NO_LEASE:
		t->lease = 0;
		later(t, AGAIN_MS);
		break;
	default:
		later(t, AGAIN_MS << (t->tries < 5 ? t->tries : 5));
	}
	fleet_kick(f);
}

static void
on_lease(void *arg, const struct engine_answer *a)
{
	struct tell *t = arg;
	struct fleet *f = t->f;

	t->asking = false;
	f->telling->asking--;
	if (a->result == ENGINE_DONE)
		t->lease = a->lease;
	else
		later(t, AGAIN_MS);
	fleet_kick(f);
}

/* False: it was said already, or something newer. */
static bool
is_news(const struct tell *t, const struct mirror_entry *e)
{
	enum mirror_verdict verdict;

	if (e == NULL || !e->holds)
		return true;
	verdict = mirror_judge(t->kind, &e->held, &t->value);
	/* What the engine has not, or has older, is said again. */
	return verdict == MIRROR_NEWER ||
	    (verdict == MIRROR_SAME && e->there != MIRROR_GOOD);
}

static void
send_out(struct tell *t, const struct mirror_entry *e)
{
	struct fleet *f = t->f;
	const struct fleet_compare compare = {
	    .key = t->key, .revision = e != NULL ? e->revision : 0};
	struct fleet_op ops[2] = {
	    {.kind = FLEET_OP_PUT, .key = t->key, .lease = t->lease},
	    {.kind = FLEET_OP_PUT,
		.key = "news",
		.value = (const uint8_t *)"",
		.len = 0}};
	struct err err;

	free(t->sealed);
	t->sealed = NULL;
	if (fleet_seal_text(f, t->kind, t->key, 0, t->json, &t->sealed,
		&t->sealed_len, &err) != 0) {
		later(t, AGAIN_MS);
		return;
	}
	ops[0].value = t->sealed;
	ops[0].len = t->sealed_len;
	t->asking = true;
	f->telling->asking++;
	fleet_link_txn(f->link, &compare, 1, ops, 2, on_told, t);
}

static void
step_on(struct tell *t)
{
	struct fleet *f = t->f;
	const struct mirror_entry *e = mirror_find(f->mirror, t->key);

	if (!is_news(t, e)) {
		drop(t);
	} else if (e == NULL &&
	    mirror_num(f->mirror, t->kind) >=
		fleet_kind_rule(t->kind)->max_num) {
		f->telling->dropped++;
		drop(t);
	} else if (t->lease_sec > 0 && t->lease == 0) {
		t->asking = true;
		f->telling->asking++;
		fleet_link_lease(f->link, (unsigned)t->lease_sec, on_lease, t);
	} else {
		send_out(t, e);
	}
}

void
fleet_tell_moved(struct fleet *f)
{
	struct fleet_telling *q = f->telling;
	struct tell *t = q->first, *next;
	uint64_t now = clock_mono_ms(), soonest = UINT64_MAX;

	if (!fleet_usable(f))
		return;
	for (; t != NULL && q->asking < MAX_ASKING; t = next) {
		next = t->next;
		if (t->asking)
			continue;
		if (t->not_before <= now)
			step_on(t);
		else if (t->not_before < soonest)
			soonest = t->not_before;
	}
	if (soonest != UINT64_MAX)
		fleet_after(q->timer, (unsigned)(soonest - now));
}
