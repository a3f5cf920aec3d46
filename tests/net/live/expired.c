/*
 * Who is let in stays for as long as the certificates hold, and no longer:
 * inbound, outbound, in HTTP mode. Everybody else stays. Both ends are told.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/scene.h"

#define HTTP_HEAD "POST /gateway/send HTTP/1.1\r\nHost: localhost"

static int
setup(void **state)
{
	return scene_setup(state);
}

/* A certificate that ends in so many seconds. */
static void
issue(const char *what, const char *kind, int sec)
{
	char *until = xasprintf("+%ds", sec);

	town_ca(&town, "leaf", "doorman", what, "--kind", kind, "--san",
	    "DNS:localhost,IP:127.0.0.1", "--until", until, NULL);
	free(until);
}

/*
 * In with a certificate that ends soon: in so few seconds as this machine is
 * quick enough for.
 */
static void
enter_shortly(struct tls *t, int version)
{
	char *cert = xasprintf("%s/peers/short.pem", town.dir);
	char *key = xasprintf("%s/peers/short.key", town.dir);
	const struct tls_options o = {
	    .cert = cert, .key = key, .version = version};

	for (int sec = 2;; sec *= 2) {
		assert_true(sec < 100);
		issue("peers/short", "peer", sec);
		if (tls_connect(t, gw.port, &o) == 1 && tls_echo(t) == 1)
			break;
		tls_free(t);
	}
	free(cert);
	free(key);
}

static void
must_be_told(struct tls *t)
{
	char byte;

	/* close_notify, not only the end of TCP */
	assert_int_equal(tls_read(t, &byte, 1), 0);
	tls_free(t);
}

static void
a_peer_goes_when_its_certificate_ends(void **state)
{
	unsigned long long closed = node_stat(&town.node, "closed");
	struct tls good, in12, in13;

	(void)state;
	scene_prepare();
	gateway_start(&gw);
	tls_enter(&good, &town, "good", gw.port, 0);
	enter_shortly(&in12, TLS1_2_VERSION);
	must_be_told(&in12);
	enter_shortly(&in13, TLS1_3_VERSION);
	must_be_told(&in13);
	node_await(&town.node, "closed", closed + 2);
	gateway_must_say(&gw, "cutting off inbound peer");
	gateway_must_say(&gw, "certificate has expired");
	gateway_settle_log(&gw);
	assert_int_equal(proc_count(&gw.proc, "cutting off inbound peer"), 2);
	workers_must_count(&gw, "recheck_closed", 2);
	assert_int_equal(tls_echo(&good), 1);
	tls_free(&good);
}

/* In the middle of a request. */
static void
so_does_one_in_http_mode(void **state)
{
	char *cert = xasprintf("%s/peers/short.pem", town.dir);
	char *key = xasprintf("%s/peers/short.key", town.dir);
	/* Whose handshake ends after the verdict. */
	const struct tls_options o = {
	    .cert = cert, .key = key, .version = TLS1_2_VERSION};
	struct tls t;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "http", "{\"paths\":[\"/gateway/send\"]}");
	gateway_start(&gw);
	for (int sec = 2;; sec *= 2) {
		assert_true(sec < 100);
		issue("peers/short", "peer", sec);
		if (tls_connect(&t, gw.port, &o) == 1)
			break;
		tls_free(&t);
	}
	assert_int_equal(tls_write(&t, HTTP_HEAD, strlen(HTTP_HEAD)), 1);
	must_be_told(&t);
	workers_must_count(&gw, "recheck_closed", 1);
	free(cert);
	free(key);
}

static void
set(struct gateway *g, const char *place, char *json)
{
	gateway_set(g, place, json);
	free(json);
}

/* The server at the other end of a link; the node here is told. */
static void
so_does_a_server_that_the_node_reached(void **state)
{
	struct gateway far;
	char *line, *value;
	char byte = 'x';
	int fd = -1;

	(void)state;
	for (int sec = 3;; sec *= 2) {
		struct pollfd p = {.events = POLLIN};

		assert_true(sec < 100);
		issue("servers/short", "server", sec);
		gateway_prepare(&far, "far", &town);
		set(&far, "identities",
		    xasprintf("[{\"name\":\"own\",\"certificate\":"
			      "\"%s/servers/short.pem\",\"key\":"
			      "\"%s/servers/short.key\"}]",
			town.dir, town.dir));
		gateway_start(&far);
		scene_prepare();
		set(&gw, "links",
		    xasprintf("[{\"name\":\"a\",\"listen\":\"127.0.0.1:0\","
			      "\"peers\":[\"127.0.0.1:%d\"],"
			      "\"server_name\":\"localhost\"}]",
			far.port));
		set(&gw, "identities",
		    xasprintf("[{\"name\":\"own\",\"certificate\":"
			      "\"%s/peers/good.pem\",\"key\":"
			      "\"%s/peers/good.key\"}]",
			town.dir, town.dir));
		gateway_start(&gw);
		gw.proc.mark = 0;
		line = proc_await(&gw.proc, "ready listen=", WAIT_MS);
		value = line_value(line, "link-a");
		fd = tcp_dial(atoi(strrchr(value, ':') + 1));
		free(value);
		free(line);
		/* An echo: it is through. */
		assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
		p.fd = fd;
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		if (recv(fd, &byte, 1, 0) == 1)
			break;
		close(fd);
		gateway_free(&far);
		gateway_free(&gw);
	}
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	gateway_must_say(&gw, "cutting off outbound peer");
	gateway_must_say(&gw, "certificate has expired");
	close(fd);
	gateway_free(&far);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(a_peer_goes_when_its_certificate_ends),
	    SCENE(so_does_one_in_http_mode),
	    SCENE(so_does_a_server_that_the_node_reached),
	};

	return cmocka_run_group_tests_name(
	    "expired", tests, setup, scene_teardown);
}
