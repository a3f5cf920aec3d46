/*
 * fetch: one transfer with libcurl. A URL on the command line is fetched as
 * given: the address rules of the engine are for URLs in certificates.
 */
#include "revcheck/cli/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "revcheck/cli/cli.h"

bool
fetch_is_url(const char *word)
{
	return strncasecmp(word, "http://", 7) == 0 ||
	    strncasecmp(word, "https://", 8) == 0;
}

static size_t
on_data(char *data, size_t one, size_t len, void *arg)
{
	struct fetch *f = arg;
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
	return len;
}

static CURLcode
set_options(CURL *c, struct fetch *f, struct curl_slist *headers)
{
	CURLcode rc = CURLE_OK;

#define SET(option, value)  \
	if (rc == CURLE_OK) \
	rc = curl_easy_setopt(c, option, value)

	SET(CURLOPT_URL, f->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 1L);
	SET(CURLOPT_MAXREDIRS, 3L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TIMEOUT_MS, f->timeout_ms);
	SET(CURLOPT_PROXY, f->proxy != NULL ? f->proxy : "");
	SET(CURLOPT_USERAGENT, "revcheck/" REVCHECK_VERSION);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_WRITEFUNCTION, on_data);
	SET(CURLOPT_WRITEDATA, f);
	if (f->post != NULL) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->post_len);
		SET(CURLOPT_POSTFIELDS, f->post);
	}
#undef SET
	return rc;
}

int
fetch_run(struct fetch *f)
{
	struct curl_slist *headers = NULL;
	CURL *c = curl_easy_init();
	char type[80];
	CURLcode rc = CURLE_OUT_OF_MEMORY;
	int code = 0;

	f->body = NULL;
	f->len = 0;
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
	if (c != NULL)
		rc = set_options(c, f, headers);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(c);
	if (c != NULL) {
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &f->status);
		curl_easy_getinfo(c, CURLINFO_TOTAL_TIME, &f->seconds);
	}
	if (rc == CURLE_WRITE_ERROR)
		code = cli_fail(EXIT_UNAVAILABLE,
		    "cannot fetch '%s': more than %zu bytes, or out of memory",
		    f->url, f->max_bytes);
	else if (rc != CURLE_OK)
		code = cli_fail(EXIT_UNAVAILABLE, "cannot fetch '%s': %s",
		    f->url, curl_easy_strerror(rc));
	else if (f->status != 200)
		code = cli_fail(EXIT_UNAVAILABLE,
		    "cannot fetch '%s': HTTP status %ld, expected 200", f->url,
		    f->status);
	else if (f->len == 0)
		code = cli_fail(EXIT_UNAVAILABLE,
		    "cannot fetch '%s': the answer is empty", f->url);
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	if (code != 0) {
		free(f->body);
		f->body = NULL;
	}
	return code;
}
