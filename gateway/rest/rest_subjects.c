/*
 * rest_subjects: the list of client certificate subjects that are let in.
 */
#include <ctype.h>
#include <string.h>

#include "gateway/control/control.h"
#include "gateway/rest/rest_change.h"
#include "gateway/rest/rest_routes.h"
#include "gateway/state/allowed_subjects.h"

#define PATH "mgm/{id}/mutual-tls/allowed-client-certificate-subjects"

/* A holding identity is 12 hexadecimal digits. False after answering. */
static bool
holder_ok(struct rest_request *req)
{
	const char *id = req->params[0];
	size_t n = 0;

	while (isxdigit((unsigned char)id[n]))
		n++;
	if (n == 12 && id[n] == '\0')
		return true;
	rest_reply_error(req, 400, "Invalid input data.", "cause",
	    "holding identity", "reason",
	    "a holding identity is 12 hexadecimal digits", NULL);
	return false;
}

static void
get_subjects(struct rest_request *req)
{
	if (holder_ok(req))
		rest_reply_json(req, 200,
		    allowed_subjects_json(
			req->services->subjects, req->params[0]));
}

static void
reply_subject(
    struct rest_request *req, void *data, const struct control_answer *answer)
{
	bool allowed = req->method == REST_PUT;

	(void)data;
	if (answer->outcome != CONTROL_CHANGED) {
		rest_change_refuse(req, "subject", answer);
		return;
	}
	log_line(req->core->log, LOG_LEVEL_INFO,
	    "client subject '%s' %s (who='%s' from='%s')", req->params[1],
	    allowed ? "allowed" : "removed", req->user, req->address);
	if (answer->pending)
		rest_change_pending(req, NULL);
	else
		rest_reply_empty(req, 204);
}

static void
set_subject(struct rest_request *req, bool allowed)
{
	const struct change ch = {.kind = CHANGE_SUBJECT,
	    .removed = !allowed,
	    .holder = req->params[0],
	    .name = req->params[1],
	    .author = {.who = req->user, .from = req->address}};
	struct rest_change *change;
	enum control_outcome outcome;
	struct err err;

	if (!holder_ok(req))
		return;
	change = rest_change_new(req, reply_subject, NULL, NULL);
	if (change == NULL)
		return;
	outcome = control_change(
	    req->services->control, &ch, rest_change_later(change), &err);
	rest_change_end(change, outcome, &err);
}

static void
put_subject(struct rest_request *req)
{
	set_subject(req, true);
}

static void
delete_subject(struct rest_request *req)
{
	set_subject(req, false);
}

const struct rest_route rest_subjects_routes[] = {
    {REST_GET, PATH, CONF_ROLE_READ, get_subjects},
    {REST_PUT, PATH "/{subject}", CONF_ROLE_OPERATE, put_subject},
    {REST_DELETE, PATH "/{subject}", CONF_ROLE_OPERATE, delete_subject},
    {.fn = NULL}};
