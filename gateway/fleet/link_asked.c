/*
 * link_asked: the requests of a link: they wait for a connection, are asked
 * again where that is safe, and are told from an event of their own.
 */
#include "gateway/fleet/link_internal.h"

#include <stdlib.h>
#include <string.h>

#include "cache/base/clock.h"
#include "cache/base/text.h"

static void
asked_free(struct asked *w)
{
	*w->prev = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	w->link->num_asked--;
	if (w->deadline != NULL)
		event_free(w->deadline);
	for (size_t i = 0; w->compare != NULL && i < w->num_compare; i++)
		free((char *)w->compare[i].key);
	for (size_t i = 0; w->op != NULL && i < w->num_op; i++) {
		free((char *)w->op[i].key);
		free((uint8_t *)w->op[i].value);
	}
	free(w->compare);
	free(w->op);
	free(w->key);
	free(w->after);
	free(w);
}

static void
tell_soon(struct fleet_link *l)
{
	event_active(l->soon, EV_TIMEOUT, 0);
}

/* To be told from the loop. */
static void
end(struct asked *w, enum engine_result result, const char *why)
{
	w->over = true;
	w->flying = false;
	w->result = result;
	text_copy(w->why, sizeof(w->why), why);
	tell_soon(w->link);
}

const char *
fleet_ask_text(enum fleet_ask what)
{
	static const char *const texts[FLEET_NUM_ASKS] = {
	    [FLEET_ASK_GET] = "get",
	    [FLEET_ASK_LIST] = "list",
	    [FLEET_ASK_TXN] = "txn",
	    [FLEET_ASK_LEASE] = "lease",
	    [FLEET_ASK_KEEPALIVE] = "keepalive",
	    [FLEET_ASK_REVOKE] = "revoke",
	};

	return texts[what];
}

static void
count(const struct asked *w, enum engine_result result)
{
	static const unsigned bounds[FLEET_NUM_TOOK - 1] = FLEET_TOOK_MS;
	struct fleet_link_stats *s = &w->link->stats;
	uint64_t ms = clock_mono_ms() - w->begun_ms;
	size_t i = 0;

	while (i < FLEET_NUM_TOOK - 1 && ms > bounds[i])
		i++;
	s->took[i]++;
	s->took_ms += ms;
	s->requests[w->kind][result]++;
}

static void
tell(struct asked *w, const struct engine_answer *a)
{
	engine_done_fn *done = w->done;
	void *arg = w->arg;

	count(w, a->result);
	asked_free(w);
	done(arg, a);
}

/* Its time is over, and it has not been asked, or was not answered. */
static void
deadline_due(evutil_socket_t fd, short what, void *arg)
{
	struct asked *w = arg;

	if (!w->flying && !w->over)
		end(w, ENGINE_AWAY,
		    w->link->why[0] != '\0' ? w->link->why
					    : "nobody is connected yet");
}

/* Sending. */

static void
answered(void *arg, const struct engine_answer *a)
{
	struct asked *w = arg;
	struct fleet_link *l = w->link;

	link_enter(l);
	w->flying = false;
	/*
	 * Asked again when the connection, or the next beat, has an answer;
	 * not at once: what has just failed fails again.
	 */
	if (clock_mono_ms() < w->until_ms &&
	    (a->result == ENGINE_AWAY ||
		(a->result == ENGINE_UNKNOWN && w->read)))
		text_copy(w->why, sizeof(w->why), a->why);
	else
		tell(w, a);
	link_leave(l);
}

static void
send_one(struct asked *w)
{
	struct engine *e = w->link->engine;
	uint64_t now = clock_mono_ms();
	struct fleet_op get = {.kind = FLEET_OP_GET, .key = w->key};

	unsigned left = w->until_ms > now ? (unsigned)(w->until_ms - now) : 1;

	w->flying = true;
	switch (w->kind) {
	case FLEET_ASK_GET:
		if (w->linearizable)
			engine_txn(e, NULL, 0, &get, 1, left, answered, w);
		else
			engine_get(e, w->key, false, answered, w);
		break;
	case FLEET_ASK_LIST:
		engine_list(e, w->key, w->after, 0, w->number, answered, w);
		break;
	case FLEET_ASK_TXN:
		engine_txn(e, w->compare, w->num_compare, w->op, w->num_op,
		    left, answered, w);
		break;
	case FLEET_ASK_LEASE:
		engine_lease(e, w->number, answered, w);
		break;
	case FLEET_ASK_KEEPALIVE:
		engine_keepalive(e, w->lease, answered, w);
		break;
	case FLEET_ASK_REVOKE:
		engine_revoke(e, w->lease, answered, w);
		break;
	case FLEET_NUM_ASKS:
		break;
	}
}

void
link_flush(struct fleet_link *l)
{
	tell_soon(l);
}

/* What is over is told; what waits is sent, where it can be. */
void
link_tell(evutil_socket_t fd, short what, void *arg)
{
	struct fleet_link *l = arg;
	char why[sizeof(((struct asked *)NULL)->why)];
	struct engine_answer a = {.why = why};
	struct asked *w;

	link_enter(l);
	do {
		for (w = l->first; w != NULL && !w->over; w = w->next)
			;
		if (w != NULL) {
			/* It is gone when it is told. */
			memcpy(why, w->why, sizeof(why));
			a.result = w->result;
			tell(w, &a);
		}
	} while (w != NULL && !l->dead);
	for (w = l->first; w != NULL && !l->dead && l->answering;) {
		struct asked *next = w->next;

		if (!w->flying && !w->over)
			send_one(w);
		w = next;
	}
	link_leave(l);
}

