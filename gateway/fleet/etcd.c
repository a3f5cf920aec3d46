/*
 * etcd: engine.h over etcd's JSON interface: libcurl's multi on the event base,
 * one connection where TLS gives HTTP/2. Requests and their answers; how one is
 * sent is in etcd_request.c.
 *
 * libcurl's callbacks only collect; whoever asked is told from an event of our
 * own (`work`), where an engine may be closed without pulling anything from
 * under libcurl.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <openssl/crypto.h>

#include "gateway/fleet/etcd_request.h"
#include "cache/base/text.h"

/* A few requests and a watch; over HTTP/2 all share one. */
#define MAX_CONNECTIONS 8L

/* Opening. */

/* Plain HTTP never leaves the machine: no name that somebody resolves. */
static bool
host_is_loopback(const char *host)
{
	unsigned a, b, c, d;
	char rest;

	return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
	    (sscanf(host, "%u.%u.%u.%u%c", &a, &b, &c, &d, &rest) == 4 &&
		a == 127);
}

/* libcurl's own parser, so that what it would not use is refused. */
int
engine_endpoint_check(const char *endpoint, struct err *err)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *path = NULL, *user = NULL;
	bool plain = false;
	int rc = 0;

	if (u == NULL || strstr(endpoint, "://") == NULL ||
	    curl_url_set(u, CURLUPART_URL, endpoint, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK ||
	    strpbrk(endpoint, "?#") != NULL || strcmp(path, "/") != 0)
		rc = err_set(err, E_ARG,
		    "an endpoint is https://HOST:PORT and nothing more");
	else if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
		rc = err_set(err, E_ARG,
		    "an endpoint names no user: that is what 'user' is for");
	else if (strcmp(scheme, "http") == 0)
		plain = true;
	else if (strcmp(scheme, "https") != 0)
		rc = err_set(err, E_ARG, "an endpoint is https://HOST:PORT");
	if (rc == 0 && plain && !host_is_loopback(host))
		rc = err_set(err, E_ARG,
		    "an endpoint without TLS is on loopback: "
		    "'%.100s' is not https",
		    endpoint);
	curl_free(scheme);
	curl_free(host);
	curl_free(path);
	curl_free(user);
	curl_url_cleanup(u);
	return rc;
}

static char *
endpoint_copy(const char *endpoint, bool *ok)
{
	char *copy = text_dup(endpoint, ok);
	size_t len = copy != NULL ? strlen(copy) : 0;

	while (len > 0 && copy[len - 1] == '/')
		copy[--len] = '\0';
	return copy;
}

static void work(evutil_socket_t fd, short what, void *arg);

int
engine_open(
    struct engine **out, const struct engine_options *o, struct err *err)
{
	struct engine *e;
	bool ok = true;
	int rc = engine_endpoint_check(o->endpoint, err);

	*out = NULL;
	if (rc != 0)
		return rc;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	e->log = o->log;
	e->token = o->token != NULL ? o->token : e->own_token;
	e->timeout_ms = o->timeout_ms != 0 ? o->timeout_ms : 2000;
	e->endpoint = endpoint_copy(o->endpoint, &ok);
	e->prefix = text_dup(o->prefix, &ok);
	e->ca_file = text_dup(o->ca_file, &ok);
	e->certificate = text_dup(o->certificate, &ok);
	e->key = text_dup(o->key, &ok);
	e->user = text_dup(o->user, &ok);
	e->password = text_dup(o->password, &ok);
	e->work = event_new(o->base, -1, 0, work, e);
	if (!ok || e->work == NULL || e->prefix == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc == 0)
		rc = curl_loop_new(&e->loop, o->base, etcd_request_ended, err);
	if (rc == 0 &&
	    curl_multi_setopt(curl_loop_multi(e->loop),
		CURLMOPT_MAX_HOST_CONNECTIONS, MAX_CONNECTIONS) != CURLM_OK)
		rc = err_set(err, E_NOMEM, "cannot set libcurl up");
	if (rc != 0) {
		engine_close(e);
		return rc;
	}
	*out = e;
	return 0;
}

static void
engine_free(struct engine *e)
{
	/* Unlinks what is freed: *prev of the first is e's. */
	while (e->first != NULL)
		etcd_request_free(
		    e->first); /* NOLINT(clang-analyzer-unix.Malloc) */
	curl_loop_free(e->loop);
	if (e->work != NULL)
		event_free(e->work);
	OPENSSL_cleanse(e->own_token, sizeof(e->own_token));
	if (e->password != NULL)
		OPENSSL_cleanse(e->password, strlen(e->password));
	free(e->endpoint);
	free(e->prefix);
	free(e->ca_file);
	free(e->certificate);
	free(e->key);
	free(e->user);
	free(e->password);
	free(e);
}

void
engine_close(struct engine *e)
{
	if (e == NULL)
		return;
	e->closed = true;
	if (!e->working)
		engine_free(e);
}

/* The token. */

