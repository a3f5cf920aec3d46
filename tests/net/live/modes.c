/*
 * What a mode means, pushed over REST: shadow mode, the soft-fail window, the
 * gateway section's own mode and tlsType, what is different for one CA, order,
 * nonce and limits; and what metrics and readiness say about it. Every test
 * has a town and a gateway that know nothing yet.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/lib/scene.h"

#define LINK     "corda.p2p.linkManager"
#define GATEWAY  "corda.p2p.gateway"
#define CRL_PATH "/certificate-revocation-list/doorman"
#define CRL_LEFT "revcheck_crl_next_update_timestamp_seconds{issuer=\""
#define CRL_AGE  "revcheck_crl_this_update_timestamp_seconds{issuer=\""
#define TRIES    20000 /* a bound; each is a handshake */

static int
setup(void **state)
{
	town_start(&town, "net", NULL);
	scene_prepare();
	gateway_as_stranger(&gw, &town);
	gateway_start(&gw);
	return 0;
}

static int
try(const char *peer)
{
	return tls_try(&town, peer, gw.port, 0);
}

static void
put(const char *section, const char *config)
{
	rest_push(&gw, section, config, 202);
}

/* The value of the first sample that begins so, or -1. */
static double
metric(const char *begins)
{
	double value = -1;
	struct web w;

	rest(&gw, &w, "GET", "/metrics", NULL);
	assert_int_equal(w.status, 200);
	for (char *save = NULL, *line = strtok_r(w.body, "\n", &save);
	     line != NULL; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, begins, strlen(begins)) == 0) {
			value = strtod(strrchr(line, ' '), NULL);
			break;
		}
	web_free(&w);
	return value;
}

/* 1: Active, 0: Revoked. */
static int
session_is_active(const char *what)
{
	char *path = fixture_path("ca"), *body;
	const char *argv[] = {path, "body", town.dir, what, "--mode",
	    "SOFT_FAIL", "--trust", "trust", NULL};
	struct web w;
	int active;

	assert_int_equal(proc_run(argv, "body.log", WAIT_MS, &body), 0);
	rest(&gw, &w, "POST", "/revocation/check", body);
	assert_int_equal(w.status, 200);
	active = json_at(w.json, "status.Active") != NULL;
	web_free(&w);
	free(body);
	free(path);
	return active;
}

/* subjectKeyIdentifier of a CA of the town, hexadecimal. Free it. */
static char *
ski_of(const char *ca)
{
	char *path = xasprintf("%s/%s/ca.pem", town.dir, ca);
	BIO *in = BIO_new_file(path, "r");
	X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
	const ASN1_OCTET_STRING *id = NULL;
	char *text;

	if (cert == NULL || (id = X509_get0_subject_key_id(cert)) == NULL)
		fail_msg("no key identifier in %s", path);
	assert_non_null(id);
	text = OPENSSL_buf2hexstr(
	    ASN1_STRING_get0_data(id), ASN1_STRING_length(id));
	X509_free(cert);
	BIO_free(in);
	free(path);
	return text;
}

/* The revcheck section with one rule for the doorman's CA. */
static void
put_rule(const char *more)
{
	char *ski = ski_of("doorman");
	char *config =
	    xasprintf("{\"issuers\":[{\"ski\":\"%s\",%s}]}", ski, more);

	put("revcheck", config);
	OPENSSL_free(ski);
	free(config);
}

static void
shadow_mode_counts_and_logs(void **state)
{
	char *line;

	assert_int_equal(try("nosource"), TLS_IN);
	assert_true(metric("revcheck_shadow_refusals_total ") == 0);
	put("revcheck", "{\"shadowMode\":true}");
	assert_int_equal(try("good"), TLS_IN);
	assert_true(metric("revcheck_shadow_refusals_total ") == 0);
	gateway_settle_log(&gw);
	assert_false(proc_said(&gw.proc, "HARD_FAIL would refuse"));
	assert_int_equal(try("nosource"), TLS_IN);
	assert_true(metric("revcheck_shadow_refusals_total ") == 1);
	line = proc_await(&gw.proc, "HARD_FAIL would refuse", WAIT_MS);
	assert_non_null(line);
	assert_non_null(strstr(line, "inbound peer"));
	free(line);
	/* What SOFT_FAIL refuses is refused, and is no shadow. */
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	assert_true(metric("revcheck_shadow_refusals_total ") == 1);
	put("revcheck", "{}");
	assert_int_equal(try("nosource"), TLS_IN);
	assert_true(metric("revcheck_shadow_refusals_total ") == 1);
}

