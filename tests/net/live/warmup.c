/*
 * The warm-up before HARD_FAIL: with an archive that knows nothing, a switch
 * costs nobody who is good, cuts the revoked at once, refuses those whose
 * evidence cannot be had when the time is over, and says what it does. Every
 * test has a town and a gateway of its own; sources answer when a gate opens.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

#define NUM_PEERS 20
#define LONG_MS   "240000" /* longer than any test */
#define BOUND_MS  1500
#define TRIES     20000 /* a bound; each is a request */
#define SOURCES                    \
	"/doorman* gate=hang\n"    \
	"/certificate-revocation-" \
	"list/* gate=hang\n"

static int
setup(void **state)
{
	town_start(&town, "net", NULL);
	scene_prepare();
	gateway_set(&gw, "revocation.mode", "\"OFF\"");
	gateway_set(&gw, "revocation.deadline_ms", "200");
	gateway_set(&gw, "revocation.fetch_timeout_ms", LONG_MS);
	gateway_set(&gw, "revocation.crl_timeout_ms", LONG_MS);
	gateway_set(&gw, "revocation.warm_up_ms", LONG_MS);
	return 0;
}

static void
hold_sources(void)
{
	control(&town.ocsp, "/_script", SOURCES);
	control(&town.web, "/_script", SOURCES);
}

static void
release_sources(void)
{
	control(&town.ocsp, "/_release/hang", NULL);
	control(&town.web, "/_release/hang", NULL);
}

static void
kill_sources(void)
{
	control(&town.ocsp, "/_listen/off", NULL);
	control(&town.web, "/_listen/off", NULL);
}

/*
 * A slow machine finds its evidence all the same, and that of one peer alone:
 * where OCSP is slow to answer the CRL is asked for, too, and would answer for
 * whoever is unseen.
 */
static void
no_list_of_peers(void)
{
	gateway_set(&gw, "revocation.deadline_ms", "30000");
	gateway_set(&gw, "limits.handshake_timeout_ms", "60000");
	control(&town.web, "/_script",
	    "/certificate-revocation-list/doorman 503\n");
}

static void
come_in(struct tls *t, const char *peer)
{
	tls_enter(t, &town, peer, gw.port, 0);
}

static void
must_live(struct tls *t)
{
	assert_int_equal(tls_echo(t), 1);
}

/* Asks for path until the number at place is n. The answer is w's. */
static void
await_number(struct web *w, const char *path, const char *place, double n)
{
	for (int i = 0; i < TRIES; i++) {
		rest(&gw, w, "GET", path, NULL);
		assert_int_equal(w->status, 200);
		if (json_at(w->json, place) != NULL &&
		    json_number(w->json, place) == n)
			return;
		if (i < TRIES - 1)
			web_free(w);
	}
	fail_msg("%s of %s never was %g: %s", place, path, n, w->body);
}

static void
put(const char *section, const char *config)
{
	rest_push(&gw, section, config, 202);
}

static bool
metrics_say(const char *line)
{
	struct web w;
	bool said;

	rest(&gw, &w, "GET", "/metrics", NULL);
	said = strstr(w.body, line) != NULL;
	web_free(&w);
	return said;
}

/* The switch. */

static void
says_so(void)
{
	struct web w;

	gateway_must_say_next(&gw,
	    "warming up before HARD_FAIL: evidence is fetched for at "
	    "most " LONG_MS " ms");
	await_number(&w, "/status", "warmUp.chains", NUM_PEERS);
	assert_true(cJSON_IsTrue(json_at(w.json, "warmUp.active")));
	assert_string_equal(
	    json_text(w.json, "warmUp.text"), "warming up, 0 of 20");
	assert_string_equal(json_text(w.json, "mode"), "HARD_FAIL");
	web_free(&w);
	rest(&gw, &w, "GET", "/readyz", NULL);
	assert_true(cJSON_IsTrue(json_at(w.json, "ready")));
	assert_true(cJSON_IsTrue(json_at(w.json, "degraded")));
	assert_non_null(strstr(w.body, "warming up before HARD_FAIL, 0 of 20"));
	assert_int_equal(json_number(w.json, "warmUp.chains"), NUM_PEERS);
	web_free(&w);
	assert_true(metrics_say("\np2p_gateway_warming_up 1\n"));
	assert_true(metrics_say(
	    "p2p_gateway_mode{scope=\"tls\",mode=\"HARD_FAIL\"} 1\n"));
	rest(&gw, &w, "GET", "/config/corda.p2p.linkManager/history", NULL);
	assert_string_equal(json_text(w.json, "0.note"),
	    "HARD_FAIL after a warm-up of at most " LONG_MS " ms");
	web_free(&w);
}

