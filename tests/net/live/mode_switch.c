/*
 * The switch: corda.p2p.linkManager over REST, its version lock and its
 * errors, and that a change acts on the next handshake.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

#define SECTION "corda.p2p.linkManager"

static int
try(const char *peer)
{
	return tls_try(&town, peer, gw.port, 0);
}

/* A PUT of the section as the operator writes it. */
static void
put(struct web *w, const char *version, const char *config)
{
	char *body = xasprintf("{\"section\":\"" SECTION
			       "\",\"version\":%s,\"config\":%s,"
			       "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
	    version, config);

	rest(&gw, w, "PUT", "/config", body);
	free(body);
}

static void
get_shows_the_section(void **state)
{
	struct web w;
	cJSON *all;

	rest(&gw, &w, "GET", "/config/" SECTION, NULL);
	assert_int_equal(w.status, 200);
	assert_string_equal(json_text(w.json, "section"), SECTION);
	assert_true(cJSON_IsNumber(json_at(w.json, "version")));
	assert_int_equal(json_number(w.json, "schemaVersion.major"), 1);
	/* The two configurations are JSON text inside JSON strings. */
	assert_non_null(json_text(w.json, "sourceConfig"));
	all = cJSON_Parse(json_text(w.json, "configWithDefaults"));
	assert_non_null(all);
	assert_string_equal(
	    json_text(all, "revocationCheck.mode"), "SOFT_FAIL");
	assert_int_equal(json_number(all, "maxMessageSize"), 1000000);
	cJSON_Delete(all);
	web_free(&w);
}

static void
off_lets_the_revoked_in_and_on_refuses_again(void **state)
{
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	rest_mode(&gw, "OFF");
	assert_int_equal(try("revoked"), TLS_IN);
	/* OFF switches revocation off, not the path. */
	assert_int_equal(try("expired"), ALERT_CERTIFICATE_EXPIRED);
	assert_int_equal(try("stranger"), ALERT_UNKNOWN_CA);
	rest_mode(&gw, "ON");
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
}

static void
soft_lets_the_unknown_in_and_hard_does_not(void **state)
{
	rest_mode(&gw, "SOFT_FAIL");
	assert_int_equal(try("nosource"), TLS_IN);
	rest_mode(&gw, "HARD_FAIL");
	assert_int_equal(try("nosource"), ALERT_CERTIFICATE_UNKNOWN);
	assert_int_equal(try("good"), TLS_IN);
	rest_mode(&gw, "SOFT_FAIL");
	assert_int_equal(try("nosource"), TLS_IN);
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
}

static void
servers_down(void **state)
{
	rest_mode(&gw, "SOFT_FAIL");
	assert_int_equal(try("good"), TLS_IN);
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	control(&town.ocsp, "/_listen/off", NULL);
	control(&town.web, "/_listen/off", NULL);
	assert_int_equal(try("unseen"), TLS_IN);
	rest_mode(&gw, "HARD_FAIL");
	assert_int_equal(try("unseen"), ALERT_CERTIFICATE_UNKNOWN);
	/* What is known stays known, in both directions. */
	assert_int_equal(try("good"), TLS_IN);
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	rest_mode(&gw, "SOFT_FAIL");
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	control(&town.ocsp, "/_listen/on", NULL);
	control(&town.web, "/_listen/on", NULL);
}

static void
version_counts_up_and_locks(void **state)
{
	int version = rest_version(&gw, SECTION);
	char *now = xasprintf("%d", version);
	char *as_text = xasprintf("\"%d\"", version + 1);
	struct web w;

	put(&w, now, "{\"revocationCheck\":{\"mode\":\"OFF\"}}");
	assert_int_equal(w.status, 202);
	assert_string_equal(json_text(w.json, "section"), SECTION);
	assert_int_equal(json_number(w.json, "version"), version + 1);
	web_free(&w);
	/* The same again comes too late, and changes nothing. */
	put(&w, now, "{\"revocationCheck\":{\"mode\":\"HARD_FAIL\"}}");
	assert_int_equal(w.status, 409);
	assert_string_equal(json_text(w.json, "title"), "Wrong Config Version");
	web_free(&w);
	assert_int_equal(try("revoked"), TLS_IN);
	/* A numeric string is a number. */
	put(&w, as_text, "{\"revocationCheck\":{\"mode\":\"SOFT_FAIL\"}}");
	assert_int_equal(w.status, 202);
	web_free(&w);
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	free(now);
	free(as_text);
}

