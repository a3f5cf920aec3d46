/*
 * conn: the state machine of one connection. Runs on its worker's thread.
 * Event callbacks note what happened and drive; only conn_drive arms events,
 * moves timers and frees. A peer's bytes are not read before the node is
 * connected, and the node is not dialled before the peer is let in. Its last
 * states are in conn_traffic.c and conn_linger.c.
 */
#include "gateway/base/chain_end.h"
#include "gateway/dataplane/conn.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/err.h>

#include "cache/base/clock.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn_event.h"
#include "gateway/dataplane/conn_list.h"
#include "gateway/dataplane/conn_step.h"
#include "gateway/dataplane/conn_terms.h"
#include "gateway/dataplane/decision_log.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/half_open.h"
#include "gateway/tls/handshake.h"
#include "gateway/dataplane/http_exchange.h"
#include "gateway/dataplane/outbound.h"
#include "gateway/dataplane/dial.h"
#include "gateway/dataplane/recheck.h"
#include "gateway/tls/tls_bio.h"
#include "gateway/tls/tls_context.h"
#include "gateway/dataplane/worker.h"

#define CONN_CLOSE_READS 16

static void conn_drive(struct conn *c);

/* Birth and death. */

static struct conn *
conn_new(struct worker *w, bool inbound)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL || source_index_join(w->sources, &c->answer) != 0) {
		free(c);
		return NULL;
	}
	c->magic = CONN_MAGIC;
	c->drive = conn_drive;
	c->inbound = inbound;
	c->tls_fd = c->plain_fd = -1;
	c->worker = w;
	c->runtime = runtime_up_ref(w->runtime);
	c->trust = c->runtime->trust;
	c->id = ++w->next_conn * 256 + w->index;
	c->round = w->recheck_round;
	evtimer_assign(&c->ev_timer, w->base, conn_on_timer, c);
	conn_assign_tls(c);
	conn_assign_plain(c);
	conn_list_add(w, c);
	counters_inc(&w->counters, COUNTER_OPEN);
	return c;
}

/* It is the peer's turn. */
static void
conn_wait_for_peer(struct conn *c)
{
	if (!c->inbound)
		return;
	c->active_mono_ms = clock_mono_ms();
	half_open_add(c->worker->half_open, &c->half_open, &c->peer, c->tls_fd,
	    c->active_mono_ms);
}

static void
conn_drop_handshake(struct conn *c)
{
	if (c->handshake == NULL)
		return;
	handshake_cleanup(c->handshake);
	free(c->handshake);
	c->handshake = NULL;
}

static void
conn_free(struct conn *c)
{
	struct worker *w = c->worker;

	log_line(c->inbound && !c->let_in ? w->strangers : w->log,
	    LOG_LEVEL_DEBUG,
	    "connection closed (conn=%" PRIu64 " up=%" PRIu64 " down=%" PRIu64
	    ")",
	    c->id, c->relay.up_bytes, c->relay.down_bytes);
	event_del(&c->ev_tls_read);
	event_del(&c->ev_tls_write);
	event_del(&c->ev_plain_read);
	event_del(&c->ev_plain_write);
	event_del(&c->ev_timer);
	chain_poll_drop(&c->recheck);
	source_index_leave(w->sources, &c->answer);
	conn_drop_handshake(c);
	dial_free(c->dial);
	outbound_head_free(c->head);
	relay_cleanup(&c->relay);
	http_exchange_free(c->http);
	SSL_free(c->ssl);
	revcheck_certs_free(c->certs);
	conn_end_handshake(c); /* before its socket is another's */
	if (c->tls_fd >= 0)
		close(c->tls_fd);
	if (c->plain_fd >= 0)
		close(c->plain_fd);
	if (!c->half_open.shed)
		limits_leave(w->limits, &c->peer);
	if (c->relaying)
		counters_dec(&w->counters, COUNTER_RELAYING);
	counters_dec(&w->counters, COUNTER_OPEN);
	free(c->remote);
	free(c->listen);
	free(c->target);
	runtime_free(c->runtime);
	c->magic = 0;
	conn_list_remove(w, c); /* may end the draining worker's loop */
	free(c);
}

/* TLS. */

/* It came and went without a byte: a probe, as load balancers send them. */
static bool
conn_was_silent(const struct conn *c)
{
	return c->inbound && BIO_number_read(SSL_get_rbio(c->ssl)) == 0;
}

