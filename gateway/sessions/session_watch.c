/*
 * session_watch: a ring of remembered chains, walked a few at a time so that
 * REST goes on, and a ring of events.
 */
#include "gateway/sessions/session_watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "cache/base/text.h"
#include "gateway/base/chain_end.h"
#include "gateway/base/chain_poll.h"
#include "gateway/base/json.h"
#include "gateway/base/services.h"
#include "gateway/base/source_box.h"
#include "gateway/base/source_index.h"

#define BATCH       64 /* chains asked about at once */
#define RETRY_SEC   60 /* where it could not be asked */
#define BUCKETS     16384
#define ID_BYTES    32
#define EPOCH_BYTES 8
#define HELD_SEC    1

struct session {
	unsigned char id[ID_BYTES];   /* SHA-256 of the leaf */
	struct revcheck_certs *chain; /* NULL: empty */
	struct revcheck_trust *trust;
	enum revcheck_mode mode;
	size_t bucket_next; /* slot + 1 of the next in its bucket; 0: none */
	time_t ends_at;     /* first notAfter of the chain; 0: none */
	struct session_watch *watch;
	struct chain_poll_item item;
	struct source_asker answer; /* the last one, that let it in */
};

struct withdrawn {
	uint64_t number; /* 0: it has none yet */
	time_t at;
	char id[2 * ID_BYTES + 1];
	char *reason, *report; /* report: JSON, or NULL */
};

/* Others are told of it, and it waits for its number. */
struct held {
	struct held *next;
	struct session_watch *watch;
	struct withdrawn event;
	struct event *timer;
};

struct session_watch_waiter {
	struct session_watch_waiter *next;
	void (*fn)(void *arg);
	void *arg;
};

struct session_watch {
	const struct services *services;
	struct session ring[SESSION_WATCH_MAX];
	size_t used; /* slots ever used, at most SESSION_WATCH_MAX */
	size_t next; /* slot that is taken next */
	size_t buckets[BUCKETS]; /* slot + 1, by the first bytes of the id */
	struct withdrawn events[SESSION_WATCH_MAX_EVENTS]; /* a ring */
	uint64_t num_events, last;
	bool (*share)(void *arg, const struct session_event *e);
	void *share_arg;
	struct held *held;
	char epoch[2 * EPOCH_BYTES + 1];
	struct session_watch_waiter *waiters;
	struct event *changed; /* from any thread */
	struct chain_poll poll;
	struct source_box told;
	struct source_index *sources;
};

static void on_told(evutil_socket_t fd, short what, void *arg);
static void on_due(void *arg);
static bool ask_next(void *arg);

static const struct chain_poll_calls poll_calls = {.next = ask_next};

int
session_watch_new(struct session_watch **out, const struct services *services,
    struct err *err)
{
	const struct chain_poll_bounds bounds = {BATCH, BATCH};
	struct session_watch *s = calloc(1, sizeof(*s));
	unsigned char epoch[EPOCH_BYTES];
	int rc;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->services = services;
	/* Only to be another one than before: nothing is secret about it. */
	if (RAND_bytes(epoch, sizeof(epoch)) != 1)
		memcpy(epoch, &s, sizeof(s));
	text_hex(s->epoch, epoch, sizeof(epoch));
	rc = chain_poll_init(&s->poll, &poll_calls, s, bounds, services->engine,
	    services->base, err);
	source_box_init(&s->told);
	s->changed = event_new(services->base, -1, EV_PERSIST, on_told, s);
	if (rc == 0)
		rc = source_index_new(&s->sources, services->base,
		    services->clock, on_due, s, err);
	if (rc == 0 && s->changed == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc != 0)
		session_watch_free(s);
	else
		*out = s;
	return rc;
}

static size_t *
bucket_of(struct session_watch *s, const unsigned char *id)
{
	return &s->buckets[(id[0] << 8 | id[1]) % BUCKETS];
}

/* The remembered session of a leaf, or NULL. */
static struct session *
find(struct session_watch *s, const unsigned char *id)
{
	for (size_t at = *bucket_of(s, id); at != 0;
	     at = s->ring[at - 1].bucket_next)
		if (memcmp(s->ring[at - 1].id, id, ID_BYTES) == 0)
			return &s->ring[at - 1];
	return NULL;
}

