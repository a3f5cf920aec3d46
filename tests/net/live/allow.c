/*
 * Who may come in by `allow`: by names, listener and path; who is refused is
 * told so in the handshake and never reaches the node; and who is in leaves
 * when the rules change.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/request.h"
#include "tests/lib/scene.h"

static const char names_alice[] =
    "DNS:n1.alice.example,URI:spiffe://network/peer/alice,"
    "email:ops@alice.example";
static const char names_bob[] =
    "DNS:n1.bob.example,URI:spiffe://network/peer/bob";

static int
setup(void **state)
{
	(void)state;
	town_start(&town, "net", NULL);
	town_ca(&town, "leaf", "doorman", "peers/alice", "--san", names_alice,
	    NULL);
	town_ca(
	    &town, "leaf", "doorman", "peers/bob", "--san", names_bob, NULL);
	return 0;
}

static void
up(const char *allow)
{
	scene_prepare();
	gateway_set(&gw, "recheck.grace_ms", "0");
	gateway_set(&gw, "recheck.jitter_ms", "0");
	gateway_set(&gw, "allow", allow);
	gateway_start(&gw);
}

static void
reload(const char *allow)
{
	gateway_set(&gw, "allow", allow);
	gateway_write(&gw);
	proc_signal(&gw.proc, SIGHUP);
	gateway_must_say_next(&gw, "reloaded the configuration");
}

static int
try(const char *peer, int version)
{
	return tls_try(&town, peer, gw.port, version);
}

static void
by_names(void **state)
{
	static const struct {
		const char *allow;
		int alice, bob;
	} rows[] = {
	    {"[{\"dns\":\"*.alice.example\"}]", 1, 0},
	    {"[{\"uri\":\"spiffe://network/peer/*\"}]", 1, 1},
	    {"[{\"uri\":\"spiffe://network/peer/bob\"}]", 0, 1},
	    {"[{\"email\":\"*@alice.example\"}]", 1, 0},
	    {"[{\"dns\":\"*.alice.example\",\"o\":\"bob\"},{\"o\":\"bob\"}]", 0,
		1},
	    {"[{\"serial\":\"0\"}]", 0, 0},
	    {"[]", 0, 0},
	    {NULL, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (i == 0)
			up(rows[i].allow);
		else
			reload(rows[i].allow);
		for (int k = 0; k < 2; k++) {
			int version = k ? TLS1_2_VERSION : TLS1_3_VERSION;

			if ((try("alice", version) == TLS_IN) !=
				rows[i].alice ||
			    (try("bob", version) == TLS_IN) != rows[i].bob)
				fail_msg("%s", rows[i].allow);
		}
	}
}

static void
a_refusal(void **state)
{
	unsigned long long before;
	struct web w;

	(void)state;
	up("{\"dns\":\"*.alice.example\"}");
	before = node_stat(&town.node, "connections");
	/* As of a subject that is not listed: access_denied has no error. */
	assert_true(try("bob", 0) > 0);
	assert_int_equal(node_stat(&town.node, "connections"), before);
	gateway_must_say(&gw, "not-allowed: no rule of allow lets it in");
	gateway_must_say(&gw, "status=not-allowed why=none");
	workers_must_count(&gw, "refused_not_allowed", 1);
	assert_int_equal(workers_counted(&gw, "refused_subject"), 0);
	rest(&gw, &w, "GET", "/decisions?limit=1", NULL);
	assert_string_equal(json_text(w.json, "0.status"), "not-allowed");
	assert_true(cJSON_IsFalse(json_at(w.json, "0.allowed")));
	web_free(&w);
	/* The list of subjects is another condition. */
	gateway_set(&gw, "tls.allowed_subjects", "[\"CN=nobody\"]");
	reload("{\"dns\":\"*.alice.example\"}");
	assert_true(try("alice", 0) > 0);
	workers_must_count(&gw, "refused_subject", 1);
}

static void
without_a_certificate(void **state)
{
	struct tls_options none = {0};
	struct tls t;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "tls.type", "\"ONE_WAY\"");
	gateway_set(
	    &gw, "allow", "[{\"cn\":\"alice\"},{\"listen\":\"listen\"}]");
	gateway_start(&gw);
	assert_true(tls_connect(&t, gw.port, &none));
	assert_int_equal(tls_echo(&t), 1);
	reload("[{\"o\":\"alice\"}]");
	tls_must_be_cut(&t);
	(void)tls_connect(&t, gw.port, &none);
	assert_int_equal(tls_echo(&t), 0);
	tls_free(&t);
	/* Nobody is asked for one. */
	assert_int_not_equal(try("alice", 0), TLS_IN);
}

