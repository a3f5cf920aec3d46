/*
 * IPv6 and Unix sockets wherever there is an address: two gateways, the node
 * of the far one and the node of the near one being us, and not one IPv4
 * address among them but the REST server's.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/lib/gateway.h"

static struct town town;
static struct gateway far, near;
static int node6, node_unix; /* listeners of the far node; -1: no IPv6 */
static int port_link, port_connect;

static void
set(struct gateway *g, const char *place, char *json)
{
	gateway_set(g, place, json);
	free(json);
}

/* Port of `name` in the ready line, whose host must be ::1. */
static int
port6(struct gateway *g, const char *name)
{
	char *line, *value, *at;
	int port;

	g->proc.mark = 0;
	line = proc_await(&g->proc, "ready listen=", WAIT_MS);
	assert_non_null(line);
	value = line_value(line, name);
	assert_non_null(value);
	at = strstr(value, "[::1]:");
	if (at == NULL)
		fail_msg("%s is %s", name, value);
	port = at != NULL ? atoi(at + 6) : 0;
	free(value);
	free(line);
	return port;
}

static int
listen6(int *port)
{
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t len = sizeof(in6);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&in6, len) != 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in6, &len), 0);
	*port = ntohs(in6.sin6_port);
	return fd;
}

static int
unix_socket(const char *path, struct sockaddr_un *un)
{
	*un = (struct sockaddr_un){.sun_family = AF_UNIX};
	assert_true(strlen(path) < sizeof(un->sun_path));
	memcpy(un->sun_path, path, strlen(path));
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int
listen_unix(const char *path)
{
	struct sockaddr_un un;
	int fd = unix_socket(path, &un);

	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static int
dial_unix(const char *path)
{
	struct sockaddr_un un;
	int fd = unix_socket(path, &un);

	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

static int
dial6(int port)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT,
	    .sin6_port = htons((uint16_t)port)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&in6, sizeof(in6)), 0);
	return fd;
}

static char *
identity(const char *what)
{
	return xasprintf("[{\"name\":\"own\",\"certificate\":\"%s/%s.pem\","
			 "\"key\":\"%s/%s.key\"}]",
	    town.dir, what, town.dir, what);
}

static int
setup(void **state)
{
	int node_port, far_port;

	(void)state;
	node6 = listen6(&node_port);
	if (node6 < 0)
		return 0;
	node_unix = listen_unix("node.sock");
	town_start(&town, "net", NULL);
	town_ca(&town, "leaf", "doorman", "servers/six", "--kind", "server",
	    "--san", "DNS:localhost,IP:::1", NULL);
	gateway_prepare(&far, "far", &town);
	set(&far, "identities", identity("servers/six"));
	gateway_set(&far, "listen", "[\"[::1]:0\", \"unix:far.sock\"]");
	set(&far, "node.addresses",
	    xasprintf("[\"[::1]:%d\", \"unix:node.sock\"]", node_port));
	gateway_set(&far, "node.proxy_protocol", "\"v2\"");
	gateway_start(&far);
	far_port = port6(&far, "listen");
	gateway_prepare(&near, "near", &town);
	set(&near, "identities", identity("peers/good"));
	gateway_set(&near, "listen", "\"[::1]:0\"");
	gateway_set(&near, "rest.listen", "\"[::1]:0\"");
	set(&near, "links",
	    xasprintf("[{\"name\":\"a\",\"listen\":\"unix:a.sock\","
		      "\"peers\":[\"[::1]:%d\"],\"server_name\":\"::1\"},"
		      "{\"name\":\"b\",\"listen\":\"[::1]:0\","
		      "\"peers\":[\"unix:far.sock\"],"
		      "\"server_name\":\"localhost\"},"
		      "{\"name\":\"c\",\"listen\":\"unix:c.sock\","
		      "\"peers\":[\"[::1]:%d\"],\"server_name\":\"::2\"}]",
		far_port, far_port));
	set(&near, "connect",
	    xasprintf("{\"listen\":\"unix:connect.sock\","
		      "\"allow\":[\"[::1]:%d\"]}",
		far_port));
	gateway_start(&near);
	port_link = port6(&near, "link-b");
	port_connect = far_port;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (node6 < 0)
		return 0;
	gateway_free(&near);
	gateway_free(&far);
	town_stop(&town);
	close(node6);
	close(node_unix);
	return 0;
}

