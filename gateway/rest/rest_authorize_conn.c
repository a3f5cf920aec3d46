/*
 * rest_authorize_conn: see the header. Nothing is freed but by the events of
 * the connection itself and, at the end, by the server.
 */
#include "gateway/rest/rest_authorize_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>

#include "cache/base/clock.h"
#include "gateway/authorize/authorize.h"
#include "gateway/control/control.h"
#include "gateway/http1/http_chunk.h"
#include "gateway/http1/http_head.h"
#include "gateway/http1/http_rules.h"
#include "gateway/rest/rest_internal.h"

#define MAX_BODY_BYTES   (1024 * 1024)
#define MAX_BODY_PIECE   65536
#define MAX_ANSWER_BYTES 16384
#define REQUEST_MS       10000 /* its first byte to its last; TLS likewise */
#define LINGER_MS        2000  /* for an answer to be read */

enum phase {
	HEAD = 0,
	BODY,
	ASKING,
	CLOSING
};

struct rest_authorize_conn {
	struct rest_authorize_conns *conns;
	struct rest_authorize_conn *next, **prev;
	struct bufferevent *bev;
	struct event *timer;
	struct rest_authorize_caller caller;
	enum phase phase;
	bool stepping;
	bool ended; /* it sends nothing more */
	/* The request. */
	bool begun; /* some of it is there */
	char *head;
	size_t head_len, seen;
	bool head_only, close;
	bool chunked;
	struct http_chunk chunk;
	uint64_t body_left; /* where it is not chunked */
	size_t body_seen;
	struct rest_login *login;   /* while it is waited for */
	struct authorize *question; /* likewise */
};

static const struct conf *
conf_of(const struct rest_authorize_conn *c)
{
	return control_conf(c->conns->rest->services->control);
}

static void
arm(struct rest_authorize_conn *c, uint32_t ms)
{
	const struct timeval tv = clock_timeval(ms);

	event_add(c->timer, &tv);
}

static void
conn_free(struct rest_authorize_conn *c)
{
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->conns->num--;
	if (c->login != NULL)
		rest_login_cancel(c->login);
	authorize_cancel(c->question);
	event_free(c->timer);
	bufferevent_free(c->bev);
	free(c->head);
	free(c);
}

/* Answers. */

static void
begin_closing(struct rest_authorize_conn *c)
{
	c->phase = CLOSING;
	arm(c, LINGER_MS);
}

/* The next request, unless the answer said that there is none. */
static void
end_request(struct rest_authorize_conn *c)
{
	free(c->head);
	c->head = NULL;
	c->head_len = c->seen = c->body_seen = 0;
	c->body_left = 0;
	c->begun = c->chunked = c->head_only = false;
	memset(&c->chunk, 0, sizeof(c->chunk));
	if (c->close) {
		begin_closing(c);
		return;
	}
	c->phase = HEAD;
	arm(c, conf_of(c)->authorize.idle_timeout_ms);
}

/* About the request itself or the caller; nobody was judged. */
static void
refuse(struct rest_authorize_conn *c, unsigned status, const char *why)
{
	log_line(c->conns->rest->core->strangers, LOG_LEVEL_WARN,
	    "a request to authorize is refused: %u, %s (from=%s)", status, why,
	    c->caller.from);
	evbuffer_add_printf(bufferevent_get_output(c->bev),
	    "HTTP/1.1 %u %s\r\n"
	    "P2P-Gateway-Reason: %s\r\n"
	    "Content-Type: text/plain\r\n"
	    "Content-Length: %zu\r\n"
	    "Connection: close\r\n\r\n%s%s",
	    status, http_status_words(status), why, strlen(why) + 1,
	    c->head_only ? "" : why, c->head_only ? "" : "\n");
	c->close = true;
	end_request(c);
}

static void step(struct rest_authorize_conn *c);

