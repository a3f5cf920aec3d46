/* relay: every byte, in order, both ways; no more than a pad is ever kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include "gateway/dataplane/relay.h"
#include "tests/lib/selfcert.h"

/* A peer (TLS), the relay, and a node (plain), all in this thread. */
struct scene {
	SSL_CTX *server_ctx, *client_ctx;
	SSL *server, *peer;
	int tls_fds[2];   /* relay, peer */
	int plain_fds[2]; /* relay, node */
	struct relay relay;
	struct relay_pad pad;
	unsigned want;
	enum relay_result result;
	unsigned bursts, cut_bursts; /* turns with one, with one cut off */
};

static SSL_CTX *
server_ctx(void)
{
	static const char *const subject[] = {"O", "Relay", NULL};
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key;
	X509 *cert = selfcert_new(&key, subject);

	assert_non_null(ctx);
	assert_int_equal(SSL_CTX_use_cert_and_key(ctx, cert, key, NULL, 1), 1);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ctx;
}

static void
make_pair(int fds[2], int buffer_bytes)
{
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	for (int i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &buffer_bytes,
		    sizeof(buffer_bytes));
}

static void
shake_hands(struct scene *s)
{
	int a = 0, b = 0;

	for (int i = 0; i < 100 && (a != 1 || b != 1); i++) {
		a = SSL_do_handshake(s->peer);
		b = SSL_do_handshake(s->server);
	}
	assert_int_equal(a, 1);
	assert_int_equal(b, 1);
}

static int
set_up_version(void **state, int version, int buffer_bytes)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	make_pair(s->tls_fds, buffer_bytes);
	make_pair(s->plain_fds, buffer_bytes);
	s->server_ctx = server_ctx();
	s->client_ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(s->server_ctx, version);
	SSL_CTX_set_mode(s->client_ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	s->server = SSL_new(s->server_ctx);
	s->peer = SSL_new(s->client_ctx);
	assert_int_equal(tls_bio_attach(s->server, s->tls_fds[0]), 0);
	assert_int_equal(SSL_get_fd(s->server), s->tls_fds[0]);
	SSL_set_fd(s->peer, s->tls_fds[1]);
	SSL_set_accept_state(s->server);
	SSL_set_connect_state(s->peer);
	shake_hands(s);
	relay_init(&s->relay, s->server, s->plain_fds[0]);
	s->want = RELAY_TLS_READ | RELAY_PLAIN_READ;
	s->result = RELAY_GOING;
	*state = s;
	return 0;
}

static int
set_up(void **state)
{
	return set_up_version(state, TLS1_3_VERSION, 8192);
}

static int
set_up_tls12(void **state)
{
	return set_up_version(state, TLS1_2_VERSION, 8192);
}

/* Room for bursts, but not for every one. */
static int
set_up_roomy(void **state)
{
	return set_up_version(state, TLS1_3_VERSION, 150000);
}

static int
set_up_roomy_tls12(void **state)
{
	return set_up_version(state, TLS1_2_VERSION, 150000);
}

static void
hang_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	relay_cleanup(&s->relay);
	SSL_free(s->server);
	SSL_free(s->peer);
	SSL_CTX_free(s->server_ctx);
	SSL_CTX_free(s->client_ctx);
	for (int i = 0; i < 2; i++) {
		hang_up(&s->tls_fds[i]);
		hang_up(&s->plain_fds[i]);
	}
	ERR_clear_error();
	free(s);
	return 0;
}

/* What an event loop would do with s->want, without waiting. */
static bool
turn(struct scene *s)
{
	struct pollfd p[2] = {{.fd = s->tls_fds[0]}, {.fd = s->plain_fds[0]}};
	unsigned ready = 0;

	if (s->want & RELAY_TLS_READ)
		p[0].events |= POLLIN;
	if (s->want & RELAY_TLS_WRITE)
		p[0].events |= POLLOUT;
	if (s->want & RELAY_PLAIN_READ)
		p[1].events |= POLLIN;
	if (s->want & RELAY_PLAIN_WRITE)
		p[1].events |= POLLOUT;
	assert_true(poll(p, 2, 0) >= 0);
	if (p[0].revents & (POLLIN | POLLHUP) && s->want & RELAY_TLS_READ)
		ready |= RELAY_TLS_READ;
	if (p[0].revents & POLLOUT)
		ready |= RELAY_TLS_WRITE;
	if (p[1].revents & (POLLIN | POLLHUP) && s->want & RELAY_PLAIN_READ)
		ready |= RELAY_PLAIN_READ;
	if (p[1].revents & POLLOUT)
		ready |= RELAY_PLAIN_WRITE;
	ready |= s->want & RELAY_AGAIN;
	if (ready == 0 || s->result != RELAY_GOING)
		return false;
	s->result = relay_step(&s->relay, &s->pad, ready, &s->want);
	assert_true(s->relay.up.len <= RELAY_PAD_BYTES);
	assert_true(s->relay.down.len <= RELAY_RECORD_BYTES);
	s->bursts += s->pad.burst.len > 2 * RELAY_RECORD_BYTES;
	s->cut_bursts += s->relay.wire_rest;
	s->pad.burst.len = 0;
	return true;
}

