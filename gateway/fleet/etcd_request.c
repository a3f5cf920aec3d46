/*
 * etcd_request: one request of an engine, as libcurl sends it. Neither redirect
 * nor proxy is followed, nor anything of the environment; the body is given to
 * libcurl piece by piece, so that it is known whether it can have arrived, and
 * a write cannot be sent twice by libcurl of its own accord.
 */
#include "gateway/fleet/etcd_request.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <openssl/crypto.h>

#include "cache/base/clock.h"

/* More than one line: libcurl hands over what it has, then we take it out. */
#define MAX_READ (2U * ENGINE_MAX_LINE)
/* What etcd takes is less. */
#define MAX_BODY (4U << 20)

struct request *
etcd_request_new(
    struct engine *e, enum etcd_call call, engine_done_fn *done, void *arg)
{
	struct request *r = calloc(1, sizeof(*r)), **end = &e->first;

	if (r == NULL)
		return NULL;
	r->engine = e;
	r->call = call;
	r->done = done;
	r->arg = arg;
	r->timeout_ms = call == ETCD_WATCH ? 0 : e->timeout_ms;
	r->begun_ms = clock_mono_ms();
	bytes_init(&r->body, MAX_BODY);
	bytes_init(&r->in, MAX_READ);
	while (*end != NULL)
		end = &(*end)->next;
	r->prev = end;
	*end = r;
	return r;
}

static void
request_unhand(struct request *r)
{
	if (r->easy != NULL) {
		curl_multi_remove_handle(
		    curl_loop_multi(r->engine->loop), r->easy);
		curl_easy_cleanup(r->easy);
		r->easy = NULL;
	}
	curl_slist_free_all(r->headers);
	r->headers = NULL;
}

void
etcd_request_free(struct request *r)
{
	request_unhand(r);
	*r->prev = r->next;
	if (r->next != NULL)
		r->next->prev = r->prev;
	/* A login's has the password in it, its answer a token. */
	if (r->body.p != NULL)
		OPENSSL_cleanse(r->body.p, r->body.len);
	if (r->call == ETCD_LOGIN && r->in.p != NULL)
		OPENSSL_cleanse(r->in.p, r->in.len);
	bytes_cleanup(&r->body);
	bytes_cleanup(&r->in);
	free(r);
}

void
etcd_request_rewind(struct request *r)
{
	request_unhand(r);
	r->in.len = 0;
	r->sent = r->line_len = 0;
	r->status = 0;
	r->trouble = CURLE_OK;
	r->trouble_text[0] = '\0';
	r->over = r->lines = false;
}

static void
tell_soon(struct request *r)
{
	event_active(r->engine->work, EV_TIMEOUT, 0);
}

void
etcd_request_fail(struct request *r, enum engine_result result, const char *why)
{
	struct err err;

	err_set(&err, E_ARG, "%s", why);
	memcpy(r->why, err.msg, sizeof(r->why));
	r->result = result;
	r->failed = r->over = true;
	tell_soon(r);
}

/* libcurl's callbacks. */

static size_t
read_body(char *out, size_t size, size_t num, void *arg)
{
	struct request *r = arg;
	size_t len = r->body.len - r->sent;

	if (len > size * num)
		len = size * num;
	memcpy(out, r->body.p + r->sent, len);
	r->sent += len;
	return len;
}

/* Only for what may be sent twice, when a kept connection turns out dead. */
static int
seek_body(void *arg, curl_off_t offset, int origin)
{
	struct request *r = arg;

	if (!r->read || origin != SEEK_SET || offset < 0 ||
	    (uint64_t)offset > r->body.len)
		return CURL_SEEKFUNC_FAIL;
	r->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t
take_body(char *p, size_t size, size_t num, void *arg)
{
	struct request *r = arg;
	size_t len = size * num;
	/* Only a watch has more than one. */
	const char *end = r->call == ETCD_WATCH ? memrchr(p, '\n', len) : NULL;
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	r->status = (int)status;
	r->line_len =
	    end != NULL ? (size_t)(p + len - end) - 1 : r->line_len + len;
	if (r->line_len > ENGINE_MAX_LINE || bytes_append(&r->in, p, len) != 0)
		return 0;
	if (end != NULL) {
		r->lines = true;
		tell_soon(r);
	}
	return len;
}

void
etcd_request_ended(CURL *easy, CURLcode rc)
{
	struct request *r = NULL;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &r);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	r->status = (int)status;
	r->trouble = rc;
	r->over = true;
	tell_soon(r);
}

