/*
 * HTTP mode, bodies and time: large ones pass in bounded memory, both ways; a
 * node that is slow, silent, gone or wrong gives the status it should; a peer
 * that is slow is not waited for; a stop and a revocation in the middle.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/request.h"
#include "tests/lib/scene.h"

#define MB (1024UL * 1024)

static struct gateway quick; /* like gw, with little patience */

static void
start(struct gateway *g, const char *name)
{
	gateway_prepare(g, name, &town);
	gateway_set(g, "http.paths", "[\"/\"]");
	if (g == &quick) {
		gateway_set(g, "http.head_timeout_ms", "1500");
		gateway_set(g, "http.response_timeout_ms", "1500");
		gateway_set(g, "http.idle_timeout_ms", "2500");
	}
	gateway_start(g);
}

static int
setup(void **state)
{
	const char *asan = getenv("ASAN_OPTIONS");
	char *less =
	    xasprintf("%s:quarantine_size_mb=8", asan != NULL ? asan : "");

	(void)state;
	/* Memory is measured here: what is freed must not stay for long. */
	setenv("ASAN_OPTIONS", less, 1);
	free(less);
	town_start(&town, "net", NULL);
	control(&town.node, "/_mode/http", "");
	start(&gw, "gateway");
	start(&quick, "quick");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	gateway_free(&quick);
	return scene_teardown(state);
}

/* Sends the head of a request whose body is said to be `body` bytes. */
static void
send_head(struct client *c, const char *target, size_t body, const char *more)
{
	char *text = xasprintf(
	    "POST %s HTTP/1.1\r\nHost: gateway\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
	    target, body, more);

	client_send(c, text);
	free(text);
}

/* 0 when the gateway would have no more of it. */
static int
send_body(struct client *c, size_t body)
{
	static char piece[65536];
	size_t n;

	memset(piece, 'b', sizeof(piece));
	for (; body > 0; body -= n) {
		n = body < sizeof(piece) ? body : sizeof(piece);
		if (!tls_write(&c->t, piece, n))
			return 0;
	}
	return 1;
}

static int
status_of(struct gateway *g, const char *target, size_t body)
{
	char *text = request_text(target, "", body);
	struct client c;
	int status;

	client_enter(&c, &town, "good", g->port, 0);
	status = client_ask(&c, text);
	client_leave(&c);
	free(text);
	return status;
}

/* Large. */

/* Memory of the gateway before, and what it may have grown to. */
static size_t rss_before;

static void
must_have_stayed(const struct gateway *g)
{
	size_t now = pid_rss_bytes(g->proc.pid);

	if (now > rss_before + 24 * MB)
		fail_msg("%zu MB instead of %zu MB", now / MB, rss_before / MB);
}

static void
must_not_have_grown(void)
{
	must_have_stayed(&gw);
}

