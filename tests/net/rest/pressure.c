/*
 * The REST server while others want all of it: descriptors, connections,
 * memory, logins. Whoever asks properly is answered.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/lib/scene.h"

static long
health(void)
{
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1/healthz", gw.rest_port);
	struct web w;
	long status;

	web_request(&w, "GET", url, NULL, NULL, NULL);
	status = w.status;
	web_free(&w);
	free(url);
	return status;
}

static void
limit_files(rlim_t num)
{
	struct rlimit rl = {.rlim_cur = num, .rlim_max = num};

	assert_int_equal(prlimit(gw.proc.pid, RLIMIT_NOFILE, &rl, NULL), 0);
}

static bool
is_open(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

static void
hang_up(const int *fds, size_t num)
{
	for (size_t i = 0; i < num; i++)
		close(fds[i]);
}

static void
dial_many(int *fds, size_t num, int port)
{
	for (size_t i = 0; i < num; i++)
		fds[i] = tcp_dial(port);
}

/* With REST as the clock: a peer may be turned away until then. */
static void
await_fds(size_t most)
{
	long long until = mono_ms() + WAIT_MS;

	while (pid_num_fds(gw.proc.pid) > most) {
		assert_int_equal(health(), 200);
		if (mono_ms() > until)
			fail_msg("more than %zu descriptors are open", most);
	}
}

/* Peers have taken what they may: REST has some left, and so it stays. */
static void
peers_leave_descriptors_for_rest(void **state)
{
	size_t few;
	int fds[100];
	struct tls t;

	scene_prepare();
	gateway_set(&gw, "limits.max_per_address", "0");
	/* Nobody gives any back by himself. */
	gateway_set(&gw, "limits.handshake_timeout_ms", "280000");
	gateway_start(&gw);
	few = pid_num_fds(gw.proc.pid) + 60;
	limit_files(few);
	dial_many(fds, 100, gw.port);
	gateway_must_say(&gw, "Too many open files");
	assert_int_equal(health(), 200);
	assert_true(pid_num_fds(gw.proc.pid) < few);
	hang_up(fds, 100);
	await_fds(few - 30);
	tls_enter(&t, &town, "good", gw.port, 0);
	tls_free(&t);
}

/* All are taken by callers of REST: it waits, and goes on. */
static void
rest_outlives_the_last_descriptor(void **state)
{
	int fds[100];
	size_t few;

	scene_prepare();
	gateway_start(&gw);
	few = pid_num_fds(gw.proc.pid) + 20;
	limit_files(few);
	dial_many(fds, 100, gw.rest_port);
	gateway_must_say(&gw, "cannot accept a REST connection");
	hang_up(fds, 100);
	assert_int_equal(health(), 200);
}

/* They need not leave: who says nothing makes room for who comes later. */
static void
silent_callers_give_descriptors_back(void **state)
{
	int fds[100];

	scene_prepare();
	gateway_set(&gw, "rest.handshake_timeout_ms", "3600000");
	gateway_start(&gw);
	limit_files(pid_num_fds(gw.proc.pid) + 20);
	dial_many(fds, 100, gw.rest_port);
	gateway_must_say(&gw, "cannot accept a REST connection");
	assert_int_equal(health(), 200);
	/* In the order they came, though many did in one millisecond. */
	for (int i = 0; i < 50; i++)
		assert_false(is_open(fds[i]));
	assert_true(is_open(fds[99]));
	hang_up(fds, 100);
}

