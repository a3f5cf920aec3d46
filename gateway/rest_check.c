/*
 * rest_check: session checks over REST.
 */
#include <stdlib.h>

#include "gateway/control.h"
#include "gateway/rest.h"
#include "gateway/session_check.h"

struct pending {
	struct rest_request *req;
	struct session_check *check;
};

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

static void
on_answer(void *arg, cJSON *answer)
{
	struct pending *p = arg;
	struct rest_request *req = p->req;

	free(p);
	rest_reply_json(req, 200, answer);
}

static void
on_cancel(void *arg)
{
	struct pending *p = arg;

	session_check_cancel(p->check);
	free(p);
}

static void
post_check(struct rest_request *req)
{
	struct pending *p = calloc(1, sizeof(*p));
	cJSON *body, *answer;
	struct err err;
	int rc;

	if (p == NULL) {
		rest_reply_json(req, 500, NULL);
		return;
	}
	body = rest_body_object(req);
	if (body == NULL) {
		free(p);
		return;
	}
	p->req = req;
	rc = session_check_start(&p->check, &answer, req->control, body,
	    req->address, on_answer, p, &err);
	cJSON_Delete(body);
	if (rc == 1) {
		rest_request_defer(req, on_cancel, p);
		return;
	}
	free(p);
	if (rc == 0)
		rest_reply_json(req, 200, answer);
	else
		refuse(req, &err);
}

const struct rest_route rest_check_routes[] = {
    {REST_POST, "revocation/check", CONF_ROLE_CHECK | CONF_ROLE_OPERATE,
	post_check},
    {.fn = NULL}};
