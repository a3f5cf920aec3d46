/*
 * Live connections: who is connected answers again when what is known, or the
 * mode, has changed. Exactly those refused now are cut, and nobody else.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

static int
setup(void **state)
{
	scene_up("revocation.mode", "\"SOFT_FAIL\"", "revocation.warm_up_ms",
	    NULL, "recheck.grace_ms", "0", "recheck.jitter_ms", "0");
	return 0;
}

static void
come_in(struct tls *t, const char *peer, int version)
{
	char *cert = xasprintf("%s/peers/%s.pem", town.dir, peer);
	char *key = xasprintf("%s/peers/%s.key", town.dir, peer);
	const struct tls_options o = {
	    .cert = cert, .key = key, .version = version};

	if (!tls_connect(t, gw.port, &o) || !tls_echo(t))
		fail_msg("%s did not get in: %s", peer, t->error);
	free(cert);
	free(key);
}

static void
a_stricter_mode_cuts_whom_it_refuses(void **state)
{
	struct tls good, revoked[4], nosource;

	(void)state;
	rest_mode(&gw, "OFF");
	come_in(&good, "good", TLS1_3_VERSION);
	come_in(&nosource, "nosource", TLS1_2_VERSION);
	for (int i = 0; i < 4; i++)
		come_in(&revoked[i], "revoked",
		    i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
	rest_mode(&gw, "SOFT_FAIL");
	for (int i = 0; i < 4; i++)
		tls_must_be_cut(&revoked[i]);
	assert_int_equal(tls_echo(&good), 1);
	assert_int_equal(tls_echo(&nosource), 1);
	rest_mode(&gw, "HARD_FAIL");
	tls_must_be_cut(&nosource);
	assert_int_equal(tls_echo(&good), 1);
	tls_free(&good);
	assert_true(proc_says(
	    &gw.proc, "cutting off inbound peer 'C=GB,L=London,O=revoked'"));
	gateway_settle_log(&gw);
	gateway_settle_log(&gw);
	assert_false(proc_said(
	    &gw.proc, "cutting off inbound peer 'C=GB,L=London,O=good'"));
	rest_mode(&gw, "SOFT_FAIL");
}

/* The node is told, too: its side of the connection is closed. */
static void
the_node_side_is_closed(void **state)
{
	unsigned long long open;
	struct tls revoked;

	(void)state;
	rest_mode(&gw, "OFF");
	come_in(&revoked, "revoked", TLS1_3_VERSION);
	open = node_stat(&town.node, "closed");
	rest_mode(&gw, "SOFT_FAIL");
	tls_must_be_cut(&revoked);
	node_await(&town.node, "closed", open + 1);
}

/* Many connections of many peers: the cut takes those of one. */
static void
one_of_many(void **state)
{
	struct tls good[30], revoked[30];

	(void)state;
	rest_mode(&gw, "OFF");
	for (int i = 0; i < 30; i++) {
		come_in(&good[i], "good", 0);
		come_in(&revoked[i], "revoked", 0);
	}
	rest_mode(&gw, "SOFT_FAIL");
	for (int i = 0; i < 30; i++)
		tls_must_be_cut(&revoked[i]);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(tls_echo(&good[i]), 1);
		tls_free(&good[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_stricter_mode_cuts_whom_it_refuses),
	    cmocka_unit_test(the_node_side_is_closed),
	    cmocka_unit_test(one_of_many),
	};

	return cmocka_run_group_tests_name(
	    "live", tests, setup, scene_teardown);
}