static void
settle(struct scene *s)
{
	while (turn(s))
		;
}

/* The tests. */

static void
tiny_writes(void **state)
{
	struct scene *s = *state;
	char buf[16];

	for (int i = 0; i < 100; i++) {
		char c = (char)i;

		assert_int_equal(SSL_write(s->peer, &c, 1), 1);
		settle(s);
		assert_int_equal(read(s->plain_fds[1], buf, sizeof(buf)), 1);
		assert_int_equal(buf[0], c);
		assert_int_equal(write(s->plain_fds[1], "ab", 2), 2);
		settle(s);
		assert_int_equal(SSL_read(s->peer, buf, sizeof(buf)), 2);
		assert_memory_equal(buf, "ab", 2);
	}
	assert_int_equal(s->relay.up_bytes, 100);
	assert_int_equal(s->relay.down_bytes, 200);
}

#define BIG (3 * 1024 * 1024 + 12345)

/* Both ways at once through 8 KiB socket buffers, in uneven pieces. */
static void
much_both_ways_at_once(void **state)
{
	struct scene *s = *state;
	uint8_t *up = malloc(BIG), *down = malloc(BIG);
	uint8_t *got_up = malloc(BIG), *got_down = malloc(BIG);
	size_t up_out = 0, up_in = 0, down_out = 0, down_in = 0, piece = 1;

	assert_int_equal(RAND_bytes(up, BIG), 1);
	assert_int_equal(RAND_bytes(down, BIG), 1);
	for (unsigned idle = 0; up_in < BIG || down_in < BIG; idle++) {
		size_t n = 0;
		ssize_t r;

		assert_true(idle < 1000);
		if (up_out < BIG &&
		    SSL_write_ex(s->peer, up + up_out,
			piece < BIG - up_out ? piece : BIG - up_out, &n)) {
			up_out += n;
			/* A write that has to wait is tried again as it was. */
			piece = piece * 7 % 40961 + 1;
			idle = 0;
		}
		r = down_out < BIG
		    ? write(s->plain_fds[1], down + down_out, BIG - down_out)
		    : 0;
		if (r > 0) {
			down_out += (size_t)r;
			idle = 0;
		}
		turn(s);
		r = read(s->plain_fds[1], got_up + up_in, BIG - up_in);
		if (r > 0) {
			up_in += (size_t)r;
			idle = 0;
		}
		if (down_in < BIG &&
		    SSL_read_ex(
			s->peer, got_down + down_in, BIG - down_in, &n)) {
			down_in += n;
			idle = 0;
		}
	}
	assert_memory_equal(got_up, up, BIG);
	assert_memory_equal(got_down, down, BIG);
	free(up);
	free(down);
	free(got_up);
	free(got_down);
}

/*
 * Records side by side in one send, all or in part: the same bytes. The node
 * writes until nothing moves any more, then the peer reads all there is.
 */
static void
bursts_both_whole_and_cut(void **state)
{
	struct scene *s = *state;
	uint8_t *down = malloc(BIG), *got = malloc(BIG);
	size_t out = 0, in = 0, n;

	assert_int_equal(RAND_bytes(down, BIG), 1);
	for (int round = 0; in < BIG && round < 1000; round++) {
		ssize_t w;

		do {
			w = write(s->plain_fds[1], down + out, BIG - out);
			out += w > 0 ? (size_t)w : 0;
		} while (turn(s) || w > 0);
		while (SSL_read_ex(s->peer, got + in, BIG - in, &n))
			in += n;
	}
	assert_int_equal(in, BIG);
	assert_memory_equal(got, down, BIG);
	assert_true(s->bursts > 4);
	assert_true(s->cut_bursts > 0);
	free(down);
	free(got);
}

