/*
 * HTTP mode with the profile `any`: methods, targets, bodies with and without
 * a length, interim answers, HEAD, HTTP/1.0, what is refused and with which
 * words; and that nobody can make two requests of one.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/lib/request.h"
#include "tests/lib/scene.h"

#define H  "Host: gateway\r\n"
#define TE "Transfer-Encoding: chunked\r\n"

static int
setup(void **state)
{
	scene_up("http.profile", "\"any\"", "http.paths",
	    "[\"/api\", \"/files/\"]", "http.max_request_bytes", "1000",
	    "workers", "1");
	control(&town.node, "/_mode/http", "");
	return 0;
}

static void
enter(struct client *c)
{
	client_enter(c, &town, "good", gw.port, 0);
}

static void
has(const struct answer *a, const char *text)
{
	if (a->body == NULL || strstr(a->body, text) == NULL)
		fail_msg("'%s' is not in: %d %s", text, a->status,
		    a->body != NULL ? a->body : "");
}

/* Asks, and the node must have got a head that begins so. */
static void
node_gets(struct client *c, const char *text, const char *line)
{
	struct answer a;

	client_send(c, text);
	client_read(c, &a);
	if (a.status != 200 || strncmp(a.body, line, strlen(line)) != 0)
		fail_msg("%d %s\nfor: %s", a.status,
		    a.body != NULL ? a.body : "", text);
	has(&a, "\r\nP2P-Gateway-Status: good\r\n");
	answer_free(&a);
}