static void
soft_fail_is_soft_for_a_while(void **state)
{
	int result = TLS_IN;

	control(&town.ocsp, "/_listen/off", NULL);
	control(&town.web, "/_listen/off", NULL);
	/* Far longer than any test. */
	put("revcheck", "{\"softFailWindowSeconds\":100000}");
	assert_int_equal(try("unseen"), TLS_IN);
	put("revcheck", "{\"softFailWindowSeconds\":1}");
	for (int i = 0; i < TRIES && result == TLS_IN; i++)
		result = try("unseen");
	assert_int_equal(result, ALERT_CERTIFICATE_UNKNOWN);
	put("revcheck", "{}");
	assert_int_equal(try("unseen"), TLS_IN);
}

/*
 * From OFF nothing is known about those who are connected. They stay while
 * their evidence is fetched, and so long new peers wait rather than be refused.
 */
static void
hard_fail_asks_before_it_cuts(void **state)
{
	char *cert = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key");
	struct tls_options o = {.cert = cert, .key = key};
	struct tls live = {0};

	gateway_stop(&gw);
	gateway_set(&gw, "revocation.deadline_ms", "240000");
	gateway_set(&gw, "revocation.fetch_timeout_ms", "240000");
	gateway_set(&gw, "limits.handshake_timeout_ms", "280000");
	gateway_start(&gw);
	rest_mode(&gw, "OFF");
	assert_int_equal(tls_connect(&live, gw.port, &o), 1);
	assert_int_equal(tls_echo(&live), 1);
	control(&town.ocsp, "/_script", "/doorman* gate=hang\n");
	rest_mode(&gw, "HARD_FAIL");
	assert_true(proc_says(&gw.proc, "revocation mode is HARD_FAIL now"));
	hits_await(&town.ocsp, 1, "/doorman*");
	assert_int_equal(tls_echo(&live), 1);
	gateway_settle_log(&gw);
	assert_false(proc_said(&gw.proc, "cutting off"));
	control(&town.ocsp, "/_release/hang", NULL);
	assert_int_equal(try("fresh"), TLS_IN);
	assert_int_equal(try("nosource"), ALERT_CERTIFICATE_UNKNOWN);
	assert_int_equal(tls_echo(&live), 1);
	gateway_settle_log(&gw);
	assert_false(proc_said(&gw.proc, "cutting off"));
	tls_free(&live);
	free(cert);
	free(key);
}

static void
tls_follows_the_switch_until_it_has_its_own(void **state)
{
	rest_mode(&gw, "OFF");
	assert_int_equal(try("revoked"), TLS_IN);
	assert_true(session_is_active("sessions/revoked"));
	put(GATEWAY,
	    "{\"sslConfig\":{\"tlsType\":\"MUTUAL\","
	    "\"revocationCheck\":{\"mode\":\"HARD_FAIL\"}}}");
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(try("nosource"), ALERT_CERTIFICATE_UNKNOWN);
	assert_true(session_is_active("sessions/revoked"));
	rest_mode(&gw, "HARD_FAIL");
	put(GATEWAY,
	    "{\"sslConfig\":{\"tlsType\":\"MUTUAL\","
	    "\"revocationCheck\":{\"mode\":\"OFF\"}}}");
	assert_int_equal(try("revoked"), TLS_IN);
	assert_false(session_is_active("sessions/revoked"));
	put(GATEWAY, "{\"sslConfig\":{\"tlsType\":\"MUTUAL\"}}");
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(try("nosource"), ALERT_CERTIFICATE_UNKNOWN);
}

/* Whether readiness, status and the log say so in these words. */
static bool
is_said(const char *words, bool log)
{
	bool ready, status;
	struct web w;

	rest(&gw, &w, "GET", "/readyz", NULL);
	assert_int_equal(w.status, 200);
	ready = strstr(w.body, words) != NULL;
	web_free(&w);
	rest(&gw, &w, "GET", "/status", NULL);
	status = strstr(w.body, words) != NULL;
	web_free(&w);
	assert_int_equal(ready, status);
	if (log)
		gateway_must_say_next(&gw, words);
	return ready;
}

