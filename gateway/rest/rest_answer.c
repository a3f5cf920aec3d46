/* rest_answer: answers of the REST server, each of which ends its job. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "gateway/rest/rest_conn.h"
#include "gateway/rest/rest_internal.h"

void
rest_add_header(struct rest_request *req, const char *name, const char *value)
{
	evhttp_add_header(
	    evhttp_request_get_output_headers(rest_job_of(req)->http), name,
	    value);
}

#define TLS_RECORD_BYTES 16384 /* RFC 8446 5.1 */

/*
 * libevent writes each piece of a buffer as a record of its own, and the head
 * and the body of an answer are two: whoever waits would wake up twice.
 */
static void
send_reply(struct evhttp_request *http, struct bufferevent *bev, int status,
    struct evbuffer *body)
{
	struct evbuffer *out;
	size_t len;

	if (bev != NULL)
		bufferevent_incref(bev);
	evhttp_send_reply(http, status, NULL, body);
	if (bev == NULL)
		return;
	out = bufferevent_get_output(bev);
	len = evbuffer_get_length(out);
	(void)evbuffer_pullup(
	    out, (ev_ssize_t)(len < TLS_RECORD_BYTES ? len : TLS_RECORD_BYTES));
	bufferevent_decref(bev);
}

static void
reply(struct rest_request *req, int status, const char *type, const char *body,
    size_t len)
{
	struct rest_job *job = rest_job_of(req);
	struct evhttp_connection *evcon =
	    evhttp_request_get_connection(job->http);
	struct bufferevent *bev = NULL;
	struct evbuffer *buf = NULL;
	struct evhttp_request *http = job->http;

	rest_job_say(job, status);
	if (evcon != NULL) {
		evhttp_connection_set_closecb(evcon, NULL, NULL);
		bev = evhttp_connection_get_bufferevent(evcon);
		rest_conn_answered(rest_conn_of(bev));
	}
	if (body != NULL) {
		rest_add_header(req, "Content-Type", type);
		buf = evbuffer_new();
		if (buf != NULL)
			evbuffer_add(buf, body, len);
	}
	if (evhttp_find_header(evhttp_request_get_output_headers(http),
		"Cache-Control") == NULL)
		rest_add_header(req, "Cache-Control", "no-cache");
	rest_add_header(req, "X-Content-Type-Options", "nosniff");
	rest_job_free(job);
	send_reply(http, bev, status, buf);
	if (buf != NULL)
		evbuffer_free(buf);
}

void
rest_reply_text(
    struct rest_request *req, int status, const char *type, const char *text)
{
	reply(req, status, type, text, strlen(text));
}

void
rest_reply_bytes(struct rest_request *req, int status, const char *type,
    const void *data, size_t len)
{
	reply(req, status, type, data, len);
}

void
rest_reply_empty(struct rest_request *req, int status)
{
	reply(req, status, NULL, NULL, 0);
}

void
rest_reply_json(struct rest_request *req, int status, cJSON *json)
{
	char *text = json != NULL ? cJSON_PrintUnformatted(json) : NULL;

	cJSON_Delete(json);
	if (text == NULL)
		rest_reply_text(req, 500, "application/json",
		    "{\"title\":\"Internal server error.\",\"status\":500,"
		    "\"details\":{\"reason\":\"out of memory\"}}");
	else
		rest_reply_text(req, status, "application/json", text);
	cJSON_free(text);
}

void
rest_reply_error(struct rest_request *req, int status, const char *title, ...)
{
	cJSON *o = cJSON_CreateObject(), *details;
	const char *name, *value;
	va_list ap;

	cJSON_AddStringToObject(o, "title", title);
	cJSON_AddNumberToObject(o, "status", status);
	details = cJSON_AddObjectToObject(o, "details");
	va_start(ap, title);
	while ((name = va_arg(ap, const char *)) != NULL &&
	    (value = va_arg(ap, const char *)) != NULL)
		cJSON_AddStringToObject(details, name, value);
	va_end(ap);
	rest_reply_json(req, status, o);
}

int
rest_failed_status(const struct err *err)
{
	return err->code == E_IO && err->sys_errno == ENOSPC ? 507 : 500;
}

void
rest_reply_failed(
    struct rest_request *req, const char *cause, const struct err *err)
{
	if (err->code == E_PARSE || err->code == E_LIMIT)
		rest_reply_error(req, 400, "Invalid input data.", "cause",
		    cause, "reason", err->msg, NULL);
	else if (rest_failed_status(err) == 507)
		rest_reply_error(req, 507, "Insufficient storage.", "reason",
		    err->msg, NULL);
	else
		rest_reply_error(req, 500, "Internal server error.", "reason",
		    err->msg, NULL);
}
