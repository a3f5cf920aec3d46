/*
 * A node that leaves: before it has said a word, in the middle of an answer,
 * after it, by FIN or by reset, with bytes of the peer's unread or not. What
 * it said before arrives; then the peer is told of the end; a cut does not
 * look like an end; nothing stays open.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/lib/scene.h"

static int node_fd; /* our own node's listener */
static size_t fds;  /* the gateway's, when nobody is connected */

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static int
setup(void **state)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	char *addresses;

	(void)state;
	town_start(&town, "net", NULL);
	node_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (node_fd < 0 || bind(node_fd, (struct sockaddr *)&in, len) != 0 ||
	    listen(node_fd, 64) != 0 ||
	    getsockname(node_fd, (struct sockaddr *)&in, &len) != 0)
		return -1;
	gateway_prepare(&gw, "gateway", &town);
	addresses = xasprintf("[\"127.0.0.1:%d\"]", ntohs(in.sin_port));
	gateway_set(&gw, "node.addresses", addresses);
	gateway_set(&gw, "workers", "1");
	gateway_start(&gw);
	free(addresses);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	close(node_fd);
	gateway_free(&gw);
	town_stop(&town);
	return 0;
}

/* A peer and, at the other end, us. */
static int
connect_both(struct tls *t, int version)
{
	char *cert = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key");
	const struct tls_options o = {
	    .cert = cert, .key = key, .version = version};
	struct pollfd p = {.fd = node_fd, .events = POLLIN};
	int fd;

	if (!tls_connect(t, gw.port, &o))
		fail_msg("not let in: %s", t->error);
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	fd = accept(node_fd, NULL, NULL);
	assert_true(fd >= 0);
	free(cert);
	free(key);
	return fd;
}

static void
leave(int fd, bool reset)
{
	struct linger hard = {.l_onoff = 1};

	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

/* Reads `want` octets and then the end: 0 for a clean one, -1 for a cut. */
static int
read_to_end(struct tls *t, size_t want)
{
	char buf[16384];
	size_t have = 0;
	int n;

	while ((n = tls_read(t, buf, sizeof(buf))) > 0)
		have += (size_t)n;
	assert_null(strstr(t->error, "temporarily unavailable"));
	if (n == 0 || want == 0)
		assert_int_equal(have, want);
	return n;
}

/* Until the peer's octets have come: the gateway has nothing in hand. */
static void
read_all(int fd, size_t want)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char buf[4096];

	while (want > 0) {
		ssize_t n;

		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = read(fd, buf, want < sizeof(buf) ? want : sizeof(buf));
		assert_true(n > 0);
		want -= (size_t)n;
	}
}

static void
write_all(int fd, size_t len)
{
	char block[4096] = {0};

	while (len > 0) {
		ssize_t n = send(fd, block,
		    len < sizeof(block) ? len : sizeof(block), MSG_NOSIGNAL);

		assert_true(n > 0);
		len -= (size_t)n;
	}
}

static void
before_a_word(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		struct tls t;
		int fd = connect_both(&t, versions[i % 2]);

		/*
		 * A node that resets before the gateway knows that it is
		 * connected is one that did not answer: it is dialled again.
		 */
		if (i & 2) {
			assert_true(tls_write(&t, "question", 8));
			read_all(fd, 8);
		}
		leave(fd, i & 2);
		(void)read_to_end(&t, 0);
		tls_free(&t);
	}
}

/* An end is told as an end, however little or much was said before it. */
static void
after_an_answer(void **state)
{
	static const size_t len[] = {1, 1000, 16384, 16385, 300000};

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		struct tls t;
		int fd = connect_both(&t, versions[i % 2]);

		assert_true(tls_write(&t, "question", 8));
		read_all(fd, 8);
		write_all(fd, len[i / 2]);
		/* First our side only: the other is still open. */
		shutdown(fd, SHUT_WR);
		assert_int_equal(read_to_end(&t, len[i / 2]), 0);
		assert_true(tls_write(&t, "thanks", 6));
		read_all(fd, 6);
		leave(fd, false);
		tls_free(&t);
	}
}

/* A reset is not told as an end: what came may not be all. */
static void
in_the_middle(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		struct tls t;
		int fd = connect_both(&t, versions[i % 2]);

		assert_true(tls_write(&t, "question", 8));
		read_all(fd, i & 2 ? 8 : 1);
		write_all(fd, (size_t)(i / 4) * 100000);
		leave(fd, true);
		assert_int_equal(read_to_end(&t, SIZE_MAX), -1);
		tls_free(&t);
	}
}

/* It leaves with much of the peer's unread, while the peer goes on. */
static void
while_the_peer_writes(void **state)
{
	char *block = xcalloc(1, 65536);

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct tls t;
		int fd = connect_both(&t, versions[i % 2]), n = 0;

		assert_true(tls_write(&t, block, 65536));
		read_all(fd, 1);
		leave(fd, i & 2);
		/* Bounded by what buffers hold: somebody has to read. */
		while (n < 1000 && tls_write(&t, block, 65536))
			n++;
		assert_true(n < 1000);
		assert_null(strstr(t.error, "temporarily unavailable"));
		tls_free(&t);
	}
	free(block);
}

/* Last: nothing of all that is left. */
static void
nothing_stays(void **state)
{
	struct tls t;

	(void)state;
	for (int i = 0; i < 200; i++) {
		leave(connect_both(&t, 0), false);
		assert_int_equal(read_to_end(&t, 0), 0);
		tls_free(&t);
		if (pid_num_fds(gw.proc.pid) <= fds + 2)
			return;
	}
	fail_msg(
	    "%zu descriptors, %zu at first", pid_num_fds(gw.proc.pid), fds);
}

/* One comes and goes first: what is made once has been made. */
static void
count_descriptors(void **state)
{
	struct tls t;
	int fd = connect_both(&t, 0);

	(void)state;
	fds = pid_num_fds(gw.proc.pid);
	leave(fd, false);
	assert_int_equal(read_to_end(&t, 0), 0);
	tls_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(count_descriptors),
	    cmocka_unit_test(before_a_word),
	    cmocka_unit_test(after_an_answer),
	    cmocka_unit_test(in_the_middle),
	    cmocka_unit_test(while_the_peer_writes),
	    cmocka_unit_test(nothing_stays),
	};

	return cmocka_run_group_tests_name(
	    "node leaves", tests, setup, teardown);
}
