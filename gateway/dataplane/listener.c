/*
 * listener: binds, accepts, and turns away what the limits do not allow.
 * bound_* run on main's thread, listener_* on the worker's. Knows nothing of
 * TLS. Running out of descriptors stops accepting for a moment, not for good.
 */
#include "gateway/dataplane/listener.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "cache/base/clock.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/limits.h"
#include "gateway/dataplane/worker.h"

#define LISTENER_BACKLOG    1024
#define LISTENER_BATCH      32  /* accepts a turn, so that traffic goes on */
#define LISTENER_SHARED     1   /* likewise, on a socket of several workers */
#define LISTENER_PAUSE_MS   100 /* after EMFILE and its like */
#define LISTENER_LOG_GAP_MS 10000

/* Bound. */

/* A socket file nobody listens on is a leftover of a crash. */
static void
bound_remove_leftover(const struct sockaddr_un *un)
{
	struct stat st;
	int fd;

	if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) != 0 &&
	    errno == ECONNREFUSED)
		unlink(un->sun_path);
	close(fd);
}

static int
bound_socket(const struct sockaddr_storage *sa, socklen_t len, const char *text,
    struct err *err)
{
	int one = 1, fd;

	fd = socket(
	    sa->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, "cannot listen on '%s'", text);
	if (sa->ss_family != AF_UNIX &&
	    (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) !=
		    0))
		goto fail;
	if (sa->ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0)
		goto fail;
	if (sa->ss_family == AF_UNIX)
		bound_remove_leftover((const struct sockaddr_un *)sa);
	if (bind(fd, (const struct sockaddr *)sa, len) != 0 ||
	    listen(fd, LISTENER_BACKLOG) != 0)
		goto fail;
	return fd;
fail:
	err_sys(err, "cannot listen on '%s'", text);
	close(fd);
	return E_IO;
}

void
bound_address(char *buf, size_t size, const struct sockaddr_storage *sa)
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (sa->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(buf, size, "%s:%u", host, ntohs(in->sin_port));
	} else if (sa->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(buf, size, "[%s]:%u", host, ntohs(in6->sin6_port));
	} else {
		snprintf(buf, size, "unix:%s",
		    ((const struct sockaddr_un *)sa)->sun_path);
	}
}

/*
 * The first socket learns its port from the kernel, the others share it. A
 * socket owned by another user may not join: the kernel checks the uid.
 */
static int
bound_open(
    struct bound *b, const struct address *address, size_t num, struct err *err)
{
	struct sockaddr_storage sa = address->sa;
	socklen_t len = address->sa_len;

	if (len == 0)
		return err_set(err, E_ARG,
		    "cannot listen on '%s': an IP address or unix:/path was "
		    "expected",
		    address->text);
	for (size_t i = 0; i < num; i++) {
		int fd = bound_socket(&sa, len, address->text, err);

		if (fd < 0)
			return fd;
		b->fds[b->num_fds++] = fd;
		if (i > 0)
			continue;
		len = sizeof(sa);
		if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
			return err_sys(
			    err, "cannot listen on '%s'", address->text);
	}
	bound_address(b->address, sizeof(b->address), &sa);
	return 0;
}

/* One without a socket yet, and room for num. */
static struct bound *
bound_alloc(const struct address *address, size_t num, struct err *err)
{
	struct bound *b = calloc(1, sizeof(*b));

	if (b == NULL)
		goto nomem;
	ref_init(&b->ref);
	b->text = strdup(address->text);
	b->fds = calloc(num, sizeof(*b->fds));
	if (b->text == NULL || b->fds == NULL)
		goto nomem;
	return b;
nomem:
	bound_free(b);
	err_set(err, E_NOMEM, "cannot listen");
	return NULL;
}

int
bound_new_passed(
    struct bound **out, const struct address *address, int fd, struct err *err)
{
	struct bound *b = bound_alloc(address, 1, err);
	struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(sa);

	*out = NULL;
	if (b == NULL)
		return E_NOMEM;
	b->passed = true;
	b->fds[b->num_fds++] = fd;
	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0) {
		bound_free(b);
		return err_sys(
		    err, "cannot listen on '%s', as passed", address->text);
	}
	bound_address(b->address, sizeof(b->address), &sa);
	*out = b;
	return 0;
}

int
bound_new(struct bound **out, const struct address *address, size_t num_workers,
    struct err *err)
{
	size_t num = address->path != NULL ? 1 : num_workers;
	struct bound *b = bound_alloc(address, num, err);
	int rc;

	*out = NULL;
	if (b == NULL)
		return E_NOMEM;
	rc = bound_open(b, address, num, err);
	if (rc == 0 && address->path != NULL) {
		b->unlink_path = strdup(address->path);
		if (b->unlink_path == NULL)
			rc = err_set(err, E_NOMEM, "cannot listen");
	}
	if (rc != 0) {
		bound_free(b);
		return rc;
	}
	*out = b;
	return 0;
}

struct bound *
bound_up_ref(struct bound *b)
{
	ref_up(&b->ref);
	return b;
}

void
bound_free(struct bound *b)
{
	if (b == NULL || !ref_down(&b->ref))
		return;
	if (b->unlink_path != NULL)
		unlink(b->unlink_path);
	for (size_t i = 0; i < b->num_fds && !b->passed; i++)
		close(b->fds[i]);
	free(b->unlink_path);
	free(b->fds);
	free(b->text);
	free(b);
}

/* Listener. */

