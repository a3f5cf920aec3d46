/*
 * What becomes known between a peer's verdict and its first byte counts, too:
 * it is let in, waits for the node, and is asked about once more before it
 * reaches the node.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/scene.h"

#define SUBJECTS                       \
	"/mgm/0123456789AB/mutual-tls" \
	"/allowed-client-certificate-subjects"

/* The node's socket: bound, and refusing all until it listens. */
static int node;

/* A peer that is in, and waits for a node that does not answer. */
static void
wait_for_node(struct tls *t)
{
	struct sockaddr_in sa = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	char *addresses, *cert = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key");
	const struct tls_options o = {.cert = cert, .key = key};

	node = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(node >= 0);
	assert_int_equal(bind(node, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(node, (struct sockaddr *)&sa, &len), 0);
	addresses = xasprintf("[\"127.0.0.1:%d\"]", ntohs(sa.sin_port));
	scene_prepare();
	gateway_set(&gw, "node.addresses", addresses);
	gateway_set(&gw, "node.retry_ms", "100");
	gateway_set(&gw, "node.max_retries", "1000");
	gateway_set(&gw, "recheck.grace_ms", "0");
	gateway_set(&gw, "recheck.jitter_ms", "0");
	gateway_start(&gw);
	assert_true(tls_connect(t, gw.port, &o));
	gateway_must_say(&gw, "allowed inbound peer 'C=GB,L=London,O=good'");
	gateway_must_say(&gw, "does not answer");
	free(addresses);
	free(cert);
	free(key);
}

static void
node_listens(void)
{
	assert_int_equal(listen(node, 8), 0);
}

static void
must_be_cut(struct tls *t)
{
	tls_must_be_cut(t);
	close(node);
	gateway_must_say(
	    &gw, "cutting off inbound peer 'C=GB,L=London,O=good'");
}

static void
nothing_has_changed(void **state)
{
	struct pollfd p;
	char buf[8] = "";
	struct tls t;
	int fd;

	(void)state;
	wait_for_node(&t);
	assert_int_equal(tls_write(&t, "hello", 5), 1);
	node_listens();
	p = (struct pollfd){.fd = node, .events = POLLIN};
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	fd = accept(node, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(recv(fd, buf, 5, MSG_WAITALL), 5);
	assert_string_equal(buf, "hello");
	close(fd);
	close(node);
	tls_free(&t);
}

static void
an_entry_of_the_denylist(void **state)
{
	char *path = town_path(&town, "peers/good.pem");
	char *pem = file_need(path, NULL), *body;
	cJSON *o = cJSON_CreateObject();
	struct tls t;
	struct web w;

	(void)state;
	wait_for_node(&t);
	cJSON_AddStringToObject(o, "certificate", pem);
	cJSON_AddStringToObject(o, "reason", "stolen laptop");
	body = cJSON_PrintUnformatted(o);
	rest(&gw, &w, "POST", "/denylist", body);
	assert_int_equal(w.status, 201);
	node_listens();
	must_be_cut(&t);
	web_free(&w);
	free(body);
	cJSON_Delete(o);
	free(pem);
	free(path);
}

static void
a_list_of_subjects(void **state)
{
	struct tls t;

	(void)state;
	wait_for_node(&t);
	rest_expect(&gw, "PUT", SUBJECTS "/O%3Dsomebody,%20C%3DGB", 204);
	node_listens();
	must_be_cut(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(nothing_has_changed),
	    SCENE(an_entry_of_the_denylist),
	    SCENE(a_list_of_subjects),
	};

	return cmocka_run_group_tests_name(
	    "meanwhile", tests, scene_setup, scene_teardown);
}