static void
conn_handshake_failed(struct conn *c, enum handshake_result result)
{
	struct handshake *h = c->handshake;
	struct counters *n = &c->worker->counters;

	half_open_remove(c->worker->half_open, &c->half_open);
	/* Who was refused meanwhile is shown as that. */
	if (c->half_open.shed &&
	    !(h->ready && h->admission.why != ADMISSION_ALLOWED)) {
		counters_inc(n, COUNTER_SHED_SLOW);
		decision_log_record(c, false, NULL,
		    "handshake too slow while others have no room");
		return;
	}
	if (conn_was_silent(c)) {
		counters_inc(n, COUNTER_SILENT);
		return;
	}
	counters_inc(n, COUNTER_HANDSHAKE_FAILED);
	if (!c->inbound)
		counters_inc(
		    n, h->ready ? COUNTER_LINK_REFUSED : COUNTER_LINK_FAILED);
	if (!c->inbound)
		outbound_say_failed(c);
	if (h->ready && h->admission.why != ADMISSION_ALLOWED) {
		counters_inc(n, admission_counter(&h->admission));
		decision_log_record(c, false, h->report, handshake_error(h));
		return;
	}
	if (result == HANDSHAKE_SHED)
		counters_inc(n, COUNTER_REFUSED_ERROR);
	else if (h->ready)
		/* Let in, and then it left or sent a wrong Finished. */
		counters_inc(n, COUNTER_REFUSED_ERROR);
	decision_log_record(c, false, NULL,
	    handshake_error(h)[0] != '\0' ? handshake_error(h)
					  : "handshake not completed");
}

static enum conn_step
conn_begin_handshake(struct conn *c, SSL_CTX *ctx)
{
	struct admission_terms terms;
	size_t link;

	c->ssl = SSL_new(ctx);
	c->handshake = calloc(1, sizeof(*c->handshake));
	if (c->ssl == NULL || c->handshake == NULL ||
	    tls_bio_attach(c->ssl, c->tls_fd) != 0) {
		free(c->handshake);
		c->handshake = NULL;
		ERR_clear_error();
		return CONN_STEP_DONE;
	}
	if (!conn_get_terms(c, c->runtime, &terms, &link)) {
		free(c->handshake);
		c->handshake = NULL;
		return CONN_STEP_DONE;
	}
	handshake_init(c->handshake, &c->worker->env, &terms, c->ssl);
	c->handshake->begun_mono_us = clock_mono_us();
	c->handshake->answered = conn_on_answered;
	c->handshake->arg = c;
	if (c->inbound) {
		SSL_set_accept_state(c->ssl);
	} else {
		SSL_set_connect_state(c->ssl);
		if (outbound_prepare_ssl(c) != 0)
			return CONN_STEP_DONE;
	}
	c->state = CONN_HANDSHAKE;
	return CONN_STEP_AGAIN;
}

/* The peer is in: what the rest of its life needs is kept, no more. */
static void
conn_let_in(struct conn *c)
{
	struct handshake *h = c->handshake;
	struct counters *n = &c->worker->counters;

	counters_inc(n, COUNTER_HANDSHAKES);
	histogram_add(c->inbound ? &c->worker->inbound_handshakes
				 : &c->worker->outbound_handshakes,
	    clock_mono_us() - h->begun_mono_us);
	if (h->report != NULL) {
		counters_inc(n, COUNTER_ALLOWED);
		if (decision_is_soft(h->report))
			counters_inc(n, COUNTER_SOFT_ACCEPTED);
	}
	decision_log_record(c, true, h->report,
	    h->report == NULL ? "no client certificate is asked for" : "");
	if (h->report != NULL)
		source_index_rest(c->worker->sources, &c->answer, h->report, 0);
	c->let_in = true;
	c->certs = h->admission.found;
	c->ends_at = chain_ends_at(c->certs);
	h->admission.found = NULL;
	conn_drop_handshake(c);
	conn_end_handshake(c);
}

static enum conn_step conn_dial_node(struct conn *c);