/* The two modes, and the laxer one of them, in status and metrics. */
static void
modes_are(const char *tls, const char *sessions, const char *both)
{
	char *line;
	struct web w;

	rest(&gw, &w, "GET", "/status", NULL);
	assert_string_equal(json_text(w.json, "mode"), both);
	assert_string_equal(json_text(w.json, "modes.tls"), tls);
	assert_string_equal(json_text(w.json, "modes.sessions"), sessions);
	web_free(&w);
	line = xasprintf("p2p_gateway_mode{scope=\"tls\",mode=\"%s\"}", tls);
	assert_int_equal((int)metric(line), 1);
	free(line);
	line = xasprintf(
	    "p2p_gateway_mode{scope=\"sessions\",mode=\"%s\"}", sessions);
	assert_int_equal((int)metric(line), 1);
	free(line);
}

static void
what_lets_in_unasked_is_said(void **state)
{
	modes_are("SOFT_FAIL", "SOFT_FAIL", "SOFT_FAIL");
	put(GATEWAY,
	    "{\"sslConfig\":{\"revocationCheck\":{\"mode\":\"OFF\"}}}");
	modes_are("OFF", "SOFT_FAIL", "OFF");
	assert_true(is_said("revocation mode of TLS peers is OFF", true));
	gateway_must_say_next(&gw, "mode_tls=OFF mode_sessions=SOFT_FAIL");
	gateway_must_say_next(&gw, "(before=SOFT_FAIL now=OFF)");
	assert_false(is_said("mode of session checks is OFF", false));
	put(GATEWAY, "{}");
	assert_false(is_said("revocation mode of TLS peers is OFF", false));
	rest_mode(&gw, "OFF");
	modes_are("OFF", "OFF", "OFF");
	assert_true(is_said("revocation mode of session checks is OFF", true));
	put(GATEWAY,
	    "{\"sslConfig\":{\"revocationCheck\":{\"mode\":\"HARD_FAIL\"}}}");
	modes_are("HARD_FAIL", "OFF", "OFF");
	assert_false(is_said("revocation mode of TLS peers is OFF", false));
	rest_mode(&gw, "HARD_FAIL");
	assert_int_equal((int)metric("p2p_gateway_one_way"), 0);
	put(GATEWAY, "{\"sslConfig\":{\"tlsType\":\"ONE_WAY\"}}");
	assert_true(is_said("tlsType is ONE_WAY", true));
	assert_int_equal((int)metric("p2p_gateway_one_way"), 1);
	put(GATEWAY, "{}");
	assert_false(is_said("tlsType is ONE_WAY", false));
	assert_int_equal((int)metric("p2p_gateway_exempt_issuers"), 0);
	put_rule("\"exempt\":true");
	assert_true(is_said("certificates nobody asks about: 1", true));
	assert_int_equal((int)metric("p2p_gateway_exempt_issuers"), 1);
	put_rule("\"mode\":\"OFF\"");
	assert_true(is_said("certificates nobody asks about: 1", false));
	put_rule("\"mode\":\"HARD_FAIL\"");
	assert_false(is_said("certificates nobody asks about", false));
	/* Any key that becomes laxer says so. */
	put("revcheck", "{\"maxAgeSeconds\":60}");
	put("revcheck", "{}");
	gateway_must_say_next(&gw,
	    "maxAgeSeconds of revcheck is laxer than before (before=60 now=0)");
}

/* 1 when a peer without a certificate gets in. */
static int
nobody_gets_in(void)
{
	struct tls_options none = {0};
	struct tls t;
	int in;

	(void)tls_connect(&t, gw.port, &none);
	in = tls_echo(&t);
	tls_free(&t);
	return in;
}

static void
tls_type_is_the_sections(void **state)
{
	/* The bootstrap file's, until the section is set. */
	assert_false(nobody_gets_in());
	put(GATEWAY, "{\"sslConfig\":{\"tlsType\":\"ONE_WAY\"}}");
	assert_true(nobody_gets_in());
	put(GATEWAY, "{\"sslConfig\":{\"tlsType\":\"MUTUAL\"}}");
	assert_false(nobody_gets_in());
	assert_int_equal(try("good"), TLS_IN);
	/* A section that does not say it leaves what the file says. */
	put(GATEWAY, "{\"sslConfig\":{\"tlsType\":\"ONE_WAY\"}}");
	put(GATEWAY, "{}");
	assert_false(nobody_gets_in());
	put(GATEWAY, "{\"maxRequestSize\":10000000}");
	assert_false(nobody_gets_in());
}

