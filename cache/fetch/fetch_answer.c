/*
 * fetch_answer: what became of an exchange: a redirect to follow, content, or
 * the reason that there is none. Service thread only.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/event.h>
#include <sys/eventfd.h>

#include "cache/base/clock.h"
#include "cache/base/text.h"
#include "cache/fetch/fetch_internal.h"

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

/* Says that it was a redirect that led to what was refused. */
static void
redirect_refused(struct fetch *x, const char *target)
{
	char why[sizeof(x->result.msg)];

	text_copy(why, sizeof(why), x->result.msg);
	if (x->result.fail != EVIDENCE_FAIL_NOMEM)
		fetch_fail(x, EVIDENCE_FAIL_REFUSED,
		    "redirect to '%.90s' is not allowed: %.120s", target, why);
}

/*
 * A redirect is a new question: true when it was asked; else the answer is
 * final, and the result says what.
 */
static bool
fetch_redirect(struct fetch *x)
{
	char *target = NULL, *copy;
	bool tls, asked = false;

	curl_easy_getinfo(x->easy, CURLINFO_REDIRECT_URL, &target);
	if (target == NULL) {
		fetch_fail(x, EVIDENCE_FAIL_HTTP,
		    "HTTP status %d without a usable Location",
		    x->result.http_status);
		return false;
	}
	if (x->redirects == FETCH_MAX_REDIRECTS) {
		fetch_fail(x, EVIDENCE_FAIL_REFUSED, "more than %d redirects",
		    FETCH_MAX_REDIRECTS);
		return false;
	}
	copy = strdup(target);
	tls = strncmp(x->url, "https:", 6) == 0;
	curl_multi_remove_handle(x->fetcher->multi, x->easy);
	curl_easy_cleanup(x->easy);
	x->easy = NULL;
	curl_slist_free_all(x->headers);
	x->headers = NULL;
	x->redirects++;
	x->refused = NULL;
	if (copy == NULL)
		fetch_fail(x, EVIDENCE_FAIL_NOMEM, "out of memory");
	else if (!fetch_set_url(x, copy))
		redirect_refused(x, copy);
	else if (tls && strncmp(x->url, "https:", 6) != 0)
		fetch_fail(x, EVIDENCE_FAIL_REFUSED,
		    "redirect to '%.160s' is not allowed: from https to http",
		    copy);
	else
		asked = fetch_ask(x);
	free(copy);
	return asked;
}

