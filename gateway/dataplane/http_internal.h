/* http_internal: what the files of http share with each other only. */
#ifndef GATEWAY_DATAPLANE_HTTP_INTERNAL_H
#define GATEWAY_DATAPLANE_HTTP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/bytes.h"
#include "gateway/http1/http_chunk.h"
#include "gateway/http1/http_fields.h"
#include "gateway/dataplane/relay.h"

struct conn;
struct runtime;

/* Bytes on their way, of which the first `off` have left. */
struct http_queue {
	struct bytes b;
	size_t off;
};

enum http_phase {
	HTTP_PHASE_HEAD = 0, /* a request is waited for, or its head read */
	HTTP_PHASE_DIAL,
	HTTP_PHASE_EXCHANGE,
	HTTP_PHASE_LAST
};

/* Where the node's answer is. */
enum http_answer {
	HTTP_ANSWER_HEAD = 0, /* its head is waited for */
	HTTP_ANSWER_LENGTH,   /* answer_left bytes of body */
	HTTP_ANSWER_CHUNKED,
	HTTP_ANSWER_TO_END, /* a body until the node closes */
	HTTP_ANSWER_DONE
};

struct http_exchange {
	struct conn *c;
	enum http_phase phase;
	uint16_t port;                /* of the listener */
	struct runtime *dial_runtime; /* whose addresses are being dialled */
	bool after_line; /* an empty line before the head was skipped */
	bool tls_eof;    /* nothing more comes from the peer */
	bool tls_cut;    /* and it ended without close_notify */
	bool read_wants_write;
	bool write_wants_read;

	/* The exchange. */
	bool keep_peer; /* the connection outlives it */
	bool keep_node;
	bool say_continue;  /* the peer waits for it */
	bool any;           /* by the profile: interim answers are passed on */
	bool old;           /* of HTTP/1.0: neither chunks nor these */
	bool head;          /* HEAD: its answer has no body */
	bool heard;         /* of the node, be it half a head */
	bool up_broken;     /* the node takes no more of the body */
	bool node_eof;      /* the node has closed in good order */
	bool rechunk;       /* the body goes to the peer in chunks of ours */
	uint64_t body_left; /* of the request, still to come from the peer */
	bool up_chunked;    /* or so much that only its end tells, */
	uint64_t up_taken;  /* of which so much has come */
	struct http_chunk up_chunk;
	unsigned up_refusal; /* status: the body is not to be taken */
	const char *up_why;
	enum http_answer answer;
	uint64_t answer_left;
	struct http_chunk chunk;

	size_t in_seen;         /* of `in`, by http_head_scan */
	size_t node_seen;       /* of `node_head`, likewise */
	struct http_queue in;   /* from the peer, not yet used */
	struct bytes node_head; /* from the node, not yet whole */
	struct http_queue up;   /* for the node */
	struct bytes again;     /* what may be said to the node once more, if it
				 * had closed before it read it */
	struct http_queue down; /* for the peer */

	uint64_t moved;         /* bytes in and out of both sockets */
	uint64_t head_mono_ms;  /* a head began, or the last answer */
	uint64_t timer_mono_ms; /* when the timer rings; 0: it is not set */
};

enum http_flow {
	HTTP_FLOW_BROKEN = 0,
	HTTP_FLOW_BLOCKED, /* by its destination */
	HTTP_FLOW_DRY,     /* its source has nothing, or has ended */
	HTTP_FLOW_MORE     /* a turn's worth was moved */
};

/* Http_io: sockets. */

static inline size_t
http_queue_len(const struct http_queue *q)
{
	return q->b.len - q->off;
}

static inline uint8_t *
http_queue_at(const struct http_queue *q)
{
	return q->b.p + q->off;
}

/* Whether more of the request's body is to come. */
static inline bool
http_body_is_due(const struct http_exchange *h)
{
	return h->body_left > 0 || h->up_chunked;
}

/* Takes n bytes off the runtime; an empty queue holds no memory. */
void http_queue_take(struct http_queue *q, size_t n);

/* Reads at most max bytes of the peer. DRY: tls_eof, tls_cut may be set. */
enum http_flow http_read_peer(
    struct http_exchange *h, uint8_t *p, size_t max, size_t *got) MUST_USE;
/* More into `in`, as much as it may hold. */
enum http_flow http_fill(struct http_exchange *h) MUST_USE;
/* Sends what is queued. MORE: all of it. */
enum http_flow http_flush_peer(struct http_exchange *h) MUST_USE;
/* Sends, and queues what is not taken. MORE: nothing is queued. */
enum http_flow
http_write_peer(struct http_exchange *h, const uint8_t *p, size_t len) MUST_USE;

/* Reads at most max bytes of the node; DRY: nothing there; BROKEN: its end. */
enum http_flow http_read_node(
    struct http_exchange *h, uint8_t *p, size_t max, size_t *got) MUST_USE;
enum http_flow http_flush_node(struct http_exchange *h) MUST_USE;
enum http_flow
http_write_node(struct http_exchange *h, const uint8_t *p, size_t len) MUST_USE;

/* Http_due: time. */

enum http_due {
	HTTP_DUE_NOTHING = 0,
	HTTP_DUE_IDLE,      /* a request */
	HTTP_DUE_NODE_IDLE, /* the connection to the node */
	HTTP_DUE_HEAD,      /* the rest of a head */
	HTTP_DUE_PEER,      /* bytes to or from the peer */
	HTTP_DUE_NODE,      /* the beginning of an answer */
	HTTP_DUE_LAST       /* the last bytes to be taken */
};

/* When the next thing is due, and what; 0: nothing is. */
uint64_t http_due_at(const struct http_exchange *h, enum http_due *due);

/* Http_up: the request. */

/*
 * Looks whether the head of a request is there. 0: not yet. 1: a good one,
 * queued for the node. Otherwise the status to refuse it with, and *why.
 */
unsigned http_take_request(struct http_exchange *h, const char **why) MUST_USE;

/*
 * Moves the body up. BROKEN: the peer is gone, or up_refusal says what it is
 * to be told.
 */
enum http_flow http_move_up(struct http_exchange *h, unsigned ready) MUST_USE;

/* Http_down: the answer. */

enum http_down {
	HTTP_DOWN_CUT = 0, /* an answer ended before its end */
	HTTP_DOWN_GOING,
	HTTP_DOWN_NONE /* there will be no answer: refuse with 502 */
};

/* Moves the answer down until it is DONE or would block. */
enum http_down http_move_down(struct http_exchange *h) MUST_USE;

#endif