enum engine_result
etcd_request_trouble(const struct request *r, struct err *err)
{
	if (r->failed) {
		err_set(err, E_ARG, "%s", r->why);
		return r->result;
	}
	if (r->trouble == CURLE_WRITE_ERROR) {
		err_set(err, E_LIMIT, "the answer is too long");
		return ENGINE_TOO_LONG;
	}
	if (r->trouble == CURLE_OK)
		err_set(err, E_IO, "the answer ended early");
	else if (r->trouble == CURLE_OPERATION_TIMEDOUT)
		err_set(err, E_IO, "no answer from '%.100s' in %u ms",
		    r->engine->endpoint, r->timeout_ms);
	else
		err_set(err, E_IO, "'%.100s': %.140s", r->engine->endpoint,
		    r->trouble_text[0] != '\0'
			? r->trouble_text
			: curl_easy_strerror(r->trouble));
	return r->sent == 0 ? ENGINE_AWAY : ENGINE_UNKNOWN;
}

/* Sending. */

static bool
add_header(struct request *r, const char *line)
{
	struct curl_slist *more = curl_slist_append(r->headers, line);

	if (more == NULL)
		return false;
	r->headers = more;
	return true;
}

static bool
set_headers(struct request *r)
{
	const struct engine *e = r->engine;
	char line[ENGINE_MAX_TOKEN + 32];
	bool ok = add_header(r, "Content-Type: application/json") &&
	    /* Nobody is asked first whether a body may follow. */
	    add_header(r, "Expect:");

	if (ok && r->call != ETCD_LOGIN && e->token[0] != '\0' &&
	    strcmp(e->token, "-") != 0) {
		snprintf(line, sizeof(line), "Authorization: %s", e->token);
		ok = add_header(r, line);
		OPENSSL_cleanse(line, sizeof(line));
	}
	return ok;
}

#define SET(option, value) \
	(curl_easy_setopt(r->easy, option, value) == CURLE_OK)

static bool
set_transport(struct request *r)
{
	const struct engine *e = r->engine;
	bool plain = strncmp(e->endpoint, "http://", 7) == 0;

	return SET(CURLOPT_PROTOCOLS_STR, plain ? "http" : "https") &&
	    SET(CURLOPT_PROXY, "") && SET(CURLOPT_NOSIGNAL, 1L) &&
	    SET(CURLOPT_FOLLOWLOCATION, 0L) &&
	    /* One connection for all, where there is HTTP/2. */
	    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) &&
	    SET(CURLOPT_PIPEWAIT, 1L) &&
	    /* Never waits for a resolver's thread. */
	    SET(CURLOPT_QUICK_EXIT, 1L) &&
	    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	    (e->ca_file == NULL ||
		(SET(CURLOPT_CAINFO, e->ca_file) &&
		    SET(CURLOPT_CAPATH, NULL))) &&
	    (e->certificate == NULL ||
		(SET(CURLOPT_SSLCERT, e->certificate) &&
		    SET(CURLOPT_SSLKEY, e->key)));
}

static bool
set_request(struct request *r)
{
	struct engine *e = r->engine;
	uint64_t passed = clock_mono_ms() - r->begun_ms;
	char url[1024];
	int len;

	/* Waiting for a token is part of it. */
	long left = r->timeout_ms > passed ? (long)(r->timeout_ms - passed) : 1;

	len = snprintf(
	    url, sizeof(url), "%s%s", e->endpoint, etcd_json_path(r->call));
	return len > 0 && (size_t)len < sizeof(url) && set_headers(r) &&
	    SET(CURLOPT_URL, url) && SET(CURLOPT_POST, 1L) &&
	    SET(CURLOPT_HTTPHEADER, r->headers) &&
	    SET(CURLOPT_USERAGENT, "p2p-gateway") &&
	    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len) &&
	    SET(CURLOPT_READFUNCTION, read_body) && SET(CURLOPT_READDATA, r) &&
	    SET(CURLOPT_SEEKFUNCTION, seek_body) && SET(CURLOPT_SEEKDATA, r) &&
	    SET(CURLOPT_WRITEFUNCTION, take_body) &&
	    SET(CURLOPT_WRITEDATA, r) && SET(CURLOPT_PRIVATE, r) &&
	    SET(CURLOPT_ERRORBUFFER, r->trouble_text) &&
	    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)e->timeout_ms) &&
	    SET(CURLOPT_TIMEOUT_MS, r->timeout_ms != 0 ? left : 0L);
}

void
etcd_request_send(struct request *r)
{
	struct engine *e = r->engine;

	r->token_num = e->token_num;
	r->easy = curl_easy_init();
	if (r->easy == NULL || !set_transport(r) || !set_request(r) ||
	    curl_multi_add_handle(curl_loop_multi(e->loop), r->easy) !=
		CURLM_OK)
		etcd_request_fail(r, ENGINE_AWAY, "libcurl takes no request");
}