static void
a_large_body_goes_up(void **state)
{
	struct client c;
	struct answer a;

	(void)state;
	assert_int_equal(status_of(&gw, "/", 100), 200);
	rss_before = pid_rss_bytes(gw.proc.pid);
	client_enter(&c, &town, "good", gw.port, TLS1_3_VERSION);
	send_head(&c, "/", 100 * MB, "");
	assert_int_equal(send_body(&c, 100 * MB), 1);
	client_read(&c, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\r\nbody 104857600 proxied 0\r\n"));
	answer_free(&a);
	client_leave(&c);
	must_not_have_grown();
}

/* Chunks of 10 bytes and of 60000, a thousand times. */
static void
a_large_body_in_chunks(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\nHost: g\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n";
	char *pair = xasprintf("a;x=y\r\n%010d\r\nea60\r\n%060000d\r\n", 0, 0);
	size_t before = rss_before;
	struct gateway g;
	struct client c;
	struct answer a;

	(void)state;
	gateway_prepare(&g, "chunks", &town);
	gateway_set(&g, "http.profile", "\"any\"");
	gateway_set(&g, "http.idle_timeout_ms", "2000");
	gateway_start(&g);
	assert_int_equal(status_of(&g, "/", 100), 200);
	rss_before = pid_rss_bytes(g.proc.pid);
	client_enter(&c, &town, "good", g.port, TLS1_3_VERSION);
	client_send(&c, head);
	for (int i = 0; i < 1000; i++)
		client_send(&c, pair);
	client_send(&c, "0\r\n\r\n");
	client_read(&c, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\r\nbody 60010000 proxied 0\r\n"));
	answer_free(&a);
	/* A peer that stops in the middle of a chunk is told. */
	client_send(&c, head);
	assert_int_equal(client_ask(&c, "5\r\nab"), 408);
	client_leave(&c);
	must_have_stayed(&g);
	gateway_free(&g);
	free(pair);
	rss_before = before;
}

/* Counts `what` in a body, and keeps nothing. */
struct count {
	char what, last;
	int in_body;
	size_t n;
};

static void
count_some(struct count *k, struct client *c)
{
	static char piece[65536];
	int r = tls_read(&c->t, piece, sizeof(piece));

	if (r <= 0)
		fail_msg("ended after %zu: %s", k->n, c->t.error);
	for (int i = 0; i < r; i++) {
		k->n += k->in_body && piece[i] == k->what;
		k->in_body |= piece[i] == '\r' && k->last == '\n';
		k->last = piece[i];
	}
}

static void
a_large_answer_comes_down(void **state)
{
	static const char *const targets[] = {"/?length=40000000",
	    "/?chunked=40000000", "/?until-close=40000000"};
	struct client c;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct count k = {.what = 's'};

		client_enter(&c, &town, "good", gw.port,
		    i == 1 ? TLS1_2_VERSION : TLS1_3_VERSION);
		send_head(&c, targets[i], 0, "");
		while (k.n < 40000000)
			count_some(&k, &c);
		assert_int_equal(k.n, 40000000);
		client_leave(&c);
	}
	must_not_have_grown();
}

/* What the node sends and the peer does not read stays with the node. */
static void
a_peer_that_does_not_read(void **state)
{
	struct count k = {.what = 's'};
	struct client c;

	(void)state;
	client_enter(&c, &town, "good", gw.port, 0);
	send_head(&c, "/?length=400000000", 0, "");
	while (k.n < MB)
		count_some(&k, &c);
	assert_int_equal(status_of(&gw, "/", 10), 200);
	must_not_have_grown();
	client_leave(&c);
}

/* Both at once: the answer begins before the request has ended. */
static void
both_ways_at_once(void **state)
{
	struct count k = {.what = 'b'};
	struct client c;
	struct answer a;

	(void)state;
	client_enter(&c, &town, "good", gw.port, 0);
	send_head(&c, "/?echo", 20 * MB, "");
	for (size_t sent = 0; sent < 20 * MB; sent += MB / 4) {
		assert_int_equal(send_body(&c, MB / 4), 1);
		while (k.n + MB < sent)
			count_some(&k, &c);
	}
	while (k.n < 20 * MB)
		count_some(&k, &c);
	assert_int_equal(k.n, 20 * MB);
	assert_true(client_ended(&c));
	client_leave(&c);
	/* A small one fits in one go. */
	client_enter(&c, &town, "good", gw.port, 0);
	send_head(&c, "/?echo", 5, "");
	client_send(&c, "12345");
	client_read(&c, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "12345");
	answer_free(&a);
	client_leave(&c);
	must_not_have_grown();
}

/* A node that is not as it should be. */

static const struct {
	const char *target;
	int status;
	const char *body;
	int keeps; /* the connection to the node */
} answers[] = {
    {"/?raw=garbage", 502, NULL, 0},
    {"/?raw=bare-lf", 502, NULL, 0},
    {"/?raw=both", 502, NULL, 0},
    {"/?raw=two-lengths", 502, NULL, 0},
    {"/?raw=switching", 502, NULL, 0},
    {"/?raw=gzip", 502, NULL, 0},
    {"/?leave", 502, NULL, 0},
    {"/?early", 403, "", 0},
    {"/?raw=interim", 200, "hello", 1},
    {"/?raw=hop", 200, "hello", 1},
    {"/?raw=trailers", 200, "hello", 1},
    {"/?raw=missing", 404, "", 1},
    {"/?raw=no-content", 204, "", 1},
    {"/?raw=close", 200, "hello", 0},
    {"/?raw=old", 200, "hello", 0},
    {"/?raw=too-much", 200, "hello", 0},
};

static void
what_the_node_answers(void **state)
{
	char *again = request_text("/", "", 0);
	unsigned long long num, closed;
	struct client c;
	struct answer a;

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		char *text = request_text(answers[i].target, "", 3);

		num = node_stat(&town.node, "connections");
		closed = node_stat(&town.node, "closed");
		client_enter(&c, &town, "good", gw.port, 0);
		client_send(&c, text);
		client_read(&c, &a);
		if (a.status != answers[i].status)
			fail_msg("%s: %d", answers[i].target, a.status);
		if (answers[i].body != NULL)
			assert_string_equal(a.body, answers[i].body);
		assert_null(strstr(a.head, "X-Secret"));
		assert_null(strstr(a.head, "Keep-Alive"));
		assert_null(strstr(a.head, "Trailer"));
		answer_free(&a);
		if (answers[i].status == 502) {
			if (!client_ended(&c))
				fail_msg("%s: not closed", answers[i].target);
		} else {
			/* A POST is not said again to a node that has left
			 * without a word, so it must have. */
			if (!answers[i].keeps)
				node_await(&town.node, "closed", closed + 1);
			/* The peer's connection stays, whatever the node's. */
			assert_int_equal(client_ask(&c, again), 200);
			assert_int_equal(node_stat(&town.node, "connections"),
			    num + 2 - (unsigned)answers[i].keeps);
		}
		client_leave(&c);
		free(text);
	}
	free(again);
}

