/* fleet_write: see the header. */
#include "gateway/fleet/fleet_write.h"

#include <stdlib.h>
#include <string.h>

#include "cache/base/clock.h"
#include "cache/base/text.h"
#include "gateway/fleet/fleet_chunk.h"
#include "gateway/fleet/fleet_take.h"
#include "gateway/fleet/fleet_tally.h"

#define AGAIN_MS 100
/* Beyond the time of a write, to find out whether it got through. */
#define SETTLE_MS 2000

enum step {
	STEP_WAIT = 0,
	STEP_LEASE,
	STEP_SENT,
	STEP_FENCE,
	STEP_READ
};

/*
 * Owned by the queue; by its request while `over` is set, which then frees it.
 */
struct write {
	struct write *next;
	struct fleet *f;
	struct fleet_wish *v;
	size_t num;
	size_t at; /* where the transaction's begin */
	struct fleet_chunk chunk;
	bool waiting; /* of the outbox */
	fleet_done_fn *done;
	void *arg;
	uint64_t deadline; /* monotonic, ms */
	enum step step;
	bool asking; /* a request is under way */
	bool over;   /* done was called */
	bool lost;   /* wait until something of what was compared moves */
};

struct fleet_writing {
	struct write *first, **last;
	struct write *over; /* whose requests are under way */
	size_t num;
	struct event *timer;
};

static void step_on(struct fleet *f);

/* Life. */

static void
write_free(struct write *w)
{
	fleet_chunk_unseal(&w->chunk);
	for (size_t i = 0; i < w->num; i++)
		fleet_wish_cleanup(&w->v[i]);
	free(w->v);
	free(w);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	step_on(arg);
}

int
fleet_write_init(struct fleet *f, struct err *err)
{
	struct fleet_writing *q = calloc(1, sizeof(*q));

	f->writing = q;
	if (q != NULL) {
		q->last = &q->first;
		q->timer = evtimer_new(f->base, on_timer, f);
	}
	return q != NULL && q->timer != NULL
	    ? 0
	    : err_set(err, E_NOMEM, "out of memory");
}

void
fleet_write_cleanup(struct fleet *f)
{
	struct fleet_writing *q = f->writing;

	if (q == NULL)
		return;
	*q->last = q->over;
	while (q->first != NULL) {
		struct write *w = q->first;

		q->first = w->next;
		write_free(w);
	}
	if (q->timer != NULL)
		event_free(q->timer);
	free(q);
	f->writing = NULL;
}

int
fleet_write_add(struct fleet *f, const struct fleet_change *v, size_t num,
    bool waiting, fleet_done_fn *done, void *arg, struct err *err)
{
	struct fleet_writing *q = f->writing;
	struct write *w;
	int rc = 0;

	if (num < 1 || num > FLEET_WRITE_MAX)
		return err_set(err, E_ARG, "%zu changes at once", num);
	if (q->num >= FLEET_WRITE_QUEUED)
		return err_set(
		    err, E_LIMIT, "%zu changes wait already", q->num);
	w = calloc(1, sizeof(*w));
	if (w != NULL)
		w->v = calloc(2 * num, sizeof(*w->v));
	if (w == NULL || w->v == NULL) {
		free(w);
		return err_set(err, E_NOMEM, "out of memory");
	}
	w->f = f;
	for (size_t i = 0; i < num && rc == 0; i++) {
		rc = fleet_wish_init(&w->v[w->num], f, &v[i], err);
		w->num++;
		if (rc == 0)
			w->num += fleet_wish_trim(
			    &w->v[w->num], f, &w->v[w->num - 1]);
	}
	if (rc != 0) {
		write_free(w);
		return rc;
	}
	w->waiting = waiting;
	w->done = done;
	w->arg = arg;
	w->deadline = clock_mono_ms() + FLEET_WRITE_MS;
	*q->last = w;
	q->last = &w->next;
	q->num++;
	fleet_kick(f);
	return 0;
}

int
fleet_write(struct fleet *f, const struct fleet_change *v, size_t num,
    fleet_done_fn *done, void *arg, struct err *err)
{
	if (f->id[0] == '\0')
		return err_set(err, E_CLOSED, "no fleet is followed: %s",
		    f->why[0] != '\0' ? f->why : "not yet");
	return fleet_write_add(f, v, num, false, done, arg, err);
}

/* The end. Nothing of f may be touched after it. */
static void
finish(struct fleet *f, struct fleet_outcome *o)
{
	struct fleet_writing *q = f->writing;
	struct write *w = q->first;
	fleet_done_fn *done = w->done;
	void *arg = w->arg;

	q->first = w->next;
	if (q->first == NULL)
		q->last = &q->first;
	q->num--;
	evtimer_del(q->timer);
	f->written += o->result == FLEET_WRITTEN;
	f->conflicts += o->result == FLEET_CONFLICT;
	f->failed += o->result != FLEET_WRITTEN && o->result != FLEET_CONFLICT;
	if (w->asking) {
		w->over = true;
		w->next = q->over;
		q->over = w;
	} else {
		write_free(w);
	}
	fleet_kick(f);
	if (done != NULL)
		done(arg, o);
}

