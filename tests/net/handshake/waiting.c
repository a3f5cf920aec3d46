/*
 * Handshakes that wait for evidence: a responder that hangs delays only those
 * who need it, and a client that leaves while its handshake is suspended
 * leaves nothing behind.
 */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/lib/scene.h"

#define CRL_PATH "/certificate-revocation-list/doorman"
#define WAITERS  20
#define LEAVERS  1000

/*
 * A gateway that has an answer about "good", and whose responder then says
 * nothing about anybody else for as long as the gate is closed. Deadlines are
 * long: nobody is let go by the clock during a test.
 */
static int
setup(void **state)
{
	town_start(&town, "net", NULL);
	gateway_prepare(&gw, "gateway", &town);
	gateway_as_stranger(&gw, &town);
	gateway_set(&gw, "revocation.mode", "\"HARD_FAIL\"");
	gateway_set(&gw, "revocation.deadline_ms", "240000");
	gateway_set(&gw, "revocation.fetch_timeout_ms", "240000");
	gateway_set(&gw, "limits.handshake_timeout_ms", "280000");
	gateway_set(&gw, "limits.max_paused", "4000");
	gateway_set(&gw, "log.level", "\"warn\"");
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	control(&town.ocsp, "/_script", "/doorman* gate=hang\n");
	control(&town.web, "/_script", CRL_PATH " gate=hang\n");
	return 0;
}

/*
 * Goes as far into a TLS 1.2 handshake as it gets: until the client's last
 * flight is out and nothing comes back. Returns with the server's judgement
 * outstanding. (In TLS 1.2 the client knows: without the server's Finished it
 * is not connected.)
 */
static void
begin(struct tls *t, const char *peer)
{
	char *cert = xasprintf("%s/peers/%s.pem", town.dir, peer);
	char *key = xasprintf("%s/peers/%s.key", town.dir, peer);
	struct tls_options o = {
	    .cert = cert, .key = key, .version = TLS1_2_VERSION};
	struct pollfd p;

	tls_dial(t, gw.port, &o);
	p = (struct pollfd){.fd = t->fd, .events = POLLIN};
	while (tls_step(t) == 0 && SSL_get_state(t->ssl) != TLS_ST_CW_FINISHED)
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_false(t->connected);
	assert_int_equal(SSL_get_state(t->ssl), TLS_ST_CW_FINISHED);
	free(cert);
	free(key);
}

/* Drives a begun handshake to its end: 1, or -1 when it failed. */
static int
finish(struct tls *t)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	int step;

	while ((step = tls_step(t)) == 0)
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	return step;
}

static void
hanging_responder_delays_only_who_needs_it(void **state)
{
	unsigned long long connections = node_stat(&town.node, "connections");
	struct tls waiting[WAITERS];

	for (int i = 0; i < WAITERS; i++)
		begin(&waiting[i], i % 2 ? "fresh" : "revoked");
	hits_await(&town.ocsp, 2, "/doorman*");
	/* The cached peer passes while they wait. */
	for (int i = 0; i < 20; i++) {
		assert_int_equal(
		    tls_try(&town, "good", gw.port, TLS1_3_VERSION), TLS_IN);
		assert_int_equal(
		    tls_try(&town, "good", gw.port, TLS1_2_VERSION), TLS_IN);
	}
	assert_int_equal(
	    node_stat(&town.node, "connections"), connections + 40);
	control(&town.ocsp, "/_release/hang", NULL);
	for (int i = 0; i < WAITERS; i++) {
		if (i % 2) {
			assert_int_equal(finish(&waiting[i]), 1);
		} else {
			assert_int_equal(finish(&waiting[i]), -1);
			assert_int_equal(
			    waiting[i].alert, ALERT_CERTIFICATE_REVOKED);
		}
		tls_free(&waiting[i]);
	}
}

/* One client comes, is suspended, and leaves; in turn with or without a FIN. */
static void
come_and_leave(int i)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	struct tls t;

	begin(&t, "unseen");
	if (i % 2)
		setsockopt(t.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	tls_leave(&t);
	tls_free(&t);
}

/*
 * The gateway has noticed that all have left when no descriptor of theirs is
 * open. Handshakes of the good peer are the clock.
 */
static void
await_fds(size_t most)
{
	for (int i = 0; i < 500; i++) {
		if (pid_num_fds(gw.proc.pid) <= most)
			return;
		assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	}
	fail_msg("%zu descriptors open, %zu expected", pid_num_fds(gw.proc.pid),
	    most);
}

static void
leaving_while_suspended_leaves_nothing(void **state)
{
	size_t fds, rss, grown;

	control(&town.ocsp, "/_gate/hang", NULL);
	fds = pid_num_fds(gw.proc.pid);
	/* The first ones fill pools and caches that stay. */
	for (int i = 0; i < LEAVERS / 4; i++)
		come_and_leave(i);
	await_fds(fds + 2);
	rss = pid_rss_bytes(gw.proc.pid);
	for (int i = 0; i < LEAVERS; i++)
		come_and_leave(i);
	await_fds(fds + 2);
	grown = pid_rss_bytes(gw.proc.pid);
	grown = grown > rss ? grown - rss : 0;
	print_message("# %d left while suspended: %zu KiB more, %zu fds\n",
	    LEAVERS, grown / 1024, pid_num_fds(gw.proc.pid));
	/*
	 * A paused handshake that is not unwound costs 42 KiB: a thousand
	 * would be 42 MiB. ASan's quarantine keeps up to 256 MiB of freed
	 * memory by design; there the leak check at exit is the proof.
	 */
	if (strstr(getenv("BUILD"), "/asan") == NULL)
		assert_true(grown < 8UL * 1024 * 1024);
	/*
	 * They did leave in the middle of it. (A reset may overtake what was
	 * sent before it, so those need not have come that far.)
	 */
	assert_true(workers_counted(&gw, "left_while_paused") >= LEAVERS / 2);
	control(&town.ocsp, "/_release/hang", NULL);
	assert_int_equal(tls_try(&town, "unseen", gw.port, 0), TLS_IN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hanging_responder_delays_only_who_needs_it),
	    cmocka_unit_test(leaving_while_suspended_leaves_nothing),
	};

	return cmocka_run_group_tests_name(
	    "waiting", tests, setup, scene_teardown);
}
