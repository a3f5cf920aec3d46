/*
 * Sections over REST: every status code and title that clients compare, the
 * two ways to write a version and a configuration, replacing, defaults,
 * schema, history and putting back.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

#define LINK    "corda.p2p.linkManager"
#define GATEWAY "corda.p2p.gateway"

static int
setup(void **state)
{
	scene_up("rest.users",
	    "[{\"name\":\"operator\",\"password\":\"demo-password\","
	    "\"roles\":[\"operate\",\"check\"]}]",
	    "rest.max_body_bytes", "65536");
	return 0;
}

/* A change: section, version and config as JSON text. Free it. */
static char *
change(const char *section, const char *version, const char *config)
{
	return xasprintf("{\"section\":\"%s\",\"version\":%s,\"config\":%s,"
			 "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
	    section, version, config);
}

static void
expect(const char *method, const char *path, const char *body, long status,
    const char *title)
{
	struct web w;

	rest(&gw, &w, method, path, body);
	if (w.status != status)
		fail_msg("%s %s %s: status %ld, expected %ld: %s", method, path,
		    body != NULL ? body : "", w.status, status, w.body);
	if (title != NULL) {
		const char *got = json_text(w.json, "title");

		if (got == NULL || strstr(got, title) == NULL)
			fail_msg("%s %s: title '%s', expected '%s'", method,
			    path, got, title);
		assert_int_equal(json_number(w.json, "status"), status);
		assert_true(cJSON_IsObject(json_at(w.json, "details")));
	}
	web_free(&w);
}

/* A PUT with the stored version; the new one must be stored after 202. */
static void
put(const char *section, const char *config, long status)
{
	int before = rest_version(&gw, section);
	char *version = xasprintf("%d", before);
	char *body = change(section, version, config);

	expect("PUT", "/config", body, status, NULL);
	assert_int_equal(rest_version(&gw, section),
	    status == 202 ? (before < 0 ? 1 : before + 1) : before);
	free(version);
	free(body);
}

static void
nothing_is_stored_at_first(void **state)
{
	struct web w;
	cJSON *full;

	rest(&gw, &w, "GET", "/config/" GATEWAY, NULL);
	assert_int_equal(w.status, 200);
	assert_int_equal(json_number(w.json, "version"), -1);
	assert_string_equal(json_text(w.json, "section"), GATEWAY);
	assert_string_equal(json_text(w.json, "sourceConfig"), "{}");
	assert_int_equal(json_number(w.json, "schemaVersion.major"), 1);
	full = cJSON_Parse(json_text(w.json, "configWithDefaults"));
	assert_non_null(full);
	/* Until the section is set the bootstrap file decides. */
	assert_string_equal(json_text(full, "sslConfig.tlsType"), "MUTUAL");
	assert_int_equal(
	    json_number(full, "connectionConfig.responseTimeout"), 3000);
	cJSON_Delete(full);
	web_free(&w);
}

static void
version_zero_is_none_once(void **state)
{
	char *body = change("revcheck", "0", "{}");

	expect("PUT", "/config", body, 202, NULL);
	/* The first change made version 1, so 0 is stale now. */
	expect("PUT", "/config", body, 409, "Wrong Config Version");
	free(body);
	body = change("revcheck", "-1", "{}");
	expect("PUT", "/config", body, 409, "Wrong Config Version");
	free(body);
}

static void
answer_has_the_shape(void **state)
{
	struct web w;
	char *body =
	    change(LINK, "\"-1\"", "{\"revocationCheck\":{\"mode\":\"ON\"}}");

	rest(&gw, &w, "PUT", "/config", body);
	assert_int_equal(w.status, 202);
	assert_string_equal(json_text(w.json, "section"), LINK);
	assert_string_equal(json_text(w.json, "config"),
	    "{\"revocationCheck\":{\"mode\":\"ON\"}}");
	assert_int_equal(json_number(w.json, "version"), 1);
	assert_int_equal(json_number(w.json, "schemaVersion.major"), 1);
	web_free(&w);
	free(body);
	/* Stored as written, reported resolved. */
	rest(&gw, &w, "GET", "/config/" LINK, NULL);
	assert_non_null(strstr(json_text(w.json, "sourceConfig"), "\"ON\""));
	assert_non_null(strstr(
	    json_text(w.json, "configWithDefaults"), "\"mode\":\"SOFT_FAIL\""));
	web_free(&w);
}

