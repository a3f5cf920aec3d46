/* fleet_claims: see the header. */
#include "gateway/fleet/fleet_claims.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "cache/base/clock.h"

#define MAX_CLAIMS   4096
#define KEEPALIVE_MS 5000
/* For the watch to have brought all that was before the claim. */
#define CATCH_UP_MS     1000
#define MAX_BACKOFF_SEC 3600

enum claim_step {
	CLAIM_NEW = 0,
	CLAIM_ASKS,     /* a lease, then the key */
	CLAIM_CATCH_UP, /* won; what came before it is awaited */
	CLAIM_WON,
	CLAIM_LEAVES, /* the key says why it failed, or goes */
};

struct claim {
	struct claim *next;
	struct fleet *f;
	char key[FLEET_KEY_SIZE];
	enum claim_step step;
	bool asking, released;
	int64_t lease, revision;
	uint64_t end; /* of catching up; monotonic, ms */
	fleet_claim_fn *done;
	void *arg;
	char *failed;
	int64_t until;
};

struct fleet_claims {
	struct claim *first;
	size_t num;
	struct event *keep, *catch_up;
};

static void
on_ignored(void *arg, const struct engine_answer *a)
{
	(void)arg;
	(void)a;
}

static void
on_keep(evutil_socket_t fd, short what, void *arg)
{
	struct fleet *f = arg;

	for (struct claim *c = f->claims->first; c != NULL; c = c->next)
		if (c->step == CLAIM_WON || c->step == CLAIM_CATCH_UP)
			fleet_link_keepalive(f->link, c->lease, on_ignored, f);
	fleet_after(f->claims->keep, KEEPALIVE_MS);
}

static void
on_catch_up(evutil_socket_t fd, short what, void *arg)
{
	fleet_claims_moved(arg);
}

