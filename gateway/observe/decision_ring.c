/*
 * decision_ring: rings under one lock, which every handshake takes. It is held
 * for a few assignments and a copy of some 1,000 bytes; who looks takes
 * references to some slots at a time, and reads their texts and makes JSON
 * outside of it.
 */
#include "gateway/observe/decision_ring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/json.h"
#include "gateway/observe/leaf_id.h"
#include "gateway/observe/reel.h"

#define NUM_MODES    (REVCHECK_MODE_HARD_FAIL + 1)
#define NUM_STATUSES DECISION_NUM_STATUSES
#define NUM_WHYS     REVCHECK_NUM_WHY

const double decision_buckets[DECISION_NUM_BUCKETS] = {
    0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10};

/* Slots that are looked at while the lock is held once. */
#define LOOK_MAX 256

struct slot {
	uint64_t sequence; /* 0: empty */
	struct decision d; /* without its leaf and its report */
	/* What a denylist wants to know of the leaf, then the report, packed.
	 */
	struct reel_piece kept;
	size_t issuer_len, serial_len;
};

/* Nobody vouches for the names that a stranger shows: no longer one is kept. */
#define ISSUER_BYTES 4096
/* Packed reports beyond that take memory for a moment: long paths, texts. */
#define PACKED_BYTES 4096

/* Who can cause a decision: what one kind does erases nothing of another. */
enum kind {
	KIND_BARE = 0, /* anybody: refused before there was a verdict */
	KIND_REFUSED,  /* who has a certificate: refused by a verdict */
	KIND_DIALLED,  /* refused: who was dialled, sessions */
	KIND_SOFT,     /* undetermined, and let in */
	KIND_CUT,
	KIND_PROXY,         /* a proxy asks: at each request of its peers */
	KIND_PROXY_REFUSED, /* or let in softly */
	KIND_OTHER,         /* all is well */
	NUM_KINDS
};

struct ring {
	struct slot *slots;
	struct reel reel;
	uint64_t num; /* ever */
};

struct decision_ring {
	pthread_mutex_t lock; /* guards everything below */
	struct ring rings[NUM_KINDS];
	size_t max;    /* slots of each */
	uint64_t last; /* sequence of the newest */
	uint64_t counts[DECISION_NUM_WAYS][NUM_MODES][NUM_STATUSES][NUM_WHYS]
		       [2];
	struct decision_waits waits;
	struct outcome_counts outcomes;
};

