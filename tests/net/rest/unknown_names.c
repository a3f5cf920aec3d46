/*
 * A name that a route of our own does not know, in its query or its body, is
 * refused with that name and those that are known: a misspelt date is not "for
 * ever", a misspelt filter not "all of them". Nothing is changed then.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

#define SPKI                               \
	"00112233445566778899aabbccddeeff" \
	"00112233445566778899aabbccddeeff"

static int
setup(void **state)
{
	(void)state;
	scene_up("revocation.mode", "\"SOFT_FAIL\"");
	return 0;
}

static void
a_name_that_is_not_known(void **state)
{
	static const struct {
		const char *method, *path, *body, *name, *known;
	} rows[] = {
	    {"POST", "/denylist",
		"{\"spkiSha256\":\"" SPKI
		"\",\"untl\":\"2030-01-01T00:00:00Z\"}",
		"untl", "until"},
	    {"POST", "/denylist",
		"{\"request\":{\"spkiSha256\":\"" SPKI "\",\"Reason\":\"x\"}}",
		"Reason", "reason"},
	    {"POST", "/denylist?until=5", "{\"spkiSha256\":\"" SPKI "\"}",
		"until", "nothing"},
	    {"DELETE", "/denylist/0000?all=1", NULL, "all", "nothing"},
	    {"GET", "/decisions?outcom=refused", NULL, "outcom", "outcome"},
	    {"GET", "/decisions?max=1", NULL, "max", "limit"},
	    {"GET", "/cache?kind=crl", NULL, "kind", "nothing"},
	    {"GET", "/denylist?id=1", NULL, "id", "nothing"},
	    {"GET", "/status?part=tls", NULL, "part", "nothing"},
	    {"GET", "/known?serial=1", NULL, "serial", "nothing"},
	    {"GET", "/decisions?outcome=refused&outcome=soft", NULL, "outcome",
		"twice"},
	    {"GET", "/connections?status=unknown&way=inbound&status=good", NULL,
		"status", "twice"},
	    {"GET", "/revocation/events?timeout=0", NULL, "timeout",
		"timeoutMs"},
	    {"POST", "/revocation/check/batch",
		"{\"checks\":[{}],\"mode\":\"HARD_FAIL\"}", "mode", "checks"},
	    {"POST", "/cache/refresh?key=00", "{}", "key", "nothing"},
	    {"POST", "/cache/refresh", "{\"key\":\"00\"}", "key", "nothing"},
	    {"POST", "/cache/00/refresh", "{\"url\":\"x\"}", "url", "nothing"},
	    {"DELETE", "/cache?key=00", NULL, "key", "nothing"},
	    {"DELETE", "/cache/00?kind=crl", NULL, "kind", "nothing"},
	    {"POST", "/reload?check=1", "", "check", "nothing"},
	    {"POST", "/reload", "{\"dryRun\":true}", "dryRun", "nothing"},
	    {"POST", "/config/revcheck/history/1/restore", "{\"version\":2}",
		"version", "nothing"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *quoted = xasprintf("'%s'", rows[i].name);
		const char *reason;
		struct web w;

		rest(&gw, &w, rows[i].method, rows[i].path, rows[i].body);
		reason = json_text(w.json, "details.reason");
		if (w.status != 400 || reason == NULL ||
		    strstr(reason, quoted) == NULL ||
		    strstr(reason, rows[i].known) == NULL)
			fail_msg("%s %s: %ld %s", rows[i].method, rows[i].path,
			    w.status, w.body);
		web_free(&w);
		free(quoted);
	}
}

/* What follows the NUL is not left out, and "all" of them answered. */
static void
a_value_with_a_nul(void **state)
{
	(void)state;
	rest_expect(&gw, "GET", "/decisions?peer=%00x", 400);
	rest_expect(&gw, "GET", "/sources?url=%00x", 400);
}

