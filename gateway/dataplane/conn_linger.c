/*
 * conn_linger: a connection that has said its last word and waits for the peer
 * to hear it. Runs on the connection's worker's thread. Reads what still comes
 * and throws it away, bounded in bytes and in time; frees nothing.
 */
#include <errno.h>

#include <event2/event.h>
#include <sys/socket.h>

#include "gateway/dataplane/conn_event.h"
#include "gateway/dataplane/conn_step.h"
#include "gateway/dataplane/worker.h"

#define CONN_LINGER_MS    2000
#define CONN_LINGER_BYTES (256 * 1024)
/* A body that is not wanted may be on its way already. */
#define CONN_LINGER_BODY_BYTES (64 * 1024 * 1024)

/*
 * A peer that has been refused is told so by an alert. Closing at once with
 * bytes unread would reset the connection and could take the alert with it.
 */
enum conn_step
conn_linger(struct conn *c)
{
	conn_end_handshake(c);
	if (c->tls_fd < 0 || shutdown(c->tls_fd, SHUT_WR) != 0)
		return CONN_STEP_DONE;
	conn_watch_tls(c, EV_READ);
	conn_set_timer(c, CONN_LINGER_MS);
	c->state = CONN_LINGER;
	c->ready = RELAY_TLS_READ;
	return CONN_STEP_AGAIN;
}

enum conn_step
conn_end(struct conn *c, bool reset)
{
	conn_drop_plain(c, reset);
	chain_poll_drop(&c->recheck);
	if (c->relaying)
		counters_dec(&c->worker->counters, COUNTER_RELAYING);
	c->relaying = false;
	conn_say_end(c);
	return conn_linger(c);
}

enum conn_step
conn_step_linger(struct conn *c, unsigned *wish)
{
	struct relay_pad *pad = &c->worker->pad;
	size_t most =
	    c->http != NULL ? CONN_LINGER_BODY_BYTES : CONN_LINGER_BYTES;
	size_t turn = 0;
	ssize_t n;

	if (c->timed_out)
		return CONN_STEP_DONE;
	do {
		n = recv(c->tls_fd, pad->p, sizeof(pad->p), 0);
		if (n > 0)
			turn += (size_t)n;
	} while (
	    (n > 0 && turn < CONN_LINGER_BYTES) || (n < 0 && errno == EINTR));
	c->lingered_bytes += turn;
	if (n == 0 || c->lingered_bytes >= most ||
	    (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK))
		return CONN_STEP_DONE;
	*wish = RELAY_TLS_READ;
	return CONN_STEP_WAIT;
}
