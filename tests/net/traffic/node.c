/*
 * What stands on either side of the door: several nodes, none, the PROXY
 * header; several identities, IPv6, Unix sockets; and what happens to who is
 * connected when the configuration is loaded again or the gateway ends.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "tests/lib/scene.h"

static void
set(const char *place, char *json)
{
	gateway_set(&gw, place, json);
	free(json);
}

#define PROXY_MAX 4096

static X509 *
cert_read(const char *path)
{
	FILE *f = fopen(path, "r");
	X509 *x = f == NULL ? NULL : PEM_read_X509(f, NULL, NULL, NULL);

	assert_non_null(x);
	fclose(f);
	return x;
}

static int
listen_somewhere(int *port)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

/* Nodes. */

static void
the_second_node_takes_over(void **state)
{
	int port, fd = listen_somewhere(&port);

	(void)state;
	close(fd); /* nobody is there now */
	scene_prepare();
	set("node.addresses",
	    xasprintf(
		"[\"127.0.0.1:%d\",\"127.0.0.1:%d\"]", port, town.node.port));
	gateway_start(&gw);
	for (int i = 0; i < 5; i++)
		assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	gateway_must_say(&gw, "does not answer");
	/* Out of favour, it is not asked each time. */
	assert_true(proc_count(&gw.proc, "does not answer") <= 2);
}

static void
a_node_by_name(void **state)
{
	(void)state;
	scene_prepare();
	set("node.addresses", xasprintf("[\"localhost:%d\"]", town.node.port));
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
}

static void
no_node_is_a_clean_refusal(void **state)
{
	char *cert = xasprintf("%s/peers/good.pem", town.dir);
	char *key = xasprintf("%s/peers/good.key", town.dir);
	const struct tls_options o = {.cert = cert, .key = key};
	int port, fd = listen_somewhere(&port);
	struct tls t;
	char byte;

	(void)state;
	close(fd);
	scene_prepare();
	set("node.addresses", xasprintf("[\"127.0.0.1:%d\"]", port));
	gateway_set(&gw, "node.retry_ms", "50");
	gateway_set(&gw, "node.max_retries", "2");
	gateway_start(&gw);
	assert_int_equal(tls_connect(&t, gw.port, &o), 1);
	assert_int_equal(tls_read(&t, &byte, 1), 0); /* close_notify */
	assert_int_equal(t.alert, -1);
	tls_free(&t);
	gateway_must_say(&gw, "no node reachable");
	free(cert);
	free(key);
}

static void
a_node_on_a_unix_socket(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), node;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char *cert = xasprintf("%s/peers/good.pem", town.dir);
	char *key = xasprintf("%s/peers/good.key", town.dir);
	const struct tls_options o = {.cert = cert, .key = key};
	struct tls t;
	char buf[8] = "";

	(void)state;
	strcpy(un.sun_path, "node.sock");
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 8), 0);
	scene_prepare();
	gateway_set(&gw, "node.addresses", "[\"unix:node.sock\"]");
	gateway_start(&gw);
	assert_int_equal(tls_connect(&t, gw.port, &o), 1);
	assert_true(tls_write(&t, "hello", 5));
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	node = accept(fd, NULL, NULL);
	p.fd = node;
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(read(node, buf, 5), 5);
	assert_string_equal(buf, "hello");
	close(node);
	close(fd);
	unlink("node.sock");
	tls_free(&t);
	free(cert);
	free(key);
}

