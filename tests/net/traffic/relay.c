/*
 * An accepted peer's bytes: many of them, both ways at once, unchanged, with
 * back-pressure and half-close.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/lib/scene.h"

#define MIB (1024UL * 1024)

static int
reset_node(void **state)
{
	control(&town.node, "/_mode/echo", NULL);
	control(&town.node, "/_reset", NULL);
	return 0;
}

static void
open_peer(struct tls *t, int version, int receive_bytes)
{
	char *cert = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key");
	struct tls_options o = {.cert = cert,
	    .key = key,
	    .version = version,
	    .receive_bytes = receive_bytes};

	assert_true(tls_connect(t, gw.port, &o));
	free(cert);
	free(key);
}

/* Byte i of the stream; no short period. */
static unsigned char
pattern(size_t i)
{
	return (unsigned char)((i * 2654435761u) >> 13);
}

/*
 * Sends total bytes and reads them back at the same time, as they come, in
 * writes of `step` bytes. Whatever comes must be what was sent.
 */
static void
echo_through(struct tls *t, size_t total, size_t step)
{
	size_t sent = 0, got = 0, i;
	unsigned char *out = xcalloc(step, 1), in[65536];
	int n;

	while (got < total) {
		/* At most one MiB is on its way: neither end blocks. */
		if (sent < total && sent - got < MIB) {
			size_t len = total - sent < step ? total - sent : step;

			for (i = 0; i < len; i++)
				out[i] = pattern(sent + i);
			assert_true(tls_write(t, out, len));
			sent += len;
			continue;
		}
		n = tls_read(t, in, sizeof(in));
		if (n <= 0)
			fail_msg("after %zu of %zu: %s", got, total, t->error);
		for (i = 0; i < (size_t)n; i++)
			if (in[i] != pattern(got + i))
				fail_msg("byte %zu differs", got + i);
		got += (size_t)n;
	}
	free(out);
}

static void
many_bytes_come_back_tls13(void **state)
{
	struct tls t;

	open_peer(&t, TLS1_3_VERSION, 0);
	echo_through(&t, 32 * MIB, 16384);
	tls_free(&t);
}

static void
many_bytes_come_back_tls12(void **state)
{
	struct tls t;

	open_peer(&t, TLS1_2_VERSION, 0);
	echo_through(&t, 16 * MIB, 100000);
	tls_free(&t);
}

/* All that OpenSSL has to say, in one piece. */
static void
flush(struct tls *t, BIO *out)
{
	char *p;
	long len = BIO_get_mem_data(out, &p);

	assert_int_equal(send(t->fd, p, (size_t)len, 0), len);
	(void)BIO_reset(out);
}

/* The gateway has read the first bytes before the peer was let in. */
static void
bytes_right_behind_the_handshake(void **state)
{
	char *cert = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key"), back[5];
	const struct tls_options o = {
	    .cert = cert, .key = key, .version = TLS1_3_VERSION};
	BIO *out = BIO_new(BIO_s_mem());
	struct tls t;
	int done;

	tls_dial(&t, gw.port, &o);
	SSL_set0_wbio(t.ssl, out);
	while ((done = tls_step(&t)) == 0) {
		struct pollfd p = {.fd = t.fd, .events = POLLIN};

		flush(&t, out);
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	}
	assert_int_equal(done, 1);
	assert_int_equal(SSL_write(t.ssl, "hello", 5), 5);
	flush(&t, out);
	assert_int_equal(fcntl(t.fd, F_SETFL, 0), 0); /* bounded all the same */
	assert_int_equal(tls_read(&t, back, sizeof(back)), 5);
	assert_memory_equal(back, "hello", 5);
	tls_free(&t);
	free(cert);
	free(key);
}

static void
tiny_writes_come_back(void **state)
{
	struct tls t;

	open_peer(&t, 0, 0);
	echo_through(&t, 20000, 1);
	tls_free(&t);
}

static void
peer_half_closes_and_still_reads(void **state)
{
	static const char text[] = "the last words\n";
	char buf[64];
	struct tls t;
	size_t have = 0;
	int n;

	control(&town.node, "/_mode/sink", NULL);
	open_peer(&t, TLS1_3_VERSION, 0);
	assert_true(tls_write(&t, text, sizeof(text) - 1));
	tls_half_close(&t);
	/* The sink answers when it has seen the end: "15\n", then its own. */
	while ((n = tls_read(&t, buf + have, sizeof(buf) - 1 - have)) > 0)
		have += (size_t)n;
	buf[have] = '\0';
	assert_string_equal(buf, "15\n");
	assert_int_equal(n, 0);
	tls_free(&t);
}

