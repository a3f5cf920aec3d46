/*
 * One address, one gateway: a second one that is to listen where the first
 * one does, for peers, the node or REST, does not start, and neither does a
 * reload get there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/scene.h"

#define ROUNDS 5

static struct gateway other;

static int
setup(void **state)
{
	(void)state;
	/* Several workers, so several sockets that share the address. */
	scene_up("workers", "3", "listen",
	    "[\"127.0.0.1:0\", \"unix:peers.sock\"]", "revocation.mode",
	    "\"HARD_FAIL\"", "links",
	    "[{\"name\":\"a\",\"listen\":\"127.0.0.1:0\","
	    "\"peers\":[\"127.0.0.1:1\"],\"server_name\":\"localhost\"}]");
	gateway_prepare(&other, "other", &town);
	/* It would let everybody in. */
	gateway_set(&other, "revocation.mode", "\"OFF\"");
	gateway_set(&other, "workers", "3");
	return 0;
}

static int
teardown(void **state)
{
	gateway_free(&other);
	return scene_teardown(state);
}

/* The port that the ready line has for a listener. */
static int
port_of(const char *name)
{
	char *line, *value;
	int port;

	gw.proc.mark = 0;
	line = proc_await(&gw.proc, "ready listen=", WAIT_MS);
	assert_non_null(line);
	value = line_value(line, name);
	assert_non_null(value);
	port = atoi(strrchr(value, ':') + 1);
	free(value);
	free(line);
	return port;
}

/* With this in its configuration it says that this address is in use. */
static void
must_not_start(const char *place, const char *json, const char *address)
{
	char *says = xasprintf("'%s': Address already in use", address);

	gateway_set(&other, place, json);
	gateway_must_refuse(&other, says);
	free(says);
}

static void
not_where_peers_are_awaited(void **state)
{
	char *address = xasprintf("127.0.0.1:%d", gw.port);
	char *any = xasprintf("0.0.0.0:%d", gw.port);
	char *json = xasprintf("\"%s\"", address);
	char *json_any = xasprintf("\"%s\"", any);

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		must_not_start("listen", json, address);
		/* Who is revoked has one way in, and it is shut. */
		assert_int_not_equal(
		    tls_try(&town, "revoked", gw.port, 0), TLS_IN);
	}
	must_not_start("listen", json_any, any);
	gateway_set(&other, "listen", "\"127.0.0.1:0\"");
	free(json);
	free(json_any);
	free(any);
	free(address);
}

static void
not_where_the_node_is_awaited(void **state)
{
	char *address = xasprintf("127.0.0.1:%d", port_of("link-a"));
	char *json = xasprintf("[{\"name\":\"a\",\"listen\":\"%s\",\"peers\":["
			       "\"127.0.0.1:1\"],\"server_name\":\"localhost\""
			       "}]",
	    address);

	(void)state;
	must_not_start("links", json, address);
	gateway_set(&other, "links", NULL);
	free(json);
	free(address);
}

static void
not_where_operators_are_awaited(void **state)
{
	char *address = xasprintf("127.0.0.1:%d", gw.rest_port);
	char *json = xasprintf("\"%s\"", address);

	(void)state;
	must_not_start("rest.listen", json, address);
	gateway_set(&other, "rest.listen", "\"127.0.0.1:0\"");
	free(json);
	free(address);
}

static void
not_on_a_socket_file_that_lives(void **state)
{
	(void)state;
	must_not_start("listen", "\"unix:peers.sock\"", "unix:peers.sock");
	gateway_set(&other, "listen", "\"127.0.0.1:0\"");
	must_not_start("rest.listen", "\"unix:peers.sock\"", "unix:peers.sock");
	assert_int_equal(access("peers.sock", F_OK), 0);
	gateway_set(&other, "rest.listen", "\"127.0.0.1:0\"");
}