/* The header comes first, whole, and tells the truth. */
static void
the_proxy_header(void **state)
{
	int port, fd = listen_somewhere(&port), node;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char *cert = xasprintf("%s/peers/good.pem", town.dir);
	char *key = xasprintf("%s/peers/good.key", town.dir);
	const struct tls_options o = {.cert = cert,
	    .key = key,
	    .name = "gw.example",
	    .version = TLS1_3_VERSION};
	unsigned char buf[PROXY_MAX], der[PROXY_MAX], *end = der;
	struct sockaddr_in own;
	socklen_t own_len = sizeof(own);
	size_t have = 0, need = 16 + 12;
	int der_len;
	X509 *leaf;
	struct tls t;

	(void)state;
	scene_prepare();
	set("node.addresses", xasprintf("[\"127.0.0.1:%d\"]", port));
	gateway_set(&gw, "node.proxy_protocol", "\"v2\"");
	gateway_set(&gw, "node.proxy_certificate", "true");
	gateway_start(&gw);
	assert_int_equal(tls_connect(&t, gw.port, &o), 1);
	assert_true(tls_write(&t, "hello", 5));
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	node = accept(fd, NULL, NULL);
	assert_true(node >= 0);
	p.fd = node;
	while (have < need) {
		ssize_t n;

		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = read(node, buf + have, sizeof(buf) - have);
		assert_true(n > 0);
		have += (size_t)n;
		if (have >= 16)
			need = 16u + (size_t)(buf[14] << 8 | buf[15]) + 5;
	}
	assert_memory_equal(buf, "\r\n\r\n\0\r\nQUIT\n", 12);
	assert_int_equal(buf[12], 0x21);
	assert_int_equal(buf[13], 0x11);
	assert_int_equal(
	    getsockname(t.fd, (struct sockaddr *)&own, &own_len), 0);
	assert_memory_equal(buf + 16, &own.sin_addr, 4);
	assert_memory_equal(buf + 24, &own.sin_port, 2);
	assert_int_equal(buf[26] << 8 | buf[27], gw.port);
	assert_int_equal(buf[28], 0x20);
	assert_int_equal(buf[31], 0x07);
	assert_memory_equal(buf + 32, "\0\0\0\0", 4);
	assert_memory_equal(buf + 36, "\x21\0\x07TLSv1.3", 10);
	assert_non_null(memmem(buf, need, "\xe0\0\x04good", 7));
	assert_non_null(memmem(buf, need, "\xe1\0\x20", 3));
	assert_non_null(memmem(buf, need, "\x02\0\x0agw.example", 13));
	assert_non_null(memmem(buf, need,
	    "\xe2\0\x14"
	    "C=GB,L=London,O=good",
	    23));
	/* No common name, as Corda's have none, and so no field of it. */
	assert_memory_equal(buf + 46, "\x28", 1);
	leaf = cert_read(cert);
	der_len = i2d_X509(leaf, &end);
	X509_free(leaf);
	assert_int_equal(buf[47] << 8 | buf[48], der_len);
	assert_memory_equal(buf + 49, der, (size_t)der_len);
	assert_memory_equal(buf + need - 5, "hello", 5);
	close(node);
	close(fd);
	tls_free(&t);
	free(cert);
	free(key);
}

/* Faces. */

/* 1 when the gateway shows a certificate good for name. */
static int
answers_to(const char *name)
{
	char *cert = xasprintf("%s/peers/good.pem", town.dir);
	char *key = xasprintf("%s/peers/good.key", town.dir);
	char *ca = xasprintf("%s/trust.pem", town.dir);
	const struct tls_options o = {
	    .cert = cert, .key = key, .ca = ca, .name = name};
	struct tls t;
	int ok = tls_connect(&t, gw.port, &o) && tls_echo(&t);

	tls_free(&t);
	free(cert);
	free(key);
	free(ca);
	return ok;
}

static void
identities_by_server_name(void **state)
{
	(void)state;
	town_ca(&town, "leaf", "doorman", "servers/alpha", "--kind", "server",
	    "--san", "DNS:alpha.example", NULL);
	town_ca(&town, "leaf", "doorman", "servers/beta", "--kind", "server",
	    "--san", "DNS:x.beta.example", NULL);
	scene_prepare();
	set("identities",
	    xasprintf("[{\"name\":\"default\",\"certificate\":\"%s/"
		      "gateway.pem\",\"key\":\"%s/gateway.key\"},"
		      "{\"name\":\"alpha\",\"certificate\":\"%s/servers/"
		      "alpha.pem\",\"key\":\"%s/servers/alpha.key\","
		      "\"server_names\":[\"alpha.example\"]},"
		      "{\"name\":\"beta\",\"certificate\":\"%s/servers/"
		      "beta.pem\",\"key\":\"%s/servers/beta.key\","
		      "\"server_names\":[\"*.beta.example\"]}]",
		town.dir, town.dir, town.dir, town.dir, town.dir, town.dir));
	gateway_start(&gw);
	assert_int_equal(answers_to("alpha.example"), 1);
	assert_int_equal(answers_to("x.beta.example"), 1);
	assert_int_equal(answers_to("localhost"), 1);
	/* Nobody's name: the default's certificate, which does not have it. */
	assert_int_equal(answers_to("gamma.example"), 0);
}

static int
echo_on(int fd)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char *cert = xasprintf("%s/peers/good.pem", town.dir);
	char *key = xasprintf("%s/peers/good.key", town.dir);
	struct timeval tv = {.tv_sec = WAIT_MS / 1000};
	SSL *ssl = SSL_new(ctx);
	char buf[8] = "";
	int ok;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	ok = SSL_use_certificate_chain_file(ssl, cert) == 1 &&
	    SSL_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) == 1 &&
	    SSL_set_fd(ssl, fd) && SSL_connect(ssl) == 1 &&
	    SSL_write(ssl, "echo", 4) == 4 &&
	    SSL_read(ssl, buf, sizeof(buf)) == 4 && memcmp(buf, "echo", 4) == 0;
	ERR_clear_error();
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	free(cert);
	free(key);
	close(fd);
	return ok;
}

