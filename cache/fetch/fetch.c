/*
 * fetch: see the header. Service thread only. Owns one exchange: its easy
 * handle, what is asked and what has arrived. libcurl parses HTTP; a redirect
 * passes the same checks as the first URL; the environment is never read.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <sys/socket.h>

#include "cache/base/clock.h"
#include "cache/fetch/address_rules.h"
#include "cache/fetch/fetch_internal.h"
#include "cache/base/text.h"
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
	curl_slist_free_all(x->headers);
	crl_builder_free(x->builder);
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

static void
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

PRINTF_LIKE(3, 4)
static void
fetch_fail(struct fetch *x, enum evidence_fail fail, const char *fmt, ...)
{
	struct fetch_result *r = &x->result;
	va_list ap;

	r->fail = fail;
	va_start(ap, fmt);
	vsnprintf(r->msg, sizeof(r->msg), fmt, ap);
	va_end(ap);
}

/* Callbacks of libcurl: bytes and sockets. */

static size_t
fetch_body(char *p, size_t size, size_t num, void *arg)
{
	struct fetch *x = arg;
	size_t len = size * num;
	enum crl_fault fault;
	struct err err;
	long status = 0;
	int rc;

	x->result.num_bytes += len;
	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	/*
	 * An error page is no evidence: do not receive one byte more than this.
	 */
	if (status != 200)
		return x->result.num_bytes > 65536 ? 0 : len;
	if (x->kind == EVIDENCE_OCSP) {
		rc = bytes_append(&x->result.body, p, len);
		if (rc == 0)
			return len;
		x->body_fail = rc == E_LIMIT ? EVIDENCE_FAIL_TOO_LARGE
					     : EVIDENCE_FAIL_NOMEM;
		snprintf(x->result.msg, sizeof(x->result.msg),
		    "response is larger than the limit of %zu bytes",
		    x->result.body.max);
		return 0;
	}
	if (crl_builder_feed(x->builder, span_of(p, len), &fault, &err) == 0)
		return len;
	snprintf(x->result.msg, sizeof(x->result.msg), "%s", err.msg);
	x->body_fail = fault == CRL_FAULT_MALFORMED ? EVIDENCE_FAIL_MALFORMED
	    : fault == CRL_FAULT_NOMEM              ? EVIDENCE_FAIL_NOMEM
						    : EVIDENCE_FAIL_TOO_LARGE;
	return 0;
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

/* Checks what can be checked of a URL alone; false: result says why. */
static bool
fetch_judge_url(struct fetch *x, const char *url)
{
	struct fetcher *f = x->fetcher;
	const char *kind;
	struct url u;

	if (url_scheme(u.scheme, url) && strcmp(u.scheme, "http") != 0 &&
	    strcmp(u.scheme, "https") != 0) {
		fetch_fail(x, EVIDENCE_FAIL_SCHEME,
		    "scheme '%s' is not supported", u.scheme);
		return false;
	}
	if (!url_read(&u, url)) {
		fetch_fail(x, EVIDENCE_FAIL_REFUSED, "not a usable URL");
		return false;
	}
	if (!port_allowed(f, u.port)) {
		fetch_fail(x, EVIDENCE_FAIL_REFUSED, "port %u is not allowed",
		    (unsigned)u.port);
		return false;
	}
	kind = address_rules_literal_refused(f->addresses, u.host);
	if (kind != NULL) {
		fetch_fail(x, EVIDENCE_FAIL_REFUSED,
		    "address '%s' is not allowed (%s)", u.host, kind);
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
	SET(CURLOPT_PRIVATE, x);
	SET(CURLOPT_ERRORBUFFER, x->trouble);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
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

/* Hands x->url to libcurl; false: result says why. */
static bool
fetch_ask(struct fetch *x)
{
	const char *url = x->url;

	if (!fetch_judge_url(x, url)) {
		x->result.dead = x->redirects == 0;
		return false;
	}
	fetch_fail(x, EVIDENCE_FAIL_NOMEM, "out of memory");
	if (x->request_len > 0 && !x->post && x->redirects == 0) {
		if (url_ocsp_get(
			&x->get, url, span_of(x->request, x->request_len)) != 0)
			return false;
		url = (const char *)x->get.p;
	}
	if (x->kind == EVIDENCE_CRL) {
		crl_builder_free(x->builder);
		x->builder = crl_builder_new(&x->fetcher->limits.crl);
		if (x->builder == NULL)
			return false;
	}
	x->result.body.len = 0;
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
	x->fetcher = f;
	x->kind = o->kind;
	x->done = done;
	x->arg = arg;
	x->until_mono_ms = clock_mono_ms() + fetch_timeout_ms(f, o->kind);
	if (o->until_mono_ms != 0 && o->until_mono_ms < x->until_mono_ms)
		x->until_mono_ms = o->until_mono_ms;
	x->result.max_age_sec = -1;
	bytes_init(&x->result.body, f->limits.max_ocsp_bytes);
	bytes_init(&x->get, 1024);
	x->url = text_dup(o->url, &ok);
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
	if (!ok || x->soon == NULL || x->url == NULL) {
		fetch_free(x);
		return E_NOMEM;
	}
	x->next = f->first;
	x->prev = &f->first;
	if (x->next != NULL)
		x->next->prev = &x->next;
	f->first = x;
	if (!fetch_ask(x))
		event_active(x->soon, 0, 0);
	*out = x;
	return 0;
}

/* Answers. */

static void
keep_header(struct fetch *x, const char *name, char out[FETCH_MAX_VALIDATOR])
{
	struct curl_header *h;

	out[0] = '\0';
	if (curl_easy_header(x->easy, name, 0, CURLH_HEADER, -1, &h) !=
		CURLHE_OK ||
	    strlen(h->value) >= FETCH_MAX_VALIDATOR)
		return;
	for (const char *p = h->value; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return;
	text_copy(out, FETCH_MAX_VALIDATOR, h->value);
}

/* Cache-Control (RFC 9111 5.2.2), as far as it says how long. */
static int64_t
read_max_age(struct fetch *x)
{
	struct curl_header *h;
	int64_t age = -1;
	const char *p;
	char *end;
	long v;

	if (curl_easy_header(
		x->easy, "Cache-Control", 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return -1;
	for (p = h->value; *p != '\0'; p += strcspn(p, ",")) {
		p += strspn(p, ", \t");
		if (strncasecmp(p, "no-store", 8) == 0 ||
		    strncasecmp(p, "no-cache", 8) == 0)
			return 0;
		if (strncasecmp(p, "max-age=", 8) != 0)
			continue;
		v = strtol(p + 8, &end, 10);
		if (end != p + 8 && v >= 0)
			age = v;
	}
	return age;
}

/*
 * A redirect is a new question: 1 when it was asked, 0 when the answer is
 * final (result says what).
 */
static int
fetch_redirect(struct fetch *x)
{
	char *target = NULL, *copy;
	struct url from, to;

	curl_easy_getinfo(x->easy, CURLINFO_REDIRECT_URL, &target);
	if (target == NULL) {
		fetch_fail(x, EVIDENCE_FAIL_HTTP,
		    "HTTP status %d without a usable Location",
		    x->result.http_status);
		return 0;
	}
	if (x->redirects == FETCH_MAX_REDIRECTS) {
		fetch_fail(x, EVIDENCE_FAIL_REFUSED, "more than %d redirects",
		    FETCH_MAX_REDIRECTS);
		return 0;
	}
	/* To another scheme only from http to https. */
	if (!url_read(&to, target) || !url_read(&from, x->url) ||
	    (strcmp(to.scheme, from.scheme) != 0 &&
		!(strcmp(from.scheme, "http") == 0 &&
		    strcmp(to.scheme, "https") == 0))) {
		fetch_fail(x, EVIDENCE_FAIL_REFUSED,
		    "redirect to '%.160s' is not allowed", target);
		return 0;
	}
	copy = strdup(target);
	curl_multi_remove_handle(x->fetcher->multi, x->easy);
	curl_easy_cleanup(x->easy);
	x->easy = NULL;
	curl_slist_free_all(x->headers);
	x->headers = NULL;
	free(x->url);
	x->url = copy;
	x->redirects++;
	x->refused = NULL;
	if (copy == NULL) {
		fetch_fail(x, EVIDENCE_FAIL_NOMEM, "out of memory");
		return 0;
	}
	if (fetch_ask(x))
		return 1;
	return 0;
}

static void
fetch_content(struct fetch *x)
{
	enum crl_fault fault;
	struct err err;

	keep_header(x, "ETag", x->result.etag);
	keep_header(x, "Last-Modified", x->result.last_modified);
	x->result.max_age_sec = read_max_age(x);
	if (x->kind != EVIDENCE_CRL)
		return;
	if (crl_builder_finish(x->builder, &x->result.crl, &fault, &err) == 0)
		return;
	fetch_fail(x,
	    fault == CRL_FAULT_NOMEM ? EVIDENCE_FAIL_NOMEM
				     : EVIDENCE_FAIL_MALFORMED,
	    "%s", err.msg);
}

/* No request was sent; a connection that broke later is another matter. */
static bool
is_about_connecting(struct fetch *x, CURLcode rc)
{
	curl_off_t sending = 0;

	curl_easy_getinfo(x->easy, CURLINFO_PRETRANSFER_TIME_T, &sending);
	return rc == CURLE_COULDNT_CONNECT ||
	    rc == CURLE_COULDNT_RESOLVE_HOST ||
	    rc == CURLE_COULDNT_RESOLVE_PROXY ||
	    (rc == CURLE_OPERATION_TIMEDOUT && sending == 0);
}

/* libcurl reports TLS failures with several codes. */
static bool
is_about_tls(CURLcode rc)
{
	return rc == CURLE_PEER_FAILED_VERIFICATION ||
	    rc == CURLE_SSL_CONNECT_ERROR || rc == CURLE_SSL_CACERT_BADFILE;
}

static void
fetch_broken(struct fetch *x, CURLcode rc)
{
	enum evidence_fail fail = EVIDENCE_FAIL_UNREACHABLE;

	x->result.dead = x->redirects == 0 &&
	    (is_about_connecting(x, rc) || is_about_tls(rc));
	if (x->body_fail != EVIDENCE_FAIL_NONE) {
		x->result.fail = x->body_fail; /* msg says it already */
		return;
	}
	if (x->refused != NULL && rc == CURLE_COULDNT_CONNECT) {
		fetch_fail(x, EVIDENCE_FAIL_REFUSED,
		    "host '%.100s' has an address that is not allowed (%s)",
		    x->host, x->refused);
		return;
	}
	if (rc == CURLE_OPERATION_TIMEDOUT)
		fail = EVIDENCE_FAIL_DEADLINE;
	/* libcurl's code for a header line that does not end. */
	if (rc == CURLE_OUT_OF_MEMORY) {
		fetch_fail(x, fail,
		    "the head of the answer is too large, or memory ran out");
		return;
	}
	if (is_about_tls(rc) && x->trouble[0] != '\0') {
		fetch_fail(x, fail, "no TLS with '%.100s': %.140s", x->host,
		    x->trouble);
		return;
	}
	fetch_fail(x, fail, "%s", curl_easy_strerror(rc));
}

void
fetch_answered(struct fetch *x, CURLcode rc)
{
	long status = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	x->result.http_status = (int)status;
	if (status >= 300 && status <= 308 && status != 304 && status != 300 &&
	    status != 305 && status != 306) {
		if (fetch_redirect(x) == 1)
			return;
	} else if (status == 304 && (x->etag || x->last_modified)) {
		x->result.not_modified = true;
		x->result.max_age_sec = read_max_age(x);
	} else if (status != 0 && status != 200 &&
	    (rc == CURLE_OK || rc == CURLE_WRITE_ERROR)) {
		fetch_fail(x, EVIDENCE_FAIL_HTTP, "HTTP status %ld", status);
	} else if (rc != CURLE_OK) {
		fetch_broken(x, rc);
	} else {
		fetch_content(x);
	}
	fetch_tell(x);
}