static void
slow_evidence_costs_nobody(void **state)
{
	struct tls live[NUM_PEERS];

	gateway_start(&gw);
	for (int i = 0; i < NUM_PEERS; i++) {
		char *what = xasprintf("peers/live%d", i);

		town_ca(&town, "leaf", "doorman", what, NULL);
		come_in(&live[i], what + strlen("peers/"));
		free(what);
	}
	hold_sources();
	rest_mode(&gw, "HARD_FAIL");
	says_so();
	hits_await(&town.ocsp, 1, "/doorman*");
	/* Whoever comes now is judged as in SOFT_FAIL, and reported. */
	assert_int_equal(tls_try(&town, "fresh", gw.port, 0), TLS_IN);
	gateway_must_say_next(
	    &gw, "HARD_FAIL would refuse inbound peer 'C=GB,L=London,O=fresh'");
	for (int i = 0; i < NUM_PEERS; i++)
		must_live(&live[i]);
	release_sources();
	gateway_must_say_next(&gw,
	    "(complete): 20 of 20 chains are determined, 0 of them "
	    "refused; 0 are not");
	for (int i = 0; i < NUM_PEERS; i++) {
		must_live(&live[i]);
		tls_free(&live[i]);
	}
	gateway_settle_log(&gw);
	assert_false(proc_said(&gw.proc, "cutting off"));
	assert_true(metrics_say("\np2p_gateway_warming_up 0\n"));
	assert_int_equal(
	    tls_try(&town, "nosource", gw.port, 0), ALERT_CERTIFICATE_UNKNOWN);
}

/* Without evidence the bound ends it, and only those without are cut. */
static void
dead_sources_end_with_the_bound(void **state)
{
	struct tls good[2], unseen[2];
	long long begun, took;
	bool lives;

	no_list_of_peers();
	gateway_set(&gw, "revocation.mode", "\"SOFT_FAIL\"");
	gateway_set(&gw, "revocation.warm_up_ms", "1500");
	gateway_start(&gw);
	for (int i = 0; i < 2; i++)
		come_in(&good[i], "good");
	kill_sources();
	for (int i = 0; i < 2; i++)
		come_in(&unseen[i], "unseen");
	begun = mono_ms();
	rest_mode(&gw, "HARD_FAIL");
	/* A slow machine may come here when the time is over. */
	lives = tls_echo(&unseen[0]);
	if (mono_ms() - begun < BOUND_MS - 100)
		assert_true(lives);
	tls_must_be_cut(&unseen[0]);
	took = mono_ms() - begun;
	tls_must_be_cut(&unseen[1]);
	/* A timer may be a few milliseconds early. */
	assert_true(took >= BOUND_MS - 100);
	/* Not when a connection or a fetch would end anyway. */
	assert_true(took < WAIT_MS);
	gateway_must_say_next(&gw,
	    "(out of time): 1 of 2 chains are determined, 0 of them "
	    "refused; 1 are not and will be refused now: 1 ");
	for (int i = 0; i < 2; i++) {
		must_live(&good[i]);
		tls_free(&good[i]);
	}
	assert_int_equal(proc_count(&gw.proc, "cutting off"), 2);
}

/* A source that comes back in time is asked again. */
static void
a_source_may_come_back(void **state)
{
	struct tls live;
	struct web w;

	gateway_start(&gw);
	come_in(&live, "good");
	kill_sources();
	rest_mode(&gw, "HARD_FAIL");
	await_number(&w, "/status", "warmUp.undetermined.unreachable", 1);
	web_free(&w);
	control(&town.ocsp, "/_listen/on", NULL);
	gateway_must_say_next(&gw, "(complete): 1 of 1 chains are determined");
	must_live(&live);
	tls_free(&live);
}

/* Sessions. */