/* It would be there, be listed, and shut nobody out. */
static void
a_date_that_has_passed(void **state)
{
	static const char *const until[] = {
	    "\"2020-01-01T00:00:00Z\"", "1577836800", "1"};
	struct web w;

	(void)state;
	for (size_t i = 0; i < sizeof(until) / sizeof(until[0]); i++) {
		char *body = xasprintf(
		    "{\"spkiSha256\":\"" SPKI "\",\"until\":%s}", until[i]);

		rest(&gw, &w, "POST", "/denylist", body);
		if (w.status != 400 ||
		    strstr(w.body, "until has passed") == NULL)
			fail_msg("%s: %ld %s", until[i], w.status, w.body);
		web_free(&w);
		free(body);
	}
	rest(&gw, &w, "GET", "/denylist", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 0);
	web_free(&w);
}

/* The entry that is there keeps its date. */
static void
a_misspelt_date_changes_nothing(void **state)
{
	struct web w;

	(void)state;
	rest(&gw, &w, "POST", "/denylist",
	    "{\"spkiSha256\":\"" SPKI "\",\"until\":\"2030-01-01T00:00:00Z\"}");
	assert_int_equal(w.status, 201);
	web_free(&w);
	rest(&gw, &w, "POST", "/denylist",
	    "{\"spkiSha256\":\"" SPKI "\",\"untl\":\"2031-01-01T00:00:00Z\"}");
	assert_int_equal(w.status, 400);
	web_free(&w);
	rest(&gw, &w, "GET", "/denylist", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 1);
	assert_string_equal(
	    json_text(w.json, "0.until"), "2030-01-01T00:00:00Z");
	web_free(&w);
}

/* What was asked properly before is answered as before. */
static void
names_that_are_known(void **state)
{
	static const struct {
		const char *method, *path, *body;
		long status;
	} rows[] = {
	    {"GET", "/decisions?limit=1&after=0&peer=x&outcome=refused", NULL,
		200},
	    {"GET", "/decisions?outcome=refusd", NULL, 400},
	    {"GET", "/revocation/events?after=0&timeoutMs=0", NULL, 200},
	    {"POST", "/cache/refresh", "", 202},
	    {"POST", "/cache/refresh", " {} ", 202},
	    {"POST", "/cache/refresh", "[]", 400},
	    {"POST", "/reload", "{}", 204},
	    {"GET", "/healthz?from=probe", NULL, 200},
	    {"GET", "/metrics?format=prometheus", NULL, 200},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct web w;

		rest(&gw, &w, rows[i].method, rows[i].path, rows[i].body);
		if (w.status != rows[i].status)
			fail_msg("%s %s: %ld %s", rows[i].method, rows[i].path,
			    w.status, w.body);
		web_free(&w);
	}
}

/* Corda's shapes are as lenient as Corda is. */
static void
shapes_of_corda(void **state)
{
	char *ca = fixture_path("ca"), *body, *more;
	const char *argv[] = {ca, "body", town.dir, "sessions/good", "--mode",
	    "SOFT_FAIL", "--trust", "trust", NULL};
	struct web w;

	(void)state;
	assert_int_equal(proc_run(argv, "body.log", WAIT_MS, &body), 0);
	more =
	    xasprintf("{\"clientRequestId\":\"7\",%s", strchr(body, '{') + 1);
	rest(&gw, &w, "POST", "/revocation/check?trace=1", more);
	if (w.status != 200 || json_at(w.json, "status.Active") == NULL)
		fail_msg("%ld %s", w.status, w.body);
	web_free(&w);
	free(more);
	free(body);
	free(ca);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_that_is_not_known),
	    cmocka_unit_test(a_value_with_a_nul),
	    cmocka_unit_test(a_date_that_has_passed),
	    cmocka_unit_test(a_misspelt_date_changes_nothing),
	    cmocka_unit_test(names_that_are_known),
	    cmocka_unit_test(shapes_of_corda),
	};

	return cmocka_run_group_tests_name(
	    "unknown_names", tests, setup, scene_teardown);
}
