/*
 * relay: raw SSL_read and SSL_write on one big buffer of the worker's. Reads
 * from the peer are gathered to 64 KiB before they are sent on, reads from
 * the node are one TLS record long; as soon as both sides go at full speed, to
 * 128 KiB either way, and down they go out as one burst of records. Only what
 * the other side cannot take is copied and kept, and then its source is not
 * read: that is the back-pressure, and the bound.
 */
#include "gateway/dataplane/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <sys/socket.h>

/* One way before the other has its turn. */
#define RELAY_TURN_BYTES (256 * 1024)

/* Full reads in a row, and all taken, before a pad is filled, either way. */
#define RELAY_BULK       2
#define RELAY_BIG_BUFFER (RELAY_SMALL_BYTES + 4 * 512)

void
relay_init(struct relay *r, SSL *ssl, int plain_fd)
{
	memset(r, 0, sizeof(*r));
	r->ssl = ssl;
	r->plain_fd = plain_fd;
}

void
relay_cleanup(struct relay *r)
{
	free(r->up.p);
	free(r->down.p);
	memset(r, 0, sizeof(*r));
	r->plain_fd = -1;
}

static int
relay_keep(struct relay_rest *rest, const uint8_t *p, size_t len)
{
	rest->p = malloc(len);
	if (rest->p == NULL)
		return E_NOMEM;
	memcpy(rest->p, p, len);
	rest->off = 0;
	rest->len = (uint32_t)len;
	return 0;
}

static void
relay_rest_done(struct relay_rest *rest)
{
	free(rest->p);
	memset(rest, 0, sizeof(*rest));
}

int
relay_prepend_up(struct relay *r, const void *p, size_t len)
{
	return len == 0 ? 0 : relay_keep(&r->up, p, len);
}

int
relay_prepend_down(struct relay *r, const void *p, size_t len)
{
	return len == 0 ? 0 : relay_keep(&r->down, p, len);
}

/* Up: TLS to plain. */

enum relay_flow {
	FLOW_BROKEN = 0,
	FLOW_BLOCKED, /* by its destination */
	FLOW_DRY,     /* its source has nothing, or has ended */
	FLOW_MORE     /* a turn's worth was moved */
};

/* Reads into the pad; *len is how much. DRY, MORE (pad full) or BROKEN. */
static enum relay_flow
relay_gather(
    struct relay *r, struct relay_pad *pad, size_t *len, unsigned *want)
{
	size_t size =
	    r->up_bulk < RELAY_BULK ? RELAY_SMALL_BYTES : sizeof(pad->p);

	*len = 0;
	r->read_blocked = false;
	while (*len + RELAY_RECORD_BYTES <= size) {
		size_t got = 0;

		ERR_clear_error();
		if (SSL_read_ex(r->ssl, pad->p + *len, size - *len, &got)) {
			*len += got;
			/* All that was there: the loop will tell of more. */
			if (!SSL_has_pending(r->ssl))
				return FLOW_DRY;
			continue;
		}
		switch (SSL_get_error(r->ssl, 0)) {
		case SSL_ERROR_WANT_READ:
			return FLOW_DRY;
		case SSL_ERROR_WANT_WRITE:
			r->read_blocked = true;
			*want |= RELAY_TLS_WRITE;
			return FLOW_DRY;
		case SSL_ERROR_ZERO_RETURN:
			r->tls_eof = true;
			return FLOW_DRY;
		default:
			ERR_clear_error();
			r->tls_eof = r->cut = true;
			return FLOW_DRY;
		}
	}
	return FLOW_MORE;
}

static enum relay_flow
relay_flush_up(struct relay *r)
{
	while (r->up.p != NULL) {
		ssize_t n = tls_bio_push(
		    r->plain_fd, r->up.p + r->up.off, r->up.len - r->up.off);

		if (n < 0)
			return FLOW_BROKEN;
		if (n == 0)
			return FLOW_BLOCKED;
		r->up.off += (uint32_t)n;
		if (r->up.off == r->up.len)
			relay_rest_done(&r->up);
	}
	return FLOW_MORE;
}

/*
 * A peer that sends much gets a buffer for several records a read, and a whole
 * pad while the node takes it: a slow node is not worth the memory.
 */
