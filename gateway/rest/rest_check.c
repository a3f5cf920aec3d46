/*
 * rest_check: session checks over REST, one by one or many at once, and the
 * events that tell a node when an answer does not hold any more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "gateway/control/control.h"
#include "gateway/base/json.h"
#include "gateway/control/fleet_join.h"
#include "gateway/rest/rest_routes.h"
#include "gateway/sessions/chain_cache.h"
#include "gateway/sessions/session_check.h"
#include "gateway/sessions/session_watch.h"

#define MAX_BATCH         1000
#define MAX_EVENT_WAIT_MS 600000
#define EVENT_WAIT_MS     30000

static void
refuse(struct rest_request *req, const struct err *err)
{
	if (err->code == E_PARSE)
		rest_reply_error(req, 400, "Invalid input data.", "cause",
		    "request", "reason", err->msg, NULL);
	else
		rest_reply_error(req, 500, "Internal server error.", "reason",
		    err->msg, NULL);
}

/* One. */

struct pending {
	struct rest_request *req;
	struct session_check *check;
	struct session_checker checker; /* with chains, where there are any */
	struct chain_cache *chains;     /* or NULL: those of all requests */
};

static void
pending_free(struct pending *p)
{
	chain_cache_free(p->chains);
	free(p);
}

static void
on_answer(void *arg, cJSON *answer)
{
	struct pending *p = arg;
	struct rest_request *req = p->req;

	pending_free(p);
	rest_reply_json(req, 200, answer);
}

static void
on_cancel(void *arg)
{
	struct pending *p = arg;

	session_check_cancel(p->check);
	pending_free(p);
}

/* p is given over. */
static void
pending_ask(struct pending *p, struct rest_request *req)
{
	cJSON *body, *answer;
	struct err err;
	int rc;

	body = rest_body_object(req);
	if (body == NULL) {
		pending_free(p);
		return;
	}
	p->req = req;
	rc = session_check_start(&p->check, &answer, &p->checker, body,
	    req->address, control_patience_ms(req->services->control),
	    on_answer, p, &err);
	cJSON_Delete(body);
	if (rc == 1) {
		rest_request_defer(req, on_cancel, p);
		return;
	}
	pending_free(p);
	if (rc == 0)
		rest_reply_json(req, 200, answer);
	else
		refuse(req, &err);
}

static void
post_check(struct rest_request *req)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		rest_reply_json(req, 500, NULL);
		return;
	}
	p->checker = req->services->checker;
	pending_ask(p, req);
}

/* The same, where no anchors are named by those that TLS peers come under. */
static void
post_page_check(struct rest_request *req)
{
	struct pending *p = calloc(1, sizeof(*p));
	struct err err;

	if (p == NULL || chain_cache_new(&p->chains, &err) != 0) {
		free(p);
		rest_reply_json(req, 500, NULL);
		return;
	}
	chain_cache_set_trust(
	    p->chains, control_conf(req->services->control)->trust);
	p->checker = req->services->checker;
	p->checker.chains = p->chains;
	pending_ask(p, req);
}

/* Many. */

struct batch {
	struct rest_request *req;
	size_t num, waiting;
	bool starting; /* answers that come now do not end it yet */
	struct batch_item {
		struct batch *batch;
		struct session_check *check; /* while it waits */
		cJSON *answer;
	} items[];
};

static void
batch_free(struct batch *b)
{
	for (size_t i = 0; i < b->num; i++) {
		session_check_cancel(b->items[i].check);
		cJSON_Delete(b->items[i].answer);
	}
	free(b);
}

static void
on_batch_cancel(void *arg)
{
	batch_free(arg);
}

static void
batch_finish(struct batch *b)
{
	struct rest_request *req = b->req;
	cJSON *o = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(o, "results");

	for (size_t i = 0; i < b->num; i++) {
		cJSON_AddItemToArray(list, b->items[i].answer);
		b->items[i].answer = NULL;
	}
	batch_free(b);
	rest_reply_json(req, 200, o);
}

static void
on_batch_answer(void *arg, cJSON *answer)
{
	struct batch_item *item = arg;
	struct batch *b = item->batch;

	item->check = NULL;
	item->answer = answer;
	if (--b->waiting == 0 && !b->starting)
		batch_finish(b);
}

/* A part that cannot be asked is an error in its place, not of the whole. */
static cJSON *
error_json(const struct err *err)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *error = cJSON_AddObjectToObject(o, "error");

	cJSON_AddStringToObject(error, "title",
	    err->code == E_PARSE ? "Invalid input data."
				 : "Internal server error.");
	cJSON_AddStringToObject(error, "reason", err->msg);
	return o;
}

static void
batch_start(struct batch *b, const cJSON *checks)
{
	struct rest_request *req = b->req;
	const cJSON *check;
	size_t i = 0;
	struct err err;

	cJSON_ArrayForEach(check, checks)
	{
		struct batch_item *item = &b->items[i++];
		int rc;

		item->batch = b;
		rc = session_check_start(&item->check, &item->answer,
		    &req->services->checker, check, req->address,
		    control_patience_ms(req->services->control),
		    on_batch_answer, item, &err);
		if (rc == 1)
			b->waiting++;
		else if (rc != 0)
			item->answer = error_json(&err);
	}
	b->starting = false;
	if (b->waiting == 0)
		batch_finish(b);
	else
		rest_request_defer(req, on_batch_cancel, b);
}