static void
one_issuer_may_be_different(void **state)
{
	char *rule;

	put_rule("\"exempt\":true");
	assert_int_equal(try("revoked"), TLS_IN);
	put_rule("\"exempt\":false");
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	/* Stricter, or laxer, than everybody else. */
	put_rule("\"mode\":\"HARD_FAIL\"");
	assert_int_equal(try("nosource"), ALERT_CERTIFICATE_UNKNOWN);
	assert_int_equal(try("good"), TLS_IN);
	put_rule("\"mode\":\"OFF\"");
	assert_int_equal(try("revoked"), TLS_IN);
	rest_mode(&gw, "HARD_FAIL");
	put_rule("\"mode\":\"SOFT_FAIL\"");
	assert_int_equal(try("nosource"), TLS_IN);
	/* Somewhere to ask, for certificates that name nothing. */
	put("revcheck", "{}");
	assert_int_equal(try("nosource"), ALERT_CERTIFICATE_UNKNOWN);
	rule = xasprintf(
	    "\"crlUrls\":[\"http://127.0.0.1:%d" CRL_PATH "\"]", town.web.port);
	put_rule(rule);
	free(rule);
	assert_int_equal(try("nosource"), TLS_IN);
	assert_int_equal(hits(&town.web, CRL_PATH), 1);
	/* A wrong one changes nothing. */
	rest_push(&gw, "revcheck",
	    "{\"issuers\":[{\"ski\":\"xy\",\"exempt\":true}]}", 400);
	rest_push(&gw, "revcheck", "{\"issuers\":[{\"exempt\":true}]}", 400);
	assert_int_equal(try("nosource"), TLS_IN);
}

static void
order_is_the_sections(void **state)
{
	rest_mode(&gw, "HARD_FAIL");
	put("revcheck", "{\"order\":\"CRL\"}");
	assert_int_equal(try("good"), TLS_IN);
	assert_int_equal(try("ocsponly"), ALERT_CERTIFICATE_UNKNOWN);
	assert_int_equal(hits(&town.web, CRL_PATH), 1);
	assert_int_equal(hits(&town.ocsp, "/doorman*"), 0);
	put("revcheck", "{\"order\":\"OCSP\"}");
	assert_int_equal(try("ocsponly"), TLS_IN);
	assert_int_equal(try("crlonly"), ALERT_CERTIFICATE_UNKNOWN);
	assert_true(hits(&town.ocsp, "/doorman*") > 0);
	assert_int_equal(hits(&town.web, CRL_PATH), 1);
	put("revcheck", "{\"order\":\"crl_ocsp\"}");
	assert_int_equal(try("ocsponly"), TLS_IN);
	assert_int_equal(try("crlonly"), TLS_IN);
	rest_push(&gw, "revcheck", "{\"order\":\"ARL\"}", 400);
}

/* An answer with a nonce is for one question: it is not kept. */
static void
nonce_is_the_sections(void **state)
{
	unsigned long before;

	rest_mode(&gw, "HARD_FAIL");
	put("revcheck", "{\"order\":\"OCSP\",\"nonce\":\"REQUIRED\"}");
	assert_int_equal(try("good"), TLS_IN);
	before = hits(&town.ocsp, "/doorman*");
	assert_true(before > 0);
	assert_int_equal(try("good"), TLS_IN);
	assert_true(hits(&town.ocsp, "/doorman*") > before);
	put("revcheck", "{\"order\":\"OCSP\",\"nonce\":\"OFF\"}");
	assert_int_equal(try("good"), TLS_IN);
	before = hits(&town.ocsp, "/doorman*");
	assert_int_equal(try("good"), TLS_IN);
	assert_int_equal(hits(&town.ocsp, "/doorman*"), before);
}

