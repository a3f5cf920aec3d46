/*
 * A new configuration under live links: each goes on under its own name, trust
 * and peer, and ends when it is configured no more, or another peer is meant.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/gateway.h"
#include "tests/lib/pkimake.h"

static struct town town;
static struct gateway far, near;

static int
setup(void **state)
{
	struct pki_ca ca;

	(void)state;
	town_start(&town, "net", NULL);
	gateway_run(&far, "far", &town);
	pki_ca_init(&ca, "somebody else's");
	pki_write("x.pem", ca.cert, NULL);
	pki_ca_cleanup(&ca);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	gateway_free(&far);
	town_stop(&town);
	return 0;
}

static int
near_end(void **state)
{
	(void)state;
	gateway_free(&near);
	return 0;
}

static void
set(const char *place, char *json)
{
	gateway_set(&near, place, json);
	free(json);
}

static char *
link_json(const char *name, const char *group, const char *server_name)
{
	return xasprintf("{\"name\":\"%s\",\"listen\":\"127.0.0.1:0\","
			 "\"peers\":[\"127.0.0.1:%d\"],\"group\":\"%s\","
			 "\"server_name\":\"%s\"}",
	    name, far.port, group, server_name);
}

/* Before it, a link whose trust would not do: nobody is to end up there. */
static void
set_link(const char *name, const char *server_name)
{
	char *other = link_json("another", "x", "localhost");
	char *this = link_json(name, "town", server_name);

	set("links", xasprintf("[%s,%s]", other, this));
	free(other);
	free(this);
}

static void
set_connect(int port)
{
	set("connect",
	    xasprintf("{\"listen\":\"127.0.0.1:0\",\"allow\":[\"127.0.0.1:2\","
		      "\"127.0.0.1:%d\"]}",
		port));
}

static void
start(void)
{
	static int num;
	char *name = xasprintf("near%d", ++num);

	gateway_prepare(&near, name, &town);
	free(name);
	set("identities",
	    xasprintf("[{\"name\":\"own\",\"certificate\":\"%s/peers/good.pem"
		      "\",\"key\":\"%s/peers/good.key\"}]",
		town.dir, town.dir));
	set("trust",
	    xasprintf("[{\"group\":\"town\",\"anchors\":\"%s/trust.pem\"},"
		      "{\"group\":\"x\",\"anchors\":\"x.pem\"}]",
		town.dir));
	gateway_set(&near, "recheck.grace_ms", "0");
	gateway_set(&near, "recheck.jitter_ms", "0");
	set_link("this", "localhost");
	set_connect(far.port);
	gateway_start(&near);
}

static int
port_of(const char *name)
{
	char *line, *value;
	int port;

	near.proc.mark = 0;
	line = proc_await(&near.proc, "ready listen=", WAIT_MS);
	value = line == NULL ? NULL : line_value(line, name);
	if (value == NULL) {
		fail_msg("no %s in the ready line", name);
		return -1;
	}
	port = atoi(strrchr(value, ':') + 1);
	free(value);
	free(line);
	return port;
}

static void
send_text(int fd, const char *text)
{
	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* 1 when exactly this comes next, 0 when the connection ends instead. */
static int
says(int fd, const char *text)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char buf[64] = "";
	size_t len = strlen(text), have = 0;
	ssize_t n;

	while (have < len) {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = read(fd, buf + have, len - have);
		if (n <= 0)
			return 0;
		have += (size_t)n;
	}
	assert_memory_equal(buf, text, len);
	return 1;
}

static int
echoes(int fd)
{
	send_text(fd, "through\n");
	return says(fd, "through\n");
}

static int
dial_link(void)
{
	int fd = tcp_dial(port_of("link-this"));

	assert_int_equal(echoes(fd), 1);
	return fd;
}

static int
dial_connect(void)
{
	char *request =
	    xasprintf("CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n", far.port);
	int fd = tcp_dial(port_of("connect"));

	send_text(fd, request);
	free(request);
	assert_int_equal(
	    says(fd, "HTTP/1.1 200 Connection established\r\n\r\n"), 1);
	assert_int_equal(echoes(fd), 1);
	return fd;
}

/* Returns when both connections have been asked about under the new one. */
static void
reload(void)
{
	unsigned before = workers_counted(&near, "rechecks");

	gateway_write(&near);
	proc_signal(&near.proc, SIGHUP);
	workers_await(&near, "rechecks", before + 2);
}

static void
must_end(int fd)
{
	assert_int_equal(says(fd, "never"), 0);
	close(fd);
}

static void
must_live(int fd)
{
	assert_int_equal(echoes(fd), 1);
	close(fd);
}

static void
each_goes_on_under_its_own_trust(void **state)
{
	int a, b;

	(void)state;
	start();
	a = dial_link();
	b = dial_connect();
	gateway_set(&near, "recheck.jitter_ms", "1");
	reload();
	must_live(a);
	must_live(b);
	assert_int_equal(proc_count(&near.proc, "cutting off"), 0);
}

static void
a_link_that_is_configured_no_more(void **state)
{
	int a, b;

	(void)state;
	start();
	a = dial_link();
	b = dial_connect();
	set_link("that", "localhost");
	reload();
	must_end(a);
	must_live(b);
	gateway_must_say(&near, "its link is not configured any more");
}

static void
a_link_that_means_another_peer(void **state)
{
	int a, b;

	(void)state;
	start();
	a = dial_link();
	b = dial_connect();
	set_link("this", "other.example");
	reload();
	must_end(a);
	must_live(b);
	gateway_must_say(&near, "ostname mismatch");
}

static void
a_target_that_is_allowed_no_more(void **state)
{
	int a, b;

	(void)state;
	start();
	a = dial_link();
	b = dial_connect();
	set_connect(far.port == 3 ? 4 : 3);
	reload();
	must_live(a);
	must_end(b);
}

static void
no_target_is_allowed_any_more(void **state)
{
	int a, b;

	(void)state;
	start();
	a = dial_link();
	b = dial_connect();
	gateway_set(&near, "connect", NULL);
	reload();
	must_live(a);
	must_end(b);
}

#define NEAR(f) cmocka_unit_test_teardown(f, near_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    NEAR(each_goes_on_under_its_own_trust),
	    NEAR(a_link_that_is_configured_no_more),
	    NEAR(a_link_that_means_another_peer),
	    NEAR(a_target_that_is_allowed_no_more),
	    NEAR(no_target_is_allowed_any_more),
	};

	return cmocka_run_group_tests_name(
	    "links_reloaded", tests, setup, teardown);
}
