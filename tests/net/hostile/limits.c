/*
 * Limits: what comes in is bounded in number, in time and in size; who is
 * beyond a limit is turned away, and who is within it is served meanwhile.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "tests/lib/scene.h"

#define CRL_PATH             "/certificate-revocation-list/doorman"
#define ALERT_INTERNAL_ERROR 80

static void
prepare(void)
{
	scene_prepare();
	gateway_as_stranger(&gw, &town);
	gateway_set(&gw, "workers", "1");
}

/* The gateway ends it, by FIN or reset. */
static void
must_end(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char buf[256];

	do
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	while (read(fd, buf, sizeof(buf)) > 0);
	close(fd);
}

/* Slow ones of every kind, and meanwhile a peer that is not. */
static void
slow_handshakes_end_and_harm_nobody(void **state)
{
	static const unsigned char hello[] = {0x16, 3, 1, 0, 100, 1, 0, 0, 96};
	int silent[50], begun[50];

	(void)state;
	prepare();
	/* Time enough for the one who is not slow. */
	gateway_set(&gw, "revocation.deadline_ms", "4000");
	gateway_set(&gw, "limits.handshake_timeout_ms", "8000");
	gateway_start(&gw);
	for (int i = 0; i < 50; i++) {
		silent[i] = tcp_dial(gw.port);
		begun[i] = tcp_dial(gw.port);
		assert_int_equal(
		    send(begun[i], hello, (size_t)i % 9 + 1, 0), i % 9 + 1);
	}
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	for (int i = 0; i < 50; i++) {
		must_end(silent[i]);
		must_end(begun[i]);
	}
	gateway_settle_log(&gw);
	assert_true(proc_count(&gw.proc, "handshake took too long") >= 50);
	workers_must_count(&gw, "timeouts_handshake", 100);
}

static void
garbage_is_refused(void **state)
{
	static const unsigned char record[] = {0x16, 3, 1, 0x10, 0};
	unsigned char block[4096];
	unsigned long long connections = node_stat(&town.node, "connections");

	(void)state;
	prepare();
	gateway_start(&gw);
	for (int i = 0; i < 40; i++) {
		int fd = tcp_dial(gw.port);

		assert_int_equal(RAND_bytes(block, sizeof(block)), 1);
		/* Half of them look like TLS records at first. */
		if (i % 2)
			memcpy(block, record, sizeof(record));
		(void)!send(fd, block, sizeof(block), MSG_NOSIGNAL);
		shutdown(fd, SHUT_WR);
		must_end(fd);
	}
	assert_int_equal(node_stat(&town.node, "connections"), connections);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
}

/* When a place is free again the next one gets it. */
static void
get_in_at_last(void)
{
	long long until = mono_ms() + WAIT_MS;

	while (tls_try(&town, "good", gw.port, 0) != TLS_IN)
		if (mono_ms() > until)
			fail_msg("nobody gets in any more");
}

