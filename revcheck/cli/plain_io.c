/* plain_io: see the header. */
#include "revcheck/cli/plain_io.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "revcheck/cli/cli.h"

bool
plain_fail(struct plain *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
	print_plain(p->text);
	return false;
}

static bool
await(struct plain *p, short events)
{
	struct pollfd x = {.fd = p->fd, .events = events};
	uint64_t now;
	int n;

	do {
		now = cli_mono_ms();
		n = poll(&x, 1,
		    now < p->end_mono_ms ? (int)(p->end_mono_ms - now) : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0 || plain_fail(p, "it says nothing");
}

bool
plain_send(struct plain *p, const void *data, size_t len)
{
	const char *at = data;
	ssize_t n;

	while (len > 0) {
		n = send(p->fd, at, len, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			if (!await(p, POLLOUT))
				return false;
			continue;
		}
		if (n < 0)
			return plain_fail(p, "%s", strerror(errno));
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool
plain_say(struct plain *p, const char *line)
{
	return plain_send(p, line, strlen(line)) && plain_send(p, "\r\n", 2);
}

/* At least one octet more. */
static bool
receive(struct plain *p)
{
	ssize_t n;

	if (p->from == p->to)
		p->from = p->to = 0;
	if (p->all >= PLAIN_MAX_ALL)
		return plain_fail(p, "it talks without end");
	for (;;) {
		n = recv(p->fd, p->buf + p->to, sizeof(p->buf) - p->to, 0);
		if (n > 0)
			break;
		if (n == 0)
			return plain_fail(p, "it hung up");
		if (errno != EAGAIN && errno != EINTR)
			return plain_fail(p, "%s", strerror(errno));
		if (!await(p, POLLIN))
			return false;
	}
	p->to += (size_t)n;
	p->all += (size_t)n;
	return true;
}

bool
plain_take(struct plain *p, void *out, size_t len)
{
	unsigned char *at = out;
	size_t n;

	while (len > 0) {
		if (p->from == p->to && !receive(p))
			return false;
		n = p->to - p->from < len ? p->to - p->from : len;
		memcpy(at, p->buf + p->from, n);
		p->from += n;
		at += n;
		len -= n;
	}
	return true;
}

bool
plain_line(struct plain *p, char out[PLAIN_MAX_LINE])
{
	size_t n = 0;
	char c;

	for (;;) {
		if (!plain_take(p, &c, 1))
			return false;
		if (c == '\n')
			break;
		if (n == PLAIN_MAX_LINE - 1)
			return plain_fail(p, "it sends a line without end");
		out[n++] = c;
	}
	if (n > 0 && out[n - 1] == '\r')
		n--;
	out[n] = '\0';
	print_plain(out);
	return true;
}

bool
plain_has_more(const struct plain *p)
{
	char c;

	return p->from != p->to ||
	    recv(p->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}
