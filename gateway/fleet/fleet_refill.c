/* fleet_refill: see the header. */
#include "gateway/fleet/fleet_refill.h"

#include <stdlib.h>
#include <string.h>

#include "cache/base/clock.h"
#include "gateway/fleet/fleet_identity.h"
#include "gateway/fleet/fleet_pace.h"
#include "gateway/fleet/fleet_take.h"
#include "gateway/fleet/fleet_tally.h"
#include "gateway/fleet/fleet_tell.h"

#define AGAIN_MS 200
#define FULL_MS  30000
#define ROUND_MS 5000 /* at least from one round to the next */
#define TURN_SEC 15

struct fleet_refill {
	struct event *timer;
	bool asking;
	uint64_t not_before; /* monotonic, ms */
	uint64_t round_at;   /* the same, of the next round */
	/* Of a round. */
	bool was_empty, mine; /* it is this machine's turn */
	int64_t lease, tombstones;
	char **keys;
	size_t num, room, at, chunk, max;
	uint8_t *head; /* that goes with the chunk; NULL: none does */
	size_t head_len;
	size_t sent, put;        /* of them, what was lost, older, damaged */
	size_t resent, resealed; /* and what the secret of before had sealed */
};

/* One record of a transaction. */
struct back {
	char *key;
	int64_t n;
	uint8_t *sealed;
	size_t len;
	int64_t compared;
	bool tombstone, previous;
};

static void step_on(struct fleet *f);

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	step_on(arg);
}

int
fleet_refill_init(struct fleet *f, struct err *err)
{
	struct fleet_refill *r = calloc(1, sizeof(*r));

	f->refill = r;
	if (r != NULL)
		r->timer = evtimer_new(f->base, on_timer, f);
	return r != NULL && r->timer != NULL
	    ? 0
	    : err_set(err, E_NOMEM, "out of memory");
}

static void
keys_free(struct fleet_refill *r)
{
	for (size_t i = 0; r->keys != NULL && i < r->num; i++)
		free(r->keys[i]);
	free(r->keys);
	r->keys = NULL;
	r->num = r->room = r->at = r->chunk = 0;
}

void
fleet_refill_cleanup(struct fleet *f)
{
	struct fleet_refill *r = f->refill;

	if (r == NULL)
		return;
	keys_free(r);
	free(r->head);
	if (r->timer != NULL)
		event_free(r->timer);
	free(r);
	f->refill = NULL;
}

static void
wait_ms(struct fleet *f, unsigned ms)
{
	f->refill->not_before = clock_mono_ms() + ms;
	fleet_after(f->refill->timer, ms);
}

/* Identity and head. */

static void
on_identity(void *arg, const struct engine_answer *a)
{
	struct fleet *f = arg;

	f->refill->asking = false;
	/* One of all members tells what all have heard. */
	if (a->result == ENGINE_DONE && f->refill->was_empty)
		fleet_tell_again(f);
	/* The watch brings it, and may have done so before this answer. */
	wait_ms(f, a->result == ENGINE_DONE ? 0 : AGAIN_MS);
}

static void
put_identity(struct fleet *f)
{
	const struct fleet_compare compare = {
	    .key = "fleet", .revision = f->identity_revision};
	struct fleet_op op = {.kind = FLEET_OP_PUT, .key = "fleet"};
	bool known = f->id[0] != '\0';
	char id[FLEET_ID_SIZE], json[FLEET_IDENTITY_JSON];
	uint8_t *sealed;
	struct err err;

	if (known)
		memcpy(id, f->id, sizeof(id));
	else if (!fleet_identity_draw(id))
		return;
	f->refill->was_empty = known && f->identity_revision == 0;
	fleet_identity_json(
	    json, id, f->filled + (f->refill->was_empty ? 1 : 0));
	if (fleet_seal_text(f, FLEET_IDENTITY, "fleet", 0, json, &sealed,
		&op.len, &err) != 0) {
		wait_ms(f, ROUND_MS);
		return;
	}
	op.value = sealed;
	f->refill->asking = true;
	f->identity_previous = false;
	fleet_link_txn(f->link, &compare, 1, &op, 1, on_identity, f);
	free(sealed);
}

static void
on_head(void *arg, const struct engine_answer *a)
{
	struct fleet *f = arg;

	f->refill->asking = false;
	if (a->result == ENGINE_DONE)
		f->vouches = false;
	wait_ms(f, a->result == ENGINE_DONE ? 0 : AGAIN_MS);
}