static void
relay_note_up(struct relay *r, size_t len, bool taken)
{
	if (!taken || len < RELAY_RECORD_BYTES - 1024) {
		r->up_bulk = 0;
		return;
	}
	if (r->up_bulk == RELAY_BULK || ++r->up_bulk < RELAY_BULK)
		return;
	SSL_set_default_read_buffer_len(r->ssl, RELAY_BIG_BUFFER);
}

static enum relay_flow
relay_up_turn(struct relay *r, struct relay_pad *pad, unsigned *want)
{
	enum relay_flow flow;
	size_t len;
	ssize_t n;

	flow = relay_gather(r, pad, &len, want);
	if (len == 0)
		return flow;
	r->up_bytes += len;
	n = tls_bio_push(r->plain_fd, pad->p, len);
	if (n < 0)
		return FLOW_BROKEN;
	relay_note_up(r, len, (size_t)n == len);
	if ((size_t)n == len)
		return flow;
	if (relay_keep(&r->up, pad->p + n, len - (size_t)n) != 0)
		return FLOW_BROKEN;
	return FLOW_BLOCKED;
}

static enum relay_flow
relay_up(struct relay *r, struct relay_pad *pad, unsigned *want)
{
	enum relay_flow flow = relay_flush_up(r);
	uint64_t until = r->up_bytes + RELAY_TURN_BYTES;

	while (flow == FLOW_MORE && r->up_bytes < until) {
		if (r->tls_eof)
			return FLOW_DRY;
		flow = relay_up_turn(r, pad, want);
	}
	return flow;
}

/* Down: plain to TLS. */

/* MORE when all was written, BLOCKED when some is left, *done is how much. */
static enum relay_flow
relay_write(
    struct relay *r, const uint8_t *p, size_t len, size_t *done, unsigned *want)
{
	*done = 0;
	while (*done < len) {
		size_t n = 0;

		ERR_clear_error();
		if (SSL_write_ex(r->ssl, p + *done, len - *done, &n)) {
			*done += n;
			continue;
		}
		switch (SSL_get_error(r->ssl, 0)) {
		case SSL_ERROR_WANT_WRITE:
			*want |= RELAY_TLS_WRITE;
			return FLOW_BLOCKED;
		case SSL_ERROR_WANT_READ:
			*want |= RELAY_TLS_READ;
			return FLOW_BLOCKED;
		default:
			ERR_clear_error();
			return FLOW_BROKEN;
		}
	}
	return FLOW_MORE;
}

/* What is left of a burst, then what is left of a write. */
static enum relay_flow
relay_flush_down(struct relay *r, unsigned *want)
{
	enum relay_flow flow;
	size_t done;

	if (r->wire_rest) {
		switch (tls_bio_send(r->ssl)) {
		case TLS_BIO_ALL:
			r->wire_rest = false;
			break;
		case TLS_BIO_SOME:
			return FLOW_BLOCKED;
		case TLS_BIO_BROKEN:
			return FLOW_BROKEN;
		}
	}
	if (r->down.p == NULL)
		return FLOW_MORE;
	flow = relay_write(
	    r, r->down.p + r->down.off, r->down.len - r->down.off, &done, want);
	r->down.off += (uint32_t)done;
	if (flow == FLOW_MORE)
		relay_rest_done(&r->down);
	return flow;
}

/* Several records: gathered, and sent at once. */
static enum relay_flow
relay_write_burst(struct relay *r, struct relay_pad *pad, size_t len,
    size_t *done, unsigned *want)
{
	bool gathers = tls_bio_gather(r->ssl, &pad->burst);
	enum relay_flow flow = relay_write(r, pad->p, len, done, want);

	if (!gathers || flow == FLOW_BROKEN)
		return flow;
	switch (tls_bio_send(r->ssl)) {
	case TLS_BIO_ALL:
		return flow;
	case TLS_BIO_SOME:
		r->wire_rest = true;
		return FLOW_BLOCKED;
	default:
		return FLOW_BROKEN;
	}
}