static void
node_half_closes_and_still_reads(void **state)
{
	char buf[4096];
	struct tls t;
	size_t have = 0;
	int n;

	control(&town.node, "/_mode/source:100000", NULL);
	open_peer(&t, TLS1_3_VERSION, 0);
	while ((n = tls_read(&t, buf, sizeof(buf))) > 0)
		have += (size_t)n;
	assert_int_equal(n, 0);
	assert_int_equal(have, 100000);
	/* The other direction is still open. */
	assert_true(tls_write(&t, buf, sizeof(buf)));
	node_await(&town.node, "received", sizeof(buf));
	tls_half_close(&t);
	node_await(&town.node, "half", 1);
	tls_free(&t);
}

static void
end_of_the_peer_ends_the_node_side(void **state)
{
	struct tls t;

	open_peer(&t, TLS1_3_VERSION, 0);
	assert_true(tls_echo(&t));
	tls_leave(&t);
	node_await(&town.node, "closed", 1);
	tls_free(&t);
}

static void
end_of_the_node_ends_the_peer_side(void **state)
{
	char line[] = "12345678", buf[64];
	struct tls t;
	int n;

	control(&town.node, "/_mode/close-after:8", NULL);
	open_peer(&t, TLS1_3_VERSION, 0);
	assert_true(tls_write(&t, line, 8));
	n = tls_read(&t, buf, sizeof(buf));
	assert_int_equal(n, 8);
	assert_true(tls_read(&t, buf, sizeof(buf)) <= 0);
	tls_free(&t);
}

/*
 * A node that sends 256 MiB to a peer that reads nothing: the gateway must
 * take only what it can pass on. Round trips of another peer are the clock:
 * the flow stands still when none of a hundred turns of it moved a byte.
 */
static void
slow_peer_slows_the_node(void **state)
{
	unsigned long long sent, before = 0;
	size_t rss = pid_rss_bytes(gw.proc.pid);
	struct tls t, other;
	char byte;

	control(&town.node, "/_mode/source:268435456", NULL);
	open_peer(&t, TLS1_3_VERSION, 65536);
	assert_int_equal(tls_read(&t, &byte, 1), 1);
	control(&town.node, "/_mode/echo", NULL);
	open_peer(&other, TLS1_3_VERSION, 0);
	do {
		before = node_stat(&town.node, "sourced");
		for (int i = 0; i < 100; i++)
			assert_true(tls_echo(&other));
		sent = node_stat(&town.node, "sourced");
	} while (sent != before);
	assert_true(sent > 0);
	assert_true(sent < 64ULL * MIB);
	assert_true(pid_rss_bytes(gw.proc.pid) < rss + 16 * MIB);
	tls_free(&t);
	tls_free(&other);
}

static void
slow_node_slows_the_peer(void **state)
{
	size_t rss = pid_rss_bytes(gw.proc.pid), sent = 0;
	char *cert = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key");
	struct tls_options o = {.cert = cert, .key = key, .timeout_ms = 1500};
	char *block = xcalloc(MIB, 1);
	struct tls t;

	control(&town.node, "/_mode/stall", NULL);
	assert_true(tls_connect(&t, gw.port, &o));
	while (sent < 256 && tls_write(&t, block, MIB))
		sent++;
	assert_true(sent < 64);
	assert_true(pid_rss_bytes(gw.proc.pid) < rss + 16 * MIB);
	tls_free(&t);
	free(block);
	free(cert);
	free(key);
}

static void
counters_add_up(void **state)
{
	struct tls t;

	open_peer(&t, TLS1_3_VERSION, 0);
	echo_through(&t, MIB, 5000);
	tls_half_close(&t);
	node_await(&town.node, "half", 1);
	assert_int_equal(node_stat(&town.node, "received"), MIB);
	assert_int_equal(node_stat(&town.node, "connections"), 1);
	tls_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(many_bytes_come_back_tls13, reset_node),
	    cmocka_unit_test_setup(many_bytes_come_back_tls12, reset_node),
	    cmocka_unit_test_setup(
		bytes_right_behind_the_handshake, reset_node),
	    cmocka_unit_test_setup(tiny_writes_come_back, reset_node),
	    cmocka_unit_test_setup(
		peer_half_closes_and_still_reads, reset_node),
	    cmocka_unit_test_setup(
		node_half_closes_and_still_reads, reset_node),
	    cmocka_unit_test_setup(
		end_of_the_peer_ends_the_node_side, reset_node),
	    cmocka_unit_test_setup(
		end_of_the_node_ends_the_peer_side, reset_node),
	    cmocka_unit_test_setup(slow_peer_slows_the_node, reset_node),
	    cmocka_unit_test_setup(slow_node_slows_the_peer, reset_node),
	    cmocka_unit_test_setup(counters_add_up, reset_node),
	};

	return cmocka_run_group_tests_name(
	    "relay", tests, scene_up_plain, scene_teardown);
}