static void
ipv6_and_unix_listeners(void **state)
{
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_INET6, SOCK_STREAM, 0), bound;
	char *line, *value;

	(void)state;
	bound = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	if (fd >= 0)
		close(fd);
	if (bound != 0)
		skip(); /* no IPv6 on this machine */
	scene_prepare();
	gateway_set(
	    &gw, "listen", "[\"127.0.0.1:0\",\"[::1]:0\",\"unix:peers.sock\"]");
	gateway_start(&gw);
	gw.proc.mark = 0;
	line = proc_await(&gw.proc, "ready listen=", WAIT_MS);
	value = line_value(line, "listen-2");
	assert_non_null(value);
	assert_memory_equal(value, "[::1]:", 6);
	in6.sin6_port = htons((uint16_t)atoi(value + 6));
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&in6, sizeof(in6)), 0);
	assert_int_equal(echo_on(fd), 1);
	strcpy(un.sun_path, "peers.sock");
	for (int i = 0; i < 4; i++) { /* whichever worker takes it */
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(
		    connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
		assert_int_equal(echo_on(fd), 1);
	}
	free(value);
	free(line);
}

static void
one_way_asks_for_no_certificate(void **state)
{
	const struct tls_options o = {0};
	struct tls t;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "tls.type", "\"ONE_WAY\"");
	gateway_start(&gw);
	assert_int_equal(tls_connect(&t, gw.port, &o), 1);
	assert_int_equal(tls_echo(&t), 1);
	tls_free(&t);
	/* Unless it is said, one is needed. */
	gateway_free(&gw);
	scene_prepare();
	gateway_start(&gw);
	assert_false(tls_connect(&t, gw.port, &o) && tls_echo(&t));
	tls_free(&t);
}

/* Changes. */

static void
reload(void)
{
	gateway_write(&gw);
	proc_signal(&gw.proc, SIGHUP);
}

static void
a_reload_cuts_whom_it_does_not_trust(void **state)
{
	struct tls good;

	(void)state;
	scene_prepare();
	gateway_start(&gw);
	tls_enter(&good, &town, "good", gw.port, 0);
	/* The same again: nobody is disturbed. */
	gateway_set(&gw, "limits.idle_timeout_ms", "50000");
	reload();
	for (int i = 0; i < 20; i++)
		assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	assert_int_equal(tls_echo(&good), 1);
	/* Other anchors: what is connected does not end in them. */
	set("trust",
	    xasprintf("[{\"group\":\"town\",\"anchors\":\"%s/foreign/"
		      "ca.pem\"}]",
		town.dir));
	reload();
	tls_must_be_cut(&good);
	/* The other worker may be a moment behind. */
	for (int i = 0; tls_try(&town, "good", gw.port, 0) != ALERT_UNKNOWN_CA;
	     i++)
		assert_true(i < 100);
}

static void
the_end_waits_for_who_is_connected(void **state)
{
	struct tls t, late;
	const struct tls_options o = {0};

	(void)state;
	scene_prepare();
	gateway_set(&gw, "limits.drain_timeout_ms", "600000");
	/* Two would stop listening one after the other. */
	gateway_set(&gw, "workers", "1");
	gateway_start(&gw);
	tls_enter(&t, &town, "good", gw.port, 0);
	proc_signal(&gw.proc, SIGTERM);
	/* When it has stopped listening, nobody new gets in. */
	for (int i = 0;; i++) {
		struct sockaddr_in in = {.sin_family = AF_INET,
		    .sin_port = htons((uint16_t)gw.port),
		    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		int rc = connect(fd, (struct sockaddr *)&in, sizeof(in));

		close(fd);
		if (rc != 0)
			break;
		assert_true(i < 100000);
	}
	assert_int_equal(tls_connect(&late, gw.port, &o), 0);
	tls_free(&late);
	assert_int_equal(tls_echo(&t), 1);
	tls_free(&t);
	assert_int_equal(proc_wait(&gw.proc, WAIT_MS), 0);
	proc_cleanup(&gw.proc);
}

static void
the_end_does_not_wait_for_ever(void **state)
{
	struct tls t;
	char byte;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "limits.drain_timeout_ms", "300");
	gateway_start(&gw);
	tls_enter(&t, &town, "good", gw.port, 0);
	proc_signal(&gw.proc, SIGTERM);
	assert_int_equal(tls_read(&t, &byte, 1), 0); /* close_notify */
	assert_int_equal(proc_wait(&gw.proc, WAIT_MS), 0);
	proc_cleanup(&gw.proc);
	tls_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(the_second_node_takes_over),
	    SCENE(a_node_by_name),
	    SCENE(no_node_is_a_clean_refusal),
	    SCENE(a_node_on_a_unix_socket),
	    SCENE(the_proxy_header),
	    SCENE(identities_by_server_name),
	    SCENE(ipv6_and_unix_listeners),
	    SCENE(one_way_asks_for_no_certificate),
	    SCENE(a_reload_cuts_whom_it_does_not_trust),
	    SCENE(the_end_waits_for_who_is_connected),
	    SCENE(the_end_does_not_wait_for_ever),
	};

	return cmocka_run_group_tests_name(
	    "node", tests, scene_setup, scene_teardown);
}
