/*
 * The server between a handler and clients that do as they like: who gets
 * in when it is full, and how long anybody may take. Server and clients are
 * on one loop, in turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "fixtures/doorman/service/web/server.h"

#define LARGE   (96 << 20)
#define ROOM    8
#define HALF    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234"
#define SLOW    "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
#define GET(p)  "GET " p " HTTP/1.1\r\nHost: x\r\n\r\n"
#define TURN_MS 20000
#define NUM(r)  (sizeof(r) / sizeof((r)[0]))

static struct event_base *base;
static struct server *server;
static uint16_t port;
static uint8_t *large;
static int released;

/* 0: as it goes. */
static long long now_ms;

long long __real_clock_ms(void);
long long __wrap_clock_ms(void);

long long
__wrap_clock_ms(void)
{
	return now_ms != 0 ? now_ms : __real_clock_ms();
}

static void
on_echo(void *arg, struct exchange *x, const char *rest)
{
	(void)arg;
	(void)rest;
	exchange_reply(x, 200, "text/plain", x->body);
}

static void
on_released(const void *p, size_t len, void *arg)
{
	(void)p;
	(void)len;
	(void)arg;
	released++;
}

static void
on_large(void *arg, struct exchange *x, const char *rest)
{
	(void)arg;
	(void)rest;
	exchange_lend(
	    x, "text/plain", view_of(large, LARGE), on_released, NULL);
}

static int slow_ones;

static void
on_slow(void *arg, struct exchange *x, const char *rest)
{
	(void)arg;
	(void)rest;
	slow_ones++;
	exchange_text(x, 200, "slow");
}

static bool locked;

static void
on_locked(void *arg, struct exchange *x, const char *rest)
{
	(void)arg;
	(void)rest;
	x->later = locked;
	if (!locked)
		exchange_text(x, 200, "unlocked");
	else if (!x->patient)
		exchange_text(x, 503, "locked");
}

static const struct route routes[] = {
    {"/locked", "POST", 16, on_locked, true},
    {"/slow", "POST", 16, on_slow, true},
    {"/echo", "POST", 16, on_echo, false},
    {"/large", "GET", 16, on_large, false},
    {"/below/", "GET", 16, on_echo, false},
};

static int
setup(void **state)
{
	struct server_options o = {.key = "test",
	    .listen = "127.0.0.1:0",
	    .max_connections = ROOM,
	    .patience = {1, 1, 1},
	    .routes = routes,
	    .num_routes = NUM(routes)};
	struct fault f;

	(void)state;
	base = event_base_new();
	released = 0;
	now_ms = 0;
	if (server_start(&server, base, &o, &port, &f) != 0)
		fail_msg("%s", f.msg);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	server_stop(server);
	event_base_free(base);
	return 0;
}

static void
turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* The server looks ten times a second whether there is room by now. */
static void
server_look_for_room(void)
{
	struct timeval tenth = {0, 150000};

	event_base_loopexit(base, &tenth);
	event_base_dispatch(base);
}

