/* fleet_take: see the header. */
#include "gateway/fleet/fleet_take.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache/base/clock.h"
#include "gateway/fleet/fleet_check.h"
#include "gateway/fleet/fleet_tally.h"
#include "gateway/fleet/fleet_twin.h"

#define PAUSE_MIN_MS 1000
#define PAUSE_MAX_MS 30000
/* An end within a day counts as over. */
#define TOMBSTONE_SLACK_SEC 86400

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct fleet *f = arg;

	(void)!fleet_commit(f, NULL);
}

int
fleet_take_init(struct fleet *f, struct err *err)
{
	f->stage.pause_ms = PAUSE_MIN_MS;
	f->stage.retry = evtimer_new(f->base, on_retry, f);
	return f->stage.retry != NULL ? 0
				      : err_set(err, E_NOMEM, "out of memory");
}

void
fleet_take_cleanup(struct fleet *f)
{
	for (size_t i = 0; i < f->stage.num; i++)
		free(f->stage.v[i].json);
	free(f->stage.v);
	if (f->stage.retry != NULL)
		event_free(f->stage.retry);
	f->stage = (struct fleet_stage){0};
}

/* What is held. */

static int
hold_text(
    struct mirror_entry *e, const struct fleet_held *held, struct err *err)
{
	struct fleet_meaning meaning;
	size_t len = strlen(held->json);
	int rc = fleet_record_read(&meaning, e->kind, held->json, len, err);

	if (rc == 0 &&
	    mirror_value_init(&e->held, held->n, &meaning, held->json, len) !=
		0)
		rc = err_set(err, E_NOMEM, "out of memory");
	e->holds = rc == 0;
	return rc;
}

static int
hold_pending(struct mirror_entry *e, const char *text, struct err *err)
{
	struct fleet_meaning meaning;
	struct mirror_value v = {0};
	size_t len = strlen(text);
	int rc = fleet_record_read(&meaning, e->kind, text, len, err);

	if (rc == 0) {
		e->pending = strdup(text);
		e->later = true;
		if (e->pending == NULL ||
		    mirror_value_init(&v, 0, &meaning, text, len) != 0)
			rc = err_set(err, E_NOMEM, "out of memory");
		memcpy(e->pending_digest, v.digest, MIRROR_DIGEST);
		mirror_value_cleanup(&v);
	}
	return rc;
}

int
fleet_take_held(struct fleet *f, const struct fleet_held *held, struct err *err)
{
	struct mirror_entry *e = mirror_get(f->mirror, held->key, err);
	struct err why = {0};
	int rc = e != NULL ? 0 : E_PARSE;

	if (rc == 0 && held->json != NULL)
		rc = hold_text(e, held, &why);
	if (rc == 0 && held->pending != NULL) {
		rc = hold_pending(e, held->pending, &why);
		f->outbox_num += rc == 0;
	}
	if (e != NULL && rc != 0)
		err_set(err, rc, "what is held as '%.100s': %s", held->key,
		    why.msg);
	if (rc == 0 && held->n > f->head)
		f->head = held->n;
	return rc;
}

bool
fleet_tombstone_over(const struct mirror_entry *e)
{
	return e->kind == FLEET_DENY && e->holds && e->held.removed &&
	    e->held.this_update + FLEET_TOMBSTONE_SEC - TOMBSTONE_SLACK_SEC <
	    time(NULL);
}

/* Staging. */

/* Takes json over, also when memory is out: then the next reading has it. */
static void
stage_put(struct fleet *f, const struct fleet_staged *is)
{
	struct fleet_stage *s = &f->stage;
	struct fleet_staged *to;

	if (is->entry->staged == 0) {
		if (s->num == s->room) {
			size_t room = s->room > 0 ? 2 * s->room : 64;
			struct fleet_staged *v =
			    realloc(s->v, room * sizeof(*v));

			if (v == NULL) {
				mirror_decline(is->entry);
				free(is->json);
				return;
			}
			s->v = v;
			s->room = room;
		}
		s->v[s->num] = (struct fleet_staged){0};
		is->entry->staged = ++s->num;
	}
	to = &s->v[is->entry->staged - 1];
	free(to->json);
	*to = *is;
}

/* What the newest head says of its records. */
static void
see_tally(struct fleet *f, const struct fleet_meaning *head)
{
	const struct fleet_tally *t = &head->tally;
	bool same = memcmp(t->key, f->tally.key, FLEET_TALLY_LEN) == 0 &&
	    memcmp(t->sum, f->tally.sum, FLEET_TALLY_LEN) == 0;

	f->engine_tally = *t;
	if (head->n < f->head)
		return;
	if (t->known && (!f->tally.known || !same)) {
		f->tally = *t;
		f->facts_changed = true;
	}
	/*
	 * A program that knows of none has written past it, before the eyes of
	 * this machine, which knew all of what was there.
	 */
	f->vouches = !t->known && f->tally.known && !f->loading &&
	    (f->vouches || f->part_since_ms == 0);
}

