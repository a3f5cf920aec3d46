/*
 * HTTP mode, peers that try: to say who they are themselves, to have one
 * request read as two, and to send what is not HTTP. The node hears of none
 * of it.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/lib/request.h"
#include "tests/lib/scene.h"

static bool any; /* the profile */

static int
setup(void **state)
{
	scene_up(
	    "http.paths", "[\"/\"]", "http.profile", any ? "\"any\"" : NULL);
	control(&town.node, "/_mode/http", "");
	return 0;
}

static int
setup_any(void **state)
{
	any = true;
	return setup(state);
}

static void
enter(struct client *c)
{
	client_enter(c, &town, "good", gw.port, 0);
}

/* Who they are. */

static const char *const forged[] = {
    "Client-Cert: forged",
    "client-cert: forged",
    "CLIENT_CERT: forged",
    "Client.Cert: forged",
    "Client-Cert-Chain: forged",
    "client_cert_chain: forged",
    "P2P-Gateway-Subject: forged",
    "p2p_gateway_subject: forged",
    "P2P-GATEWAY_STATUS: forged",
    "P2P-Gateway-Leaf-SHA256: forged",
    "P2P-Gateway-Anything: forged",
    "X-Forwarded-For: forged",
    "X_Forwarded_Client_Cert: forged",
    "Forwarded: for=forged",
    "X-Real-IP: forged",
    "X-SSL-Client-Verify: forged",
    "SSL-Client-Cert: forged",
    "X-Client-Cert: forged",
    /* Of this connection alone. */
    "Proxy-Authorization: forged",
    "TE: forged",
    "Upgrade: forged",
    "Keep-Alive: forged",
    /* Names its own and the gateway's as not to be passed on. */
    "Connection: X-Mine, Client-Cert, Host\r\nX-Mine: forged",
    "Connection: P2P-Gateway-Subject, Content-Length\r\nTE: forged",
};

/* How often a field is in the head that the node got. */
static unsigned
count(const char *body, const char *field)
{
	unsigned n = 0;

	for (; (body = strcasestr(body, field)) != NULL; body++)
		n++;
	return n;
}

static void
what_they_say_of_themselves(void **state)
{
	struct client c;
	struct answer a;

	(void)state;
	enter(&c);
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		char *fields = xasprintf("%s\r\n", forged[i]);
		char *text = request_text("/", fields, 3);

		if (any && strncmp(fields, "Upgrade", 7) == 0) {
			free(text);
			free(fields);
			continue;
		}
		client_send(&c, text);
		client_read(&c, &a);
		assert_int_equal(a.status, 200);
		if (strstr(a.body, "forged") != NULL)
			fail_msg("%s: %s", forged[i], a.body);
		assert_int_equal(
		    count(a.body, "\r\nP2P-Gateway-Subject: C=GB"), 1);
		assert_int_equal(count(a.body, "\r\nP2P-Gateway-"), 5);
		assert_int_equal(count(a.body, "\r\nClient-Cert: :"), 1);
		assert_int_equal(count(a.body, "\r\nContent-Length: 3"), 1);
		assert_int_equal(count(a.body, "\r\nHost: gateway"), 1);
		answer_free(&a);
		free(text);
		free(fields);
	}
	client_leave(&c);
}

/* One or two requests. */

#define P  "POST / HTTP/1.1\r\n"
#define H  "Host: gateway\r\n"
#define J  "Content-Type: application/json\r\n"
#define S  "POST /?smuggled HTTP/1.1\r\n" H J "Content-Length: 0\r\n\r\n"
#define TE "Transfer-Encoding: chunked\r\n"

