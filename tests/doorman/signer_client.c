/* signer_client: see the header. */
#include "tests/doorman/signer_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

void
signer_client_open(struct signer_client *s, const struct doorman_net *o)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct timeval limit = {WAIT_MS / 1000, 0};

	s->len = 0;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/sign.sock", o->dir);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->fd >= 0);
	setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(s->fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		fail_msg("%s: %s", sun.sun_path, strerror(errno));
}

void
signer_client_close(struct signer_client *s)
{
	close(s->fd);
	s->fd = -1;
}

void
signer_client_leave(struct signer_client *s)
{
	shutdown(s->fd, SHUT_WR);
	signer_client_ended(s);
	signer_client_close(s);
}

void
signer_client_send(const struct signer_client *s, const void *p, size_t len)
{
	if (send(s->fd, p, len, MSG_NOSIGNAL) != (ssize_t)len)
		fail_msg("send to the desk: %s", strerror(errno));
}

void
signer_client_ask(const struct signer_client *s, struct buf *ask)
{
	assert_false(ask->failed);
	signer_client_send(s, ask->p, ask->len);
	buf_free(ask);
}

static void
receive(const struct signer_client *s, uint8_t *p, size_t len)
{
	ssize_t n = recv(s->fd, p, len, MSG_WAITALL);

	if (n != (ssize_t)len)
		fail_msg("no answer from the desk: %zd of %zu bytes: %s", n,
		    len, n < 0 ? strerror(errno) : "closed");
}

unsigned
signer_client_answer(struct signer_client *s, struct wire_in *in)
{
	unsigned version, type;
	size_t len = 0;

	receive(s, s->answer, WIRE_HEAD);
	for (int i = 0; i < WIRE_HEAD; i++)
		len = len << 8 | s->answer[i];
	assert_true(len >= 2 && len <= sizeof(s->answer) - WIRE_HEAD);
	receive(s, s->answer + WIRE_HEAD, len);
	s->len = WIRE_HEAD + len;
	assert_int_equal(
	    wire_open(view_of(s->answer, s->len), &version, &type, in), 0);
	if (type != WIRE_ERROR)
		assert_int_equal(version, WIRE_VERSION);
	return type;
}

const char *
signer_client_refused(struct signer_client *s, unsigned code)
{
	static char text[512];
	struct wire_in in;
	unsigned type = signer_client_answer(s, &in), got;

	if (type != WIRE_ERROR)
		fail_msg("answer 0x%x instead of an error", type);
	got = wire_get_u32(&in);
	wire_get_text(&in, text, sizeof(text));
	assert_true(wire_done(&in));
	if (got != code)
		fail_msg("error %u (%s) instead of %u", got, text, code);
	return text;
}

void
signer_client_ended(const struct signer_client *s)
{
	char byte;
	ssize_t n = recv(s->fd, &byte, 1, 0);

	/* A reset, too: it closed before it had read all of ours. */
	if (n != 0 && !(n < 0 && errno == ECONNRESET))
		fail_msg("the desk did not close: %zd %s", n,
		    n < 0 ? strerror(errno) : "");
}

void
signer_client_hello(struct signer_client *s)
{
	struct buf ask;
	struct wire_in in;
	size_t begun;

	buf_init(&ask, WIRE_MAX_FIRST);
	begun = wire_begin(&ask, WIRE_HELLO);
	wire_u8(&ask, WIRE_VERSION);
	wire_u8(&ask, WIRE_VERSION);
	wire_text(&ask, "a test");
	wire_end(&ask, begun);
	signer_client_ask(s, &ask);
	assert_int_equal(
	    signer_client_answer(s, &in), WIRE_HELLO | WIRE_ANSWER);
}

void
signer_client_ping(struct signer_client *s)
{
	struct buf ask;
	struct wire_in in;

	buf_init(&ask, WIRE_MAX_FIRST);
	wire_end(&ask, wire_begin(&ask, WIRE_PING));
	signer_client_ask(s, &ask);
	assert_int_equal(signer_client_answer(s, &in), WIRE_PING | WIRE_ANSWER);
}
