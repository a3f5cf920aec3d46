/*
 * After the answer: a session that was Active is withdrawn when it is revoked;
 * batches; the denylist; decisions with their evidence; metrics; a caller
 * that leaves.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "tests/lib/gateway.h"

static struct town town;
static struct gateway gw;

static int
setup(void **state)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	town_start(&town, "net", NULL);
	gateway_run(&gw, "gateway", &town);
	return 0;
}

static int
teardown(void **state)
{
	gateway_free(&gw);
	town_stop(&town);
	curl_global_cleanup();
	return 0;
}

/* The body of a check, made by mint. Free it. */
static char *
body_of(const char *what)
{
	char *path = fixture_path("mint"), *out;
	const char *argv[] = {path, "body", town.dir, what, "--mode",
	    "SOFT_FAIL", "--trust", "trust", NULL};

	assert_int_equal(proc_run(argv, "body.log", WAIT_MS, &out), 0);
	free(path);
	return out;
}

static void
expect_status(const char *what, const char *word)
{
	char *body = body_of(what);
	struct web w;

	rest(&gw, &w, "POST", "/revocation/check", body);
	assert_int_equal(w.status, 200);
	if (json_at(json_at(w.json, "status"), word) == NULL)
		fail_msg("%s: %s", what, w.body);
	web_free(&w);
	free(body);
}

static void
batch_answers_in_order(void **state)
{
	char *good = body_of("sessions/good"),
	     *bad = body_of("sessions/revoked");
	char *body =
	    xasprintf("{\"checks\":[%s,%s,{\"mode\":\"SOFT_FAIL\"},%s]}", good,
		bad, good);
	struct web w;

	rest(&gw, &w, "POST", "/revocation/check/batch", body);
	assert_int_equal(w.status, 200);
	assert_int_equal(cJSON_GetArraySize(json_at(w.json, "results")), 4);
	assert_non_null(json_at(w.json, "results.0.status.Active"));
	assert_non_null(json_at(w.json, "results.1.status.Revoked"));
	assert_string_equal(
	    json_text(w.json, "results.2.error.title"), "Invalid input data.");
	assert_non_null(json_at(w.json, "results.3.status.Active"));
	web_free(&w);
	rest(&gw, &w, "POST", "/revocation/check/batch", "{\"checks\":[]}");
	assert_int_equal(w.status, 400);
	web_free(&w);
	free(good);
	free(bad);
	free(body);
}

/* ---- denylist and withdrawal ------------------------------------------- */

/* POSTs the certificate of a name to the denylist; returns the id. */
static char *
deny(const char *what)
{
	char *path = xasprintf("%s/%s.pem", town.dir, what);
	char *pem = file_need(path, NULL), *id;
	cJSON *o = cJSON_CreateObject();
	char *body;
	struct web w;

	cJSON_AddStringToObject(o, "certificate", pem);
	cJSON_AddStringToObject(o, "reason", "stolen laptop");
	body = cJSON_PrintUnformatted(o);
	rest(&gw, &w, "POST", "/denylist", body);
	if (w.status != 201)
		fail_msg("denylist: %ld %s", w.status, w.body);
	id = xstrdup(json_text(w.json, "id"));
	web_free(&w);
	free(body);
	cJSON_Delete(o);
	free(pem);
	free(path);
	return id;
}

static void
allow(const char *id)
{
	char *path = xasprintf("/denylist/%s", id);
	struct web w;

	rest(&gw, &w, "DELETE", path, NULL);
	assert_int_equal(w.status, 204);
	web_free(&w);
	rest(&gw, &w, "DELETE", path, NULL);
	assert_int_equal(w.status, 404);
	web_free(&w);
	free(path);
}

struct poll {
	pthread_t thread;
	struct web w;
};

static void *
poll_main(void *arg)
{
	struct poll *p = arg;

	rest(&gw, &p->w, "GET", "/revocation/events?after=0&timeoutMs=25000",
	    NULL);
	return NULL;
}

static void
denied_session_is_withdrawn(void **state)
{
	struct poll p;
	struct web w;
	char *id;

	expect_status("sessions/good", "Active");
	pthread_create(&p.thread, NULL, poll_main, &p);
	id = deny("sessions/good");
	pthread_join(p.thread, NULL);
	assert_int_equal(p.w.status, 200);
	assert_int_equal(json_number(p.w.json, "next"), 1);
	assert_int_equal(json_number(p.w.json, "events.0.number"), 1);
	assert_int_equal(
	    strlen(json_text(p.w.json, "events.0.leafSha256")), 64);
	assert_string_equal(
	    json_text(p.w.json, "events.0.report.decision"), "refuse");
	web_free(&p.w);
	expect_status("sessions/good", "Revoked");
	/* It is listed, and kept over a restart. */
	gateway_stop(&gw);
	gateway_start(&gw);
	expect_status("sessions/good", "Revoked");
	rest(&gw, &w, "GET", "/denylist", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 1);
	assert_string_equal(json_text(w.json, "0.id"), id);
	assert_string_equal(json_text(w.json, "0.reason"), "stolen laptop");
	assert_string_equal(json_text(w.json, "0.addedBy"), "operator");
	web_free(&w);
	allow(id);
	expect_status("sessions/good", "Active");
	free(id);
}

