/*
 * The OpenAPI document is one by the schema of its initiative, names every path
 * that is served, and what is answered is what it says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/lib/scene.h"

#define FILES_MAX 400

static char *files[FILES_MAX]; /* METHOD PATH STATUS FILE ... for the checker */
static size_t num_files, num_saved;

static int
setup(void **state)
{
	(void)state;
	scene_up("revocation.mode", "\"SOFT_FAIL\"");
	return 0;
}

static void
note(char *text)
{
	assert_true(num_files < FILES_MAX);
	files[num_files++] = text;
}

static char *
save(const struct web *w)
{
	char *name = xasprintf("answer-%zu.json", num_saved++);
	FILE *f = fopen(name, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(w->body, 1, w->len, f), w->len);
	assert_int_equal(fclose(f), 0);
	return name;
}

/* Asks, and keeps the answer for the checker. status: 0 for any. */
static void
ask_for(long status, const char *method, const char *pattern, const char *path,
    const char *body)
{
	struct web w;

	rest(&gw, &w, method, path, body);
	if (status != 0 && w.status != status)
		fail_msg("%s %s: %ld %s", method, path, w.status, w.body);
	if (w.status == 0 || w.status == 404 || w.status == 405)
		fail_msg("%s %s: %ld %s", method, path, w.status, w.body);
	if (w.json != NULL) {
		note(xstrdup(method));
		note(xstrdup(pattern));
		note(xasprintf("%ld", w.status));
		note(save(&w));
	}
	web_free(&w);
}

static void
ask(const char *method, const char *pattern, const char *path, const char *body)
{
	ask_for(0, method, pattern, path, body);
}

/* Something of everything is there to be shown. */
static void
fill(void)
{
	char *path = town_path(&town, "peers/unseen.pem");
	char *pem, *quoted, *body;
	size_t len;
	cJSON *text;

	pem = file_read(path, &len);
	text = cJSON_CreateString(pem);
	quoted = cJSON_PrintUnformatted(text);
	body = xasprintf("{\"certificate\":%s,\"reason\":\"lost\"}", quoted);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	assert_int_equal(tls_try(&town, "nosource", gw.port, 0), TLS_IN);
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	ask("POST", "/denylist", "/denylist", body);
	ask("POST", "/keys/{tenant}/alias/{alias}/category/{c}/scheme/{s}",
	    "/keys/58B6030FABDD/alias/tls/category/TLS/scheme/"
	    "CORDA.ECDSA.SECP256R1",
	    "");
	ask("PUT", "/config", "/config",
	    "{\"section\":\"revcheck\",\"version\":-1,\"config\":"
	    "{\"shadowMode\":true},"
	    "\"schemaVersion\":{\"major\":1,\"minor\":0}}");
	free(body);
	cJSON_free(quoted);
	cJSON_Delete(text);
	free(pem);
	free(path);
}

/* Every path without parameters that is read, as the document names it. */
static void
ask_all(const cJSON *doc)
{
	const cJSON *item;
	struct tls t = {0};

	tls_enter(&t, &town, "good", gw.port, 0);
	cJSON_ArrayForEach(item, json_at(doc, "paths"))
	{
		if (cJSON_GetObjectItem(item, "get") == NULL ||
		    strchr(item->string, '{') != NULL ||
		    strcmp(item->string, "/revocation/events") == 0)
			continue;
		ask("GET", item->string, item->string, NULL);
	}
	tls_free(&t);
}

static void
ask_with_parameters(void)
{
	static const struct {
		const char *method, *pattern, *path, *body;
	} rows[] = {
	    {"GET", "/config/{section}", "/config/revcheck", NULL},
	    {"GET", "/config/schema/{section}", "/config/schema/revcheck",
		NULL},
	    {"GET", "/config/{section}/history", "/config/revcheck/history",
		NULL},
	    {"GET", "/revocation/events", "/revocation/events?timeoutMs=0",
		NULL},
	    {"GET", "/network/setup/{id}", "/network/setup/58B6030FABDD", NULL},
	    {"GET", "/membership/{id}", "/membership/58B6030FABDD", NULL},
	    {"GET", "/keys/{tenant}", "/keys/58B6030FABDD", NULL},
	    {"GET", "/decisions", "/decisions?outcome=nonsense", NULL},
	    {"GET", "/sources", "/sources?state=nonsense", NULL},
	    {"DELETE", "/connections/{id}", "/connections/x", NULL},
	    {"POST", "/denylist", "/denylist", "{\"untl\":1}"},
	    {"POST", "/config/{section}/history/{version}/restore",
		"/config/revcheck/history/1/restore", ""},
	};
	struct web w;
	char *path;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ask(rows[i].method, rows[i].pattern, rows[i].path,
		    rows[i].body);
	rest(&gw, &w, "GET", "/cache", NULL);
	assert_non_null(json_text(w.json, "0.key"));
	path = xasprintf("/cache/%s", json_text(w.json, "0.key"));
	web_free(&w);
	ask("GET", "/cache/{key}", path, NULL);
	free(path);
}

