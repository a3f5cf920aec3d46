/*
 * After the answer: a session that was Active is withdrawn when it is revoked;
 * batches; the denylist; decisions with their evidence; metrics; a caller
 * that leaves.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <openssl/pem.h>

#include "tests/lib/scene.h"

#define DECISIONS  50  /* kept */
#define BATCH      200 /* checks in a request */
#define BATCHES    10
#define LEAST_RATE 100 /* checks a second, under sanitizers and load */
#define TRIES      20000

static int
setup(void **state)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	town_start(&town, "net", NULL);
	gateway_prepare(&gw, "gateway", &town);
	gateway_set(&gw, "rest.max_decisions", "50");
	/* A check that nobody answers takes longer than any test. */
	gateway_set(&gw, "limits.handshake_timeout_ms", "280000");
	gateway_set(&gw, "revocation.deadline_ms", "240000");
	gateway_set(&gw, "revocation.fetch_timeout_ms", "240000");
	gateway_set(&gw, "revocation.crl_timeout_ms", "240000");
	gateway_start(&gw);
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

/* The body of a check, made by ca. Free it. */
static char *
body_of(const char *what)
{
	char *path = fixture_path("ca"), *out;
	const char *argv[] = {path, "body", town.dir, what, "--mode",
	    "SOFT_FAIL", "--trust", "trust", NULL};

	assert_int_equal(proc_run(argv, "body.log", WAIT_MS, &out), 0);
	free(path);
	return out;
}

/* Whether a check of it answers with that word now. */
static bool
has_status(const char *what, const char *word)
{
	char *body = body_of(what);
	struct web w;
	bool has;

	rest(&gw, &w, "POST", "/revocation/check", body);
	assert_int_equal(w.status, 200);
	has = json_at(json_at(w.json, "status"), word) != NULL;
	web_free(&w);
	free(body);
	return has;
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

/* Denylist and withdrawal. */

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

/* POST of an entry, which must be taken; its id. Free it. */
static char *
add_entry(const char *body)
{
	struct web w;
	char *id;

	rest(&gw, &w, "POST", "/denylist", body);
	if (w.status != 201)
		fail_msg("%s: %ld %s", body, w.status, w.body);
	id = xstrdup(json_text(w.json, "id"));
	web_free(&w);
	return id;
}

/* The SHA-256 of a certificate's SubjectPublicKeyInfo; free it. */
static char *
spki_of(const char *what)
{
	char *path = xasprintf("%s/%s.pem", town.dir, what), *hex;
	BIO *in = BIO_new_file(path, "r");
	X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
	unsigned char *der = NULL, md[32];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	assert_true(len > 0);
	EVP_Digest(der, (size_t)len, md, NULL, EVP_sha256(), NULL);
	hex = OPENSSL_buf2hexstr(md, sizeof(md));
	OPENSSL_free(der);
	X509_free(cert);
	BIO_free(in);
	free(path);
	return hex;
}

/* By issuer and serial, by key, and until when. */
static void
entries_name_a_certificate_or_a_key(void **state)
{
	char *id = deny("sessions/good"), *again, *body, *key;
	struct web w;
	time_t until;

	rest(&gw, &w, "GET", "/denylist", NULL);
	body = xasprintf("{\"issuer\":\"%s\",\"serial\":\"%s\"}",
	    json_text(w.json, "0.issuer"), json_text(w.json, "0.serial"));
	assert_non_null(strstr(json_text(w.json, "0.issuerName"), "O="));
	web_free(&w);
	allow(id);
	expect_status("sessions/good", "Active");
	again = add_entry(body);
	assert_string_equal(again, id);
	expect_status("sessions/good", "Revoked");
	allow(again);
	free(again);
	free(body);
	key = spki_of("sessions/good");
	body = xasprintf("{\"spkiSha256\":\"%s\"}", key);
	again = add_entry(body);
	expect_status("sessions/good", "Revoked");
	allow(again);
	free(again);
	free(body);
	/* Its time is over: it is listed, and does nothing. */
	until = time(NULL) + 2;
	body = xasprintf(
	    "{\"spkiSha256\":\"%s\",\"until\":%lld}", key, (long long)until);
	again = add_entry(body);
	while (!has_status("sessions/good", "Active"))
		continue;
	assert_true(time(NULL) >= until);
	rest(&gw, &w, "GET", "/denylist", NULL);
	assert_non_null(json_text(w.json, "0.until"));
	web_free(&w);
	allow(again);
	free(again);
	free(body);
	OPENSSL_free(key);
	free(id);
}

/* What is shown. */

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

/* The last of them, and those after a number; refusals stay beside them. */
static void
decisions_are_a_ring(void **state)
{
	struct web w;
	char *path;
	int last;

	for (int i = 0; i < DECISIONS + 5; i++)
		expect_status("sessions/good", "Active");
	rest(&gw, &w, "GET", "/decisions?outcome=refused&way=session", NULL);
	assert_true(cJSON_GetArraySize(w.json) > 0);
	web_free(&w);
	rest(&gw, &w, "GET", "/decisions?outcome=accepted&status=good", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), DECISIONS);
	last = (int)json_number(w.json, "0.sequence");
	assert_int_equal(json_number(w.json, "49.sequence"), last - 49);
	web_free(&w);
	path = xasprintf("/decisions?after=%d", last - 3);
	rest(&gw, &w, "GET", path, NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 3);
	web_free(&w);
	free(path);
}

