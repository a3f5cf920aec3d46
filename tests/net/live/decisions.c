/*
 * What is said of a decision: in the list of decisions, the log, the metrics
 * and in sessions' details. Nobody is called good who was not asked about, a
 * refusal says what it was, and who is in is not let in once more.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

#define ROUNDS 5

/* The newest decision of a way, waited for until it is newer than after. */
static cJSON *
decision_await(const char *way, double after)
{
	for (long long end = mono_ms() + WAIT_MS; mono_ms() < end;) {
		const cJSON *d;
		cJSON *found = NULL;
		struct web w;

		rest(&gw, &w, "GET", "/decisions", NULL);
		cJSON_ArrayForEach(d, w.json)
		{
			if (found == NULL &&
			    json_number(d, "sequence") > after &&
			    strcmp(json_text(d, "way"), way) == 0)
				found = cJSON_Duplicate(d, true);
		}
		web_free(&w);
		if (found != NULL)
			return found;
	}
	fail_msg("no decision (%s)", way);
	return NULL;
}

/* Number of the newest. */
static double
decisions_so_far(void)
{
	struct web w;
	double last;

	rest(&gw, &w, "GET", "/decisions?limit=1", NULL);
	last = cJSON_GetArraySize(w.json) == 0
	    ? 0
	    : json_number(w.json, "0.sequence");
	web_free(&w);
	return last;
}

static void
must_be(const cJSON *d, const char *mode, const char *status, const char *why,
    int allowed)
{
	char *text = cJSON_PrintUnformatted(d);

	if (strcmp(json_text(d, "mode"), mode) != 0 ||
	    strcmp(json_text(d, "status"), status) != 0 ||
	    strcmp(json_text(d, "why"), why) != 0 ||
	    cJSON_IsTrue(json_at(d, "allowed")) != allowed)
		fail_msg("%s %s %s expected: %s", mode, status, why, text);
	free(text);
}

/* The number that a line of the metrics ends with; -1 without such a line. */
static double
metric(const char *begins)
{
	double value = -1;
	struct web w;

	rest(&gw, &w, "GET", "/metrics", NULL);
	for (char *save = NULL, *line = strtok_r(w.body, "\n", &save);
	     line != NULL; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, begins, strlen(begins)) == 0)
			value = strtod(strrchr(line, ' '), NULL);
	web_free(&w);
	return value;
}

static void
off_is_not_asked(void **state)
{
	char *ca = fixture_path("ca"), *body;
	const char *argv[] = {ca, "body", town.dir, "sessions/revoked",
	    "--mode", "SOFT_FAIL", "--trust", "trust", NULL};
	struct web w;
	cJSON *d;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "revocation.mode", "\"OFF\"");
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "revoked", gw.port, 0), TLS_IN);
	d = decision_await("inbound", 0);
	must_be(d, "OFF", "not-asked", "none", 1);
	assert_string_equal(json_text(d, "report.status"), "not-asked");
	for (int i = 0; i < 3; i++)
		assert_string_equal(
		    json_text(cJSON_GetArrayItem(
				  json_at(d, "report.certificates"), i),
			"status"),
		    "not-asked");
	cJSON_Delete(d);
	gateway_must_say(&gw, "status=not-asked why=none mode=OFF");
	assert_int_equal(proc_run(argv, "body.log", WAIT_MS, &body), 0);
	rest(&gw, &w, "POST", "/revocation/check", body);
	assert_non_null(json_at(w.json, "status.Active"));
	assert_string_equal(json_text(w.json, "details.0.status"), "not-asked");
	web_free(&w);
	d = decision_await("session", 0);
	must_be(d, "OFF", "not-asked", "none", 1);
	cJSON_Delete(d);
	assert_true(metric("p2p_gateway_verdicts_total{way=\"inbound\","
			   "mode=\"OFF\",status=\"not-asked\",why=\"none\","
			   "outcome=\"accept\"} ") == 1);
	rest(&gw, &w, "GET", "/metrics", NULL);
	assert_null(strstr(w.body, "mode=\"OFF\",status=\"good\""));
	web_free(&w);
	free(body);
	free(ca);
}

