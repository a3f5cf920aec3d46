/*
 * http_request: a request on its way to the node. Its head is checked and
 * written anew before a byte of it leaves; its body is counted, not looked at.
 * Chunks are made anew, without extensions and trailers: what the node reads
 * as their sizes was never a peer's.
 */
#include <string.h>

#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/decision_log.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/http_internal.h"
#include "gateway/tls/allow.h"
#include "gateway/dataplane/worker.h"

#define TURNS 4 /* pads up before the answer has its turn */

/* The head. */

static int
queue_request(struct http_exchange *h, const struct http_head *head,
    const struct http_order *order)
{
	char address[ADDRESS_TEXT_MAX];
	const struct conn *c = h->c;
	const struct http_peer who = {
	    .certs = c->certs,
	    .status =
		c->certs != NULL ? decision_status_name(c->found.status) : NULL,
	    .tls = SSL_get_version(c->ssl),
	    .address = address,
	};

	address_text(address, c->remote);
	return http_put_request(&h->up.b, head, order, &who);
}

/* Whether the peer may ask for this path. */
static bool
path_allowed(const struct http_exchange *h, const struct http_order *order)
{
	const struct conn *c = h->c;
	const struct allow_place place = {.listen = c->listen,
	    .http = true,
	    .path = order->path.p,
	    .path_len = order->path.len};

	return allow_holds(c->runtime->conf,
	    c->certs != NULL ? revcheck_certs_get0(c->certs, 0) : NULL, &place);
}

/* What the order means for the exchange to come. */
static void
begin_order(struct http_exchange *h, const struct http_order *order)
{
	h->body_left = order->body_bytes;
	h->up_chunked = order->body == HTTP_BODY_CHUNKED;
	h->up_chunk = (struct http_chunk){.left = 0};
	h->up_taken = 0;
	h->up_refusal = 0;
	h->keep_peer = order->keep_alive;
	h->say_continue = order->expects_continue && !order->asks_node;
	h->old = order->old;
	h->head = order->head;
}

static unsigned
request_check(
    struct http_exchange *h, const char *p, size_t len, const char **why)
{
	const struct runtime *runtime = h->c->runtime;
	const struct http_rules rules = {
	    .routes = &runtime->routes,
	    .port = h->port,
	    .max_request_bytes = runtime->conf->http.max_request_bytes,
	    .any = runtime->conf->http.profile == CONF_HTTP_ANY,
	};
	struct http_order order;
	struct http_head head;
	unsigned status;
	int rc = http_parse_request(&head, p, len, why);

	h->any = rules.any;
	h->head = rules.any && rc == 0 && http_text_is(&head.method, "HEAD");
	if (rc != 0)
		return rc == E_LIMIT ? 431 : 400;
	status = http_rules_check(&order, &head, &rules, why);
	if (status != 0)
		return status;
	*why = "not-allowed: no rule of allow has this path for this peer";
	if (!path_allowed(h, &order))
		return 403;
	*why = "the gateway is stopping";
	if (h->c->worker->draining)
		return 503;
	*why = "out of memory";
	if (queue_request(h, &head, &order) != 0 ||
	    (order.repeatable && h->c->plain_fd >= 0 &&
		bytes_append(&h->again, http_queue_at(&h->up),
		    http_queue_len(&h->up)) != 0))
		return 500;
	begin_order(h, &order);
	return 1;
}

unsigned
http_take_request(struct http_exchange *h, const char **why)
{
	const char *p = (const char *)http_queue_at(&h->in);
	size_t len = http_queue_len(&h->in);
	unsigned status;

	/* One empty line ahead of a request is let pass: RFC 9112, 2.2. */
	if (!h->after_line && len >= 2 && memcmp(p, "\r\n", 2) == 0) {
		h->after_line = true;
		h->in_seen = 0;
		http_queue_take(&h->in, 2);
		p = (const char *)http_queue_at(&h->in);
		len -= 2;
	}
	if (len == 0)
		return 0;
	switch (http_head_scan(p, len, &h->in_seen, why)) {
	case HTTP_SCAN_BAD:
		return 400;
	case HTTP_SCAN_MORE:
		*why = "the head is too large";
		return len < h->c->runtime->conf->http.max_head_bytes ? 0 : 431;
	case HTTP_SCAN_END:
		break;
	}
	status = request_check(h, p, h->in_seen, why);
	http_queue_take(&h->in, h->in_seen);
	h->in_seen = 0;
	h->after_line = false;
	return status;
}

/* The body. */

/* What came with the head leaves with it. */
static enum http_flow
absorb(struct http_exchange *h)
{
	size_t n = http_queue_len(&h->in);

	if (n > h->body_left)
		n = (size_t)h->body_left;
	if (n == 0)
		return HTTP_FLOW_MORE;
	if (bytes_append(&h->up.b, http_queue_at(&h->in), n) != 0)
		return HTTP_FLOW_BROKEN;
	http_queue_take(&h->in, n);
	h->body_left -= n;
	h->c->relay.up_bytes += n;
	return HTTP_FLOW_MORE;
}

