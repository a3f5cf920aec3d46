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
/* All but evidence of decisions is made first; that has the room left here. */
#define STATE_BYTES        ((size_t)90 * 1024)
#define DECISION_ROW_BYTES ((size_t)400)

struct state {
	struct rest_request *req;
	struct conn_query *query;
	uint64_t after; /* decisions */
};

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

static void
add_decisions(cJSON *o, const struct rest_services *services, uint64_t after)
{
	struct decision_ring *ring = services->checker.decisions;
	struct decision_filter f = {
	    .after = after, .max = ROWS_MAX, .report_bytes = 1};
	char *so_far = cJSON_PrintUnformatted(o);
	size_t len = so_far != NULL ? strlen(so_far) : STATE_BYTES;
	cJSON *part = cJSON_AddObjectToObject(o, "decisions");

	cJSON_free(so_far);
	len += ROWS_MAX * DECISION_ROW_BYTES;
	if (len < STATE_BYTES)
		f.report_bytes = STATE_BYTES - len;
	cJSON_AddNumberToObject(part, "last", (double)decision_ring_last(ring));
	cJSON_AddItemToObject(part, "rows", decision_ring_json(ring, &f));
}

static void
add_connections(cJSON *o, const struct conn_answer *a)
{
	cJSON *part = cJSON_AddObjectToObject(o, "connections"), *by;
	size_t num = 0;

	by = cJSON_CreateObject();
	for (unsigned s = 0; s < DECISION_NUM_STATUSES; s++) {
		num += a->by_status[s];
		if (a->by_status[s] > 0)
			cJSON_AddNumberToObject(by, decision_status_name(s),
			    (double)a->by_status[s]);
	}
	cJSON_AddNumberToObject(part, "num", (double)num);
	cJSON_AddNumberToObject(
	    part, "notGood", (double)(num - a->by_status[REVCHECK_GOOD]));
	cJSON_AddItemToObject(part, "byStatus", by);
	cJSON_AddItemToObject(part, "rows", conn_report_rows(a));
}

static void
add_sources(cJSON *o, const struct rest_request *req)
{
	const struct source_filter f = {.max = ROWS_MAX};
	cJSON *part = cJSON_AddObjectToObject(o, "sources"), *by;
	struct source_report r;

	source_report_make(&r, req->core->engine, &f);
	cJSON_AddNumberToObject(part, "num", (double)r.num);
	by = cJSON_AddObjectToObject(part, "byState");
	for (enum source_state s = 0; s < SOURCE_NUM_STATES; s++)
		cJSON_AddNumberToObject(
		    by, source_state_name(s), (double)r.by_state[s]);
	cJSON_AddItemToObject(part, "rows", r.rows);
}

static void
add_denylist(cJSON *o, const struct rest_services *services)
{
	cJSON *part = cJSON_AddObjectToObject(o, "denylist");

	cJSON_AddNumberToObject(
	    part, "num", (double)denylist_num(services->denylist));
	cJSON_AddItemToObject(
	    part, "rows", denylist_newest_json(services->denylist, ROWS_MAX));
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
add_identities(cJSON *o, const struct rest_services *services)
{
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
	add_sources(o, req);
	add_connections(o, answer);
	add_denylist(o, req->services);
	add_identities(o, req->services);
	cJSON_AddItemToObject(
	    o, "configuration", status_sections(req->services));
	doorman_report_add(o, req->services->doorman);
	if (req->services->fleet != NULL)
		cJSON_AddItemToObject(o, "fleet",
		    fleet_report_json(req->services->fleet, ROWS_MAX));
	add_decisions(o, req->services, s->after);
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
