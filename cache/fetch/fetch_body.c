/*
 * fetch_body: what an answer brings, as libcurl calls for it: header lines that
 * say how its body is coded, and the body, which goes to the builder of a CRL
 * or is kept. Service thread only.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cache/base/clock.h"
#include "cache/fetch/fetch_internal.h"

/*
 * Who packs must not make us unpack without end: more than this for a byte that
 * was received is no CRL.
 */
#define UNPACKED_FREE  ((uint64_t)1 << 20)
#define UNPACKED_RATIO 64

static bool
unpacks_too_far(struct fetch *x)
{
	curl_off_t received = 0;

	curl_easy_getinfo(x->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
	return x->result.num_bytes >
	    UNPACKED_FREE + UNPACKED_RATIO * (uint64_t)received;
}

PRINTF_LIKE(3, 4)
static size_t
body_stop(struct fetch *x, enum evidence_fail fail, const char *fmt, ...)
{
	va_list ap;

	x->body_fail = fail;
	va_start(ap, fmt);
	vsnprintf(x->result.msg, sizeof(x->result.msg), fmt, ap);
	va_end(ap);
	return 0;
}

/* Of the body, as announced; 0: it is not. */
static uint64_t
announced(struct fetch *x)
{
	curl_off_t total = -1;

	curl_easy_getinfo(x->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &total);
	return total > 0 ? (uint64_t)total : 0;
}

/*
 * On the thread aside. Making an event active takes a lock, which that thread,
 * kept from running, would keep from this one.
 */
static void
fetch_is_told(void *arg)
{
	const struct fetch *x = arg;

	(void)!eventfd_write(x->told_fd, 1);
}

/* False: no descriptor or memory is left. */
static bool
fetch_can_wait(struct fetch *x)
{
	if (x->tend != NULL)
		return true;
	x->told_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (x->told_fd < 0)
		return false;
	x->tend = event_new(
	    x->fetcher->base, x->told_fd, EV_READ, x->fetcher->tend, x);
	if (x->tend == NULL)
		close(x->told_fd);
	return x->tend != NULL;
}

static int
feed_crl(
    struct fetch *x, struct span piece, enum crl_fault *fault, struct err *err)
{
	/*
	 * This thread has answers to give that are not large. What is unpacked
	 * cannot wait: libcurl would unpack on, and keep it all.
	 */
	if (!x->packed &&
	    (x->result.num_bytes > CRL_ASIDE_FROM ||
		announced(x) > CRL_ASIDE_FROM) &&
	    fetch_can_wait(x))
		(void)crl_builder_aside(x->builder, 0);
	return crl_builder_feed(x->builder, piece, fault, err);
}

bool
fetch_wait(struct fetch *x)
{
	const struct timeval help =
	    clock_timeval(x->received ? FETCH_READ_MS : FETCH_ROOM_MS);

	x->tend_mono_ms = clock_mono_ms();
	if (event_add(x->tend, &help) != 0)
		return false;
	if (crl_builder_await(x->builder, FETCH_ROOM_BYTES))
		event_active(x->tend, 0, 0);
	return true;
}

/* The rest stays with the kernel: nothing is read at this thread's priority. */
static size_t
fetch_pause(struct fetch *x)
{
	return fetch_wait(x)
	    ? CURL_WRITEFUNC_PAUSE
	    : body_stop(x, EVIDENCE_FAIL_NOMEM, "out of memory");
}

size_t
fetch_body(char *p, size_t size, size_t num, void *arg)
{
	struct fetch *x = arg;
	size_t len = size * num, first = sizeof(x->first) - x->first_len;
	enum crl_fault fault;
	struct err err;
	long status = 0;
	int rc;

	if (x->builder != NULL && !crl_builder_room(x->builder, len))
		return fetch_pause(x);
	x->result.num_bytes += len;
	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	/*
	 * An error page is no evidence: do not receive one byte more than this.
	 */
	if (status != 200)
		return x->result.num_bytes > 65536 ? 0 : len;
	if (x->progress != NULL)
		x->progress(x->arg, x->result.num_bytes, announced(x));
	first = first < len ? first : len;
	memcpy(x->first + x->first_len, p, first);
	x->first_len += first;
	if (unpacks_too_far(x))
		return body_stop(x, EVIDENCE_FAIL_TOO_LARGE,
		    "gzip that unpacks to more than %d times its size",
		    UNPACKED_RATIO);
	if (x->kind == EVIDENCE_OCSP) {
		rc = bytes_append(&x->result.body, p, len);
		if (rc == 0)
			return len;
		if (rc == E_NOMEM)
			return body_stop(
			    x, EVIDENCE_FAIL_NOMEM, "out of memory");
		return body_stop(x, EVIDENCE_FAIL_TOO_LARGE,
		    "response is larger than the limit of %zu bytes "
		    "(revocation.max_ocsp_bytes)",
		    x->result.body.max);
	}
	if (feed_crl(x, span_of(p, len), &fault, &err) == 0)
		return len;
	if (fault == CRL_FAULT_MALFORMED || fault == CRL_FAULT_NOMEM)
		return body_stop(x,
		    fault == CRL_FAULT_NOMEM ? EVIDENCE_FAIL_NOMEM
					     : EVIDENCE_FAIL_MALFORMED,
		    "%s", err.msg);
	return body_stop(x, EVIDENCE_FAIL_TOO_LARGE,
	    "%.180s (revocation.max_crl_bytes, max_crl_entries)", err.msg);
}

bool
fetch_body_begin(struct fetch *x)
{
	if (x->kind == EVIDENCE_CRL) {
		crl_builder_free(x->builder);
		x->builder = crl_builder_new(&x->fetcher->limits.crl);
		if (x->builder == NULL)
			return false;
		/* What the one before was waited for. */
		if (x->tend != NULL)
			(void)event_del(x->tend);
		crl_builder_tell(x->builder, fetch_is_told, x);
	}
	x->result.body.len = 0;
	x->result.num_bytes = 0;
	x->first_len = 0;
	x->codings = 0;
	x->packed = false;
	return true;
}

/* Header lines. */

/* The value of a header line of that name. */
static bool
header_read(struct span *value, struct span line, const char *name)
{
	size_t n = strlen(name);

	if (line.len < n || strncasecmp((const char *)line.p, name, n) != 0)
		return false;
	line = span_of(line.p + n, line.len - n);
	while (line.len > 0 && line.p[line.len - 1] <= ' ')
		line.len--;
	while (line.len > 0 && *line.p <= ' ')
		line.p++, line.len--;
	*value = line;
	return true;
}

static bool
header_names(struct span value, const char *coding)
{
	return value.len == strlen(coding) &&
	    strncasecmp((const char *)value.p, coding, value.len) == 0;
}

/*
 * One content coding that was not asked for is undone (RFC 9110 12.5.3: who
 * names none takes any), of a kind whose decoder is bounded. Several could
 * unpack to anything. Of transfer codings there is none but chunked for who
 * has not asked (RFC 9112 7.4; RFC 2616 3.6 knew one that does nothing), and
 * libcurl would undo them as well.
 */
static bool
coding_is_undone(struct fetch *x, struct span value)
{
	static const char *const known[] = {
	    "identity", "gzip", "x-gzip", "deflate"};

	if (x->codings++ > 0)
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (header_names(value, known[i])) {
			x->packed = i > 0;
			return true;
		}
	return false;
}

size_t
fetch_header_line(char *p, size_t size, size_t num, void *arg)
{
	struct fetch *x = arg;
	struct span line = span_of(p, size * num), value;
	const char *kind;

	if (line.len > 5 && strncasecmp(p, "HTTP/", 5) == 0) {
		x->codings = 0;
		x->packed = false;
	}
	if (header_read(&value, line, "content-encoding:")) {
		if (coding_is_undone(x, value))
			return line.len;
		kind = "content";
	} else if (header_read(&value, line, "transfer-encoding:")) {
		if (header_names(value, "chunked") ||
		    header_names(value, "identity"))
			return line.len;
		kind = "transfer";
	} else {
		return line.len;
	}
	return body_stop(x, EVIDENCE_FAIL_MALFORMED,
	    "%s coding '%.*s' was not asked for", kind,
	    value.len < 60 ? (int)value.len : 60, (const char *)value.p);
}
