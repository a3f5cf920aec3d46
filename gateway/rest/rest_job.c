/*
 * rest_job: the life of one request; control thread only. One that is answered
 * later is dropped, and its work cancelled, when its caller leaves.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/bufferevent.h>

#include "cache/base/clock.h"
#include "gateway/rest/rest_conn.h"
#include "gateway/rest/rest_internal.h"

struct rest_job *
rest_job_of(struct rest_request *req)
{
	return (struct rest_job *)req;
}

struct rest_conn *
rest_job_conn(const struct rest_job *job)
{
	return rest_conn_of(evhttp_connection_get_bufferevent(
	    evhttp_request_get_connection(job->http)));
}

struct rest_job *
rest_job_new(struct rest *r, struct evhttp_request *http)
{
	struct rest_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->rest = r;
	job->http = http;
	job->pub.core = r->core;
	job->pub.services = r->services;
	job->start_mono_ms = clock_mono_ms();
	job->next = r->jobs;
	job->prev = &r->jobs;
	if (job->next != NULL)
		job->next->prev = &job->next;
	r->jobs = job;
	return job;
}

void
rest_job_free(struct rest_job *job)
{
	*job->prev = job->next;
	if (job->next != NULL)
		job->next->prev = job->prev;
	if (job->closed != NULL)
		event_free(job->closed);
	rest_path_cleanup(&job->path);
	free(job->raw_path);
	free(job);
}

/* Until it is known who asks, that of strangers. */
const struct log *
rest_job_get0_log(const struct rest_job *job)
{
	return job->pub.user[0] != '\0' ? job->rest->core->log
					: job->rest->core->strangers;
}

/* Asked for by machines, every few seconds, for ever, and answered. */
static bool
is_probe(const struct rest_job *job, int status)
{
	static const char *const patterns[] = {"healthz", "readyz", "metrics"};

	/* The status page asks every two seconds. */
	if (status < 400 && job->route != NULL &&
	    strncmp(job->route->pattern, "ui/", 3) == 0)
		return true;
	if (status != 200 && status != 503)
		return false;
	for (size_t i = 0; job->route != NULL && i < 3; i++)
		if (strcmp(job->route->pattern, patterns[i]) == 0)
			return true;
	return false;
}

void
rest_job_say(const struct rest_job *job, int status)
{
	const struct log_field fields[] = {
	    LOG_FIELD_TEXT("method", rest_method_name(job->pub.method)),
	    LOG_FIELD_TEXT("path", job->raw_path != NULL ? job->raw_path : ""),
	    LOG_FIELD_INTEGER("status", status)};

	rest_counts_answer(&job->rest->counts, job->pub.method,
	    job->route != NULL ? job->route->pattern : NULL, status);
	log_event(rest_job_get0_log(job),
	    is_probe(job, status) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "request",
	    fields, LOG_NUM(fields),
	    "rest %s '%s' %d (user='%s' from='%s' ms=%llu)",
	    rest_method_name(job->pub.method),
	    job->raw_path != NULL ? job->raw_path : "", status, job->pub.user,
	    job->pub.address,
	    (unsigned long long)(clock_mono_ms() - job->start_mono_ms));
}

void
rest_job_abandon(struct rest_job *job)
{
	struct evhttp_connection *evcon =
	    evhttp_request_get_connection(job->http);

	if (evcon != NULL)
		evhttp_connection_set_closecb(evcon, NULL, NULL);
	else
		evhttp_request_free(job->http);
	if (job->pub.cancel != NULL)
		job->pub.cancel(job->pub.cancel_arg);
	rest_job_free(job);
}

/* The connection is being freed under a request that was not answered. */
static void
on_connection_gone(struct evhttp_connection *evcon, void *arg)
{
	struct rest_job *job = arg;

	(void)evcon;
	log_line(rest_job_get0_log(job), LOG_LEVEL_INFO,
	    "rest caller left before the answer (path='%s' from='%s')",
	    job->raw_path, job->pub.address);
	rest_job_abandon(job);
}

static void
on_peer_closed(evutil_socket_t fd, short what, void *arg)
{
	struct rest_job *job = arg;

	(void)fd, (void)what;
	evhttp_connection_free(evhttp_request_get_connection(job->http));
}

/*
 * evhttp stops reading while a request is handled and treats bytes that come
 * then as a fatal error of the program, so reading cannot be switched on to
 * learn of the end. EV_CLOSED tells without reading.
 */
void
rest_request_defer(
    struct rest_request *req, void (*cancel)(void *arg), void *arg)
{
	struct rest_job *job = rest_job_of(req);
	struct evhttp_connection *evcon =
	    evhttp_request_get_connection(job->http);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(evcon);

	req->cancel = cancel;
	req->cancel_arg = arg;
	evhttp_connection_set_closecb(evcon, on_connection_gone, job);
	job->closed = event_new(job->rest->core->base, bufferevent_getfd(bev),
	    EV_CLOSED, on_peer_closed, job);
	if (job->closed != NULL)
		event_add(job->closed, NULL);
}

/* It goes on, and may be deferred again. */
void
rest_job_stop_waiting(struct rest_job *job)
{
	evhttp_connection_set_closecb(
	    evhttp_request_get_connection(job->http), NULL, NULL);
	job->pub.cancel = NULL;
	if (job->closed != NULL)
		event_free(job->closed);
	job->closed = NULL;
}