static void
on_answer(void *arg, const struct authorize_answer *answer)
{
	struct rest_authorize_conn *c = arg;
	struct bytes out;

	c->question = NULL;
	bytes_init(&out, MAX_ANSWER_BYTES);
	if (authorize_put(&out, answer, c->head_only, c->close) == 0 &&
	    bufferevent_write(c->bev, out.p, out.len) == 0)
		end_request(c);
	else
		begin_closing(c);
	bytes_cleanup(&out);
	step(c);
}

/* Who asks. */

static void
ask(struct rest_authorize_conn *c, const struct http_head *h)
{
	struct rest *r = c->conns->rest;
	struct authorize *q;

	c->caller.known = true;
	q = authorize_ask(c->conns->authorizer,
	    control_conf(r->services->control), h, c->caller.from, on_answer,
	    c);
	/* Where it was answered the next one may be waiting already. */
	if (q != NULL)
		c->question = q;
}

/* The head was well formed when it came. */
static bool
parse(const struct rest_authorize_conn *c, struct http_head *h)
{
	const char *why;

	return http_parse_request(h, c->head, c->head_len, &why) == 0;
}

static void
hear_login(struct rest_authorize_conn *c, const struct rest_auth_result *result)
{
	struct http_head h;

	if (result->outcome == REST_AUTH_ACCEPTED &&
	    (result->roles & CONF_ROLE_AUTHORIZE) && parse(c, &h))
		ask(c, &h);
	else if (result->outcome == REST_AUTH_ACCEPTED)
		refuse(c, 403, "the caller has not the role \"authorize\"");
	else if (result->outcome == REST_AUTH_BUSY)
		refuse(c, 503, "too many logins at once");
	else
		refuse(c, 403, "the caller's credentials are not right");
}

static void
on_login(void *arg, const struct rest_auth_result *result)
{
	struct rest_authorize_conn *c = arg;

	c->login = NULL;
	hear_login(c, result);
	step(c);
}

/* From elsewhere a password would be no proof of where it comes from. */
static void
log_in(struct rest_authorize_conn *c, const struct http_head *h)
{
	const struct http_field *f = http_head_find(h, "authorization");
	struct rest *r = c->conns->rest;
	struct rest_auth_result result;
	char *header;

	if (!c->caller.local || f == NULL) {
		refuse(c, 403,
		    c->caller.local
			? "the caller shows neither a certificate of "
			  "rest.clients nor a password, with the role "
			  "\"authorize\""
			: "the caller shows no certificate of rest.clients "
			  "with the role \"authorize\"");
		return;
	}
	header = strndup(f->value.p, f->value.len);
	rest_auth_basic(r->auth, &r->conf->rest, header, c->caller.from, true,
	    &result, &c->login, on_login, c);
	free(header);
	if (result.outcome != REST_AUTH_PENDING)
		hear_login(c, &result);
}

/*
 * A certificate goes before a password: what stands in Authorization may be
 * what the proxy's peer has sent.
 */
static void
identify(struct rest_authorize_conn *c)
{
	struct rest *r = c->conns->rest;
	const struct rest_request req = {
	    .core = r->core, .services = r->services};
	SSL *ssl = bufferevent_openssl_get_ssl(c->bev);
	char user[REST_AUTH_USER_SIZE];
	struct http_head h;

	c->phase = ASKING;
	event_del(c->timer);
	if (!parse(c, &h))
		refuse(c, 400, "malformed");
	else if (ssl == NULL && c->caller.known)
		ask(c, &h);
	else if (ssl == NULL)
		refuse(
		    c, 403, "the caller's user is not one of authorize.users");
	else if (rest_client_cert_roles(&req, r->conf, ssl, user) &
	    CONF_ROLE_AUTHORIZE)
		ask(c, &h);
	else
		log_in(c, &h);
}

/* Reading. */

