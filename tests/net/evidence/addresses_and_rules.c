/*
 * The rules of the section revcheck, pushed over REST to a running gateway:
 * ages, skew, security level, grace; and the addresses that evidence may be
 * fetched from, which act at once. Each from both sides.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

#define GRACE_MS 1200

static int
setup(void **state)
{
	scene_prepare();
	gateway_set(&gw, "revocation.mode", "\"HARD_FAIL\"");
	return 0;
}

static void
put(const char *config, long status)
{
	rest_push(&gw, "revcheck", config, status);
}

static int
try(const char *peer)
{
	return tls_try(&town, peer, gw.port, 0);
}

static void
forget(void)
{
	struct web w;

	rest(&gw, &w, "DELETE", "/cache", NULL);
	assert_int_equal(w.status, 204);
	web_free(&w);
}

/* The doorman's CRL has these dates; nobody knows it yet. */
static void
publish(const char *this_update, const char *next_update)
{
	town_ca(&town, "crl", "doorman", "--this", this_update, "--next",
	    next_update, NULL);
	forget();
}

static void
ages_and_skew(void **state)
{
	gateway_start(&gw);
	publish("-2h", "+10d");
	put("{\"order\":\"CRL\",\"maxAgeSeconds\":3600}", 202);
	assert_int_equal(try("crlonly"), ALERT_CERTIFICATE_UNKNOWN);
	put("{\"order\":\"CRL\",\"maxAgeSeconds\":36000}", 202);
	assert_int_equal(try("crlonly"), TLS_IN);
	/* Without nextUpdate an age of its own counts. */
	publish("-2h", "none");
	put("{\"order\":\"CRL\",\"noNextUpdateSeconds\":3600}", 202);
	assert_int_equal(try("crlonly"), ALERT_CERTIFICATE_UNKNOWN);
	put("{\"order\":\"CRL\",\"noNextUpdateSeconds\":36000}", 202);
	assert_int_equal(try("crlonly"), TLS_IN);
	/* Clocks differ, but not by that much. */
	publish("+10m", "+10d");
	put("{\"order\":\"CRL\"}", 202);
	assert_int_equal(try("crlonly"), ALERT_CERTIFICATE_UNKNOWN);
	/* What was refused is not held: it is fetched again. */
	publish("+10m", "+10d");
	put("{\"order\":\"CRL\",\"clockSkewSeconds\":3600}", 202);
	assert_int_equal(try("crlonly"), TLS_IN);
	publish("-1m", "+10d");
}

/* Of paths, so of who may come in at all; and of our own identity. */
static void
security_level(void **state)
{
	gateway_start(&gw);
	town_ca(&town, "leaf", "doorman", "peers/rsa", "--alg", "rsa", NULL);
	assert_int_equal(try("rsa"), TLS_IN);
	assert_int_equal(try("good"), TLS_IN);
	/* 128 bits: RSA of 2048 has 112. */
	put("{\"securityLevel\":3}", 202);
	assert_int_not_equal(try("rsa"), TLS_IN);
	assert_int_equal(try("good"), TLS_IN);
	/* 192 bits: our own P-256 is too weak to be shown. Nothing changes. */
	put("{\"securityLevel\":4}", 400);
	assert_int_not_equal(try("rsa"), TLS_IN);
	assert_int_equal(try("good"), TLS_IN);
	put("{}", 202);
	assert_int_equal(try("rsa"), TLS_IN);
}

static void
grace(void **state)
{
	struct tls live;
	long long begun;

	gateway_start(&gw);
	rest_mode(&gw, "OFF");
	tls_enter(&live, &town, "revoked", gw.port, 0);
	put("{\"recheck\":{\"graceMs\":1200}}", 202);
	begun = mono_ms();
	rest_mode(&gw, "SOFT_FAIL");
	tls_must_be_cut(&live);
	/* Timers may be a little early. */
	assert_true(mono_ms() - begun >= GRACE_MS - 100);
}

static void
addresses_act_at_once(void **state)
{
	char *ports = xasprintf(
	    "{\"addresses\":{\"allow\":[\"127.0.0.1\"],\"ports\":[%d,\"%d\"]}}",
	    town.ocsp.port, town.web.port);

	gateway_set(&gw, "revocation.any_port", NULL);
	gateway_set(&gw, "revocation.allow_addresses", NULL);
	gateway_start(&gw);
	/* Loopback is refused until it is listed, and so is the port. */
	assert_int_equal(try("good"), ALERT_CERTIFICATE_UNKNOWN);
	put("{\"addresses\":{\"allow\":[\"127.0.0.1\"]}}", 202);
	assert_int_equal(try("good"), ALERT_CERTIFICATE_UNKNOWN);
	put(ports, 202);
	assert_int_equal(try("good"), TLS_IN);
	/* Not any more, and what is open to there is not used. */
	put("{}", 202);
	forget();
	assert_int_equal(try("good"), ALERT_CERTIFICATE_UNKNOWN);
	put("{\"addresses\":{\"allow\":[\"127.0.0.0/8\"],\"anyPort\":true}}",
	    202);
	assert_int_equal(try("fresh"), TLS_IN);
	put("{\"addresses\":{\"ports\":[0]}}", 400);
	put("{\"addresses\":{\"allow\":[\"10.0.0.0/99\"]}}", 400);
	/* The file's, by a reload. */
	put("{}", 202);
	forget();
	assert_int_equal(try("good"), ALERT_CERTIFICATE_UNKNOWN);
	gateway_set(&gw, "revocation.any_port", "true");
	gateway_set(&gw, "revocation.allow_addresses", "[\"127.0.0.1\"]");
	gateway_write(&gw);
	rest_expect(&gw, "POST", "/reload", 204);
	assert_int_equal(try("good"), TLS_IN);
	free(ports);
}

/*
 * Where evidence may be fetched from says nothing about who is in: only what is
 * fetched then does. Who came in for want of an answer is asked about at once
 * when the answer may be had, and who rests on one that is held stays when it
 * may not be had any more.
 */
static void
who_is_in_stays_until_evidence_speaks(void **state)
{
	struct tls good, revoked;

	gateway_set(&gw, "revocation.mode", "\"SOFT_FAIL\"");
	gateway_set(&gw, "revocation.any_port", NULL);
	gateway_set(&gw, "revocation.allow_addresses", NULL);
	gateway_start(&gw);
	tls_enter(&revoked, &town, "revoked", gw.port, 0);
	tls_enter(&good, &town, "good", gw.port, 0);
	put("{\"addresses\":{\"allow\":[\"127.0.0.0/8\"],\"anyPort\":true}}",
	    202);
	tls_must_be_cut(&revoked);
	assert_int_equal(tls_echo(&good), 1);
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	/* Nothing may be fetched from now on, and nothing has to be. */
	put("{}", 202);
	assert_int_equal(tls_echo(&good), 1);
	assert_int_equal(try("good"), TLS_IN);
	assert_int_equal(try("revoked"), ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(tls_echo(&good), 1);
	tls_free(&good);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, scene_end)
	    TEST(ages_and_skew),
	    TEST(security_level),
	    TEST(grace),
	    TEST(addresses_act_at_once),
	    TEST(who_is_in_stays_until_evidence_speaks),
#undef TEST
	};

	return cmocka_run_group_tests_name(
	    "pushed rules", tests, scene_setup, scene_teardown);
}