/* What monitors are promised, by name. */
static void
metrics_have_every_name(void **state)
{
	static const char *const names[] = {
	    "p2p_gateway_verdicts_total{way=",
	    "p2p_gateway_verdict_wait_seconds_bucket{le=",
	    "p2p_gateway_verdict_wait_seconds_count ",
	    "revcheck_soft_accepts_total ",
	    "revcheck_shadow_refusals_total ",
	    "revcheck_fetches_total ",
	    "revcheck_fetches_not_modified_total ",
	    "revcheck_fetch_failures_total{reason=\"unreachable\"}",
	    "revcheck_fetch_failures_total{reason=\"http\"}",
	    "revcheck_fetch_failures_total{reason=\"forged\"}",
	    "# TYPE revcheck_crl_this_update_timestamp_seconds gauge",
	    "# TYPE revcheck_crl_next_update_timestamp_seconds gauge",
	    "revcheck_checks_pending ",
	    "p2p_gateway_connections_accepted_total ",
	    "p2p_gateway_connections_open ",
	    "p2p_gateway_connections_relaying ",
	    "p2p_gateway_handshakes_total{result=\"completed\"} ",
	    "p2p_gateway_certificate_not_after_timestamp_seconds{identity=",
	    "p2p_gateway_config_version{section=\"revcheck\"}",
	    "p2p_gateway_warming_up ",
	};
	struct web w;

	rest(&gw, &w, "GET", "/metrics", NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *line = xasprintf("\n%s", names[i]);

		if (strstr(w.body, line) == NULL)
			fail_msg("no '%s'", names[i]);
		free(line);
	}
	web_free(&w);
}

/* Session checks with that status, of a list of verdicts. */
static double
counted(const cJSON *verdicts, const char *status)
{
	const cJSON *v;
	double num = 0;

	cJSON_ArrayForEach(v, verdicts)
	{
		if (strcmp(json_text(v, "way"), "session") == 0 &&
		    strcmp(json_text(v, "status"), status) == 0)
			num += json_number(v, "count");
	}
	return num;
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
	assert_non_null(strstr(w.body,
	    "p2p_gateway_mode{scope=\"sessions\",mode=\"SOFT_FAIL\"} 1\n"));
	assert_non_null(strstr(
	    w.body, "p2p_gateway_mode{scope=\"tls\",mode=\"SOFT_FAIL\"} 1\n"));
	assert_non_null(strstr(w.body, "p2p_gateway_denylist_entries 1\n"));
	file_write("metrics.txt", w.body, w.len);
	web_free(&w);
	rest(&gw, &w, "GET", "/status", NULL);
	assert_string_equal(json_text(w.json, "mode"), "SOFT_FAIL");
	assert_non_null(json_at(w.json, "door.connections_accepted"));
	/* Whatever a page would show is there as JSON. */
	assert_non_null(json_at(w.json, "engine.fetchFailures.unreachable"));
	assert_int_equal(
	    cJSON_GetArraySize(json_at(w.json, "waits.buckets")), 11);
	assert_true(counted(json_at(w.json, "verdicts"), "revoked") > 0);
	web_free(&w);
}

/* Leaving. */

static double
pending(void)
{
	struct web w;
	double num;

	rest(&gw, &w, "GET", "/status", NULL);
	num = json_number(w.json, "engine.pending");
	web_free(&w);
	return num;
}

static bool
check_is_pending(void)
{
	return pending() > 0;
}

