/*
 * The list of client subjects as the node's operator keeps it, and the cache
 * over REST.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

#define SUBJECTS                       \
	"/mgm/0123456789AB/mutual-tls" \
	"/allowed-client-certificate-subjects"
#define OCSP_PATH "/doorman*"
#define TRIES     20000 /* a bound; each is a request */
#define GOOD      "/C%3DGB,%20L%3DLondon,%20O%3Dgood"

static int
setup(void **state)
{
	scene_up("revocation.min_refresh_sec", "1");
	return 0;
}

static void
expect(const char *method, const char *path, long status)
{
	struct web w;

	rest(&gw, &w, method, path, *method == 'P' ? "" : NULL);
	if (w.status != status)
		fail_msg("%s %s: %ld %s", method, path, w.status, w.body);
	web_free(&w);
}

static void
everybody_until_the_first_entry(void **state)
{
	struct web w;

	rest(&gw, &w, "GET", SUBJECTS, NULL);
	assert_int_equal(w.status, 200);
	assert_int_equal(cJSON_GetArraySize(w.json), 0);
	web_free(&w);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	expect("PUT", SUBJECTS "/O%3Dsomebody%20else,C%3DGB", 204);
	assert_int_not_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
}

static void
listed_subject_is_let_in(void **state)
{
	struct web w;

	expect("PUT", SUBJECTS GOOD, 204);
	expect("PUT", SUBJECTS GOOD, 204);
	rest(&gw, &w, "GET", SUBJECTS, NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 2);
	assert_string_equal(json_text(w.json, "1"), "C=GB,L=London,O=good");
	web_free(&w);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	/* Over a restart. */
	gateway_stop(&gw);
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	assert_int_not_equal(tls_try(&town, "fresh", gw.port, 0), TLS_IN);
}

static void
empty_list_lets_nobody_in(void **state)
{
	expect("DELETE", SUBJECTS GOOD, 204);
	expect("DELETE", SUBJECTS GOOD, 204);
	expect("DELETE", SUBJECTS "/O%3Dsomebody%20else,C%3DGB", 204);
	assert_int_not_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	expect("PUT", SUBJECTS GOOD, 204);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
}

static void
bad_names_and_ids_are_400(void **state)
{
	expect("PUT", SUBJECTS "/nonsense", 400);
	expect("PUT", SUBJECTS "/XX%3Dy", 400);
	expect("GET", "/mgm/xyz/mutual-tls/allowed-client-certificate-subjects",
	    400);
}

static void
cache_is_listed_and_flushed(void **state)
{
	const cJSON *item;
	char *path;
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
	path = xasprintf("/cache/%s", json_text(item, "key"));
	web_free(&w);
	expect("DELETE", path, 204);
	free(path);
	rest(&gw, &w, "GET", "/cache", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), num - 1);
	web_free(&w);
	expect("POST", "/cache/refresh", 202);
	expect("DELETE", "/cache", 204);
	rest(&gw, &w, "GET", "/cache", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 0);
	web_free(&w);
}

/* Asked for by hand it is fetched again, that one alone. */
static void
cache_is_refreshed(void **state)
{
	unsigned long before = 0;
	char *path = NULL;
	const cJSON *item;
	struct web w;

	expect("DELETE", "/cache", 204);
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
		expect("POST", path, 202);
	assert_int_equal(hits(&town.ocsp, OCSP_PATH), before + 1);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(everybody_until_the_first_entry),
	    cmocka_unit_test(listed_subject_is_let_in),
	    cmocka_unit_test(empty_list_lets_nobody_in),
	    cmocka_unit_test(bad_names_and_ids_are_400),
	    cmocka_unit_test(cache_is_listed_and_flushed),
	    cmocka_unit_test(cache_is_refreshed),
	};

	return cmocka_run_group_tests_name(
	    "client subjects and cache", tests, setup, scene_teardown);
}
