/*
 * The cache over REST: listed, flushed, fetched again.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

#define OCSP_PATH "/doorman*"
#define TRIES     20000 /* a bound; each is a request */

static int
setup(void **state)
{
	scene_up("revocation.min_refresh_sec", "1");
	return 0;
}

/* Whether one with that key is listed; NULL: any. */
static bool
is_listed(const char *key)
{
	const cJSON *item;
	bool listed = false;
	struct web w;

	rest(&gw, &w, "GET", "/cache", NULL);
	assert_int_equal(w.status, 200);
	cJSON_ArrayForEach(item, w.json)
	{
		listed |=
		    key == NULL || strcmp(json_text(item, "key"), key) == 0;
	}
	web_free(&w);
	return listed;
}

/* A fetch that is under way, one a second here, brings it back. */
static void
flush_until_gone(const char *path, const char *key)
{
	int tries = 0;

	do
		rest_expect(&gw, "DELETE", path, 204);
	while (is_listed(key) && ++tries < TRIES);
	assert_true(tries < TRIES);
}

static void
cache_is_listed_and_flushed(void **state)
{
	const cJSON *item;
	char *path, *key;
	struct web w;
	int num;

	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	rest(&gw, &w, "GET", "/cache", NULL);
	assert_int_equal(w.status, 200);
	num = cJSON_GetArraySize(w.json);
	assert_true(num > 0);
	item = cJSON_GetArrayItem(w.json, 0);
	assert_int_equal(strlen(json_text(item, "key")), 64);
	assert_non_null(json_text(item, "thisUpdate"));
	assert_non_null(strstr(json_text(item, "url"), "http://127.0.0.1"));
	key = xasprintf("%s", json_text(item, "key"));
	path = xasprintf("/cache/%s", key);
	web_free(&w);
	flush_until_gone(path, key);
	/* That one alone. */
	assert_int_equal(is_listed(NULL), num > 1);
	free(path);
	free(key);
	rest_expect(&gw, "POST", "/cache/refresh", 202);
	flush_until_gone("/cache", NULL);
}

/* Asked for by hand it is fetched again, that one alone. */
static void
cache_is_refreshed(void **state)
{
	unsigned long before = 0;
	char *path = NULL;
	const cJSON *item;
	struct web w;

	rest_expect(&gw, "DELETE", "/cache", 204);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	rest(&gw, &w, "GET", "/cache", NULL);
	cJSON_ArrayForEach(item, w.json)
	{
		if (path == NULL &&
		    strstr(json_text(item, "url"), "/doorman") != NULL)
			path = xasprintf(
			    "/cache/%s/refresh", json_text(item, "key"));
	}
	web_free(&w);
	assert_non_null(path);
	before = hits(&town.ocsp, OCSP_PATH);
	/* Not more often than the floor, a second here. */
	for (int i = 0; i < TRIES && hits(&town.ocsp, OCSP_PATH) == before; i++)
		rest_expect(&gw, "POST", path, 202);
	assert_int_equal(hits(&town.ocsp, OCSP_PATH), before + 1);
	free(path);
}

/* What was found revoked is listed, and forgotten by an operator's word. */
static void
known_is_listed_and_forgotten(void **state)
{
	const cJSON *item;
	char *path, *wrong;
	struct web w;

	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	rest(&gw, &w, "GET", "/known", NULL);
	assert_int_equal(w.status, 200);
	assert_int_equal(cJSON_GetArraySize(w.json), 1);
	item = cJSON_GetArrayItem(w.json, 0);
	assert_non_null(json_text(item, "reason"));
	assert_non_null(json_text(item, "firstSeen"));
	assert_non_null(strstr(json_text(item, "url"), "http://127.0.0.1"));
	path = xasprintf("/known/%s/%s", json_text(item, "issuerKey"),
	    json_text(item, "serial"));
	wrong = xasprintf("/known/%.10s/%s", json_text(item, "issuerKey"),
	    json_text(item, "serial"));
	web_free(&w);
	/* Bytes may go: it stays. */
	rest_expect(&gw, "DELETE", "/cache", 204);
	rest_expect(&gw, "DELETE", wrong, 400);
	rest_expect(&gw, "DELETE", path, 204);
	rest_expect(&gw, "DELETE", path, 404);
	rest(&gw, &w, "GET", "/known", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 0);
	web_free(&w);
	/* Its CA lists it all the same: that is learned again. */
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	rest(&gw, &w, "GET", "/known", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 1);
	web_free(&w);
	free(path);
	free(wrong);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cache_is_listed_and_flushed),
	    cmocka_unit_test(cache_is_refreshed),
	    cmocka_unit_test(known_is_listed_and_forgotten),
	};

	return cmocka_run_group_tests_name(
	    "cache over REST", tests, setup, scene_teardown);
}