static void
limits_act_at_the_next_start(void **state)
{
	rest_mode(&gw, "HARD_FAIL");
	put("revcheck", "{\"order\":\"CRL\",\"limits\":{\"maxCrlBytes\":64}}");
	gateway_stop(&gw);
	gateway_start(&gw);
	assert_int_equal(try("good"), ALERT_CERTIFICATE_UNKNOWN);
	assert_true(metric("revcheck_fetch_failures_total"
			   "{reason=\"too_large\"}") > 0);
	put("revcheck", "{\"order\":\"CRL\"}");
	gateway_stop(&gw);
	gateway_start(&gw);
	assert_int_equal(try("good"), TLS_IN);
	/* What the handshake has no time for is refused. */
	rest_push(&gw, "revcheck", "{\"deadlineMs\":3600000}", 400);
	rest_push(&gw, "revcheck", "{\"limits\":{\"maxCrlBytes\":0}}", 400);
}

static void
metrics_name_the_issuer_and_the_wait(void **state)
{
	double waits;

	put("revcheck", "{\"order\":\"CRL\"}");
	assert_int_equal(try("good"), TLS_IN);
	waits = metric("p2p_gateway_verdict_wait_seconds_count ");
	assert_true(waits == 1);
	assert_true(
	    metric("p2p_gateway_verdict_wait_seconds_bucket{le=\"+Inf\"} ") ==
	    1);
	assert_true(metric("p2p_gateway_verdict_wait_seconds_sum ") > 0);
	/* Known now: nobody waits. */
	assert_int_equal(try("good"), TLS_IN);
	assert_true(metric("p2p_gateway_verdict_wait_seconds_count ") == waits);
	assert_true(metric(CRL_LEFT) - (double)time(NULL) > 86400);
	assert_true(metric(CRL_AGE) <= (double)time(NULL));
	assert_true((double)time(NULL) - metric(CRL_AGE) < 86400);
	assert_true(
	    metric("p2p_gateway_certificate_not_after_timestamp_seconds{"
		   "identity="
		   "\"gateway\",index=\"0\"} ") -
		(double)time(NULL) >
	    86400);
}

/* What /readyz says; 1 when it is degraded by something that contains text. */
static int
degraded_by(const char *text)
{
	const cJSON *reason;
	struct web w;
	int found = 0;

	rest(&gw, &w, "GET", "/readyz", NULL);
	assert_int_equal(w.status, 200);
	assert_true(cJSON_IsTrue(json_at(w.json, "ready")));
	cJSON_ArrayForEach(reason, json_at(w.json, "reasons"))
	{
		if (strstr(cJSON_GetStringValue(reason), text) != NULL)
			found = 1;
	}
	if (found)
		assert_true(cJSON_IsTrue(json_at(w.json, "degraded")));
	web_free(&w);
	return found;
}

static void
readiness_degrades_before_evidence_runs_out(void **state)
{
	put("revcheck", "{\"order\":\"CRL\"}");
	assert_int_equal(try("good"), TLS_IN);
	assert_false(degraded_by("the CRL from"));
	/* The CA stops publishing: its last CRL has ten minutes of ten days. */
	town_ca(
	    &town, "crl", "doorman", "--this", "-10d", "--next", "+10m", NULL);
	gateway_stop(&gw);
	gateway_set(&gw, "state_dir", "\"fresh.state\"");
	gateway_start(&gw);
	put("revcheck", "{\"order\":\"CRL\"}");
	assert_int_equal(try("good"), TLS_IN);
	assert_true(degraded_by(CRL_PATH "' runs out in"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, scene_teardown)
	    TEST(shadow_mode_counts_and_logs),
	    TEST(soft_fail_is_soft_for_a_while),
	    TEST(hard_fail_asks_before_it_cuts),
	    TEST(tls_follows_the_switch_until_it_has_its_own),
	    TEST(tls_type_is_the_sections),
	    TEST(what_lets_in_unasked_is_said),
	    TEST(one_issuer_may_be_different),
	    TEST(order_is_the_sections),
	    TEST(nonce_is_the_sections),
	    TEST(limits_act_at_the_next_start),
	    TEST(metrics_name_the_issuer_and_the_wait),
	    TEST(readiness_degrades_before_evidence_runs_out),
#undef TEST
	};

	return cmocka_run_group_tests_name("mode meanings", tests, NULL, NULL);
}
