/*
 * CRL files of a running gateway: rows of the cache, metrics, reasons of
 * /readyz, read again at a reload, and a peer that is cut when one lists it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/scene.h"

static char *dir, *file, *part;

static int
setup(void **state)
{
	char *paths;

	(void)state;
	town_start(&town, "net", NULL);
	dir = town_path(&town, "local");
	file = town_path(&town, "local/doorman.crl");
	part = town_path(&town, "local/.part");
	assert_int_equal(mkdir(dir, 0700), 0);
	town_ca(&town, "crl", "doorman", "--out", part, NULL);
	assert_int_equal(rename(part, file), 0);
	scene_prepare();
	gateway_as_stranger(&gw, &town);
	paths = xasprintf("[\"%s\"]", dir);
	gateway_set(&gw, "revocation.crl_paths", paths);
	gateway_set(&gw, "revocation.offline", "true");
	gateway_start(&gw);
	free(paths);
	return 0;
}

static int
teardown(void **state)
{
	free(part);
	free(file);
	free(dir);
	return scene_teardown(state);
}

/* The row of the file; its key is copied where there is room for it. */
static void
row_is(const char *error, char key[65])
{
	const cJSON *item;
	struct web w;

	rest(&gw, &w, "GET", "/cache", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 1);
	item = cJSON_GetArrayItem(w.json, 0);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(item, "file")));
	assert_string_equal(json_text(item, "url"), file);
	if (error == NULL)
		assert_null(cJSON_GetObjectItem(item, "error"));
	else
		assert_non_null(strstr(json_text(item, "error"), error));
	if (key != NULL)
		snprintf(key, 65, "%s", json_text(item, "key"));
	web_free(&w);
}

static bool
has_reason(const char *text)
{
	const cJSON *reason;
	bool found = false;
	struct web w;

	rest(&gw, &w, "GET", "/readyz", NULL);
	assert_int_equal(w.status, 200);
	cJSON_ArrayForEach(reason, json_at(w.json, "reasons")) found |=
	    strstr(cJSON_GetStringValue(reason), text) != NULL;
	web_free(&w);
	return found;
}

static bool
in_metrics(const char *text)
{
	bool found;
	struct web w;

	rest(&gw, &w, "GET", "/metrics", NULL);
	assert_int_equal(w.status, 200);
	found = strstr(w.body, text) != NULL;
	web_free(&w);
	return found;
}

static void
a_file_is_a_row(void **state)
{
	char *line = xasprintf("url=\"%s\"", file);

	(void)state;
	row_is(NULL, NULL);
	assert_true(in_metrics(line));
	assert_false(has_reason("the CRL file"));
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	free(line);
}

static void
a_reload_reads_it_again(void **state)
{
	(void)state;
	gateway_settle_log(&gw);
	assert_int_equal(kill(gw.proc.pid, SIGHUP), 0);
	gateway_must_say_next(&gw, "CRL file '");
	rest_expect(&gw, "POST", "/cache/refresh", 202);
	gateway_must_say_next(&gw, "CRL file '");
}

static void
a_fault_is_a_reason(void **state)
{
	char key[65], *path;

	(void)state;
	gateway_settle_log(&gw);
	file_write(part, "no CRL", 6);
	assert_int_equal(rename(part, file), 0);
	gateway_must_say_next(&gw, "neither DER nor PEM");
	row_is("neither DER nor PEM", NULL);
	assert_true(has_reason("doorman.crl': neither DER nor PEM"));
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(unlink(file), 0);
	gateway_must_say_next(&gw, "is gone");
	row_is("the file is gone", key);
	assert_true(has_reason("doorman.crl': the file is gone"));
	path = xasprintf("/cache/%s", key);
	rest_expect(&gw, "DELETE", path, 204);
	assert_false(has_reason("the CRL file"));
	free(path);
}

/* Nothing of its own: it is out of date, so its silence proves nothing. */
static void
an_old_one_is_a_reason(void **state)
{
	(void)state;
	town_ca(&town, "crl", "doorman", "--this", "-10d", "--next", "-1d",
	    "--out", part, NULL);
	gateway_settle_log(&gw);
	assert_int_equal(rename(part, file), 0);
	gateway_must_say_next(&gw, "doorman.crl' read");
	row_is(NULL, NULL);
	assert_true(has_reason("doorman.crl' ran out"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_is_a_row),
	    cmocka_unit_test(a_reload_reads_it_again),
	    cmocka_unit_test(a_fault_is_a_reason),
	    cmocka_unit_test(an_old_one_is_a_reason),
	};

	return cmocka_run_group_tests_name("CRL files", tests, setup, teardown);
}
