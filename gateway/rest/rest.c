/*
 * rest: listening of the REST server; control thread only. HTTP is libevent's.
 * What libevent leaves open is closed here, accept failing in a loop, and in
 * rest_conn.c.
 */
#include "gateway/rest/rest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/listener.h>

#include "cache/base/clock.h"
#include "gateway/dataplane/listen_socket.h"
#include "gateway/dataplane/tcp_options.h"
#include "gateway/rest/rest_conn.h"
#include "gateway/rest/rest_internal.h"

#define ACCEPT_PAUSE_MS   200
#define ACCEPT_LOG_GAP_MS 10000
#define BACKLOG           1024 /* a flood must not keep others from waiting */

static struct rest *servers; /* one, but in tests; the control thread's */

static void
accept_say(struct rest *r, int error)
{
	uint64_t now = clock_mono_ms();

	if (r->pause_said_mono_ms != 0 &&
	    now - r->pause_said_mono_ms < ACCEPT_LOG_GAP_MS)
		return;
	r->pause_said_mono_ms = now;
	log_line(r->core->log, LOG_LEVEL_WARN,
	    "cannot accept a REST connection: %s", strerror(error));
}

/*
 * Out of descriptors: accepting again at once would spin. What libevent hands
 * over here is its own, so the listener itself tells whose it is.
 */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct rest *r = servers;
	struct timeval tv = {.tv_usec = ACCEPT_PAUSE_MS * 1000};
	int saved = errno;

	(void)arg;
	while (r != NULL && r->listener != listener)
		r = r->next;
	if (r == NULL)
		return;
	accept_say(r, saved);
	if (rest_conn_free_descriptor(r))
		tv.tv_usec = 0;
	evconnlistener_disable(listener);
	event_add(r->pause, &tv);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct rest *r = arg;

	(void)fd, (void)what;
	evconnlistener_enable(r->listener);
}

/* A passed socket stays the service manager's, one on a path is a bound's. */
static int
rest_bind(struct rest *r, int passed_fd, struct err *err)
{
	const struct address *a = &r->conf->rest.listen;
	int rc;

	if (passed_fd < 0 && a->path != NULL) {
		rc = listen_socket_new(&r->bound, a, 1, false, err);
		if (rc != 0)
			return rc;
		passed_fd = r->bound->fds[0];
	}
	if (passed_fd >= 0)
		r->listener = evconnlistener_new(r->core->base, NULL, NULL,
		    LEV_OPT_CLOSE_ON_EXEC, 0, passed_fd);
	else
		r->listener = evconnlistener_new_bind(r->core->base, NULL, NULL,
		    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
			LEV_OPT_REUSEABLE,
		    BACKLOG, (const struct sockaddr *)&a->sa, (int)a->sa_len);
	if (r->listener == NULL)
		return err_sys(err, "cannot listen on '%s'", a->text);
	return 0;
}

static int
rest_listen(struct rest *r, int passed_fd, struct err *err)
{
	struct sockaddr_storage sa = {0};
	struct evhttp_bound_socket *bound;
	socklen_t len = sizeof(sa);
	int rc;

	rc = rest_bind(r, passed_fd, err);
	if (rc != 0)
		return rc;
	bound = evhttp_bind_listener(r->http, r->listener);
	if (bound == NULL) {
		evconnlistener_free(r->listener);
		r->listener = NULL;
		return err_set(err, E_NOMEM, "out of memory");
	}
	evconnlistener_set_error_cb(r->listener, on_accept_error);
	if (getsockname(evconnlistener_get_fd(r->listener),
		(struct sockaddr *)&sa, &len) != 0)
		return err_sys(err, "cannot name the REST listener");
	/*
	 * Inherited by what is accepted. Without it an answer in two writes
	 * waits for the caller's delayed acknowledgement, 40 ms each time.
	 */
	if (tcp_options_set(evconnlistener_get_fd(r->listener), sa.ss_family,
		&r->conf->limits) != 0)
		return err_sys(err, "cannot set options of TCP");
	address_text(r->address, &sa);
	return 0;
}