static enum conn_step
conn_step_handshake(struct conn *c, unsigned *wish)
{
	enum handshake_result result;

	if (c->timed_out) {
		counters_inc(&c->worker->counters, COUNTER_TIMEOUT_HANDSHAKE);
		decision_log_record(c, false, NULL, "handshake took too long");
		return CONN_STEP_DONE;
	}
	if (c->state == CONN_VERDICT && c->tls_left && !c->handshake->ready) {
		counters_inc(&c->worker->counters, COUNTER_LEFT_PAUSED);
		decision_log_record(c, false, NULL,
		    async_wait_pending(&c->handshake->sign)
			? "peer left while a signature was awaited"
			: "peer left while its verdict was awaited");
		return CONN_STEP_DONE;
	}
	result = handshake_step(c->handshake);
	if (c->state == CONN_VERDICT && result != HANDSHAKE_WAIT) {
		conn_watch_tls(c, EV_READ);
		c->state = CONN_HANDSHAKE;
		if (result == HANDSHAKE_WANT_READ ||
		    result == HANDSHAKE_WANT_WRITE)
			conn_wait_for_peer(c);
	}
	switch (result) {
	case HANDSHAKE_WANT_READ:
		*wish = RELAY_TLS_READ;
		return CONN_STEP_WAIT;
	case HANDSHAKE_WANT_WRITE:
		*wish = RELAY_TLS_WRITE;
		return CONN_STEP_WAIT;
	case HANDSHAKE_WAIT:
		if (c->state != CONN_VERDICT) {
			c->state = CONN_VERDICT;
			half_open_remove(c->worker->half_open, &c->half_open);
			conn_watch_tls(c, EV_READ | EV_CLOSED | EV_ET);
		}
		*wish = RELAY_TLS_READ;
		return CONN_STEP_WAIT;
	case HANDSHAKE_DONE:
		conn_let_in(c);
		if (c->reads_http)
			return conn_begin_http(c);
		return c->inbound ? conn_dial_node(c) : conn_begin_relay(c);
	case HANDSHAKE_SHED:
	case HANDSHAKE_FAILED:
		break;
	}
	conn_handshake_failed(c, result);
	conn_drop_handshake(c);
	return conn_linger(c);
}

/* The node. */

static enum conn_step
conn_dialled(struct conn *c, enum dial_result result)
{
	struct worker *w = c->worker;

	if (result == DIAL_PENDING) {
		c->state = CONN_DIAL;
		return CONN_STEP_WAIT;
	}
	if (result == DIAL_FAILED) {
		if (c->inbound) {
			counters_inc(&w->counters, COUNTER_NODE_REFUSED);
			worker_node(w, false);
			log_line(w->log, LOG_LEVEL_ERROR,
			    "peer turned away: no node reachable: %s "
			    "(conn=%" PRIu64 ")",
			    dial_error(c->dial), c->id);
			ERR_clear_error();
			SSL_shutdown(c->ssl);
			ERR_clear_error();
			return conn_linger(c);
		}
		counters_inc(&w->counters, COUNTER_LINK_FAILED);
		log_line(w->log, LOG_LEVEL_ERROR,
		    "cannot reach peer: %s (conn=%" PRIu64 ")",
		    dial_error(c->dial), c->id);
		outbound_say_failed(c);
		return CONN_STEP_DONE;
	}
	if (c->inbound) {
		c->plain_fd = dial_take_fd(c->dial);
		counters_inc(&w->counters, COUNTER_NODE_CONNECTED);
		worker_node(w, true);
		conn_assign_plain(c);
	} else {
		c->tls_fd = dial_take_fd(c->dial);
		outbound_note_remote(c);
		conn_assign_tls(c);
	}
	dial_free(c->dial);
	c->dial = NULL;
	if (c->inbound)
		return conn_begin_relay(c);
	return conn_begin_handshake(c, outbound_get0_ctx(c));
}

static enum conn_step
conn_dial_node(struct conn *c)
{
	struct dial_order order;

	dial_get_node_order(c, &order);
	event_del(&c->ev_timer);
	return conn_dialled(
	    c, dial_start(&c->dial, c->worker, &order, conn_on_dialled, c));
}

static enum conn_step
conn_dial_peer(struct conn *c)
{
	struct dial_order order;

	outbound_get_order(c, &order);
	counters_inc(&c->worker->counters, COUNTER_LINKS);
	return conn_dialled(
	    c, dial_start(&c->dial, c->worker, &order, conn_on_dialled, c));
}

