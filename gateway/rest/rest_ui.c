/*
 * rest_ui: everything that the status page shows, in one answer: at most 50
 * rows a list, and nothing that looks into a CRL. The workers are asked for who
 * is in; all else is put together when they have answered.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/certwatch/certwatch_report.h"
#include "gateway/control/control.h"
#include "gateway/control/loose.h"
#include "gateway/control/warmup_report.h"
#include "gateway/dataplane/workers.h"
#include "gateway/observe/decision_ring.h"
#include "gateway/rest/conn_report.h"
#include "gateway/rest/doorman_report.h"
#include "gateway/rest/fleet_report.h"
#include "gateway/rest/rest_params.h"
#include "gateway/rest/rest_routes.h"
#include "gateway/rest/source_report.h"
#include "gateway/rest/status_report.h"
#include "gateway/state/denylist.h"

#define ROWS_MAX 50

/*
 * The whole answer. Names and URLs have the length that others gave them, so
 * each list ends where the room does; evidence of decisions has what is left.
 */
#define STATE_BYTES ((size_t)95000)

/* What each list may have at the least, in the order they are made. */
enum list {
	LIST_SOURCES,
	LIST_CONNECTIONS,
	LIST_DENYLIST,
	LIST_IDENTITIES,
	LIST_DECISIONS,
	NUM_LISTS
};
static const size_t least[NUM_LISTS] = {16000, 16000, 6000, 6000, 20000};

struct state {
	struct rest_request *req;
	struct conn_query *query;
	uint64_t after; /* decisions */
	size_t room;    /* bytes that are left */
};

static size_t
bytes_of(const cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o);
	size_t len = text != NULL ? strlen(text) : STATE_BYTES;

	cJSON_free(text);
	return len;
}

/* The first rows of a list, as many as there is room for. */
static void
fit(struct state *s, enum list which, cJSON *list)
{
	size_t max = s->room, used = 0;
	cJSON *row = list != NULL ? list->child : NULL, *next;

	for (enum list l = which + 1; l < NUM_LISTS; l++)
		max -= max < least[l] ? max : least[l];
	for (; row != NULL; row = next) {
		next = row->next;
		used += used <= max ? bytes_of(row) + 1 : 0;
		if (used > max)
			cJSON_Delete(cJSON_DetachItemViaPointer(list, row));
	}
	if (used > max)
		used = max;
	s->room -= used;
}

static void
add_user(cJSON *o, const struct rest_request *req)
{
	static const struct {
		unsigned role;
		const char *name;
	} roles[] = {{CONF_ROLE_READ, "read"}, {CONF_ROLE_OPERATE, "operate"},
	    {CONF_ROLE_CHECK, "check"}};
	cJSON *user = cJSON_AddObjectToObject(o, "user"), *list;

	cJSON_AddStringToObject(user, "name", req->user);
	list = cJSON_AddArrayToObject(user, "roles");
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (req->roles & roles[i].role)
			cJSON_AddItemToArray(
			    list, cJSON_CreateString(roles[i].name));
}

/* What lets in unasked is for the page to show in red. */
static void
add_loose(cJSON *o, const struct rest_services *services)
{
	const struct loose *l = control_loose(services->control);
	cJSON *list = cJSON_AddArrayToObject(o, "loose");
	char text[LOOSE_TEXT_SIZE];

	for (enum loose_kind k = 0; k < LOOSE_NUM; k++)
		if (loose_text(l, k, text, sizeof(text)))
			cJSON_AddItemToArray(list, cJSON_CreateString(text));
}

static void
add_warm_up(cJSON *o, const struct rest_services *services)
{
	struct warmup_state warm;
	cJSON *part;

	warmup_get(control_warmup(services->control), &warm);
	part = warmup_report_json(&warm);
	cJSON_AddItemToObject(
	    o, "warmUp", part != NULL ? part : cJSON_CreateNull());
}

/* The rows first, so that it is known what room their evidence has. */
static void
add_decisions(cJSON *o, struct state *s)
{
	struct decision_ring *ring = s->req->services->checker.decisions;
	struct decision_filter f = {
	    .after = s->after, .max = ROWS_MAX, .report_bytes = 1};
	cJSON *part = cJSON_AddObjectToObject(o, "decisions"), *rows;

	cJSON_AddNumberToObject(part, "last", (double)decision_ring_last(ring));
	rows = decision_ring_json(ring, &f);
	fit(s, LIST_DECISIONS, rows);
	f.max = (size_t)cJSON_GetArraySize(rows);
	if (f.max > 0 && s->room > 0) {
		f.report_bytes = s->room;
		cJSON_Delete(rows);
		rows = decision_ring_json(ring, &f);
	}
	cJSON_AddItemToObject(part, "rows", rows);
}