static int
dial_from(const char *address, int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, address, &sin.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	sin.sin_port = htons((uint16_t)port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

/* Likewise a peer who says nothing, for one who does and for its node. */
static void
half_open_peers_give_descriptors_back(void **state)
{
	int fds[100];

	scene_prepare();
	gateway_set(&gw, "limits.handshake_timeout_ms", "3600000");
	gateway_start(&gw);
	limit_files(pid_num_fds(gw.proc.pid) + 60);
	for (int i = 0; i < 100; i++)
		fds[i] = dial_from("127.0.0.2", gw.port);
	gateway_must_say(&gw, "Too many open files");
	for (int i = 0; i < 10; i++)
		assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	hang_up(fds, 100);
}

static void
too_few_descriptors_are_said_at_the_start(void **state)
{
	scene_prepare();
	gw.shell = xstrdup("ulimit -n 700; exec \"$@\"");
	gateway_set(&gw, "limits.max_connections", "500");
	gateway_start(&gw);
	gateway_must_say(&gw, "700 files may be open");
}

/* Nobody is kept out by callers who say nothing, however many they are. */
static void
silent_callers_make_room(void **state)
{
	int fds[100];
	char byte;

	scene_prepare();
	gateway_set(&gw, "rest.max_connections", "20");
	gateway_start(&gw);
	dial_many(fds, 100, gw.rest_port);
	assert_int_equal(health(), 200);
	/* The oldest were the first to go. */
	assert_true(read(fds[0], &byte, 1) <= 0);
	hang_up(fds, 100);
}

static void
enter(struct tls *t)
{
	const struct tls_options none = {0};

	assert_int_equal(tls_connect(t, gw.rest_port, &none), 1);
}

/* What is written until the other end takes no more; all that it answers. */
static void
pour(struct tls *t, const char *head, size_t piece, size_t num)
{
	char *text = calloc(1, piece + 1);

	memset(text, 'x', piece);
	assert_int_equal(tls_write(t, head, strlen(head)), 1);
	for (size_t i = 0; i < num; i++)
		if (tls_write(t, text, piece) != 1)
			break;
	free(text);
}

static void
must_answer(struct tls *t, const char *want)
{
	char text[4096];
	size_t len = 0;
	int n;

	while (len < sizeof(text) - 1 &&
	    (n = tls_read(t, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	if (strstr(text, want) == NULL)
		fail_msg("'%s' is not in '%s'", want, text);
	assert_non_null(strstr(text, "Connection: close"));
	tls_free(t);
}

#define HEAD "POST /api/v1/config HTTP/1.1\r\nHost: x\r\n"

static void
a_body_that_never_ends_is_refused(void **state)
{
	struct tls t;

	scene_prepare();
	gateway_set(&gw, "rest.max_body_bytes", "65536");
	gateway_start(&gw);
	enter(&t);
	pour(&t, HEAD "Content-Length: 9000000\r\n\r\n", 1000, 84);
	must_answer(&t, "HTTP/1.1 400 ");
	/* Nor does libevent say so in HTML. */
	enter(&t);
	pour(&t, HEAD "Content-Length: 90000000\r\n\r\n", 1000, 84);
	must_answer(&t, "which exceeds the maximum limit of 65536.");
	/* A chunk for ever, of which libevent counts nothing. */
	enter(&t);
	pour(&t, HEAD "Transfer-Encoding: chunked\r\n\r\n800000\r\n", 1000, 84);
	must_answer(&t, "HTTP/1.1 400 ");
	assert_int_equal(health(), 200);
}

static void
slow_requests_end(void **state)
{
	struct tls head, body;
	char byte;
	int silent;

	scene_prepare();
	gateway_set(&gw, "rest.request_timeout_ms", "2500");
	gateway_set(&gw, "rest.handshake_timeout_ms", "2500");
	gateway_start(&gw);
	silent = tcp_dial(gw.rest_port);
	enter(&head);
	pour(&head, "GET /api/v1/healthz HTT", 1, 0);
	enter(&body);
	pour(&body, HEAD "Content-Length: 100\r\n\r\n", 1, 50);
	must_answer(&head, "HTTP/1.1 408 ");
	must_answer(&body, "HTTP/1.1 408 ");
	assert_true(read(silent, &byte, 1) <= 0);
	close(silent);
}

/* All that wait together: who has sent most is told, nobody else notices. */
static void
unfinished_bodies_have_a_budget(void **state)
{
	struct tls many[9];
	char *body = calloc(1, 1000001);
	struct web w;

	scene_prepare();
	gateway_set(&gw, "rest.max_body_bytes", "16777216");
	gateway_start(&gw);
	memset(body, ' ', 1000000);
	for (int i = 0; i < 9; i++) {
		enter(&many[i]);
		pour(&many[i],
		    HEAD "Transfer-Encoding: chunked\r\n\r\nF00000\r\n", 100000,
		    75);
	}
	rest(&gw, &w, "POST", "/denylist", body);
	assert_int_equal(w.status, 400);
	web_free(&w);
	assert_int_equal(health(), 200);
	gateway_must_say(&gw, "a REST request is refused: 503");
	for (int i = 0; i < 9; i++)
		tls_free(&many[i]);
	free(body);
}

/* "slow" costs seconds a try, "fast" next to nothing. */
static const char costly_users[] =
    "[{\"name\":\"slow\",\"roles\":[\"read\"],\"password_hash\":"
    "\"pbkdf2-sha256$10000000$MDEyMzQ1Njc4OWFiY2RlZg==$idk+Ho"
    "nwau7RH6S7FOePRKUp08rV9hLtCrgSlTQXdHc=\"},"
    "{\"name\":\"operator\",\"roles\":[\"operate\"],"
    "\"password\":\"demo-password\"}]";

/* Passwords are compared elsewhere: nobody else waits for it. */
static void
logins_hold_up_nobody_else(void **state)
{
	struct tls many[8];

	scene_prepare();
	gateway_set(&gw, "rest.users", costly_users);
	gateway_start(&gw);
	rest_expect(&gw, "GET", "/status", 200);
	for (int i = 0; i < 8; i++) {
		enter(&many[i]);
		/* "slow:wrong1" */
		pour(&many[i],
		    "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n"
		    "Authorization: Basic c2xvdzp3cm9uZzE=\r\n\r\n",
		    1, 0);
	}
	assert_int_equal(health(), 200);
	rest_expect(&gw, "GET", "/status", 200);
	gateway_settle_log(&gw);
	assert_false(proc_said(&gw.proc, "failed login"));
	for (int i = 0; i < 8; i++)
		tls_free(&many[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(peers_leave_descriptors_for_rest),
	    SCENE(rest_outlives_the_last_descriptor),
	    SCENE(silent_callers_give_descriptors_back),
	    SCENE(half_open_peers_give_descriptors_back),
	    SCENE(too_few_descriptors_are_said_at_the_start),
	    SCENE(silent_callers_make_room),
	    SCENE(a_body_that_never_ends_is_refused),
	    SCENE(slow_requests_end),
	    SCENE(unfinished_bodies_have_a_budget),
	    SCENE(logins_hold_up_nobody_else),
	};

	return cmocka_run_group_tests_name(
	    "REST under pressure", tests, scene_setup, scene_teardown);
}
