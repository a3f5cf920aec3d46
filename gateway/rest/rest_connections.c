/*
 * rest_connections: who is in, and cutting one of them. The workers are asked;
 * the answer comes when they have said it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"
#include "gateway/dataplane/workers.h"
#include "gateway/rest/conn_report.h"
#include "gateway/rest/rest_params.h"
#include "gateway/rest/rest_routes.h"

#define ROWS_MAX     10000
#define ROWS_DEFAULT 1000

/* A request that waits for the workers. */
struct asking {
	struct rest_request *req;
	struct conn_query *query;
	uint64_t cut;
};

static void
on_cancel(void *arg)
{
	struct asking *a = arg;

	conn_query_cancel(a->query);
	free(a);
}

static void
ask(struct rest_request *req, const struct conn_question *q,
    conn_query_fn *done)
{
	struct asking *a = calloc(1, sizeof(*a));
	struct err err;

	if (a == NULL ||
	    workers_ask(req->services->workers, req->core->base, q, done, a,
		&a->query, &err) != 0) {
		free(a);
		rest_reply_json(req, 500, NULL);
		return;
	}
	a->req = req;
	a->cut = q->cut;
	rest_request_defer(req, on_cancel, a);
}

static void
on_listed(void *arg, const struct conn_answer *answer)
{
	struct asking *a = arg;

	rest_reply_json(a->req, 200, conn_report_rows(answer));
	free(a);
}

static bool
take_serial(struct rest_request *req, struct conn_question *q)
{
	char *text = rest_query(req, "serial"), hex[2 * CONN_SERIAL_MAX + 1];
	const char *digits = text != NULL ? text : "";
	int n = 0;
	bool ok;

	while (digits[0] == '0' && digits[1] != '\0')
		digits++;
	q->serial_len = (strlen(digits) + 1) / 2;
	ok = text == NULL ||
	    (text[0] != '\0' && q->serial_len <= CONN_SERIAL_MAX);
	if (ok && text != NULL) {
		n = snprintf(hex, sizeof(hex), "%s%s",
		    strlen(digits) % 2 != 0 ? "0" : "", digits);
		ok = n > 0 && text_unhex(q->serial, hex, q->serial_len);
	}
	free(text);
	if (!ok)
		rest_reply_error(req, 400, "Invalid input data.", "cause",
		    "query", "reason",
		    "serial: expected a number in hexadecimal digits", NULL);
	return ok;
}

static void
get_connections(struct rest_request *req)
{
	struct conn_question q = {0};
	unsigned status, way;
	uint64_t max;

	if (!rest_param_number(req, "limit", &max) ||
	    !rest_param_number(req, "after", &q.after) ||
	    !rest_param_word(req, "status", &status) ||
	    !rest_param_word(req, "way", &way) || !take_serial(req, &q))
		return;
	q.max = max == 0 ? ROWS_DEFAULT : max < ROWS_MAX ? max : ROWS_MAX;
	q.statuses = status > 0 ? 1U << (status - 1) : 0;
	q.ways = way > 0 ? 1U << (way - 1) : 0;
	ask(req, &q, on_listed);
}

static void
on_cut(void *arg, const struct conn_answer *answer)
{
	struct asking *a = arg;
	struct rest_request *req = a->req;

	if (answer->cut) {
		log_line(req->core->log, LOG_LEVEL_WARN,
		    "a connection is cut (conn=%" PRIu64 " who='%s' from='%s')",
		    a->cut, req->user, req->address);
		rest_reply_empty(req, 204);
	} else {
		rest_reply_error(req, 404, "Connection not found.", "id",
		    req->params[0], "reason",
		    "nobody is in by a connection of this id", NULL);
	}
	free(a);
}

static void
delete_connection(struct rest_request *req)
{
	const char *text = req->params[0];
	struct conn_question q = {0};
	char *end;

	q.cut = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || strlen(text) > 18 ||
	    q.cut == 0) {
		rest_reply_error(req, 400, "Invalid input data.", "cause", "id",
		    "reason", "id: expected a whole number, as GET shows it",
		    NULL);
		return;
	}
	snprintf(q.cut_text, sizeof(q.cut_text), "cut by '%.100s'", req->user);
	ask(req, &q, on_cut);
}

const struct rest_route rest_connections_routes[] = {
    {REST_GET, "connections", CONF_ROLE_READ, get_connections},
    {REST_DELETE, "connections/{id}", CONF_ROLE_OPERATE, delete_connection},
    {.fn = NULL}};