static void
methods_and_targets(void **state)
{
	static const struct {
		const char *text, *line;
	} rows[] = {
	    {"GET /api HTTP/1.1\r\n" H "\r\n", "GET /api HTTP/1.1\r\nHost: g"},
	    {"DELETE /api/x?a=%&b=|{}[] HTTP/1.1\r\n" H "\r\n",
		"DELETE /api/x?a=%&b=|{}[] HTTP/1.1\r\n"},
	    {"PROPFIND /api/ HTTP/1.1\r\n" H "\r\n", "PROPFIND /api/ HTTP"},
	    {"x!#$ /api HTTP/1.1\r\n" H "\r\n", "x!#$ /api HTTP/1.1\r\n"},
	    {"post /files/a.txt HTTP/1.1\r\n" H "\r\n", "post /files/a.txt "},
	    {"PUT /api HTTP/1.1\r\n" H
	     "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc",
		"PUT /api HTTP/1.1\r\n"},
	    {"OPTIONS /api HTTP/1.1\r\n" H "\r\n", "OPTIONS /api HTTP/1.1\r\n"},
	    {"GET http://other:81/api?q HTTP/1.1\r\n" H "\r\n",
		"GET /api?q HTTP/1.1\r\nHost: other:81\r\nP2P"},
	    {"GET HTTPS://other/api HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n",
		"GET /api HTTP/1.1\r\nHost: other\r\nA: b\r\n"},
	    {"GET /api/.hidden/a..b/... HTTP/1.1\r\n" H "\r\n",
		"GET /api/.hidden/a..b/... HTTP"},
	};
	struct client c;

	(void)state;
	enter(&c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		node_gets(&c, rows[i].text, rows[i].line);
	client_leave(&c);
}

/* Refusals. */

#define C "\r\n" H "\r\n"
#define S "GET /api?smuggled HTTP/1.1\r\n" H "\r\n"
#define G "GET /api HTTP/1.1\r\n"
#define P "POST /api HTTP/1.1\r\n"

static const struct {
	int status;
	const char *text, *word;
} refusals[] = {
    {501, "CONNECT gateway:443 HTTP/1.1" C, "CONNECT and TRACE"},
    {501, "TRACE /api HTTP/1.1" C, "CONNECT and TRACE"},
    {501, "trace /api HTTP/1.1" C, "CONNECT and TRACE"},
    {501, G H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "Upgrade"},
    {501, G H "Upgrade: h2c\r\n\r\n", "Upgrade"},
    {505, "PRI * HTTP/2.0\r\n" H "\r\nSM\r\n\r\n", "HTTP/1.1 or 1.0"},
    {505, "GET /api HTTP/1.2" C, "HTTP/1.1 or 1.0"},
    {417, "PUT /api HTTP/1.1\r\n" H "Content-Length: 1\r\nExpect: x\r\n\r\n1",
	"100-continue"},
    /* Targets. */
    {404, "GET / HTTP/1.1" C, "path"},
    {404, "GET /apix HTTP/1.1" C, "path"},
    {404, "GET /API HTTP/1.1" C, "path"},
    {404, "GET //api HTTP/1.1" C, "path"},
    {404, "GET /%61pi HTTP/1.1" C, "path"},
    {404, "GET /files HTTP/1.1" C, "path"},
    {404, "OPTIONS * HTTP/1.1" C, "path"},
    {404, "GET http://other HTTP/1.1" C, "path"},
    {400, "GET * HTTP/1.1" C, "target"},
    {400, "GET api HTTP/1.1" C, "target"},
    {400, "GET gateway:443 HTTP/1.1" C, "target"},
    {400, "GET ftp://other/api HTTP/1.1" C, "target"},
    {400, "GET http:///api HTTP/1.1" C, "host"},
    {400, "GET http://user@other/api HTTP/1.1" C, "host"},
    {400, "GET http://other#/api HTTP/1.1" C, "path"},
    {400, "GET /api?a#b HTTP/1.1" C, "URI"},
    {400, "GET /api/% HTTP/1.1" C, "URI"},
    {400, "GET /api/\\..\\x HTTP/1.1" C, "URI"},
    {400, "GET /api/../x HTTP/1.1" C, "dots"},
    {400, "GET /api/.. HTTP/1.1" C, "dots"},
    {400, "GET /api/./x HTTP/1.1" C, "dots"},
    {400, "GET /api/%2e%2E/x HTTP/1.1" C, "dots"},
    {400, "GET /api/.%2e%2fx HTTP/1.1" C, "dots"},
    {400, "GET /api%2f..%2fx HTTP/1.1" C, "dots"},
    {400, "GET /api/a%5c..%5cx HTTP/1.1" C, "dots"},
    {400, "GET /api/..;a=b/x HTTP/1.1" C, "dots"},
    {400, "GET /api/..%00/x HTTP/1.1" C, "dots"},
    {400, "GET /api/..%3fa/x HTTP/1.1" C, "dots"},
    {400, "GET /api/..%23a HTTP/1.1" C, "dots"},
    {400, "GET /api/%20..%09/x HTTP/1.1" C, "dots"},
    /* Hosts. */
    {400, G "\r\n" S, "Host"},
    {400, G H H "\r\n" S, "Host"},
    {400, G "Host:\r\n\r\n" S, "Host"},
    {400, G "Host: a b\r\n\r\n" S, "Host"},
    {400, G "Host: a/b\r\n\r\n" S, "Host"},
    {400, G "Host: u@b\r\n\r\n" S, "Host"},
    {400, "GET /api HTTP/1.0\r\n\r\n" S, "Host"},
    /* Bodies. */
    {413, P H "Content-Length: 1001\r\n\r\n", "larger"},
    {413, P H TE "\r\n3e9\r\n", "larger"},
    {413, P H TE "\r\nfffffffffffffff\r\n", "larger"},
    {501, P H "Transfer-Encoding: gzip, chunked\r\n\r\n" S, "chunked"},
    {501, P H "Transfer-Encoding: identity\r\n\r\n" S, "chunked"},
    {501, P H "Transfer-Encoding: xchunked\r\n\r\n" S, "chunked"},
    {501, P H "Transfer-Encoding: chunked, chunked\r\n\r\n" S, "chunked"},
    {501, P H "Transfer-Encoding: chunked;a=b\r\n\r\n" S, "chunked"},
    {501, P H "Transfer-Encoding: \"chunked\"\r\n\r\n" S, "chunked"},
    {501, P H "Transfer-Encoding:\r\n\r\n" S, "chunked"},
    {400, P H TE TE "\r\n0\r\n\r\n" S, "Transfer-Encoding"},
    {400, P H "Transfer-Encoding: x\r\n" TE "\r\n0\r\n\r\n" S, "Transfer"},
    {400, P H TE "Content-Length: 5\r\n\r\n0\r\n\r\n" S, "both"},
    {400, P H "Content-Length: 5\r\n" TE "\r\n0\r\n\r\n" S, "both"},
    {400, P H "Content-Length: 0\r\nContent-Length: 0\r\n\r\n" S, "more"},
    {400, P H "Content-Length: 0, 0\r\n\r\n" S, "Content-Length"},
    {400, P H "Content-Length: +1\r\n\r\n" S, "Content-Length"},
    {400, P H "Content-Length:\r\n\r\n" S, "Content-Length"},
    {400, "POST /api HTTP/1.0\r\n" H TE "\r\n0\r\n\r\n" S, "HTTP/1.0"},
    {400, P H "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" S, "NAME"},
    {400, P H "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" S, "folded"},
    {400, P H "Transfer-Encoding: chunked\n\r\n0\r\n\r\n" S, "bare LF"},
    {400, P H TE "\r\nx\r\n" S, "chunk"},
    {400, P H TE "\r\n-1\r\n" S, "chunk"},
    {400, P H TE "\r\n0x1\r\na\r\n0\r\n\r\n" S, "chunk"},
    {400, P H TE "\r\n1\na\n0\n\n" S, "chunk"},
    {400, P H TE "\r\n1\r\nab\r\n0\r\n\r\n" S, "chunk"},
    {400, P H TE "\r\n1;a\nb\r\na\r\n0\r\n\r\n" S, "chunk"},
    {400, P H TE "\r\n1\r\na\r\n0\r\nX: y\n\r\n" S, "chunk"},
};

static void
each_is_refused_with_a_word(void **state)
{
	char want[32];

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct client c;
		struct answer a;

		client_enter(&c, &town, "good", gw.port,
		    i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
		client_send(&c, refusals[i].text);
		client_read(&c, &a);
		if (a.status != refusals[i].status ||
		    strstr(a.body, refusals[i].word) == NULL)
			fail_msg("%d %s for: %s", a.status,
			    a.body != NULL ? a.body : "", refusals[i].text);
		snprintf(want, sizeof(want), "\"status\":%d", a.status);
		has(&a, want);
		if (!client_ended(&c))
			fail_msg("goes on after: %s", refusals[i].text);
		answer_free(&a);
		client_leave(&c);
	}
	rest_expect(&gw, "GET", "/status", 200);
}

/* Bodies. */

static void
chunks_go_up(void **state)
{
	static const char text[] = P H TE
	    "Trailer: X-T\r\nTE: trailers\r\n\r\n"
	    "5;a=b\r\nhello\r\n00c\r\nhello\r\nworld\r\n0\r\nX-T: 1\r\n\r\n";
	struct client c;
	struct answer a;

	(void)state;
	/* Whole, byte by byte, and with another request behind it. */
	for (int way = 0; way < 3; way++) {
		enter(&c);
		if (way != 1)
			client_send(&c, text);
		for (const char *p = text; way == 1 && *p != '\0'; p++)
			assert_int_equal(tls_write(&c.t, p, 1), 1);
		if (way == 2)
			client_send(&c, G H "\r\n");
		client_read(&c, &a);
		assert_int_equal(a.status, 200);
		/* Of the trailers, which count there, the node hears nothing.
		 */
		has(&a, "\r\nbody 17 proxied");
		has(&a, "\r\nTransfer-Encoding: chunked\r\n");
		assert_null(strcasestr(a.body, "Content-Length"));
		assert_null(strcasestr(a.body, "\r\nTrailer:"));
		assert_null(strcasestr(a.body, "\r\nTE:"));
		answer_free(&a);
		node_gets(&c, way == 2 ? "" : G H "\r\n", "GET /api");
		client_leave(&c);
	}
}

/* To the byte: 1000 are taken, however they are cut. */
static void
chunks_are_counted(void **state)
{
	char *text = xasprintf("%s", P H TE "\r\n"), *longer;
	struct client c;
	struct answer a;

	(void)state;
	for (int i = 0; i < 250; i++) {
		longer = xasprintf("%s4\r\nabcd\r\n", text);
		free(text);
		text = longer;
	}
	enter(&c);
	client_send(&c, text);
	client_send(&c, "0\r\n\r\n");
	client_read(&c, &a);
	has(&a, "\r\nbody 1000 proxied");
	answer_free(&a);
	client_send(&c, text);
	assert_int_equal(client_ask(&c, "1\r\nx\r\n0\r\n\r\n"), 413);
	assert_true(client_ended(&c));
	client_leave(&c);
	free(text);
}

/* What began to go up and will not end never looks whole to the node. */
static void
a_body_that_breaks_off(void **state)
{
	static const char *const ends[] = {"", "5\r\nhel", "zz\r\n"};
	struct client c;

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		unsigned long long closed = node_stat(&town.node, "closed");
		unsigned long long asked = node_stat(&town.node, "requests");

		enter(&c);
		client_send(&c, P H TE "\r\n5\r\nhello\r\n");
		node_await(&town.node, "requests", asked + 1);
		client_send(&c, ends[i]);
		if (i == 2)
			assert_int_equal(client_ask(&c, ""), 400);
		else
			tls_leave(&c.t);
		node_await(&town.node, "closed", closed + 1);
		client_leave(&c);
	}
}

