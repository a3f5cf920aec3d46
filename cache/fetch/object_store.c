/*
 * object_store: see the header. Service thread only. A connection to the store
 * is never one that evidence is fetched by, and the other way about: what may
 * be asked there is not what a certificate may make us ask.
 */
#include "cache/fetch/object_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/evp.h>
#include <arpa/inet.h>
#include <sys/socket.h>

#include "cache/base/clock.h"
#include "cache/base/text.h"
#include "cache/base/url_text.h"
#include "cache/fetch/fetch_internal.h"
#include "cache/fetch/url.h"

#define LOW_SPEED_BYTES 512L
#define LOW_SPEED_SEC   5L

struct object_store {
	char *url; /* with a slash at its end */
	char *ca_file, *credentials, *header;
	char *signing; /* what CURLOPT_AWS_SIGV4 takes; NULL: not signed */
	uint64_t max_bytes;
	uint32_t timeout_ms;
};

struct object_transfer {
	struct transfer base; /* first: cast back from it */
	struct fetcher *fetcher;
	CURL *easy;
	struct curl_slist *headers;
	struct object_order order;
	size_t sent, received;
	EVP_MD_CTX *digest;
	bool too_long;
	struct object_result result;
	char trouble[CURL_ERROR_SIZE];
	object_done_fn *done;
	void *arg;
};

/* The store. */