static void
config_may_be_text_and_request_wrapped(void **state)
{
	char *body = xasprintf(
	    "{\"request\":{\"section\":\"" LINK
	    "\",\"version\":\"%d\",\"config\":\"{\\\"maxMessageSize\\\": "
	    "2000}\",\"schemaVersion\":{\"major\":1,\"minor\":0}}}",
	    rest_version(&gw, LINK));
	struct web w;

	expect("PUT", "/config", body, 202, NULL);
	free(body);
	rest(&gw, &w, "GET", "/config/" LINK, NULL);
	assert_string_equal(
	    json_text(w.json, "sourceConfig"), "{\"maxMessageSize\": 2000}");
	/* It replaces: what was set before is gone. */
	assert_null(strstr(json_text(w.json, "sourceConfig"), "mode"));
	web_free(&w);
}

static void
paths_have_no_case_and_many_bases(void **state)
{
	static const char *const bases[] = {
	    "/api/v1", "/api/v5_1", "/api/v5_2", "/api/v5_3", "/API/V1"};
	struct web w;

	expect("GET", "/CONFIG/corda.p2p.LINKMANAGER", NULL, 200, NULL);
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		char *url = xasprintf("https://127.0.0.1:%d%s/config/" LINK,
		    gw.rest_port, bases[i]);

		web_request(&w, "GET", url, REST_USER, NULL, NULL);
		assert_int_equal(w.status, 200);
		web_free(&w);
		free(url);
	}
}

static void
content_type_is_not_looked_at(void **state)
{
	static const char *const types[] = {NULL, "application/json",
	    "text/plain", "multipart/form-data; boundary=x"};
	struct web w;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		char *version = xasprintf("%d", rest_version(&gw, LINK));
		char *body = change(LINK, version, "{}");
		char *url = xasprintf(
		    "https://127.0.0.1:%d/api/v1/config", gw.rest_port);

		web_request(&w, "PUT", url, REST_USER, body, types[i]);
		assert_int_equal(w.status, 202);
		web_free(&w);
		free(url);
		free(body);
		free(version);
	}
}

