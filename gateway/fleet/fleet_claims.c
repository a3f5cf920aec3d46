/*
 * fleet_claims: see the header. One lease is held for all claims of this
 * machine, so that a claim is one request, and one that loses is none.
 */
#include "gateway/fleet/fleet_claims.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "cache/base/clock.h"
#include "gateway/fleet/fleet_tell.h"

#define MAX_CLAIMS   4096
#define KEEPALIVE_MS 5000
/* For the watch to have brought all that was before the claim. */
#define CATCH_UP_MS     1000
#define MAX_BACKOFF_SEC 3600

enum claim_step {
	CLAIM_NEW = 0,
	CLAIM_NO_LEASE, /* to be answered so */
	CLAIM_ASKED,
	CLAIM_CATCH_UP, /* won; what came before it is awaited */
	CLAIM_WON,
	CLAIM_LEAVES, /* the key says why it failed, or goes */
};

struct claim {
	struct claim *next;
	struct fleet *f;
	char key[FLEET_KEY_SIZE];
	const char *source; /* within key */
	enum claim_step step;
	bool released;
	int64_t revision;
	uint64_t end; /* of catching up; monotonic, ms */
	fleet_claim_fn *done;
	void *arg;
	char *failed;
	int64_t until;
};

struct fleet_claims {
	struct claim *first;
	size_t num;
	int64_t lease; /* 0: none */
	bool asking_lease;
	struct event *keep, *catch_up;
};

/* The lease. */

static void
on_ignored(void *arg, const struct engine_answer *a)
{
	(void)arg;
	(void)a;
}

static void
on_kept(void *arg, const struct engine_answer *a)
{
	struct fleet *f = arg;

	/* What was claimed with it is gone: others may fetch the same. */
	if (a->result == ENGINE_NO_LEASE)
		f->claims->lease = 0;
}

static void
on_keep(evutil_socket_t fd, short what, void *arg)
{
	struct fleet *f = arg;
	struct fleet_claims *s = f->claims;

	if (s->lease == 0)
		return;
	if (s->num > 0) {
		fleet_link_keepalive(f->link, s->lease, on_kept, f);
		fleet_after(s->keep, KEEPALIVE_MS);
	} else {
		fleet_link_revoke(f->link, s->lease, on_ignored, f);
		s->lease = 0;
	}
}

static void
on_catch_up(evutil_socket_t fd, short what, void *arg)
{
	fleet_claims_moved(arg);
}

/* Life. */

int
fleet_claims_init(struct fleet *f, struct err *err)
{
	struct fleet_claims *s = calloc(1, sizeof(*s));

	f->claims = s;
	if (s != NULL) {
		s->keep = evtimer_new(f->base, on_keep, f);
		s->catch_up = evtimer_new(f->base, on_catch_up, f);
	}
	return s != NULL && s->keep != NULL && s->catch_up != NULL
	    ? 0
	    : err_set(err, E_NOMEM, "out of memory");
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
	c->source = strchr(c->key, '/') + 1;
	c->f = f;
	c->done = done;
	c->arg = arg;
	c->next = f->claims->first;
	f->claims->first = c;
	f->claims->num++;
	fleet_kick(f);
	return 0;
}

/* The last thing that is done with c, unless it was won. */
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

/* Leaving. */

static void
on_left(void *arg, const struct engine_answer *a)
{
	(void)a;
	drop(arg);
}

/* A claim that failed: its text, to be freed; NULL without memory. */
static char *
failed_json(const struct claim *c)
{
	cJSON *o = cJSON_CreateObject();
	char *json;

	cJSON_AddStringToObject(o, "failed", c->failed);
	cJSON_AddNumberToObject(o, "until", (double)c->until);
	cJSON_AddStringToObject(o, "by", c->f->member);
	json = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return json;
}

/* Only what this machine has made: it may be another's by now. */
static void
key_replace(struct claim *c, const struct fleet_op *op)
{
	const struct fleet_compare compare = {
	    .key = c->key, .revision = c->revision};

	fleet_link_txn(c->f->link, &compare, 1, op, 1, on_left, c);
}

static void
on_failed_lease(void *arg, const struct engine_answer *a)
{
	struct claim *c = arg;
	struct fleet_op op = {.kind = FLEET_OP_DELETE, .key = c->key};
	char *json = failed_json(c);
	uint8_t *sealed = NULL;
	size_t len;
	struct err err;

	if (a->result == ENGINE_DONE && json != NULL &&
	    fleet_seal_text(
		c->f, FLEET_CLAIM, c->key, 0, json, &sealed, &len, &err) == 0)
		op = (struct fleet_op){.kind = FLEET_OP_PUT,
		    .key = c->key,
		    .value = sealed,
		    .len = len,
		    .lease = a->lease};
	key_replace(c, &op);
	free(sealed);
	free(json);
}