static bool
has_control(const char *s)
{
	for (; s != NULL && *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

static bool
is_loopback(const char *host)
{
	struct in_addr a;

	return (inet_pton(AF_INET, host, &a) == 1 &&
		   ntohl(a.s_addr) >> 24 == 127) ||
	    strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
}

static int
check(const struct object_store_options *o, struct err *err)
{
	bool secret = o->credentials != NULL || o->header != NULL;
	struct url u;

	if (!url_read(&u, o->url) || strpbrk(o->url, "?#") != NULL ||
	    (strcmp(u.scheme, "http") != 0 && strcmp(u.scheme, "https") != 0))
		return err_set(err, E_ARG,
		    "the store's URL cannot be used: expected "
		    "https://HOST/PATH/ without user, query and fragment");
	if (secret && strcmp(u.scheme, "http") == 0 && !is_loopback(u.host))
		return err_set(err, E_ARG,
		    "credentials of the store would go over the network in "
		    "the clear: expected an https URL");
	if (has_control(o->credentials) ||
	    (o->credentials != NULL && strchr(o->credentials, ':') == NULL))
		return err_set(err, E_ARG,
		    "the store's credentials are not USER:PASSWORD");
	if (has_control(o->header) ||
	    (o->header != NULL && strchr(o->header, ':') == NULL))
		return err_set(
		    err, E_ARG, "the store's header is not NAME: VALUE");
	if (o->region != NULL &&
	    (o->credentials == NULL || o->region[0] == '\0' ||
		has_control(o->region) || strchr(o->region, ':') != NULL))
		return err_set(err, E_ARG,
		    "a region of the store needs its name, and credentials "
		    "to sign with");
	return 0;
}

static char *
joined(const char *a, const char *b, const char *c, bool *ok)
{
	size_t room = strlen(a) + strlen(b) + strlen(c) + 1;
	char *s = malloc(room);

	*ok = *ok && s != NULL;
	if (s != NULL)
		snprintf(s, room, "%s%s%s", a, b, c);
	return s;
}

int
object_store_new(struct object_store **out,
    const struct object_store_options *o, struct err *err)
{
	struct object_store *s;
	char *url = NULL;
	bool ok = true;
	int rc;

	*out = NULL;
	rc = url_normalise(&url, span_of(o->url, strlen(o->url)), err);
	if (rc == 0)
		rc = check(o, err);
	s = rc == 0 ? calloc(1, sizeof(*s)) : NULL;
	if (s != NULL) {
		s->url = joined(
		    url, url[strlen(url) - 1] == '/' ? "" : "/", "", &ok);
		s->ca_file = text_dup(o->ca_file, &ok);
		s->credentials = text_dup(o->credentials, &ok);
		s->header = text_dup(o->header, &ok);
		if (o->region != NULL)
			s->signing = joined("aws:amz:", o->region, ":s3", &ok);
		s->max_bytes = o->max_bytes;
		s->timeout_ms = o->timeout_ms;
	}
	free(url);
	if (rc == 0 && s != NULL && ok) {
		*out = s;
		return 0;
	}
	object_store_free(s);
	return rc != 0 ? rc : err_set(err, E_NOMEM, "out of memory");
}

static void
secret_free(char *s)
{
	if (s != NULL)
		OPENSSL_cleanse(s, strlen(s));
	free(s);
}

void
object_store_free(struct object_store *s)
{
	if (s == NULL)
		return;
	free(s->url);
	free(s->ca_file);
	secret_free(s->credentials);
	secret_free(s->header);
	free(s->signing);
	free(s);
}

/* One transfer. */

void
object_cancel(struct object_transfer *x)
{
	if (x == NULL)
		return;
	if (x->easy != NULL) {
		curl_multi_remove_handle(x->fetcher->multi, x->easy);
		curl_easy_cleanup(x->easy);
	}
	curl_slist_free_all(x->headers);
	EVP_MD_CTX_free(x->digest);
	bytes_cleanup(&x->result.body);
	free(x);
}

static size_t
object_body(char *p, size_t size, size_t num, void *arg)
{
	struct object_transfer *x = arg;
	size_t len = size * num;
	long status = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	/* What an error says is not read; a page of it does not end. */
	if (status != 200 || x->order.verb != OBJECT_GET)
		return (x->received += len) > 65536 ? 0 : len;
	if (bytes_append(&x->result.body, p, len) != 0 ||
	    EVP_DigestUpdate(x->digest, p, len) != 1) {
		x->too_long = true;
		return 0;
	}
	return len;
}

static size_t
object_upload(char *p, size_t size, size_t num, void *arg)
{
	struct object_transfer *x = arg;
	size_t len = size * num, left = x->order.body.len - x->sent;

	if (len > left)
		len = left;
	memcpy(p, x->order.body.p + x->sent, len);
	x->sent += len;
	return len;
}

/* It asks for what it has sent already: a connection broke. */
static int
object_rewind(void *arg, curl_off_t offset, int origin)
{
	struct object_transfer *x = arg;

	if (origin != SEEK_SET || offset < 0 ||
	    (uint64_t)offset > x->order.body.len)
		return CURL_SEEKFUNC_FAIL;
	x->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static curl_socket_t
object_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);

	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static void
object_judge(struct object_transfer *x, CURLcode rc)
{
	struct object_result *r = &x->result;
	bool get = x->order.verb == OBJECT_GET;
	uint8_t sha256[EVP_MAX_MD_SIZE];
	long status = 0;
	curl_off_t t = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	if (x->too_long) {
		r->outcome = OBJECT_OTHER;
		snprintf(r->msg, sizeof(r->msg), "it is longer than expected");
	} else if (status == 404 || status == 410) {
		r->outcome = OBJECT_MISSING;
		snprintf(r->msg, sizeof(r->msg), "it is not there");
	} else if (rc != CURLE_OK && rc != CURLE_WRITE_ERROR) {
		/* Never CURLOPT_ERRORBUFFER: it may quote what was sent. */
		snprintf(r->msg, sizeof(r->msg), "%s", curl_easy_strerror(rc));
	} else if (status != 200 && (get || (status != 201 && status != 204))) {
		snprintf(r->msg, sizeof(r->msg), "HTTP status %ld", status);
	} else if (get &&
	    (x->result.body.len != x->order.len ||
		EVP_DigestFinal_ex(x->digest, sha256, NULL) != 1 ||
		memcmp(sha256, x->order.sha256, 32) != 0)) {
		r->outcome = OBJECT_OTHER;
		snprintf(r->msg, sizeof(r->msg),
		    "its bytes are not those that its name says");
	} else {
		r->outcome = OBJECT_DONE;
		if (x->order.verb == OBJECT_HEAD &&
		    curl_easy_getinfo(x->easy, CURLINFO_FILETIME_T, &t) ==
			CURLE_OK &&
		    t > 0)
			r->modified_at = (time_t)t;
	}
}

static void
object_answered(struct transfer *t, CURLcode rc)
{
	struct object_transfer *x = (struct object_transfer *)t;

	object_judge(x, rc);
	x->done(x->arg, &x->result);
	object_cancel(x);
}

static bool
object_header(struct object_transfer *x, const char *line)
{
	struct curl_slist *list = curl_slist_append(x->headers, line);

	if (list != NULL)
		x->headers = list;
	return list != NULL;
}

/*
 * Credentials are options of this one handle. The signature covers the digest
 * of the body, which libcurl takes from this header.
 */
static bool
object_headers(
    struct object_transfer *x, const struct object_store *s, const char *name)
{
	char line[96];
	static const char empty[] =
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	bool ok =
	    object_header(x, "Expect:") && object_header(x, "Accept: */*");

	if (x->order.verb == OBJECT_PUT)
		ok = ok &&
		    object_header(x, "Content-Type: application/pkix-crl");
	if (s->header != NULL)
		ok = ok && object_header(x, s->header);
	if (s->signing == NULL)
		return ok;
	snprintf(line, sizeof(line), "x-amz-content-sha256: %s",
	    x->order.verb == OBJECT_PUT ? name : empty);
	return ok && object_header(x, line);
}

static bool
object_options(struct object_transfer *x, const struct object_store *s,
    const char *url, long timeout_ms)
{
	CURLcode rc = CURLE_OK;
	CURL *e = x->easy;

#define SET(o, v) (rc = rc != CURLE_OK ? rc : curl_easy_setopt(e, o, v))
	SET(CURLOPT_PRIVATE, &x->base);
	SET(CURLOPT_URL, url);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (s->ca_file != NULL) {
		SET(CURLOPT_CAINFO, s->ca_file);
		SET(CURLOPT_CAPATH, NULL);
	}
	if (s->credentials != NULL)
		SET(CURLOPT_USERPWD, s->credentials);
	if (s->signing != NULL)
		SET(CURLOPT_AWS_SIGV4, s->signing);
	/* See above: its connections are nobody else's. */
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_OPENSOCKETFUNCTION, object_socket);
	SET(CURLOPT_USERAGENT, x->fetcher->user_agent);
	SET(CURLOPT_TIMEOUT_MS, timeout_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS,
	    (long)x->fetcher->limits.connect_timeout_ms);
	SET(CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES);
	SET(CURLOPT_LOW_SPEED_TIME, LOW_SPEED_SEC);
	SET(CURLOPT_HTTPHEADER, x->headers);
	SET(CURLOPT_WRITEFUNCTION, object_body);
	SET(CURLOPT_WRITEDATA, x);
	if (x->order.verb == OBJECT_HEAD) {
		SET(CURLOPT_NOBODY, 1L);
		SET(CURLOPT_FILETIME, 1L);
	} else if (x->order.verb == OBJECT_PUT) {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->order.body.len);
		SET(CURLOPT_READFUNCTION, object_upload);
		SET(CURLOPT_READDATA, x);
		SET(CURLOPT_SEEKFUNCTION, object_rewind);
		SET(CURLOPT_SEEKDATA, x);
	}
#undef SET
	return rc == CURLE_OK;
}