static void
denylist_entries_are_judged(void **state)
{
	static const char *const bad[] = {"{}", "{\"certificate\":\"x\"}",
	    "{\"issuer\":\"CN=x\",\"serial\":\"01\"}", "{\"issuer\":\"MAA=\"}",
	    "{\"spkiSha256\":\"00\"}",
	    "{\"issuer\":\"MAA=\",\"serial\":\"xx\"}",
	    ("{\"spkiSha256\":\"000000000000000000000000000000000000000000"
	     "0000000000000000000000\",\"until\":\"tomorrow\"}")};
	struct web w;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rest(&gw, &w, "POST", "/denylist", bad[i]);
		if (w.status != 400)
			fail_msg("%s: %ld %s", bad[i], w.status, w.body);
		web_free(&w);
	}
	rest(&gw, &w, "POST", "/denylist",
	    "{\"spkiSha256\":\"000102030405060708090a0b0c0d0e0f10111213141516"
	    "1718191a1b1c1d1e1f\",\"until\":\"2040-01-01T00:00:00Z\"}");
	assert_int_equal(w.status, 201);
	web_free(&w);
}

/* ---- what is shown ---------------------------------------------------------
 */

static void
decisions_carry_the_evidence(void **state)
{
	struct web w;

	expect_status("sessions/revoked", "Revoked");
	rest(&gw, &w, "GET", "/decisions?limit=1", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 1);
	assert_string_equal(json_text(w.json, "0.way"), "session");
	assert_true(cJSON_IsFalse(json_at(w.json, "0.allowed")));
	assert_string_equal(
	    json_text(w.json, "0.report.certificates.0.status"), "revoked");
	web_free(&w);
	rest(&gw, &w, "GET", "/decisions?peer=O%3Drevoked&outcome=refused",
	    NULL);
	assert_true(cJSON_GetArraySize(w.json) >= 1);
	web_free(&w);
	rest(&gw, &w, "GET", "/decisions?peer=nobody-at-all", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 0);
	web_free(&w);
	rest(&gw, &w, "GET", "/decisions?limit=x", NULL);
	assert_int_equal(w.status, 400);
	web_free(&w);
}

static void
metrics_count_verdicts(void **state)
{
	struct web w;

	expect_status("sessions/revoked", "Revoked");
	rest(&gw, &w, "GET", "/metrics", NULL);
	assert_int_equal(w.status, 200);
	assert_non_null(strstr(w.body,
	    "p2p_gateway_verdicts_total{way=\"session\",mode=\"SOFT_FAIL\","
	    "status=\"revoked\",why=\"none\",outcome=\"refuse\"} "));
	assert_non_null(
	    strstr(w.body, "p2p_gateway_mode{mode=\"SOFT_FAIL\"} 1\n"));
	assert_non_null(strstr(w.body, "p2p_gateway_denylist_entries 1\n"));
	file_write("metrics.txt", w.body, w.len);
	web_free(&w);
	rest(&gw, &w, "GET", "/status", NULL);
	assert_string_equal(json_text(w.json, "mode"), "SOFT_FAIL");
	assert_non_null(json_at(w.json, "door.connections_accepted"));
	web_free(&w);
}

/* ---- leaving ----------------------------------------------------------------
 */

static void
caller_who_leaves_is_forgotten(void **state)
{
	char *url = xasprintf(
	    "https://127.0.0.1:%d/api/v1/revocation/events?timeoutMs=600000",
	    gw.rest_port);
	char *line;

	for (int i = 0; i < 20; i++) {
		CURL *c = curl_easy_init();

		proc_mark(&gw.proc);
		curl_easy_setopt(c, CURLOPT_URL, url);
		curl_easy_setopt(c, CURLOPT_USERPWD, REST_USER);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
		curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
		/* Long enough for the request, far from an answer. */
		curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 300L);
		assert_int_equal(
		    curl_easy_perform(c), CURLE_OPERATION_TIMEDOUT);
		curl_easy_cleanup(c);
		line = proc_await(&gw.proc, "caller left", WAIT_MS);
		assert_non_null(line);
		free(line);
	}
	free(url);
	expect_status("sessions/good", "Active");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(batch_answers_in_order),
	    cmocka_unit_test(denied_session_is_withdrawn),
	    cmocka_unit_test(denylist_entries_are_judged),
	    cmocka_unit_test(decisions_carry_the_evidence),
	    cmocka_unit_test(metrics_count_verdicts),
	    cmocka_unit_test(caller_who_leaves_is_forgotten),
	};

	return cmocka_run_group_tests_name(
	    "withdrawn sessions, denylist, decisions", tests, setup, teardown);
}