/* The rest of the body is not wanted, and not waited for. */
static void
a_node_that_answers_early(void **state)
{
	struct client c;
	struct answer a;
	char *value;

	(void)state;
	client_enter(&c, &town, "good", gw.port, 0);
	send_head(&c, "/?early", 30 * MB, "");
	client_send(&c, "12345");
	client_read(&c, &a);
	assert_int_equal(a.status, 403);
	value = answer_header(&a, "Connection");
	assert_string_equal(value, "close");
	free(value);
	answer_free(&a);
	(void)send_body(&c, 20 * MB);
	assert_true(client_ended(&c));
	client_leave(&c);
}

/* Half an answer must not look like a whole one. */
static void
a_node_that_leaves_in_the_middle(void **state)
{
	static const char *const targets[] = {
	    "/?cut=50000", "/?cut-chunked=50000", "/?raw=bad-chunk"};
	struct client c;
	struct answer a;

	(void)state;
	for (int i = 0; i < 3; i++) {
		client_enter(&c, &town, "good", gw.port, 0);
		send_head(&c, targets[i], 0, "");
		client_read(&c, &a);
		/* At once, even its head may not have left. */
		assert_true(a.status == 200 || a.status == 0);
		assert_false(a.whole);
		assert_false(client_ended(&c));
		answer_free(&a);
		client_leave(&c);
	}
}

static void
no_node_at_all(void **state)
{
	struct gateway lost;

	(void)state;
	gateway_prepare(&lost, "lost", &town);
	gateway_set(&lost, "node.addresses", "[\"unix:/nonexistent/node\"]");
	gateway_set(&lost, "node.max_retries", "0");
	gateway_set(&lost, "http", "{}");
	gateway_start(&lost);
	assert_int_equal(status_of(&lost, "/", 1), 500);
	/* What is wrong with the request comes first. */
	assert_int_equal(status_of(&lost, "/none", 1), 404);
	gateway_free(&lost);
}

/* Time. */

static void
a_node_that_does_not_answer(void **state)
{
	struct client c;
	struct answer a;

	(void)state;
	assert_int_equal(status_of(&quick, "/?silent", 10), 504);
	/* Nor reads: the body is held back, not kept. */
	client_enter(&c, &town, "good", quick.port, 0);
	send_head(&c, "/?stall", 60 * MB, "");
	(void)send_body(&c, 60 * MB);
	client_read(&c, &a);
	assert_int_equal(a.status, 504);
	answer_free(&a);
	client_leave(&c);
	assert_true(pid_rss_bytes(quick.proc.pid) < rss_before + 24 * MB);
}

