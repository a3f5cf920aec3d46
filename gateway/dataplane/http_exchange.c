/*
 * http_exchange: the phases of an exchange, and their timer. What it waits for
 * follows from where it is, so every event may come at any time; only the tries
 * that cost a system call look at what was announced.
 */
#include "gateway/dataplane/http_exchange.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <netinet/in.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "cache/base/clock.h"
#include "cache/base/subject.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/conn_event.h"
#include "gateway/dataplane/decision_log.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/http_internal.h"
#include "gateway/dataplane/dial.h"
#include "gateway/dataplane/proxy_header.h"
#include "gateway/dataplane/recheck.h"
#include "gateway/base/dn.h"
#include "gateway/dataplane/worker.h"

/* More than what may come together in any of them. */
#define QUEUE_MAX     (1024 * 1024)
#define NODE_HEAD_MAX (128 * 1024)

#define EVERYTHING                                             \
	(RELAY_TLS_READ | RELAY_TLS_WRITE | RELAY_PLAIN_READ | \
	    RELAY_PLAIN_WRITE)

enum http_step {
	HTTP_STEP_CUT = 0,
	HTTP_STEP_WAIT,
	HTTP_STEP_SAID,
	HTTP_STEP_OVER,
	HTTP_STEP_AGAIN /* another phase */
};

/* Birth and death. */

static uint16_t
local_port(int fd)
{
	struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		return 0;
	if (sa.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&sa)->sin_port);
	if (sa.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&sa)->sin6_port);
	return 0;
}

static void
begin_head(struct http_exchange *h)
{
	h->phase = HTTP_PHASE_HEAD;
	h->in_seen = 0;
	h->after_line = h->head = false;
	h->head_mono_ms = clock_mono_ms();
}

struct http_exchange *
http_exchange_new(struct conn *c)
{
	struct http_exchange *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->c = c;
	h->port = local_port(c->tls_fd);
	bytes_init(&h->in.b, QUEUE_MAX);
	bytes_init(&h->up.b, QUEUE_MAX);
	bytes_init(&h->down.b, QUEUE_MAX);
	bytes_init(&h->node_head, NODE_HEAD_MAX);
	bytes_init(&h->again, QUEUE_MAX);
	begin_head(h);
	return h;
}

void
http_exchange_free(struct http_exchange *h)
{
	if (h == NULL)
		return;
	bytes_cleanup(&h->in.b);
	bytes_cleanup(&h->up.b);
	bytes_cleanup(&h->down.b);
	bytes_cleanup(&h->node_head);
	bytes_cleanup(&h->again);
	runtime_free(h->dial_runtime);
	free(h);
}

bool
http_exchange_ends_by_close(const struct http_exchange *h)
{
	return h->phase == HTTP_PHASE_EXCHANGE && h->old &&
	    (h->answer == HTTP_ANSWER_CHUNKED ||
		h->answer == HTTP_ANSWER_TO_END);
}

/* Its time is over; what must not look whole is cut. */
static enum http_step
end_over(const struct http_exchange *h)
{
	return http_exchange_ends_by_close(h) ? HTTP_STEP_CUT : HTTP_STEP_OVER;
}

/* Saying no. */

static void
count_refusal(struct http_exchange *h, unsigned status)
{
	static const struct {
		unsigned status;
		enum counter counter;
	} table[] = {
#define HTTP_REFUSAL(n, help) {n, COUNTER_HTTP_##n},
	    COUNTER_HTTP_REFUSALS(HTTP_REFUSAL)
#undef HTTP_REFUSAL
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].status == status)
			counters_inc(&h->c->worker->counters, table[i].counter);
}

static void
log_refusal(struct http_exchange *h, unsigned status, const char *why)
{
	char address[ADDRESS_TEXT_MAX], subject[DN_MAX] = "";
	const struct conn *c = h->c;

	address_text(address, c->remote);
	if (c->certs != NULL)
		subject_show(
		    subject, sizeof(subject), revcheck_certs_get0(c->certs, 0));
	log_line(c->worker->log,
	    status >= 500 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
	    "refused a request of peer '%s': %u %s: %s (conn=%" PRIu64
	    " from=%s)",
	    subject, status, http_status_words(status), why, c->id, address);
}

/* Whether all of the request has left for the node. */
static bool
is_sent(const struct http_exchange *h)
{
	return !http_body_is_due(h) && http_queue_len(&h->up) == 0;
}

static enum http_step
begin_last(struct http_exchange *h)
{
	/* A request of which a part is there must not look like a whole. */
	conn_drop_plain(h->c, h->phase == HTTP_PHASE_EXCHANGE && !is_sent(h));
	h->phase = HTTP_PHASE_LAST;
	h->head_mono_ms = clock_mono_ms();
	return HTTP_STEP_AGAIN;
}