static bool
object_ask(struct object_transfer *x, const struct object_store *s)
{
	uint32_t ms = s->timeout_ms;
	char name[65], *url;
	bool ok = true;

	text_hex(name, x->order.sha256, sizeof(x->order.sha256));
	url = joined(s->url, name, "", &ok);
	if (x->order.timeout_ms != 0 && x->order.timeout_ms < ms)
		ms = x->order.timeout_ms;
	x->easy = curl_easy_init();
	if (x->order.verb == OBJECT_GET)
		x->digest = EVP_MD_CTX_new();
	ok = ok && x->easy != NULL && object_headers(x, s, name) &&
	    object_options(x, s, url, (long)ms) &&
	    (x->order.verb != OBJECT_GET ||
		(x->digest != NULL &&
		    EVP_DigestInit_ex(x->digest, EVP_sha256(), NULL) == 1)) &&
	    curl_multi_add_handle(x->fetcher->multi, x->easy) == CURLM_OK;
	free(url);
	return ok;
}

int
object_start(struct fetcher *f, const struct object_store *s,
    const struct object_order *o, object_done_fn *done, void *arg,
    struct object_transfer **out)
{
	struct object_transfer *x;

	*out = NULL;
	if ((o->verb == OBJECT_GET ? o->len : o->body.len) > s->max_bytes)
		return E_LIMIT;
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return E_NOMEM;
	x->base.answered = object_answered;
	x->fetcher = f;
	x->order = *o;
	x->done = done;
	x->arg = arg;
	/* Not a byte more than its name is worth. */
	bytes_init(&x->result.body, (size_t)o->len);
	if (!object_ask(x, s)) {
		object_cancel(x);
		return E_NOMEM;
	}
	*out = x;
	return 0;
}
