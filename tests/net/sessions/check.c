/*
 * POST /revocation/check: session certificate chains, in the two words of the
 * outside shape, with our own details beside them.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

static int
setup(void **state)
{
	town_start(&town, "net", NULL);
	gateway_prepare(&gw, "gateway", &town);
	gateway_as_stranger(&gw, &town);
	gateway_start(&gw);
	return 0;
}

/* The body of a check, made by ca. Free it. */
static char *
body_of(const char *what, const char *mode, const char *trust)
{
	char *path = fixture_path("ca"), *out;
	const char *argv[] = {path, "body", town.dir, what, "--mode", mode,
	    "--trust", trust, NULL};

	assert_int_equal(proc_run(argv, "body.log", WAIT_MS, &out), 0);
	free(path);
	return out;
}

static void
ask(struct web *w, const char *what, const char *mode, const char *trust)
{
	char *body = body_of(what, mode, trust);

	rest(&gw, w, "POST", "/revocation/check", body);
	if (w->status != 200)
		fail_msg("%s: status %ld: %s %s", what, w->status, w->body,
		    w->error);
	free(body);
}

static void
expect_active(const char *what, const char *mode)
{
	struct web w;

	ask(&w, what, mode, "trust");
	if (json_at(w.json, "status.Active") == NULL)
		fail_msg("%s under %s: %s", what, mode, w.body);
	assert_null(json_at(w.json, "status.Revoked"));
	web_free(&w);
}

static void
expect_revoked(const char *what, const char *mode, const char *trust, int index)
{
	struct web w;

	ask(&w, what, mode, trust);
	if (json_at(w.json, "status.Revoked") == NULL)
		fail_msg("%s under %s: %s", what, mode, w.body);
	assert_null(json_at(w.json, "status.Active"));
	assert_true(strlen(json_text(w.json, "status.Revoked.reason")) > 0);
	assert_int_equal(
	    json_number(w.json, "status.Revoked.certificateIndex"), index);
	web_free(&w);
}

static void
good_chain_is_active(void **state)
{
	expect_active("sessions/good", "SOFT_FAIL");
	expect_active("sessions/good", "HARD_FAIL");
}

static void
revoked_leaf_is_revoked_at_zero(void **state)
{
	expect_revoked("sessions/revoked", "SOFT_FAIL", "trust", 0);
	expect_revoked("sessions/revoked", "HARD_FAIL", "trust", 0);
}

static void
revoked_issuer_is_revoked_at_one(void **state)
{
	expect_revoked("peers/orphan", "SOFT_FAIL", "trust", 1);
}

static void
other_failures_are_revoked_too(void **state)
{
	struct web w;

	/* The outside shape has two words; the reason says which it was. */
	ask(&w, "peers/expired", "SOFT_FAIL", "trust");
	assert_non_null(json_at(w.json, "status.Revoked"));
	assert_non_null(
	    strstr(json_text(w.json, "status.Revoked.reason"), "expired"));
	web_free(&w);
	ask(&w, "sessions/good", "SOFT_FAIL", "foreign/ca");
	assert_non_null(json_at(w.json, "status.Revoked"));
	web_free(&w);
	expect_revoked("peers/nosource", "HARD_FAIL", "trust", 0);
	expect_active("peers/nosource", "SOFT_FAIL");
}

static void
details_carry_the_evidence(void **state)
{
	const cJSON *leaf, *ca;
	struct web w;

	ask(&w, "sessions/revoked", "HARD_FAIL", "trust");
	leaf = json_at(w.json, "details.0");
	ca = json_at(w.json, "details.1");
	assert_non_null(leaf);
	assert_non_null(ca);
	assert_string_equal(json_text(leaf, "status"), "revoked");
	assert_string_equal(json_text(leaf, "reason"), "affiliationChanged");
	assert_string_equal(json_text(leaf, "method"), "ocsp");
	assert_non_null(strstr(json_text(leaf, "url"), "/session"));
	assert_non_null(json_text(leaf, "thisUpdate"));
	assert_non_null(json_text(leaf, "signer"));
	assert_int_equal(json_number(leaf, "certificateIndex"), 0);
	assert_string_equal(json_text(ca, "status"), "good");
	assert_int_equal(json_number(ca, "certificateIndex"), 1);
	web_free(&w);
}