/* From 127.0.0.HOST. */
static int
dial(int host)
{
	struct sockaddr_in from = {.sin_family = AF_INET}, to = from;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	from.sin_addr.s_addr = htonl(0x7f000000u + (unsigned)host);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(port);
	assert_int_equal(bind(fd, (void *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (void *)&to, sizeof(to)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static int
dial_send(int host, const char *text)
{
	int fd = dial(host);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	turn();
	turn();
	return fd;
}

/* Reads until `until` appears or the connection ends: 0 then. */
static int
await(int fd, const char *until, char *out, size_t size)
{
	size_t len = 0;

	for (int i = 0; i < TURN_MS; i++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		turn();
		if (poll(&p, 1, 1) <= 0)
			continue;
		n = read(fd, out + len, size - len - 1);
		if (n <= 0)
			return 0;
		len += (size_t)n;
		out[len] = '\0';
		if (until != NULL && strstr(out, until) != NULL)
			return 1;
	}
	fail_msg("nothing came");
	return 0;
}

static bool
ended(int fd)
{
	char c;

	turn();
	return recv(fd, &c, 1, MSG_PEEK) == 0;
}

/* Status of one request from HOST on a connection of its own. */
static int
ask(int host, const char *request)
{
	char out[4096] = "";
	int fd = dial_send(host, request);

	await(fd, "\r\n\r\n", out, sizeof(out));
	close(fd);
	turn();
	return atoi(strchr(out, ' ') + 1);
}

static void
an_address_has_half(void **state)
{
	int fds[ROOM], other;
	char out[512];

	(void)state;
	for (int i = 0; i < ROOM; i++)
		fds[i] = dial_send(1, HALF);
	assert_int_equal(server_num_connections(server), ROOM / 2);
	/* The oldest went first, and the newest are there. */
	for (int i = 0; i < ROOM; i++)
		assert_int_equal(ended(fds[i]), i < ROOM / 2);
	other = dial_send(2, HALF);
	assert_int_equal(server_num_connections(server), ROOM / 2 + 1);
	/* The same address gets in, too, and what it began can be ended. */
	assert_int_equal(write(fds[ROOM - 1], "56789", 5), 5);
	await(fds[ROOM - 1], "123456789", out, sizeof(out));
	close(other);
	for (int i = 0; i < ROOM; i++)
		close(fds[i]);
}

static void
who_has_most_makes_room(void **state)
{
	int fds[ROOM], few;

	(void)state;
	few = dial_send(9, HALF);
	for (int i = 0; i < ROOM - 1; i++)
		fds[i] = dial_send(1 + i % 2, HALF);
	assert_int_equal(server_num_connections(server), ROOM);
	for (int i = 0; i < 4; i++)
		assert_int_equal(ask(10 + i, GET("/below/x")), 200);
	assert_false(ended(few));
	assert_true(ended(fds[0]));
	close(few);
	for (int i = 0; i < ROOM - 1; i++)
		close(fds[i]);
}

static void
idle_ones_go_first(void **state)
{
	int fds[ROOM / 2], idle;
	char out[512];

	(void)state;
	for (int i = 0; i < ROOM / 2 - 1; i++)
		fds[i] = dial_send(1, HALF);
	idle = dial_send(1, GET("/below/x"));
	await(idle, "\r\n\r\n", out, sizeof(out));
	fds[ROOM / 2 - 1] = dial_send(1, HALF);
	assert_true(ended(idle));
	for (int i = 0; i < ROOM / 2; i++) {
		assert_false(ended(fds[i]));
		close(fds[i]);
	}
	close(idle);
}

/* All that has come for each; false: enough, before a kernel has the rest. */
static bool
read_what_came(const int fds[ROOM], size_t got[ROOM])
{
	static char block[1 << 20];
	ssize_t n;

	for (int i = 0; i < ROOM; i++) {
		size_t before = got[i];

		/* All of it: the kernel says nothing of a little. */
		while ((n = read(fds[i], block, sizeof(block))) > 0 ||
		    got[i] == before) {
			assert_int_not_equal(n, 0);
			if (n > 0)
				got[i] += (size_t)n;
			else
				turn();
		}
		if (got[i] > LARGE / 6)
			return false;
	}
	return true;
}

/* Nobody who is being served loses anything; who comes waits. */
static void
readers_stay(void **state)
{
	size_t got[ROOM] = {0};
	int fds[ROOM], late;
	char out[512];

	(void)state;
	now_ms = 1000;
	for (int i = 0; i < ROOM; i++)
		fds[i] = dial_send(1 + i, GET("/large"));
	assert_int_equal(server_num_connections(server), ROOM);
	late = dial_send(20, GET("/below/x"));
	while (read_what_came(fds, got)) {
		/* Looked for room, and seen that each took something. */
		server_look_for_room();
		now_ms += 400;
		server_look_for_room();
		assert_int_equal(server_counts(server)->evicted, 0);
	}
	for (int i = 0; i < ROOM; i++)
		close(fds[i]);
	await(late, "\r\n\r\n", out, sizeof(out));
	assert_int_equal(strncmp(out, "HTTP/1.1 200 ", 13), 0);
	close(late);
}

/* Those who do not read what they asked for. */
static void
who_takes_nothing_makes_room(void **state)
{
	int fds[ROOM], late;
	char out[512];

	(void)state;
	now_ms = 1000;
	for (int i = 0; i < ROOM; i++)
		fds[i] = dial_send(1 + i, GET("/large"));
	assert_int_equal(server_num_connections(server), ROOM);
	late = dial_send(20, GET("/below/x"));
	server_look_for_room();
	server_look_for_room();
	assert_int_equal(server_counts(server)->evicted, 0);
	now_ms += 500;
	await(late, "\r\n\r\n", out, sizeof(out));
	assert_int_equal(strncmp(out, "HTTP/1.1 200 ", 13), 0);
	assert_int_equal(server_counts(server)->evicted, 1);
	close(late);
	for (int i = 0; i < ROOM; i++)
		close(fds[i]);
}

/* One address that has its half, and uses it, has no more. */
static void
a_share_in_use_is_no_larger(void **state)
{
	int fds[ROOM / 2];

	(void)state;
	now_ms = 1000;
	for (int i = 0; i < ROOM / 2; i++)
		fds[i] = dial_send(1, GET("/large"));
	assert_int_equal(ask(1, GET("/below/x")), 503);
	assert_int_equal(server_num_connections(server), ROOM / 2);
	assert_int_equal(ask(2, GET("/below/x")), 200);
	for (int i = 0; i < ROOM / 2; i++)
		close(fds[i]);
}

static void
what_is_late_is_sent_away(void **state)
{
	char out[512];
	int fd;

	(void)state;
	/* The span is that of the whole: bytes in between do not renew it. */
	fd = dial_send(1, "GET /");
	for (int i = 0; i < 8 && !ended(fd); i++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		(void)!send(fd, "x", 1, MSG_NOSIGNAL);
		if (poll(&p, 1, 300) > 0)
			break;
		assert_true(i < 7);
		turn();
	}
	await(fd, "408", out, sizeof(out));
	assert_non_null(strstr(out, "took too long"));
	close(fd);
	fd = dial_send(1, HALF);
	await(fd, "408", out, sizeof(out));
	close(fd);
	/* Said nothing: is told nothing. */
	fd = dial_send(1, "");
	assert_int_equal(await(fd, NULL, out, sizeof(out)), 0);
	close(fd);
	assert_int_equal(server_counts(server)->late, 3);
}

static void
a_reader_that_reads_nothing_goes(void **state)
{
	int fd;

	(void)state;
	fd = dial_send(1, GET("/large"));
	for (int i = 0; i < TURN_MS && server_num_connections(server) > 0; i++)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(server_num_connections(server), 0);
	assert_int_equal(released, 1);
	close(fd);
}

/* Long past its first span, and it has all of it. */
static void
a_slow_reader_is_served(void **state)
{
	struct timespec pause = {0, 50000000};
	static char block[LARGE / 60];
	size_t got = 0;
	int fd;

	(void)state;
	fd = dial_send(1, GET("/large"));
	while (got < LARGE) {
		ssize_t n = read(fd, block, sizeof(block));

		assert_int_not_equal(n, 0);
		if (n > 0)
			got += (size_t)n;
		turn();
		nanosleep(&pause, NULL);
	}
	assert_int_equal(server_num_connections(server), 1);
	close(fd);
}

static void
requests_follow_each_other(void **state)
{
	char out[4096];
	int fd;

	(void)state;
	fd = dial_send(1,
	    "\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none"
	    "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
	    "HEAD /below/x HTTP/1.1\r\nHost: x\r\n\r\n"
	    "POST /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\nthree");
	assert_int_equal(await(fd, NULL, out, sizeof(out)), 0);
	assert_non_null(strstr(out, "\r\n\r\noneHTTP/1.1 200"));
	assert_non_null(strstr(out, "\r\n\r\ntwoHTTP/1.1 200"));
	assert_non_null(strstr(out, "Connection: close\r\n\r\nthree"));
	close(fd);
}

static void
a_body_may_be_waited_for(void **state)
{
	char out[512];
	int fd;

	(void)state;
	fd = dial_send(1,
	    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
	    "Expect: 100-continue\r\n\r\n");
	await(fd, "100 Continue\r\n\r\n", out, sizeof(out));
	assert_int_equal(write(fd, "ab", 2), 2);
	await(fd, "\r\n\r\nab", out, sizeof(out));
	close(fd);
}

/* What waits for a disk lets others go between. */
static void
slow_ones_take_turns(void **state)
{
	int fds[ROOM - 2], fast;
	char out[512] = "";

	(void)state;
	slow_ones = 0;
	for (int i = 0; i < ROOM - 2; i++)
		fds[i] = dial(1 + i);
	fast = dial(20);
	turn();
	for (int i = 0; i < ROOM - 2; i++)
		assert_int_equal(
		    write(fds[i], SLOW, strlen(SLOW)), strlen(SLOW));
	assert_int_equal(write(fast, GET("/below/x"), strlen(GET("/below/x"))),
	    strlen(GET("/below/x")));
	/* All of them are read in the first turn, and the fast one as well. */
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(slow_ones, 1);
	assert_true(read(fast, out, sizeof(out) - 1) > 0);
	assert_int_equal(strncmp(out, "HTTP/1.1 200 ", 13), 0);
	/* One goes away while it waits; the others are answered, each once. */
	close(fds[ROOM - 3]);
	for (int i = 0; i < ROOM - 3; i++) {
		await(fds[i], "slow", out, sizeof(out));
		close(fds[i]);
	}
	while (slow_ones < ROOM - 2)
		turn();
	assert_int_equal(slow_ones, ROOM - 2);
	close(fast);
	/* And a server ends with some of them waiting. */
	for (int i = 0; i < ROOM - 2; i++)
		fds[i] = dial_send(1 + i, SLOW);
	server_stop(server);
	server = NULL;
	for (int i = 0; i < ROOM - 2; i++)
		close(fds[i]);
}

/* What is not free is waited for, not too long, and keeps nobody waiting. */
static void
locked_ones_have_another_turn(void **state)
{
	static const char ask[] =
	    "POST /locked HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1";
	char out[512] = "";
	int fd, fast;

	(void)state;
	locked = true;
	now_ms = 1000;
	fd = dial_send(1, ask);
	fast = dial_send(2, GET("/below/x"));
	await(fast, "200 ", out, sizeof(out));
	assert_int_equal(recv(fd, out, 1, MSG_DONTWAIT), -1);
	locked = false;
	await(fd, "unlocked", out, sizeof(out));
	close(fd);
	locked = true;
	fd = dial_send(1, ask);
	turn();
	now_ms += 60000;
	await(fd, "503 ", out, sizeof(out));
	close(fd);
	close(fast);
}

static void
errors_are_sentences(void **state)
{
	static const struct {
		int status;
		const char *request, *says;
	} rows[] = {
	    {404, GET("/"), "nothing here"},
	    {404, GET("/echoes"), "nothing here"},
	    {404, GET("/below"), "nothing here"},
	    {405, GET("/echo"), "Allow: POST\r\n"},
	    {405, "POST /below/x HTTP/1.1\r\nHost: x\r\n\r\n",
		"Allow: GET, HEAD\r\n"},
	    {405, "OPTIONS /echo HTTP/1.1\r\nHost: x\r\n\r\n", "Allow: POST"},
	    {405, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
		"Allow: POST, GET, HEAD\r\n"},
	    {405, "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
		"Allow: POST, GET, HEAD\r\n"},
	    {405, "TRACE /echo HTTP/1.1\r\nHost: x\r\n\r\n", "Allow: POST"},
	    {405, "post /echo HTTP/1.1\r\nHost: x\r\n\r\n", "Allow: POST"},
	    {405, "FROB /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
		"Connection: close"},
	    {413,
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n",
		"larger"},
	    {413,
		"POST /echo HTTP/1.1\r\nHost: x\r\n"
		"Content-Length: 18446744073709551617\r\n\r\n",
		"larger"},
	    {413,
		"POST /echo HTTP/1.1\r\nHost: x\r\n"
		"Transfer-Encoding: chunked\r\n\r\n"
		"10\r\n0123456789abcdef\r\n1\r\n",
		"larger"},
	    {400,
		"POST /echo HTTP/1.1\r\nHost: x\r\n"
		"Transfer-Encoding: chunked\r\n\r\nx\r\n",
		"chunked"},
	    {415,
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
		"Content-Encoding: gzip\r\n\r\n",
		"Content-Encoding"},
	    {400, "GET / HTTP/1.1\nHost: x\n\n", "CR and LF"},
	    {400, "\x16\x03\x01\r\n\r\n", "control character"},
	};
	char out[2048];

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		int fd = dial_send(1, rows[i].request);

		assert_int_equal(write(fd, "GET /no HTTP/1.0\r\n\r\n", 20), 20);
		await(fd, NULL, out, sizeof(out));
		if (atoi(strchr(out, ' ') + 1) != rows[i].status ||
		    strstr(out, rows[i].says) == NULL ||
		    strstr(out, "text/plain; charset=utf-8") == NULL ||
		    strstr(out, "nosniff") == NULL ||
		    strstr(out, "no-store") == NULL)
			fail_msg("%s: %s", rows[i].request, out);
		close(fd);
	}
}

static void
a_head_has_an_end(void **state)
{
	static char big[20000];
	char out[1024];
	int fd;

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	memcpy(big, "GET /", 5);
	fd = dial_send(1, big);
	await(fd, "8192 bytes", out, sizeof(out));
	assert_int_equal(strncmp(out, "HTTP/1.1 414 ", 13), 0);
	close(fd);
	memcpy(big, "GET / HTTP/1.1\r\nA: ", 19);
	fd = dial_send(1, big);
	await(fd, "16384 bytes", out, sizeof(out));
	assert_int_equal(strncmp(out, "HTTP/1.1 431 ", 13), 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define EACH(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	    EACH(an_address_has_half),
	    EACH(who_has_most_makes_room),
	    EACH(idle_ones_go_first),
	    EACH(readers_stay),
	    EACH(who_takes_nothing_makes_room),
	    EACH(a_share_in_use_is_no_larger),
	    EACH(what_is_late_is_sent_away),
	    EACH(a_reader_that_reads_nothing_goes),
	    EACH(a_slow_reader_is_served),
	    EACH(requests_follow_each_other),
	    EACH(a_body_may_be_waited_for),
	    EACH(slow_ones_take_turns),
	    EACH(locked_ones_have_another_turn),
	    EACH(errors_are_sentences),
	    EACH(a_head_has_an_end),
	};

	signal(SIGPIPE, SIG_IGN);
	large = calloc(1, LARGE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
