/*
 * fetch: transfers with libcurl. A URL on the command line is fetched as given;
 * one of a certificate by the rules of the engine, redirects included.
 */
#include "revcheck/cli/fetch.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "revcheck/cli/cli.h"
#include "revcheck/cli/progress.h"

#define GIVEN_REDIRECTS 3L
#define NAMED_REDIRECTS 2

/* One fetch under way. */
struct transfer {
	struct fetch *f;
	char *url;  /* what is asked now, where addresses are judged */
	char *host; /* of it */
	const char *refused;
	CURL *easy;
};

bool
fetch_is_url(const char *word)
{
	return strncasecmp(word, "http://", 7) == 0 ||
	    strncasecmp(word, "https://", 8) == 0;
}

CLI_LIKE(3, 4)
static int
failed(struct fetch *f, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	print_plain(f->text);
	return f->quiet
	    ? code
	    : cli_fail(code, "cannot fetch '%s': %s", f->url, f->text);
}

static size_t
on_data(char *data, size_t one, size_t len, void *arg)
{
	struct transfer *t = arg;
	struct fetch *f = t->f;
	curl_off_t total = -1;
	unsigned char *p;

	(void)one;
	if (len > f->max_bytes - f->len)
		return 0;
	p = realloc(f->body, f->len + len + 1);
	if (p == NULL)
		return 0;
	f->body = p;
	memcpy(p + f->len, data, len);
	f->len += len;
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &total);
	progress_download(f->url, f->len, total > 0 ? (uint64_t)total : 0);
	return len;
}

static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *t = arg;
	int fd;

	(void)purpose;
	/* The proxy was given by name, so its address is not judged. */
	if (t->f->addresses != NULL && t->f->proxy == NULL)
		t->refused = revcheck_addresses_refused(
		    t->f->addresses, t->host, &address->addr);
	if (t->refused != NULL)
		return CURL_SOCKET_BAD;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static CURLcode
set_options(struct transfer *t, struct curl_slist *headers, long timeout_ms)
{
	struct fetch *f = t->f;
	bool given = f->addresses == NULL;
	CURLcode rc = CURLE_OK;

#define SET(option, value)  \
	if (rc == CURLE_OK) \
	rc = curl_easy_setopt(t->easy, option, value)

	SET(CURLOPT_URL, given ? f->url : t->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, given ? 1L : 0L);
	SET(CURLOPT_MAXREDIRS, GIVEN_REDIRECTS);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TIMEOUT_MS, timeout_ms > 0 ? timeout_ms : 1L);
	SET(CURLOPT_PROXY, f->proxy != NULL ? f->proxy : "");
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_USERAGENT, "revcheck/" REVCHECK_VERSION);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_WRITEFUNCTION, on_data);
	SET(CURLOPT_WRITEDATA, t);
	if (f->https_ca_file != NULL) {
		SET(CURLOPT_CAINFO, f->https_ca_file);
		SET(CURLOPT_CAPATH, NULL);
	}
	if (f->post != NULL) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->post_len);
		SET(CURLOPT_POSTFIELDS, f->post);
	}
#undef SET
	return rc;
}

static int
outcome(struct transfer *t, CURLcode rc)
{
	struct fetch *f = t->f;

	if (t->refused != NULL)
		return failed(f, EXIT_UNAVAILABLE,
		    "'%s' is at an address that is not allowed (%s)", t->host,
		    t->refused);
	if (rc == CURLE_WRITE_ERROR)
		return failed(f, EXIT_UNAVAILABLE,
		    "more than %zu bytes, or out of memory", f->max_bytes);
	if (rc != CURLE_OK)
		return failed(
		    f, EXIT_UNAVAILABLE, "%s", curl_easy_strerror(rc));
	if (f->status != 200)
		return failed(f, EXIT_UNAVAILABLE,
		    "HTTP status %ld, expected 200", f->status);
	if (f->len == 0)
		return failed(f, EXIT_UNAVAILABLE, "the answer is empty");
	return 0;
}

/*
 * One exchange. *next: where it redirects to, to be freed; NULL where it does
 * not.
 */