/* How long its body is; false: refused. */
static bool
take_framing(struct rest_authorize_conn *c, const struct http_head *h)
{
	const struct http_field *length = http_head_find(h, "content-length");
	bool coded = http_head_count(h, "transfer-encoding") > 0;

	c->head_only = http_text_is(&h->method, "HEAD");
	c->close = h->major != 1 || h->minor != 1 ||
	    http_head_has(h, "connection", "close");
	if (h->major != 1)
		refuse(c, 505, "only HTTP/1.1 and 1.0 are spoken");
	else if (http_head_count(h, "content-length") > 1 ||
	    (coded && length != NULL) ||
	    (length != NULL && !http_length(&length->value, &c->body_left)))
		refuse(c, 400, "the length of the body is not clear");
	else if (coded &&
	    (http_head_count(h, "transfer-encoding") != 1 ||
		!http_text_is(
		    &http_head_find(h, "transfer-encoding")->value, "chunked")))
		refuse(c, 501, "another transfer coding than chunked");
	else if (c->body_left > MAX_BODY_BYTES)
		refuse(c, 413, "the body is larger than 1 MiB");
	else
		c->chunked = coded;
	if (c->phase == CLOSING)
		return false;
	if (http_head_has(h, "expect", "100-continue") &&
	    (coded || c->body_left > 0))
		evbuffer_add_printf(bufferevent_get_output(c->bev),
		    "HTTP/1.1 100 Continue\r\n\r\n");
	return true;
}

static void
refuse_head(struct rest_authorize_conn *c, const char *what)
{
	char why[256];
	bool folded = strcmp(what, "a bare LF") == 0 ||
	    strcmp(what, "a folded header line") == 0;

	snprintf(why, sizeof(why), "the head of the request is malformed: %s%s",
	    what,
	    folded ? " ($ssl_client_cert of nginx is written so: use "
		     "$ssl_client_escaped_cert)"
		   : "");
	refuse(c, 400, why);
}

/* False: more is needed, or nothing more is read. */
static bool
read_head(struct rest_authorize_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t max = conf_of(c)->authorize.max_head_bytes;
	size_t len = evbuffer_get_length(in);
	const char *p, *why = "";
	struct http_head h;
	int rc;

	if (len == 0)
		return false;
	if (!c->begun)
		arm(c, REQUEST_MS);
	c->begun = true;
	if (len > max)
		len = max;
	p = (const char *)evbuffer_pullup(in, (ev_ssize_t)len);
	switch (p != NULL ? http_head_scan(p, len, &c->seen, &why)
			  : HTTP_SCAN_BAD) {
	case HTTP_SCAN_MORE:
		if (len < max)
			return false;
		refuse(c, 431,
		    "the head of the request is larger than "
		    "authorize.max_head_bytes");
		return true;
	case HTTP_SCAN_BAD:
		refuse_head(c, why);
		return true;
	case HTTP_SCAN_END:
		break;
	}
	c->head_len = c->seen;
	c->head = malloc(c->head_len);
	if (c->head == NULL) {
		refuse(c, 503, "out of memory");
		return true;
	}
	memcpy(c->head, p, c->head_len);
	evbuffer_drain(in, c->head_len);
	rc = http_parse_request(&h, c->head, c->head_len, &why);
	if (rc == E_LIMIT)
		refuse(c, 431, why);
	else if (rc != 0)
		refuse_head(c, why);
	else if (take_framing(c, &h))
		c->phase = BODY;
	return true;
}

/* What is in it does not matter. False: more is needed. */
static bool
read_chunks(struct rest_authorize_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t len = evbuffer_get_length(in), data = 0, used = 0;
	enum http_chunk_result r;
	uint8_t *p;

	if (len == 0)
		return false;
	if (len > MAX_BODY_PIECE)
		len = MAX_BODY_PIECE;
	p = evbuffer_pullup(in, (ev_ssize_t)len);
	r = p != NULL ? http_chunk_decode(&c->chunk, p, len, &data, &used)
		      : HTTP_CHUNK_BAD;
	evbuffer_drain(in, used);
	c->body_seen += data;
	if (r == HTTP_CHUNK_BAD)
		refuse(c, 400, "the chunks of the body are malformed");
	else if (c->body_seen > MAX_BODY_BYTES)
		refuse(c, 413, "the body is larger than 1 MiB");
	else if (r == HTTP_CHUNK_END)
		identify(c);
	return true;
}

