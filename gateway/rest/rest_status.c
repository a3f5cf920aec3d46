/*
 * rest_status: what a person or a monitor looks at: health, readiness,
 * metrics, the state as JSON; and the denylist.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control.h"
#include "gateway/state/denylist.h"
#include "gateway/dataplane/workers.h"
#include "gateway/base/json.h"
#include "gateway/rest/doorman_report.h"
#include "gateway/rest/metrics.h"
#include "gateway/rest/openapi.h"
#include "gateway/rest/readiness.h"
#include "gateway/rest/rest_internal.h"
#include "gateway/rest/rest_change.h"
#include "gateway/rest/rest_routes.h"
#include "gateway/rest/status_report.h"

static void
get_health(struct rest_request *req)
{
	rest_reply_text(req, 200, "text/plain", "ok\n");
}

static void
get_ready(struct rest_request *req)
{
	cJSON *o = cJSON_CreateObject();
	bool ready = readiness_json(req->core, req->services, o);

	/* The reasons name identities and addresses. */
	if ((req->roles & (CONF_ROLE_READ | CONF_ROLE_OPERATE)) == 0) {
		cJSON_DeleteItemFromObject(o, "reasons");
		cJSON_DeleteItemFromObject(o, "warmUp");
	}
	rest_reply_json(req, ready ? 200 : 503, o);
}

static void
get_metrics(struct rest_request *req)
{
	const struct rest *r = rest_job_of(req)->rest;
	struct rest_load load = {.connections = r->num_connections,
	    .max_connections = r->conf->rest.max_connections};
	char *text;

	for (const struct rest_job *j = r->jobs; j != NULL; j = j->next)
		load.requests++;
	text = metrics_text(req->core, req->services, &r->counts, &load);

	if (text == NULL)
		rest_reply_json(req, 500, NULL);
	else
		rest_reply_text(
		    req, 200, "text/plain; version=0.0.4; charset=utf-8", text);
	free(text);
}

static void
get_status(struct rest_request *req)
{
	cJSON *o = metrics_json(req->core, req->services);

	status_add_process(o, req);
	status_add_ready(o, req);
	status_add_modes(o, req->services);
	cJSON_AddItemToObject(o, "summary", status_summary(req));
	cJSON_AddItemToObject(o, "minutes", status_minutes(req->services));
	cJSON_AddItemToObject(
	    o, "configuration", status_sections(req->services));
	doorman_report_add(o, req->services->doorman);
	rest_reply_json(req, 200, o);
}

static void
get_openapi(struct rest_request *req)
{
	rest_reply_json(
	    req, 200, openapi_document(rest_job_of(req)->rest->tables));
}

/* Denylist. */

static void
get_denylist(struct rest_request *req)
{
	rest_reply_json(req, 200, denylist_json(req->services->denylist));
}

static void
denylist_failed(struct rest_request *req, const struct control_answer *answer)
{
	if (answer->outcome == CONTROL_FAILED && answer->err.code == E_ARG)
		rest_reply_error(req, 404, "Denylist entry not found.",
		    "reason", answer->err.msg, NULL);
	else
		rest_change_refuse(req, "entry", answer);
}

static void
reply_denied(
    struct rest_request *req, void *data, const struct control_answer *answer)
{
	const char *id = data;
	cJSON *o;

	if (answer->outcome != CONTROL_CHANGED) {
		denylist_failed(req, answer);
		return;
	}
	log_line(req->core->log, LOG_LEVEL_WARN,
	    "denylist entry added (id=%s who='%s' from='%s')", id, req->user,
	    req->address);
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "id", id);
	if (answer->pending)
		rest_change_pending(req, o);
	else
		rest_reply_json(req, 201, o);
}

static void
reply_allowed(
    struct rest_request *req, void *data, const struct control_answer *answer)
{
	(void)data;
	if (answer->outcome != CONTROL_CHANGED) {
		denylist_failed(req, answer);
		return;
	}
	log_line(req->core->log, LOG_LEVEL_WARN,
	    "denylist entry removed (id=%s who='%s' from='%s')", req->params[0],
	    req->user, req->address);
	rest_reply_empty(req, 204);
}

/* Takes data over. */
static void
change_denylist(struct rest_request *req, const struct change *ch,
    rest_change_fn *reply, char *data)
{
	struct rest_change *change = rest_change_new(req, reply, data, free);
	enum control_outcome outcome;
	struct err err;

	if (change == NULL)
		return;
	outcome = control_change(
	    req->services->control, ch, rest_change_later(change), &err);
	rest_change_end(change, outcome, &err);
}

static void
post_denylist(struct rest_request *req)
{
	cJSON *body = rest_body_object(req);
	struct change ch = {.kind = CHANGE_DENIED,
	    .author = {.who = req->user, .from = req->address}};
	struct denied e;
	struct err err;
	int rc;

	if (body == NULL)
		return;
	rc = denied_parse(&e, body, req->user, &err);
	cJSON_Delete(body);
	if (rc != 0) {
		rest_reply_failed(req, "entry", &err);
		return;
	}
	ch.denied = &e;
	change_denylist(req, &ch, reply_denied, strdup(e.id));
	denied_cleanup(&e);
}

static void
delete_denylist(struct rest_request *req)
{
	const struct change ch = {.kind = CHANGE_DENIED,
	    .removed = true,
	    .id = req->params[0],
	    .author = {.who = req->user, .from = req->address}};

	change_denylist(req, &ch, reply_allowed, NULL);
}

const struct rest_route rest_status_routes[] = {
    {REST_GET, "healthz", 0, get_health},
    {REST_GET, "readyz", REST_ANYBODY | CONF_ROLE_READ, get_ready},
    {REST_GET, "metrics", CONF_ROLE_READ, get_metrics},
    {REST_GET, "status", CONF_ROLE_READ, get_status},
    {REST_GET, "openapi.json", CONF_ROLE_READ | CONF_ROLE_CHECK, get_openapi},
    {REST_GET, "denylist", CONF_ROLE_READ, get_denylist},
    {REST_POST, "denylist", CONF_ROLE_OPERATE, post_denylist},
    {REST_DELETE, "denylist/{id}", CONF_ROLE_OPERATE, delete_denylist},
    {.fn = NULL}};