static void
session_must_be(const char *what, const char *mode, const char *word)
{
	char *path = fixture_path("ca"), *body;
	const char *argv[] = {path, "body", town.dir, what, "--mode", mode,
	    "--trust", "trust", NULL};
	struct web w;

	assert_int_equal(proc_run(argv, "body.log", WAIT_MS, &body), 0);
	rest(&gw, &w, "POST", "/revocation/check", body);
	assert_int_equal(w.status, 200);
	if (json_at(json_at(w.json, "status"), word) == NULL)
		fail_msg("%s is not %s: %s", what, word, w.body);
	web_free(&w);
	free(body);
	free(path);
}

/* Known to be bad is bad, whatever is still being asked about. */
static void
revoked_is_cut_at_once(void **state)
{
	struct tls revoked[2], good, crlonly;
	struct web w;

	gateway_start(&gw);
	for (int i = 0; i < 2; i++)
		come_in(&revoked[i], "revoked");
	come_in(&good, "good");
	come_in(&crlonly, "crlonly");
	session_must_be("sessions/revoked", "HARD_FAIL", "Active");
	control(&town.web, "/_script",
	    "/certificate-revocation-list/doorman gate=hang\n");
	rest_mode(&gw, "HARD_FAIL");
	for (int i = 0; i < 2; i++)
		tls_must_be_cut(&revoked[i]);
	/* So is the session that was Active while nobody was asked. */
	rest(
	    &gw, &w, "GET", "/revocation/events?after=0&timeoutMs=25000", NULL);
	assert_string_equal(
	    json_text(w.json, "events.0.report.decision"), "refuse");
	web_free(&w);
	session_must_be("sessions/revoked", "SOFT_FAIL", "Revoked");
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	rest(&gw, &w, "GET", "/status", NULL);
	assert_true(cJSON_IsTrue(json_at(w.json, "warmUp.active")));
	web_free(&w);
	must_live(&good);
	must_live(&crlonly);
	release_sources();
	gateway_must_say_next(
	    &gw, "(complete): 4 of 4 chains are determined, 2 of them refused");
	must_live(&good);
	must_live(&crlonly);
	tls_free(&good);
	tls_free(&crlonly);
}

/*
 * What somebody else has signed is unknown, by http: SOFT_FAIL's rules hold to
 * the end of the warm-up, and HARD_FAIL's from then on.
 */
static void
forged_is_cut_at_the_end(void **state)
{
	char *list = town_path(&town, "forged.crl"), *script;
	struct tls forged, good;
	struct web w;

	town_ca(&town, "crl", "doorman", "--signer", "foreign", "--number",
	    "99", "--out", list, NULL);
	script =
	    xasprintf("/certificate-revocation-list/doorman file=%s\n", list);
	gateway_start(&gw);
	come_in(&forged, "crlonly");
	come_in(&good, "ocsponly");
	control(&town.web, "/_script", script);
	control(&town.ocsp, "/_script", "/doorman* gate=hang\n");
	rest_mode(&gw, "HARD_FAIL");
	await_number(&w, "/status", "warmUp.chains", 2);
	assert_true(cJSON_IsTrue(json_at(w.json, "warmUp.active")));
	web_free(&w);
	must_live(&forged);
	must_live(&good);
	release_sources();
	gateway_must_say_next(&gw,
	    "(complete): 1 of 2 chains are determined, 0 of them refused; 1 "
	    "are not and will be refused now");
	tls_must_be_cut(&forged);
	must_live(&good);
	tls_free(&good);
	free(script);
	free(list);
}

/*
 * A check that asks for HARD_FAIL is not softened: it has the time that the
 * warm-up has, though it is longer than its own.
 */
static void
a_hard_check_is_patient(void **state)
{
	struct tls live;

	town_ca(&town, "leaf", "session", "sessions/nosource", "--kind",
	    "session", "--crl-url", "none", "--ocsp-url", "none", NULL);
	gateway_start(&gw);
	come_in(&live, "good");
	control(&town.ocsp, "/_script",
	    "/session* delay=1000\n/doorman* gate=hang\n");
	control(&town.web, "/_script", SOURCES);
	rest_mode(&gw, "HARD_FAIL");
	session_must_be("sessions/good", "HARD_FAIL", "Active");
	session_must_be("sessions/nosource", "HARD_FAIL", "Revoked");
	session_must_be("sessions/nosource", "SOFT_FAIL", "Active");
	must_live(&live);
	tls_free(&live);
}

/* More switches. */