static void
put_head(struct fleet *f)
{
	const struct fleet_compare compare = {
	    .key = "head", .revision = f->head_revision};
	struct fleet_op op = {.kind = FLEET_OP_PUT, .key = "head"};
	struct fleet_tally tally;
	uint8_t *sealed;
	struct err err;
	int64_t n;

	if (fleet_tally_head(f, &n, &tally, &err) != 0 ||
	    fleet_seal_head(f, n, &tally, &sealed, &op.len, &err) != 0) {
		wait_ms(f, ROUND_MS);
		return;
	}
	if (f->vouches)
		log_line(f->log, LOG_LEVEL_WARN,
		    "the fleet: what is known here is taken for all of its "
		    "records (records=%lld n=%lld)",
		    (long long)tally.num, (long long)n);
	op.value = sealed;
	f->refill->asking = true;
	f->head_previous = false;
	fleet_link_txn(f->link, &compare, 1, &op, 1, on_head, f);
	free(sealed);
}

/* Whose turn it is. */

static void
on_ignored(void *arg, const struct engine_answer *a)
{
	(void)arg;
	(void)a;
}

/* Ends with it: its key goes. */
static void
leave_turn(struct fleet *f)
{
	struct fleet_refill *r = f->refill;

	if (r->lease != 0)
		fleet_link_revoke(f->link, r->lease, on_ignored, f);
	r->lease = r->tombstones = 0;
	r->mine = false;
}

static void
on_turn(void *arg, const struct engine_answer *a)
{
	struct fleet *f = arg;

	f->refill->asking = false;
	f->refill->mine = a->result == ENGINE_DONE;
	if (!f->refill->mine)
		leave_turn(f);
	wait_ms(f, f->refill->mine ? 0 : AGAIN_MS);
}

static void
ask_turn(struct fleet *f)
{
	const struct fleet_compare compare = {.key = "filling", .revision = 0};
	struct fleet_op op = {
	    .kind = FLEET_OP_PUT, .key = "filling", .lease = f->refill->lease};
	uint8_t *sealed;
	struct err err;

	if (fleet_seal_text(f, FLEET_FILLING, "filling", 0, "{}", &sealed,
		&op.len, &err) != 0) {
		wait_ms(f, ROUND_MS);
		return;
	}
	op.value = sealed;
	f->refill->asking = true;
	fleet_link_txn(f->link, &compare, 1, &op, 1, on_turn, f);
	free(sealed);
}

static void
on_turn_lease(void *arg, const struct engine_answer *a)
{
	struct fleet *f = arg;

	f->refill->asking = false;
	if (a->result == ENGINE_DONE) {
		f->refill->lease = a->lease;
		ask_turn(f);
	} else {
		wait_ms(f, AGAIN_MS);
	}
}

/* Records. */

static bool
wanted(const struct mirror_entry *e)
{
	/* Not what is about to change, or could not. */
	return mirror_owes(e) && e->staged == 0 && e->lag == NULL &&
	    !fleet_tombstone_over(e);
}

static void
collect(void *arg, struct mirror_entry *e)
{
	struct fleet_refill *r = ((struct fleet *)arg)->refill;

	if (!wanted(e))
		return;
	if (r->num == r->room) {
		size_t room = r->room > 0 ? 2 * r->room : 128;
		char **more = realloc(r->keys, room * sizeof(*more));

		if (more == NULL)
			return;
		r->keys = more;
		r->room = room;
	}
	r->keys[r->num] = strdup(e->key);
	r->num += r->keys[r->num] != NULL;
}

struct reading {
	struct fleet *f;
	struct mirror_entry *entry;
	struct back *to;
};

static int
seal_held(void *arg, const struct fleet_held *held, struct err *err)
{
	struct reading *r = arg;

	if (held->json == NULL || held->n != r->entry->held.n)
		return 0;
	r->to->n = held->n;
	r->to->tombstone = r->entry->kind == FLEET_DENY && held->removed;
	return fleet_seal_text(r->f, r->entry->kind, held->key, held->n,
	    held->json, &r->to->sealed, &r->to->len, err);
}

/* Fills v with what the next keys hold; r->chunk is how many keys that is. */
static size_t
gather(struct fleet *f, struct back v[FLEET_TXN_OPS])
{
	struct fleet_refill *r = f->refill;
	size_t num = 0, octets = 0;
	struct err err;

	for (r->chunk = 0; r->at + r->chunk < r->num && num < r->max &&
	     octets < FLEET_TXN_BYTES / 2;
	     r->chunk++) {
		char *key = r->keys[r->at + r->chunk];
		struct mirror_entry *e = mirror_find(f->mirror, key);
		struct reading reading = {f, e, &v[num]};

		v[num] = (struct back){.key = key};
		if (e == NULL || !wanted(e))
			continue;
		v[num].compared = e->revision;
		v[num].previous = e->there == MIRROR_PREVIOUS;
		if (f->calls.each(f->arg, key, seal_held, &reading, &err) !=
			0 ||
		    v[num].sealed == NULL)
			continue;
		octets += v[num].len;
		num++;
	}
	return num;
}