static void
write_all_that_fits(struct scene *s)
{
	static uint8_t block[RELAY_RECORD_BYTES];
	size_t sent = 0, n;

	while (SSL_write_ex(s->peer, block, sizeof(block), &n))
		sent += n;
	assert_true(sent > RELAY_SMALL_BYTES);
}

/* Turns until nothing moves; the most that was kept for the node. */
static size_t
relay_to_node(struct scene *s)
{
	static uint8_t got[RELAY_PAD_BYTES];
	size_t most = 0;

	while (turn(s)) {
		if (s->relay.up.len > most)
			most = s->relay.up.len;
		while (read(s->plain_fds[1], got, sizeof(got)) > 0)
			;
	}
	return most;
}

/*
 * A node that takes all there is gets whole pads. For one that is slow, half a
 * pad is kept, however much the peer sends.
 */
static void
a_slow_node_is_kept_half_a_pad(void **state)
{
	struct scene *s = *state;
	int few = 4096;

	for (int round = 0; round < 4; round++) {
		write_all_that_fits(s);
		assert_int_equal(relay_to_node(s), 0);
	}
	assert_int_equal(setsockopt(s->plain_fds[0], SOL_SOCKET, SO_SNDBUF,
			     &few, sizeof(few)),
	    0);
	for (int round = 0; round < 10; round++) {
		size_t most;

		write_all_that_fits(s);
		most = relay_to_node(s);
		assert_in_range(most, 2 * RELAY_RECORD_BYTES,
		    round == 0 ? RELAY_PAD_BYTES : RELAY_SMALL_BYTES);
		if (round == 0)
			assert_true(most > RELAY_SMALL_BYTES);
	}
}

/* What a burst left over goes out before the end does. */
static void
the_node_ends_behind_a_cut_burst(void **state)
{
	struct scene *s = *state;
	static uint8_t block[65536];
	size_t sent = 0, got = 0, n;
	int rc;

	while (!s->relay.wire_rest) {
		ssize_t w = write(s->plain_fds[1], block, sizeof(block));

		sent += w > 0 ? (size_t)w : 0;
		turn(s);
	}
	assert_int_equal(shutdown(s->plain_fds[1], SHUT_WR), 0);
	do {
		settle(s);
		rc = SSL_read_ex(s->peer, block, sizeof(block), &n);
		got += rc == 1 ? n : 0;
	} while (rc == 1 || SSL_get_error(s->peer, rc) == SSL_ERROR_WANT_READ);
	assert_int_equal(SSL_get_error(s->peer, rc), SSL_ERROR_ZERO_RETURN);
	assert_int_equal(got, sent);
}

/* A node that does not read: the peer is not read either. */
static void
a_full_node_stops_the_peer(void **state)
{
	struct scene *s = *state;
	static uint8_t block[65536];
	size_t sent = 0, n;

	for (unsigned idle = 0; idle < 100; idle++) {
		if (SSL_write_ex(s->peer, block, sizeof(block), &n)) {
			sent += n;
			idle = 0;
		}
		settle(s);
		assert_true(sent < 4 * 1024 * 1024);
	}
	assert_true(s->want & RELAY_PLAIN_WRITE);
	assert_false(s->want & RELAY_TLS_READ);
	/* The other direction goes on. */
	assert_int_equal(write(s->plain_fds[1], "still", 5), 5);
	settle(s);
	assert_int_equal(SSL_read(s->peer, block, 16), 5);
}

static void
a_full_peer_stops_the_node(void **state)
{
	struct scene *s = *state;
	static uint8_t block[65536];
	ssize_t n;

	for (unsigned idle = 0; idle < 100; idle++) {
		n = write(s->plain_fds[1], block, sizeof(block));
		if (n > 0)
			idle = 0;
		settle(s);
		assert_true(s->relay.down_bytes < 4 * 1024 * 1024);
	}
	assert_true(s->want & RELAY_TLS_WRITE);
	assert_false(s->want & RELAY_PLAIN_READ);
	assert_int_equal(SSL_write(s->peer, "still", 5), 5);
	settle(s);
	assert_int_equal(read(s->plain_fds[1], block, 16), 5);
}

