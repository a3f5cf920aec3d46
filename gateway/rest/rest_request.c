/*
 * rest_request: from evhttp's request to a handler; control thread only.
 * Authenticates before it says whether a path exists.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/keyvalq_struct.h>

#include "gateway/base/json.h"
#include "gateway/rest/page_headers.h"
#include "gateway/rest/rest_conn.h"
#include "gateway/rest/rest_internal.h"
#include "gateway/rest/rest_origin.h"
#include "gateway/rest/rest_takes.h"

#define MAX_LOG_PATH 160

/* Reading a request. */

cJSON *
rest_body_object(struct rest_request *req)
{
	const cJSON *inner;
	cJSON *o = NULL;
	struct err err;
	int rc = json_parse(&o, req->body, req->body_len, &err);

	if (rc == 0 && !cJSON_IsObject(o))
		rc = err_set(&err, E_PARSE, "the body is not a JSON object");
	inner = json_get(o, "request");
	if (rc == 0 && cJSON_IsObject(inner) && cJSON_GetArraySize(o) == 1) {
		cJSON *detached =
		    cJSON_DetachItemViaPointer(o, (cJSON *)(uintptr_t)inner);

		cJSON_Delete(o);
		o = detached;
	}
	if (rc == 0)
		rc = rest_takes_body(req->takes, o, &err);
	if (rc == 0)
		return o;
	cJSON_Delete(o);
	rest_reply_error(req, 400, "Invalid input data.", "cause", "body",
	    "reason", err.msg, NULL);
	return NULL;
}

/* The names in query and body, before the handler looks; false: answered. */
static bool
names_are_known(struct rest_request *req)
{
	const struct rest_takes *takes = req->takes;
	struct err err;
	cJSON *body;

	if (rest_takes_query(takes, req->query, &err) != 0) {
		rest_reply_error(req, 400, "Invalid input data.", "cause",
		    "query", "reason", err.msg, NULL);
		return false;
	}
	if (takes == NULL || takes->body == NULL || takes->body[0] != '\0' ||
	    req->body_len == 0)
		return true;
	body = rest_body_object(req);
	cJSON_Delete(body);
	return body != NULL;
}

char *
rest_query(const struct rest_request *req, const char *name)
{
	struct evkeyvalq all;
	const char *value;
	char *copy = NULL;

	if (req->query == NULL || evhttp_parse_query_str(req->query, &all) != 0)
		return NULL;
	value = evhttp_find_header(&all, name);
	if (value != NULL)
		copy = strdup(value);
	evhttp_clear_headers(&all);
	return copy;
}

/* The path as it came, safe between quotes in a log line. */
static char *
log_path(const char *uri)
{
	size_t len = strcspn(uri, "?"), n = 0;
	char *out = malloc(MAX_LOG_PATH);

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < len && n + 4 < MAX_LOG_PATH; i++)
		if (uri[i] == '\'' || uri[i] == '\\')
			n += (size_t)snprintf(
			    out + n, 4, "%%%02X", (unsigned char)uri[i]);
		else
			out[n++] = uri[i];
	out[n] = '\0';
	return out;
}

static const struct rest_route *
find_route(const struct rest_route *const *tables, struct rest_request *req,
    const struct rest_path *path, bool *path_known)
{
	*path_known = false;
	for (size_t t = 0; tables[t] != NULL; t++)
		for (const struct rest_route *r = tables[t]; r->fn != NULL;
		     r++) {
			if (!rest_path_matches(path, r->pattern, req->params,
				&req->num_params))
				continue;
			*path_known = true;
			if (r->method == req->method)
				return r;
		}
	return NULL;
}

/* False after having answered. */
static bool
take_body(struct rest_job *job)
{
	struct rest_request *req = &job->pub;
	struct evbuffer *in = evhttp_request_get_input_buffer(job->http);
	uint32_t max = job->rest->conf->rest.max_body_bytes;
	size_t len = evbuffer_get_length(in);
	char text[120];

	if (len > max) {
		rest_conn_length_text(text, sizeof(text), len, max);
		rest_reply_error(req, 400, text, "reason", text, NULL);
		return false;
	}
	req->body_len = len;
	evbuffer_add(in, "", 1);
	req->body = (const char *)evbuffer_pullup(in, -1);
	if (req->body == NULL) {
		rest_reply_error(req, 500, "Internal server error.", "reason",
		    "out of memory", NULL);
		return false;
	}
	return true;
}