static enum relay_flow
relay_down_turn(struct relay *r, struct relay_pad *pad, unsigned *want)
{
	size_t size =
	    r->down_bulk < RELAY_BULK ? RELAY_RECORD_BYTES : RELAY_PAD_BYTES;
	enum relay_flow flow;
	size_t done;
	ssize_t n;

	do
		n = recv(r->plain_fd, pad->p, size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? FLOW_DRY
							       : FLOW_BROKEN;
	if (n == 0) {
		r->plain_eof = true;
		return FLOW_DRY;
	}
	r->down_bytes += (uint64_t)n;
	if (n > RELAY_RECORD_BYTES)
		flow = relay_write_burst(r, pad, (size_t)n, &done, want);
	else
		flow = relay_write(r, pad->p, (size_t)n, &done, want);
	if (done < (size_t)n && flow != FLOW_BROKEN &&
	    relay_keep(&r->down, pad->p + done, (size_t)n - done) != 0)
		return FLOW_BROKEN;
	/* A slow peer is not worth the memory of a burst. */
	if (flow == FLOW_BLOCKED || n < RELAY_RECORD_BYTES)
		r->down_bulk = 0;
	else if (r->down_bulk < RELAY_BULK)
		r->down_bulk++;
	if (flow == FLOW_MORE && (size_t)n < size)
		return FLOW_DRY;
	return flow;
}

static enum relay_flow
relay_down(struct relay *r, struct relay_pad *pad, unsigned *want)
{
	enum relay_flow flow = relay_flush_down(r, want);
	uint64_t until = r->down_bytes + RELAY_TURN_BYTES;

	while (flow == FLOW_MORE && r->down_bytes < until) {
		if (r->plain_eof)
			return FLOW_DRY;
		flow = relay_down_turn(r, pad, want);
	}
	return flow;
}

/* Is the peer behind with what the node has sent? */
static bool
relay_down_waits(const struct relay *r)
{
	return r->down.p != NULL || r->wire_rest;
}

/* Ends. */

/* Passes on the ends that came in, once what came before them has gone out. */
static bool
relay_pass_ends(struct relay *r, unsigned *want)
{
	int rc;

	if (r->tls_eof && r->up.p == NULL && !r->plain_shut) {
		r->plain_shut = true;
		if (r->cut)
			return false;
		if (shutdown(r->plain_fd, SHUT_WR) != 0)
			return false;
	}
	if (r->plain_eof && !relay_down_waits(r) && !r->tls_shut) {
		ERR_clear_error();
		rc = SSL_shutdown(r->ssl);
		if (rc < 0 &&
		    SSL_get_error(r->ssl, rc) == SSL_ERROR_WANT_WRITE) {
			*want |= RELAY_TLS_WRITE;
			return true;
		}
		ERR_clear_error();
		r->tls_shut = true;
		if (rc < 0)
			return false;
	}
	return true;
}

/* Only what an event speaks for is tried: each try is a system call. */
static bool
relay_up_is_due(const struct relay *r, unsigned ready)
{
	return (ready & (RELAY_TLS_READ | RELAY_AGAIN)) ||
	    (r->up.p != NULL && (ready & RELAY_PLAIN_WRITE)) ||
	    (r->read_blocked && (ready & RELAY_TLS_WRITE));
}

static bool
relay_down_is_due(const struct relay *r, unsigned ready)
{
	return (ready & RELAY_PLAIN_READ) ||
	    (relay_down_waits(r) &&
		(ready & (RELAY_TLS_WRITE | RELAY_TLS_READ)));
}

enum relay_result
relay_step(
    struct relay *r, struct relay_pad *pad, unsigned ready, unsigned *want)
{
	enum relay_flow up = FLOW_BLOCKED, down = FLOW_BLOCKED;
	unsigned w = 0;

	*want = 0;
	if (!r->plain_shut && relay_up_is_due(r, ready))
		up = relay_up(r, pad, &w);
	if (!r->tls_shut && relay_down_is_due(r, ready))
		down = relay_down(r, pad, &w);
	if (up == FLOW_BROKEN || down == FLOW_BROKEN)
		return RELAY_BROKEN;
	if (!relay_pass_ends(r, &w))
		return RELAY_BROKEN;
	if (r->plain_shut && r->tls_shut)
		return RELAY_ENDED;
	if (r->up.p != NULL)
		w |= RELAY_PLAIN_WRITE;
	else if (!r->tls_eof)
		w |= RELAY_TLS_READ;
	if (relay_down_waits(r))
		w |= RELAY_TLS_WRITE;
	else if (!r->plain_eof)
		w |= RELAY_PLAIN_READ;
	/* Decrypted or unparsed bytes that no socket event will announce. */
	if (r->up.p == NULL && !r->tls_eof && up == FLOW_MORE &&
	    SSL_has_pending(r->ssl))
		w |= RELAY_AGAIN;
	*want = w;
	return RELAY_GOING;
}
