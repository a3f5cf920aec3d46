/*
 * Where answers come from: OCSP first, the CRL when that fails, nothing twice,
 * and one fetch for everybody who waits for the same. Hit counters of the
 * servers tell.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

#define CRL_PATH "/certificate-revocation-list/doorman"
#define CROWD    12

/* Each test has a town and a gateway that know nothing yet. */
static int
setup(void **state)
{
	town_start(&town, "net", NULL);
	gateway_prepare(&gw, "gateway", &town);
	gateway_as_stranger(&gw, &town);
	gateway_set(&gw, "revocation.mode", "\"HARD_FAIL\"");
	gateway_set(&gw, "state_dir", NULL);
	return 0;
}

static int
try(const char *peer)
{
	return tls_try(&town, peer, gw.port, 0);
}

static void
ocsp_comes_first(void **state)
{
	gateway_start(&gw);
	assert_int_equal(try("good"), TLS_IN);
	assert_true(hits(&town.ocsp, "/doorman*") > 0);
	assert_int_equal(hits(&town.web, CRL_PATH), 0);
}

static void
crl_is_the_fallback(void **state)
{
	control(&town.ocsp, "/_script", "/doorman* 500\n");
	gateway_start(&gw);
	assert_int_equal(try("good"), TLS_IN);
	assert_true(hits(&town.ocsp, "/doorman*") > 0);
	assert_int_equal(hits(&town.web, CRL_PATH), 1);
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	/* The CRL answers for everybody of that CA. */
	assert_int_equal(hits(&town.web, CRL_PATH), 1);
}

static void
refused_connection_falls_back_too(void **state)
{
	control(&town.ocsp, "/_listen/off", NULL);
	gateway_start(&gw);
	assert_int_equal(try("good"), TLS_IN);
	assert_int_equal(try("onhold"), ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(hits(&town.web, CRL_PATH), 1);
}

static void
second_check_makes_no_request(void **state)
{
	unsigned long ocsp, web;

	gateway_start(&gw);
	assert_int_equal(try("good"), TLS_IN);
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	ocsp = hits(&town.ocsp, "");
	web = hits(&town.web, "");
	for (int i = 0; i < 5; i++) {
		assert_int_equal(try("good"), TLS_IN);
		assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	}
	assert_int_equal(hits(&town.ocsp, ""), ocsp);
	assert_int_equal(hits(&town.web, ""), web);
}

static void
crl_then_ocsp_when_told_so(void **state)
{
	gateway_set(&gw, "revocation.order", "\"CRL_OCSP\"");
	gateway_start(&gw);
	assert_int_equal(try("good"), TLS_IN);
	assert_int_equal(hits(&town.web, CRL_PATH), 1);
	assert_int_equal(hits(&town.ocsp, "/doorman*"), 0);
}

static void
garbage_and_forgery_are_no_answers(void **state)
{
	char *forged = town_path(&town, "forged.crl"), *script;

	/* A CRL that clears everybody, signed by somebody else. */
	town_ca(&town, "crl", "doorman", "--signer", "foreign", "--number",
	    "99", "--out", forged, NULL);
	script = xasprintf(CRL_PATH " file=%s\n", forged);
	control(&town.ocsp, "/_script", "/doorman* garbage=300\n");
	control(&town.web, "/_script", script);
	gateway_start(&gw);
	assert_int_equal(try("good"), ALERT_CERTIFICATE_UNKNOWN);
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_UNKNOWN);
	free(script);
	free(forged);
}

/* Anybody on the way to an http source can do that: no switch for SOFT_FAIL. */
static void
forgery_by_http_is_unknown_and_loud(void **state)
{
	char *forged = town_path(&town, "forged.crl"), *script;

	town_ca(&town, "crl", "doorman", "--signer", "foreign", "--number",
	    "99", "--out", forged, NULL);
	script = xasprintf(CRL_PATH " file=%s\n", forged);
	control(&town.ocsp, "/_script", "/doorman* garbage=300\n");
	control(&town.web, "/_script", script);
	gateway_set(&gw, "revocation.mode", "\"SOFT_FAIL\"");
	gateway_start(&gw);
	assert_int_equal(try("good"), TLS_IN);
	gateway_must_say(&gw, "warn  allowed inbound peer");
	gateway_must_say(&gw, "why=forged mode=SOFT_FAIL");
	free(script);
	free(forged);
}

