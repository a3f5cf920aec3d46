/*
 * fetch: see the header. Service thread only. Owns one exchange: its easy
 * handle, what is asked and what has arrived. libcurl parses HTTP; a redirect
 * passes the same checks as the first URL; the environment is never read.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cache/base/clock.h"
#include "cache/fetch/address_rules.h"
#include "cache/fetch/fetch_internal.h"
#include "cache/base/text.h"
#include "cache/base/url_text.h"
#include "cache/fetch/url.h"

#define RECEIVE_BUFFER (64L << 10)

/* The end of a fetch. */

static void
fetch_free(struct fetch *x)
{
	if (x->easy != NULL) {
		curl_multi_remove_handle(x->fetcher->multi, x->easy);
		curl_easy_cleanup(x->easy);
	}
	if (x->prev != NULL) {
		*x->prev = x->next;
		if (x->next != NULL)
			x->next->prev = x->prev;
	}
	if (x->soon != NULL)
		event_free(x->soon);
	/* Its thread may still write to told_fd. */
	crl_builder_free(x->builder);
	if (x->tend != NULL) {
		event_free(x->tend);
		close(x->told_fd);
	}
	curl_slist_free_all(x->headers);
	crl_free(x->result.crl);
	bytes_cleanup(&x->result.body);
	bytes_cleanup(&x->get);
	free(x->request);
	free(x->url);
	free(x->host);
	free(x->etag);
	free(x->last_modified);
	free(x);
}

void
fetch_cancel(struct fetch *x)
{
	if (x != NULL)
		fetch_free(x);
}

void
fetch_tell(struct fetch *x)
{
	x->done(x->arg, &x->result);
	fetch_free(x);
}

static void
fetch_soon(evutil_socket_t fd, short what, void *arg)
{
	fetch_tell(arg);
}

void
fetch_fail(struct fetch *x, enum evidence_fail fail, const char *fmt, ...)
{
	struct fetch_result *r = &x->result;
	va_list ap;

	r->fail = fail;
	va_start(ap, fmt);
	vsnprintf(r->msg, sizeof(r->msg), fmt, ap);
	va_end(ap);
}

