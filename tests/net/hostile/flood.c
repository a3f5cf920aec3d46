/*
 * Too many and too slow: thousands that open a connection and say nothing, or
 * an octet at a time; more handshakes a second than there may be. They take
 * what the limits give them, and who means it gets in meanwhile.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/lib/scene.h"

#define HALF           5000 /* half-open connections */
#define MAX_HANDSHAKES 500  /* of them */

static int
setup(void **state)
{
	/* Ours, and the gateway's, which inherits the hard limit. */
	return scene_many_files(HALF + 200) ? scene_setup(state) : -1;
}

static void
prepare(void)
{
	scene_prepare();
	gateway_set(&gw, "workers", "1");
}

static void
set_number(const char *place, int n)
{
	char *json = xasprintf("%d", n);

	gateway_set(&gw, place, json);
	free(json);
}

/*
 * Five thousand at once, more than may shake hands: silent ones, and ones that
 * send an octet at a time. Those beyond the limit are turned away; those
 * within it make room, after a moment, for whoever means it.
 */
static void
wave(struct pollfd *p)
{
	static const unsigned char hello[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc};
	size_t fds = pid_num_fds(gw.proc.pid);
	long long from;
	int left = HALF, round = 0;

	for (int i = 0; i < HALF; i++)
		p[i] =
		    (struct pollfd){.fd = tcp_dial(gw.port), .events = POLLIN};
	from = mono_ms();
	while (tls_try(&town, "good", gw.port, 0) != TLS_IN)
		assert_true(mono_ms() - from < WAIT_MS);
	assert_true(pid_num_fds(gw.proc.pid) < fds + MAX_HANDSHAKES + 20);
	print_message("# somebody who means it gets in after %lld ms\n",
	    mono_ms() - from);
	while (left > 0) {
		unsigned char byte = (size_t)round < sizeof(hello)
		    ? hello[round]
		    : (unsigned char)round;

		round++;
		/* From then on not a moment goes by without one. */
		assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
		for (int i = 1; i < HALF; i += 2)
			if (p[i].fd >= 0)
				(void)!send(p[i].fd, &byte, 1, MSG_NOSIGNAL);
		assert_true(poll(p, HALF, 100) >= 0);
		for (int i = 0; i < HALF; i++) {
			char buf[64];

			if (p[i].fd < 0 || p[i].revents == 0 ||
			    recv(p[i].fd, buf, sizeof(buf), 0) > 0)
				continue;
			close(p[i].fd);
			p[i].fd = -1;
			left--;
		}
	}
	scene_await_fds(fds + 4);
}

static void
half_open_and_slow(void **state)
{
	struct pollfd *p = xcalloc(HALF, sizeof(*p));
	const char *build = getenv("BUILD");
	unsigned beyond;
	size_t rss;

	(void)state;
	prepare();
	gateway_set(&gw, "revocation.deadline_ms", "1000");
	gateway_set(&gw, "limits.handshake_timeout_ms", "2500");
	set_number("limits.max_handshakes", MAX_HANDSHAKES);
	gateway_set(&gw, "rest.users", REST_CHEAP_USERS);
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	wave(p);
	rss = pid_rss_bytes(gw.proc.pid);
	/* Each end is counted as what it was. */
	beyond = workers_counted(&gw, "shed_handshakes") +
	    workers_counted(&gw, "shed_slow");
	assert_true(beyond > HALF / 2);
	assert_true(workers_counted(&gw, "shed_slow") > 0);
	assert_true(workers_counted(&gw, "timeouts_handshake") > 0);
	assert_true(
	    beyond + workers_counted(&gw, "timeouts_handshake") >= HALF);
	workers_must_count(&gw, "connections_open", 0);
	assert_true(proc_says(&gw.proc, "handshake took too long"));
	assert_true(proc_says(&gw.proc, "handshake too slow while others"));
	/*
	 * What it took the first time is there for the second: holes in the
	 * heap aside, which five waves have been seen to fill.
	 */
	wave(p);
	if (build != NULL && strstr(build, "/debug") != NULL)
		assert_true(
		    pid_rss_bytes(gw.proc.pid) < rss + 40UL * 1024 * 1024);
	free(p);
}

/* From another loopback address than the good peer's. */
static int
dial_from(const char *address)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)gw.port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, address, &from.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/*
 * Silent ones of one address take every place again and again, none of them
 * slow yet. Who comes from another gets in each time, whichever worker either
 * is with, and the node dials out.
 */
static void
one_address_shuts_nobody_out(void **state)
{
	enum {
		PLACES = 50,
		ROUNDS = 15
	};
	int fds[ROUNDS][2 * PLACES];
	char *line, *value;
	int fd;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "workers", "2");
	gateway_set(&gw, "limits.handshake_timeout_ms", "30000");
	gateway_set(&gw, "links",
	    "[{\"name\":\"a\",\"listen\":\"127.0.0.1:0\","
	    "\"peers\":[\"127.0.0.1:1\"],\"server_name\":\"localhost\"}]");
	set_number("limits.max_handshakes", PLACES);
	gateway_start(&gw);
	for (int r = 0; r < ROUNDS; r++) {
		for (int i = 0; i < 2 * PLACES; i++)
			fds[r][i] = dial_from("127.0.0.2");
		assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	}
	assert_true(workers_counted(&gw, "shed_slow") > 0);
	/* Nobody answers there, but it was tried. */
	gw.proc.mark = 0;
	line = proc_await(&gw.proc, "ready listen=", WAIT_MS);
	value = line_value(line, "link-a");
	fd = tcp_dial(atoi(strrchr(value, ':') + 1));
	gateway_must_say(&gw, "cannot reach peer");
	close(fd);
	free(value);
	free(line);
	for (int r = 0; r < ROUNDS; r++)
		for (int i = 0; i < 2 * PLACES; i++)
			close(fds[r][i]);
}

/* No more than a second's worth and what time has added to it. */
static void
handshakes_a_second(void **state)
{
	long long from;
	int in = 0, tries = 0, fds[40];

	(void)state;
	prepare();
	gateway_set(&gw, "limits.handshakes_per_sec", "5");
	gateway_start(&gw);
	from = mono_ms();
	/* A crowd first, faster than any handshake. */
	for (int i = 0; i < 40; i++)
		fds[i] = tcp_dial(gw.port);
	for (int i = 0; i < 40; i++)
		close(fds[i]);
	while (in < 10 && tries++ < 20000)
		if (tls_try(&town, "good", gw.port, 0) == TLS_IN)
			in++;
	assert_int_equal(in, 10);
	/* Five of the crowd had the beginning's: two seconds at least. */
	assert_true(mono_ms() - from >= 1950);
	assert_true(proc_says(&gw.proc, "too many handshakes a second"));
	assert_true(workers_counted(&gw, "shed_rate") > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(half_open_and_slow),
	    SCENE(one_address_shuts_nobody_out),
	    SCENE(handshakes_a_second),
	};

	return cmocka_run_group_tests_name(
	    "flood", tests, setup, scene_teardown);
}
