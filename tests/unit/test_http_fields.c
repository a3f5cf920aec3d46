/* http_fields, http_rules: what is passed on, what is refused, in which order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "gateway/http1/http_fields.h"

static struct http_route list[] = {{"/", 0}, {"/only", 8443}};
static const struct http_routes routes = {.list = list, .num = 2};
static const struct http_routes below = {.list = list, .num = 2, .below = true};

static unsigned
check(const char *text, uint16_t port, struct http_order *order)
{
	const struct http_rules rules = {
	    .routes = &routes, .port = port, .max_request_bytes = 10};
	struct http_head h;
	const char *why = NULL;

	assert_int_equal(http_parse_request(&h, text, strlen(text), &why), 0);
	return http_rules_check(order, &h, &rules, &why);
}

static unsigned
check_any(const char *text, struct http_order *order)
{
	const struct http_rules rules = {
	    .routes = &below, .port = 1, .max_request_bytes = 10, .any = true};
	struct http_head h;
	const char *why = NULL;

	assert_int_equal(http_parse_request(&h, text, strlen(text), &why), 0);
	return http_rules_check(order, &h, &rules, &why);
}

#define GOOD                                                  \
	"Host: h\r\nContent-Type: Application/JSON ; a=b\r\n" \
	"Content-Length: 10\r\n"

static void
what_is_taken(void **state)
{
	struct http_order o;

	(void)state;
	assert_int_equal(check("POST / HTTP/1.1\r\n" GOOD "\r\n", 1, &o), 0);
	assert_int_equal(o.body_bytes, 10);
	assert_true(o.keep_alive);
	assert_false(o.expects_continue);
	assert_int_equal(
	    check("POST https://h:1/?q HTTP/1.1\r\n" GOOD
		  "Expect: 100-Continue\r\nConnection: a, close\r\n\r\n",
		1, &o),
	    0);
	assert_int_equal(o.target.len, 3);
	assert_memory_equal(o.target.p, "/?q", 3);
	assert_true(o.expects_continue);
	assert_false(o.keep_alive);
	assert_int_equal(
	    check("POST http://h HTTP/1.1\r\n" GOOD "\r\n", 1, &o), 0);
	assert_memory_equal(o.target.p, "/", 1);
}

static void
paths_and_ports(void **state)
{
	static const struct {
		const char *target;
		uint16_t port;
		unsigned status;
	} rows[] = {{"/only", 8443, 0}, {"/only", 8444, 404}, {"/", 8443, 0},
	    {"/only/", 8443, 404}, {"//", 1, 404}, {"/./", 1, 404},
	    {"*", 1, 404}, {"x", 1, 404}, {"/?%", 1, 400}, {"/?%2", 1, 400},
	    {"/?%2g", 1, 400}, {"/?%2f", 1, 0}, {"/?\\", 1, 400},
	    {"/Only", 8443, 404}, {"ftp://h/", 1, 404}};
	struct http_order o;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\n" GOOD "\r\n",
		    rows[i].target);
		if (check(text, rows[i].port, &o) != rows[i].status)
			fail_msg("%s on %u", rows[i].target, rows[i].port);
	}
}

/* What the profile `any` makes of a request; net/http/any has the refusals. */
static void
any_request(void **state)
{
	struct http_order o;

	(void)state;
	assert_int_equal(check_any("GET http://a:1 HTTP/1.1\r\nHost: h\r\n"
				   "Expect: 100-continue\r\n\r\n",
			     &o),
	    0);
	assert_int_equal(o.body, HTTP_BODY_NONE);
	assert_int_equal(o.target.len, 1);
	assert_memory_equal(o.authority.p, "a:1", o.authority.len);
	assert_true(o.repeatable && o.keep_alive);
	assert_false(o.expects_continue || o.asks_node || o.head || o.old);
	assert_int_equal(check_any("PUT /?q HTTP/1.1\r\nHost: h\r\n"
				   "Transfer-Encoding: CHUNKED\r\n"
				   "Expect: 100-continue\r\n\r\n",
			     &o),
	    0);
	assert_int_equal(o.body, HTTP_BODY_CHUNKED);
	assert_int_equal(o.path.len, 1);
	assert_true(o.asks_node);
	assert_false(o.repeatable);
	assert_int_equal(check_any("HEAD / HTTP/1.0\r\nHost: h\r\n"
				   "Content-Length: 0\r\nExpect: x\r\n\r\n",
			     &o),
	    0);
	assert_true(o.head && o.old && o.repeatable);
	assert_false(o.keep_alive);
	assert_int_equal(o.body, HTTP_BODY_LENGTH);
	assert_int_equal(
	    check_any("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", &o), 0);
	assert_memory_equal(o.target.p, "*", 1);
	assert_int_equal(
	    check_any("OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n", &o), 0);
	assert_memory_equal(o.target.p, "*", 1);
	/* A path for another listener is not served here. */
	list[0].path = "/x";
	assert_int_equal(
	    check_any("GET /only HTTP/1.1\r\nHost: h\r\n\r\n", &o), 404);
	list[0].path = "/";
}

