/*
 * http_io: reading and writing the two sockets of an exchange. What the other
 * side cannot take at once is queued, and then its source is not read: that is
 * the back-pressure, and the bound.
 */
#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <sys/socket.h>

#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/http_internal.h"
#include "gateway/tls/tls_bio.h"
#include "gateway/dataplane/worker.h"

/* Without AUTO_RETRY a key update reads as nothing: look behind a few. */
#define READ_TRIES 4

void
http_queue_take(struct http_queue *q, size_t n)
{
	size_t max = q->b.max;

	q->off += n;
	if (q->off < q->b.len)
		return;
	bytes_cleanup(&q->b);
	bytes_init(&q->b, max);
	q->off = 0;
}

/* The peer. */

/* true: try again. */
static bool
read_failed(struct http_exchange *h, int error, int tries)
{
	switch (error) {
	case SSL_ERROR_WANT_READ:
		return tries < READ_TRIES && SSL_has_pending(h->c->ssl);
	case SSL_ERROR_WANT_WRITE:
		h->read_wants_write = true;
		return false;
	case SSL_ERROR_ZERO_RETURN:
		h->tls_eof = true;
		return false;
	default:
		ERR_clear_error();
		h->tls_eof = h->tls_cut = true;
		return false;
	}
}

enum http_flow
http_read_peer(struct http_exchange *h, uint8_t *p, size_t max, size_t *got)
{
	SSL *ssl = h->c->ssl;
	int tries = 0;

	*got = 0;
	h->read_wants_write = false;
	if (h->tls_eof)
		return HTTP_FLOW_DRY;
	while (*got < max) {
		size_t n = 0;

		ERR_clear_error();
		if (SSL_read_ex(ssl, p + *got, max - *got, &n)) {
			*got += n;
			h->moved += n;
			/* All that was there: the loop will tell of more. */
			if (!SSL_has_pending(ssl))
				return HTTP_FLOW_DRY;
			continue;
		}
		if (!read_failed(h, SSL_get_error(ssl, 0), tries++))
			return HTTP_FLOW_DRY;
	}
	return HTTP_FLOW_MORE;
}

enum http_flow
http_fill(struct http_exchange *h)
{
	struct relay_pad *pad = &h->c->worker->pad;
	size_t max = h->c->runtime->conf->http.max_head_bytes;
	size_t have = http_queue_len(&h->in), got;
	enum http_flow flow;

	if (have >= max)
		return HTTP_FLOW_BLOCKED;
	max -= have;
	if (max > sizeof(pad->p))
		max = sizeof(pad->p);
	flow = http_read_peer(h, pad->p, max, &got);
	if (got == 0)
		return flow;
	/* Makes room: what has been used goes. */
	if (h->in.off > 0) {
		memmove(h->in.b.p, http_queue_at(&h->in), have);
		h->in.b.len = have;
		h->in.off = 0;
	}
	return bytes_append(&h->in.b, pad->p, got) != 0 ? HTTP_FLOW_BROKEN
							: flow;
}

/* Sends p[0..len) as far as it goes: *done. */
static enum http_flow
push_peer(struct http_exchange *h, const uint8_t *p, size_t len, size_t *done)
{
	SSL *ssl = h->c->ssl;

	*done = 0;
	h->write_wants_read = false;
	while (*done < len) {
		size_t n = 0;

		ERR_clear_error();
		if (SSL_write_ex(ssl, p + *done, len - *done, &n)) {
			*done += n;
			h->moved += n;
			continue;
		}
		switch (SSL_get_error(ssl, 0)) {
		case SSL_ERROR_WANT_READ:
			h->write_wants_read = true;
			return HTTP_FLOW_BLOCKED;
		case SSL_ERROR_WANT_WRITE:
			return HTTP_FLOW_BLOCKED;
		default:
			ERR_clear_error();
			return HTTP_FLOW_BROKEN;
		}
	}
	return HTTP_FLOW_MORE;
}

enum http_flow
http_flush_peer(struct http_exchange *h)
{
	enum http_flow flow;
	size_t done;

	if (http_queue_len(&h->down) == 0)
		return HTTP_FLOW_MORE;
	flow = push_peer(
	    h, http_queue_at(&h->down), http_queue_len(&h->down), &done);
	http_queue_take(&h->down, done);
	return flow;
}

enum http_flow
http_write_peer(struct http_exchange *h, const uint8_t *p, size_t len)
{
	enum http_flow flow;
	size_t done;

	/* A head that is queued leaves in one piece with what follows. */
	if (http_queue_len(&h->down) > 0)
		return bytes_append(&h->down.b, p, len) != 0
		    ? HTTP_FLOW_BROKEN
		    : http_flush_peer(h);
	flow = push_peer(h, p, len, &done);
	if (flow == HTTP_FLOW_BLOCKED &&
	    bytes_append(&h->down.b, p + done, len - done) != 0)
		return HTTP_FLOW_BROKEN;
	return flow;
}

/* The node. */

enum http_flow
http_read_node(struct http_exchange *h, uint8_t *p, size_t max, size_t *got)
{
	ssize_t n;

	*got = 0;
	do
		n = recv(h->c->plain_fd, p, max, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		*got = (size_t)n;
		h->moved += *got;
		return HTTP_FLOW_MORE;
	}
	h->node_eof = n == 0;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return HTTP_FLOW_DRY;
	return HTTP_FLOW_BROKEN;
}

static enum http_flow
push_node(struct http_exchange *h, const uint8_t *p, size_t len, size_t *done)
{
	*done = 0;
	while (*done < len) {
		ssize_t n =
		    tls_bio_push(h->c->plain_fd, p + *done, len - *done);

		if (n < 0)
			return HTTP_FLOW_BROKEN;
		if (n == 0)
			return HTTP_FLOW_BLOCKED;
		*done += (size_t)n;
		h->moved += (size_t)n;
	}
	return HTTP_FLOW_MORE;
}

enum http_flow
http_flush_node(struct http_exchange *h)
{
	enum http_flow flow;
	size_t done;

	if (http_queue_len(&h->up) == 0)
		return HTTP_FLOW_MORE;
	flow =
	    push_node(h, http_queue_at(&h->up), http_queue_len(&h->up), &done);
	http_queue_take(&h->up, done);
	return flow;
}

enum http_flow
http_write_node(struct http_exchange *h, const uint8_t *p, size_t len)
{
	enum http_flow flow;
	size_t done;

	if (http_queue_len(&h->up) > 0)
		return bytes_append(&h->up.b, p, len) != 0 ? HTTP_FLOW_BROKEN
							   : http_flush_node(h);
	flow = push_node(h, p, len, &done);
	if (flow == HTTP_FLOW_BLOCKED &&
	    bytes_append(&h->up.b, p + done, len - done) != 0)
		return HTTP_FLOW_BROKEN;
	return flow;
}