static void
a_refusal_says_what_it_is(void **state)
{
	static const struct {
		const char *peer; /* NULL: without a certificate */
		const char *status, *why, *note;
	} rows[] = {
	    {NULL, "no-certificate", "none", "did not return a certificate"},
	    {"expired", "path-invalid", "path", "certificate has expired"},
	    {"stranger", "path-invalid", "path", "issuer certificate"},
	    {"good", "subject-refused", "none", "allowed subjects"},
	    {"fresh", "good", "none", ""},
	    {"revoked", "revoked", "none", ""},
	};

	(void)state;
	scene_prepare();
	gateway_set(&gw, "revocation.mode", "\"HARD_FAIL\"");
	gateway_set(&gw, "tls.allowed_subjects",
	    "[\"C=GB,L=London,O=fresh\",\"C=GB,L=London,O=revoked\"]");
	gateway_start(&gw);
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		int version = i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION;
		struct tls_options none = {.version = version};
		size_t row = i / 2;
		double before = decisions_so_far();
		struct tls t;
		cJSON *d;

		if (rows[row].peer == NULL) {
			(void)tls_connect(&t, gw.port, &none);
			assert_int_equal(tls_echo(&t), 0);
			tls_free(&t);
		} else {
			(void)tls_try(&town, rows[row].peer, gw.port, version);
		}
		d = decision_await("inbound", before);
		must_be(d, "HARD_FAIL", rows[row].status, rows[row].why,
		    strcmp(rows[row].status, "good") == 0);
		if (rows[row].note[0] != '\0' &&
		    strstr(json_text(d, "note"), rows[row].note) == NULL)
			fail_msg(
			    "%s: %s", rows[row].note, json_text(d, "note"));
		cJSON_Delete(d);
	}
	gateway_must_say(&gw, "status=path-invalid why=path mode=HARD_FAIL");
	assert_true(metric("p2p_gateway_verdicts_total{way=\"inbound\","
			   "mode=\"HARD_FAIL\",status=\"no-certificate\","
			   "why=\"none\",outcome=\"refuse\"} ") == 2);
	assert_true(metric("p2p_gateway_verdicts_total{way=\"inbound\","
			   "mode=\"DEFAULT\"") == -1);
	workers_must_count(&gw, "refused_path", 6);
}

static void
nobody_is_asked_for_a_certificate(void **state)
{
	struct tls_options none = {0};
	struct tls t;
	cJSON *d;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "tls.type", "\"ONE_WAY\"");
	gateway_start(&gw);
	assert_int_equal(tls_connect(&t, gw.port, &none), 1);
	assert_int_equal(tls_echo(&t), 1);
	tls_free(&t);
	d = decision_await("inbound", 0);
	must_be(d, "SOFT_FAIL", "no-certificate", "none", 1);
	cJSON_Delete(d);
}

/* Two peers, asked about again and again: two were let in. */
static void
who_stays_is_not_let_in_again(void **state)
{
	char *path = town_path(&town, "peers/onhold.pem");
	char *pem = file_need(path, NULL), *body;
	cJSON *o = cJSON_CreateObject();
	struct tls t[2];

	(void)state;
	scene_prepare();
	gateway_as_stranger(&gw, &town);
	gateway_start(&gw);
	for (int i = 0; i < 2; i++)
		tls_enter(&t[i], &town, "nosource", gw.port, 0);
	cJSON_AddStringToObject(o, "certificate", pem);
	body = cJSON_PrintUnformatted(o);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		struct web w;
		char *entry;

		/* Anything new is a reason to ask about everybody. */
		rest(&gw, &w, "POST", "/denylist", body);
		entry = xasprintf("/denylist/%s", json_text(w.json, "id"));
		web_free(&w);
		rest_expect(&gw, "DELETE", entry, 204);
		free(entry);
		while (workers_counted(&gw, "soft_kept") < 2 * i)
			assert_int_equal(tls_echo(&t[0]), 1);
	}
	workers_must_count(&gw, "soft_accepted", 2);
	assert_true(metric("p2p_gateway_soft_accepted_total ") == 2);
	assert_true(metric("p2p_gateway_soft_kept_total ") >= 2 * ROUNDS);
	assert_true(metric("revcheck_soft_accepts_total ") == 2);
	assert_true(metric("revcheck_soft_kept_total ") >= 2 * ROUNDS);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tls_echo(&t[i]), 1);
		tls_free(&t[i]);
	}
	free(body);
	cJSON_Delete(o);
	free(pem);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(off_is_not_asked),
	    SCENE(a_refusal_says_what_it_is),
	    SCENE(nobody_is_asked_for_a_certificate),
	    SCENE(who_stays_is_not_let_in_again),
	};

	return cmocka_run_group_tests_name(
	    "decisions", tests, scene_setup, scene_teardown);
}