/* What is not a change at all. */
static void
bad_requests(void **state)
{
	static const struct {
		const char *body, *title;
	} bad[] = {
	    {"", "Invalid input data."},
	    {"{", "Invalid input data."},
	    {"[]", "Invalid input data."},
	    {"{}", "Invalid input data."},
	    {"{\"section\":\"" LINK "\"}", "Invalid input data."},
	    {"{\"section\":\"" LINK "\",\"version\":\"x\",\"config\":{},"
	     "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
		"Invalid input data."},
	    {"{\"section\":\"" LINK "\",\"version\":1.5,\"config\":{},"
	     "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
		"Invalid input data."},
	    {"{\"section\":\"" LINK "\",\"version\":1,\"config\":{}}",
		"Invalid input data."},
	    {"{\"section\":\"" LINK "\",\"version\":1,\"config\":{},"
	     "\"schemaVersion\":{\"major\":2,\"minor\":0}}",
		"Configuration \"{}\" could not be validated. Valid JSON or "
		"HOCON expected."},
	    {"{\"section\":\"corda.nothing\",\"version\":1,\"config\":{},"
	     "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
		"Configuration \"{}\" could not be validated. Valid JSON or "
		"HOCON expected."},
	    {"{\"section\":\"" LINK "\",\"version\":1,\"config\":\"a = 1\","
	     "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
		"Configuration \"a = 1\" could not be validated. Valid JSON "
		"or HOCON expected."},
	    {"{\"section\":\"" LINK "\",\"version\":1,\"config\":\"[1]\","
	     "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
		"Configuration \"[1]\" could not be validated."},
	    {"{\"section\":\"" LINK "\",\"section\":\"" LINK
	     "\",\"version\":1,\"config\":{},"
	     "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
		"Invalid input data."},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect("PUT", "/config", bad[i].body, 400, bad[i].title);
}

struct candidate {
	const char *section, *config;
	long status;
};

#define SKI_16 "00112233445566778899aabbccddeeff"
#define SKI_64 SKI_16 SKI_16 SKI_16 SKI_16

/* Ranges, words, loose types and unknown keys, one line each. */
static const struct candidate candidates[] = {
    {LINK, "{\"unknownKey\":1}", 400},
    {LINK, "{\"revocationCheck\":{\"other\":1}}", 202},
    {LINK, "{\"maxMessageSize\":999}", 400},
    {LINK, "{\"maxMessageSize\":1000}", 202},
    {LINK, "{\"maxMessageSize\":\"1000\"}", 202},
    {LINK, "{\"maxMessageSize\":1000.5}", 400},
    {LINK, "{\"maxMessageSize\":\"a\"}", 400},
    {LINK, "{\"heartbeatEnabled\":\"true\"}", 202},
    {LINK, "{\"heartbeatEnabled\":1}", 400},
    {LINK, "{\"sessionsPerPeer\":null}", 202},
    {LINK, "{\"sessionsPerPeer\":0}", 400},
    {LINK, "{\"sessionTimeout\":null}", 400},
    {LINK, "{\"sessionRefreshThreshold\":432000}", 202},
    {LINK, "{\"sessionRefreshThreshold\":432001}", 400},
    {LINK, "{\"replayAlgorithm\":{\"constant\":{\"messageReplayPeriod\":500}}}",
	202},
    {LINK, "{\"replayAlgorithm\":{\"constant\":{},\"exponentialBackoff\":{}}}",
	400},
    {LINK, "{\"revocationCheck\":{\"mode\":\"OFF\"}}", 202},
    {LINK, "{\"revocationCheck\":{\"mode\":\"HARD_FAIL\"}}", 202},
    {LINK, "{\"revocationCheck\":{\"mode\":\"SOFT_FAIL\"}}", 202},
    {LINK, "{\"revocationCheck\":{\"mode\":\"MAYBE\"}}", 400},
    {LINK, "{\"revocationCheck\":{\"mode\":true}}", 400},
    {LINK, "{\"revocationCheck\":\"OFF\"}", 400},
    {GATEWAY, "{\"unknownKey\":1}", 400},
    {GATEWAY, "{\"serversConfiguration\":[]}", 400},
    {GATEWAY, "{\"serversConfiguration\":[{\"hostPort\":\"8080\"}]}", 202},
    {GATEWAY, "{\"serversConfiguration\":[{\"hostPort\":65536}]}", 400},
    {GATEWAY, "{\"serversConfiguration\":[{\"urlPath\":\"/a/b.c-1\"}]}", 202},
    {GATEWAY, "{\"serversConfiguration\":[{\"urlPath\":\"a\"}]}", 400},
    {GATEWAY, "{\"serversConfiguration\":[{\"urlPath\":\"/a?b\"}]}", 400},
    {GATEWAY, "{\"maxRequestSize\":9999999}", 400},
    {GATEWAY, "{\"connectionConfig\":{\"maxClientConnections\":10001}}", 400},
    {GATEWAY, "{\"connectionConfig\":{\"responseTimeout\":100}}", 202},
    {GATEWAY, "{\"connectionConfig\":{\"other\":100}}", 400},
    {GATEWAY, "{\"sslConfig\":{\"tlsType\":\"BOTH\"}}", 400},
    {GATEWAY, "{\"sslConfig\":{\"tlsType\":\"MUTUAL\"}}", 202},
    {"revcheck", "{\"order\":\"CRL\"}", 202},
    {"revcheck", "{\"order\":\"NONE\"}", 400},
    {"revcheck", "{\"deadlineMs\":9999}", 202},
    {"revcheck", "{\"deadlineMs\":10000}", 400},
    {"revcheck", "{\"recheck\":{\"graceMs\":10}}", 202},
    {"revcheck", "{\"recheck\":{\"grace\":10}}", 400},
    {"revcheck", "{\"issuers\":[{\"exempt\":true}]}", 400},
    {"revcheck", "{\"issuers\":[{\"ski\":\"zz\"}]}", 400},
    {"revcheck", "{\"issuers\":[{\"ski\":\"" SKI_64 "\"}]}", 202},
    {"revcheck", "{\"issuers\":[{\"ski\":\"" SKI_64 "00\"}]}", 400},
    {"revcheck",
	"{\"issuers\":[{\"ski\":\"a1b2\",\"ocspUrls\":[\"responder\"]}]}", 400},
    {"revcheck",
	"{\"issuers\":[{\"ski\":\"a1b2\",\"crlUrls\":[\"htp://a/b\"]}]}", 400},
    {"revcheck", "{\"securityLevel\":5}", 400},
    {"revcheck",
	"{\"issuers\":[{\"ski\":\"a1:b2\",\"mode\":\"HARD_FAIL\","
	"\"crlUrls\":[\"http://127.0.0.1/x\"]}]}",
	202},
    {"revcheck", "{\"issuers\":[{\"ski\":\"a1b2\",\"ocspSigner\":\"x\"}]}",
	400},
    {"revcheck",
	"{\"issuers\":[{\"ski\":\"a1:b2\",\"exempt\":true},{\"ski\":\"00\"},"
	"{\"ski\":\"A1B2\",\"mode\":\"HARD_FAIL\"}]}",
	400},
    {"revcheck",
	"{\"issuers\":[{\"ski\":\"a1b2\"},{\"ski\":\"a1\"},"
	"{\"ski\":\"b1a2\"}]}",
	202},
    {"revcheck", "{}", 202},
    {GATEWAY, "{\"sslConfig\":{\"tlsType\":\"MUTUAL\"}}", 202},
    {LINK, "{}", 202},
};

static void
schemas_are_enforced(void **state)
{
	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++)
		put(candidates[i].section, candidates[i].config,
		    candidates[i].status);
}