static void
add_connections(cJSON *o, struct state *s, const struct conn_answer *a)
{
	cJSON *part = cJSON_AddObjectToObject(o, "connections"), *by, *rows;
	size_t num = 0;

	by = cJSON_CreateObject();
	for (unsigned i = 0; i < DECISION_NUM_STATUSES; i++) {
		num += a->by_status[i];
		if (a->by_status[i] > 0)
			cJSON_AddNumberToObject(by, decision_status_name(i),
			    (double)a->by_status[i]);
	}
	cJSON_AddNumberToObject(part, "num", (double)num);
	cJSON_AddNumberToObject(
	    part, "notGood", (double)(num - a->by_status[REVCHECK_GOOD]));
	cJSON_AddItemToObject(part, "byStatus", by);
	rows = conn_report_rows(a);
	fit(s, LIST_CONNECTIONS, rows);
	cJSON_AddItemToObject(part, "rows", rows);
}

static void
add_sources(cJSON *o, struct state *state)
{
	const struct source_filter f = {.max = ROWS_MAX};
	cJSON *part = cJSON_AddObjectToObject(o, "sources"), *by;
	struct source_report r;

	source_report_make(&r, state->req->core->engine, &f);
	cJSON_AddNumberToObject(part, "num", (double)r.num);
	by = cJSON_AddObjectToObject(part, "byState");
	for (enum source_state s = 0; s < SOURCE_NUM_STATES; s++)
		cJSON_AddNumberToObject(
		    by, source_state_name(s), (double)r.by_state[s]);
	fit(state, LIST_SOURCES, r.rows);
	cJSON_AddItemToObject(part, "rows", r.rows);
}

static void
add_denylist(cJSON *o, struct state *s)
{
	const struct denylist *denylist = s->req->services->denylist;
	cJSON *part = cJSON_AddObjectToObject(o, "denylist"), *rows;

	cJSON_AddNumberToObject(part, "num", (double)denylist_num(denylist));
	rows = denylist_newest_json(denylist, ROWS_MAX);
	fit(s, LIST_DENYLIST, rows);
	cJSON_AddItemToObject(part, "rows", rows);
}

static bool
wants_a_look(const cJSON *identity)
{
	const char *status = json_get_string(identity, "status");
	const char *expiry = json_get_string(identity, "expiry");

	return status == NULL || strcmp(status, "good") != 0 ||
	    expiry == NULL || strcmp(expiry, "far") != 0;
}

/* Those first that are not simply good. */
static void
add_identities(cJSON *o, struct state *s)
{
	const struct rest_services *services = s->req->services;
	cJSON *all = certwatch_report_json(services->certwatch), *item, *next;
	cJSON *list = cJSON_AddArrayToObject(o, "identities");

	cJSON_AddNumberToObject(o, "identitiesNum", cJSON_GetArraySize(all));
	for (int turn = 0; all != NULL && turn < 2; turn++)
		for (item = all->child; item != NULL; item = next) {
			next = item->next;
			if (cJSON_GetArraySize(list) < ROWS_MAX &&
			    (turn == 1 || wants_a_look(item)))
				cJSON_AddItemToArray(list,
				    cJSON_DetachItemViaPointer(all, item));
		}
	fit(s, LIST_IDENTITIES, list);
	cJSON_Delete(all);
}

static void
on_answered(void *arg, const struct conn_answer *answer)
{
	struct state *s = arg;
	struct rest_request *req = s->req;
	cJSON *o = cJSON_CreateObject(), *process;

	json_add_time(o, "at", time(NULL));
	add_user(o, req);
	process = cJSON_AddObjectToObject(o, "process");
	status_add_process(process, req);
	status_add_ready(o, req);
	add_loose(o, req->services);
	status_add_modes(o, req->services);
	add_warm_up(o, req->services);
	cJSON_AddItemToObject(o, "summary", status_summary(req));
	cJSON_AddItemToObject(o, "minutes", status_minutes(req->services));
	cJSON_AddItemToObject(
	    o, "configuration", status_sections(req->services));
	doorman_report_add(o, req->services->doorman);
	if (req->services->fleet != NULL)
		cJSON_AddItemToObject(o, "fleet",
		    fleet_report_json(req->services->fleet, ROWS_MAX));
	s->room = bytes_of(o);
	s->room = s->room < STATE_BYTES ? STATE_BYTES - s->room : 0;
	add_sources(o, s);
	add_connections(o, s, answer);
	add_denylist(o, s);
	add_identities(o, s);
	add_decisions(o, s);
	rest_reply_json(req, 200, o);
	free(s);
}

static void
on_cancel(void *arg)
{
	struct state *s = arg;

	conn_query_cancel(s->query);
	free(s);
}

static void
get_state(struct rest_request *req)
{
	/* All but those who are known good. */
	const struct conn_question q = {.max = ROWS_MAX,
	    .statuses =
		((1U << DECISION_NUM_STATUSES) - 1) & ~(1U << REVCHECK_GOOD)};
	struct state *s = calloc(1, sizeof(*s));
	struct err err;

	if (s == NULL) {
		rest_reply_json(req, 500, NULL);
		return;
	}
	s->req = req;
	if (!rest_param_number(req, "after", &s->after)) {
		free(s);
		return;
	}
	if (workers_ask(req->services->workers, req->core->base, &q,
		on_answered, s, &s->query, &err) != 0) {
		free(s);
		rest_reply_json(req, 500, NULL);
		return;
	}
	rest_request_defer(req, on_cancel, s);
}

const struct rest_route rest_ui_routes[] = {
    {REST_GET, "ui/state", CONF_ROLE_READ, get_state}, {.fn = NULL}};