static void
second_question_asks_nobody(void **state)
{
	unsigned long ocsp, web;

	expect_active("sessions/good", "HARD_FAIL");
	ocsp = hits(&town.ocsp, "");
	web = hits(&town.web, "");
	expect_active("sessions/good", "HARD_FAIL");
	assert_int_equal(hits(&town.ocsp, ""), ocsp);
	assert_int_equal(hits(&town.web, ""), web);
}

static void
off_answers_active_without_a_look(void **state)
{
	unsigned long ocsp, web;

	town_ca(&town, "leaf", "session", "sessions/late", NULL);
	town_ca(&town, "revoke", "sessions/late", NULL);
	rest_mode(&gw, "OFF");
	ocsp = hits(&town.ocsp, "");
	web = hits(&town.web, "");
	expect_active("sessions/late", "HARD_FAIL");
	assert_int_equal(hits(&town.ocsp, ""), ocsp);
	assert_int_equal(hits(&town.web, ""), web);
	rest_mode(&gw, "SOFT_FAIL");
	expect_revoked("sessions/late", "SOFT_FAIL", "trust", 0);
}

static void
bad_bodies_are_400(void **state)
{
	static const char *const bad[] = {
	    "",
	    "{",
	    "[]",
	    "{}",
	    "{\"certificates\":[],\"trustedCertificates\":[],"
	    "\"mode\":\"SOFT_FAIL\"}",
	    "{\"certificates\":[\"no pem\"],"
	    "\"trustedCertificates\":[\"no pem\"],\"mode\":\"SOFT_FAIL\"}",
	};
	char *body, *mode;
	struct web w;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rest(&gw, &w, "POST", "/revocation/check", bad[i]);
		if (w.status != 400)
			fail_msg("'%s': status %ld", bad[i], w.status);
		assert_int_equal(json_number(w.json, "status"), 400);
		web_free(&w);
	}
	/* A mode is required, and must be one. */
	body = body_of("sessions/good", "PERHAPS", "trust");
	rest(&gw, &w, "POST", "/revocation/check", body);
	assert_int_equal(w.status, 400);
	web_free(&w);
	mode = strstr(body, ",\"mode\"");
	assert_non_null(mode);
	mode[0] = '}';
	mode[1] = '\0';
	rest(&gw, &w, "POST", "/revocation/check", body);
	assert_int_equal(w.status, 400);
	web_free(&w);
	free(body);
}

static void
credentials_are_asked_for(void **state)
{
	char *url = xasprintf(
	    "https://127.0.0.1:%d/api/v1/revocation/check", gw.rest_port);
	char *body = body_of("sessions/good", "SOFT_FAIL", "trust");
	struct web w;

	web_request(&w, "POST", url, NULL, body, NULL);
	assert_int_equal(w.status, 401);
	web_free(&w);
	web_request(&w, "POST", url, "reader:reader-password", body, NULL);
	assert_int_equal(w.status, 403);
	web_free(&w);
	free(body);
	free(url);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_chain_is_active),
	    cmocka_unit_test(revoked_leaf_is_revoked_at_zero),
	    cmocka_unit_test(revoked_issuer_is_revoked_at_one),
	    cmocka_unit_test(other_failures_are_revoked_too),
	    cmocka_unit_test(details_carry_the_evidence),
	    cmocka_unit_test(second_question_asks_nobody),
	    cmocka_unit_test(off_answers_active_without_a_look),
	    cmocka_unit_test(bad_bodies_are_400),
	    cmocka_unit_test(credentials_are_asked_for),
	};

	return cmocka_run_group_tests_name(
	    "session check", tests, setup, scene_teardown);
}
