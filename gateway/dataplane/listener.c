/*
 * listener: accepts, and turns away what the limits do not allow. Knows nothing
 * of TLS. Out of descriptors, half-open handshakes make room, those who cannot
 * be taken are turned away, and when not even that is possible accepting stops
 * for a moment, not for good.
 */
#include "gateway/dataplane/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <sys/socket.h>

#include "cache/base/clock.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/half_open.h"
#include "gateway/dataplane/limits.h"
#include "gateway/dataplane/tcp_options.h"
#include "gateway/dataplane/worker.h"
#include "gateway/process/descriptors.h"

#define LISTENER_BATCH      32  /* accepts a turn, so that traffic goes on */
#define LISTENER_SHARED     1   /* likewise, on a socket of several workers */
#define LISTENER_CROWD_MS   1   /* between two full turns of a crowd */
#define LISTENER_TRIES      8   /* to get the room that others made */
#define LISTENER_MOMENT_MS  5   /* until who made room is gone */
#define LISTENER_PAUSE_MS   100 /* after EMFILE and its like */
#define LISTENER_LOG_GAP_MS 10000

struct listener {
	struct worker *worker;
	const struct runtime *runtime; /* its setup holds it */
	const struct listen_port *port;
	int fd;    /* the bound's */
	int batch; /* accepts a turn, at the most */
	int turn;  /* accepts in the next one */
	uint64_t turned_mono_ms;
	struct event *ev_accept;
	struct event *ev_again; /* after a pause */
	uint64_t logged_mono_ms;
	uint64_t unlogged;
	uint64_t failed_mono_ms; /* when it was said that accepting failed */
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
	log_line(l->port->kind == LISTENER_PEERS ? l->worker->strangers
						 : l->worker->log,
	    LOG_LEVEL_WARN,
	    "connection turned away: %s (listener=%s more=%llu)", word[why],
	    l->port->name, (unsigned long long)l->unlogged);
	l->logged_mono_ms = now;
	l->unlogged = 0;
}

static enum limits_answer
listener_ask(struct listener *l, const struct sockaddr_storage *sa,
    struct limits_peer *peer, uint64_t now_mono_ms)
{
	struct worker *w = l->worker;
	const struct conf_limits *conf = &w->runtime->conf->limits;
	const struct sockaddr *name = (const struct sockaddr *)sa;

	if (l->port->kind != LISTENER_PEERS)
		return limits_enter_outbound(w->limits, conf, name, peer);
	return limits_enter(w->limits, conf, name, peer, now_mono_ms);
}

static void
listener_failed(struct listener *l, int saved)
{
	uint64_t now = clock_mono_ms();

	counters_inc(&l->worker->counters, COUNTER_ACCEPT_ERRORS);
	if (l->failed_mono_ms != 0 &&
	    now - l->failed_mono_ms < LISTENER_LOG_GAP_MS)
		return;
	l->failed_mono_ms = now;
	log_line(l->worker->log, LOG_LEVEL_ERROR, "cannot accept on %s: %s",
	    l->port->bound->address, strerror(saved));
}

static void
listener_take(struct listener *l, int fd, const struct sockaddr_storage *sa)
{
	struct worker *w = l->worker;
	struct limits_peer peer;
	enum limits_answer answer;
	uint64_t now = clock_mono_ms();

	answer = listener_ask(l, sa, &peer, now);
	/*
	 * What is full of peers is no reason to refuse the node its own.
	 * Another worker may be quicker to take the room that was made.
	 */
	for (int i = 0; i < LISTENER_TRIES; i++) {
		if (answer != LIMITS_FULL &&
		    (answer != LIMITS_HANDSHAKES || peer.outbound))
			break;
		if (!half_open_relieve(w->half_open, w->limits, &peer, now))
			break;
		answer = listener_ask(l, sa, &peer, now);
	}
	if (answer != LIMITS_PASS) {
		listener_turn_away(l, answer);
		close(fd);
		return;
	}
	/* Whoever makes room has a descriptor, which is free in a moment. */
	if (descriptors_reserved(fd) &&
	    !half_open_relieve(w->half_open, w->limits, &peer, now)) {
		limits_end_handshake(w->limits, &peer);
		limits_leave(w->limits, &peer);
		close(fd);
		listener_failed(l, EMFILE);
		return;
	}
	conn_accept(w, l->port, fd, sa, &peer);
}

static void
listener_pause(struct listener *l, int saved)
{
	struct worker *w = l->worker;
	struct timeval tv = {.tv_usec = LISTENER_PAUSE_MS * 1000};

	listener_failed(l, saved);
	/* Not even one to see who comes: there is in a moment. */
	if ((saved == EMFILE || saved == ENFILE) &&
	    half_open_relieve(w->half_open, w->limits, NULL, clock_mono_ms()))
		tv.tv_usec = LISTENER_MOMENT_MS * 1000;
	event_del(l->ev_accept);
	event_add(l->ev_again, &tv);
}

/*
 * Peers who come one by one are taken one by one: to ask for another would be
 * a system call each. Those who come in crowds are taken in crowds.
 */
static void
listener_set_turn(struct listener *l)
{
	uint64_t now = clock_mono_ms();

	if (now - l->turned_mono_ms > LISTENER_CROWD_MS)
		l->turn = 1;
	else
		l->turn = l->turn * 2 < l->batch ? l->turn * 2 : l->batch;
	l->turned_mono_ms = now;
}

static void
listener_on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < l->turn; i++) {
		struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
		socklen_t len = sizeof(sa);
		int peer = accept4(l->fd, (struct sockaddr *)&sa, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (peer >= 0) {
			listener_take(l, peer, &sa);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK) {
			l->turn = i > 1 ? i : 1;
			return;
		}
		/* Errors of the connection that was: accept(2). */
		if (errno == EINTR || errno == ECONNABORTED ||
		    errno == EPROTO || errno == ENETDOWN ||
		    errno == EHOSTUNREACH || errno == ENETUNREACH ||
		    errno == EPERM || errno == ETIMEDOUT)
			continue;
		listener_pause(l, errno);
		return;
	}
	listener_set_turn(l);
}

static void
listener_on_again(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	listener_start(l);
}

/* Who is accepted inherits them, and is a connection without them, too. */
static void
listener_set_options(struct listener *l)
{
	(void)tcp_options_set(
	    l->fd, l->port->bound->sa.ss_family, &l->runtime->conf->limits);
}

void
listener_start(struct listener *l)
{
	listener_set_options(l);
	if (event_add(l->ev_accept, NULL) != 0)
		listener_pause(l, ENOMEM);
}

int
listener_new(struct listener **out, struct worker *w,
    const struct runtime *runtime, const struct listen_port *port,
    struct err *err)
{
	struct listener *l = calloc(1, sizeof(*l));
	const struct listen_socket *b = port->bound;

	*out = NULL;
	if (l == NULL)
		return err_set(err, E_NOMEM, "cannot listen");
	l->worker = w;
	l->runtime = runtime;
	l->port = port;
	l->turn = 1;
	l->fd = b->fds[w->index % b->num_fds];
	/*
	 * All workers wake for a shared socket. Who takes one leaves the next
	 * to another, who is awake and has less to do.
	 */
	l->batch = b->num_fds < runtime->num_workers ? LISTENER_SHARED
						     : LISTENER_BATCH;
	l->ev_accept = event_new(
	    w->base, l->fd, EV_READ | EV_PERSIST, listener_on_accept, l);
	l->ev_again = evtimer_new(w->base, listener_on_again, l);
	if (l->ev_accept == NULL || l->ev_again == NULL) {
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