static void
answers_come_down(void **state)
{
	static const char *const queries[] = {
	    "length=70000", "chunked=70000", "until-close=70000"};
	struct client c;
	struct answer a;
	char *text, *value;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		text =
		    xasprintf("GET /api?%s HTTP/1.1\r\n" H "\r\n", queries[i]);
		enter(&c);
		client_send(&c, text);
		client_read(&c, &a);
		assert_int_equal(a.status, 200);
		assert_int_equal(a.len, 70000);
		assert_int_equal(a.whole, 1);
		value = answer_header(&a, "Transfer-Encoding");
		assert_int_equal(value != NULL, i > 0);
		free(value);
		answer_free(&a);
		node_gets(&c, G H "\r\n", "GET /api");
		client_leave(&c);
		free(text);
	}
}

static void
head_has_no_body(void **state)
{
	static const struct {
		const char *query, *length;
	} rows[] = {{"length=70000", "70000"}, {"chunked=5", NULL},
	    {"raw=no-content", NULL}, {"length=0", "0"}};
	struct client c;
	struct answer a;
	char *text, *value;

	(void)state;
	enter(&c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text = xasprintf(
		    "HEAD /api?%s HTTP/1.1\r\n" H "\r\n", rows[i].query);
		client_send(&c, text);
		client_read_head(&c, &a);
		assert_int_equal(a.status / 100, 2);
		value = answer_header(&a, "Content-Length");
		if (rows[i].length == NULL)
			assert_null(value);
		else
			assert_string_equal(value, rows[i].length);
		free(value);
		free(text);
		answer_free(&a);
	}
	/* The next answer is the next. */
	node_gets(&c, G H "\r\n", "GET /api");
	/* A refusal of the gateway's has none, either. */
	client_send(&c, "HEAD /none HTTP/1.1\r\n" H "\r\n");
	client_read_head(&c, &a);
	assert_int_equal(a.status, 404);
	answer_free(&a);
	assert_true(client_ended(&c));
	client_leave(&c);
}

