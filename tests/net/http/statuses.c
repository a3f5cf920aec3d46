/*
 * HTTP mode: each status, and which comes first; what the node is told; that a
 * connection carries one request after the other; and what the pushed section
 * changes.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/lib/request.h"
#include "tests/lib/scene.h"

#define PATH "/gateway/send"

static int
setup(void **state)
{
	scene_up("http.paths", "[\"" PATH "\", \"/other\"]",
	    "http.max_request_bytes", "1000", "http.max_head_bytes", "8192",
	    "workers", "1");
	control(&town.node, "/_mode/http", "");
	return 0;
}

static void
enter(struct client *c, const char *peer)
{
	client_enter(c, &town, peer, gw.port, 0);
}

/* Statuses. */

struct refusal {
	int status;
	const char *text;
};

#define H   "Host: gateway\r\n"
#define J   "Content-Type: application/json\r\n"
#define L   "Content-Length: 2\r\n"
#define BIG "Content-Length: 1001\r\n"

/* Each is also wrong in everything that is asked about later. */
static const struct refusal refusals[] = {
    {400, "GET /%zz HTTP/1.0\r\nExpect: x\r\n\r\n"},
    {400, "GET /a|b HTTP/1.0\r\nExpect: x\r\n\r\n"},
    {404, "GET /none HTTP/1.0\r\nExpect: x\r\n\r\n"},
    {404, "GET " PATH "/ HTTP/1.0\r\n\r\n"},
    {404, "GET /gateway/%73end HTTP/1.0\r\n\r\n"},
    {404, "CONNECT gateway:443 HTTP/1.1\r\n" H "\r\n"},
    {404, "OPTIONS * HTTP/1.1\r\n" H "\r\n"},
    {404, "POST http://gateway HTTP/1.1\r\n" H "\r\n"},
    {505, "GET " PATH " HTTP/1.0\r\nExpect: x\r\n\r\n"},
    {505, "GET " PATH " HTTP/2.0\r\nExpect: x\r\n\r\n"},
    {501, "GET " PATH " HTTP/1.1\r\n" H "Expect: x\r\n\r\n"},
    {501, "post " PATH " HTTP/1.1\r\n" H "Expect: x\r\n\r\n"},
    {501, "HEAD " PATH " HTTP/1.1\r\n" H BIG "\r\n"},
    {411, "POST " PATH " HTTP/1.1\r\n" H "Expect: x\r\n\r\n"},
    {411, "POST " PATH " HTTP/1.1\r\n" H "Content-Length: +2\r\n\r\n"},
    {411, "POST " PATH " HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"},
    {411, "POST " PATH " HTTP/1.1\r\n" H "Content-Length: 2, 2\r\n\r\n"},
    {411,
	"POST " PATH " HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
	"0\r\n\r\n"},
    {413, "POST " PATH " HTTP/1.1\r\n" H BIG "Expect: x\r\n\r\n"},
    {413,
	"POST " PATH " HTTP/1.1\r\n" H J
	"Content-Length: 99999999999999999999999999\r\n\r\n"},
    {415, "POST " PATH " HTTP/1.1\r\n" H L "Expect: x\r\n\r\n{}"},
    {415, "POST " PATH " HTTP/1.1\r\n" H L "Content-Type: text/json\r\n\r\n{}"},
    {417, "POST " PATH " HTTP/1.1\r\n" H L J "Expect: x\r\n\r\n{}"},
};

static void
must_refuse(const struct refusal *r, int version)
{
	struct client c;
	struct answer a;
	char *value, *want = xasprintf("\"status\":%d", r->status);

	client_enter(&c, &town, "good", gw.port, version);
	client_send(&c, r->text);
	client_read(&c, &a);
	if (a.status != r->status)
		fail_msg(
		    "%d instead of %d for: %s", a.status, r->status, r->text);
	assert_true(a.whole);
	assert_non_null(strstr(a.body, want));
	value = answer_header(&a, "Content-Type");
	assert_string_equal(value, "application/json");
	free(value);
	value = answer_header(&a, "Connection");
	assert_string_equal(value, "close");
	free(value);
	if (!client_ended(&c))
		fail_msg("not closed after %d: %s", a.status, r->text);
	answer_free(&a);
	client_leave(&c);
	free(want);
}