/* An end that is past has been asked about: there is a path without it. */
static void
rest(struct session_watch *s, struct session *x,
    const struct revcheck_report *report)
{
	bool ahead = x->ends_at > wall_clock_now(s->services->clock);

	source_index_rest(
	    s->sources, &x->answer, report, ahead ? x->ends_at : 0);
}

static void
forget(struct session_watch *s, struct session *x)
{
	size_t slot = (size_t)(x - s->ring) + 1, *p;

	if (x->chain == NULL)
		return;
	for (p = bucket_of(s, x->id); *p != slot;)
		p = &s->ring[*p - 1].bucket_next;
	*p = x->bucket_next;
	chain_poll_drop(&x->item);
	source_index_leave(s->sources, &x->answer);
	revcheck_certs_free(x->chain);
	revcheck_trust_free(x->trust);
	*x = (struct session){.chain = NULL};
}

static void
withdrawn_cleanup(struct withdrawn *e)
{
	free(e->reason);
	free(e->report);
	*e = (struct withdrawn){.number = 0};
}

static void
held_free(struct held **p)
{
	struct held *h = *p;

	*p = h->next;
	if (h->timer != NULL)
		event_free(h->timer);
	withdrawn_cleanup(&h->event);
	free(h);
}

void
session_watch_free(struct session_watch *s)
{
	if (s == NULL)
		return;
	if (s->changed != NULL)
		event_free(s->changed);
	for (size_t i = 0; i < s->used; i++)
		forget(s, &s->ring[i]);
	while (s->held != NULL)
		held_free(&s->held);
	for (size_t i = 0; i < SESSION_WATCH_MAX_EVENTS; i++)
		withdrawn_cleanup(&s->events[i]);
	source_index_free(s->sources);
	source_box_cleanup(&s->told);
	chain_poll_cleanup(&s->poll);
	free(s);
}

void
session_watch_remember(struct session_watch *s, struct revcheck_certs *chain,
    struct revcheck_trust *trust, enum revcheck_mode mode,
    const struct revcheck_report *report)
{
	X509 *list[100], *leaf = revcheck_certs_get0(chain, 0);
	size_t num = revcheck_certs_num(chain);
	unsigned char id[EVP_MAX_MD_SIZE];
	struct session *x;
	unsigned len = 0;

	if (leaf == NULL || num > 100 ||
	    X509_digest(leaf, EVP_sha256(), id, &len) != 1)
		return;
	x = find(s, id);
	if (x != NULL && x->trust == trust && x->mode == mode) {
		rest(s, x, report);
		return;
	}
	if (x != NULL)
		forget(s, x);
	x = &s->ring[s->next];
	forget(s, x);
	for (size_t i = 0; i < num; i++)
		list[i] = revcheck_certs_get0(chain, i);
	if (source_index_join(s->sources, &x->answer) != 0)
		return;
	if (revcheck_certs_from_x509(&x->chain, list, num, NULL) != 0) {
		source_index_leave(s->sources, &x->answer);
		return;
	}
	x->watch = s;
	memcpy(x->id, id, ID_BYTES);
	x->bucket_next = *bucket_of(s, id);
	*bucket_of(s, id) = s->next + 1;
	x->trust = revcheck_trust_up_ref(trust);
	x->mode = mode;
	x->ends_at = chain_ends_at(chain);
	rest(s, x, report);
	s->next = (s->next + 1) % SESSION_WATCH_MAX;
	if (s->used < SESSION_WATCH_MAX)
		s->used++;
}

void
session_watch_each(const struct session_watch *s,
    void (*fn)(void *arg, const struct revcheck_certs *chain,
	struct revcheck_trust *trust),
    void *arg)
{
	for (size_t i = 0; i < s->used; i++)
		if (s->ring[i].chain != NULL)
			fn(arg, s->ring[i].chain, s->ring[i].trust);
}

void
session_watch_told(
    struct session_watch *s, const unsigned char *source, uint64_t change)
{
	source_box_put(&s->told, source, change);
	event_active(s->changed, EV_READ, 0);
}