static void
claims(void **state)
{
	static const char *const yes[] = {"client-cert", "CLIENT_CERT",
	    "Client-Cert-Chain", "client.cert.chain", "P2P-Gateway-",
	    "p2p_gateway_x", "forwarded", "X_Real_IP", "x-forwarded-for",
	    "X-Forwarded-Client-Cert", "x-ssl-cert", "SSL_CLIENT_VERIFY"};
	static const char *const no[] = {"client", "client-certificate",
	    "client-cert-x", "p2p-gateway", "x-forwarded", "forwarded-for", "x",
	    "accept", "content-type"};
	char name[200] = "P2P-Gateway-";
	struct http_text t;

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		t = (struct http_text){yes[i], strlen(yes[i])};
		if (!http_field_is_claim(&t))
			fail_msg("passes: %s", yes[i]);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		t = (struct http_text){no[i], strlen(no[i])};
		if (http_field_is_claim(&t))
			fail_msg("does not pass: %s", no[i]);
	}
	memset(name + 12, 'x', sizeof(name) - 12);
	t = (struct http_text){name, sizeof(name)};
	assert_true(http_field_is_claim(&t));
}

static void
an_answer_for_the_peer(void **state)
{
	static const char text[] =
	    "HTTP/1.1 201 Made it\r\nServer: s\r\nConnection: X, keep-alive\r\n"
	    "X: 1\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n";
	struct http_head h;
	const char *why;
	struct bytes b;

	(void)state;
	assert_int_equal(
	    http_parse_answer(&h, text, sizeof(text) - 1, &why), 0);
	bytes_init(&b, 4096);
	assert_int_equal(
	    http_put_answer(&b, &h, HTTP_FRAMING_CHUNKED, 0, true), 0);
	assert_int_equal(bytes_append(&b, "", 1), 0);
	assert_string_equal((char *)b.p,
	    "HTTP/1.1 201 Made it\r\nServer: s\r\n"
	    "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
	bytes_cleanup(&b);
	/* All of it or an error, never more than there is room for. */
	bytes_init(&b, 30);
	assert_int_not_equal(
	    http_put_answer(&b, &h, HTTP_FRAMING_NONE, 0, false), 0);
	assert_true(b.len <= 30);
	bytes_cleanup(&b);
}

static void
an_anonymous_peer(void **state)
{
	static const char text[] =
	    "POST / HTTP/1.1\r\n" GOOD "Client-Cert: x\r\nExpect: y\r\n\r\n";
	const struct http_peer who = {
	    .tls = "TLSv1.3", .address = "192.0.2.1:4"};
	const struct http_order o = {
	    .target = {"/p", 2}, .body = HTTP_BODY_LENGTH, .body_bytes = 10};
	struct http_head h;
	const char *why;
	struct bytes b;

	(void)state;
	assert_int_equal(
	    http_parse_request(&h, text, sizeof(text) - 1, &why), 0);
	bytes_init(&b, 4096);
	assert_int_equal(http_put_request(&b, &h, &o, &who), 0);
	assert_int_equal(bytes_append(&b, "", 1), 0);
	assert_string_equal((char *)b.p,
	    "POST /p HTTP/1.1\r\nHost: h\r\n"
	    "Content-Type: Application/JSON ; a=b\r\nContent-Length: 10\r\n"
	    "P2P-Gateway-Address: 192.0.2.1:4\r\nP2P-Gateway-TLS: TLSv1.3\r\n"
	    "P2P-Gateway-Status: none\r\n\r\n");
	bytes_cleanup(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_taken),
	    cmocka_unit_test(paths_and_ports),
	    cmocka_unit_test(any_request),
	    cmocka_unit_test(claims),
	    cmocka_unit_test(an_answer_for_the_peer),
	    cmocka_unit_test(an_anonymous_peer),
	};

	return cmocka_run_group_tests_name("http_fields", tests, NULL, NULL);
}