/* What came instead of evidence, where its first bytes tell; NULL: no idea. */
static const char *
came_instead(const struct fetch *x)
{
	const uint8_t *p = x->first;
	size_t n = x->first_len;

	if (n == 0)
		return "an empty answer";
	if (n >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		return "gzip that was not asked for";
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3, n -= 3;
	while (n > 0 && isspace(*p))
		p++, n--;
	if (n > 0 && *p == '<')
		return "a page of HTML";
	if (x->kind == EVIDENCE_OCSP && n >= 10 &&
	    memcmp(p, "-----BEGIN", 10) == 0)
		return "PEM";
	return NULL;
}

static void
fetch_malformed(struct fetch *x, const char *why)
{
	const char *what = came_instead(x);

	if (what != NULL)
		fetch_fail(x, EVIDENCE_FAIL_MALFORMED, "%s instead of %s", what,
		    x->kind == EVIDENCE_CRL ? "a CRL"
					    : "an OCSP response in DER");
	else
		fetch_fail(x, EVIDENCE_FAIL_MALFORMED, "%.250s", why);
}

static void
fetch_crl(struct fetch *x)
{
	enum crl_fault fault;
	struct err err;

	if (crl_builder_finish(x->builder, &x->result.crl, &fault, &err) == 0)
		return;
	if (fault == CRL_FAULT_NOMEM)
		fetch_fail(x, EVIDENCE_FAIL_NOMEM, "%s", err.msg);
	else
		fetch_malformed(x, err.msg);
}

/* This thread does a few parts each time, when it helps. */
#define TEND_US    1000
#define TEND_PARTS 8

/* Whether there is room for more, or all has been read. */
static bool
fetch_is_tended(struct fetch *x)
{
	uint64_t waited = clock_mono_ms() - x->tend_mono_ms;
	uint64_t patience = x->received ? FETCH_READ_MS : FETCH_ROOM_MS;
	eventfd_t told;

	(void)!eventfd_read(x->told_fd, &told);
	for (int i = 0; waited >= patience && i < TEND_PARTS; i++)
		(void)crl_builder_tend(x->builder, true);
	return crl_builder_await(x->builder, FETCH_ROOM_BYTES);
}

void
fetch_tend(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval soon = {.tv_usec = TEND_US};
	struct fetch *x = arg;
	CURLcode rc;

	if (!fetch_is_tended(x) && event_add(x->tend, &soon) == 0)
		return;
	if (x->received) {
		fetch_crl(x);
		fetch_tell(x);
		return;
	}
	/* Failing here does not end the transfer. */
	rc = curl_easy_pause(x->easy, CURLPAUSE_CONT);
	if (rc != CURLE_OK)
		fetch_answered(&x->base, rc);
}

/* True: it is told when its thread aside is done. */
static bool
fetch_is_aside(struct fetch *x)
{
	crl_builder_end(x->builder);
	x->received = true;
	return !crl_builder_tend(x->builder, false) && fetch_wait(x);
}

/* True: later. */
static bool
fetch_content(struct fetch *x)
{
	keep_header(x, "ETag", x->result.etag);
	keep_header(x, "Last-Modified", x->result.last_modified);
	x->result.max_age_sec = read_max_age(x);
	if (x->kind == EVIDENCE_OCSP) {
		if (came_instead(x) != NULL)
			fetch_malformed(x, "");
		return false;
	}
	if (fetch_is_aside(x))
		return true;
	fetch_crl(x);
	return false;
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

/* Nobody answered, or not to the end; with the key of the limit, if one. */
static void
fetch_unreachable(struct fetch *x, CURLcode rc)
{
	const char *why =
	    x->trouble[0] != '\0' ? x->trouble : curl_easy_strerror(rc);
	bool connecting = is_about_connecting(x, rc);

	if (rc == CURLE_OPERATION_TIMEDOUT)
		fetch_fail(x, EVIDENCE_FAIL_DEADLINE, "%.140s (revocation.%s)",
		    why,
		    connecting                    ? "connect_timeout_ms"
			: x->kind == EVIDENCE_CRL ? "crl_timeout_ms"
						  : "fetch_timeout_ms");
	else if (connecting && x->fetcher->proxy != NULL)
		fetch_fail(x, EVIDENCE_FAIL_UNREACHABLE,
		    "no connection to the proxy (revocation.proxy)");
	else if (rc == CURLE_PEER_FAILED_VERIFICATION)
		fetch_fail(x, EVIDENCE_FAIL_UNREACHABLE,
		    "no TLS with '%.60s': %.110s (revocation.https_ca_file)",
		    x->host, why);
	else if (is_about_tls(rc))
		fetch_fail(x, EVIDENCE_FAIL_UNREACHABLE,
		    "no TLS with '%.100s': %.140s", x->host, why);
	else
		fetch_fail(
		    x, EVIDENCE_FAIL_UNREACHABLE, "%s", curl_easy_strerror(rc));
}

static void
fetch_broken(struct fetch *x, CURLcode rc)
{
	x->result.dead = x->redirects == 0 &&
	    (is_about_connecting(x, rc) || is_about_tls(rc));
	if (x->body_fail == EVIDENCE_FAIL_MALFORMED && x->first_len > 0) {
		char why[sizeof(x->result.msg)];

		text_copy(why, sizeof(why), x->result.msg);
		fetch_malformed(x, why);
	} else if (x->body_fail != EVIDENCE_FAIL_NONE) {
		x->result.fail = x->body_fail; /* msg says it already */
	} else if (x->refused != NULL && rc == CURLE_COULDNT_CONNECT) {
		fetch_fail(x, EVIDENCE_FAIL_REFUSED,
		    "host '%.100s' has an address that is not allowed (%s): "
		    "add it to revocation.allow_addresses",
		    x->host, x->refused);
	} else if (rc == CURLE_OUT_OF_MEMORY) {
		/* libcurl's code for a header line that does not end. */
		fetch_fail(x, EVIDENCE_FAIL_UNREACHABLE,
		    "the head of the answer is too large, or memory ran out");
	} else if (rc == CURLE_BAD_CONTENT_ENCODING) {
		fetch_fail(x, EVIDENCE_FAIL_MALFORMED,
		    "it is not what its Content-Encoding says");
	} else if (rc == CURLE_WRITE_ERROR) {
		/* Of a refusal of ours body_fail would know. */
		fetch_fail(x, EVIDENCE_FAIL_MALFORMED,
		    "octets behind the end of what its Content-Encoding says");
	} else {
		fetch_unreachable(x, rc);
	}
}

static void
fetch_status(struct fetch *x, long status)
{
	fetch_fail(x, EVIDENCE_FAIL_HTTP, "HTTP status %ld%s", status,
	    status == 407 ? " of the proxy (revocation.proxy)" : "");
}

void
fetch_answered(struct transfer *t, CURLcode rc)
{
	struct fetch *x = (struct fetch *)t;
	long status = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	x->result.http_status = (int)status;
	if (status >= 300 && status <= 308 && status != 304 && status != 300 &&
	    status != 305 && status != 306) {
		if (fetch_redirect(x))
			return;
	} else if (status == 304 && (x->etag || x->last_modified)) {
		x->result.not_modified = true;
		x->result.max_age_sec = read_max_age(x);
	} else if (status != 0 && status != 200 &&
	    (rc == CURLE_OK || rc == CURLE_WRITE_ERROR)) {
		fetch_status(x, status);
	} else if (rc != CURLE_OK) {
		fetch_broken(x, rc);
	} else if (fetch_content(x)) {
		return;
	}
	fetch_tell(x);
}