/*
 * What an answer does first. False: the write is over, and nobody waits for
 * it; should it have got through, the watch brings it.
 */
static bool
answered(struct write *w)
{
	struct write **at = &w->f->writing->over;

	w->asking = false;
	if (!w->over)
		return true;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	write_free(w);
	return false;
}

static void
finish_with(struct fleet *f, enum fleet_result result,
    const struct fleet_wish *c, int64_t n, const char *why)
{
	struct fleet_outcome o = {.result = result, .n = n};

	if (c != NULL)
		text_copy(o.key, sizeof(o.key), c->key);
	text_copy(o.why, sizeof(o.why), why);
	finish(f, &o);
}

static void
finish_away(struct fleet *f, bool unsure)
{
	struct fleet_outcome o = {.result = FLEET_AWAY, .unsure = unsure};

	text_copy(o.why, sizeof(o.why),
	    unsure ? "the fleet has not answered; whether it was written will "
		     "be seen"
		: f->stage.num > 0
		? "what the fleet has cannot be put in force here; nothing was "
		  "changed"
		: "the fleet cannot be asked; nothing was changed");
	finish(f, &o);
}

static void
finish_full(struct fleet *f, const char *why)
{
	char text[160];

	text_format(text, sizeof(text),
	    "the fleet's engine takes nothing more, its space is used up: %s",
	    why);
	finish_with(f, FLEET_FULL, NULL, 0, text);
}

/* What is expected. */

/* 0, or the write is at its end. */
static int
expect_all(struct fleet *f, struct write *w)
{
	for (size_t i = w->at; i < w->num; i++) {
		struct fleet_wish *c = &w->v[i];
		const struct mirror_entry *e = mirror_find(f->mirror, c->key);
		size_t max = fleet_kind_rule(c->kind)->max_num;
		int64_t n;

		if (fleet_wish_conflicts(c, e, w->waiting, &n)) {
			finish_with(f, FLEET_CONFLICT, c, n,
			    e != NULL && e->pending != NULL
				? "an entry of this name waits to be sent"
				: "somebody else has changed it");
			return -1;
		}
		if (e == NULL && mirror_num(f->mirror, c->kind) >= max) {
			finish_with(f, FLEET_FULL, c, 0,
			    "the fleet holds as many of these as it may");
			return -1;
		}
	}
	return 0;
}

/* Answers. */

static void
got_through(struct fleet *f, struct write *w, int64_t revision)
{
	struct err err = {0};
	int rc;

	fleet_chunk_see(f, &w->chunk, revision);
	rc = fleet_commit(f, &err);
	for (size_t i = w->at; i < w->at + w->chunk.num; i++) {
		const struct mirror_entry *e =
		    mirror_find(f->mirror, w->v[i].key);

		if (w->v[i].json == NULL ||
		    (e != NULL && e->holds && e->held.n >= w->chunk.n))
			continue;
		finish_with(f, FLEET_NOT_APPLIED, &w->v[i], w->chunk.n,
		    rc != 0                           ? err.msg
			: e != NULL && e->lag != NULL ? e->lag
						      : "it was not taken");
		return;
	}
	w->at += w->chunk.num;
	w->step = STEP_WAIT;
	w->lost = false;
	if (w->at == w->num)
		finish_with(f, FLEET_WRITTEN, NULL, w->chunk.n, "");
	else
		step_on(f);
}

/* Again after a pause, or the end. */
static void
again(struct fleet *f, struct write *w)
{
	w->step = STEP_WAIT;
	fleet_after(f->writing->timer, AGAIN_MS);
}

static void
on_read(void *arg, const struct engine_answer *a)
{
	struct write *w = arg;
	struct fleet *f = w->f;
	const struct fleet_wish *c = fleet_chunk_telling(&w->chunk);
	const struct fleet_kv *kv = a->num > 0 ? &a->kv[0] : NULL;

	if (!answered(w))
		return;
	if (a->result != ENGINE_DONE) {
		fleet_after(f->writing->timer, AGAIN_MS);
	} else if (kv != NULL && kv->value != NULL && c->sealed != NULL &&
	    kv->len == c->sealed_len &&
	    memcmp(kv->value, c->sealed, kv->len) == 0) {
		got_through(f, w, kv->revision);
	} else {
		w->lost = true;
		w->step = STEP_WAIT;
		step_on(f);
	}
}

static void
read_back(struct fleet *f, struct write *w)
{
	w->step = STEP_READ;
	w->asking = true;
	fleet_link_get(
	    f->link, fleet_chunk_telling(&w->chunk)->key, true, on_read, w);
}

static void
on_fence(void *arg, const struct engine_answer *a)
{
	struct write *w = arg;
	struct fleet *f = w->f;

	if (!answered(w))
		return;
	if (a->result == ENGINE_DONE) {
		/* The late one finds another head, and loses. */
		f->head_revision = a->revision;
		w->step = STEP_WAIT;
		step_on(f);
	} else if (a->result == ENGINE_LOST) {
		read_back(f, w);
	} else {
		fleet_after(f->writing->timer, AGAIN_MS);
	}
}