static curl_socket_t
fetch_open_socket(
    void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct fetch *x = arg;
	const char *kind = NULL;
	curl_socket_t fd;

	/* The proxy was configured by name, so its address is not checked. */
	if (x->fetcher->proxy == NULL)
		kind = address_rules_refused(
		    x->fetcher->addresses, x->host, &address->addr);
	if (kind != NULL) {
		x->refused = kind;
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* Asking. */

static bool
port_allowed(const struct fetcher *f, uint16_t port)
{
	if (f->any_port)
		return true;
	for (size_t i = 0; f->ports[i] != 0; i++)
		if (f->ports[i] == port)
			return true;
	return false;
}

/* Why this one may not be asked; false: result says it. */
static bool
fetch_judge_url(struct fetch *x)
{
	struct fetcher *f = x->fetcher;
	const char *kind;
	struct url u;

	if (!url_read(&u, x->url)) {
		fetch_fail(x, EVIDENCE_FAIL_REFUSED, "not a usable URL");
		return false;
	}
	if (!port_allowed(f, u.port)) {
		fetch_fail(x, EVIDENCE_FAIL_REFUSED,
		    "port %u is not allowed: add it to revocation.ports",
		    (unsigned)u.port);
		return false;
	}
	kind = address_rules_literal_refused(f->addresses, u.host);
	if (kind != NULL) {
		fetch_fail(x, EVIDENCE_FAIL_REFUSED,
		    "address '%.100s' is not allowed (%s): add it to "
		    "revocation.allow_addresses",
		    u.host, kind);
		return false;
	}
	free(x->host);
	x->host = strdup(u.host);
	if (x->host == NULL) {
		fetch_fail(x, EVIDENCE_FAIL_NOMEM, "out of memory");
		return false;
	}
	return true;
}

bool
fetch_set_url(struct fetch *x, const char *text)
{
	char scheme[16], *url;
	struct err err;
	int rc = url_normalise(&url, span_of(text, strlen(text)), &err);

	if (rc != 0) {
		fetch_fail(x,
		    rc == E_NOMEM ? EVIDENCE_FAIL_NOMEM
			: url_scheme(scheme, url) &&
			    strncmp(scheme, "http", 4) != 0
			? EVIDENCE_FAIL_SCHEME
			: EVIDENCE_FAIL_REFUSED,
		    "%s", err.msg);
		free(url);
		return false;
	}
	free(x->url);
	x->url = url;
	return fetch_judge_url(x);
}

static bool
fetch_header(struct fetch *x, const char *name, const char *value)
{
	char line[FETCH_MAX_VALIDATOR + 32];
	struct curl_slist *list;

	snprintf(line, sizeof(line), "%s:%s%s", name,
	    value[0] != '\0' ? " " : "", value);
	list = curl_slist_append(x->headers, line);
	if (list == NULL)
		return false;
	x->headers = list;
	return true;
}

static bool
fetch_headers(struct fetch *x)
{
	bool ok = fetch_header(x, "Accept",
	    x->kind == EVIDENCE_CRL ? "application/pkix-crl, */*"
				    : "application/ocsp-response, */*");

	/*
	 * Removes the header: with "Expect", a cache once gave the answer for
	 * another client.
	 */
	ok = ok && fetch_header(x, "Expect", "");
	ok = ok && fetch_header(x, "Accept-Encoding", "");
	if (x->post)
		ok = ok &&
		    fetch_header(x, "Content-Type", "application/ocsp-request");
	if (x->etag != NULL)
		ok = ok && fetch_header(x, "If-None-Match", x->etag);
	if (x->last_modified != NULL)
		ok = ok &&
		    fetch_header(x, "If-Modified-Since", x->last_modified);
	return ok;
}

static bool
fetch_options_safe(struct fetch *x)
{
	struct fetcher *f = x->fetcher;
	CURL *e = x->easy;
	CURLcode rc = CURLE_OK;

#define SET(o, v) (rc = rc != CURLE_OK ? rc : curl_easy_setopt(e, o, v))
	SET(CURLOPT_PRIVATE, &x->base);
	SET(CURLOPT_ERRORBUFFER, x->trouble);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	/* No such header is sent: see fetch_headers. */
	SET(CURLOPT_ACCEPT_ENCODING, "identity");
	SET(CURLOPT_HEADERFUNCTION, fetch_header_line);
	SET(CURLOPT_HEADERDATA, x);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	/* "" and not NULL: the environment must not choose a proxy. */
	SET(CURLOPT_PROXY, f->proxy != NULL ? f->proxy : "");
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (f->https_ca_file != NULL) {
		SET(CURLOPT_CAINFO, f->https_ca_file);
		SET(CURLOPT_CAPATH, NULL);
	}
	SET(CURLOPT_USERAGENT, f->user_agent);
	SET(CURLOPT_OPENSOCKETFUNCTION, fetch_open_socket);
	SET(CURLOPT_OPENSOCKETDATA, x);
	SET(CURLOPT_WRITEFUNCTION, fetch_body);
	SET(CURLOPT_WRITEDATA, x);
	SET(CURLOPT_HTTPHEADER, x->headers);
	return rc == CURLE_OK;
}

uint32_t
fetch_timeout_ms(const struct fetcher *f, enum evidence_kind kind)
{
	return kind == EVIDENCE_CRL ? f->limits.crl_timeout_ms
				    : f->limits.ocsp_timeout_ms;
}

/* What is left of the time for the whole exchange, redirects included. */
static long
fetch_time_left_ms(const struct fetch *x)
{
	uint64_t now = clock_mono_ms();

	return now + 1 < x->until_mono_ms ? (long)(x->until_mono_ms - now) : 1;
}

static bool
fetch_options_bounds(struct fetch *x, const char *url)
{
	const struct fetcher *f = x->fetcher;
	const struct fetch_limits *l = &f->limits;
	bool is_crl = x->kind == EVIDENCE_CRL;
	CURL *e = x->easy;
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_URL, url);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)l->connect_timeout_ms);
	SET(CURLOPT_TIMEOUT_MS, fetch_time_left_ms(x));
	if (is_crl) {
		SET(CURLOPT_LOW_SPEED_LIMIT, (long)l->low_speed_bytes);
		SET(CURLOPT_LOW_SPEED_TIME, (long)l->low_speed_sec);
		SET(CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	}
	/* A connection that is older than the rules was not judged by them. */
	if (f->rules_mono_ms != 0) {
		long age_sec =
		    (long)((clock_mono_ms() - f->rules_mono_ms) / 1000);

		if (age_sec < 2)
			SET(CURLOPT_FRESH_CONNECT, 1L);
		else
			SET(CURLOPT_MAXLIFETIME_CONN, age_sec - 1);
	}
	if (x->post) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDS, (char *)x->request);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->request_len);
	}