static void
who_is_in_leaves(void **state)
{
	struct tls alice[2], bob[2];

	(void)state;
	up("[{\"uri\":\"spiffe://network/**\"}]");
	for (int i = 0; i < 2; i++) {
		int version = i ? TLS1_2_VERSION : TLS1_3_VERSION;

		tls_enter(&alice[i], &town, "alice", gw.port, version);
		tls_enter(&bob[i], &town, "bob", gw.port, version);
	}
	reload("[{\"dns\":\"n1.alice.example\"}]");
	tls_must_be_cut(&bob[0]);
	tls_must_be_cut(&bob[1]);
	gateway_must_say(&gw, "cutting off inbound peer 'C=GB,L=London,O=bob'");
	assert_int_equal(tls_echo(&alice[0]), 1);
	assert_int_equal(tls_echo(&alice[1]), 1);
	tls_free(&alice[1]);
	/* A file that cannot be used changes nothing. */
	gateway_set(&gw, "allow", "[{\"dns\":\"*\"}]");
	gateway_write(&gw);
	proc_signal(&gw.proc, SIGHUP);
	gateway_must_say_next(&gw, "$.allow[0].dns is \"*\": expected a DNS");
	assert_int_equal(tls_echo(&alice[0]), 1);
	assert_true(try("bob", 0) > 0);
	reload("[]");
	tls_must_be_cut(&alice[0]);
}

static int
ask(struct client *c, const char *target)
{
	char *text =
	    xasprintf("GET %s HTTP/1.1\r\nHost: gateway\r\n\r\n", target);
	int status = client_ask(c, text);

	free(text);
	return status;
}

static void
by_path(void **state)
{
	static const char *const others[] = {
	    "/bob", "/bob/x", "/alicex", "/", "/ALICE", "//alice", "/%61lice"};
	unsigned long long before;
	unsigned rechecked;
	struct client c;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "recheck.grace_ms", "0");
	gateway_set(&gw, "http.profile", "\"any\"");
	gateway_set(&gw, "allow",
	    "[{\"dns\":\"*.alice.example\",\"path\":[\"/alice\",\"/both\"]},"
	    "{\"dns\":\"*.bob.example\",\"path\":\"/both\"},"
	    "{\"o\":\"fresh\"}]");
	gateway_start(&gw);
	control(&town.node, "/_mode/http", "");
	client_enter(&c, &town, "alice", gw.port, 0);
	assert_int_equal(ask(&c, "/alice"), 200);
	assert_int_equal(ask(&c, "/alice/x?y"), 200);
	assert_int_equal(ask(&c, "/both"), 200);
	client_leave(&c);
	before = node_stat(&town.node, "requests");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		client_enter(&c, &town, "alice", gw.port, 0);
		if (ask(&c, others[i]) != 403)
			fail_msg("%s", others[i]);
		assert_true(client_ended(&c));
		client_leave(&c);
	}
	client_enter(&c, &town, "alice", gw.port, 0);
	assert_int_equal(ask(&c, "/alice/../bob"), 400);
	client_leave(&c);
	assert_int_equal(node_stat(&town.node, "requests"), before);
	gateway_must_say(&gw, "403 Forbidden: not-allowed");
	client_enter(&c, &town, "fresh", gw.port, 0);
	assert_int_equal(ask(&c, "/anything"), 200);
	client_leave(&c);
	/* No path is for it: it is told in the handshake. */
	assert_true(try("good", TLS1_2_VERSION) > 0);
	/* The next request of a connection is asked about by the new rules. */
	client_enter(&c, &town, "bob", gw.port, 0);
	assert_int_equal(ask(&c, "/both"), 200);
	rechecked = workers_counted(&gw, "rechecks");
	reload("[{\"dns\":\"*.bob.example\",\"path\":\"/other\"}]");
	/* It hears of them when its worker comes to it. */
	workers_await(&gw, "rechecks", rechecked + 1);
	assert_int_equal(ask(&c, "/other"), 200);
	assert_int_equal(ask(&c, "/both"), 403);
	client_leave(&c);
	control(&town.node, "/_mode/echo", "");
}

/* One comes to the second listener alone. */
static void
by_listener(void **state)
{
	char *line, *value;
	int second;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "listen", "[\"127.0.0.1:0\",\"0.0.0.0:0\"]");
	gateway_set(&gw, "allow",
	    "[{\"dns\":\"*.alice.example\",\"listen\":\"127.0.0.1:0\"},"
	    "{\"dns\":\"*.bob.example\",\"listen\":\"listen-2\"}]");
	gateway_start(&gw);
	gw.proc.mark = 0;
	line = proc_await(&gw.proc, "ready listen=", WAIT_MS);
	value = line_value(line, "listen-2");
	assert_non_null(value);
	second = atoi(strrchr(value, ':') + 1);
	free(value);
	free(line);
	assert_int_not_equal(gw.port, second);
	assert_int_equal(try("alice", 0), TLS_IN);
	assert_true(try("bob", 0) > 0);
	assert_int_equal(tls_try(&town, "bob", second, 0), TLS_IN);
	assert_true(tls_try(&town, "alice", second, 0) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(by_names),
	    SCENE(a_refusal),
	    SCENE(without_a_certificate),
	    SCENE(who_is_in_leaves),
	    SCENE(by_path),
	    SCENE(by_listener),
	};

	return cmocka_run_group_tests_name(
	    "live-allow", tests, setup, scene_teardown);
}