static void
a_switch_back_gives_it_up(void **state)
{
	struct tls live;
	struct web w;

	gateway_start(&gw);
	come_in(&live, "good");
	hold_sources();
	rest_mode(&gw, "HARD_FAIL");
	gateway_must_say_next(&gw, "warming up before HARD_FAIL");
	rest_mode(&gw, "SOFT_FAIL");
	gateway_must_say_next(&gw, "the warm-up before HARD_FAIL is given up");
	rest(&gw, &w, "GET", "/status", NULL);
	assert_true(cJSON_IsFalse(json_at(w.json, "warmUp.active")));
	assert_string_equal(json_text(w.json, "warmUp.outcome"), "given up");
	assert_string_equal(json_text(w.json, "mode"), "SOFT_FAIL");
	web_free(&w);
	assert_int_equal(tls_try(&town, "nosource", gw.port, 0), TLS_IN);
	/* Another section says nothing of modes, and stops nothing. */
	rest_mode(&gw, "HARD_FAIL");
	gateway_must_say_next(&gw, "warming up before HARD_FAIL");
	put("revcheck", "{\"clockSkewSeconds\":100}");
	assert_int_equal(tls_try(&town, "nosource", gw.port, 0), TLS_IN);
	must_live(&live);
	/* Nor is there a second one where the mode was HARD_FAIL before. */
	rest_mode(&gw, "HARD_FAIL");
	assert_int_equal(
	    proc_count(&gw.proc, "warming up before HARD_FAIL"), 2);
	/* No time at all ends it, and HARD_FAIL bites. */
	put("revcheck", "{\"warmUpMs\":0}");
	tls_must_be_cut(&live);
	assert_int_equal(
	    tls_try(&town, "nosource", gw.port, 0), ALERT_CERTIFICATE_UNKNOWN);
	release_sources();
}

/* The mode of TLS peers alone; and of the bootstrap file, by SIGHUP. */
static void
every_way_to_switch(void **state)
{
	struct tls live;

	gateway_start(&gw);
	come_in(&live, "good");
	hold_sources();
	put("corda.p2p.gateway",
	    "{\"sslConfig\":{\"tlsType\":\"MUTUAL\","
	    "\"revocationCheck\":{\"mode\":\"HARD_FAIL\"}}}");
	gateway_must_say_next(&gw, "let in (for='TLS')");
	must_live(&live);
	put("corda.p2p.gateway", "{\"sslConfig\":{\"tlsType\":\"MUTUAL\"}}");
	gateway_must_say_next(&gw, "the warm-up before HARD_FAIL is given up");
	gateway_set(&gw, "revocation.mode", "\"HARD_FAIL\"");
	gateway_write(&gw);
	proc_signal(&gw.proc, SIGHUP);
	gateway_must_say_next(&gw, "warming up before HARD_FAIL");
	gateway_must_say_next(&gw, "reloaded the configuration");
	must_live(&live);
	release_sources();
	gateway_must_say_next(&gw, "(complete): 1 of 1 chains are determined");
	must_live(&live);
	tls_free(&live);
}

/* Nobody is connected, nobody can be lost: it bites at once. */
static void
nobody_needs_no_warm_up(void **state)
{
	no_list_of_peers();
	gateway_start(&gw);
	rest_mode(&gw, "HARD_FAIL");
	assert_int_equal(
	    tls_try(&town, "nosource", gw.port, 0), ALERT_CERTIFICATE_UNKNOWN);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	gateway_stop(&gw);
	kill_sources();
	/* What is on disk answers after a restart. */
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	assert_int_equal(
	    tls_try(&town, "unseen", gw.port, 0), ALERT_CERTIFICATE_UNKNOWN);
	gateway_settle_log(&gw);
	assert_false(proc_said(&gw.proc, "warming up"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, scene_teardown)
	    TEST(slow_evidence_costs_nobody),
	    TEST(dead_sources_end_with_the_bound),
	    TEST(a_source_may_come_back),
	    TEST(revoked_is_cut_at_once),
	    TEST(forged_is_cut_at_the_end),
	    TEST(a_hard_check_is_patient),
	    TEST(a_switch_back_gives_it_up),
	    TEST(every_way_to_switch),
	    TEST(nobody_needs_no_warm_up),
#undef TEST
	};

	return cmocka_run_group_tests_name("warm-up", tests, NULL, NULL);
}