int
fleet_claims_init(struct fleet *f, struct err *err)
{
	struct fleet_claims *s = calloc(1, sizeof(*s));

	f->claims = s;
	if (s != NULL) {
		s->keep = evtimer_new(f->base, on_keep, f);
		s->catch_up = evtimer_new(f->base, on_catch_up, f);
	}
	if (s == NULL || s->keep == NULL || s->catch_up == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	fleet_after(s->keep, KEEPALIVE_MS);
	return 0;
}

static void
claim_free(struct claim *c)
{
	free(c->failed);
	free(c);
}

void
fleet_claims_cleanup(struct fleet *f)
{
	struct fleet_claims *s = f->claims;

	if (s == NULL)
		return;
	while (s->first != NULL) {
		struct claim *c = s->first;

		s->first = c->next;
		claim_free(c);
	}
	if (s->keep != NULL)
		event_free(s->keep);
	if (s->catch_up != NULL)
		event_free(s->catch_up);
	free(s);
	f->claims = NULL;
}

static void
drop(struct claim *c)
{
	struct claim **at = &c->f->claims->first;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->f->claims->num--;
	claim_free(c);
}

int
fleet_claim(struct fleet *f, const char *source, fleet_claim_fn *done,
    void *arg, struct err *err)
{
	struct claim *c;

	if (f->claims->num >= MAX_CLAIMS)
		return err_set(err, E_LIMIT, "%d claims at once", MAX_CLAIMS);
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (!fleet_key_make(c->key, FLEET_CLAIM, source)) {
		free(c);
		return err_set(err, E_ARG, "no name of a source");
	}
	c->f = f;
	c->done = done;
	c->arg = arg;
	c->next = f->claims->first;
	f->claims->first = c;
	f->claims->num++;
	fleet_kick(f);
	return 0;
}

/* The last thing that is done with f and c, unless it was won. */
static void
answer(struct claim *c, enum fleet_claim_result result, int64_t until)
{
	fleet_claim_fn *done = c->done;
	void *arg = c->arg;

	c->done = NULL;
	if (result != FLEET_CLAIM_WON)
		drop(c);
	if (done != NULL)
		done(arg, result, until);
}

/* What the engine has of it, if that counts. */
static bool
taken_by_other(struct claim *c, enum fleet_claim_result *result, int64_t *until)
{
	const struct mirror_entry *e = mirror_find(c->f->mirror, c->key);
	struct fleet_meaning m;
	struct err err;

	if (e == NULL || e->revision == 0)
		return false;
	*result = FLEET_CLAIM_TAKEN;
	*until = 0;
	if (e->text != NULL &&
	    fleet_record_read(
		&m, FLEET_CLAIM, e->text, strlen(e->text), &err) == 0 &&
	    m.until > 0) {
		*result = FLEET_CLAIM_BACKOFF;
		*until = m.until;
	}
	return true;
}

/* Leaving. */

static void
on_left(void *arg, const struct engine_answer *a)
{
	(void)a;
	drop(arg);
}

static void
on_failed_told(void *arg, const struct engine_answer *a)
{
	struct claim *c = arg;

	(void)a;
	/* Its own lease ends; the key has another one now, or had never one. */
	fleet_link_revoke(c->f->link, c->lease, on_left, c);
}

static void
on_failed_lease(void *arg, const struct engine_answer *a)
{
	struct claim *c = arg;
	struct fleet_op op = {.kind = FLEET_OP_PUT, .key = c->key};
	cJSON *o = cJSON_CreateObject();
	char *json = NULL;
	uint8_t *sealed = NULL;
	struct err err;

	cJSON_AddStringToObject(o, "failed", c->failed);
	cJSON_AddNumberToObject(o, "until", (double)c->until);
	cJSON_AddStringToObject(o, "by", c->f->member);
	json = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	if (a->result == ENGINE_DONE && json != NULL &&
	    fleet_seal_text(c->f, FLEET_CLAIM, c->key, 0, json, &sealed,
		&op.len, &err) == 0) {
		const struct fleet_compare compare = {
		    .key = c->key, .revision = c->revision};

		op.value = sealed;
		op.lease = a->lease;
		fleet_link_txn(
		    c->f->link, &compare, 1, &op, 1, on_failed_told, c);
	} else {
		fleet_link_revoke(c->f->link, c->lease, on_left, c);
	}
	free(sealed);
	free(json);
}

static void
leave(struct claim *c)
{
	int64_t left = c->until - time(NULL);

	c->step = CLAIM_LEAVES;
	if (c->failed != NULL && left > 0)
		fleet_link_lease(c->f->link,
		    (unsigned)(left < MAX_BACKOFF_SEC ? left : MAX_BACKOFF_SEC),
		    on_failed_lease, c);
	else
		fleet_link_revoke(c->f->link, c->lease, on_left, c);
}

void
fleet_claim_release(
    struct fleet *f, const char *source, const char *failed, int64_t until)
{
	char key[FLEET_KEY_SIZE];
	struct claim *c = f->claims->first;

	if (!fleet_key_make(key, FLEET_CLAIM, source))
		return;
	while (c != NULL &&
	    (strcmp(c->key, key) != 0 || c->step == CLAIM_LEAVES ||
		c->released))
		c = c->next;
	if (c == NULL)
		return;
	c->released = true;
	c->until = until;
	c->failed = failed != NULL ? strdup(failed) : NULL;
	fleet_kick(f);
}

/* Asking. */

static void
on_key(void *arg, const struct engine_answer *a)
{
	struct claim *c = arg;
	fleet_claim_fn *done = c->done;
	void *done_arg = c->arg;

	c->asking = false;
	switch (a->result) {
	case ENGINE_DONE:
		c->step = CLAIM_CATCH_UP;
		c->revision = a->revision;
		c->end = clock_mono_ms() + CATCH_UP_MS;
		fleet_after(c->f->claims->catch_up, CATCH_UP_MS + 1);
		fleet_kick(c->f);
		return;
	case ENGINE_LOST:
		c->done = NULL;
		c->step = CLAIM_LEAVES;
		fleet_link_revoke(c->f->link, c->lease, on_left, c);
		if (done != NULL)
			done(done_arg, FLEET_CLAIM_TAKEN, 0);
		return;
	default:
		answer(c, FLEET_CLAIM_AWAY, 0);
	}
}

static void
on_lease(void *arg, const struct engine_answer *a)
{
	struct claim *c = arg;
	const struct fleet_compare compare = {.key = c->key, .revision = 0};
	struct fleet_op op = {.kind = FLEET_OP_PUT, .key = c->key};
	uint8_t *sealed = NULL;
	char json[256];
	struct err err;

	if (a->result != ENGINE_DONE) {
		c->asking = false;
		answer(c, FLEET_CLAIM_AWAY, 0);
		return;
	}
	c->lease = a->lease;
	snprintf(json, sizeof(json), "{\"by\":\"%.128s\",\"since\":%lld}",
	    c->f->member, (long long)time(NULL));
	if (fleet_seal_text(c->f, FLEET_CLAIM, c->key, 0, json, &sealed,
		&op.len, &err) != 0) {
		c->asking = false;
		answer(c, FLEET_CLAIM_AWAY, 0);
		return;
	}
	op.value = sealed;
	op.lease = c->lease;
	fleet_link_txn(c->f->link, &compare, 1, &op, 1, on_key, c);
	free(sealed);
}

static void
ask(struct claim *c)
{
	enum fleet_claim_result result;
	int64_t until;

	if (!fleet_usable(c->f)) {
		answer(c, FLEET_CLAIM_AWAY, 0);
		return;
	}
	if (taken_by_other(c, &result, &until)) {
		answer(c, result, until);
		return;
	}
	c->step = CLAIM_ASKS;
	c->asking = true;
	fleet_link_lease(
	    c->f->link, fleet_kind_rule(FLEET_CLAIM)->lease_sec, on_lease, c);
}

static void
step_on(struct claim *c, uint64_t now)
{
	if (c->asking || c->step == CLAIM_LEAVES)
		return;
	if (c->step == CLAIM_NEW) {
		ask(c);
	} else if (c->released) {
		leave(c);
	} else if (c->step == CLAIM_CATCH_UP &&
	    (fleet_link_revision(c->f->link) >= c->revision || now >= c->end)) {
		c->step = CLAIM_WON;
		answer(c, FLEET_CLAIM_WON, 0);
	}
}

void
fleet_claims_moved(struct fleet *f)
{
	struct claim *c = f->claims->first, *next;
	uint64_t now = clock_mono_ms();

	for (; c != NULL; c = next) {
		next = c->next;
		step_on(c, now);
	}
}