static bool
is_of_page(const struct rest_job *job)
{
	const struct rest_path *path = &job->path;

	return path->num == 0 || strcasecmp(path->segments[0], "ui") == 0;
}

/* Switched off it is as if it were not there. */
static void
page_guard(struct rest_job *job)
{
	if (!is_of_page(job))
		return;
	if (job->rest->conf->rest.ui) {
		page_headers_add(&job->pub);
		return;
	}
	job->route = NULL;
	job->path_known = false;
}

static bool
is_open(const struct rest_job *job)
{
	return job->route != NULL &&
	    (job->route->roles == 0 || (job->route->roles & REST_ANYBODY) != 0);
}

/* Once it is known who is asking, or where nobody asks that. */
static void
serve(struct rest_job *job)
{
	struct rest_request *req = &job->pub;
	const struct rest_route *route = job->route;
	bool open = is_open(job);

	if (req->user[0] != '\0')
		rest_conn_is_known(rest_job_conn(job));
	if (route == NULL && job->path_known) {
		rest_reply_error(req, 405, "Method not allowed.", "reason",
		    "this path does not take this method", NULL);
	} else if (route == NULL) {
		rest_reply_error(req, 404, "Not found.", "reason",
		    "there is no such path", NULL);
	} else if (!open && (req->roles & route->roles) == 0) {
		rest_reply_error(req, 403, "User not authorized.", "reason",
		    "the user's roles do not allow this", NULL);
	} else if (take_body(job)) {
		req->takes = rest_takes_of(route);
		if (names_are_known(req))
			route->fn(req);
	}
}

/* Who is asking. */

static const char *
header_of(const struct rest_job *job, const char *name)
{
	return evhttp_find_header(
	    evhttp_request_get_input_headers(job->http), name);
}

static const char *
header_or_none(const struct rest_job *job, const char *name)
{
	const char *value = header_of(job, name);

	return value != NULL ? value : "";
}

static const char *
credentials(const struct rest_job *job)
{
	return header_of(job, "Authorization");
}

static void
answer_denied(struct rest_job *job)
{
	struct rest_request *req = &job->pub;
	const char *why = "no credentials were sent";

	if (credentials(job) != NULL) {
		log_line(rest_job_get0_log(job), LOG_LEVEL_WARN,
		    "failed login (from='%s')", req->address);
		why = "the credentials are not right";
	}
	rest_add_header(req, "WWW-Authenticate", "Basic realm=\"p2p-gateway\"");
	rest_reply_error(req, 401, "User credentials are missing or wrong.",
	    "reason", why, NULL);
}

static void
answer_later(
    struct rest_job *job, int status, const char *title, const char *seconds)
{
	struct rest_request *req = &job->pub;

	log_event(rest_job_get0_log(job), LOG_LEVEL_WARN, "login-put-off", NULL,
	    0, "%s (from='%s')", title, req->address);
	rest_add_header(req, "Retry-After", seconds);
	rest_reply_error(req, status, title, "reason", "try again later", NULL);
}

static void
on_login(void *arg, const struct rest_auth_result *result)
{
	struct rest_job *job = arg;
	uint64_t *refused = job->rest->counts.logins_refused;

	if (job->login != NULL)
		rest_job_stop_waiting(job);
	job->login = NULL;
	if (result->outcome == REST_AUTH_DENIED && credentials(job) != NULL)
		refused[REST_LOGIN_WRONG]++;
	if (result->outcome != REST_AUTH_ACCEPTED && is_open(job)) {
		serve(job);
		return;
	}
	switch (result->outcome) {
	case REST_AUTH_ACCEPTED:
		snprintf(
		    job->pub.user, sizeof(job->pub.user), "%s", result->user);
		job->pub.roles = result->roles;
		serve(job);
		break;
	case REST_AUTH_THROTTLED:
		refused[REST_LOGIN_THROTTLED]++;
		answer_later(job, 429, "Too many failed logins.", "10");
		break;
	case REST_AUTH_BUSY:
		refused[REST_LOGIN_BUSY]++;
		answer_later(job, 503, "Too many logins at once.", "1");
		break;
	default:
		answer_denied(job);
	}
}