static void
tell(struct session_watch *s)
{
	struct session_watch_waiter *w = s->waiters, *next;

	s->waiters = NULL;
	for (; w != NULL; w = next) {
		next = w->next;
		w->fn(w->arg);
		free(w);
	}
}

/* Into the ring; takes e over. */
static void
number_event(struct session_watch *s, struct withdrawn *e, uint64_t number)
{
	struct withdrawn *to =
	    &s->events[s->num_events++ % SESSION_WATCH_MAX_EVENTS];

	withdrawn_cleanup(to);
	*to = *e;
	to->number = number > s->last ? number : s->last + 1;
	s->last = to->number;
	*e = (struct withdrawn){.number = 0};
	tell(s);
}

/* Nobody has given it a number. */
static void
on_held_too_long(evutil_socket_t fd, short what, void *arg)
{
	struct held *h = arg, **p = &h->watch->held;

	(void)fd, (void)what;
	number_event(h->watch, &h->event, 0);
	while (*p != h)
		p = &(*p)->next;
	held_free(p);
}

/* Takes e over. False: it is to have its number now. */
static bool
hold(struct session_watch *s, struct withdrawn *e)
{
	const struct timeval limit = {.tv_sec = HELD_SEC};
	const struct session_event shared = {.leaf = e->id,
	    .at = e->at,
	    .reason = e->reason,
	    .report = e->report};
	struct held *h;

	if (s->share == NULL || !s->share(s->share_arg, &shared) ||
	    (h = calloc(1, sizeof(*h))) == NULL)
		return false;
	h->watch = s;
	h->next = s->held;
	s->held = h;
	h->timer = evtimer_new(s->services->base, on_held_too_long, h);
	if (h->timer == NULL || evtimer_add(h->timer, &limit) != 0) {
		held_free(&s->held);
		return false;
	}
	h->event = *e;
	*e = (struct withdrawn){.number = 0};
	return true;
}

static void
withdraw(
    struct session_watch *s, struct session *x, struct revcheck_report *report)
{
	struct withdrawn e = {.at = wall_clock_now(s->services->clock),
	    .reason = strdup(revcheck_report_text(report)),
	    .report = revcheck_report_json(report, 0)};

	text_hex(e.id, x->id, ID_BYTES);
	log_line(s->services->log, LOG_LEVEL_WARN,
	    "session withdrawn: %s (leaf_sha256=%s)",
	    revcheck_report_text(report), e.id);
	forget(s, x);
	if (!hold(s, &e))
		number_event(s, &e, 0);
}

static bool
is_event(const struct withdrawn *w, const struct session_event *e)
{
	return w->at == e->at && strcmp(w->id, e->leaf) == 0;
}

void
session_watch_share(struct session_watch *s,
    bool (*fn)(void *arg, const struct session_event *e), void *arg)
{
	s->share = fn;
	s->share_arg = arg;
}

void
session_watch_add(
    struct session_watch *s, uint64_t number, const struct session_event *e)
{
	struct withdrawn w = {.at = e->at};
	struct held **p = &s->held;

	for (size_t i = 0; i < SESSION_WATCH_MAX_EVENTS; i++)
		if (is_event(&s->events[i], e))
			return;
	while (*p != NULL && !is_event(&(*p)->event, e))
		p = &(*p)->next;
	if (*p != NULL) {
		number_event(s, &(*p)->event, number);
		held_free(p);
		return;
	}
	text_copy(w.id, sizeof(w.id), e->leaf);
	w.reason = strdup(e->reason);
	w.report = e->report != NULL ? strdup(e->report) : NULL;
	number_event(s, &w, number);
}

const char *
session_watch_epoch(const struct session_watch *s)
{
	return s->epoch;
}

/*
 * Only what is known to be bad withdraws. Evidence that has merely run out is
 * not an answer: the node asks again when it matters.
 */
static void
take_report(struct session *x, struct revcheck_report *report)
{
	struct session_watch *s = x->watch;

	if (revcheck_report_allows(report) == 1 ||
	    revcheck_report_status(report) == REVCHECK_UNKNOWN) {
		rest(s, x, report);
		return;
	}
	withdraw(s, x, report);
}

static void
on_answer(void *asker, struct revcheck_report *report)
{
	take_report(asker, report);
}