#undef SET
	return rc == CURLE_OK;
}

bool
fetch_ask(struct fetch *x)
{
	const char *url = x->url;

	fetch_fail(x, EVIDENCE_FAIL_NOMEM, "out of memory");
	if (x->request_len > 0 && !x->post && x->redirects == 0) {
		if (url_ocsp_get(
			&x->get, url, span_of(x->request, x->request_len)) != 0)
			return false;
		url = (const char *)x->get.p;
	}
	if (!fetch_body_begin(x))
		return false;
	x->easy = curl_easy_init();
	if (x->easy == NULL || !fetch_headers(x) || !fetch_options_safe(x) ||
	    !fetch_options_bounds(x, url) ||
	    curl_multi_add_handle(x->fetcher->multi, x->easy) != CURLM_OK)
		return false;
	x->result.fail = EVIDENCE_FAIL_NONE;
	x->result.msg[0] = '\0';
	return true;
}

int
fetch_start(struct fetcher *f, const struct fetch_order *o, fetch_done_fn *done,
    void *arg, struct fetch **out)
{
	struct fetch *x = calloc(1, sizeof(*x));
	bool ok = true;

	*out = NULL;
	if (x == NULL)
		return E_NOMEM;
	x->base.answered = f->fetched;
	x->fetcher = f;
	x->kind = o->kind;
	x->progress = o->progress;
	x->done = done;
	x->arg = arg;
	x->until_mono_ms = clock_mono_ms() + fetch_timeout_ms(f, o->kind);
	if (o->until_mono_ms != 0 && o->until_mono_ms < x->until_mono_ms)
		x->until_mono_ms = o->until_mono_ms;
	x->result.max_age_sec = -1;
	bytes_init(&x->result.body, f->limits.max_ocsp_bytes);
	bytes_init(&x->get, 1024);
	x->etag = text_dup(o->etag, &ok);
	x->last_modified = text_dup(o->last_modified, &ok);
	if (o->request.len > 0) {
		x->request = malloc(o->request.len);
		ok = ok && x->request != NULL;
		if (x->request != NULL)
			memcpy(x->request, o->request.p, o->request.len);
		x->request_len = o->request.len;
		x->post = o->post;
	}
	x->soon = evtimer_new(f->base, fetch_soon, x);
	if (!ok || x->soon == NULL) {
		fetch_free(x);
		return E_NOMEM;
	}
	x->next = f->first;
	x->prev = &f->first;
	if (x->next != NULL)
		x->next->prev = &x->next;
	f->first = x;
	x->result.dead = !fetch_set_url(x, o->url);
	if (x->result.dead || !fetch_ask(x))
		event_active(x->soon, 0, 0);
	*out = x;
	return 0;
}
