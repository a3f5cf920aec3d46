/*
 * No way around the check by resumption: a session offered again is not
 * resumed, and a peer revoked meanwhile is refused.
 */
#include <stdlib.h>

#include "tests/lib/scene.h"

/* Connects once; returns the session to offer later, NULL if there is none. */
static SSL_SESSION *
first_visit(const struct tls_options *o)
{
	struct tls t;
	SSL_SESSION *session;

	assert_true(tls_connect(&t, gw.port, o));
	assert_true(tls_echo(&t));
	session = SSL_get1_session(t.ssl);
	tls_half_close(&t);
	tls_free(&t);
	return session;
}

static void
visit_twice(int version)
{
	char *cert = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key");
	struct tls_options o = {.cert = cert, .key = key, .version = version};
	SSL_SESSION *session = first_visit(&o);
	struct tls t;

	/* TLS 1.3 gives no ticket at all, TLS 1.2 no session to find again. */
	if (version == TLS1_3_VERSION)
		assert_false(SSL_SESSION_is_resumable(session));
	else
		assert_false(SSL_SESSION_has_ticket(session));
	o.session = session;
	assert_true(tls_connect(&t, gw.port, &o));
	assert_false(t.resumed);
	assert_true(tls_echo(&t));
	tls_free(&t);
	SSL_SESSION_free(session);
	free(cert);
	free(key);
}

static void
session_is_not_resumed_tls13(void **state)
{
	visit_twice(TLS1_3_VERSION);
}

static void
session_is_not_resumed_tls12(void **state)
{
	visit_twice(TLS1_2_VERSION);
}

static void
revoked_meanwhile(int version, const char *what)
{
	char *cert = xasprintf("%s/%s.pem", town.dir, what);
	char *key = xasprintf("%s/%s.key", town.dir, what);
	struct tls_options o = {.cert = cert, .key = key, .version = version};
	SSL_SESSION *session;
	struct tls t;

	town_ca(&town, "leaf", "doorman", what, NULL);
	session = first_visit(&o);
	town_ca(&town, "revoke", what, "--reason", "keyCompromise", NULL);
	/* A fresh start knows nothing: what is left is the session alone. */
	gateway_stop(&gw);
	gateway_set(&gw, "state_dir", NULL);
	gateway_start(&gw);
	o.session = session;
	(void)tls_connect(&t, gw.port, &o);
	assert_false(tls_echo(&t));
	assert_int_equal(t.alert, ALERT_CERTIFICATE_REVOKED);
	tls_free(&t);
	SSL_SESSION_free(session);
	free(cert);
	free(key);
}

static void
peer_revoked_meanwhile_is_refused_tls13(void **state)
{
	revoked_meanwhile(TLS1_3_VERSION, "peers/thirteen");
}

static void
peer_revoked_meanwhile_is_refused_tls12(void **state)
{
	revoked_meanwhile(TLS1_2_VERSION, "peers/twelve");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(session_is_not_resumed_tls13),
	    cmocka_unit_test(session_is_not_resumed_tls12),
	    cmocka_unit_test(peer_revoked_meanwhile_is_refused_tls13),
	    cmocka_unit_test(peer_revoked_meanwhile_is_refused_tls12),
	};

	return cmocka_run_group_tests_name(
	    "resumption", tests, scene_up_plain, scene_teardown);
}