static int
exchange(struct transfer *t, char **next)
{
	struct fetch *f = t->f;
	struct curl_slist *headers = NULL;
	const char *location = NULL;
	double seconds = 0;
	char type[80];
	CURLcode rc = CURLE_OUT_OF_MEMORY;
	int code;

	*next = NULL;
	f->len = 0;
	t->easy = curl_easy_init();
	if (f->post != NULL) {
		snprintf(
		    type, sizeof(type), "Content-Type: %s", f->content_type);
		headers = curl_slist_append(headers, type);
		/*
		 * With "Expect", some responders give the answer for another
		 * request.
		 */
		headers = curl_slist_append(headers, "Expect:");
	}
	if (t->easy != NULL)
		rc = set_options(
		    t, headers, f->timeout_ms - (long)(f->seconds * 1000));
	if (rc == CURLE_OK)
		rc = curl_easy_perform(t->easy);
	if (t->easy != NULL) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &f->status);
		curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME, &seconds);
		curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &location);
		f->seconds += seconds;
	}
	if (rc == CURLE_OK && t->refused == NULL && location != NULL &&
	    f->status / 100 == 3)
		*next = strdup(location);
	code = *next != NULL ? 0 : outcome(t, rc);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(headers);
	return code;
}

/* What is asked next, if it may be. */
static int
set_url(struct transfer *t, const char *url)
{
	struct fetch *f = t->f;
	struct revcheck_error err;
	CURLU *u;
	char *host = NULL;
	size_t n;

	free(t->url);
	free(t->host);
	t->host = NULL;
	if (revcheck_addresses_url(&t->url, f->addresses, url, &err) != 0)
		return failed(f, EXIT_UNAVAILABLE, "%s", err.msg);
	u = curl_url();
	if (u != NULL && curl_url_set(u, CURLUPART_URL, t->url, 0) == CURLUE_OK)
		curl_url_get(u, CURLUPART_HOST, &host, 0);
	/* Without brackets, as addresses are compared. */
	n = host != NULL ? strlen(host) : 0;
	if (n > 2 && host[0] == '[')
		t->host = strndup(host + 1, n - 2);
	else if (host != NULL)
		t->host = strdup(host);
	curl_free(host);
	curl_url_cleanup(u);
	return t->host != NULL
	    ? 0
	    : failed(f, EXIT_UNAVAILABLE, "not a usable URL");
}

static bool
leaves_https(const char *from, const char *to)
{
	return strncasecmp(from, "https:", 6) == 0 &&
	    strncasecmp(to, "https:", 6) != 0;
}

static int
run_named(struct transfer *t)
{
	struct fetch *f = t->f;
	char *next = NULL;
	int rc = set_url(t, f->url);

	for (int i = 0; rc == 0; i++) {
		rc = exchange(t, &next);
		if (rc != 0 || next == NULL)
			break;
		if (i == NAMED_REDIRECTS)
			rc = failed(f, EXIT_UNAVAILABLE,
			    "more than %d redirects", NAMED_REDIRECTS);
		else if (leaves_https(t->url, next))
			rc = failed(f, EXIT_UNAVAILABLE,
			    "it redirects from https to another scheme");
		else if (f->seconds * 1000 >= (double)f->timeout_ms)
			rc = failed(f, EXIT_UNAVAILABLE, "timed out");
		else
			rc = set_url(t, next);
		free(next);
		next = NULL;
	}
	free(next);
	return rc;
}

int
fetch_run(struct fetch *f)
{
	struct transfer t = {.f = f};
	char *next = NULL;
	int rc;

	f->body = NULL;
	f->len = 0;
	f->status = 0;
	f->seconds = 0;
	f->text[0] = '\0';
	if (f->addresses != NULL) {
		rc = run_named(&t);
	} else {
		rc = exchange(&t, &next);
		if (next != NULL)
			rc = failed(f, EXIT_UNAVAILABLE,
			    "HTTP status %ld, expected 200", f->status);
		free(next);
	}
	progress_download(NULL, 0, 0);
	progress_clear();
	free(t.url);
	free(t.host);
	if (rc != 0) {
		free(f->body);
		f->body = NULL;
	}
	return rc;
}