static bool
read_body(struct rest_authorize_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t len = evbuffer_get_length(in);

	if (c->chunked)
		return read_chunks(c);
	if (len > c->body_left)
		len = c->body_left;
	evbuffer_drain(in, len);
	c->body_left -= len;
	if (c->body_left > 0)
		return false;
	identify(c);
	return true;
}

/* As far as it gets with what is there. */
static void
step(struct rest_authorize_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	bool more = true;

	if (c->stepping)
		return;
	c->stepping = true;
	while (more) {
		if (c->phase == HEAD)
			more = read_head(c);
		else if (c->phase == BODY)
			more = read_body(c);
		else
			more = false;
	}
	if (c->phase == CLOSING)
		evbuffer_drain(in, evbuffer_get_length(in));
	c->stepping = false;
}

/* Events. */

static void
on_readable(struct bufferevent *bev, void *arg)
{
	(void)bev;
	step(arg);
}

/* Its last answer is out. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct rest_authorize_conn *c = arg;
	SSL *ssl = bufferevent_openssl_get_ssl(bev);

	if (c->phase != CLOSING)
		return;
	if (ssl != NULL)
		SSL_shutdown(ssl);
	shutdown(bufferevent_getfd(bev), SHUT_WR);
	if (c->ended)
		conn_free(c);
}

/* Who has ended its side alone is answered still. */
static void
on_end(struct bufferevent *bev, short what, void *arg)
{
	struct rest_authorize_conn *c = arg;
	bool unsent = evbuffer_get_length(bufferevent_get_output(bev)) > 0;

	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)))
		return;
	c->ended = c->close = true;
	if ((what & BEV_EVENT_EOF) && c->phase == ASKING)
		return;
	if ((what & BEV_EVENT_EOF) && unsent)
		begin_closing(c);
	else
		conn_free(c);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct rest_authorize_conn *c = arg;

	(void)fd, (void)what;
	if (c->phase == CLOSING || !c->begun)
		conn_free(c);
	else
		refuse(c, 408, "the request did not arrive in time");
}

bool
rest_authorize_conn_new(struct rest_authorize_conns *conns,
    struct bufferevent *bev, const struct rest_authorize_caller *caller)
{
	struct rest_authorize_conn *c = calloc(1, sizeof(*c));
	size_t most;

	if (c != NULL)
		c->timer = evtimer_new(conns->rest->core->base, on_timer, c);
	if (c == NULL || c->timer == NULL) {
		free(c);
		bufferevent_free(bev);
		return false;
	}
	c->conns = conns;
	c->bev = bev;
	c->caller = *caller;
	c->next = conns->list;
	c->prev = &conns->list;
	if (c->next != NULL)
		c->next->prev = &c->next;
	conns->list = c;
	conns->num++;
	most = conf_of(c)->authorize.max_head_bytes + MAX_BODY_PIECE;
	bufferevent_setcb(bev, on_readable, on_written, on_end, c);
	bufferevent_setwatermark(bev, EV_READ, 0, most);
	arm(c, REQUEST_MS);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	return true;
}

bool
rest_authorize_conn_make_room(struct rest_authorize_conns *conns)
{
	struct rest_authorize_conn *oldest = NULL;

	for (struct rest_authorize_conn *c = conns->list; c != NULL;
	     c = c->next)
		if (!c->caller.known)
			oldest = c;
	if (oldest == NULL)
		return false;
	conn_free(oldest);
	return true;
}

void
rest_authorize_conns_free(struct rest_authorize_conns *conns)
{
	struct rest_authorize_conn *next;

	for (struct rest_authorize_conn *c = conns->list; c != NULL; c = next) {
		next = c->next;
		conn_free(c);
	}
}