/* An answer of our own, the last one. Nothing of another must be out yet. */
static enum http_step
refuse(struct http_exchange *h, unsigned status, const char *why)
{
	count_refusal(h, status);
	log_refusal(h, status, why);
	if (http_put_refusal(&h->down.b, status, why, h->head) != 0)
		return HTTP_STEP_CUT;
	return begin_last(h);
}

/* HEAD. */

static enum http_step
begin_exchange(struct http_exchange *h)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	h->phase = HTTP_PHASE_EXCHANGE;
	h->answer = HTTP_ANSWER_HEAD;
	h->up_broken = h->node_eof = h->heard = false;
	h->c->active_mono_ms = clock_mono_ms();
	/* A peer that did not wait for it needs none. */
	if (h->say_continue && http_body_is_due(h) &&
	    http_queue_len(&h->in) == 0 &&
	    bytes_append(&h->down.b, go_on, sizeof(go_on) - 1) != 0)
		return HTTP_STEP_CUT;
	return HTTP_STEP_AGAIN;
}

/* A connection kept from the last exchange may have been closed since. */
static void
drop_stale_node(struct http_exchange *h)
{
	struct conn *c = h->c;
	char byte;

	if (c->plain_fd >= 0 &&
	    (recv(c->plain_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
		(errno != EAGAIN && errno != EWOULDBLOCK)))
		conn_drop_plain(c, false);
}

static enum http_step
step_dial(struct http_exchange *h, enum dial_result result);

static void
drop_again(struct http_exchange *h)
{
	bytes_cleanup(&h->again);
	bytes_init(&h->again, QUEUE_MAX);
}

static enum http_step
begin_dial(struct http_exchange *h)
{
	struct conn *c = h->c;
	struct dial_order order;

	drop_again(h);
	h->phase = HTTP_PHASE_DIAL;
	dial_get_node_order(c, &order);
	/* A live connection may be given another one meanwhile. */
	h->dial_runtime = runtime_up_ref(c->runtime);
	return step_dial(
	    h, dial_start(&c->dial, c->worker, &order, conn_on_dialled, c));
}

static enum http_step
begin_request(struct http_exchange *h)
{
	struct conn *c = h->c;

	counters_inc(&c->worker->counters, COUNTER_HTTP_REQUESTS);
	drop_stale_node(h);
	return c->plain_fd >= 0 ? begin_exchange(h) : begin_dial(h);
}

static enum http_step
step_head(struct http_exchange *h, unsigned ready)
{
	bool was_empty = http_queue_len(&h->in) == 0;
	enum http_flow flow = HTTP_FLOW_DRY;
	const char *why = "";
	unsigned status;

	/* Between exchanges the node has nothing to say but its end. */
	if (ready & RELAY_PLAIN_READ)
		drop_stale_node(h);
	if (ready & (RELAY_TLS_READ | RELAY_TLS_WRITE | RELAY_AGAIN))
		do
			flow = http_fill(h);
		while (flow == HTTP_FLOW_MORE);
	if (flow == HTTP_FLOW_BROKEN)
		return HTTP_STEP_CUT;
	if (was_empty && http_queue_len(&h->in) > 0)
		h->head_mono_ms = clock_mono_ms();
	if (h->c->worker->draining && http_queue_len(&h->in) == 0)
		return begin_last(h);
	status = http_take_request(h, &why);
	if (status == 1)
		return begin_request(h);
	if (status != 0)
		return refuse(h, status, why);
	if (h->tls_cut) {
		conn_drop_plain(h->c, false);
		return HTTP_STEP_CUT;
	}
	return h->tls_eof ? begin_last(h) : HTTP_STEP_WAIT;
}

/* DIAL. */

/* The PROXY header comes before the head that is queued. */
static int
put_proxy_header(struct http_exchange *h)
{
	uint8_t header[PROXY_HEADER_MAX];
	size_t len = proxy_header_make(header, h->c);
	struct bytes b;
	int rc;

	bytes_init(&b, h->up.b.max + sizeof(header));
	rc = bytes_append(&b, header, len);
	if (rc == 0)
		rc = bytes_append(
		    &b, http_queue_at(&h->up), http_queue_len(&h->up));
	if (rc != 0) {
		bytes_cleanup(&b);
		return rc;
	}
	bytes_cleanup(&h->up.b);
	h->up = (struct http_queue){.b = b};
	return 0;
}

static enum http_step
step_dial(struct http_exchange *h, enum dial_result result)
{
	struct conn *c = h->c;
	enum http_step step;

	if (result == DIAL_PENDING)
		return HTTP_STEP_WAIT;
	if (result == DIAL_FAILED) {
		counters_inc(&c->worker->counters, COUNTER_NODE_REFUSED);
		worker_node(c->worker, false);
		log_line(c->worker->log, LOG_LEVEL_ERROR,
		    "no node reachable: %s (conn=%" PRIu64 ")",
		    dial_error(c->dial), c->id);
		step = refuse(h, 500, "no node reachable");
	} else {
		counters_inc(&c->worker->counters, COUNTER_NODE_CONNECTED);
		worker_node(c->worker, true);
		c->plain_fd = dial_take_fd(c->dial);
		conn_assign_plain(c);
		step = begin_exchange(h);
		if (c->runtime->conf->node.proxy_protocol == CONF_PROXY_V2 &&
		    put_proxy_header(h) != 0)
			step = HTTP_STEP_CUT;
	}
	dial_free(c->dial);
	c->dial = NULL;
	runtime_free(h->dial_runtime);
	h->dial_runtime = NULL;
	return step;
}

/* EXCHANGE. */

/*
 * The kept connection was closed while the request was under way, and not a
 * byte has come of an answer: it is said once more, to another one.
 */
static enum http_step
say_again(struct http_exchange *h)
{
	http_queue_take(&h->up, http_queue_len(&h->up));
	if (bytes_append(&h->up.b, h->again.p, h->again.len) != 0)
		return HTTP_STEP_CUT;
	conn_drop_plain(h->c, false);
	return begin_dial(h);
}

static enum http_step
end_exchange(struct http_exchange *h)
{
	drop_again(h);
	if (!is_sent(h) || !h->keep_peer || h->c->worker->draining)
		return begin_last(h);
	if (!h->keep_node)
		conn_drop_plain(h->c, false);
	begin_head(h);
	return HTTP_STEP_WAIT;
}

static bool
down_is_due(const struct http_exchange *h, unsigned ready)
{
	return (ready & RELAY_PLAIN_READ) ||
	    (http_queue_len(&h->down) > 0 &&
		(ready & (RELAY_TLS_WRITE | RELAY_TLS_READ)));
}

static enum http_step
step_exchange(struct http_exchange *h, unsigned ready, bool *again)
{
	enum http_flow up = http_move_up(h, ready);

	if (up == HTTP_FLOW_BROKEN)
		return h->up_refusal != 0 && h->answer == HTTP_ANSWER_HEAD
		    ? refuse(h, h->up_refusal, h->up_why)
		    : HTTP_STEP_CUT;
	*again = up == HTTP_FLOW_MORE && http_body_is_due(h) &&
	    SSL_has_pending(h->c->ssl);
	if (h->up_broken || down_is_due(h, ready))
		switch (http_move_down(h)) {
		case HTTP_DOWN_CUT:
			return HTTP_STEP_CUT;
		case HTTP_DOWN_NONE:
			if (h->again.len > 0 && !h->heard)
				return say_again(h);
			return refuse(h, 502, "the node did not answer");
		case HTTP_DOWN_GOING:
			break;
		}
	if (h->answer != HTTP_ANSWER_DONE || http_queue_len(&h->down) > 0)
		return HTTP_STEP_WAIT;
	/* What was read ahead, or lies in OpenSSL, no event announces. */
	*again = true;
	return end_exchange(h);
}

/* LAST. */

static enum http_step
step_last(struct http_exchange *h)
{
	switch (http_flush_peer(h)) {
	case HTTP_FLOW_BROKEN:
		return HTTP_STEP_CUT;
	case HTTP_FLOW_BLOCKED:
	case HTTP_FLOW_DRY:
		return HTTP_STEP_WAIT;
	case HTTP_FLOW_MORE:
		break;
	}
	ERR_clear_error();
	SSL_shutdown(h->c->ssl);
	ERR_clear_error();
	return HTTP_STEP_SAID;
}

/* Time. */

static enum http_step
on_due(struct http_exchange *h, enum http_due due)
{
	struct counters *n = &h->c->worker->counters;

	switch (due) {
	case HTTP_DUE_NODE_IDLE:
		conn_drop_plain(h->c, false);
		return HTTP_STEP_WAIT;
	case HTTP_DUE_IDLE:
		counters_inc(n, COUNTER_TIMEOUT_IDLE);
		return begin_last(h);
	case HTTP_DUE_HEAD:
		return refuse(h, 408, "the head took too long");
	case HTTP_DUE_NODE:
		return refuse(h, 504, "the node took too long to answer");
	case HTTP_DUE_PEER:
		counters_inc(n, COUNTER_TIMEOUT_IDLE);
		return h->answer == HTTP_ANSWER_HEAD
		    ? refuse(h, 408, "the body took too long")
		    : end_over(h);
	case HTTP_DUE_LAST:
	case HTTP_DUE_NOTHING:
		break;
	}
	return HTTP_STEP_CUT;
}

/* Moves the timer forward only: one that rings too early is set again. */
static void
set_timer(struct http_exchange *h, uint64_t now)
{
	struct conn *c = h->c;
	enum http_due due;
	uint64_t at = http_due_at(h, &due);
	uint64_t end = recheck_due_mono_ms(c, now, time(NULL));

	if (end != 0 && (at == 0 || end < at))
		at = end;
	if (at == 0 || (h->timer_mono_ms != 0 && h->timer_mono_ms <= at))
		return;
	h->timer_mono_ms = at;
	conn_set_timer(c, at > now ? at - now : 0);
}

/* The drive. */

static unsigned
wish_of(const struct http_exchange *h, bool again)
{
	const struct conf_http *conf = &h->c->runtime->conf->http;
	bool room = http_queue_len(&h->in) < conf->max_head_bytes;
	bool taken = http_queue_len(&h->up) == 0 && !h->up_broken;
	unsigned w = again ? RELAY_AGAIN : 0;

	switch (h->phase) {
	case HTTP_PHASE_HEAD:
		w |= RELAY_TLS_READ;
		if (h->c->plain_fd >= 0)
			w |= RELAY_PLAIN_READ;
		break;
	case HTTP_PHASE_EXCHANGE:
		if (http_queue_len(&h->up) > 0)
			w |= RELAY_PLAIN_WRITE;
		if (taken && !h->tls_eof && (http_body_is_due(h) || room))
			w |= RELAY_TLS_READ;
		if (h->answer != HTTP_ANSWER_DONE &&
		    http_queue_len(&h->down) == 0)
			w |= RELAY_PLAIN_READ;
		break;
	case HTTP_PHASE_DIAL:
	case HTTP_PHASE_LAST:
		break;
	}
	if (http_queue_len(&h->down) > 0 || h->read_wants_write)
		w |= RELAY_TLS_WRITE;
	if (h->write_wants_read)
		w |= RELAY_TLS_READ;
	return w;
}

static enum http_step
step_phase(struct http_exchange *h, unsigned ready, bool *again)
{
	*again = false;
	switch (h->phase) {
	case HTTP_PHASE_HEAD:
		return step_head(h, ready);
	case HTTP_PHASE_DIAL:
		return step_dial(h, dial_result(h->c->dial));
	case HTTP_PHASE_EXCHANGE:
		return step_exchange(h, ready, again);
	case HTTP_PHASE_LAST:
		return step_last(h);
	}
	return HTTP_STEP_CUT;
}

static enum http_step
check_time(struct http_exchange *h, uint64_t now)
{
	struct conn *c = h->c;
	enum http_due due;
	uint64_t at;

	if (recheck_is_over(c, now, time(NULL))) {
		counters_inc(&c->worker->counters, COUNTER_RECHECK_CLOSED);
		return end_over(h);
	}
	if (!c->timed_out)
		return HTTP_STEP_WAIT;
	c->timed_out = false;
	h->timer_mono_ms = 0;
	at = http_due_at(h, &due);
	return at != 0 && now >= at ? on_due(h, due) : HTTP_STEP_WAIT;
}

static void
count_bytes(struct http_exchange *h, uint64_t up, uint64_t down, uint64_t moved)
{
	struct conn *c = h->c;
	struct counters *n = &c->worker->counters;

	if (c->relay.up_bytes != up)
		counters_add(n, COUNTER_BYTES_IN, c->relay.up_bytes - up);
	if (c->relay.down_bytes != down)
		counters_add(n, COUNTER_BYTES_OUT, c->relay.down_bytes - down);
	if (h->moved != moved)
		c->active_mono_ms = clock_mono_ms();
}

enum http_result
http_exchange_drive(struct http_exchange *h, unsigned *wish)
{
	struct conn *c = h->c;
	uint64_t up = c->relay.up_bytes, down = c->relay.down_bytes;
	uint64_t moved = h->moved, now = clock_mono_ms();
	unsigned ready = c->ready;
	enum http_step step = check_time(h, now);
	bool again = false;

	c->ready = 0;
	while (step == HTTP_STEP_WAIT || step == HTTP_STEP_AGAIN) {
		if (step == HTTP_STEP_AGAIN)
			ready = EVERYTHING;
		step = step_phase(h, ready, &again);
		if (step == HTTP_STEP_WAIT)
			break;
	}
	count_bytes(h, up, down, moved);
	if (step != HTTP_STEP_WAIT)
		return step == HTTP_STEP_SAID ? HTTP_SAID
		    : step == HTTP_STEP_OVER  ? HTTP_OVER
					      : HTTP_CUT;
	set_timer(h, now);
	*wish = wish_of(h, again);
	return HTTP_WAIT;
}
