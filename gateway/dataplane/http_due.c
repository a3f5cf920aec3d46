/*
 * http_due: for what an exchange waits, and how long it may.
 */
#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/http_internal.h"
#include "gateway/dataplane/runtime.h"

uint64_t
http_due_at(const struct http_exchange *h, enum http_due *due)
{
	const struct conn *c = h->c;
	const struct conf_http *conf = &c->runtime->conf->http;
	bool mine;

	switch (h->phase) {
	case HTTP_PHASE_HEAD:
		*due = HTTP_DUE_HEAD;
		if (http_queue_len(&h->in) > 0)
			return h->head_mono_ms + conf->head_timeout_ms;
		mine = c->plain_fd < 0 ||
		    conf->idle_timeout_ms <= conf->node_idle_timeout_ms;
		*due = mine ? HTTP_DUE_IDLE : HTTP_DUE_NODE_IDLE;
		return h->head_mono_ms +
		    (mine ? conf->idle_timeout_ms : conf->node_idle_timeout_ms);
	case HTTP_PHASE_EXCHANGE:
		mine = h->answer == HTTP_ANSWER_HEAD &&
		    (http_queue_len(&h->up) > 0 || !http_body_is_due(h) ||
			h->up_broken);
		*due = mine ? HTTP_DUE_NODE : HTTP_DUE_PEER;
		return c->active_mono_ms +
		    (mine ? conf->response_timeout_ms : conf->idle_timeout_ms);
	case HTTP_PHASE_LAST:
		*due = HTTP_DUE_LAST;
		return h->head_mono_ms + conf->head_timeout_ms;
	case HTTP_PHASE_DIAL:
		break;
	}
	*due = HTTP_DUE_NOTHING;
	return 0;
}
