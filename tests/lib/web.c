/*
 * web: the HTTP client of the network tests, on libcurl. One handle a
 * request; certificates are not checked, proxies are not used.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "tests/lib/net.h"

struct sink {
	char *p;
	size_t len;
};

static size_t
sink_add(char *data, size_t size, size_t num, void *arg)
{
	struct sink *s = arg;
	size_t n = size * num;

	s->p = xrealloc(s->p, s->len + n + 1);
	memcpy(s->p + s->len, data, n);
	s->len += n;
	s->p[s->len] = '\0';
	return n;
}

void
web_request(struct web *w, const char *method, const char *url,
    const char *user, const char *body, const char *type)
{
	CURL *c = curl_easy_init();
	struct curl_slist *headers = NULL;
	struct sink sink = {xstrdup(""), 0}, head = {xstrdup(""), 0};
	char *text;
	CURLcode rc;

	memset(w, 0, sizeof(*w));
	if (c == NULL)
		die("no curl handle");
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)WAIT_MS);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, sink_add);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &sink);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, sink_add);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, &head);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, w->error);
	if (user != NULL) {
		curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(c, CURLOPT_USERPWD, user);
	}
	if (body != NULL)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	if (type != NULL) {
		text = xasprintf("Content-Type: %s", type);
		headers = curl_slist_append(headers, text);
		free(text);
	}
	headers = curl_slist_append(headers, "Expect:");
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	rc = curl_easy_perform(c);
	if (rc == CURLE_OK)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &w->status);
	else if (w->error[0] == '\0')
		snprintf(
		    w->error, sizeof(w->error), "%s", curl_easy_strerror(rc));
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	w->body = sink.p;
	w->len = sink.len;
	w->head = head.p;
	w->json = cJSON_Parse(w->body);
}

char *
web_header(const struct web *w, const char *name)
{
	const char *line = w->head;
	size_t n = strlen(name);

	while (line != NULL && *line != '\0') {
		if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
			line += n + 1;
			line += strspn(line, " \t");
			return strndup(line, strcspn(line, "\r\n"));
		}
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return NULL;
}

void
web_free(struct web *w)
{
	free(w->body);
	free(w->head);
	cJSON_Delete(w->json);
	memset(w, 0, sizeof(*w));
}

const cJSON *
json_at(const cJSON *o, const char *path)
{
	char *copy = xstrdup(path), *save = NULL, *key, *end;
	long i;

	for (key = strtok_r(copy, ".", &save); key != NULL && o != NULL;
	     key = strtok_r(NULL, ".", &save)) {
		i = strtol(key, &end, 10);
		if (cJSON_IsArray(o) && *end == '\0')
			o = cJSON_GetArrayItem(o, (int)i);
		else
			o = cJSON_GetObjectItemCaseSensitive(o, key);
	}
	free(copy);
	return o;
}

const char *
json_text(const cJSON *o, const char *path)
{
	return cJSON_GetStringValue(json_at(o, path));
}

double
json_number(const cJSON *o, const char *path)
{
	const cJSON *n = json_at(o, path);

	return cJSON_IsNumber(n) ? n->valuedouble : 0;
}