static void
put_was_done(struct fleet *f, int64_t revision)
{
	struct fleet_refill *r = f->refill;

	for (size_t i = r->at; i < r->at + r->chunk; i++) {
		struct mirror_entry *e = mirror_find(f->mirror, r->keys[i]);

		if (e == NULL || !wanted(e) || e->revision > revision)
			continue;
		fleet_tally_leave(f, e);
		e->there = MIRROR_GOOD;
		e->revision = revision;
		e->engine_n = e->held.n;
		e->engine_removed = e->held.removed;
		memcpy(e->engine_digest, e->held.digest, MIRROR_DIGEST);
		e->load = f->load;
		fleet_tally_enter(f, e);
	}
	if (r->head != NULL) {
		const struct fleet_kv head = {.key = "head",
		    .value = r->head,
		    .len = r->head_len,
		    .revision = revision};

		fleet_see(f, &head);
		(void)!fleet_commit(f, NULL);
	}
	r->put += r->sent;
	r->resealed += r->resent;
	r->at += r->chunk;
}

static void
on_put(void *arg, const struct engine_answer *a)
{
	struct fleet *f = arg;
	struct fleet_refill *r = f->refill;

	r->asking = false;
	switch (a->result) {
	case ENGINE_DONE:
		put_was_done(f, a->revision);
		r->max = FLEET_TXN_OPS;
		step_on(f);
		break;
	case ENGINE_LOST:
		/* Somebody was faster with one of them. */
		if (r->max == 1) {
			r->at += r->chunk;
			/* If it was with head, it is still to be done. */
			f->repair = f->repair || r->head != NULL;
		}
		r->max = r->max > 1 ? r->max / 2 : 1;
		wait_ms(f, AGAIN_MS);
		break;
	case ENGINE_NO_LEASE:
		r->tombstones = 0;
		wait_ms(f, AGAIN_MS);
		break;
	case ENGINE_FULL:
		wait_ms(f, FULL_MS);
		break;
	default:
		wait_ms(f, AGAIN_MS);
	}
}

static void
on_tombstone_lease(void *arg, const struct engine_answer *a)
{
	struct fleet *f = arg;

	f->refill->asking = false;
	if (a->result == ENGINE_DONE)
		f->refill->tombstones = a->lease;
	wait_ms(f, a->result == ENGINE_DONE ? 0 : AGAIN_MS);
}

/* Of an engine that has all its head says: who puts back more has changed it.
 * Otherwise it is what was lost. */
static int
seal_head(struct fleet *f, const struct back *v, size_t num, struct err *err)
{
	struct fleet_refill *r = f->refill;
	struct fleet_tally t = f->engine_tally;
	int rc = 0;

	free(r->head);
	r->head = NULL;
	if (!t.known || f->engine_head < f->head || !fleet_tally_agrees(f))
		return 0;
	for (size_t i = 0; i < num && rc == 0; i++)
		rc = fleet_tally_put_back(
		    f, &t, mirror_find(f->mirror, v[i].key), err);
	if (rc != 0 || memcmp(t.sum, f->engine_tally.sum, sizeof(t.sum)) == 0)
		return rc;
	return fleet_seal_head(f, f->head + 1, &t, &r->head, &r->head_len, err);
}

static void
send_back(struct fleet *f, const struct back *v, size_t num)
{
	struct fleet_compare compare[FLEET_TXN_OPS + 1];
	struct fleet_op ops[FLEET_TXN_OPS + 1];
	struct fleet_refill *r = f->refill;
	size_t with_head;

	r->asking = true;
	for (size_t i = 0; i < num; i++) {
		if (v[i].tombstone && r->tombstones == 0) {
			fleet_link_lease(f->link, FLEET_TOMBSTONE_SEC,
			    on_tombstone_lease, f);
			return;
		}
		compare[i] = (struct fleet_compare){v[i].key, v[i].compared};
		ops[i] = (struct fleet_op){.kind = FLEET_OP_PUT,
		    .key = v[i].key,
		    .value = v[i].sealed,
		    .len = v[i].len,
		    .lease = v[i].tombstone ? r->tombstones : 0};
	}
	r->sent = r->resent = 0;
	for (size_t i = 0; i < num; i++)
		*(v[i].previous ? &r->resent : &r->sent) += 1;
	with_head = r->head != NULL;
	if (with_head) {
		compare[num] = (struct fleet_compare){"head", f->head_revision};
		ops[num] = (struct fleet_op){.kind = FLEET_OP_PUT,
		    .key = "head",
		    .value = r->head,
		    .len = r->head_len};
	}
	fleet_link_txn(
	    f->link, compare, num + with_head, ops, num + with_head, on_put, f);
}