/* Every fault of the responder ends in the CRL, and none in an answer. */
static void
every_fault_of_the_responder_falls_back(void **state)
{
	static const char *const faults[] = {
	    "404",
	    "reset",
	    "never",
	    "truncate=20 origin",
	    "length=99999 origin",
	    "drip-all=2000 origin",
	    "text=nonsense",
	    "garbage=200000",
	    "endless",
	    "endless-head",
	    "redirect=file:///etc/passwd",
	    "hex=30030a0103", /* tryLater */
	    "header=Content-Encoding:gzip status=200 garbage=50",
	};
	char *script;

	gateway_set(&gw, "revocation.fetch_timeout_ms", "700");
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		script = xasprintf("/doorman* %s\n", faults[i]);
		control(&town.ocsp, "/_script", script);
		control(&town.web, "/_reset", NULL);
		gateway_start(&gw);
		if (try("good") != TLS_IN)
			fail_msg("good is refused after '%s'", faults[i]);
		if (try("revoked") != ALERT_CERTIFICATE_REVOKED)
			fail_msg("revoked is let in after '%s'", faults[i]);
		assert_int_equal(hits(&town.web, CRL_PATH), 1);
		gateway_stop(&gw);
		free(script);
	}
}

/* With the CRL server broken as well nothing is known, and time is bounded. */
static void
every_fault_of_the_crl_is_no_answer(void **state)
{
	static const char *const faults[] = {
	    "500",
	    "never",
	    "truncate=100 origin",
	    "drip=2000 origin",
	    "garbage=5000",
	    "endless",
	};
	char *script;

	gateway_set(&gw, "revocation.fetch_timeout_ms", "700");
	gateway_set(&gw, "revocation.crl_timeout_ms", "700");
	gateway_set(&gw, "revocation.max_crl_bytes", "100000");
	control(&town.ocsp, "/_script", "/doorman* 500\n");
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		script = xasprintf(CRL_PATH " %s\n", faults[i]);
		control(&town.web, "/_script", script);
		gateway_start(&gw);
		if (try("good") != ALERT_CERTIFICATE_UNKNOWN)
			fail_msg("good is not unknown after '%s'", faults[i]);
		if (try("revoked") != ALERT_CERTIFICATE_UNKNOWN)
			fail_msg("revoked: not unknown after '%s'", faults[i]);
		gateway_stop(&gw);
		free(script);
	}
}

struct visitor {
	pthread_t thread;
	const char *peer;
	int outcome;
};

static void *
visit(void *arg)
{
	struct visitor *v = arg;

	v->outcome = try(v->peer);
	return NULL;
}

static void
crowd_shares_one_fetch(void **state)
{
	struct visitor crowd[CROWD];

	/* The CRL stands still until everybody waits for it. */
	control(&town.ocsp, "/_listen/off", NULL);
	control(&town.web, "/_script", CRL_PATH " gate=crl\n");
	gateway_set(&gw, "revocation.deadline_ms", "25000");
	gateway_set(&gw, "limits.handshake_timeout_ms", "29000");
	gateway_start(&gw);
	for (int i = 0; i < CROWD; i++) {
		crowd[i] = (struct visitor){.peer = i % 2 ? "good" : "fresh"};
		assert_int_equal(
		    pthread_create(&crowd[i].thread, NULL, visit, &crowd[i]),
		    0);
	}
	hits_await(&town.web, 1, CRL_PATH);
	control(&town.web, "/_release/crl", NULL);
	for (int i = 0; i < CROWD; i++) {
		pthread_join(crowd[i].thread, NULL);
		assert_int_equal(crowd[i].outcome, TLS_IN);
	}
	assert_int_equal(hits(&town.web, CRL_PATH), 1);
}

static void
restart_answers_from_disk(void **state)
{
	gateway_set(&gw, "state_dir", "\"state\"");
	gateway_start(&gw);
	assert_int_equal(try("good"), TLS_IN);
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	gateway_stop(&gw);
	control(&town.ocsp, "/_listen/off", NULL);
	control(&town.web, "/_listen/off", NULL);
	gateway_start(&gw);
	assert_int_equal(try("good"), TLS_IN);
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(try("unseen"), ALERT_CERTIFICATE_UNKNOWN);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, setup, scene_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(ocsp_comes_first),
	    FRESH(crl_is_the_fallback),
	    FRESH(refused_connection_falls_back_too),
	    FRESH(second_check_makes_no_request),
	    FRESH(crl_then_ocsp_when_told_so),
	    FRESH(garbage_and_forgery_are_no_answers),
	    FRESH(forgery_by_http_is_unknown_and_loud),
	    FRESH(every_fault_of_the_responder_falls_back),
	    FRESH(every_fault_of_the_crl_is_no_answer),
	    FRESH(crowd_shares_one_fetch),
	    FRESH(restart_answers_from_disk),
	};

	return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