/* HTTP/1.0: no chunks; the end, said in good order, is the body's. */
static void
http_1_0(void **state)
{
	static const struct {
		const char *query;
		size_t len;
		int whole;
	} rows[] = {{"length=70000", 70000, 1}, {"chunked=70000", 70000, 1},
	    {"until-close=70000", 70000, 1}, {"cut-chunked=70000", 70000, 0},
	    {"cut=70000", 70000, 0}, {"raw=interim", 5, 1}};
	struct client c;
	struct answer a;
	char *text, *value;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text = xasprintf("GET /api?%s HTTP/1.0\r\n" H
				 "Connection: keep-alive\r\n\r\n",
		    rows[i].query);
		enter(&c);
		client_send(&c, text);
		client_read_head(&c, &a);
		assert_int_equal(a.status, 200);
		assert_null(strcasestr(a.head, "chunked"));
		value = answer_header(&a, "Connection");
		assert_string_equal(value, "close");
		if (client_read_rest(&c) != rows[i].whole)
			fail_msg("%s: %s", rows[i].query, c.t.error);
		assert_int_equal(c.len, rows[i].len);
		free(value);
		free(text);
		answer_free(&a);
		client_leave(&c);
	}
}

/* What the gateway ends itself is not the body's end, either. */
static void
http_1_0_and_no_end(void **state)
{
	static const char text[] = "GET /?pause=9 HTTP/1.0\r\n" H "\r\n";
	struct gateway quick;

	(void)state;
	for (int stops = 0; stops < 2; stops++) {
		struct client c;
		struct answer a;

		gateway_prepare(&quick, stops ? "stops" : "quick", &town);
		gateway_set(&quick, "http.profile", "\"any\"");
		gateway_set(&quick, "limits.drain_timeout_ms", "100");
		if (!stops)
			gateway_set(&quick, "http.idle_timeout_ms", "2000");
		gateway_start(&quick);
		client_enter(&c, &town, "good", quick.port, 0);
		client_send(&c, text);
		client_read_head(&c, &a);
		assert_int_equal(a.status, 200);
		answer_free(&a);
		if (stops)
			gateway_stop(&quick);
		assert_int_equal(client_read_rest(&c), 0);
		assert_int_equal(c.len, 9);
		client_leave(&c);
		gateway_free(&quick);
	}
}