static bool
login(struct engine *e)
{
	struct request *r = etcd_request_new(e, ETCD_LOGIN, NULL, NULL);
	int rc;

	if (r == NULL)
		return false;
	r->read = e->logging_in = true;
	rc = etcd_json_login(&r->body, e->user, e->password);
	if (rc == 0)
		etcd_request_send(r);
	else
		etcd_request_fail(r, ENGINE_AWAY, "out of memory");
	return true;
}

/* With users a request needs a token; the first asks for it. */
static void
go(struct request *r)
{
	struct engine *e = r->engine;

	r->waiting = e->user != NULL && e->token[0] == '\0';
	if (!r->waiting)
		etcd_request_send(r);
	else if (!e->logging_in && !login(e))
		etcd_request_fail(r, ENGINE_AWAY, "out of memory");
}

/* rc: of writing its body. */
static void
begin(struct request *r, int rc)
{
	if (rc != 0)
		etcd_request_fail(r,
		    rc == E_ARG || rc == E_LIMIT ? ENGINE_REFUSED : ENGINE_AWAY,
		    rc == E_ARG         ? "a key is none that may be used"
			: rc == E_LIMIT ? "the request is too large"
					: "out of memory");
	else
		go(r);
}

/* Those that waited for a token have it, or why there is none. */
static void
login_ended(struct engine *e, const struct etcd_said *said)
{
	bool got = said->answer.result == ENGINE_DONE;
	struct request *r;

	e->logging_in = false;
	if (got || said->no_users)
		text_copy(
		    e->token, ENGINE_MAX_TOKEN + 1, got ? said->token : "-");
	for (r = e->first; r != NULL; r = r->next) {
		if (!r->waiting || r->over)
			continue;
		r->waiting = false;
		if (e->token[0] != '\0')
			etcd_request_send(r);
		else
			etcd_request_fail(r,
			    said->answer.result == ENGINE_DENIED ? ENGINE_DENIED
								 : ENGINE_AWAY,
			    said->answer.why);
	}
}

/* Refused for its token, before anything was done: once more with another. */
static bool
again(struct request *r, const struct etcd_said *said)
{
	struct engine *e = r->engine;

	if (!said->stale_token || r->again || e->user == NULL)
		return false;
	if (r->token_num == e->token_num) {
		OPENSSL_cleanse(e->token, strlen(e->token));
		e->token_num++;
	}
	r->again = true;
	etcd_request_rewind(r);
	go(r);
	return true;
}

/* Answers. */

/* What libcurl, or nobody, has to say. */
static void
said_trouble(struct etcd_said *said, struct request *r)
{
	memset(said, 0, sizeof(*said));
	said->answer.result = etcd_request_trouble(r, &said->err);
	said->answer.why = said->err.msg;
}

/* True: it is asked once more. */
static bool
finish(struct request *r, struct etcd_said *said)
{
	if (again(r, said))
		return true;
	if (r->call == ETCD_LOGIN)
		login_ended(r->engine, said);
	return false;
}

static void
answer_unary(struct request *r)
{
	engine_done_fn *done = r->done;
	void *arg = r->arg;
	struct etcd_said said;

	if (r->trouble != CURLE_OK || r->failed)
		said_trouble(&said, r);
	else
		etcd_json_read(&said, r->call, r->status,
		    r->in.len > 0 ? (char *)r->in.p : "", r->in.len,
		    r->engine->prefix);
	if (!finish(r, &said)) {
		etcd_request_free(r);
		if (done != NULL)
			done(arg, &said.answer);
	}
	etcd_json_free(&said);
}

/* The watch. */

static void
watch_ended(struct request *r, struct etcd_said *said)
{
	struct engine_watch_calls calls = r->engine->watch_calls;

	if (finish(r, said))
		return;
	etcd_request_free(r);
	calls.ended(calls.arg, said->answer.result, said->answer.why);
}

/* False: it has ended, and r is gone. */
static bool
watch_line(struct request *r, const char *line, size_t len)
{
	struct engine *e = r->engine;
	const struct engine_watch_calls *calls = &e->watch_calls;
	const struct engine_answer *a;
	struct etcd_said said;
	bool goes_on = true;

	etcd_json_read(&said, ETCD_WATCH, r->status, line, len, e->prefix);
	a = &said.answer;
	if (a->result != ENGINE_DONE) {
		watch_ended(r, &said);
		goes_on = false;
	} else if (said.created) {
		calls->created(calls->arg, a->revision);
	} else if (a->num > 0 || a->damaged > 0) {
		/*
		 * The header's revision may be ahead of what has been told: of
		 * a watch that catches up it is the store's.
		 */
		calls->events(calls->arg, a->kv, a->num,
		    said.fragment || a->num == 0 ? 0
						 : a->kv[a->num - 1].revision,
		    a->damaged);
	}
	etcd_json_free(&said);
	return goes_on;
}