/* Nor on one whose process is so busy that it takes no more callers. */
static void
not_on_a_socket_file_that_is_busy(void **state)
{
	const struct sockaddr_un un = {
	    .sun_family = AF_UNIX, .sun_path = "busy.sock"};
	const struct sockaddr *name = (const struct sockaddr *)&un;
	int busy = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int callers[4];

	(void)state;
	assert_true(busy >= 0);
	assert_int_equal(bind(busy, name, sizeof(un)), 0);
	assert_int_equal(listen(busy, 0), 0);
	for (size_t i = 0; i < 4; i++) {
		callers[i] = socket(
		    AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(callers[i], name, sizeof(un));
	}
	assert_int_equal(errno, EAGAIN);
	must_not_start("listen", "\"unix:busy.sock\"", "unix:busy.sock");
	assert_int_equal(access("busy.sock", F_OK), 0);
	gateway_set(&other, "listen", "\"127.0.0.1:0\"");
	for (size_t i = 0; i < 4; i++)
		close(callers[i]);
	close(busy);
}

static void
not_by_a_reload(void **state)
{
	char *json = xasprintf("\"127.0.0.1:%d\"", gw.port);
	struct web w;
	int port;

	(void)state;
	gateway_start(&other);
	port = other.port;
	gateway_set(&other, "listen", json);
	gateway_write(&other);
	rest(&other, &w, "POST", "/reload", "");
	assert_int_not_equal(w.status / 100, 2);
	if (strstr(w.body, "in use") == NULL)
		fail_msg("not said: %s", w.body);
	web_free(&w);
	assert_int_equal(tls_try(&town, "good", port, 0), TLS_IN);
	gateway_set(&other, "listen", "\"127.0.0.1:0\"");
	gateway_stop(&other);
	free(json);
}

static void
reload_to(struct gateway *g, const char *listen, const char *refused)
{
	struct web w;

	gateway_set(g, "listen", listen);
	gateway_write(g);
	rest(g, &w, "POST", "/reload", "");
	if (refused == NULL ? w.status / 100 != 2
			    : strstr(w.body, refused) == NULL)
		fail_msg("%s: %ld %s", listen, w.status, w.body);
	web_free(&w);
}

/* Who meets a socket that is just being closed comes again. */
static void
must_get_in(int port)
{
	long long end = mono_ms() + WAIT_MS;

	while (tls_try(&town, "good", port, 0) != TLS_IN)
		assert_true(mono_ms() < end);
}

/* One host becomes all of them and back: our own socket is no obstacle. */
static void
a_reload_widens_and_narrows(void **state)
{
	struct gateway third;
	char *one, *all;
	struct tls t;
	int port;

	(void)state;
	gateway_start(&other);
	port = other.port;
	one = xasprintf("\"127.0.0.1:%d\"", port);
	all = xasprintf("\"0.0.0.0:%d\"", port);
	gateway_prepare(&third, "third", &town);
	tls_enter(&t, &town, "good", port, 0);
	for (int i = 0; i < 2; i++) {
		reload_to(&other, all, NULL);
		must_get_in(port);
		gateway_set(&third, "listen", one);
		gateway_must_refuse(&third, "in use");
		reload_to(&other, one, NULL);
		must_get_in(port);
		gateway_set(&third, "listen", all);
		gateway_must_refuse(&third, "in use");
	}
	assert_int_equal(tls_echo(&t), 1);
	tls_free(&t);
	gateway_set(&other, "listen", "\"127.0.0.1:0\"");
	gateway_stop(&other);
	gateway_free(&third);
	free(one);
	free(all);
}

/* Another gateway's on the same port is one, though the kernel would let us. */
static void
a_reload_does_not_join_another(void **state)
{
	struct gateway third;
	char *beside, *all, *two;
	int port;

	(void)state;
	gateway_start(&other);
	port = other.port;
	beside = xasprintf("\"127.0.0.2:%d\"", port);
	all = xasprintf("\"0.0.0.0:%d\"", port);
	two = xasprintf("[\"127.0.0.1:%d\", \"0.0.0.0:%d\"]", port, port);
	reload_to(&other, two, "in use");
	gateway_prepare(&third, "third", &town);
	gateway_set(&third, "listen", beside);
	gateway_start(&third);
	reload_to(&other, all, "in use");
	assert_int_equal(tls_try(&town, "good", port, 0), TLS_IN);
	gateway_stop(&third);
	gateway_free(&third);
	reload_to(&other, all, NULL);
	must_get_in(port);
	gateway_set(&other, "listen", "\"127.0.0.1:0\"");
	gateway_stop(&other);
	free(beside);
	free(all);
	free(two);
}

static void
begin(struct gateway *g)
{
	char *path = bin_path("p2p-gateway");
	char *file = xasprintf("%s.json", g->name);
	char *log = xasprintf("%s.log", g->name);
	const char *argv[] = {path, "--config", file, NULL};

	gateway_write(g);
	(void)remove(log);
	proc_start(&g->proc, g->name, log, argv);
	free(path);
	free(file);
	free(log);
}

/* Whether it listens; the other thing it may say is that it cannot. */
static bool
listens(struct gateway *g)
{
	char *line = proc_await(&g->proc, "listen", WAIT_MS);
	bool ok;

	if (line == NULL)
		fail_msg(
		    "%s says nothing: %s", g->name, proc_log_end(&g->proc));
	ok = strstr(line, "ready listen=") != NULL;
	if (!ok && strstr(line, "in use") == NULL)
		fail_msg("%s: %s", g->name, line);
	free(line);
	return ok;
}

/* Two that start at the same moment: one of them does. */
static void
one_of_two_at_once(void **state)
{
	const char *const places[] = {NULL, "\"unix:both.sock\""};
	struct gateway second;
	char *json;

	(void)state;
	/* A port that was the kernel's choice a moment ago. */
	gateway_start(&other);
	json = xasprintf("\"127.0.0.1:%d\"", other.port);
	gateway_stop(&other);
	gateway_prepare(&second, "second", &town);
	for (size_t i = 0; i < 2 * ROUNDS; i++) {
		const char *listen = places[i % 2] ? places[i % 2] : json;
		bool a, b;

		gateway_set(&other, "listen", listen);
		gateway_set(&second, "listen", listen);
		begin(&other);
		begin(&second);
		a = listens(&other);
		b = listens(&second);
		if (a == b)
			fail_msg("%s of two listen on %s", a ? "both" : "none",
			    listen);
		proc_stop(&other.proc, WAIT_MS);
		proc_stop(&second.proc, WAIT_MS);
		proc_cleanup(&other.proc);
		proc_cleanup(&second.proc);
	}
	gateway_free(&second);
	free(json);
}

/* What a crash has left is no obstacle, nor is one that drains. */
static void
the_next_one_starts(void **state)
{
	struct gateway next;
	struct tls t;
	char *json;

	(void)state;
	gateway_set(&other, "listen", "\"unix:left.sock\"");
	gateway_start(&other);
	proc_signal(&other.proc, 9);
	(void)proc_wait(&other.proc, WAIT_MS);
	proc_cleanup(&other.proc);
	assert_int_equal(access("left.sock", F_OK), 0);
	gateway_start(&other);
	gateway_stop(&other);
	assert_int_not_equal(access("left.sock", F_OK), 0);

	gateway_set(&other, "listen", "\"127.0.0.1:0\"");
	gateway_start(&other);
	json = xasprintf("\"127.0.0.1:%d\"", other.port);
	tls_enter(&t, &town, "good", other.port, 0);
	proc_signal(&other.proc, 15);
	gateway_must_say(&other, "draining");
	gateway_prepare(&next, "next", &town);
	gateway_set(&next, "listen", json);
	gateway_start(&next);
	assert_int_equal(tls_echo(&t), 1);
	tls_free(&t);
	gateway_free(&next);
	/* Nobody is in any more: it ends by itself; to be told twice kills. */
	assert_int_equal(proc_wait(&other.proc, WAIT_MS), 0);
	proc_cleanup(&other.proc);
	free(json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(not_where_peers_are_awaited),
	    cmocka_unit_test(not_where_the_node_is_awaited),
	    cmocka_unit_test(not_where_operators_are_awaited),
	    cmocka_unit_test(not_on_a_socket_file_that_lives),
	    cmocka_unit_test(not_on_a_socket_file_that_is_busy),
	    cmocka_unit_test(not_by_a_reload),
	    cmocka_unit_test(a_reload_widens_and_narrows),
	    cmocka_unit_test(a_reload_does_not_join_another),
	    cmocka_unit_test(one_of_two_at_once),
	    cmocka_unit_test(the_next_one_starts),
	};

	return cmocka_run_group_tests_name(
	    "one_address", tests, setup, teardown);
}