/* Reads until len bytes or the end are there; returns how many. */
static size_t
read_all(int fd, void *buf, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t have = 0;
	ssize_t n;

	while (have < len) {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = read(fd, (char *)buf + have, len - have);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	return have;
}

/* What the far node gets: a PROXY header of this family, then the bytes. */
static void
passes_through(int fd, int node, unsigned char family)
{
	struct pollfd p = {.fd = node, .events = POLLIN};
	unsigned char head[16];
	char rest[1024], buf[8] = "";
	size_t len;
	int end;

	assert_int_equal(send(fd, "ping", 4, MSG_NOSIGNAL), 4);
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	end = accept(node, NULL, NULL);
	assert_true(end >= 0);
	assert_int_equal(read_all(end, head, sizeof(head)), sizeof(head));
	assert_memory_equal(head, "\r\n\r\n\0\r\nQUIT\n", 12);
	assert_int_equal(head[13], family);
	len = (size_t)head[14] << 8 | head[15];
	assert_true(len < sizeof(rest));
	assert_int_equal(read_all(end, rest, len), len);
	assert_int_equal(read_all(end, buf, 4), 4);
	assert_string_equal(buf, "ping");
	assert_int_equal(send(end, "pong", 4, MSG_NOSIGNAL), 4);
	assert_int_equal(read_all(fd, buf, 4), 4);
	assert_string_equal(buf, "pong");
	close(end);
	close(fd);
}

#define TCP6 0x21
#define NONE 0 /* an unnamed Unix socket has no address to tell */

static void
from_unix_over_ipv6(void **state)
{
	(void)state;
	if (node6 < 0)
		skip();
	for (int i = 0; i < 4; i++)
		passes_through(dial_unix("a.sock"), node6, TCP6);
}

static void
from_ipv6_over_unix(void **state)
{
	(void)state;
	if (node6 < 0)
		skip();
	for (int i = 0; i < 4; i++)
		passes_through(dial6(port_link), node6, NONE);
}

/* The address is the name that is verified, and it is not in there. */
static void
another_address_is_refused(void **state)
{
	char byte;
	int fd;

	(void)state;
	if (node6 < 0)
		skip();
	fd = dial_unix("c.sock");
	assert_int_equal(read_all(fd, &byte, 1), 0);
	assert_true(proc_says(&near.proc, "address mismatch"));
	close(fd);
}

static void
connect_on_a_unix_socket(void **state)
{
	static const char ok[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	char *request, buf[sizeof(ok)] = "";
	int fd;

	(void)state;
	if (node6 < 0)
		skip();
	fd = dial_unix("connect.sock");
	request = xasprintf("CONNECT [::1]:%d HTTP/1.1\r\n\r\n", port_connect);
	assert_int_equal(
	    send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	assert_int_equal(read_all(fd, buf, sizeof(ok) - 1), sizeof(ok) - 1);
	assert_string_equal(buf, ok);
	passes_through(fd, node6, TCP6);
	free(request);
}

/* The first address of the node is gone: the second, a Unix socket, serves. */
static void
a_node_of_both(void **state)
{
	(void)state;
	if (node6 < 0)
		skip();
	close(node6);
	node6 = dup(node_unix);
	passes_through(dial_unix("a.sock"), node_unix, TCP6);
}

static void
rest_on_ipv6(void **state)
{
	char *url;
	struct web w;

	(void)state;
	if (node6 < 0)
		skip();
	url = xasprintf("https://[::1]:%d/api/v1/status", port6(&near, "rest"));
	web_request(&w, "GET", url, REST_USER, NULL, NULL);
	assert_int_equal(w.status, 200);
	web_free(&w);
	free(url);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(from_unix_over_ipv6),
	    cmocka_unit_test(from_ipv6_over_unix),
	    cmocka_unit_test(another_address_is_refused),
	    cmocka_unit_test(connect_on_a_unix_socket),
	    cmocka_unit_test(rest_on_ipv6),
	    cmocka_unit_test(a_node_of_both),
	};

	return cmocka_run_group_tests_name("families", tests, setup, teardown);
}