/* Whole lines, one by one; what is behind the last waits for its rest. */
static void
watch_lines(struct request *r)
{
	struct engine *e = r->engine;
	size_t at = 0;
	uint8_t *end;

	while (!e->closed && at < r->in.len &&
	    (end = memchr(r->in.p + at, '\n', r->in.len - at)) != NULL) {
		size_t len = (size_t)(end - r->in.p) - at;

		/* An empty line is between two answers. */
		if (len > 0 && !watch_line(r, (char *)r->in.p + at, len))
			return;
		at += len + 1;
	}
	if (e->closed)
		return;
	if (at > 0) {
		memmove(r->in.p, r->in.p + at, r->in.len - at);
		r->in.len -= at;
	}
	if (r->over) {
		struct etcd_said said;

		if (r->trouble != CURLE_OK || r->failed || r->in.len == 0) {
			said_trouble(&said, r);
		} else {
			etcd_json_read(&said, ETCD_WATCH, r->status,
			    (char *)r->in.p, r->in.len, e->prefix);
			if (said.answer.result == ENGINE_DONE)
				said.answer.result = ENGINE_UNKNOWN;
		}
		watch_ended(r, &said);
		etcd_json_free(&said);
	}
}

static struct request *
next_to_tell(struct engine *e)
{
	struct request *r;

	for (r = e->first; r != NULL; r = r->next)
		if (r->over || r->lines)
			return r;
	return NULL;
}

/* Tells who asked, one after the other: each may ask anew, or close. */
static void
work(evutil_socket_t fd, short what, void *arg)
{
	struct engine *e = arg;
	struct request *r;

	e->working = true;
	while (!e->closed && (r = next_to_tell(e)) != NULL) {
		if (r->call == ETCD_WATCH) {
			r->lines = false;
			watch_lines(r);
		} else {
			answer_unary(r);
		}
	}
	e->working = false;
	if (e->closed)
		engine_free(e);
}

/* The seam. */

/* NULL: no memory, and that has been told. */
static struct request *
request_begin(struct engine *e, enum etcd_call call, bool read,
    engine_done_fn *done, void *arg)
{
	struct request *r = etcd_request_new(e, call, done, arg);

	if (r != NULL)
		r->read = read;
	else if (done != NULL)
		done(arg,
		    &(struct engine_answer){
			.result = ENGINE_AWAY, .why = "out of memory"});
	return r;
}

void
engine_get(struct engine *e, const char *key, bool linearizable,
    engine_done_fn *done, void *arg)
{
	struct request *r = request_begin(e, ETCD_RANGE, true, done, arg);

	if (r != NULL)
		begin(r, etcd_json_get(&r->body, e->prefix, key, linearizable));
}

void
engine_list(struct engine *e, const char *below, const char *after,
    int64_t revision, unsigned limit, engine_done_fn *done, void *arg)
{
	struct request *r = request_begin(e, ETCD_RANGE, true, done, arg);

	if (r != NULL)
		begin(r,
		    etcd_json_list(
			&r->body, e->prefix, below, after, revision, limit));
}

void
engine_txn(struct engine *e, const struct fleet_compare *compare,
    size_t num_compare, const struct fleet_op *op, size_t num_op,
    unsigned timeout_ms, engine_done_fn *done, void *arg)
{
	struct request *r = request_begin(e, ETCD_TXN, true, done, arg);

	if (r == NULL)
		return;
	for (size_t i = 0; i < num_op; i++)
		r->read = r->read && op[i].kind == FLEET_OP_GET;
	if (timeout_ms != 0)
		r->timeout_ms = timeout_ms;
	begin(r,
	    etcd_json_txn(
		&r->body, e->prefix, compare, num_compare, op, num_op));
}

void
engine_watch(struct engine *e, int64_t from_revision,
    const struct engine_watch_calls *calls)
{
	struct request *r = request_begin(e, ETCD_WATCH, true, NULL, NULL);

	e->watch_calls = *calls;
	if (r == NULL)
		calls->ended(calls->arg, ENGINE_AWAY, "out of memory");
	if (r != NULL)
		begin(r, etcd_json_watch(&r->body, e->prefix, from_revision));
}

void
engine_lease(
    struct engine *e, unsigned ttl_sec, engine_done_fn *done, void *arg)
{
	struct request *r = request_begin(e, ETCD_GRANT, false, done, arg);

	if (r != NULL)
		begin(r, etcd_json_grant(&r->body, ttl_sec));
}

void
engine_keepalive(
    struct engine *e, int64_t lease, engine_done_fn *done, void *arg)
{
	struct request *r = request_begin(e, ETCD_KEEPALIVE, true, done, arg);

	if (r != NULL)
		begin(r, etcd_json_lease(&r->body, lease));
}

void
engine_revoke(struct engine *e, int64_t lease, engine_done_fn *done, void *arg)
{
	struct request *r = request_begin(e, ETCD_REVOKE, true, done, arg);

	if (r != NULL)
		begin(r, etcd_json_lease(&r->body, lease));
}
