/*
 * tls_rig_http: commands to the control ports of the town's servers.
 */
#include "tests/bench/tls_rig_parts.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

static size_t
keep(char *p, size_t size, size_t num, void *arg)
{
	char *text = arg;
	size_t len = size * num;

	/* Answers are a number or a short sentence. */
	snprintf(text, 64, "%.*s", (int)(len < 63 ? len : 63), p);
	return len;
}

long
rig_control(int port, const char *path, const char *body)
{
	CURL *easy = curl_easy_init();
	char url[300], text[64] = "";
	long status = 0;
	CURLcode rc;

	if (easy == NULL)
		rig_give_up("cannot set libcurl up");
	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_URL, url);
	if (body != NULL)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, text);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, 60L);
	rc = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (rc != CURLE_OK || status < 200 || status > 299)
		rig_give_up("'%s': %s, status %ld", url, curl_easy_strerror(rc),
		    status);
	curl_easy_cleanup(easy);
	return strtol(text, NULL, 10);
}
