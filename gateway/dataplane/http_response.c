/*
 * http_response: the node's answer on its way to the peer. Its framing is read
 * as strictly as a request's: where it ends decides whose bytes come next. A
 * body without a length is sent on in chunks.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/http_internal.h"
#include "gateway/dataplane/worker.h"

#define TURNS 16 /* records down before the request has its turn */

/* Around what is read into the pad: room for a chunk's head and tail. */
#define ROOM_BEFORE 16
#define READ_MAX    (RELAY_RECORD_BYTES - 64)

/* The body. */

/*
 * p[0..len) lies in the pad, with room around it. A chunk of ours is put
 * together there, the last one behind it.
 */
static enum http_flow
send_body(struct http_exchange *h, uint8_t *p, size_t len, bool last)
{
	static const char end[] = "\r\n0\r\n\r\n";
	size_t skip = len > 0 ? 0 : 2; /* no chunk to end */
	size_t take = last ? sizeof(end) - 1 : 2;
	char head[ROOM_BEFORE] = "";
	int n = 0;

	h->c->relay.down_bytes += len;
	if (h->rechunk) {
		if (len > 0)
			n = snprintf(head, sizeof(head), "%zx\r\n", len);
		memcpy(p + len, end + skip, take - skip);
		len += take - skip;
		p -= n;
		memcpy(p, head, (size_t)n);
		len += (size_t)n;
	}
	return len > 0 ? http_write_peer(h, p, len) : http_flush_peer(h);
}

static enum http_flow
pass_length(struct http_exchange *h, uint8_t *p, size_t len)
{
	if (len > h->answer_left) {
		h->keep_node = false;
		len = (size_t)h->answer_left;
	}
	h->answer_left -= len;
	if (h->answer_left == 0)
		h->answer = HTTP_ANSWER_DONE;
	return send_body(h, p, len, false);
}

static enum http_flow
pass_chunked(struct http_exchange *h, uint8_t *p, size_t len)
{
	size_t data, used;

	switch (http_chunk_decode(&h->chunk, p, len, &data, &used)) {
	case HTTP_CHUNK_MORE:
		return send_body(h, p, data, false);
	case HTTP_CHUNK_END:
		if (used < len)
			h->keep_node = false;
		h->answer = HTTP_ANSWER_DONE;
		return send_body(h, p, data, true);
	case HTTP_CHUNK_BAD:
		break;
	}
	return HTTP_FLOW_BROKEN;
}

static enum http_flow
pass_body(struct http_exchange *h, uint8_t *p, size_t len)
{
	switch (h->answer) {
	case HTTP_ANSWER_LENGTH:
		return pass_length(h, p, len);
	case HTTP_ANSWER_CHUNKED:
		return pass_chunked(h, p, len);
	case HTTP_ANSWER_TO_END:
		return send_body(h, p, len, false);
	case HTTP_ANSWER_DONE:
		if (len > 0)
			h->keep_node = false;
		return http_flush_peer(h);
	case HTTP_ANSWER_HEAD:
		break;
	}
	return HTTP_FLOW_BROKEN;
}

/* The head. */

static void
count_answer(struct http_exchange *h, unsigned status)
{
	static const enum counter classes[] = {COUNTER_HTTP_NODE_2XX,
	    COUNTER_HTTP_NODE_3XX, COUNTER_HTTP_NODE_4XX,
	    COUNTER_HTTP_NODE_5XX};
	struct counters *n = &h->c->worker->counters;

	counters_inc(n, classes[status < 600 ? status / 100 - 2 : 3]);
}

/* How the body is delimited; false when that cannot be told for sure. */
static bool
read_framing(struct http_exchange *h, const struct http_head *head)
{
	const struct http_field *te = http_head_find(head, "transfer-encoding");
	const struct http_field *cl = http_head_find(head, "content-length");

	h->keep_node =
	    head->minor == 1 && !http_head_has(head, "connection", "close");
	h->rechunk = false;
	h->answer_left = 0;
	memset(&h->chunk, 0, sizeof(h->chunk));
	if (http_head_count(head, "content-length") > 1 ||
	    http_head_count(head, "transfer-encoding") > 1 ||
	    (te != NULL && cl != NULL))
		return false;
	if (h->head || head->status == 204 || head->status == 304) {
		h->answer = HTTP_ANSWER_DONE;
		return cl == NULL || !h->head ||
		    http_length(&cl->value, &h->answer_left);
	} else if (te != NULL) {
		h->answer = HTTP_ANSWER_CHUNKED;
		h->rechunk = !h->old;
		return head->minor == 1 && http_text_is(&te->value, "chunked");
	} else if (cl != NULL) {
		if (!http_length(&cl->value, &h->answer_left))
			return false;
		h->answer =
		    h->answer_left > 0 ? HTTP_ANSWER_LENGTH : HTTP_ANSWER_DONE;
	} else {
		h->answer = HTTP_ANSWER_TO_END;
		h->rechunk = !h->old;
		h->keep_node = false;
	}
	return true;
}