int
decision_ring_new(struct decision_ring **out, size_t max, struct err *err)
{
	struct decision_ring *d = calloc(1, sizeof(*d));

	*out = NULL;
	if (d == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	d->max = max;
	pthread_mutex_init(&d->lock, NULL);
	for (size_t k = 0; k < NUM_KINDS; k++) {
		d->rings[k].slots = calloc(max, sizeof(struct slot));
		if (d->rings[k].slots == NULL) {
			decision_ring_free(d);
			return err_set(err, E_NOMEM, "out of memory");
		}
	}
	*out = d;
	return 0;
}

void
decision_ring_free(struct decision_ring *d)
{
	if (d == NULL)
		return;
	for (size_t k = 0; k < NUM_KINDS; k++) {
		struct ring *r = &d->rings[k];

		for (size_t i = 0; i < d->max && i < r->num; i++)
			reel_piece_release(&r->slots[i].kept);
		reel_cleanup(&r->reel);
		free(r->slots);
	}
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static void
count(struct decision_ring *d, const struct decision *x)
{
	const struct decision_finding *f = &x->found;

	if (x->way < DECISION_NUM_WAYS && f->mode < NUM_MODES &&
	    f->status < NUM_STATUSES && f->why < NUM_WHYS)
		d->counts[x->way][f->mode][f->status][f->why]
			 [x->allowed ? 1 : 0]++;
	outcome_count(&d->outcomes, outcome_of(x), x->at);
	if (x->waited_ms > 0) {
		size_t i = 0;

		while (i < DECISION_NUM_BUCKETS &&
		    (double)x->waited_ms / 1000 > decision_buckets[i])
			i++;
		d->waits.num[i]++;
		d->waits.sum_ms += x->waited_ms;
	}
}

static enum kind
kind_of(const struct decision *x)
{
	switch (outcome_of(x)) {
	case OUTCOME_SOFT:
	case OUTCOME_SESSION_SOFT:
		return KIND_SOFT;
	case OUTCOME_CUT:
		return KIND_CUT;
	case OUTCOME_PROXIED:
		return KIND_PROXY;
	case OUTCOME_PROXIED_SOFT:
	case OUTCOME_PROXIED_REFUSED:
		return KIND_PROXY_REFUSED;
	default:
		break;
	}
	if (x->allowed)
		return KIND_OTHER;
	if (x->way != DECISION_INBOUND)
		return KIND_DIALLED;
	return x->report != NULL ? KIND_REFUSED : KIND_BARE;
}

/* In room, or in *more, which is the caller's; none where memory is short. */
static struct span
packed_of(struct revcheck_report *report, unsigned char room[PACKED_BYTES],
    unsigned char **more)
{
	size_t len = 0;

	*more = NULL;
	if (report != NULL)
		len = revcheck_report_pack(report, room, PACKED_BYTES);
	if (len <= PACKED_BYTES)
		return span_of(room, len);
	*more = malloc(len);
	if (*more == NULL)
		return span_of(NULL, 0);
	return span_of(*more, revcheck_report_pack(report, *more, len));
}

static void
slot_keep(
    struct slot *s, struct reel *reel, struct leaf_id leaf, struct span packed)
{
	const struct span parts[] = {leaf.issuer, leaf.serial, packed};
	size_t at = 0;

	s->issuer_len = leaf.issuer.len;
	s->serial_len = leaf.serial.len;
	s->kept =
	    reel_add(reel, leaf.issuer.len + leaf.serial.len + packed.len);
	for (size_t i = 0; i < 3 && s->kept.len > 0; i++) {
		if (parts[i].len > 0)
			memcpy(s->kept.bytes + at, parts[i].p, parts[i].len);
		at += parts[i].len;
	}
}

void
decision_ring_add(struct decision_ring *d, const struct decision *x)
{
	unsigned char room[PACKED_BYTES], *more;
	struct decision new;
	struct reel_piece old;
	struct leaf_id leaf;
	struct span packed;
	struct slot *slot;
	struct ring *r;

	if (d == NULL)
		return;
	new = *x;
	if (x->report != NULL)
		new.found = (struct decision_finding){
		    .mode = revcheck_report_mode(x->report),
		    .status = revcheck_report_status(x->report),
		    .why = revcheck_report_why(x->report)};
	r = &d->rings[kind_of(&new)];
	new.leaf = NULL;
	new.report = NULL;
	leaf = leaf_id_of(x->leaf);
	if (leaf.issuer.len > ISSUER_BYTES)
		leaf = (struct leaf_id){0};
	packed = packed_of(x->report, room, &more);
	pthread_mutex_lock(&d->lock);
	slot = &r->slots[r->num++ % d->max];
	old = slot->kept;
	slot->sequence = ++d->last;
	slot->d = new;
	slot_keep(slot, &r->reel, leaf, packed);
	count(d, &slot->d);
	pthread_mutex_unlock(&d->lock);
	reel_piece_release(&old);
	free(more);
}

const char *
decision_way_name(enum decision_way way)
{
	static const char *const names[DECISION_NUM_WAYS] = {
	    "inbound", "outbound", "session", "recheck", "authorize"};

	return way < DECISION_NUM_WAYS ? names[way] : "?";
}

const char *
decision_status_name(unsigned status)
{
	switch (status) {
	case DECISION_NO_CERTIFICATE:
		return "no-certificate";
	case DECISION_SUBJECT_REFUSED:
		return "subject-refused";
	case DECISION_NOT_ALLOWED:
		return "not-allowed";
	default:
		return revcheck_status_name((enum revcheck_status)status);
	}
}

const char *
decision_choice_name(enum decision_choice choice)
{
	static const char *const names[DECISION_NUM_CHOICES] = {
	    "", "accepted", "soft", "refused", "cut"};

	return choice < DECISION_NUM_CHOICES ? names[choice] : "?";
}

static bool
contains(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

/* The narrowest one that fits. */
static enum decision_choice
choice_of(const struct decision *d)
{
	enum outcome o = outcome_of(d);

	if (o == OUTCOME_SOFT || o == OUTCOME_SESSION_SOFT ||
	    o == OUTCOME_PROXIED_SOFT)
		return DECISION_SOFT;
	if (o == OUTCOME_CUT)
		return DECISION_CUT;
	return d->allowed ? DECISION_ACCEPTED : DECISION_REFUSED;
}

static bool
is_chosen(const struct decision *d, enum decision_choice choice)
{
	switch (choice) {
	case DECISION_ANY:
		return true;
	case DECISION_ACCEPTED:
		return d->allowed;
	case DECISION_REFUSED:
		return !d->allowed;
	default:
		return choice_of(d) == choice;
	}
}

static bool
has_bit(uint64_t bits, unsigned which)
{
	return bits == 0 || (which < 64 && (bits >> which & 1) != 0);
}

/* But for the texts. */
static bool
slot_fits(const struct slot *s, const struct decision_filter *f)
{
	const struct decision *d = &s->d;

	return (f->sequence == 0 || s->sequence == f->sequence) &&
	    is_chosen(d, f->choice) && has_bit(f->ways, d->way) &&
	    has_bit(f->statuses, d->found.status) &&
	    has_bit(f->whys, d->found.why) &&
	    (f->since == 0 || d->at >= f->since) &&
	    (f->before == 0 || d->at < f->before);
}

/* Its report: the caller's; NULL: it has none, or memory is short. */
static struct revcheck_report *
slot_report(const struct slot *s)
{
	size_t at = s->issuer_len + s->serial_len;

	if (s->kept.len <= at)
		return NULL;
	return revcheck_report_unpack(s->kept.bytes + at, s->kept.len - at);
}

static bool
slot_names(const struct slot *s, const struct revcheck_report *report,
    const char *part)
{
	if (part == NULL || contains(s->d.peer, part))
		return true;
	for (size_t i = 0; report != NULL && i < revcheck_report_num(report);
	     i++)
		if (contains(revcheck_report_get0(report, i)->subject, part))
			return true;
	return false;
}

static void
add_leaf(cJSON *o, const struct slot *s)
{
	if (s->kept.len > 0)
		leaf_id_add(o,
		    (struct leaf_id){span_of(s->kept.bytes, s->issuer_len),
			span_of(s->kept.bytes + s->issuer_len, s->serial_len)});
}

/* *room: bytes for evidence that are left; what has none is left out. */
static void
add_report(cJSON *o, const struct revcheck_report *report, size_t *room)
{
	const struct revcheck_result *leaf = revcheck_report_get0(report, 0);
	char *text = *room > 0 ? revcheck_report_json(report, 0) : NULL;
	size_t len = text != NULL ? strlen(text) : 0;

	if (leaf != NULL)
		cJSON_AddStringToObject(o, "subject", leaf->subject);
	if (text != NULL && len <= *room) {
		cJSON_AddRawToObject(o, "report", text);
		*room -= len;
	} else {
		*room = 0;
	}
	free(text);
}

static cJSON *
slot_json(
    const struct slot *s, const struct revcheck_report *report, size_t *room)
{
	cJSON *o = cJSON_CreateObject();

	if (o == NULL)
		return NULL;
	cJSON_AddNumberToObject(o, "sequence", (double)s->sequence);
	json_add_time(o, "at", s->d.at);
	cJSON_AddStringToObject(o, "way", decision_way_name(s->d.way));
	cJSON_AddStringToObject(o, "peer", s->d.peer);
	if (s->d.connection != 0)
		cJSON_AddNumberToObject(
		    o, "connection", (double)s->d.connection);
	cJSON_AddBoolToObject(o, "allowed", s->d.allowed);
	cJSON_AddStringToObject(
	    o, "outcome", decision_choice_name(choice_of(&s->d)));
	cJSON_AddStringToObject(o, "mode", revcheck_mode_name(s->d.found.mode));
	cJSON_AddStringToObject(
	    o, "status", decision_status_name(s->d.found.status));
	cJSON_AddStringToObject(o, "why", revcheck_why_name(s->d.found.why));
	cJSON_AddNumberToObject(o, "waitedMs", s->d.waited_ms);
	if (s->d.note[0] != '\0')
		cJSON_AddStringToObject(o, "note", s->d.note);
	if (report != NULL)
		add_report(o, report, room);
	add_leaf(o, s);
	return o;
}

/* Appends it where the filter asks for its texts. */
static bool
slot_show(cJSON *list, const struct slot *s, const struct decision_filter *f,
    size_t *room)
{
	struct revcheck_report *report = slot_report(s);
	bool shown = slot_names(s, report, f->peer);

	if (shown)
		cJSON_AddItemToArray(list, slot_json(s, report, room));
	revcheck_report_free(report);
	return shown;
}

/* The one after the at newest of a ring; NULL: there are no more. */
static const struct slot *
ring_get(const struct decision_ring *d, const struct ring *r, size_t at)
{
	if (at >= d->max || at >= r->num)
		return NULL;
	return &r->slots[(r->num - 1 - at) % d->max];
}

/* Which of a ring is the newest with a sequence below that. */
static size_t
ring_find(const struct decision_ring *d, const struct ring *r, uint64_t below)
{
	size_t from = 0, to = r->num < d->max ? (size_t)r->num : d->max;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (ring_get(d, r, mid)->sequence < below)
			to = mid;
		else
			from = mid + 1;
	}
	return from;
}

/*
 * References to what fits of the next LOOK_MAX, newest first; *below, a
 * sequence number, is where to go on, 0 when there are no more.
 */
static size_t
collect(struct decision_ring *d, const struct decision_filter *f,
    uint64_t *below, struct slot out[LOOK_MAX])
{
	size_t at[NUM_KINDS], num = 0, looked;

	pthread_mutex_lock(&d->lock);
	for (size_t k = 0; k < NUM_KINDS; k++)
		at[k] = ring_find(d, &d->rings[k], *below);
	for (looked = 0; looked < LOOK_MAX; looked++) {
		const struct slot *s = NULL;
		size_t from = 0;

		for (size_t k = 0; k < NUM_KINDS; k++) {
			const struct slot *x = ring_get(d, &d->rings[k], at[k]);

			if (x != NULL &&
			    (s == NULL || x->sequence > s->sequence)) {
				s = x;
				from = k;
			}
		}
		if (s == NULL || s->sequence <= f->after) {
			*below = 0;
			break;
		}
		at[from]++;
		*below = s->sequence;
		if (!slot_fits(s, f))
			continue;
		out[num++] = *s;
		reel_piece_up_ref(&s->kept);
	}
	pthread_mutex_unlock(&d->lock);
	return num;
}

cJSON *
decision_ring_json(
    struct decision_ring *d, const struct decision_filter *filter)
{
	size_t max = filter->max != 0 ? filter->max : SIZE_MAX, rows = 0;
	size_t room =
	    filter->report_bytes != 0 ? filter->report_bytes : SIZE_MAX;
	struct slot *found = calloc(LOOK_MAX, sizeof(*found));
	cJSON *list = cJSON_CreateArray();
	uint64_t below = UINT64_MAX;

	if (list == NULL || found == NULL) {
		free(found);
		cJSON_Delete(list);
		return NULL;
	}
	while (below != 0 && rows < max) {
		size_t num = collect(d, filter, &below, found);

		for (size_t i = 0; i < num; i++) {
			if (rows < max &&
			    slot_show(list, &found[i], filter, &room))
				rows++;
			reel_piece_release(&found[i].kept);
		}
	}
	free(found);
	return list;
}

void
decision_ring_each_count(struct decision_ring *d,
    void (*fn)(const struct decision_count *c, void *arg), void *arg)
{
	const size_t num = sizeof(d->counts) / sizeof(uint64_t);

	for (size_t i = 0; i < num; i++) {
		size_t at = i;
		struct decision_count c;

		c.allowed = at % 2 == 1;
		at /= 2;
		c.found.why = (enum revcheck_why)(at % NUM_WHYS);
		at /= NUM_WHYS;
		c.found.status = (unsigned)(at % NUM_STATUSES);
		at /= NUM_STATUSES;
		c.found.mode = (enum revcheck_mode)(at % NUM_MODES);
		c.way = (enum decision_way)(at / NUM_MODES);
		pthread_mutex_lock(&d->lock);
		c.num = d->counts[c.way][c.found.mode][c.found.status]
				 [c.found.why][c.allowed ? 1 : 0];
		pthread_mutex_unlock(&d->lock);
		if (c.num > 0)
			fn(&c, arg);
	}
}

void
decision_ring_get_waits(struct decision_ring *d, struct decision_waits *out)
{
	pthread_mutex_lock(&d->lock);
	*out = d->waits;
	pthread_mutex_unlock(&d->lock);
}

uint64_t
decision_ring_last(struct decision_ring *d)
{
	uint64_t last;

	pthread_mutex_lock(&d->lock);
	last = d->last;
	pthread_mutex_unlock(&d->lock);
	return last;
}

void
decision_ring_get_outcomes(struct decision_ring *d, struct outcome_counts *out)
{
	pthread_mutex_lock(&d->lock);
	*out = d->outcomes;
	pthread_mutex_unlock(&d->lock);
}