static void
wrong_version_names_both(void **state)
{
	struct web w;
	char *stored = xasprintf("%d", rest_version(&gw, LINK));
	char *body = change(LINK, "4711", "{\"maxMessageSize\":1234}");
	const char *reason;

	rest(&gw, &w, "PUT", "/config", body);
	assert_int_equal(w.status, 409);
	assert_string_equal(json_text(w.json, "title"), "Wrong Config Version");
	reason = json_text(w.json, "details.reason");
	assert_non_null(strstr(reason, "4711"));
	assert_non_null(strstr(reason, stored));
	assert_non_null(json_text(w.json, "details.cause"));
	assert_non_null(json_text(w.json, "details.schemaVersion"));
	assert_string_equal(
	    json_text(w.json, "details.config"), "{\"maxMessageSize\":1234}");
	web_free(&w);
	free(body);
	free(stored);
}

static void
unknown_things_are_404(void **state)
{
	expect("GET", "/config/corda.nothing", NULL, 404, "not found");
	expect(
	    "GET", "/config/%2e%2e%2f%2e%2e%2fetc%2fpasswd", NULL, 404, NULL);
	expect("GET", "/nothing", NULL, 404, "Not found");
	expect("GET", "/config/a%00b", NULL, 404, NULL);
	expect("DELETE", "/config", NULL, 405, "Method not allowed");
	expect("PATCH", "/config", "{}", 405, "Method not allowed");
}

static void
large_bodies_are_400_with_both_numbers(void **state)
{
	size_t len = 70000;
	char *body = malloc(len + 1);
	struct web w;

	memset(body, ' ', len);
	body[len] = '\0';
	rest(&gw, &w, "PUT", "/config", body);
	assert_int_equal(w.status, 400);
	assert_string_equal(json_text(w.json, "title"),
	    "Content length is 70000 which exceeds the maximum limit of "
	    "65536.");
	web_free(&w);
	free(body);
}