static void
see_head(struct fleet *f, const struct fleet_kv *kv)
{
	struct fleet_opened o;
	enum fleet_refusal why;
	struct err err;

	if (kv->revision < f->head_revision)
		return;
	f->head_revision = kv->value != NULL ? kv->revision : 0;
	f->engine_head = 0;
	f->head_damaged = kv->value != NULL;
	f->pace.foreign_head = false;
	f->engine_tally = (struct fleet_tally){.known = false};
	if (kv->value == NULL)
		return;
	if (fleet_open_text(f, FLEET_HEAD, kv->key, kv->value, kv->len, &o,
		&why, &err) != 0) {
		f->pace.foreign_head =
		    fleet_seal_is_foreign(f->seal, kv->value, kv->len);
		fleet_refuse(f, why, kv->key, err.msg);
		return;
	}
	free(o.json);
	f->engine_head = o.meaning.n;
	f->head_damaged = false;
	f->head_previous = o.previous && f->loading;
	see_tally(f, &o.meaning);
	if (o.meaning.n < f->head)
		fleet_refuse(f, FLEET_REFUSED_OLDER, kv->key,
		    "it is older than what was seen before");
	if (o.meaning.n > f->head) {
		f->head = o.meaning.n;
		f->facts_changed = true;
	}
}

/* Of the history, what is beyond its length. */
static bool
history_over(struct fleet *f, const struct mirror_entry *e)
{
	char key[FLEET_KEY_SIZE] = "config/";
	const struct mirror_entry *now;

	strncat(key, e->name, strcspn(e->name, "/"));
	now = mirror_find(f->mirror, key);
	return now != NULL && now->holds &&
	    e->held.version <= now->held.version - FLEET_HISTORY_NUM + 1;
}

static bool
may_be_gone(struct fleet *f, const struct mirror_entry *e)
{
	switch (e->kind) {
	case FLEET_REVOKED:
	case FLEET_WITHDRAWN:
	case FLEET_CLAIM:
	case FLEET_MEMBER:
	case FLEET_FILLING:
		return true;
	case FLEET_HISTORY:
		return history_over(f, e);
	case FLEET_DENY:
		return fleet_tombstone_over(e);
	default:
		return false;
	}
}

static void
see_absent(struct fleet *f, struct mirror_entry *e, int64_t revision)
{
	e->there = MIRROR_ABSENT;
	e->revision = 0;
	e->engine_n = 0;
	f->repair = f->repair || mirror_owes(e);
	if (may_be_gone(f, e) && e->pending == NULL)
		stage_put(f,
		    &(struct fleet_staged){.entry = e, .revision = revision});
}

static void
see_value(struct fleet *f, struct mirror_entry *e, const struct fleet_kv *kv,
    struct fleet_opened *o)
{
	enum mirror_verdict verdict;
	struct mirror_value came;
	bool settles;

	if (mirror_value_init(&came, o->n, &o->meaning, o->json, o->len) != 0) {
		mirror_value_cleanup(&came);
		return;
	}
	settles = e->pending != NULL &&
	    memcmp(came.digest, e->pending_digest, MIRROR_DIGEST) == 0;
	e->engine_n = o->n;
	e->engine_removed = o->meaning.removed;
	memcpy(e->engine_digest, came.digest, MIRROR_DIGEST);
	verdict = mirror_offer(e, &came);
	mirror_value_cleanup(&came);
	e->there = MIRROR_GOOD;
	/*
	 * Sealed anew, so that the secret of before can be taken away. At a
	 * reading of the whole only: who still writes with that secret would
	 * do the same the other way round.
	 */
	if (o->previous && f->loading && fleet_kind_rule(e->kind)->ordered) {
		e->there = MIRROR_PREVIOUS;
		f->repair = true;
	}
	if (verdict == MIRROR_FORKED)
		fleet_error(f,
		    "record '%.100s' has two texts with one number: the "
		    "engine's is taken",
		    e->key);
	if (verdict == MIRROR_OLDER)
		e->there = MIRROR_OLD;
	if (verdict == MIRROR_OLDER && fleet_kind_rule(e->kind)->ordered) {
		f->repair = true;
		fleet_refuse(f, FLEET_REFUSED_OLDER, e->key,
		    "it is older than what is in force here");
	} else if (verdict == MIRROR_NEWER || verdict == MIRROR_FORKED ||
	    (verdict == MIRROR_SAME && settles)) {
		stage_put(f,
		    &(struct fleet_staged){.entry = e,
			.json = o->json,
			.len = o->len,
			.n = o->n,
			.version = o->meaning.version,
			.revision = kv->revision,
			.removed = o->meaning.removed});
		o->json = NULL;
	} else if (verdict == MIRROR_SAME && e->staged != 0 &&
	    f->stage.v[e->staged - 1].json == NULL) {
		/* It was gone, and is there again as it was. */
		f->stage.v[e->staged - 1].entry = NULL;
		e->staged = 0;
	}
}