static void
the_peer_ends_first(void **state)
{
	struct scene *s = *state;
	char buf[16];

	assert_int_equal(SSL_write(s->peer, "last", 4), 4);
	assert_int_equal(SSL_shutdown(s->peer), 0);
	settle(s);
	assert_int_equal(read(s->plain_fds[1], buf, sizeof(buf)), 4);
	assert_int_equal(read(s->plain_fds[1], buf, sizeof(buf)), 0);
	assert_int_equal(s->result, RELAY_GOING);
	/* The node still answers, then ends. */
	assert_int_equal(write(s->plain_fds[1], "answer", 6), 6);
	settle(s);
	assert_int_equal(SSL_read(s->peer, buf, sizeof(buf)), 6);
	hang_up(&s->plain_fds[1]);
	settle(s);
	assert_int_equal(s->result, RELAY_ENDED);
	assert_int_equal(SSL_read(s->peer, buf, sizeof(buf)), 0);
	assert_int_equal(SSL_get_error(s->peer, 0), SSL_ERROR_ZERO_RETURN);
}

static void
the_node_ends_first(void **state)
{
	struct scene *s = *state;
	char buf[16];

	assert_int_equal(write(s->plain_fds[1], "bye", 3), 3);
	assert_int_equal(shutdown(s->plain_fds[1], SHUT_WR), 0);
	settle(s);
	assert_int_equal(SSL_read(s->peer, buf, sizeof(buf)), 3);
	assert_int_equal(SSL_read(s->peer, buf, sizeof(buf)), 0);
	assert_int_equal(SSL_write(s->peer, "more", 4), 4);
	settle(s);
	assert_int_equal(read(s->plain_fds[1], buf, sizeof(buf)), 4);
	assert_int_equal(s->result, RELAY_GOING);
	assert_true(SSL_shutdown(s->peer) >= 0);
	settle(s);
	assert_int_equal(s->result, RELAY_ENDED);
}

/* An end without close_notify may be an attacker's: not passed on as one. */
static void
a_cut_peer_is_no_end(void **state)
{
	struct scene *s = *state;
	char buf[16];

	assert_int_equal(SSL_write(s->peer, "half", 4), 4);
	hang_up(&s->tls_fds[1]);
	settle(s);
	assert_int_equal(s->result, RELAY_BROKEN);
	assert_int_equal(read(s->plain_fds[1], buf, sizeof(buf)), 4);
}

static void
a_broken_node_is_an_error(void **state)
{
	struct scene *s = *state;

	hang_up(&s->plain_fds[1]);
	assert_int_equal(SSL_write(s->peer, "lost", 4), 4);
	settle(s);
	assert_int_not_equal(s->result, RELAY_GOING);
}

static void
what_is_prepended_comes_first(void **state)
{
	struct scene *s = *state;
	char buf[32];

	assert_int_equal(relay_prepend_up(&s->relay, "head:", 5), 0);
	assert_int_equal(SSL_write(s->peer, "body", 4), 4);
	s->result = relay_step(&s->relay, &s->pad, RELAY_TLS_READ, &s->want);
	settle(s);
	assert_int_equal(read(s->plain_fds[1], buf, sizeof(buf)), 9);
	assert_memory_equal(buf, "head:body", 9);
}

#define BOTH(f)                                                \
	cmocka_unit_test_setup_teardown(f, set_up, tear_down), \
	{                                                      \
#f "_tls12", f, set_up_tls12, tear_down, NULL  \
	}

#define ROOMY(f)                                                     \
	cmocka_unit_test_setup_teardown(f, set_up_roomy, tear_down), \
	{                                                            \
#f "_tls12", f, set_up_roomy_tls12, tear_down, NULL  \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(tiny_writes),
	    BOTH(much_both_ways_at_once),
	    BOTH(a_full_node_stops_the_peer),
	    BOTH(a_full_peer_stops_the_node),
	    BOTH(the_peer_ends_first),
	    BOTH(the_node_ends_first),
	    BOTH(a_cut_peer_is_no_end),
	    BOTH(a_broken_node_is_an_error),
	    BOTH(what_is_prepended_comes_first),
	    ROOMY(bursts_both_whole_and_cut),
	    ROOMY(a_slow_node_is_kept_half_a_pad),
	    ROOMY(the_node_ends_behind_a_cut_burst),
	};

	signal(SIGPIPE, SIG_IGN); /* workers block it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
