/*
 * sd_notify: a datagram, and a timer that sends one.
 */
#include "gateway/process/sd_notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <sys/socket.h>
#include <sys/un.h>

#define MARGIN_MS 5000 /* to close and join, after the connections are gone */

static void
sd_notify_text(const struct log *log, const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	socklen_t len;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
	    strlen(path) >= sizeof(un.sun_path))
		return;
	memcpy(un.sun_path, path, strlen(path));
	len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	/* An abstract name begins with NUL. */
	if (un.sun_path[0] == '@')
		un.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&un,
		len) < 0)
		log_line(log, LOG_LEVEL_WARN,
		    "cannot notify the service manager: %s", strerror(errno));
	close(fd);
}

void
sd_notify_send(const struct log *log, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sd_notify_text(log, text);
}

void
sd_notify_reloading(const struct log *log)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	sd_notify_send(log,
	    "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading",
	    ts.tv_sec * 1000000LL + ts.tv_nsec / 1000);
}

void
sd_notify_stopping(const struct log *log, uint32_t deadline_ms)
{
	sd_notify_send(log,
	    "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu\n"
	    "STATUS=draining connections",
	    ((unsigned long long)deadline_ms + MARGIN_MS) * 1000);
}

/* Watchdog. */

struct watchdog {
	const struct log *log;
	struct event *timer;
	bool (*alive)(void *arg);
	void *arg;
};

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct watchdog *w = arg;

	(void)fd, (void)what;
	if (w->alive(w->arg))
		sd_notify_text(w->log, "WATCHDOG=1");
	else
		log_line(w->log, LOG_LEVEL_WARN,
		    "a worker does not answer: the service manager's watchdog "
		    "is not fed");
}

/* Microseconds, 0 when this process is not watched. */
static unsigned long long
watchdog_usec(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	if (usec == NULL || (pid != NULL && atol(pid) != (long)getpid()))
		return 0;
	return strtoull(usec, NULL, 10);
}

int
watchdog_new(struct watchdog **out, struct event_base *base,
    const struct log *log, bool (*alive)(void *arg), void *arg, struct err *err)
{
	unsigned long long usec = watchdog_usec() / 4;
	const struct timeval tv = {.tv_sec = (time_t)(usec / 1000000),
	    .tv_usec = (suseconds_t)(usec % 1000000)};
	struct watchdog *w;

	*out = NULL;
	if (usec == 0)
		return 0;
	w = calloc(1, sizeof(*w));
	if (w != NULL)
		w->timer = event_new(base, -1, EV_PERSIST, on_timer, w);
	if (w == NULL || w->timer == NULL || event_add(w->timer, &tv) != 0) {
		watchdog_free(w);
		return err_set(err, E_NOMEM, "cannot feed the watchdog");
	}
	w->log = log;
	w->alive = alive;
	w->arg = arg;
	*out = w;
	return 0;
}

void
watchdog_free(struct watchdog *w)
{
	if (w == NULL)
		return;
	if (w->timer != NULL)
		event_free(w->timer);
	free(w);
}