static void
answers_are_not_cached(void **state)
{
	struct web w;
	char *value;

	rest(&gw, &w, "GET", "/config/" LINK, NULL);
	value = web_header(&w, "Cache-Control");
	assert_string_equal(value, "no-cache");
	free(value);
	value = web_header(&w, "Content-Type");
	assert_string_equal(value, "application/json");
	free(value);
	web_free(&w);
}

static void
schema_is_published(void **state)
{
	struct web w;

	rest(&gw, &w, "GET", "/config/schema/" LINK, NULL);
	assert_int_equal(w.status, 200);
	assert_int_equal(
	    json_number(w.json, "properties.maxMessageSize.minimum"), 1000);
	assert_true(cJSON_IsTrue(
	    json_at(w.json, "properties.maxMessageSize.x-noEffectHere")));
	assert_true(cJSON_IsFalse(json_at(w.json, "additionalProperties")));
	web_free(&w);
	expect("GET", "/config/schema/corda.nothing", NULL, 404, NULL);
}

static void
history_is_kept_and_put_back(void **state)
{
	int first, now, num;
	char *path;
	const cJSON *last;
	struct web w;

	put(LINK, "{\"maxMessageSize\":1111}", 202);
	first = rest_version(&gw, LINK);
	put(LINK, "{\"maxMessageSize\":2222}", 202);
	path = xasprintf("/config/" LINK "/history/%d/restore", first);
	expect("POST", path, "", 202, NULL);
	free(path);
	now = rest_version(&gw, LINK);
	assert_int_equal(now, first + 2);
	rest(&gw, &w, "GET", "/config/" LINK "/history", NULL);
	num = cJSON_GetArraySize(w.json);
	last = cJSON_GetArrayItem(w.json, num - 1);
	assert_int_equal(json_number(last, "version"), now);
	assert_string_equal(json_text(last, "who"), "operator");
	assert_string_equal(json_text(last, "from"), "127.0.0.1");
	assert_non_null(strstr(json_text(last, "action"), "restore"));
	assert_string_equal(
	    json_text(last, "config"), "{\"maxMessageSize\":1111}");
	web_free(&w);
	expect("POST", "/config/" LINK "/history/999/restore", "", 404, NULL);
}

static void
everything_survives_a_restart(void **state)
{
	int version;
	struct web w;

	put("revcheck", "{\"order\":\"CRL_OCSP\"}", 202);
	version = rest_version(&gw, "revcheck");
	gateway_stop(&gw);
	gateway_start(&gw);
	assert_int_equal(rest_version(&gw, "revcheck"), version);
	rest(&gw, &w, "GET", "/config/revcheck", NULL);
	assert_string_equal(
	    json_text(w.json, "sourceConfig"), "{\"order\":\"CRL_OCSP\"}");
	web_free(&w);
	rest(&gw, &w, "GET", "/config/revcheck/history", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), version);
	web_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_stored_at_first),
	    cmocka_unit_test(version_zero_is_none_once),
	    cmocka_unit_test(answer_has_the_shape),
	    cmocka_unit_test(config_may_be_text_and_request_wrapped),
	    cmocka_unit_test(paths_have_no_case_and_many_bases),
	    cmocka_unit_test(content_type_is_not_looked_at),
	    cmocka_unit_test(bad_requests),
	    cmocka_unit_test(schemas_are_enforced),
	    cmocka_unit_test(wrong_version_names_both),
	    cmocka_unit_test(unknown_things_are_404),
	    cmocka_unit_test(large_bodies_are_400_with_both_numbers),
	    cmocka_unit_test(answers_are_not_cached),
	    cmocka_unit_test(schema_is_published),
	    cmocka_unit_test(history_is_kept_and_put_back),
	    cmocka_unit_test(everything_survives_a_restart),
	};

	return cmocka_run_group_tests_name(
	    "configuration over REST", tests, setup, scene_teardown);
}
