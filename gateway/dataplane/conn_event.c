/*
 * conn_event: what a connection waits for. Event callbacks note what happened
 * and call the connection's driver, which alone arms and moves timers, by means
 * of these. Runs on the connection's worker's thread. Decides nothing, frees
 * nothing.
 */
#include "gateway/dataplane/conn_event.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "cache/base/clock.h"
#include "gateway/dataplane/half_open.h"
#include "gateway/dataplane/worker.h"

/* Events: note, drive. */

static void
conn_note(struct conn *c, unsigned ready)
{
	assert(c->magic == CONN_MAGIC);
	c->ready |= ready;
	c->drive(c);
}

static void
conn_on_tls_read(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	/*
	 * While suspended, an edge: bytes may lie there unread. A reset is
	 * reported as readable, not as closed.
	 */
	if (c->state == CONN_VERDICT) {
		char byte;
		ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

		c->tls_left = (what & EV_CLOSED) || n == 0 ||
		    (n < 0 && errno != EAGAIN && errno != EINTR);
		if (!c->tls_left)
			return;
	}
	conn_note(c, RELAY_TLS_READ);
}

static void
conn_on_tls_write(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_note(arg, RELAY_TLS_WRITE);
}

static void
conn_on_plain_read(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_note(arg, RELAY_PLAIN_READ);
}

static void
conn_on_plain_write(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_note(arg, RELAY_PLAIN_WRITE);
}

void
conn_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	c->timed_out = true;
	conn_note(c, 0);
}

void
conn_on_dialled(void *arg)
{
	conn_note(arg, 0);
}

void
conn_on_answered(void *arg)
{
	conn_note(arg, 0);
}

/* Arming. */

static void
conn_arm_one(struct conn *c, struct event *ev, unsigned bit, unsigned wish)
{
	if ((c->armed & bit) == (wish & bit))
		return;
	if (wish & bit) {
		event_add(ev, NULL);
		c->armed |= bit;
	} else {
		event_del(ev);
		c->armed &= ~bit;
	}
}

void
conn_arm(struct conn *c, unsigned wish)
{
	conn_arm_one(c, &c->ev_tls_read, RELAY_TLS_READ, wish);
	conn_arm_one(c, &c->ev_tls_write, RELAY_TLS_WRITE, wish);
	conn_arm_one(c, &c->ev_plain_read, RELAY_PLAIN_READ, wish);
	conn_arm_one(c, &c->ev_plain_write, RELAY_PLAIN_WRITE, wish);
	if (wish & RELAY_AGAIN)
		event_active(&c->ev_tls_read, EV_READ, 0);
}

void
conn_set_timer(struct conn *c, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	c->timed_out = false;
	event_add(&c->ev_timer, &tv);
}

/*
 * The read side of the TLS socket is watched for bytes, or, while the
 * handshake is suspended, only for a peer that hangs up (edges, since bytes
 * may lie there all the while). libevent's epoll changelist takes the change
 * from one to the other for none, so the loop must not use it.
 */
void
conn_watch_tls(struct conn *c, short what)
{
	event_del(&c->ev_tls_read);
	c->armed &= ~(unsigned)RELAY_TLS_READ;
	event_assign(&c->ev_tls_read, c->worker->base, c->tls_fd,
	    what | EV_PERSIST, conn_on_tls_read, c);
}

void
conn_reset_plain(struct conn *c)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	if (c->plain_fd >= 0)
		setsockopt(
		    c->plain_fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

void
conn_drop_plain(struct conn *c, bool reset)
{
	if (c->plain_fd < 0)
		return;
	event_del(&c->ev_plain_read);
	event_del(&c->ev_plain_write);
	c->armed &= ~(unsigned)(RELAY_PLAIN_READ | RELAY_PLAIN_WRITE);
	if (reset)
		conn_reset_plain(c);
	close(c->plain_fd);
	c->plain_fd = -1;
}

void
conn_assign_tls(struct conn *c)
{
	struct event_base *base = c->worker->base;

	event_assign(&c->ev_tls_read, base, c->tls_fd, EV_READ | EV_PERSIST,
	    conn_on_tls_read, c);
	event_assign(&c->ev_tls_write, base, c->tls_fd, EV_WRITE | EV_PERSIST,
	    conn_on_tls_write, c);
}

void
conn_assign_plain(struct conn *c)
{
	struct event_base *base = c->worker->base;

	event_assign(&c->ev_plain_read, base, c->plain_fd, EV_READ | EV_PERSIST,
	    conn_on_plain_read, c);
	event_assign(&c->ev_plain_write, base, c->plain_fd,
	    EV_WRITE | EV_PERSIST, conn_on_plain_write, c);
}

/* Its course. */

/*
 * TLS has no alert for "revoked meanwhile" that OpenSSL would send, but a bare
 * FIN could be anybody's; close_notify is ours.
 */
void
conn_say_end(struct conn *c)
{
	if (c->ssl != NULL && SSL_is_init_finished(c->ssl) &&
	    !(SSL_get_shutdown(c->ssl) & SSL_SENT_SHUTDOWN)) {
		ERR_clear_error();
		SSL_shutdown(c->ssl);
		ERR_clear_error();
	}
	if (c->tls_fd >= 0)
		(void)shutdown(c->tls_fd, SHUT_WR);
}

void
conn_end_handshake(struct conn *c)
{
	if (!c->in_handshake)
		return;
	c->in_handshake = false;
	half_open_remove(c->worker->half_open, &c->half_open);
	/* What made room was given back by whom it was made for. */
	if (!c->half_open.shed)
		limits_end_handshake(c->worker->limits, &c->peer);
}

void
conn_doom(struct conn *c, uint32_t delay_ms)
{
	if (c->doomed || c->state == CONN_GONE || c->state == CONN_LINGER)
		return;
	c->doomed = true;
	c->close_at_mono_ms = clock_mono_ms() + delay_ms;
	conn_set_timer(c, delay_ms);
}