static void
on_login_cancel(void *arg)
{
	struct rest_job *job = arg;

	rest_login_cancel(job->login);
}

/* Goes on at once or later, or answers. */
static void
authenticate(struct rest_job *job, SSL *ssl)
{
	struct rest_request *req = &job->pub;
	struct rest_conn *conn = rest_job_conn(job);
	struct rest_auth_result result;

	if (credentials(job) == NULL) {
		req->roles = rest_client_cert_roles(
		    req, job->rest->conf, ssl, req->user);
		if (req->roles != 0) {
			serve(job);
			return;
		}
	}
	rest_auth_basic(job->rest->auth, &job->rest->conf->rest,
	    credentials(job), rest_conn_group(conn), rest_conn_is_local(conn),
	    &result, &job->login, on_login, job);
	if (result.outcome == REST_AUTH_PENDING)
		rest_request_defer(req, on_login_cancel, job);
	else
		on_login(job, &result);
}

static void
dispatch(struct rest_job *job, const char *path, SSL *ssl)
{
	struct rest_request *req = &job->pub;

	if (req->method != REST_GET &&
	    rest_origin_is_foreign(header_of(job, "Sec-Fetch-Site"),
		header_of(job, "Origin"), header_of(job, "Host"))) {
		job->rest->counts.foreign++;
		log_line(rest_job_get0_log(job), LOG_LEVEL_WARN,
		    "refused a request that a browser sends for another site "
		    "(path='%s' origin='%.200s' site='%.40s' from='%s')",
		    job->raw_path, header_or_none(job, "Origin"),
		    header_or_none(job, "Sec-Fetch-Site"), req->address);
		rest_reply_error(req, 403, "Cross-site request.", "reason",
		    "a browser sends it for the page of another site", NULL);
		return;
	}
	req->path = rest_path_strip(path);
	if (rest_path_split(&job->path, req->path))
		job->route = find_route(
		    job->rest->tables, req, &job->path, &job->path_known);
	page_guard(job);
	if (job->route != NULL && job->route->roles == 0)
		serve(job);
	else
		authenticate(job, ssl);
}

static bool
method_of(struct evhttp_request *http, enum rest_method *out)
{
	switch (evhttp_request_get_command(http)) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_HEAD:
		*out = REST_GET;
		return true;
	case EVHTTP_REQ_POST:
		*out = REST_POST;
		return true;
	case EVHTTP_REQ_PUT:
		*out = REST_PUT;
		return true;
	case EVHTTP_REQ_DELETE:
		*out = REST_DELETE;
		return true;
	default:
		*out = REST_NUM_METHODS;
		return false;
	}
}

void
rest_on_request(struct evhttp_request *http, void *arg)
{
	struct rest *r = arg;
	struct evhttp_connection *evcon = evhttp_request_get_connection(http);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(evcon);
	struct rest_conn *conn = rest_conn_of(bev);
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(http);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
	struct rest_job *job;
	char *address;
	ev_uint16_t port;

	/* Never a word to somebody who was not given TLS. */
	if (conn == NULL || (job = rest_job_new(r, http)) == NULL) {
		evhttp_connection_free(evcon);
		return;
	}
	rest_conn_answering(conn);
	evhttp_connection_get_peer(evcon, &address, &port);
	snprintf(job->pub.address, sizeof(job->pub.address), "%s", address);
	job->raw_path = log_path(evhttp_request_get_uri(http));
	job->pub.query = uri != NULL ? evhttp_uri_get_query(uri) : NULL;
	job->pub.content_type = evhttp_find_header(
	    evhttp_request_get_input_headers(http), "Content-Type");
	job->pub.accept = evhttp_find_header(
	    evhttp_request_get_input_headers(http), "Accept");
	if (!method_of(http, &job->pub.method) || path == NULL)
		rest_reply_error(&job->pub, 405, "Method not allowed.",
		    "reason", "GET, POST, PUT and DELETE are", NULL);
	else
		dispatch(job, path, ssl);
}