static void
put_chunk(struct fleet *f)
{
	struct back v[FLEET_TXN_OPS];
	struct fleet_refill *r = f->refill;
	size_t num = gather(f, v);
	struct err err;

	if (num > 0 && seal_head(f, v, num, &err) != 0)
		num = 0;
	if (num > 0)
		send_back(f, v, num);
	else
		r->at += r->chunk;
	for (size_t i = 0; i < num; i++)
		free(v[i].sealed);
	if (num == 0)
		wait_ms(f, 0);
	else if (r->lease != 0)
		fleet_link_keepalive(f->link, r->lease, on_ignored, f);
}

static void
end_round(struct fleet *f)
{
	struct fleet_refill *r = f->refill;

	leave_turn(f);
	keys_free(r);
	if (r->was_empty)
		fleet_error(f,
		    "the fleet was empty and has been filled again "
		    "(records=%zu)",
		    r->put);
	else if (r->put > 0)
		fleet_error(f,
		    "records that were lost, older or damaged in the engine "
		    "have been put back (records=%zu)",
		    r->put);
	if (r->resealed > 0)
		log_line(f->log, LOG_LEVEL_INFO,
		    "the fleet: records have been sealed with the new secret "
		    "(records=%zu)",
		    r->resealed);
	if (r->put + r->resealed > 0 || r->was_empty)
		r->round_at = clock_mono_ms() + ROUND_MS;
	r->was_empty = false;
	r->put = r->resealed = 0;
}

/* Another member fills: its end comes by the watch. */
static bool
others_turn(const struct fleet *f)
{
	const struct mirror_entry *e = mirror_find(f->mirror, "filling");

	return e != NULL && e->revision != 0;
}

static void
records(struct fleet *f)
{
	struct fleet_refill *r = f->refill;

	if (r->keys == NULL && clock_mono_ms() < r->round_at) {
		fleet_after(
		    r->timer, (unsigned)(r->round_at - clock_mono_ms()) + 1);
		return;
	}
	if (r->keys == NULL) {
		f->repair = false;
		mirror_each(f->mirror, collect, f);
		r->max = FLEET_TXN_OPS;
		if (r->num == 0) {
			end_round(f);
			return;
		}
	}
	if (!r->mine && others_turn(f)) {
		/* It may have done all of it. */
		keys_free(r);
		f->repair = true;
		wait_ms(f, AGAIN_MS);
	} else if (!r->mine && r->lease == 0) {
		r->asking = true;
		fleet_link_lease(f->link, TURN_SEC, on_turn_lease, f);
	} else if (!r->mine) {
		ask_turn(f);
	} else if (r->at < r->num) {
		put_chunk(f);
	} else {
		end_round(f);
	}
}

static bool
may_put(const struct fleet *f)
{
	return f->link_state == FLEET_LINK_UP && f->loaded &&
	    f->blocked == FLEET_UP && (f->follows || f->create);
}

static void
step_on(struct fleet *f)
{
	struct fleet_refill *r = f->refill;
	uint64_t now = clock_mono_ms();
	unsigned ms;

	if (!may_put(f)) {
		fleet_pace_rest(f);
		if (r->keys != NULL && !r->asking) {
			keys_free(r);
			r->lease = r->tombstones = 0;
			r->mine = false;
			f->repair = true;
		}
		return;
	}
	if (r->asking)
		return;
	if (now < r->not_before) {
		fleet_after(r->timer, (unsigned)(r->not_before - now));
		return;
	}
	ms = fleet_pace_next(f);
	if (ms > 0)
		fleet_after(r->timer, ms);
	else if (!f->identity_there || f->identity_previous)
		put_identity(f);
	else if (f->head_revision == 0 || f->head_damaged ||
	    f->engine_head < f->head || f->head_previous || f->vouches)
		put_head(f);
	else if (f->repair || r->keys != NULL || r->was_empty)
		records(f);
}

void
fleet_refill_moved(struct fleet *f)
{
	step_on(f);
}