static void
bad_configuration_is_400_and_changes_nothing(void **state)
{
	static const char *const bad[] = {
	    "{\"revocationCheck\":{\"mode\":\"MAYBE\"}}",
	    "{\"noSuchKey\":1}",
	    "{\"maxMessageSize\":1}",
	    "\"not { json\"",
	};
	int version = rest_version(&gw, SECTION);
	char *now = xasprintf("%d", version);
	struct web w;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(&w, now, bad[i]);
		if (w.status != 400)
			fail_msg("%s: status %ld", bad[i], w.status);
		assert_int_equal(json_number(w.json, "status"), 400);
		assert_non_null(json_text(w.json, "title"));
		web_free(&w);
	}
	rest(&gw, &w, "PUT", "/config", "{");
	assert_int_equal(w.status, 400);
	web_free(&w);
	rest(&gw, &w, "PUT", "/config",
	    "{\"section\":\"no.such.section\",\"version\":0,\"config\":{},"
	    "\"schemaVersion\":{\"major\":1,\"minor\":0}}");
	assert_int_equal(w.status, 400);
	web_free(&w);
	assert_int_equal(rest_version(&gw, SECTION), version);
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	free(now);
}

static void
unknown_section_is_404(void **state)
{
	struct web w;

	rest(&gw, &w, "GET", "/config/no.such.section", NULL);
	assert_int_equal(w.status, 404);
	web_free(&w);
}

static void
credentials_are_asked_for(void **state)
{
	static const char *const wrong[] = {
	    NULL, "operator:wrong", "nobody:demo-password", "operator:"};
	char *url = xasprintf(
	    "https://127.0.0.1:%d/api/v1/config/" SECTION, gw.rest_port);
	char *header;
	struct web w;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		web_request(&w, "GET", url, wrong[i], NULL, NULL);
		assert_int_equal(w.status, 401);
		header = web_header(&w, "WWW-Authenticate");
		assert_non_null(header);
		assert_int_equal(strncmp(header, "Basic", 5), 0);
		free(header);
		web_free(&w);
	}
	free(url);
}

static void
reader_may_look_but_not_switch(void **state)
{
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1/config", gw.rest_port);
	char *section = xasprintf("%s/" SECTION, url);
	struct web w;

	web_request(&w, "GET", section, "reader:reader-password", NULL, NULL);
	assert_int_equal(w.status, 200);
	web_free(&w);
	web_request(&w, "PUT", url, "reader:reader-password",
	    "{\"section\":\"" SECTION "\",\"version\":0,\"config\":{},"
	    "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
	    NULL);
	assert_int_equal(w.status, 403);
	web_free(&w);
	free(section);
	free(url);
}

static void
mode_survives_a_restart(void **state)
{
	rest_mode(&gw, "OFF");
	gateway_stop(&gw);
	gateway_start(&gw);
	assert_int_equal(try("revoked"), TLS_IN);
	rest_mode(&gw, "SOFT_FAIL");
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(get_shows_the_section),
	    cmocka_unit_test(off_lets_the_revoked_in_and_on_refuses_again),
	    cmocka_unit_test(soft_lets_the_unknown_in_and_hard_does_not),
	    cmocka_unit_test(servers_down),
	    cmocka_unit_test(version_counts_up_and_locks),
	    cmocka_unit_test(bad_configuration_is_400_and_changes_nothing),
	    cmocka_unit_test(unknown_section_is_404),
	    cmocka_unit_test(credentials_are_asked_for),
	    cmocka_unit_test(reader_may_look_but_not_switch),
	    cmocka_unit_test(mode_survives_a_restart),
	};

	return cmocka_run_group_tests_name(
	    "modes", tests, scene_up_plain, scene_teardown);
}
