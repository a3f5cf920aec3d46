/*
 * conn_traffic: a connection whose peer is in: bytes or requests, until one
 * side ends, or nothing comes for too long, or its grace is over. Runs on the
 * connection's worker's thread. Moves no bytes itself (relay, http), frees
 * nothing.
 */
#include <time.h>

#include <event2/event.h>
#include <openssl/ssl.h>

#include "cache/base/clock.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn_event.h"
#include "gateway/dataplane/conn_step.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/http_exchange.h"
#include "gateway/dataplane/outbound.h"
#include "gateway/dataplane/proxy_header.h"
#include "gateway/dataplane/recheck.h"
#include "gateway/dataplane/worker.h"

/* Until it is idle for too long, or is to be cut or looked at. */
static void
conn_wait_for_time(struct conn *c, uint64_t idle_ms)
{
	uint64_t now = clock_mono_ms();
	uint64_t at = recheck_due_mono_ms(c, now, time(NULL));

	if (idle_ms != 0 && (at == 0 || c->active_mono_ms + idle_ms < at))
		at = c->active_mono_ms + idle_ms;
	if (at != 0)
		conn_set_timer(c, at > now ? at - now : 0);
}

static enum conn_step
conn_begin_traffic(struct conn *c, enum conn_state state, uint32_t idle_ms)
{
	struct worker *w = c->worker;

	c->state = state;
	c->relaying = true;
	counters_inc(&w->counters, COUNTER_RELAYING);
	c->active_mono_ms = clock_mono_ms();
	if (!c->doomed) {
		event_del(&c->ev_timer);
		c->timed_out = false;
		conn_wait_for_time(c, idle_ms);
	}
	/* Of what the handshake has read ahead no event will tell. */
	c->ready = RELAY_PLAIN_WRITE | RELAY_TLS_WRITE;
	if (SSL_has_pending(c->ssl))
		c->ready |= RELAY_TLS_READ;
	/* What changed since the verdict was not heard by this connection. */
	if (c->missed || c->round != w->recheck_round ||
	    c->runtime != w->runtime)
		recheck_ask(c);
	return CONN_STEP_AGAIN;
}

enum conn_step
conn_begin_http(struct conn *c)
{
	c->http = http_exchange_new(c);
	if (c->http == NULL)
		return CONN_STEP_DONE;
	return conn_begin_traffic(c, CONN_HTTP, 0);
}

enum conn_step
conn_step_http(struct conn *c, unsigned *wish)
{
	switch (http_exchange_drive(c->http, wish)) {
	case HTTP_WAIT:
		return CONN_STEP_WAIT;
	case HTTP_SAID:
		return conn_linger(c);
	case HTTP_OVER:
		return conn_end(c, true);
	case HTTP_CUT:
		break;
	}
	conn_reset_plain(c);
	return CONN_STEP_DONE;
}

enum conn_step
conn_begin_relay(struct conn *c)
{
	const struct conf *conf = c->runtime->conf;

	relay_init(&c->relay, c->ssl, c->plain_fd);
	if (c->inbound && conf->node.proxy_protocol == CONF_PROXY_V2 &&
	    proxy_header_send(c) != 0)
		return CONN_STEP_DONE;
	if (!c->inbound && outbound_begin(c) != 0)
		return CONN_STEP_DONE;
	outbound_head_free(c->head);
	c->head = NULL;
	return conn_begin_traffic(c, CONN_RELAY, conf->limits.idle_timeout_ms);
}

/*
 * The timer means idleness, that the grace of a doomed peer is over, or that a
 * certificate has ended.
 */
static enum conn_step
conn_relay_timer(struct conn *c)
{
	uint64_t now = clock_mono_ms();
	uint64_t idle_ms;

	c->timed_out = false;
	if (recheck_is_over(c, now, time(NULL))) {
		counters_inc(&c->worker->counters, COUNTER_RECHECK_CLOSED);
		return conn_end(c, true);
	}
	idle_ms = c->runtime->conf->limits.idle_timeout_ms;
	if (idle_ms != 0 && now - c->active_mono_ms >= idle_ms) {
		counters_inc(&c->worker->counters, COUNTER_TIMEOUT_IDLE);
		return conn_end(c, false);
	}
	conn_wait_for_time(c, idle_ms);
	return CONN_STEP_WAIT;
}

enum conn_step
conn_step_relay(struct conn *c, unsigned *wish)
{
	struct relay *r = &c->relay;
	struct counters *n = &c->worker->counters;
	uint64_t up = r->up_bytes, down = r->down_bytes;
	enum relay_result result;
	unsigned ready = c->ready;

	if (c->timed_out) {
		enum conn_step step = conn_relay_timer(c);

		if (step != CONN_STEP_WAIT)
			return step;
	}
	if (ready == 0) {
		*wish = c->armed;
		return CONN_STEP_WAIT;
	}
	c->ready = 0;
	result = relay_step(r, &c->worker->pad, ready, wish);
	if (r->up_bytes != up)
		counters_add(n, COUNTER_BYTES_IN, r->up_bytes - up);
	if (r->down_bytes != down)
		counters_add(n, COUNTER_BYTES_OUT, r->down_bytes - down);
	if (r->up_bytes != up || r->down_bytes != down)
		c->active_mono_ms = clock_mono_ms();
	if (result == RELAY_GOING)
		return CONN_STEP_WAIT;
	if (result == RELAY_BROKEN)
		conn_reset_plain(c);
	return CONN_STEP_DONE;
}
