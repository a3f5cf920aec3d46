/* fake_service: see the header. */
#include "tests/doorman/fake_service.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/net.h"

void
fake_service_open(struct fake_service *s, const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	/* A signer that never comes ends the thread all the same. */
	struct timeval limit = {WAIT_MS / 1000, 0};

	memset(s, 0, sizeof(*s));
	for (int i = 0; i < FAKE_TYPES; i++) {
		buf_init(&s->answer[i], 4 << 20);
		buf_init(&s->asked[i], 4 << 20);
	}
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->listener >= 0);
	setsockopt(s->listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(
	    bind(s->listener, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(s->listener, 4), 0);
	wire_u8(fake_service_begin(s, WIRE_HELLO), WIRE_VERSION);
	wire_text(&s->answer[WIRE_HELLO], "doorman");
	fake_service_end(s, WIRE_HELLO);
	wire_u64(fake_service_begin(s, WIRE_PING), 0);
	fake_service_end(s, WIRE_PING);
}

void
fake_service_close(struct fake_service *s)
{
	close(s->listener);
	for (int i = 0; i < FAKE_TYPES; i++) {
		buf_free(&s->answer[i]);
		buf_free(&s->asked[i]);
	}
}

void
fake_service_reset(struct fake_service *s)
{
	for (int i = 0; i < FAKE_TYPES; i++) {
		s->asked[i].len = 0;
		if (i > WIRE_PING)
			s->answer[i].len = 0;
	}
}

struct buf *
fake_service_begin(struct fake_service *s, unsigned type)
{
	s->answer[type].len = 0;
	wire_begin(&s->answer[type], type | WIRE_ANSWER);
	return &s->answer[type];
}

void
fake_service_end(struct fake_service *s, unsigned type)
{
	wire_end(&s->answer[type], 0);
	assert_false(s->answer[type].failed);
}

static bool
receive(int fd, struct buf *frame, size_t len)
{
	buf_reserve(frame, len);
	if (frame->failed ||
	    recv(fd, frame->p + frame->len, len, MSG_WAITALL) != (ssize_t)len)
		return false;
	frame->len += len;
	return true;
}

/* False: nothing more is answered. No assertion on this thread. */
static bool
answer_one(struct fake_service *s, int fd, struct buf *frame)
{
	size_t len = 0;
	unsigned type;

	frame->len = 0;
	if (!receive(fd, frame, WIRE_HEAD))
		return false;
	for (int i = 0; i < WIRE_HEAD; i++)
		len = len << 8 | frame->p[i];
	if (len < 2 || !receive(fd, frame, len))
		return false;
	type = frame->p[WIRE_HEAD + 1];
	if (type >= FAKE_TYPES)
		return false;
	s->asked[type].len = 0;
	buf_add(&s->asked[type], frame->p, frame->len);
	len = s->answer[type].len;
	return len > 0 &&
	    send(fd, s->answer[type].p, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void
serve_one(struct fake_service *s, int fd)
{
	struct buf frame;

	buf_init(&frame, 4 << 20);
	while (answer_one(s, fd, &frame))
		;
	close(fd);
	buf_free(&frame);
}

/* One connection after the other, until it is told that no more will come. */
static void *
serve(void *arg)
{
	struct fake_service *s = arg;
	struct pollfd p[2] = {{.fd = s->listener, .events = POLLIN},
	    {.fd = s->stop[0], .events = POLLIN}};

	while (poll(p, 2, WAIT_MS) > 0) {
		int fd =
		    p[0].revents != 0 ? accept(s->listener, NULL, NULL) : -1;

		if (fd >= 0)
			serve_one(s, fd);
		else if (p[1].revents != 0)
			break;
	}
	return NULL;
}

void
fake_service_serve(struct fake_service *s)
{
	assert_int_equal(pipe(s->stop), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

void
fake_service_join(struct fake_service *s)
{
	close(s->stop[1]);
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	close(s->stop[0]);
}
