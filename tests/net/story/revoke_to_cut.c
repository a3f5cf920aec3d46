/*
 * From a request to a cut line: a peer enrols, connects through the gateway
 * and talks. Somebody asks the doorman to revoke it; a person approves and
 * signs with a key in a token. Nobody tells the gateway: at its next refresh
 * it finds the new list by itself, cuts that peer's live connection, leaves
 * its neighbour's alone, and refuses the next handshake.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "tests/doorman/doorman_net.h"
#include "tests/lib/scene.h"
#include "tests/lib/softtoken.h"

#define PIN SOFTTOKEN_PIN

static struct doorman_net net;

static int
setup(void **state)
{
	(void)state;
	softtoken_make("vault");
	doorman_net_init(&net, "dm", PIN "\n",
	    (const char *const[]){"--pin-fd", "0", "--hsm",
		"module=" SOFTTOKEN_MODULE ";token=vault", NULL});
	doorman_net_conf(&net, "crl_max_age_sec = 1\n");
	doorman_net_start(&net);
	town_start(&town, "net", NULL);
	gateway_prepare(&gw, "gateway", &town);
	gateway_set(&gw, "trust",
	    "[{\"group\":\"network\",\"anchors\":\"dm/ca/root.pem\"}]");
	gateway_set(&gw, "revocation.mode", "\"HARD_FAIL\"");
	gateway_set(&gw, "revocation.min_refresh_sec", "1");
	gateway_start(&gw);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	gateway_free(&gw);
	town_stop(&town);
	doorman_net_free(&net);
	return 0;
}

static int
dial(struct tls *t, const char *name)
{
	char *cert = xasprintf("dm/%s.pem", name);
	char *key = xasprintf("dm/%s.key", name);
	struct tls_options o = {.cert = cert, .key = key};
	int in = tls_connect(t, gw.port, &o) && tls_echo(t);

	free(cert);
	free(key);
	return in;
}

static void
have_revoked(const char *name, long number)
{
	char *body = xasprintf("{\"legalName\":\"O=%s, C=GB\",\"reason\":"
			       "\"KEY_COMPROMISE\",\"reporter\":\"ops\"}",
	    name);
	char *input = xasprintf("sign doorman %ld +1\n" PIN "\n", number);
	char *id, *out;

	assert_int_equal(doorman_net_post(&net, body, &id), 200);
	doorman_net_do(&net, "tickets", "approve", id);
	if (doorman_net_sign(&net, input, &out, "crl") != 0)
		fail_msg("%s", out);
	free(out);
	free(id);
	free(input);
	free(body);
}

static void
a_revoked_peer_is_cut_off(void **state)
{
	struct tls alice = {0}, bob = {0}, again = {0};
	char byte;

	(void)state;
	free(doorman_net_enrol(&net, "alice", "/O=alice/C=GB", PIN));
	free(doorman_net_enrol(&net, "bob", "/O=bob/C=GB", PIN));
	assert_true(dial(&alice, "alice"));
	assert_true(dial(&bob, "bob"));
	have_revoked("alice", 2);
	/* Bounded by the client's own thirty seconds. */
	assert_true(tls_read(&alice, &byte, 1) <= 0);
	assert_int_equal(dial(&again, "alice"), 0);
	assert_int_equal(again.alert, ALERT_CERTIFICATE_REVOKED);
	assert_true(tls_echo(&bob));
	tls_free(&alice);
	tls_free(&bob);
	tls_free(&again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_revoked_peer_is_cut_off),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