static void
post_batch(struct rest_request *req)
{
	cJSON *body = rest_body_object(req);
	const cJSON *checks = json_get(body, "checks");
	int num = cJSON_GetArraySize(checks);
	struct batch *b;

	if (body == NULL)
		return;
	if (!cJSON_IsArray(checks) || num < 1 || num > MAX_BATCH) {
		rest_reply_error(req, 400, "Invalid input data.", "cause",
		    "checks", "reason",
		    "checks: expected an array of 1 to 1000 checks", NULL);
		cJSON_Delete(body);
		return;
	}
	b = calloc(1, sizeof(*b) + (size_t)num * sizeof(b->items[0]));
	if (b == NULL) {
		rest_reply_json(req, 500, NULL);
	} else {
		b->req = req;
		b->num = (size_t)num;
		b->starting = true;
		batch_start(b, checks);
	}
	cJSON_Delete(body);
}

/* Events. */

struct listener {
	struct rest_request *req;
	struct session_watch_waiter *waiter; /* NULL once it was called */
	struct event *timer;
	uint64_t after;
};

static void
listener_free(struct listener *l)
{
	if (l->waiter != NULL)
		session_watch_wait_cancel(
		    l->req->services->checker.watch, l->waiter);
	if (l->timer != NULL)
		event_free(l->timer);
	free(l);
}

/* Another one: who watched the caller's sessions is gone, or numbers are. */
static void
add_epoch(cJSON *o, const struct rest_request *req)
{
	const struct fleet_join *fleet = req->services->fleet;
	char text[64];

	snprintf(text, sizeof(text), "%s-%lld",
	    session_watch_epoch(req->services->checker.watch),
	    fleet != NULL ? (long long)fleet_join_filled(fleet) : 0);
	cJSON_AddStringToObject(o, "epoch", text);
}

static void
reply_events(struct rest_request *req, uint64_t after)
{
	struct session_watch *s = req->services->checker.watch;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "events", session_watch_events(s, after));
	cJSON_AddNumberToObject(o, "next", (double)session_watch_last(s));
	add_epoch(o, req);
	rest_reply_json(req, 200, o);
}

static void
listener_answer(struct listener *l)
{
	struct rest_request *req = l->req;
	uint64_t after = l->after;

	listener_free(l);
	reply_events(req, after);
}

static void
on_event(void *arg)
{
	struct listener *l = arg;

	l->waiter = NULL;
	listener_answer(l);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	listener_answer(arg);
}

static void
on_listener_cancel(void *arg)
{
	listener_free(arg);
}

/* A query parameter; false when it is not a whole number up to max. */
static bool
number(struct rest_request *req, const char *name, uint64_t max, uint64_t *out)
{
	char *text = rest_query(req, name), *end;
	bool ok = true;

	if (text != NULL) {
		*out = strtoull(text, &end, 10);
		ok =
		    *text >= '0' && *text <= '9' && *end == '\0' && *out <= max;
	}
	free(text);
	return ok;
}

/*
 * Waits until there is something after `after` (by default: after now), or
 * timeoutMs have passed.
 */
static void
get_events(struct rest_request *req)
{
	struct session_watch *s = req->services->checker.watch;
	uint64_t after = session_watch_last(s), ms = EVENT_WAIT_MS;
	struct timeval tv;
	struct listener *l;

	if (!number(req, "after", INT64_MAX, &after) ||
	    !number(req, "timeoutMs", MAX_EVENT_WAIT_MS, &ms)) {
		rest_reply_error(req, 400, "Invalid input data.", "cause",
		    "query", "reason",
		    "after and timeoutMs (at most 600000) must be whole "
		    "numbers",
		    NULL);
		return;
	}
	/* A number of before a restart is of no use: begin anew. */
	if (after > session_watch_last(s))
		after = 0;
	if (after < session_watch_last(s) || ms == 0) {
		reply_events(req, after);
		return;
	}
	l = calloc(1, sizeof(*l));
	if (l != NULL) {
		l->req = req;
		l->after = after;
		l->waiter = session_watch_wait(s, on_event, l);
		l->timer = evtimer_new(req->core->base, on_timeout, l);
	}
	if (l == NULL || l->waiter == NULL || l->timer == NULL) {
		if (l != NULL)
			listener_free(l);
		rest_reply_json(req, 500, NULL);
		return;
	}
	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	event_add(l->timer, &tv);
	rest_request_defer(req, on_listener_cancel, l);
}

const struct rest_route rest_check_routes[] = {
    {REST_POST, "revocation/check", CONF_ROLE_CHECK | CONF_ROLE_OPERATE,
	post_check},
    {REST_POST, "ui/check", CONF_ROLE_CHECK | CONF_ROLE_OPERATE,
	post_page_check},
    {REST_POST, "revocation/check/batch", CONF_ROLE_CHECK | CONF_ROLE_OPERATE,
	post_batch},
    {REST_GET, "revocation/events",
	CONF_ROLE_CHECK | CONF_ROLE_READ | CONF_ROLE_OPERATE, get_events},
    {.fn = NULL}};