static void
a_cut_answer_is_cut(void **state)
{
	static const char *const queries[] = {"cut=9", "cut-chunked=9"};
	struct client c;
	struct answer a;
	char *text;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		text =
		    xasprintf("GET /api?%s HTTP/1.1\r\n" H "\r\n", queries[i]);
		enter(&c);
		client_send(&c, text);
		client_read(&c, &a);
		assert_int_equal(a.status, 200);
		assert_int_equal(a.whole, 0);
		answer_free(&a);
		client_leave(&c);
		free(text);
	}
}

/* Interim answers. */

static void
interim_answers_are_passed_on(void **state)
{
	struct client c;
	struct answer a;
	char *value;

	(void)state;
	enter(&c);
	client_send(&c, "GET /api?raw=interim HTTP/1.1\r\n" H "\r\n");
	client_read_head(&c, &a);
	assert_int_equal(a.status, 100);
	answer_free(&a);
	client_read_head(&c, &a);
	assert_int_equal(a.status, 103);
	value = answer_header(&a, "Link");
	assert_string_equal(value, "</x>");
	free(value);
	assert_null(strcasestr(a.head, "Content-Length"));
	answer_free(&a);
	client_read(&c, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "hello");
	answer_free(&a);
	client_leave(&c);
}

/* The node alone says it, having heard that it is waited for. */
static void
continue_is_the_nodes_to_say(void **state)
{
	struct client c;
	struct answer a;

	(void)state;
	enter(&c);
	client_send(&c,
	    "PUT /api?continue HTTP/1.1\r\n" H
	    "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n");
	client_read_head(&c, &a);
	assert_int_equal(a.status, 100);
	answer_free(&a);
	client_send(&c, "hello");
	client_read(&c, &a);
	assert_int_equal(a.status, 200);
	has(&a, "\r\nExpect: 100-continue\r\n");
	has(&a, "\r\nbody 5 ");
	answer_free(&a);
	/* With no body there is nothing to wait for. */
	client_send(&c, G H "Expect: 100-continue\r\n\r\n");
	client_read(&c, &a);
	assert_int_equal(a.status, 200);
	assert_null(strcasestr(a.body, "Expect"));
	answer_free(&a);
	/* An answer instead of it, and the body is not asked for. */
	client_send(&c,
	    "PUT /api?early HTTP/1.1\r\n" H TE "Expect: 100-continue\r\n\r\n");
	client_read(&c, &a);
	assert_int_equal(a.status, 403);
	answer_free(&a);
	assert_true(client_ended(&c));
	client_leave(&c);
}

static void
a_switch_is_no_answer(void **state)
{
	struct client c;

	(void)state;
	enter(&c);
	assert_int_equal(
	    client_ask(&c, "GET /api?raw=switching HTTP/1.1\r\n" H "\r\n"),
	    502);
	client_leave(&c);
}