static void
fence(struct fleet *f, struct write *w)
{
	const struct fleet_compare compare = {
	    .key = "head", .revision = w->chunk.head_compared};
	struct fleet_op op = {.kind = FLEET_OP_PUT, .key = "head"};
	uint8_t *sealed;
	struct err err;

	w->step = STEP_FENCE;
	if (fleet_seal_head(
		f, w->chunk.n - 1, &f->tally, &sealed, &op.len, &err) != 0) {
		fleet_after(f->writing->timer, AGAIN_MS);
		return;
	}
	op.value = sealed;
	w->asking = true;
	fleet_link_txn(f->link, &compare, 1, &op, 1, on_fence, w);
	free(sealed);
}

static void
on_sent(void *arg, const struct engine_answer *a)
{
	struct write *w = arg;
	struct fleet *f = w->f;

	if (!answered(w))
		return;
	switch (a->result) {
	case ENGINE_DONE:
		got_through(f, w, a->revision);
		break;
	case ENGINE_LOST:
		w->lost = true;
		w->step = STEP_WAIT;
		step_on(f);
		break;
	case ENGINE_UNKNOWN:
	case ENGINE_TOO_LONG:
		fence(f, w);
		break;
	case ENGINE_AWAY:
		again(f, w);
		break;
	case ENGINE_NO_LEASE:
		w->chunk.lease = 0;
		again(f, w);
		break;
	case ENGINE_FULL:
		finish_full(f, a->why);
		break;
	default:
		finish_with(f, FLEET_FAILED, NULL, 0, a->why);
	}
}

static void
on_lease(void *arg, const struct engine_answer *a)
{
	struct write *w = arg;
	struct fleet *f = w->f;

	if (!answered(w))
		return;
	if (a->result == ENGINE_DONE) {
		w->chunk.lease = a->lease;
		w->step = STEP_WAIT;
		step_on(f);
	} else if (a->result == ENGINE_FULL) {
		finish_full(f, a->why);
	} else if (a->result == ENGINE_REFUSED || a->result == ENGINE_DENIED) {
		finish_with(f, FLEET_FAILED, NULL, 0, a->why);
	} else {
		again(f, w);
	}
}

/* Sending. */

static void
try_now(struct fleet *f, struct write *w)
{
	struct err err;

	if (expect_all(f, w) != 0)
		return;
	fleet_chunk_unseal(&w->chunk);
	fleet_chunk_choose(&w->chunk, w->v + w->at, w->num - w->at);
	if (fleet_chunk_needs_lease(&w->chunk)) {
		w->step = STEP_LEASE;
		w->asking = true;
		fleet_link_lease(f->link, FLEET_TOMBSTONE_SEC, on_lease, w);
		return;
	}
	if (fleet_chunk_seal(f, &w->chunk, f->head + 1, &err) != 0) {
		finish_with(f, FLEET_FAILED, NULL, 0, err.msg);
		return;
	}
	w->step = STEP_SENT;
	w->asking = true;
	fleet_chunk_send(f, &w->chunk, on_sent, w);
}

/* Away for as long as a write may take: it is not waited for. */
static bool
hopeless(const struct fleet *f, uint64_t now)
{
	return f->away_since_ms != 0 && now - f->away_since_ms > FLEET_WRITE_MS;
}

/* The first of the queue at the end of its time: true when it is over. */
static bool
too_late(struct fleet *f, struct write *w, uint64_t now)
{
	bool settling = w->step != STEP_WAIT && w->step != STEP_LEASE;

	if (!settling && (now >= w->deadline || hopeless(f, now)))
		finish_away(f, false);
	else if (now >= w->deadline + SETTLE_MS)
		finish_away(f, true);
	else
		return false;
	return true;
}

/* Takes the first of the queue as far as it goes now. */
static void
step_on(struct fleet *f)
{
	struct write *w = f->writing->first;
	uint64_t now = clock_mono_ms();
	uint64_t end;

	if (w == NULL || too_late(f, w, now))
		return;
	end = w->deadline + (now < w->deadline ? 0 : SETTLE_MS);
	/* What the next number is, a head says that can be read. */
	if (w->asking || !fleet_usable(f) || f->head_revision == 0 ||
	    f->head_damaged || f->stage.num > 0 ||
	    (w->lost && !fleet_chunk_moved(f, &w->chunk)) ||
	    (w->step == STEP_WAIT && fleet_tally_may_mend(f))) {
		fleet_after(f->writing->timer, (unsigned)(end - now) + 1);
		return;
	}
	switch (w->step) {
	case STEP_FENCE:
		fence(f, w);
		break;
	case STEP_READ:
		read_back(f, w);
		break;
	default:
		w->lost = false;
		try_now(f, w);
	}
}

void
fleet_write_moved(struct fleet *f)
{
	step_on(f);
}