void
link_ground(struct fleet_link *l)
{
	for (struct asked *w = l->first; w != NULL; w = w->next) {
		if (w->flying && w->read)
			w->flying = false;
		else if (w->flying)
			end(w, ENGINE_UNKNOWN,
			    "the connection ended before the answer");
		/* One that flew past its deadline waits for nobody. */
		if (!w->over && clock_mono_ms() >= w->until_ms)
			end(w, ENGINE_AWAY, l->why);
	}
}

void
link_forget(struct fleet_link *l)
{
	/* Unlinks what is freed: *prev of the first is l's. */
	while (l->first != NULL)
		asked_free(l->first); /* NOLINT(clang-analyzer-unix.Malloc) */
}

/* Asking. */

/* NULL: said already that it cannot be. */
static struct asked *
asked_new(struct fleet_link *l, bool read, engine_done_fn *done, void *arg)
{
	struct asked *w = NULL, **at = &l->first;

	if (l->num_asked < FLEET_LINK_MAX_WAITING)
		w = calloc(1, sizeof(*w));
	if (w == NULL) {
		done(arg,
		    &(struct engine_answer){.result = ENGINE_AWAY,
			.why = "too many requests are waiting"});
		return NULL;
	}
	while (*at != NULL)
		at = &(*at)->next;
	w->prev = at;
	*at = w;
	l->num_asked++;
	w->link = l;
	w->read = read;
	w->done = done;
	w->arg = arg;
	w->begun_ms = clock_mono_ms();
	w->until_ms = w->begun_ms + l->timeout_ms;
	return w;
}

/* ok: all of it could be copied. */
static void
ask(struct asked *w, bool ok)
{
	struct timeval tv = clock_timeval(w->link->timeout_ms);

	w->deadline = evtimer_new(w->link->base, deadline_due, w);
	if (!ok || w->deadline == NULL || evtimer_add(w->deadline, &tv) != 0)
		end(w, ENGINE_AWAY, "out of memory");
	else if (w->link->answering)
		send_one(w);
}

void
fleet_link_get(struct fleet_link *l, const char *key, bool linearizable,
    engine_done_fn *done, void *arg)
{
	struct asked *w = asked_new(l, true, done, arg);

	if (w == NULL)
		return;
	w->kind = FLEET_ASK_GET;
	w->linearizable = linearizable;
	w->key = strdup(key);
	ask(w, w->key != NULL);
}

void
fleet_link_list(struct fleet_link *l, const char *below, const char *after,
    unsigned limit, engine_done_fn *done, void *arg)
{
	struct asked *w = asked_new(l, true, done, arg);
	bool ok = true;

	if (w == NULL)
		return;
	w->kind = FLEET_ASK_LIST;
	w->number = limit;
	w->key = strdup(below);
	w->after = text_dup(after, &ok);
	ask(w, ok && w->key != NULL);
}

static bool
copy_compares(struct asked *w, const struct fleet_compare *compare, size_t num)
{
	bool ok = true;

	if (num == 0)
		return true;
	w->compare = calloc(num, sizeof(*compare));
	if (w->compare == NULL)
		return false;
	w->num_compare = num;
	for (size_t i = 0; i < num; i++) {
		w->compare[i].revision = compare[i].revision;
		w->compare[i].key = strdup(compare[i].key);
		ok = ok && w->compare[i].key != NULL;
	}
	return ok;
}

static bool
copy_ops(struct asked *w, const struct fleet_op *op, size_t num)
{
	bool ok = true;

	if (num == 0)
		return true;
	w->op = calloc(num, sizeof(*op));
	if (w->op == NULL)
		return false;
	w->num_op = num;
	for (size_t i = 0; i < num; i++) {
		uint8_t *value = malloc(op[i].len + 1);

		if (value != NULL && op[i].len > 0)
			memcpy(value, op[i].value, op[i].len);
		w->op[i] = op[i];
		w->op[i].value = value;
		w->op[i].key = strdup(op[i].key);
		w->read = w->read && op[i].kind == FLEET_OP_GET;
		ok = ok && w->op[i].key != NULL && value != NULL;
	}
	return ok;
}

void
fleet_link_txn(struct fleet_link *l, const struct fleet_compare *compare,
    size_t num_compare, const struct fleet_op *op, size_t num_op,
    engine_done_fn *done, void *arg)
{
	struct asked *w = asked_new(l, true, done, arg);
	bool ok;

	if (w == NULL)
		return;
	w->kind = FLEET_ASK_TXN;
	ok = copy_compares(w, compare, num_compare);
	ok = copy_ops(w, op, num_op) && ok;
	ask(w, ok);
}

/* A lease that nobody knows of ends by itself: it may be asked for twice. */
void
fleet_link_lease(
    struct fleet_link *l, unsigned ttl_sec, engine_done_fn *done, void *arg)
{
	struct asked *w = asked_new(l, true, done, arg);

	if (w == NULL)
		return;
	w->kind = FLEET_ASK_LEASE;
	w->number = ttl_sec;
	ask(w, true);
}

void
fleet_link_keepalive(
    struct fleet_link *l, int64_t lease, engine_done_fn *done, void *arg)
{
	struct asked *w = asked_new(l, true, done, arg);

	if (w == NULL)
		return;
	w->kind = FLEET_ASK_KEEPALIVE;
	w->lease = lease;
	ask(w, true);
}

void
fleet_link_revoke(
    struct fleet_link *l, int64_t lease, engine_done_fn *done, void *arg)
{
	struct asked *w = asked_new(l, true, done, arg);

	if (w == NULL)
		return;
	w->kind = FLEET_ASK_REVOKE;
	w->lease = lease;
	ask(w, true);
}