struct listener {
	struct worker *worker;
	const struct listen_port *port;
	int fd;    /* the bound's */
	int batch; /* accepts a turn */
	struct event *ev_accept;
	struct event *ev_again; /* after a pause */
	uint64_t logged_mono_ms;
	uint64_t unlogged;
};

static void
listener_turn_away(struct listener *l, enum limits_answer why)
{
	static const enum counter counter[] = {
	    [LIMITS_FULL] = COUNTER_SHED_TOTAL,
	    [LIMITS_ADDRESS] = COUNTER_SHED_ADDRESS,
	    [LIMITS_HANDSHAKES] = COUNTER_SHED_HANDSHAKES,
	    [LIMITS_RATE] = COUNTER_SHED_RATE,
	};
	static const char *const word[] = {
	    [LIMITS_FULL] = "too many connections",
	    [LIMITS_ADDRESS] = "too many connections from one address",
	    [LIMITS_HANDSHAKES] = "too many handshakes in progress",
	    [LIMITS_RATE] = "too many handshakes a second",
	};
	uint64_t now = clock_mono_ms();

	counters_inc(&l->worker->counters, counter[why]);
	if (l->logged_mono_ms != 0 &&
	    now - l->logged_mono_ms < LISTENER_LOG_GAP_MS) {
		l->unlogged++;
		return;
	}
	log_line(l->worker->log, LOG_LEVEL_WARN,
	    "connection turned away: %s (listener=%s more=%llu)", word[why],
	    l->port->name, (unsigned long long)l->unlogged);
	l->logged_mono_ms = now;
	l->unlogged = 0;
}

static void
listener_take(struct listener *l, int fd, const struct sockaddr_storage *sa)
{
	struct worker *w = l->worker;
	struct conf_limits conf = w->runtime->conf->limits;
	enum limits_answer answer;
	uint64_t now = clock_mono_ms();
	struct limits_peer peer;
	int one = 1;

	/* The node is one address, and not a stranger. */
	if (l->port->kind != LISTENER_PEERS)
		conf.max_per_address = conf.handshakes_per_sec = 0;
	answer = limits_enter(
	    w->limits, &conf, (const struct sockaddr *)sa, &peer, now);
	if (answer == LIMITS_HANDSHAKES && conn_make_room(w, now))
		answer = limits_enter(
		    w->limits, &conf, (const struct sockaddr *)sa, &peer, now);
	if (answer != LIMITS_PASS) {
		listener_turn_away(l, answer);
		close(fd);
		return;
	}
	if (sa->ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conn_accept(w, l->port, fd, sa, &peer);
}

static void
listener_pause(struct listener *l, int saved)
{
	const struct timeval tv = {.tv_usec = LISTENER_PAUSE_MS * 1000};
	uint64_t now = clock_mono_ms();

	counters_inc(&l->worker->counters, COUNTER_ACCEPT_ERRORS);
	event_del(l->ev_accept);
	event_add(l->ev_again, &tv);
	if (l->logged_mono_ms != 0 &&
	    now - l->logged_mono_ms < LISTENER_LOG_GAP_MS)
		return;
	l->logged_mono_ms = now;
	log_line(l->worker->log, LOG_LEVEL_ERROR,
	    "cannot accept on %s: %s, waiting %d ms", l->port->bound->address,
	    strerror(saved), LISTENER_PAUSE_MS);
}

static void
listener_on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < l->batch; i++) {
		struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
		socklen_t len = sizeof(sa);
		int peer = accept4(l->fd, (struct sockaddr *)&sa, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (peer >= 0) {
			listener_take(l, peer, &sa);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		/* Errors of the connection that was: accept(2). */
		if (errno == EINTR || errno == ECONNABORTED ||
		    errno == EPROTO || errno == ENETDOWN ||
		    errno == EHOSTUNREACH || errno == ENETUNREACH ||
		    errno == EPERM || errno == ETIMEDOUT)
			continue;
		listener_pause(l, errno);
		return;
	}
}

static void
listener_on_again(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	event_add(l->ev_accept, NULL);
}

int
listener_new(struct listener **out, struct worker *w,
    const struct listen_port *port, struct err *err)
{
	struct listener *l = calloc(1, sizeof(*l));
	const struct bound *b = port->bound;

	*out = NULL;
	if (l == NULL)
		return err_set(err, E_NOMEM, "cannot listen");
	l->worker = w;
	l->port = port;
	l->fd = b->fds[w->index % b->num_fds];
	/*
	 * All workers wake for a shared socket. Who takes one leaves the next
	 * to another, who is awake and has less to do.
	 */
	l->batch = b->num_fds < w->runtime->num_workers ? LISTENER_SHARED
							: LISTENER_BATCH;
	l->ev_accept = event_new(
	    w->base, l->fd, EV_READ | EV_PERSIST, listener_on_accept, l);
	l->ev_again = evtimer_new(w->base, listener_on_again, l);
	if (l->ev_accept == NULL || l->ev_again == NULL ||
	    event_add(l->ev_accept, NULL) != 0) {
		listener_free(l);
		return err_set(err, E_NOMEM, "cannot listen");
	}
	*out = l;
	return 0;
}

void
listener_shut(struct listener *l)
{
	/*
	 * Others hold the descriptor; this ends its listening all the same.
	 * A passed socket goes on listening for whoever is started next.
	 */
	if (!l->port->bound->passed)
		(void)shutdown(l->fd, SHUT_RDWR);
}

void
listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	if (l->ev_accept != NULL)
		event_free(l->ev_accept);
	if (l->ev_again != NULL)
		event_free(l->ev_again);
	free(l);
}