static enum conn_step
conn_step_dial(struct conn *c)
{
	if (c->doomed && c->timed_out) {
		counters_inc(&c->worker->counters, COUNTER_RECHECK_CLOSED);
		return conn_end(c, true);
	}
	if (c->timed_out) {
		counters_inc(&c->worker->counters, COUNTER_LINK_FAILED);
		outbound_say_failed(c);
		return CONN_STEP_DONE;
	}
	return conn_dialled(c, dial_result(c->dial));
}

static enum conn_step
conn_step_head(struct conn *c, unsigned *wish)
{
	if (c->timed_out)
		return CONN_STEP_DONE;
	switch (outbound_read_head(c)) {
	case OUTBOUND_HEAD_MORE:
		*wish = RELAY_PLAIN_READ;
		return CONN_STEP_WAIT;
	case OUTBOUND_HEAD_OK:
		return conn_dial_peer(c);
	case OUTBOUND_HEAD_BAD:
		break;
	}
	return CONN_STEP_DONE;
}

/* The driver. */

static void
conn_drive(struct conn *c)
{
	enum conn_step step;
	unsigned wish;

	do {
		wish = 0;
		step = CONN_STEP_DONE;
		switch (c->state) {
		case CONN_HEAD:
			step = conn_step_head(c, &wish);
			break;
		case CONN_DIAL:
			step = conn_step_dial(c);
			break;
		case CONN_HANDSHAKE:
		case CONN_VERDICT:
			step = conn_step_handshake(c, &wish);
			break;
		case CONN_RELAY:
			step = conn_step_relay(c, &wish);
			break;
		case CONN_HTTP:
			step = conn_step_http(c, &wish);
			break;
		case CONN_LINGER:
			step = conn_step_linger(c, &wish);
			break;
		case CONN_GONE:
			break;
		}
	} while (step == CONN_STEP_AGAIN);
	if (step == CONN_STEP_DONE) {
		conn_free(c);
		return;
	}
	if (c->state != CONN_RELAY)
		c->ready = 0;
	conn_arm(c, wish);
}

void
conn_accept(struct worker *w, const struct listen_port *port, int fd,
    const struct sockaddr_storage *sa, const struct limits_peer *peer)
{
	bool inbound = port->kind == LISTENER_PEERS;
	struct conn *c = conn_new(w, inbound);

	counters_inc(&w->counters, COUNTER_ACCEPTED);
	if (c == NULL) {
		close(fd);
		limits_end_handshake(w->limits, peer);
		limits_leave(w->limits, peer);
		return;
	}
	c->peer = *peer;
	c->reads_http = port->http;
	c->in_handshake = true;
	conn_set_timer(c, c->runtime->conf->limits.handshake_timeout_ms);
	if (!inbound) {
		c->plain_fd = fd;
		conn_assign_plain(c);
		if (outbound_new(c, port) != 0) {
			conn_free(c);
			return;
		}
		if (port->kind == LISTENER_CONNECT) {
			c->state = CONN_HEAD;
			conn_drive(c);
		} else if (conn_dial_peer(c) == CONN_STEP_DONE) {
			conn_free(c);
		} else {
			conn_drive(c);
		}
		return;
	}
	c->tls_fd = fd;
	conn_assign_tls(c);
	c->remote = malloc(sizeof(*c->remote));
	if (c->remote != NULL)
		*c->remote = *sa;
	c->listen = strdup(port->bound->text);
	if (c->remote == NULL || c->listen == NULL ||
	    conn_begin_handshake(c, tls_server_get0_ctx(c->runtime->server)) ==
		CONN_STEP_DONE) {
		conn_free(c);
		return;
	}
	conn_wait_for_peer(c);
	conn_drive(c);
}

void
conn_close(struct conn *c)
{
	char rest[4096];

	if (conn_is_live(c)) {
		conn_reset_plain(c);
		if (c->http == NULL || !http_exchange_ends_by_close(c->http))
			conn_say_end(c);
		/* Closing with bytes unread would reset what was said. */
		for (int i = 0; i < CONN_CLOSE_READS; i++)
			if (recv(c->tls_fd, rest, sizeof(rest), 0) <= 0)
				break;
	}
	conn_free(c);
}

void
conn_drain(struct conn *c)
{
	if (c->state != CONN_HTTP)
		return;
	c->ready |= RELAY_TLS_READ;
	conn_drive(c);
}
