/*
 * Outbound: the node dials peers through the gateway. The peer is another
 * gateway in front of the town's node; its certificate, its name and its
 * revocation are checked before a byte of the node's reaches it.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/gateway.h"

static struct town town;
static struct gateway far, far_revoked, near;
static int port_good, port_revoked, port_misnamed, port_dead, port_connect;

static int
bound_port(struct gateway *g, const char *name)
{
	char *line, *value, *colon;
	int port;

	g->proc.mark = 0;
	line = proc_await(&g->proc, "ready listen=", WAIT_MS);
	value = line == NULL ? NULL : line_value(line, name);
	if (value == NULL) {
		fail_msg("no %s in the ready line", name);
		return -1;
	}
	colon = strrchr(value, ':');
	port = colon == NULL ? 0 : atoi(colon + 1);
	free(value);
	free(line);
	return port;
}

static void
set(struct gateway *g, const char *place, char *json)
{
	gateway_set(g, place, json);
	free(json);
}

static char *
identity(const char *what)
{
	return xasprintf("[{\"name\":\"own\",\"certificate\":\"%s/%s.pem\","
			 "\"key\":\"%s/%s.key\"}]",
	    town.dir, what, town.dir, what);
}

static char *
link_json(const char *name, int port, const char *server_name)
{
	return xasprintf("{\"name\":\"%s\",\"listen\":\"127.0.0.1:0\","
			 "\"peers\":[\"127.0.0.1:%d\"],"
			 "\"server_name\":\"%s\"}",
	    name, port, server_name);
}

static void
configure_near(void)
{
	char *good = link_json("good", far.port, "localhost");
	char *revoked = link_json("revoked", far_revoked.port, "localhost");
	char *misnamed = link_json("misnamed", far.port, "other.example");
	char *dead = link_json("dead", 1, "localhost");

	gateway_prepare(&near, "near", &town);
	set(&near, "identities", identity("peers/good"));
	set(&near, "links",
	    xasprintf("[%s,%s,%s,%s]", good, revoked, misnamed, dead));
	set(&near, "connect",
	    xasprintf("{\"listen\":\"127.0.0.1:0\","
		      "\"allow\":[\"127.0.0.1:%d\",\"127.0.0.1:1\","
		      "\"*.allowed.example:443\"]}",
		far.port));
	gateway_set(&near, "log.level", "\"debug\"");
	free(good);
	free(revoked);
	free(misnamed);
	free(dead);
}

static int
setup(void **state)
{
	(void)state;
	town_start(&town, "net", NULL);
	town_ca(&town, "leaf", "doorman", "servers/revoked", "--kind", "server",
	    "--san", "DNS:localhost,IP:127.0.0.1", NULL);
	town_ca(&town, "revoke", "servers/revoked", NULL);
	gateway_run(&far, "far", &town);
	gateway_prepare(&far_revoked, "far-revoked", &town);
	set(&far_revoked, "identities", identity("servers/revoked"));
	gateway_start(&far_revoked);
	configure_near();
	gateway_start(&near);
	port_good = bound_port(&near, "link-good");
	port_revoked = bound_port(&near, "link-revoked");
	port_misnamed = bound_port(&near, "link-misnamed");
	port_dead = bound_port(&near, "link-dead");
	port_connect = bound_port(&near, "connect");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	gateway_free(&near);
	gateway_free(&far_revoked);
	gateway_free(&far);
	town_stop(&town);
	return 0;
}

/* Reads until len bytes or the end are there; returns how many. */
static size_t
read_all(int fd, char *buf, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t have = 0;
	ssize_t n;

	while (have < len) {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = read(fd, buf + have, len - have);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	return have;
}

/* 1 if a line comes back, 0 if the connection ends instead. */
static int
echoes(int fd)
{
	char buf[16];

	if (send(fd, "through\n", 8, MSG_NOSIGNAL) != 8)
		return 0;
	return read_all(fd, buf, 8) == 8 && memcmp(buf, "through\n", 8) == 0;
}

static void
a_good_peer_is_reached(void **state)
{
	int fd = tcp_dial(port_good);

	(void)state;
	assert_int_equal(echoes(fd), 1);
	gateway_must_say(&near, "allowed outbound peer");
	close(fd);
}

static void
half_closes_pass_both_ways(void **state)
{
	int fd = tcp_dial(port_good);
	char buf[16];

	(void)state;
	assert_int_equal(send(fd, "last", 4, MSG_NOSIGNAL), 4);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(read_all(fd, buf, sizeof(buf)), 4);
	close(fd);
}

static void
a_revoked_peer_hears_nothing(void **state)
{
	unsigned long long received = node_stat(&town.node, "received");
	int fd = tcp_dial(port_revoked);

	(void)state;
	assert_int_equal(echoes(fd), 0);
	close(fd);
	gateway_must_say(&near, "refused outbound peer");
	gateway_must_say(&near, "status=revoked");
	assert_int_equal(node_stat(&town.node, "received"), received);
}

/* The root of all trust is denied: links end, and no new one is made. */
static void
an_anchor_is_denied(void **state)
{
	char *path = town_path(&town, "trust.pem");
	char *pem = file_need(path, NULL), *body, *entry;
	cJSON *o = cJSON_CreateObject();
	int old = tcp_dial(port_good), fd;
	struct web w;
	char byte;

	(void)state;
	assert_int_equal(echoes(old), 1);
	cJSON_AddStringToObject(o, "certificate", pem);
	body = cJSON_PrintUnformatted(o);
	rest(&near, &w, "POST", "/denylist", body);
	assert_int_equal(w.status, 201);
	entry = xasprintf("/denylist/%s", json_text(w.json, "id"));
	web_free(&w);
	assert_int_equal(read_all(old, &byte, 1), 0);
	gateway_must_say(&near, "cutting off outbound peer");
	fd = tcp_dial(port_good);
	assert_int_equal(echoes(fd), 0);
	close(fd);
	gateway_must_say(&near, "refused outbound peer");
	rest_expect(&near, "DELETE", entry, 204);
	fd = tcp_dial(port_good);
	assert_int_equal(echoes(fd), 1);
	close(fd);
	close(old);
	free(entry);
	free(body);
	cJSON_Delete(o);
	free(pem);
	free(path);
}

static void
a_peer_under_another_name_is_refused(void **state)
{
	int fd = tcp_dial(port_misnamed);

	(void)state;
	assert_int_equal(echoes(fd), 0);
	close(fd);
	gateway_must_say(&near, "ostname mismatch");
}

static void
a_dead_peer_ends_the_connection(void **state)
{
	int fd = tcp_dial(port_dead);

	(void)state;
	assert_int_equal(echoes(fd), 0);
	close(fd);
	gateway_must_say(&near, "cannot reach peer");
}

/* CONNECT. */

/* Sends a request; expects an answer that begins so. Returns the socket. */
static int
ask(const char *request, const char *answer)
{
	int fd = tcp_dial(port_connect);
	size_t len = strlen(answer);
	char buf[64] = "";

	assert_int_equal(
	    send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	assert_int_equal(read_all(fd, buf, len), len);
	assert_string_equal(buf, answer);
	return fd;
}

static void
connect_reaches_an_allowed_peer(void **state)
{
	char *request = xasprintf("CONNECT 127.0.0.1:%d HTTP/1.1\r\n"
				  "Host: 127.0.0.1:%d\r\n\r\n",
	    far.port, far.port);
	int fd = ask(request, "HTTP/1.1 200 Connection established\r\n\r\n");

	(void)state;
	assert_int_equal(echoes(fd), 1);
	assert_int_equal(echoes(fd), 1);
	close(fd);
	free(request);
}

static void
connect_hands_on_what_came_with_it(void **state)
{
	char *request =
	    xasprintf("CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\nearly", far.port);
	int fd = ask(request, "HTTP/1.1 200 Connection established\r\n\r\n");
	char buf[8] = "";

	(void)state;
	assert_int_equal(read_all(fd, buf, 5), 5);
	assert_string_equal(buf, "early");
	close(fd);
	free(request);
}

static void
connect_refuses_what_it_should(void **state)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {
	    {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 405"},
	    {"CONNECT 127.0.0.1:2 HTTP/1.1\r\n\r\n", "HTTP/1.1 403"},
	    {"CONNECT allowed.example:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 403"},
	    {"CONNECT x.allowed.example:444 HTTP/1.1\r\n\r\n", "HTTP/1.1 403"},
	    {"CONNECT nowhere HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
	    {"CONNECT unix:/etc/passwd HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
	    {"CONNECT a@127.0.0.1:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
	    {"CONNECT\r\n\r\n", "HTTP/1.1 405"},
	    {"CONNECT  HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
	    {"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 502"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char rest[256];
		int fd = ask(cases[i].request, cases[i].answer);

		/* And it ends. */
		assert_true(read_all(fd, rest, sizeof(rest)) < sizeof(rest));
		close(fd);
	}
}

static void
a_head_without_an_end(void **state)
{
	char line[1000];
	char buf[64] = "";
	int fd = tcp_dial(port_connect);

	(void)state;
	memset(line, 'x', sizeof(line));
	/* Octets to send, no string. */
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(line, "CONNECT ", 8);
	for (int i = 0; i < 9; i++)
		(void)!send(fd, line, sizeof(line), MSG_NOSIGNAL);
	read_all(fd, buf, 12);
	assert_string_equal(buf, "HTTP/1.1 431");
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_peer_is_reached),
	    cmocka_unit_test(half_closes_pass_both_ways),
	    cmocka_unit_test(a_revoked_peer_hears_nothing),
	    cmocka_unit_test(an_anchor_is_denied),
	    cmocka_unit_test(a_peer_under_another_name_is_refused),
	    cmocka_unit_test(a_dead_peer_ends_the_connection),
	    cmocka_unit_test(connect_reaches_an_allowed_peer),
	    cmocka_unit_test(connect_hands_on_what_came_with_it),
	    cmocka_unit_test(connect_refuses_what_it_should),
	    cmocka_unit_test(a_head_without_an_end),
	};

	return cmocka_run_group_tests_name("links", tests, setup, teardown);
}