static void
each_status_in_its_turn(void **state)
{
	unsigned long long before = node_stat(&town.node, "connections");

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		must_refuse(
		    &refusals[i], i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
	assert_int_equal(node_stat(&town.node, "connections"), before);
}

static void
a_head_without_end_is_431(void **state)
{
	char *field = xasprintf("X: %8192d\r\n", 0);
	char *text = request_text(PATH, field, 0);
	const struct refusal big = {431, text};
	static const char one[] = "X: 1\r\n";
	char many[100 * (sizeof(one) - 1) + 1], *all;

	(void)state;
	must_refuse(&big, 0);
	free(text);
	free(field);
	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = one[i % (sizeof(one) - 1)];
	many[sizeof(many) - 1] = '\0';
	all = request_text(PATH, many, 0);
	must_refuse(&(struct refusal){431, all}, 0);
	free(all);
}

static void
the_metrics_count_them(void **state)
{
	struct web w;
	const cJSON *door;

	(void)state;
	rest(&gw, &w, "GET", "/status", NULL);
	door = json_at(w.json, "door");
	assert_non_null(door);
	assert_int_equal(json_number(door, "http_refused_417"), 1);
	assert_int_equal(json_number(door, "http_refused_415"), 2);
	assert_int_equal(json_number(door, "http_refused_505"), 2);
	web_free(&w);
	rest(&gw, &w, "GET", "/metrics", NULL);
	assert_non_null(strstr(
	    w.body, "\np2p_gateway_http_refused_total{status=\"413\"} 2\n"));
	assert_non_null(strstr(
	    w.body, "\np2p_gateway_http_refused_total{status=\"431\"} 2\n"));
	web_free(&w);
}

/* What reaches the node. */

static void
has(const struct answer *a, const char *text)
{
	if (strstr(a->body, text) == NULL)
		fail_msg("no '%s' in: %s", text, a->body);
}

static void
has_not(const struct answer *a, const char *text)
{
	if (strcasestr(a->body, text) != NULL)
		fail_msg("'%s' in: %s", text, a->body);
}

static void
the_node_is_told_who_it_is(void **state)
{
	char *text = request_text(PATH "?x=1", "X-Mine: kept\r\n", 5);
	struct client c;
	struct answer a;

	(void)state;
	client_enter(&c, &town, "good", gw.port, TLS1_2_VERSION);
	client_send(&c, text);
	client_read(&c, &a);
	assert_int_equal(a.status, 200);
	has(&a, "POST " PATH "?x=1 HTTP/1.1\r\nHost: gateway\r\n");
	has(&a, "\r\nX-Mine: kept\r\n");
	has(&a, "\r\nContent-Length: 5\r\n");
	has(&a, "\r\nP2P-Gateway-Subject: C=GB,L=London,O=good\r\n");
	has(&a, "\r\nP2P-Gateway-Status: good\r\n");
	has(&a, "\r\nP2P-Gateway-TLS: TLSv1.2\r\n");
	has(&a, "\r\nP2P-Gateway-Address: 127.0.0.1:");
	has(&a, "\r\nbody 5 proxied 0\r\n");
	answer_free(&a);
	client_leave(&c);
	free(text);
}

/* Asks until the node is told this of the peer. */
static void
await_status(struct client *c, const char *want)
{
	char *text = request_text(PATH, "", 5);
	char *field = xasprintf("\r\nP2P-Gateway-Status: %s\r\n", want);
	struct answer a;
	bool told;

	for (long long end = mono_ms() + WAIT_MS;;) {
		client_send(c, text);
		client_read(c, &a);
		assert_int_equal(a.status, 200);
		told = strstr(a.body, field) != NULL;
		if (!told && mono_ms() >= end)
			has(&a, field);
		answer_free(&a);
		if (told)
			break;
	}
	free(field);
	free(text);
}

/* Nothing was asked, so the node is not told that it was good. */
static void
the_node_is_told_that_nothing_was_asked(void **state)
{
	char *text = request_text(PATH, "", 5);
	struct client c;
	struct answer a;

	(void)state;
	rest_mode(&gw, "OFF");
	enter(&c, "good");
	client_send(&c, text);
	client_read(&c, &a);
	assert_int_equal(a.status, 200);
	has(&a, "\r\nP2P-Gateway-Status: not-asked\r\n");
	has_not(&a, "P2P-Gateway-Status: good");
	answer_free(&a);
	/* What is found of it later holds for its next request. */
	rest_mode(&gw, "SOFT_FAIL");
	await_status(&c, "good");
	rest_mode(&gw, "OFF");
	await_status(&c, "not-asked");
	rest_mode(&gw, "SOFT_FAIL");
	client_leave(&c);
	free(text);
}

/* Who will be cut is not called what it was before. */
static void
the_node_is_told_in_the_grace(void **state)
{
	struct gateway own;
	struct client c;

	(void)state;
	gateway_prepare(&own, "grace", &town);
	gateway_set(&own, "http.paths", "[\"" PATH "\"]");
	gateway_set(&own, "recheck.grace_ms", "600000");
	gateway_set(&own, "revocation.mode", "\"OFF\"");
	gateway_start(&own);
	client_enter(&c, &town, "revoked", own.port, 0);
	await_status(&c, "not-asked");
	rest_mode(&own, "SOFT_FAIL");
	await_status(&c, "revoked");
	client_leave(&c);
	gateway_free(&own);
}

/* A certificate may name its owner in the alternative names alone. */
static void
the_node_is_told_a_name_that_is_no_subject(void **state)
{
	char *text = request_text(PATH, "", 5);
	struct client c;
	struct answer a;

	(void)state;
	town_ca(&town, "leaf", "doorman", "peers/nameless", "--subject", "",
	    "--san", "DNS:nameless.example", NULL);
	enter(&c, "nameless");
	client_send(&c, text);
	client_read(&c, &a);
	assert_int_equal(a.status, 200);
	has(&a, "\r\nP2P-Gateway-Subject: DNS:nameless.example\r\n");
	answer_free(&a);
	client_leave(&c);
	free(text);
}

/* Decodes ":base64:" at text into a certificate. */
static X509 *
certificate_at(const char *text)
{
	size_t len = strcspn(text + 1, ":");
	unsigned char *der = malloc(len);
	const unsigned char *p = der;
	X509 *x;
	int n;

	assert_int_equal(*text, ':');
	n = EVP_DecodeBlock(der, (const unsigned char *)text + 1, (int)len);
	x = d2i_X509(NULL, &p, n);
	free(der);
	assert_non_null(x);
	return x;
}

static X509 *
own_certificate(const char *peer, int index)
{
	char *path = xasprintf("%s/peers/%s.pem", town.dir, peer);
	BIO *bio = BIO_new_file(path, "r");
	X509 *x = NULL;

	assert_non_null(bio);
	for (int i = 0; i <= index; i++) {
		X509_free(x);
		x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	}
	BIO_free(bio);
	free(path);
	return x;
}

static void
the_certificates_are_those_it_showed(void **state)
{
	char *text = request_text(PATH, "", 0), *leaf, *chain;
	X509 *got, *own;
	struct client c;
	struct answer a;

	(void)state;
	enter(&c, "good");
	client_send(&c, text);
	client_read(&c, &a);
	leaf = strstr(a.body, "\r\nClient-Cert: ");
	assert_non_null(leaf);
	got = certificate_at(leaf + 15);
	own = own_certificate("good", 0);
	assert_int_equal(X509_cmp(got, own), 0);
	X509_free(got);
	X509_free(own);
	own = own_certificate("good", 1);
	chain = strstr(a.body, "\r\nClient-Cert-Chain: ");
	assert_int_equal(chain != NULL, own != NULL);
	if (own != NULL && chain != NULL) {
		got = certificate_at(chain + 21);
		assert_int_equal(X509_cmp(got, own), 0);
		X509_free(got);
		X509_free(own);
	}
	answer_free(&a);
	client_leave(&c);
	free(text);
}

/* Connections. */

static void
one_connection_carries_many(void **state)
{
	unsigned long long before = node_stat(&town.node, "connections");
	char *text = request_text(PATH, "", 10);
	struct client c;

	(void)state;
	enter(&c, "good");
	for (int i = 0; i < 20; i++)
		assert_int_equal(client_ask(&c, text), 200);
	/* An empty line ahead of a request is let pass. */
	client_send(&c, "\r\n");
	assert_int_equal(client_ask(&c, text), 200);
	assert_int_equal(node_stat(&town.node, "connections"), before + 1);
	client_leave(&c);
	free(text);
}

static void
requests_at_once_are_answered_in_order(void **state)
{
	char *all = xasprintf("%s", ""), *one, *mark;
	struct client c;
	struct answer a;

	(void)state;
	for (int i = 0; i < 50; i++) {
		char *target = xasprintf(PATH "?%d", i);

		one = request_text(target, "", (size_t)i * 20);
		mark = xasprintf("%s%s", all, one);
		free(all);
		free(one);
		free(target);
		all = mark;
	}
	enter(&c, "good");
	client_send(&c, all);
	/* The end of our side does not take the answers away. */
	tls_half_close(&c.t);
	for (int i = 0; i < 50; i++) {
		client_read(&c, &a);
		assert_int_equal(a.status, 200);
		mark = xasprintf("POST " PATH "?%d HTTP/1.1\r\n", i);
		has(&a, mark);
		free(mark);
		mark = xasprintf("\r\nbody %d proxied", i * 20);
		has(&a, mark);
		free(mark);
		answer_free(&a);
	}
	assert_true(client_ended(&c));
	client_leave(&c);
	free(all);
}

static void
who_asks_for_the_end_gets_it(void **state)
{
	char *text = request_text(PATH, "Connection: x, Close\r\n", 0);
	struct client c;
	struct answer a;
	char *value;

	(void)state;
	enter(&c, "good");
	client_send(&c, text);
	client_read(&c, &a);
	assert_int_equal(a.status, 200);
	value = answer_header(&a, "Connection");
	assert_string_equal(value, "close");
	free(value);
	answer_free(&a);
	assert_true(client_ended(&c));
	client_leave(&c);
	free(text);
}

/* What follows a body and is no request is 400, after the answer. */
static void
a_body_longer_than_it_says(void **state)
{
	char *text = request_text(PATH, "", 4);
	struct client c;

	(void)state;
	enter(&c, "good");
	client_send(&c, text);
	assert_int_equal(client_ask(&c, "bbb\r\n\r\n"), 200);
	assert_int_equal(client_ask(&c, ""), 400);
	assert_true(client_ended(&c));
	client_leave(&c);
	free(text);
}

static void
continue_is_said_when_it_is_waited_for(void **state)
{
	char *text = request_text(PATH, "Expect: 100-Continue\r\n", 0);
	struct client c;
	struct answer a;
	char *at = strstr(text, "Length: 0");

	(void)state;
	at[8] = '7';
	enter(&c, "good");
	assert_int_equal(client_ask(&c, text), 100);
	client_send(&c, "1234567");
	client_read(&c, &a);
	assert_int_equal(a.status, 200);
	has(&a, "body 7 ");
	has_not(&a, "Expect");
	answer_free(&a);
	client_leave(&c);
	free(text);
}

/* The pushed section. */

static void
push(struct gateway *g, const char *config)
{
	rest_push(g, "corda.p2p.gateway", config, 202);
}

/*
 * Pushes, and waits until a new connection is answered as wanted. With one
 * worker those that were there before have then heard of it, too.
 */
static void
push_until(struct gateway *g, const char *config, const char *text, int status)
{
	int got = 0;

	push(g, config);
	for (int i = 0; i < 1000 && got != status; i++) {
		struct client c;

		client_enter(&c, &town, "good", g->port, 0);
		got = client_ask(&c, text);
		client_leave(&c);
	}
	assert_int_equal(got, status);
}

/* As the ready line says. */
static int
second_port(struct gateway *g)
{
	char *log = proc_log(&g->proc), *value;
	int port;

	value = line_value(strstr(log, "ready listen="), "listen-2");
	assert_non_null(value);
	port = atoi(strrchr(value, ':') + 1);
	free(value);
	free(log);
	return port;
}

/* A path of the first listener, one of the second, one of neither's port. */
static void
paths_belong_to_ports(void **state)
{
	char *config, *text = request_text("/new", "", 0);
	struct gateway two;
	struct client c;
	int second;

	(void)state;
	gateway_prepare(&two, "two", &town);
	gateway_set(&two, "workers", "1");
	gateway_set(&two, "http.idle_timeout_ms", "60000");
	gateway_set(&two, "listen", "[\"127.0.0.1:0\", \"127.0.0.1:0\"]");
	gateway_start(&two);
	second = second_port(&two);
	client_enter(&c, &town, "good", two.port, 0);
	/* The default. */
	assert_int_equal(
	    client_ask(&c, "POST / HTTP/1.1\r\n" H J L "\r\n{}"), 200);
	config = xasprintf("{\"serversConfiguration\":["
			   "{\"hostPort\":%d,\"urlPath\":\"/new\"},"
			   "{\"hostPort\":\"%d\",\"urlPath\":\"/second\"},"
			   "{\"hostPort\":1,\"urlPath\":\"/both\"}],"
			   "\"sslConfig\":{\"tlsType\":\"MUTUAL\"}}",
	    two.port, second);
	push_until(&two, config, text, 200);
	/* Also on a connection that was there before. */
	assert_int_equal(client_ask(&c, text), 200);
	assert_int_equal(
	    client_ask(&c, "POST /both HTTP/1.1\r\n" H J L "\r\n{}"), 200);
	assert_int_equal(
	    client_ask(&c, "POST /second HTTP/1.1\r\n" H J L "\r\n{}"), 404);
	client_leave(&c);
	client_enter(&c, &town, "good", second, 0);
	assert_int_equal(
	    client_ask(&c, "POST /second HTTP/1.1\r\n" H J L "\r\n{}"), 200);
	assert_int_equal(
	    client_ask(&c, "POST /both HTTP/1.1\r\n" H J L "\r\n{}"), 200);
	assert_int_equal(client_ask(&c, text), 404);
	client_leave(&c);
	gateway_free(&two);
	free(config);
	free(text);
}

/* Requests on one port, bytes on the other; and the node hears of both. */
static void
a_listener_of_its_own(void **state)
{
	struct gateway own;
	struct client c;
	struct answer a;
	int port;

	(void)state;
	gateway_prepare(&own, "own", &town);
	gateway_set(&own, "http.listen", "\"127.0.0.1:0\"");
	gateway_set(&own, "node.proxy_protocol", "\"v2\"");
	gateway_start(&own);
	port = second_port(&own);
	client_enter(&c, &town, "good", port, 0);
	for (int i = 0; i < 2; i++) {
		client_send(&c, "POST / HTTP/1.1\r\n" H J L "\r\n{}");
		client_read(&c, &a);
		assert_int_equal(a.status, 200);
		/* Once a connection to the node, ahead of the first head. */
		has(&a, "body 2 proxied 1\r\n");
		answer_free(&a);
	}
	client_leave(&c);
	/* Not HTTP: whatever is said goes to the node as it is. */
	client_enter(&c, &town, "good", own.port, 0);
	client_send(&c, "GET /none HTTP/1.0\r\n\r\n");
	client_read(&c, &a);
	assert_int_equal(a.status, 200);
	has(&a, "GET /none HTTP/1.0\r\n\r\nbody 0 proxied 1\r\n");
	answer_free(&a);
	client_leave(&c);
	gateway_free(&own);
}

/* The section's size, and peers without a certificate once it says so. */
static void
size_and_one_way(void **state)
{
	char *text = request_text("/", "", 2000);
	struct client c;
	struct answer a;

	(void)state;
	enter(&c, "good");
	push_until(&gw,
	    "{\"maxRequestSize\":10000000,\"serversConfiguration\":[{}],"
	    "\"sslConfig\":{\"tlsType\":\"ONE_WAY\"}}",
	    text, 200);
	assert_int_equal(client_ask(&c, text), 200);
	client_leave(&c);
	client_enter(&c, &town, NULL, gw.port, TLS1_3_VERSION);
	client_send(&c, text);
	client_read(&c, &a);
	assert_int_equal(a.status, 200);
	has(&a, "\r\nP2P-Gateway-Status: none\r\n");
	has_not(&a, "Client-Cert");
	has_not(&a, "P2P-Gateway-Subject");
	answer_free(&a);
	client_leave(&c);
	free(text);
}

static void
a_wrong_configuration(void **state)
{
	static const struct {
		const char *key, *value, *said;
	} rows[] = {
	    {"http.paths", "[\"x\"]", "$.http.paths[0] is \"x\": expected"},
	    {"http.paths", "[\"/a b\"]", "$.http.paths[0]"},
	    {"http.paths", "[]", "$.http.paths is []: expected at least one"},
	    {"http.max_head_bytes", "10", "$.http.max_head_bytes is 10"},
	    {"http.path", "\"/\"", "$.http.path"},
	    {"http.listen", "\"name:1\"", "$.http.listen"},
	    {"http.listen", "[]", "$.http.listen is []: expected at least one"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gateway wrong;
		char *out;

		gateway_prepare(&wrong, "wrong", &town);
		gateway_set(&wrong, rows[i].key, rows[i].value);
		assert_int_equal(gateway_refuses(&wrong, &out), 1);
		if (strstr(out, rows[i].said) == NULL)
			fail_msg("no '%s' in: %s", rows[i].said, out);
		free(out);
		gateway_free(&wrong);
	}
}

/* What is in force until the section says otherwise is shown as its default. */
static void
defaults_are_those_in_force(void **state)
{
	struct web w;

	(void)state;
	rest(&gw, &w, "GET", "/config/corda.p2p.gateway", NULL);
	assert_int_equal(w.status, 200);
	assert_non_null(strstr(w.body, "\\\"maxRequestSize\\\":1000,"));
	assert_non_null(strstr(w.body, "\\\"responseTimeout\\\":30000,"));
	web_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_wrong_configuration),
	    cmocka_unit_test(defaults_are_those_in_force),
	    cmocka_unit_test(each_status_in_its_turn),
	    cmocka_unit_test(a_head_without_end_is_431),
	    cmocka_unit_test(the_metrics_count_them),
	    cmocka_unit_test(the_node_is_told_who_it_is),
	    cmocka_unit_test(the_node_is_told_that_nothing_was_asked),
	    cmocka_unit_test(the_node_is_told_in_the_grace),
	    cmocka_unit_test(the_node_is_told_a_name_that_is_no_subject),
	    cmocka_unit_test(the_certificates_are_those_it_showed),
	    cmocka_unit_test(one_connection_carries_many),
	    cmocka_unit_test(requests_at_once_are_answered_in_order),
	    cmocka_unit_test(who_asks_for_the_end_gets_it),
	    cmocka_unit_test(a_body_longer_than_it_says),
	    cmocka_unit_test(continue_is_said_when_it_is_waited_for),
	    cmocka_unit_test(paths_belong_to_ports),
	    cmocka_unit_test(a_listener_of_its_own),
	    cmocka_unit_test(size_and_one_way),
	};

	return cmocka_run_group_tests_name(
	    "http", tests, setup, scene_teardown);
}