/* The checker, the document and what was noted. */
static void
check(const char *document)
{
	char *script =
	    xasprintf("%s/tests/lib/openapi_check.py", getenv("TOP"));
	const char *argv[3 + FILES_MAX + 1] = {
	    "/usr/bin/python3", script, document};
	char *said = NULL;
	int rc;

	for (size_t i = 0; i < num_files; i++)
		argv[3 + i] = files[i];
	rc = proc_run(argv, "checker.log", WAIT_MS, &said);
	if (rc != 0)
		fail_msg("%d: %s", rc, said);
	free(said);
	free(script);
}

static void
the_document_is_true(void **state)
{
	char *document;
	struct web w;

	(void)state;
	fill();
	rest(&gw, &w, "GET", "/openapi.json", NULL);
	assert_int_equal(w.status, 200);
	assert_non_null(w.json);
	document = save(&w);
	ask_all(w.json);
	ask_with_parameters();
	check(document);
	while (num_files > 0)
		free(files[--num_files]);
	free(document);
	web_free(&w);
}

static const cJSON *
answers_of(const cJSON *doc, const char *method, const char *path)
{
	const cJSON *of =
	    cJSON_GetObjectItemCaseSensitive(json_at(doc, "paths"), path);

	of = cJSON_GetObjectItemCaseSensitive(of, method);
	return cJSON_GetObjectItemCaseSensitive(of, "responses");
}

#define SUBJECT "mutual-tls/allowed-client-certificate-subjects/"

/* A member of a fleet whose engine cannot be had: what tightens waits. */
static void
a_fleet_that_is_away(void **state)
{
	const char *secret = "0123456789abcdef0123456789abcdef\n";
	const char *mgm = "/mgm/{id}/" SUBJECT "{subject}";
	static const struct {
		const char *method, *pattern;
	} refused[] = {{"put", "/config"},
	    {"post", "/config/{section}/history/{version}/restore"},
	    {"post", "/denylist"}, {"delete", "/denylist/{id}"},
	    {"put", "/mgm/{id}/" SUBJECT "{subject}"},
	    {"put", "/network/setup/{id}"}, {"post", "/membership/{id}"},
	    {"put", "/certificates/vnode/{id}/{usage}"},
	    {"put", "/certificates/cluster/{usage}"}};
	char *document, *path;
	struct web doc, w;

	(void)state;
	gateway_stop(&gw);
	file_write("fleet.secret", secret, strlen(secret));
	gateway_set(&gw, "fleet",
	    "{\"name\":\"test\",\"endpoints\":[\"http://127.0.0.1:1\"],"
	    "\"secret_file\":\"fleet.secret\"}");
	gateway_start(&gw);
	rest(&gw, &doc, "GET", "/openapi.json", NULL);
	document = save(&doc);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (cJSON_GetObjectItem(answers_of(doc.json, refused[i].method,
					    refused[i].pattern),
			"503") == NULL)
			fail_msg("%s", refused[i].pattern);
	assert_non_null(cJSON_GetObjectItem(
	    answers_of(doc.json, "post", "/denylist"), "202"));
	assert_non_null(
	    cJSON_GetObjectItem(answers_of(doc.json, "delete", mgm), "202"));
	ask_for(202, "POST", "/denylist", "/denylist",
	    "{\"spkiSha256\":\"00112233445566778899aabbccddeeff"
	    "00112233445566778899aabbccddeeff\"}");
	ask_for(202, "DELETE", mgm, "/mgm/58B6030FABDD/" SUBJECT "O%3Dx,C%3DGB",
	    NULL);
	ask_for(
	    503, "PUT", mgm, "/mgm/58B6030FABDD/" SUBJECT "O%3Dx,C%3DGB", NULL);
	rest(&gw, &w, "GET", "/denylist", NULL);
	path = xasprintf("/denylist/%s", json_text(w.json, "0.id"));
	web_free(&w);
	ask_for(503, "DELETE", "/denylist/{id}", path, NULL);
	free(path);
	path = xasprintf("{\"section\":\"corda.p2p.gateway\",\"version\":%d,"
			 "\"config\":{},\"schemaVersion\":"
			 "{\"major\":1,\"minor\":0}}",
	    rest_version(&gw, "corda.p2p.gateway"));
	ask_for(503, "PUT", "/config", "/config", path);
	free(path);
	check(document);
	while (num_files > 0)
		free(files[--num_files]);
	free(document);
	web_free(&doc);
}

/* Who may do what is in it. */
static void
paths_have_roles(void **state)
{
	struct web w;

	(void)state;
	rest(&gw, &w, "GET", "/openapi.json", NULL);
	assert_string_equal(json_text(w.json, "openapi"), "3.0.3");
	assert_string_equal(
	    json_text(json_at(w.json, "paths"), "/reload.post.x-roles.0"),
	    "operate");
	assert_non_null(cJSON_GetObjectItem(
	    json_at(w.json, "components.schemas"), "corda.p2p.gateway"));
	web_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_document_is_true),
	    cmocka_unit_test(paths_have_roles),
	    cmocka_unit_test(a_fleet_that_is_away),
	};

	return cmocka_run_group_tests_name(
	    "openapi", tests, setup, scene_teardown);
}