static void
ask_again(struct session_watch *s, struct session *x)
{
	struct revcheck_query q = {.size = sizeof(q),
	    .chain = x->chain,
	    .trust = x->trust,
	    .mode = x->mode,
	    .flags = REVCHECK_QUERY_OFFLINE | REVCHECK_QUERY_RECHECK};
	struct revcheck_report *report = NULL;
	struct revcheck_policy p = {.size = sizeof(p)};
	struct revcheck_error ignored;
	int rc;

	revcheck_get_policy(s->services->engine, &p);
	if (p.mode == REVCHECK_MODE_OFF)
		q.mode = REVCHECK_MODE_OFF;
	chain_poll_drop(&x->item);
	rc = chain_poll_ask(
	    &s->poll, &x->item, &report, &q, on_answer, x, &ignored);
	if (rc == REVCHECK_DONE) {
		take_report(x, report);
		revcheck_report_free(report);
	} else if (rc != REVCHECK_PENDING) {
		source_index_rest(s->sources, &x->answer, NULL,
		    wall_clock_now(s->services->clock) + RETRY_SEC);
	}
}

static bool
ask_next(void *arg)
{
	struct session_watch *s = arg;
	struct source_asker *a = source_index_take(s->sources);

	if (a == NULL)
		return false;
	ask_again(s,
	    (struct session *)((char *)a - offsetof(struct session, answer)));
	return true;
}

static void
on_due(void *arg)
{
	struct session_watch *s = arg;

	chain_poll_start(&s->poll);
}

static void
on_told(evutil_socket_t fd, short what, void *arg)
{
	struct session_watch *s = arg;

	(void)fd, (void)what;
	if (source_box_take(&s->told, s->sources))
		source_index_all_due(s->sources);
}

uint64_t
session_watch_last(const struct session_watch *s)
{
	return s->last;
}

static cJSON *
event_json(const struct withdrawn *e)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "number", (double)e->number);
	json_add_time(o, "at", e->at);
	cJSON_AddStringToObject(o, "leafSha256", e->id);
	cJSON_AddStringToObject(
	    o, "reason", e->reason != NULL ? e->reason : "");
	if (e->report != NULL)
		cJSON_AddRawToObject(o, "report", e->report);
	return o;
}

/* Of those that are remembered. */
static uint64_t
first_event(const struct session_watch *s)
{
	return s->num_events > SESSION_WATCH_MAX_EVENTS
	    ? s->num_events - SESSION_WATCH_MAX_EVENTS
	    : 0;
}

void
session_watch_each_event(const struct session_watch *s,
    void (*fn)(void *arg, const struct session_event *e), void *arg)
{
	for (uint64_t n = first_event(s); n < s->num_events; n++) {
		const struct withdrawn *e =
		    &s->events[n % SESSION_WATCH_MAX_EVENTS];

		fn(arg,
		    &(struct session_event){.leaf = e->id,
			.at = e->at,
			.reason = e->reason,
			.report = e->report});
	}
}

cJSON *
session_watch_events(const struct session_watch *s, uint64_t after)
{
	cJSON *list = cJSON_CreateArray();

	for (uint64_t n = first_event(s); n < s->num_events; n++) {
		const struct withdrawn *e =
		    &s->events[n % SESSION_WATCH_MAX_EVENTS];

		if (e->number > after)
			cJSON_AddItemToArray(list, event_json(e));
	}
	return list;
}

struct session_watch_waiter *
session_watch_wait(struct session_watch *s, void (*fn)(void *arg), void *arg)
{
	struct session_watch_waiter *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->fn = fn;
	w->arg = arg;
	w->next = s->waiters;
	s->waiters = w;
	return w;
}

void
session_watch_wait_cancel(
    struct session_watch *s, struct session_watch_waiter *w)
{
	struct session_watch_waiter **p = &s->waiters;

	while (*p != NULL && *p != w)
		p = &(*p)->next;
	if (*p != NULL) {
		*p = w->next;
		free(w);
	}
}

size_t
session_watch_num(const struct session_watch *s)
{
	size_t num = 0;

	for (size_t i = 0; i < s->used; i++)
		num += s->ring[i].chain != NULL;
	return num;
}