static void
a_peer_that_is_slow(void **state)
{
	struct client c;

	(void)state;
	/* In its head, in its body, and between two requests. */
	client_enter(&c, &town, "good", quick.port, 0);
	assert_int_equal(client_ask(&c, "POST / HT"), 408);
	assert_true(client_ended(&c));
	client_leave(&c);
	client_enter(&c, &town, "good", quick.port, 0);
	send_head(&c, "/", 10, "");
	assert_int_equal(client_ask(&c, "12345"), 408);
	client_leave(&c);
	client_enter(&c, &town, "good", quick.port, 0);
	send_head(&c, "/", 0, "");
	assert_int_equal(client_ask(&c, ""), 200);
	assert_true(client_ended(&c));
	client_leave(&c);
	client_enter(&c, &town, "good", quick.port, 0);
	assert_true(client_ended(&c));
	client_leave(&c);
}

/* A stop: what is under way ends, what begins is 503, the rest is closed. */
static void
a_stop_in_the_middle(void **state)
{
	char *text = request_text("/", "", 0), *value;
	struct client busy, late, idle;
	struct gateway g;
	struct answer a;

	(void)state;
	gateway_prepare(&g, "stopping", &town);
	/* Each worker hears of it by itself: what one does says it for all. */
	gateway_set(&g, "workers", "1");
	gateway_set(&g, "http.paths", "[\"/\"]");
	gateway_set(&g, "limits.drain_timeout_ms", "20000");
	gateway_start(&g);
	client_enter(&idle, &town, "good", g.port, 0);
	assert_int_equal(client_ask(&idle, text), 200);
	client_enter(&late, &town, "good", g.port, 0);
	assert_int_equal(client_ask(&late, text), 200);
	client_send(&late, "POST / HTTP/1.1\r\nHo");
	client_enter(&busy, &town, "good", g.port, 0);
	send_head(&busy, "/", 5, "Expect: 100-continue\r\n");
	assert_int_equal(client_ask(&busy, ""), 100);
	kill(g.proc.pid, SIGTERM);
	free(proc_await(&g.proc, "draining connections", WAIT_MS));
	assert_true(client_ended(&idle));
	assert_int_equal(client_ask(&late,
			     "st: x\r\nContent-Type: application/json\r\n"
			     "Content-Length: 0\r\n\r\n"),
	    503);
	assert_true(client_ended(&late));
	client_send(&busy, "12345");
	client_read(&busy, &a);
	assert_int_equal(a.status, 200);
	value = answer_header(&a, "Connection");
	assert_string_equal(value, "close");
	free(value);
	answer_free(&a);
	assert_true(client_ended(&busy));
	client_leave(&idle);
	client_leave(&late);
	client_leave(&busy);
	gateway_free(&g);
	free(text);
}

/* A peer that is revoked. */

static void
cut_in_the_middle_of_an_upload(void **state)
{
	unsigned long long closed, requests;
	struct client revoked, good;
	char byte;

	(void)state;
	rest_mode(&gw, "OFF");
	client_enter(&revoked, &town, "revoked", gw.port, TLS1_3_VERSION);
	client_enter(&good, &town, "good", gw.port, TLS1_2_VERSION);
	requests = node_stat(&town.node, "requests");
	send_head(&revoked, "/", 10 * MB, "");
	assert_int_equal(send_body(&revoked, 1 * MB), 1);
	send_head(&good, "/", 10, "");
	client_send(&good, "12345");
	node_await(&town.node, "requests", requests + 2);
	closed = node_stat(&town.node, "closed");
	rest_mode(&gw, "HARD_FAIL");
	assert_int_not_equal(tls_read(&revoked.t, &byte, 1), 1);
	node_await(&town.node, "closed", closed + 1);
	assert_int_equal(client_ask(&good, "67890"), 200);
	client_leave(&revoked);
	client_leave(&good);
	assert_true(proc_says(
	    &gw.proc, "cutting off inbound peer 'C=GB,L=London,O=revoked'"));
}