void
fleet_see(struct fleet *f, const struct fleet_kv *kv)
{
	enum fleet_kind kind = fleet_key_kind(kv->key, NULL);
	struct mirror_entry *e;
	struct fleet_opened o;
	enum fleet_refusal why;
	struct err err;

	if (!f->follows || kind == FLEET_IDENTITY || kind == FLEET_NEWS ||
	    strncmp(kv->key, FLEET_KEY_CHECK, strlen(FLEET_KEY_CHECK)) == 0)
		return;
	f->events[kind]++;
	if (kind == FLEET_HEAD) {
		see_head(f, kv);
		return;
	}
	if (kind == FLEET_NONE) {
		fleet_refuse(f, FLEET_REFUSED_TYPE, kv->key,
		    "no record has such a name");
		return;
	}
	e = kv->value != NULL ? mirror_get(f->mirror, kv->key, &err)
			      : mirror_find(f->mirror, kv->key);
	if (e == NULL && kv->value != NULL)
		fleet_refuse(f, FLEET_REFUSED_BOUND, kv->key, err.msg);
	/* What is heard twice, or late. */
	if (e == NULL || (e->load == f->load && kv->revision < e->revision))
		return;
	fleet_tally_leave(f, e);
	e->load = f->load;
	if (kv->value == NULL) {
		see_absent(f, e, kv->revision);
		return;
	}
	e->revision = kv->revision;
	e->there = MIRROR_DAMAGED;
	e->engine_n = 0;
	if (fleet_open_text(
		f, kind, kv->key, kv->value, kv->len, &o, &why, &err) != 0) {
		f->repair = true;
		fleet_refuse(f, why, kv->key, err.msg);
		/* Nobody fills a machine's memory with what says nothing. */
		if (!e->holds && e->next == NULL && e->staged == 0 &&
		    e->pending == NULL)
			mirror_drop(f->mirror, e);
		return;
	}
	if (kind == FLEET_MEMBER && strcmp(e->name, f->member) == 0)
		fleet_twin_see(f, kv->revision, o.json);
	see_value(f, e, kv, &o);
	fleet_tally_enter(f, e);
	free(o.json);
}

/* Facts that are not kept elsewhere for an engine that has lost them. */
static bool
told_again(const struct mirror_entry *e)
{
	return e->kind == FLEET_EVIDENCE || e->kind == FLEET_REVOKED;
}

static void
see_if_rest(void *arg, struct mirror_entry *e)
{
	struct fleet *f = arg;

	if (e->load == f->load)
		return;
	/* Not the end of a lease, where all is gone. */
	if (!f->identity_there && told_again(e)) {
		e->there = MIRROR_ABSENT;
		e->revision = 0;
		return;
	}
	see_absent(f, e, fleet_link_revision(f->link));
}

void
fleet_see_rest(struct fleet *f)
{
	mirror_each(f->mirror, see_if_rest, f);
}

void
fleet_unsee(struct fleet *f)
{
	struct fleet_stage *s = &f->stage;

	for (size_t i = 0; i < s->num; i++) {
		free(s->v[i].json);
		if (s->v[i].entry == NULL)
			continue;
		mirror_decline(s->v[i].entry);
		s->v[i].entry->staged = 0;
	}
	s->num = 0;
}

/* In force. */

/* Those that were there again are left out. */
static size_t
describe(const struct fleet_stage *s, struct fleet_record *v)
{
	size_t num = 0;

	for (size_t i = 0; i < s->num; i++) {
		const struct fleet_staged *is = &s->v[i];
		const struct mirror_entry *e = is->entry;
		bool settles;

		if (e == NULL)
			continue;
		settles = e->pending != NULL && is->json != NULL &&
		    memcmp((e->next != NULL ? e->next : &e->held)->digest,
			e->pending_digest, MIRROR_DIGEST) == 0;
		v[num++] = (struct fleet_record){.kind = e->kind,
		    .key = e->key,
		    .name = e->name,
		    .n = is->n,
		    .version = is->version,
		    .removed = is->removed,
		    .shadowed = e->pending != NULL && !settles,
		    .settles = settles,
		    .gone = is->json == NULL,
		    .json = is->json,
		    .len = is->len,
		    .revision = is->revision};
	}
	return num;
}