/* For whoever must decide whether a browser's warning is about this one. */
static void
say_certificate(const struct rest *r)
{
	char text[REST_FINGERPRINT_TEXT];

	rest_fingerprint_text(text, SSL_CTX_get0_certificate(r->ctx));
	if (text[0] == '\0')
		return;
	log_line(r->core->log, LOG_LEVEL_INFO,
	    "the certificate of REST (sha256=%s)", text);
}

int
rest_new(struct rest **out, const struct services *core,
    const struct rest_services *services,
    const struct rest_route *const *tables, struct conf *conf, int passed_fd,
    struct err *err)
{
	struct rest *r = calloc(1, sizeof(*r));
	struct timeval idle;
	int rc;

	*out = NULL;
	if (r == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	r->core = core;
	r->services = services;
	r->tables = tables;
	r->conf = conf_up_ref(conf);
	r->started = conf_up_ref(conf);
	r->next = servers;
	servers = r;
	r->http = evhttp_new(core->base);
	r->pause = evtimer_new(core->base, on_pause_over, r);
	rc = r->http == NULL || r->pause == NULL
	    ? err_set(err, E_NOMEM, "out of memory")
	    : rest_auth_new(&r->auth, core->base, err);
	if (rc == 0)
		rc = rest_tls_new(&r->ctx, r->conf, r->conf->state_dir, err);
	if (rc == 0)
		rc = rest_listen(r, passed_fd, err);
	if (rc != 0) {
		rest_free(r);
		return rc;
	}
	idle.tv_sec = r->conf->rest.idle_timeout_ms / 1000;
	idle.tv_usec = r->conf->rest.idle_timeout_ms % 1000 * 1000;
	evhttp_set_timeout_tv(r->http, &idle);
	evhttp_set_max_headers_size(r->http, REST_MAX_HEADER_BYTES);
	/* What is too large is answered by rest_conn, in Corda's words. */
	evhttp_set_flags(r->http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_allowed_methods(r->http,
	    EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
		EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
		EVHTTP_REQ_PATCH);
	evhttp_set_default_content_type(r->http, NULL);
	evhttp_set_bevcb(r->http, rest_conn_new, r);
	evhttp_set_gencb(r->http, rest_on_request, r);
	say_certificate(r);
	*out = r;
	return 0;
}

const char *
rest_address(const struct rest *r)
{
	return r->address;
}

int
rest_check(const struct conf *conf, struct err *err)
{
	SSL_CTX *ctx = NULL;
	int rc = rest_tls_new(&ctx, conf, NULL, err);

	SSL_CTX_free(ctx);
	return rc;
}

int
rest_apply(struct rest *r, struct conf *conf, struct err *err)
{
	SSL_CTX *ctx;
	int rc = rest_tls_new(&ctx, conf, r->started->state_dir, err);

	if (rc != 0)
		return rc;
	SSL_CTX_free(r->ctx);
	r->ctx = ctx;
	conf_free(r->conf);
	r->conf = conf_up_ref(conf);
	say_certificate(r);
	return 0;
}

void
rest_free(struct rest *r)
{
	if (r == NULL)
		return;
	for (struct rest **at = &servers; *at != NULL; at = &(*at)->next)
		if (*at == r) {
			*at = r->next;
			break;
		}
	while (r->jobs != NULL)
		rest_job_abandon(r->jobs);
	if (r->http != NULL) {
		/* evhttp_free frees the listener before the connections. */
		r->listener = NULL;
		rest_conns_leave(r);
		evhttp_free(r->http);
	}
	listen_socket_free(r->bound);
	if (r->pause != NULL)
		event_free(r->pause);
	SSL_CTX_free(r->ctx);
	rest_auth_free(r->auth);
	conf_free(r->conf);
	conf_free(r->started);
	rest_counts_cleanup(&r->counts);
	free(r);
}