/* Nor does it wait for a node that is not there. */
static void
cut_while_the_node_is_dialled(void **state)
{
	char *text = request_text("/", "", 0);
	struct client revoked, good;
	struct gateway g;
	char byte;

	(void)state;
	gateway_prepare(&g, "dialling", &town);
	gateway_set(&g, "http", "{}");
	gateway_set(&g, "node.addresses", "[\"unix:/nonexistent/node\"]");
	gateway_set(&g, "node.retry_ms", "1000");
	gateway_set(&g, "node.max_retries", "3");
	gateway_set(&g, "revocation.mode", "\"OFF\"");
	gateway_start(&g);
	client_enter(&revoked, &town, "revoked", g.port, 0);
	client_enter(&good, &town, "good", g.port, 0);
	client_send(&good, text);
	client_send(&revoked, text);
	/* A new configuration, while the old one's addresses are in use. */
	rest_mode(&g, "HARD_FAIL");
	kill(g.proc.pid, SIGHUP);
	assert_int_not_equal(tls_read(&revoked.t, &byte, 1), 1);
	gateway_settle_log(&g);
	assert_false(proc_said(&g.proc, "no node reachable"));
	client_leave(&revoked);
	client_leave(&good);
	gateway_free(&g);
	free(text);
}

/* Idle between two requests it is cut as well. */
static void
cut_between_requests(void **state)
{
	char *text = request_text("/", "", 0);
	struct client revoked;
	char byte;

	(void)state;
	rest_mode(&gw, "OFF");
	client_enter(&revoked, &town, "revoked", gw.port, 0);
	assert_int_equal(client_ask(&revoked, text), 200);
	rest_mode(&gw, "HARD_FAIL");
	assert_int_not_equal(tls_read(&revoked.t, &byte, 1), 1);
	client_leave(&revoked);
	free(text);
}

static void
never_gets_to_the_node(void **state)
{
	char *text = request_text("/", "", 0);
	unsigned long long connections = node_stat(&town.node, "connections");

	(void)state;
	for (int i = 0; i < 2; i++) {
		char *cert = xasprintf("%s/peers/revoked.pem", town.dir);
		char *key = xasprintf("%s/peers/revoked.key", town.dir);
		struct tls_options o = {.cert = cert,
		    .key = key,
		    .version = i ? TLS1_2_VERSION : TLS1_3_VERSION};
		struct tls t;
		char byte;

		/* In TLS 1.3 it can send before it hears of it. */
		if (tls_connect(&t, gw.port, &o))
			(void)tls_write(&t, text, strlen(text));
		(void)tls_read(&t, &byte, 1);
		assert_int_equal(t.alert, ALERT_CERTIFICATE_REVOKED);
		tls_free(&t);
		free(cert);
		free(key);
	}
	assert_int_equal(node_stat(&town.node, "connections"), connections);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_large_body_goes_up),
	    cmocka_unit_test(a_large_body_in_chunks),
	    cmocka_unit_test(a_large_answer_comes_down),
	    cmocka_unit_test(a_peer_that_does_not_read),
	    cmocka_unit_test(both_ways_at_once),
	    cmocka_unit_test(what_the_node_answers),
	    cmocka_unit_test(a_node_that_answers_early),
	    cmocka_unit_test(a_node_that_leaves_in_the_middle),
	    cmocka_unit_test(no_node_at_all),
	    cmocka_unit_test(a_node_that_does_not_answer),
	    cmocka_unit_test(a_peer_that_is_slow),
	    cmocka_unit_test(a_stop_in_the_middle),
	    cmocka_unit_test(cut_in_the_middle_of_an_upload),
	    cmocka_unit_test(cut_between_requests),
	    cmocka_unit_test(cut_while_the_node_is_dialled),
	    cmocka_unit_test(never_gets_to_the_node),
	};

	return cmocka_run_group_tests_name(
	    "http-bodies", tests, setup, teardown);
}