static void
keep_text(struct mirror_entry *e, struct fleet_staged *is)
{
	if (e->kind != FLEET_CLAIM && e->kind != FLEET_MEMBER && !told_again(e))
		return;
	free(e->text);
	e->text = is->json;
	is->json = NULL;
}

static void
took(struct fleet *f, struct fleet_staged *is, const struct fleet_record *r,
    const struct fleet_taken *taken)
{
	struct mirror_entry *e = is->entry;

	e->staged = 0;
	if (r->gone && e->pending == NULL) {
		mirror_drop(f->mirror, e);
		return;
	}
	if (r->gone) {
		mirror_value_cleanup(&e->held);
		e->holds = false;
		return;
	}
	if (taken->ok) {
		mirror_accept(e);
		keep_text(e, is);
		free(e->lag);
		e->lag = NULL;
		if (r->settles) {
			free(e->pending);
			e->pending = NULL;
			f->outbox_num--;
		}
		return;
	}
	mirror_decline(e);
	if ((e->lag == NULL || strcmp(e->lag, taken->why) != 0) &&
	    f->stage.declined++ < FLEET_MAX_SAID)
		fleet_error(f, "record '%.100s' cannot act here: %s", e->key,
		    taken->why);
	free(e->lag);
	e->lag = strdup(taken->why);
}

/* v and taken are of those that describe has not left out. */
static void
took_all(struct fleet *f, const struct fleet_record *v,
    const struct fleet_taken *taken)
{
	struct fleet_stage *s = &f->stage;

	for (size_t i = 0, k = 0; i < s->num; i++) {
		if (s->v[i].entry != NULL) {
			took(f, &s->v[i], &v[k], &taken[k]);
			k++;
		}
		free(s->v[i].json);
	}
	if (s->declined > FLEET_MAX_SAID)
		fleet_error(f, "more records cannot act here (records=%zu)",
		    s->declined - FLEET_MAX_SAID);
	s->num = s->declined = 0;
	s->pause_ms = PAUSE_MIN_MS;
	f->facts_changed = f->adopted = false;
	if (f->identity_there)
		f->fresh = false;
}

static int
give(struct fleet *f, const struct fleet_record *v, size_t num,
    struct fleet_taken *taken, struct err *err)
{
	char tally[FLEET_HEAD_JSON] = "";
	const struct fleet_facts facts = {
	    .id = f->id, .head = f->head, .filled = f->filled, .tally = tally};
	uint64_t began = clock_mono_us();
	int rc;

	if (f->tally.known)
		fleet_head_json(tally, f->tally.n, &f->tally);
	for (size_t i = 0; i < num; i++)
		taken[i] = (struct fleet_taken){.ok = true};
	rc = f->calls.take(f->arg, v, num, &facts, f->adopted, taken, err);
	f->applied += rc == 0;
	if (rc == 0)
		f->apply_us += (int64_t)(clock_mono_us() - began);
	return rc;
}

static void
commit_failed(struct fleet *f, const char *why)
{
	fleet_error(f, "what came cannot be put in force: %s", why);
	fleet_after(f->stage.retry, f->stage.pause_ms);
	f->stage.pause_ms = f->stage.pause_ms * 2 < PAUSE_MAX_MS
	    ? f->stage.pause_ms * 2
	    : PAUSE_MAX_MS;
}

int
fleet_commit(struct fleet *f, struct err *err)
{
	struct fleet_stage *s = &f->stage;
	struct fleet_record *v;
	struct fleet_taken *taken;
	struct err why = {0};
	int rc = 0;

	fleet_kick(f);
	/* The whole is judged first; what came is put in force at its end. */
	if (f->fresh && f->loading)
		return err_set(err, E_IO, "the fleet is still being read");
	if (s->num == 0 && !f->facts_changed && !f->adopted)
		return 0;
	v = calloc(s->num + 1, sizeof(*v));
	taken = calloc(s->num + 1, sizeof(*taken));
	if (v == NULL || taken == NULL) {
		rc = err_set(&why, E_NOMEM, "out of memory");
	} else {
		rc = give(f, v, describe(s, v), taken, &why);
		if (rc == 0)
			took_all(f, v, taken);
	}
	if (rc != 0) {
		commit_failed(f, why.msg);
		if (err != NULL)
			*err = why;
	}
	free(v);
	free(taken);
	return rc;
}