/* Whether a request waits, beside the one that tells so. */
static bool
request_waits(void)
{
	struct web w;
	bool waits;

	rest(&gw, &w, "GET", "/metrics", NULL);
	waits = w.body != NULL &&
	    strstr(w.body, "\np2p_gateway_rest_requests_waiting 2\n") != NULL;
	web_free(&w);
	return waits;
}

/* Asks, and leaves when it is so. body NULL: GET. */
static void
ask_and_leave(const char *path, const char *body, bool (*it_is_so)(void))
{
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1%s", gw.rest_port, path);
	long long until = mono_ms() + WAIT_MS;
	CURLM *transfers = curl_multi_init();
	CURL *c = curl_easy_init();
	int num = 0;
	char *line;

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_USERPWD, REST_USER);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	if (body != NULL)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	curl_multi_add_handle(transfers, c);
	proc_mark(&gw.proc);
	do {
		assert_int_equal(curl_multi_perform(transfers, &num), CURLM_OK);
		assert_int_equal(num, 1);
		assert_true(mono_ms() < until);
	} while (!it_is_so());
	curl_multi_remove_handle(transfers, c);
	curl_easy_cleanup(c);
	curl_multi_cleanup(transfers);
	line = proc_await(&gw.proc, "caller left", WAIT_MS);
	assert_non_null(line);
	free(line);
	free(url);
}

static void
caller_who_leaves_is_forgotten(void **state)
{
	for (int i = 0; i < 20; i++)
		ask_and_leave(
		    "/revocation/events?timeoutMs=600000", NULL, request_waits);
	expect_status("sessions/good", "Active");
}

/* What a caller has left is not asked any longer, nor decided. */
static void
pending_check_is_cancelled(void **state)
{
	double left = 1;
	struct web w;
	char *body;

	town_ca(&town, "leaf", "session", "sessions/leaves", NULL);
	body = body_of("sessions/leaves");
	control(&town.ocsp, "/_script", "/session* gate=leaves\n");
	control(&town.web, "/_script",
	    "/certificate-revocation-list/session gate=leaves\n");
	ask_and_leave("/revocation/check", body, check_is_pending);
	/* Its deadline is minutes away. */
	for (int i = 0; i < TRIES && left > 0; i++)
		left = pending();
	assert_true(left == 0);
	rest(&gw, &w, "GET", "/decisions?peer=O%3Dleaves", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 0);
	web_free(&w);
	control(&town.ocsp, "/_release/leaves", NULL);
	control(&town.web, "/_release/leaves", NULL);
	expect_status("sessions/leaves", "Active");
	free(body);
}

/* At scale. */

static void
checks_by_the_hundred(void **state)
{
	char *one = body_of("sessions/good"), *body = xstrdup("");
	struct timespec begun, ended;
	double seconds;
	struct web w;

	for (int i = 0; i < BATCH; i++) {
		char *more = xasprintf("%s%s%s", body, i > 0 ? "," : "", one);

		free(body);
		body = more;
	}
	free(one);
	one = xasprintf("{\"checks\":[%s]}", body);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (int i = 0; i < BATCHES; i++) {
		rest(&gw, &w, "POST", "/revocation/check/batch", one);
		assert_int_equal(w.status, 200);
		assert_int_equal(
		    cJSON_GetArraySize(json_at(w.json, "results")), BATCH);
		assert_non_null(json_at(w.json, "results.199.status.Active"));
		web_free(&w);
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	seconds = (double)(ended.tv_sec - begun.tv_sec) +
	    (double)(ended.tv_nsec - begun.tv_nsec) / 1e9;
	print_message("# %.0f checks a second\n", BATCH * BATCHES / seconds);
	assert_true(BATCH * BATCHES / seconds > LEAST_RATE);
	free(body);
	free(one);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(batch_answers_in_order),
	    cmocka_unit_test(denied_session_is_withdrawn),
	    cmocka_unit_test(entries_name_a_certificate_or_a_key),
	    cmocka_unit_test(denylist_entries_are_judged),
	    cmocka_unit_test(decisions_carry_the_evidence),
	    cmocka_unit_test(decisions_are_a_ring),
	    cmocka_unit_test(metrics_count_verdicts),
	    cmocka_unit_test(metrics_have_every_name),
	    cmocka_unit_test(caller_who_leaves_is_forgotten),
	    cmocka_unit_test(pending_check_is_cancelled),
	    cmocka_unit_test(checks_by_the_hundred),
	};

	return cmocka_run_group_tests_name(
	    "withdrawn sessions, denylist, decisions", tests, setup, teardown);
}