static const struct {
	int status;
	const char *text;
} smuggled[] = {
    /* Two lengths, or two ways to say it. */
    {400, P H J "Content-Length: 0\r\nContent-Length: 0\r\n\r\n" S},
    {400, P H J "Content-Length: 0\r\nContent-Length: 100\r\n\r\n" S},
    {400, P H J "Content-Length: 0\r\ncontent-length: 0\r\n\r\n" S},
    {400, P H J "Content-Length: 5\r\n" TE "\r\n0\r\n\r\n" S},
    {400, P H J TE "Content-Length: 5\r\n\r\n0\r\n\r\n" S},
    {411, P H J TE "\r\n0\r\n\r\n" S},
    {411, P H J "Transfer-Encoding: identity\r\n\r\n" S},
    {411, P H J "transfer-encoding: xchunked\r\n\r\n" S},
    {411, P H J "Content-Length: 0, 0\r\n\r\n" S},
    {411, P H J "Content-Length: -1\r\n\r\n" S},
    {411, P H J "Content-Length: 0x0\r\n\r\n" S},
    {411, P H J "Content-Length: 1e1\r\n\r\n" S},
    {411, P H J "Content-Length: 0 0\r\n\r\n" S},
    {411, P H J "Content_Length: 0\r\n\r\n" S},
    /* White space. */
    {400, P H J "Content-Length : 0\r\n\r\n" S},
    {400, P H J "Content-Length\t: 0\r\n\r\n" S},
    {400, P H J " Content-Length: 0\r\n\r\n" S},
    {400, P H J "Content-Length: 0\r\n 0\r\n\r\n" S},
    {400, P " X: 1\r\n" H J "Content-Length: 0\r\n\r\n" S},
    {400, P H J "Transfer-Encoding\r\n: chunked\r\n\r\n" S},
    {400, P H J "Content-Length: 0\r\n" TE "\t\r\n\r\n" S},
    {400, P H J "Content-Length:\v0\r\n\r\n" S},
    {400, "POST  / HTTP/1.1\r\n" H J "Content-Length: 0\r\n\r\n" S},
    {400, "POST / HTTP/1.1 \r\n" H J "Content-Length: 0\r\n\r\n" S},
    {400, "POST\t/ HTTP/1.1\r\n" H J "Content-Length: 0\r\n\r\n" S},
    {400, " POST / HTTP/1.1\r\n" H J "Content-Length: 0\r\n\r\n" S},
    {400, "POST / HTTP/1.1\r\n\r\n" S},
    /* Line ends. */
    {400, P H J "Content-Length: 0\n\r\n" S},
    {400, P H J "Content-Length: 0\r\n\n" S},
    {400, P H J "Content-Length: 0\n\n" S},
    {400, P H J "X: 1\rContent-Length: 0\r\n\r\n" S},
    {400, P H J "X: 1\r\r\nContent-Length: 0\r\n\r\n" S},
    {400, "POST / HTTP/1.1\n" H J "Content-Length: 0\r\n\r\n" S},
    {400, "\r\n\r\n" S},
    {400, "\n" S},
    /* Names, hosts, versions. */
    {400, P H H J "Content-Length: 0\r\n\r\n" S},
    {400, P J "Content-Length: 0\r\n\r\n" S},
    {400, P H J J "Content-Length: 0\r\n\r\n" S},
    {400, P H J ": 1\r\nContent-Length: 0\r\n\r\n" S},
    {400, P H J "X\r\nContent-Length: 0\r\n\r\n" S},
    {400, P H J "X(: 1\r\nContent-Length: 0\r\n\r\n" S},
    {400, P H J "X\x80: 1\r\nContent-Length: 0\r\n\r\n" S},
    {400, P H J "X: \x01\r\nContent-Length: 0\r\n\r\n" S},
    {400, P H J "X: \x7f\r\nContent-Length: 0\r\n\r\n" S},
    {400, "POST / HTTP/1.10\r\n" H J "Content-Length: 0\r\n\r\n" S},
    {400, "POST / http/1.1\r\n" H J "Content-Length: 0\r\n\r\n" S},
    {400, "POST / HTTP/1.1x\r\n" H J "Content-Length: 0\r\n\r\n" S},
    {400, "POST /\x80 HTTP/1.1\r\n" H J "Content-Length: 0\r\n\r\n" S},
    {400, "POST /#x HTTP/1.1\r\n" H J "Content-Length: 0\r\n\r\n" S},
    {400, "P(ST / HTTP/1.1\r\n" H J "Content-Length: 0\r\n\r\n" S},
    {400, "POST /\r\n\r\n" S},
    {404, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" S},
    {400, "\x16\x03\x01\x02\x01\x01\r\n\r\n" S},
};

static void
one_request_read_as_two(void **state)
{
	unsigned long long before = node_stat(&town.node, "requests");
	struct client c;

	(void)state;
	for (size_t i = 0; i < sizeof(smuggled) / sizeof(smuggled[0]); i++) {
		int status;

		enter(&c);
		status = client_ask(&c, smuggled[i].text);
		if (status != smuggled[i].status)
			fail_msg(
			    "%d for [%zu]: %s", status, i, smuggled[i].text);
		if (!client_ended(&c))
			fail_msg("goes on after: %s", smuggled[i].text);
		client_leave(&c);
	}
	assert_int_equal(node_stat(&town.node, "requests"), before);
}

static void
a_nul(void **state)
{
	static const char text[] =
	    P H J "X: a\0b\r\nContent-Length: 0\r\n\r\n" S;
	struct client c;
	struct answer a;

	(void)state;
	enter(&c);
	assert_int_equal(tls_write(&c.t, text, sizeof(text) - 1), 1);
	client_read(&c, &a);
	assert_int_equal(a.status, 400);
	answer_free(&a);
	client_leave(&c);
}

/* A head that comes byte by byte, each in a record, is the same head. */
static void
byte_by_byte(void **state)
{
	char *text = request_text("/", "X-Mine: 1\r\n", 5);
	struct client c;
	struct answer a;

	(void)state;
	for (int i = 0; i < 2; i++) {
		client_enter(&c, &town, "good", gw.port,
		    i ? TLS1_2_VERSION : TLS1_3_VERSION);
		for (const char *p = text; *p != '\0'; p++)
			assert_int_equal(tls_write(&c.t, p, 1), 1);
		client_read(&c, &a);
		assert_int_equal(a.status, 200);
		assert_non_null(strstr(a.body, "X-Mine: 1\r\n"));
		answer_free(&a);
		client_leave(&c);
	}
	free(text);
}

/* Key updates between and inside requests hold nothing up. */
static void
with_new_keys(void **state)
{
	char *text = request_text("/", "", 20), *rest = text + 30;
	struct client c;

	(void)state;
	client_enter(&c, &town, "good", gw.port, TLS1_3_VERSION);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(
		    SSL_key_update(c.t.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(tls_write(&c.t, text, 30), 1);
		assert_int_equal(
		    SSL_key_update(c.t.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(client_ask(&c, rest), 200);
	}
	client_leave(&c);
	free(text);
}

/* Who leaves in each place leaves nothing behind. */
static void
who_leaves_at_any_place(void **state)
{
	char *text = request_text("/", "", 50);
	struct client c;

	(void)state;
	enter(&c);
	assert_int_equal(client_ask(&c, text), 200);
	client_leave(&c);
	for (size_t n = 1; n < strlen(text); n += 13) {
		unsigned long long closed = node_stat(&town.node, "closed");
		unsigned long long begun = node_stat(&town.node, "connections");

		enter(&c);
		assert_int_equal(tls_write(&c.t, text, n), 1);
		if (strlen(text) - n < 50) {
			node_await(&town.node, "connections", begun + 1);
			tls_leave(&c.t);
			node_await(&town.node, "closed", closed + 1);
		}
		client_leave(&c);
	}
	enter(&c);
	assert_int_equal(client_ask(&c, text), 200);
	client_leave(&c);
	free(text);
}

int
main(void)
{
	/* What net/http/any has tables of its own for is left out. */
	const struct CMUnitTest in_any[] = {
	    cmocka_unit_test(what_they_say_of_themselves),
	    cmocka_unit_test(a_nul),
	    cmocka_unit_test(byte_by_byte),
	    cmocka_unit_test(with_new_keys),
	    cmocka_unit_test(who_leaves_at_any_place),
	};
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_they_say_of_themselves),
	    cmocka_unit_test(one_request_read_as_two),
	    cmocka_unit_test(a_nul),
	    cmocka_unit_test(byte_by_byte),
	    cmocka_unit_test(with_new_keys),
	    cmocka_unit_test(who_leaves_at_any_place),
	};

	int failed = cmocka_run_group_tests_name(
	    "http-hostile", tests, setup, scene_teardown);

	return failed +
	    cmocka_run_group_tests_name(
		"http-hostile-any", in_any, setup_any, scene_teardown);
}