static void
connections_are_bounded(
    const char *limit, const char *says, const char *counter)
{
	struct tls t[3];

	prepare();
	gateway_set(&gw, limit, "3");
	gateway_start(&gw);
	for (int i = 0; i < 3; i++)
		tls_enter(&t[i], &town, "good", gw.port, 0);
	must_end(tcp_dial(gw.port));
	gateway_must_say(&gw, says);
	workers_must_count(&gw, counter, 1);
	/* Those who are in do not notice. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(tls_echo(&t[i]), 1);
	tls_free(&t[0]);
	get_in_at_last();
	tls_free(&t[1]);
	tls_free(&t[2]);
}

static void
connections_in_all(void **state)
{
	(void)state;
	connections_are_bounded("limits.max_connections",
	    "too many connections", "shed_connections");
}

static void
connections_from_one_address(void **state)
{
	(void)state;
	connections_are_bounded("limits.max_per_address",
	    "too many connections from one address", "shed_address");
}

/* As far as it gets until the gateway waits for evidence about it. */
static void
come_and_wait(struct tls *t, const struct tls_options *o)
{
	struct pollfd p = {.events = POLLIN};

	tls_dial(t, gw.port, o);
	p.fd = t->fd;
	while (tls_step(t) == 0 && SSL_get_state(t->ssl) != TLS_ST_CW_FINISHED)
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
}

/* Beyond the cap on pauses: shed, with an alert that blames nobody. */
static void
pauses_are_bounded(void **state)
{
	char *cert = xasprintf("%s/peers/unseen.pem", town.dir);
	char *key = xasprintf("%s/peers/unseen.key", town.dir);
	const struct tls_options o = {
	    .cert = cert, .key = key, .version = TLS1_2_VERSION};
	struct tls waiting[2];

	(void)state;
	prepare();
	gateway_set(&gw, "revocation.mode", "\"HARD_FAIL\"");
	gateway_set(&gw, "revocation.deadline_ms", "240000");
	gateway_set(&gw, "revocation.fetch_timeout_ms", "240000");
	gateway_set(&gw, "limits.handshake_timeout_ms", "280000");
	gateway_set(&gw, "limits.max_paused", "2");
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	control(&town.ocsp, "/_script", "/doorman* gate=hang\n");
	control(&town.web, "/_script", CRL_PATH " gate=hang\n");
	for (int i = 0; i < 2; i++)
		come_and_wait(&waiting[i], &o);
	workers_must_count(&gw, "handshakes_paused_now", 2);
	assert_int_equal(tls_try(&town, "fresh", gw.port, TLS1_2_VERSION),
	    ALERT_INTERNAL_ERROR);
	gateway_must_say(&gw, "too many peers are waiting");
	workers_must_count(&gw, "shed_paused", 1);
	workers_must_count(&gw, "handshakes_paused_now", 2);
	/* Whose answer is there does not have to wait, so is not shed. */
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	/* Who leaves while waiting leaves its place to another. */
	tls_free(&waiting[0]);
	workers_must_count(&gw, "handshakes_paused_now", 1);
	come_and_wait(&waiting[0], &o);
	workers_must_count(&gw, "handshakes_paused_now", 2);
	workers_must_count(&gw, "shed_paused", 1);
	control(&town.ocsp, "/_release/hang", NULL);
	control(&town.web, "/_release/hang", NULL);
	for (int i = 0; i < 2; i++)
		tls_free(&waiting[i]);
	control(&town.ocsp, "/_script", "");
	control(&town.web, "/_script", "");
	free(cert);
	free(key);
}

static void
a_chain_that_is_too_long(void **state)
{
	char *path = town_path(&town, "peers/long.pem");
	char *from = town_path(&town, "peers/long.key");
	char *good = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key");
	char *ca = town_path(&town, "doorman/ca.pem"), *text;
	const char *append[] = {good, ca};
	size_t len;

	(void)state;
	/* The same intermediate a hundred times, after the leaf. */
	text = file_need(key, &len);
	file_write(from, text, len);
	free(text);
	for (int i = 0; i < 101; i++) {
		text = file_need(append[i > 0], &len);
		if (i == 0)
			file_write(path, text, len);
		else
			file_append(path, text);
		free(text);
	}
	prepare();
	gateway_start(&gw);
	assert_int_not_equal(tls_try(&town, "long", gw.port, 0), TLS_IN);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	gateway_must_say(&gw, "certificates sent, at most 10 are allowed");
	workers_must_count(&gw, "refused_path", 1);
	free(path);
	free(from);
	free(good);
	free(key);
	free(ca);
}

static void
idle_connections_end(void **state)
{
	struct tls t;
	char byte;

	(void)state;
	prepare();
	gateway_set(&gw, "limits.idle_timeout_ms", "3000");
	gateway_start(&gw);
	tls_enter(&t, &town, "good", gw.port, 0);
	assert_int_equal(tls_read(&t, &byte, 1), 0); /* close_notify */
	workers_must_count(&gw, "timeouts_idle", 1);
	tls_free(&t);
}

/* Out of descriptors: it goes on when there are some again. */
static void
running_out_of_descriptors(void **state)
{
	struct rlimit few, many;
	int fds[120];

	(void)state;
	prepare();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &many), 0);
	few = (struct rlimit){.rlim_cur = 80, .rlim_max = many.rlim_max};
	gateway_start(&gw);
	assert_int_equal(prlimit(gw.proc.pid, RLIMIT_NOFILE, &few, NULL), 0);
	for (int i = 0; i < 120; i++)
		fds[i] = tcp_dial(gw.port);
	gateway_must_say(&gw, "Too many open files");
	for (int i = 0; i < 120; i++)
		close(fds[i]);
	get_in_at_last();
	assert_int_equal(prlimit(gw.proc.pid, RLIMIT_NOFILE, &many, NULL), 0);
	assert_true(workers_counted(&gw, "accept_errors") > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(slow_handshakes_end_and_harm_nobody),
	    SCENE(garbage_is_refused),
	    SCENE(connections_in_all),
	    SCENE(connections_from_one_address),
	    SCENE(pauses_are_bounded),
	    SCENE(a_chain_that_is_too_long),
	    SCENE(idle_connections_end),
	    SCENE(running_out_of_descriptors),
	};

	return cmocka_run_group_tests_name(
	    "limits", tests, scene_setup, scene_teardown);
}