static void
leave(struct claim *c)
{
	const struct fleet_op op = {.kind = FLEET_OP_DELETE, .key = c->key};
	int64_t left = c->until - time(NULL);

	c->step = CLAIM_LEAVES;
	if (c->failed != NULL && left > 0)
		fleet_link_lease(c->f->link,
		    (unsigned)(left < MAX_BACKOFF_SEC ? left : MAX_BACKOFF_SEC),
		    on_failed_lease, c);
	else
		key_replace(c, &op);
}

void
fleet_claim_release(
    struct fleet *f, const char *source, const char *failed, int64_t until)
{
	struct claim *c = f->claims->first;

	while (c != NULL &&
	    (strcmp(c->source, source) != 0 || c->step == CLAIM_LEAVES ||
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
	struct fleet *f = c->f;

	switch (a->result) {
	case ENGINE_DONE:
		c->step = CLAIM_CATCH_UP;
		c->revision = a->revision;
		c->end = clock_mono_ms() + CATCH_UP_MS;
		fleet_kick(f);
		break;
	case ENGINE_LOST:
		answer(c, FLEET_CLAIM_TAKEN, 0);
		break;
	case ENGINE_NO_LEASE:
		/* Another one, and again. */
		f->claims->lease = 0;
		c->step = CLAIM_NEW;
		fleet_kick(f);
		break;
	default:
		answer(c, FLEET_CLAIM_AWAY, 0);
	}
}

static void
on_lease(void *arg, const struct engine_answer *a)
{
	struct fleet *f = arg;
	struct fleet_claims *s = f->claims;

	s->asking_lease = false;
	if (a->result == ENGINE_DONE) {
		s->lease = a->lease;
		fleet_after(s->keep, KEEPALIVE_MS);
	}
	for (struct claim *c = s->first; c != NULL; c = c->next)
		if (c->step == CLAIM_NEW && s->lease == 0)
			c->step = CLAIM_NO_LEASE;
	fleet_kick(f);
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

static void
ask_key(struct claim *c)
{
	struct fleet *f = c->f;
	const struct fleet_compare compare = {.key = c->key, .revision = 0};
	struct fleet_op op = {
	    .kind = FLEET_OP_PUT, .key = c->key, .lease = f->claims->lease};
	uint8_t *sealed = NULL;
	char json[256];
	struct err err;

	snprintf(json, sizeof(json), "{\"by\":\"%.128s\",\"since\":%lld}",
	    f->member, (long long)time(NULL));
	if (fleet_seal_text(
		f, FLEET_CLAIM, c->key, 0, json, &sealed, &op.len, &err) != 0) {
		answer(c, FLEET_CLAIM_AWAY, 0);
		return;
	}
	op.value = sealed;
	c->step = CLAIM_ASKED;
	fleet_link_txn(f->link, &compare, 1, &op, 1, on_key, c);
	free(sealed);
}

static void
ask(struct claim *c)
{
	struct fleet *f = c->f;
	enum fleet_claim_result result;
	int64_t until;

	if (!fleet_usable(f)) {
		answer(c, FLEET_CLAIM_AWAY, 0);
	} else if (taken_by_other(c, &result, &until)) {
		answer(c, result, until);
	} else if (f->claims->lease != 0) {
		ask_key(c);
	} else if (!f->claims->asking_lease) {
		f->claims->asking_lease = true;
		fleet_link_lease(f->link,
		    fleet_kind_rule(FLEET_CLAIM)->lease_sec, on_lease, f);
	}
}

/* What it has brought must be known before others may ask. */
static bool
told(const struct claim *c)
{
	char key[FLEET_KEY_SIZE];

	return !fleet_key_make(key, FLEET_EVIDENCE, c->source) ||
	    !fleet_tell_waits(c->f, key);
}

static void
step_on(struct claim *c, uint64_t now)
{
	bool here = fleet_link_revision(c->f->link) >= c->revision;

	if (c->step == CLAIM_NEW) {
		ask(c);
	} else if (c->step == CLAIM_NO_LEASE) {
		answer(c, FLEET_CLAIM_AWAY, 0);
	} else if (c->step != CLAIM_CATCH_UP && c->step != CLAIM_WON) {
		return;
	} else if (c->released && told(c)) {
		leave(c);
	} else if (c->step == CLAIM_CATCH_UP && (here || now >= c->end)) {
		c->step = CLAIM_WON;
		answer(c, FLEET_CLAIM_WON, 0);
	} else if (c->step == CLAIM_CATCH_UP) {
		fleet_after(
		    c->f->claims->catch_up, (unsigned)(c->end - now) + 1);
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