static enum http_flow
body_turn(struct http_exchange *h)
{
	struct relay_pad *pad = &h->c->worker->pad;
	size_t max = sizeof(pad->p), got;
	enum http_flow read, written;

	if (max > h->body_left)
		max = (size_t)h->body_left;
	read = http_read_peer(h, pad->p, max, &got);
	if (got == 0)
		return read;
	h->body_left -= got;
	h->c->relay.up_bytes += got;
	written = http_write_node(h, pad->p, got);
	return written == HTTP_FLOW_MORE ? read : written;
}

/* A body whose end only its chunks tell. */

static enum http_flow
refuse_body(struct http_exchange *h, unsigned status, const char *why)
{
	h->up_refusal = status;
	h->up_why = why;
	return HTTP_FLOW_BROKEN;
}

/* p[0..len) in a chunk of ours; last: and the end of all. */
static int
queue_chunk(struct http_exchange *h, const uint8_t *p, size_t len, bool last)
{
	struct bytes *b = &h->up.b;
	int rc = 0;

	if (len > 0)
		rc = bytes_printf(b, "%zx\r\n", len);
	if (rc == 0 && len > 0)
		rc = bytes_append(b, p, len);
	if (rc == 0 && len > 0)
		rc = bytes_append(b, "\r\n", 2);
	return rc == 0 && last ? bytes_append(b, "0\r\n\r\n", 5) : rc;
}

/* All that is in `in`, up to the end of the body. */
static enum http_flow
take_chunks(struct http_exchange *h)
{
	uint64_t max = h->c->runtime->conf->http.max_request_bytes;
	uint8_t *p = http_queue_at(&h->in);
	size_t data, used;
	enum http_chunk_result result = http_chunk_decode(
	    &h->up_chunk, p, http_queue_len(&h->in), &data, &used);

	if (result == HTTP_CHUNK_BAD)
		return refuse_body(h, 400, "a malformed chunk");
	h->up_taken += data;
	/* What a chunk says it will have counts, too. */
	if (h->up_taken > max || h->up_chunk.left > max - h->up_taken)
		return refuse_body(h, 413, "the body is larger than is taken");
	if (queue_chunk(h, p, data, result == HTTP_CHUNK_END) != 0)
		return HTTP_FLOW_BROKEN;
	h->c->relay.up_bytes += data;
	h->up_chunked = result != HTTP_CHUNK_END;
	http_queue_take(&h->in, used);
	return HTTP_FLOW_MORE;
}

static enum http_flow
chunks_turn(struct http_exchange *h)
{
	enum http_flow read = HTTP_FLOW_MORE, taken, written;

	if (http_queue_len(&h->in) == 0)
		read = http_fill(h);
	if (http_queue_len(&h->in) == 0)
		return read;
	taken = take_chunks(h);
	if (taken != HTTP_FLOW_MORE)
		return taken;
	written = http_flush_node(h);
	return written == HTTP_FLOW_MORE ? read : written;
}

/* Nobody reads the rest of the body; what it answered may still come. */
static void
give_up(struct http_exchange *h)
{
	h->up_broken = true;
	h->keep_peer = h->keep_node = false;
	http_queue_take(&h->up, http_queue_len(&h->up));
}

/* Only what an event speaks for is tried: each try is a system call. */
static bool
is_due(const struct http_exchange *h, unsigned ready)
{
	return (ready & (RELAY_TLS_READ | RELAY_AGAIN)) ||
	    (http_queue_len(&h->up) > 0 && (ready & RELAY_PLAIN_WRITE)) ||
	    (h->read_wants_write && (ready & RELAY_TLS_WRITE));
}

enum http_flow
http_move_up(struct http_exchange *h, unsigned ready)
{
	enum http_flow flow;

	if (h->up_broken || !is_due(h, ready))
		return HTTP_FLOW_DRY;
	flow = absorb(h);
	if (flow == HTTP_FLOW_MORE)
		flow = http_flush_node(h);
	for (int turn = 0;
	     flow == HTTP_FLOW_MORE && http_body_is_due(h) && turn < TURNS;
	     turn++)
		flow = h->up_chunked ? chunks_turn(h) : body_turn(h);
	if (h->up_refusal != 0)
		return HTTP_FLOW_BROKEN;
	if (flow == HTTP_FLOW_BROKEN) {
		give_up(h);
		return HTTP_FLOW_DRY;
	}
	/* Ahead of the next request, to hear of a peer that leaves. */
	if (flow != HTTP_FLOW_BLOCKED && !http_body_is_due(h))
		flow = http_fill(h);
	if (h->tls_cut || (h->tls_eof && http_body_is_due(h)))
		return HTTP_FLOW_BROKEN;
	return flow;
}