/* Connections to the node. */

/* A kept one that is gone: asked again where it does no harm, never else. */
static void
a_node_that_left_meanwhile(void **state)
{
	static const struct {
		const char *method, *more;
		int status;
	} rows[] = {{"GET", "", 200}, {"PUT", "", 200}, {"DELETE", "", 200},
	    {"POST", "", 502}, {"PATCH", "", 502}, {"get", "", 502},
	    {"PUT", "Content-Length: 1\r\n\r\nx", 502}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned long long asked = node_stat(&town.node, "requests");
		char *text = xasprintf(
		    "%s /api?leave-kept HTTP/1.1\r\n" H "%s%s", rows[i].method,
		    rows[i].more, rows[i].more[0] == '\0' ? "\r\n" : "");
		struct client c;
		int status;

		enter(&c);
		node_gets(&c, G H "\r\n", "GET /api");
		status = client_ask(&c, text);
		if (status != rows[i].status)
			fail_msg("%d for %s", status, text);
		assert_int_equal(node_stat(&town.node, "requests"),
		    asked + (status == 200 ? 3 : 2));
		client_leave(&c);
		free(text);
	}
}

static void
requests_at_once(void **state)
{
	struct client c;

	(void)state;
	enter(&c);
	client_send(&c,
	    P H TE "\r\n3\r\nabc\r\n0\r\n\r\n" G H "\r\n"
		   "PUT /api HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi"
		   "DELETE /api HTTP/1.1\r\n" H "\r\n");
	node_gets(&c, "", "POST /api");
	node_gets(&c, "", "GET /api");
	node_gets(&c, "", "PUT /api");
	node_gets(&c, "", "DELETE /api");
	client_leave(&c);
}

static void
fields_of_one_connection(void **state)
{
	struct client c;
	struct answer a;

	(void)state;
	enter(&c);
	client_send(&c,
	    G H "Connection: X-Mine, Client-Cert, Host\r\nX-Mine: forged\r\n"
		"Client-Cert: forged\r\nKeep-Alive: forged\r\n"
		"Proxy-Authorization: forged\r\nX-Forwarded-For: forged\r\n"
		"X-Original-URL: /forged\r\nX_Rewrite_Url: /forged\r\n"
		"Remote-User: forged\r\nX-Client-Verify: forged\r\n"
		"Cf-Client-Cert-Sha256: forged\r\n"
		"X-TLS-Client-Subject: forged\r\n"
		"WL-Proxy-Client-Cert: forged\r\n"
		"Authorization: kept\r\nCookie: kept\r\n\r\n");
	client_read(&c, &a);
	assert_null(strstr(a.body, "forged"));
	has(&a, "\r\nAuthorization: kept\r\nCookie: kept\r\n");
	has(&a, "\r\nHost: gateway\r\n");
	answer_free(&a);
	client_send(&c, "GET /api?raw=hop HTTP/1.1\r\n" H "\r\n");
	client_read(&c, &a);
	assert_null(strstr(a.head, "X-Secret"));
	assert_non_null(strstr(a.head, "\r\nX-Kept: 2\r\n"));
	answer_free(&a);
	client_leave(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(methods_and_targets),
	    cmocka_unit_test(each_is_refused_with_a_word),
	    cmocka_unit_test(chunks_go_up),
	    cmocka_unit_test(chunks_are_counted),
	    cmocka_unit_test(a_body_that_breaks_off),
	    cmocka_unit_test(answers_come_down),
	    cmocka_unit_test(head_has_no_body),
	    cmocka_unit_test(http_1_0),
	    cmocka_unit_test(http_1_0_and_no_end),
	    cmocka_unit_test(a_cut_answer_is_cut),
	    cmocka_unit_test(interim_answers_are_passed_on),
	    cmocka_unit_test(continue_is_the_nodes_to_say),
	    cmocka_unit_test(a_switch_is_no_answer),
	    cmocka_unit_test(a_node_that_left_meanwhile),
	    cmocka_unit_test(requests_at_once),
	    cmocka_unit_test(fields_of_one_connection),
	};

	return cmocka_run_group_tests_name(
	    "http-any", tests, setup, scene_teardown);
}