/* Of HEAD it says what a body would have had. */
static enum http_framing
framing_of(const struct http_exchange *h, const struct http_head *head)
{
	if (head->status == 204 || head->status == 304 ||
	    (h->head && http_head_find(head, "content-length") == NULL))
		return HTTP_FRAMING_NONE;
	if (h->rechunk)
		return HTTP_FRAMING_CHUNKED;
	return h->answer == HTTP_ANSWER_CHUNKED ||
		h->answer == HTTP_ANSWER_TO_END
	    ? HTTP_FRAMING_NONE
	    : HTTP_FRAMING_LENGTH;
}

static bool
begin_answer(struct http_exchange *h, const struct http_head *head)
{
	enum http_framing framing;
	size_t queued = h->down.b.len;

	if (head->major != 1 || head->status == 101 || !read_framing(h, head)) {
		h->answer = HTTP_ANSWER_HEAD;
		return false;
	}
	framing = framing_of(h, head);
	/* Before all of the request is sent: the rest is not waited for. */
	if (http_body_is_due(h) || http_queue_len(&h->up) > 0 ||
	    h->c->worker->draining)
		h->keep_peer = false;
	if (http_put_answer(&h->down.b, head, framing, h->answer_left,
		!h->keep_peer) != 0) {
		h->down.b.len = queued;
		h->answer = HTTP_ANSWER_HEAD;
		return false;
	}
	count_answer(h, head->status);
	return true;
}

/* To who asked for it or may; the answer is still to come. */
static bool
pass_interim(struct http_exchange *h, const struct http_head *head)
{
	return !h->any || h->old || http_put_interim(&h->down.b, head) == 0;
}

/*
 * The head of the answer in node_head, interim ones (1xx) taken off. MORE:
 * *rest bytes of what came last are of its body. DRY: not all there. BROKEN:
 * it is none.
 */
static enum http_flow
take_head(struct http_exchange *h, size_t *rest)
{
	struct bytes *b = &h->node_head;
	struct http_head head;
	const char *why;

	for (;;) {
		switch (http_head_scan(
		    (const char *)b->p, b->len, &h->node_seen, &why)) {
		case HTTP_SCAN_BAD:
			return HTTP_FLOW_BROKEN;
		case HTTP_SCAN_MORE:
			return HTTP_FLOW_DRY;
		case HTTP_SCAN_END:
			break;
		}
		if (http_parse_answer(
			&head, (const char *)b->p, h->node_seen, &why) != 0)
			return HTTP_FLOW_BROKEN;
		*rest = b->len - h->node_seen;
		if (head.status >= 200 || head.status == 101)
			break;
		if (!pass_interim(h, &head))
			return HTTP_FLOW_BROKEN;
		memmove(b->p, b->p + h->node_seen, *rest);
		b->len = *rest;
		h->node_seen = 0;
		if (b->len == 0)
			return HTTP_FLOW_DRY;
	}
	return begin_answer(h, &head) ? HTTP_FLOW_MORE : HTTP_FLOW_BROKEN;
}

static void
drop_head(struct http_exchange *h)
{
	size_t max = h->node_head.max;

	bytes_cleanup(&h->node_head);
	bytes_init(&h->node_head, max);
	h->node_seen = 0;
}

/* Turns. */

/* p[0..len) lies in the pad, with room around it. */
static enum http_flow
take_answer(struct http_exchange *h, uint8_t *p, size_t len)
{
	size_t rest = 0;
	enum http_flow flow;

	if (h->answer != HTTP_ANSWER_HEAD)
		return pass_body(h, p, len);
	if (bytes_append(&h->node_head, p, len) != 0)
		return HTTP_FLOW_BROKEN;
	flow = take_head(h, &rest);
	if (flow == HTTP_FLOW_DRY)
		return http_flush_peer(h);
	drop_head(h);
	return flow == HTTP_FLOW_MORE ? pass_body(h, p + len - rest, rest)
				      : HTTP_FLOW_BROKEN;
}

/* The node has closed, or is gone. */
static enum http_flow
take_end(struct http_exchange *h, uint8_t *p)
{
	if (h->answer != HTTP_ANSWER_TO_END || !h->node_eof)
		return HTTP_FLOW_BROKEN;
	h->answer = HTTP_ANSWER_DONE;
	return send_body(h, p, 0, true);
}

enum http_down
http_move_down(struct http_exchange *h)
{
	uint8_t *p = h->c->worker->pad.p + ROOM_BEFORE;
	enum http_flow flow = http_flush_peer(h);
	size_t got;

	for (int turn = 0; flow == HTTP_FLOW_MORE &&
	     h->answer != HTTP_ANSWER_DONE && turn < TURNS;
	     turn++) {
		flow = http_read_node(h, p, READ_MAX, &got);
		h->heard |= got > 0;
		if (flow == HTTP_FLOW_MORE)
			flow = take_answer(h, p, got);
		else if (flow == HTTP_FLOW_BROKEN)
			flow = take_end(h, p);
	}
	if (flow != HTTP_FLOW_BROKEN)
		return HTTP_DOWN_GOING;
	/* Nothing of it has been said yet: something else can be. */
	return h->answer == HTTP_ANSWER_HEAD ? HTTP_DOWN_NONE : HTTP_DOWN_CUT;
}
