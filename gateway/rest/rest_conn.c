/*
 * rest_conn: states, deadlines, room and memory of connections. Nothing is
 * dropped inside a callback of its own buffers: the timer does it.
 */
#include "gateway/rest/rest_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>

#include "cache/base/clock.h"
#include "gateway/rest/rest_internal.h"

#define LINGER_MS 2000 /* for a refusal to be read */
#define GROUP_MAX 64

enum state {
	OPENING = 0,
	READING,
	ANSWERING,
	IDLE,
	CLOSING
};

/* Connections of one address. */
struct rest_group {
	struct rest_group *next;
	unsigned num, strangers;
	char text[GROUP_MAX];
};

/* Hangs on the SSL object, which lives exactly as long as its connection. */
struct rest_conn {
	struct rest *rest;
	struct rest_conn *next, **prev;
	struct rest_group *group; /* NULL until it has its descriptor */
	struct bufferevent *bev;
	struct evhttp_connection *evcon; /* while CLOSING */
	struct event *timer;
	enum state state;
	int refusal; /* status that the timer is to send */
	bool known, local, unwanted;
	bool left;       /* rest may be gone, too */
	size_t received; /* of the request that is being read or answered */
	uint64_t since;  /* of its state, in num_entered */
};

/* Who is older is told by it: milliseconds are the same for many. */
static uint64_t num_entered;
/* Those that count no more, but have their descriptors still. */
static unsigned num_leaving;

static void
arm(struct rest_conn *c, uint32_t ms)
{
	const struct timeval tv = clock_timeval(ms);

	event_add(c->timer, &tv);
}

static void
arm_for_state(struct rest_conn *c)
{
	const struct conf_rest *conf = &c->rest->conf->rest;

	if (c->state == READING)
		arm(c, conf->request_timeout_ms);
	else if (c->state == OPENING)
		arm(c, conf->handshake_timeout_ms);
	else if (c->state == CLOSING)
		arm(c, LINGER_MS);
	else
		event_del(c->timer); /* evhttp looks after idle ones */
}

static void
enter(struct rest_conn *c, enum state state)
{
	c->state = state;
	c->since = ++num_entered;
	arm_for_state(c);
}

static void
set_received(struct rest_conn *c, size_t num)
{
	c->rest->input_bytes += num - c->received;
	c->received = num;
}

/* Groups. */

static void
group_text(char out[GROUP_MAX], const struct sockaddr_storage *sa, bool *local)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	struct in6_addr v6 = ((const struct sockaddr_in6 *)sa)->sin6_addr;

	*local = false;
	snprintf(out, GROUP_MAX, "unix");
	if (sa->ss_family == AF_INET) {
		*local = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
		inet_ntop(AF_INET, &v4->sin_addr, out, GROUP_MAX);
	} else if (sa->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6)) {
		*local = v6.s6_addr[12] == 127;
		inet_ntop(AF_INET, &v6.s6_addr[12], out, GROUP_MAX);
	} else if (sa->ss_family == AF_INET6) {
		*local = IN6_IS_ADDR_LOOPBACK(&v6);
		if (!*local)
			memset(&v6.s6_addr[8], 0, 8);
		inet_ntop(AF_INET6, &v6, out, GROUP_MAX);
	} else {
		*local = sa->ss_family == AF_UNIX;
	}
}

static struct rest_group *
group_join(struct rest *r, const char *text)
{
	struct rest_group *g = r->groups;

	while (g != NULL && strcmp(g->text, text) != 0)
		g = g->next;
	if (g == NULL) {
		g = calloc(1, sizeof(*g));
		if (g == NULL)
			return NULL;
		snprintf(g->text, sizeof(g->text), "%s", text);
		g->next = r->groups;
		r->groups = g;
	}
	g->num++;
	g->strangers++;
	return g;
}

static void
group_leave(struct rest_conn *c)
{
	struct rest_group **at = &c->rest->groups;

	if (c->group == NULL)
		return;
	if (!c->known)
		c->group->strangers--;
	if (--c->group->num > 0)
		return;
	while (*at != c->group)
		at = &(*at)->next;
	*at = c->group->next;
	free(c->group);
}

/* Ends. */

/* From here on it counts no more; libevent frees it a turn later. */
static void
leave(struct rest_conn *c)
{
	if (c->left)
		return;
	c->left = true;
	num_leaving++;
	event_del(c->timer);
	set_received(c, 0);
	group_leave(c);
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->rest->num_connections--;
}

static void
conn_free(
    void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct rest_conn *c = ptr;

	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	if (c == NULL)
		return;
	leave(c);
	num_leaving--;
	event_free(c->timer);
	free(c);
}

/* OpenSSL's slot for struct rest_conn; made once for the process. */
static int
conn_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, conn_free);
	return index;
}

/*
 * evhttp has no way from a bufferevent to its connection, but it is what all
 * of its callbacks get. NULL when it is being freed already.
 */
static struct evhttp_connection *
evcon_of(struct rest_conn *c)
{
	void *arg = NULL;

	if (c->state == CLOSING)
		return c->evcon;
	bufferevent_getcb(c->bev, NULL, NULL, NULL, &arg);
	return arg;
}

static void
drop(struct rest_conn *c)
{
	struct evhttp_connection *evcon = evcon_of(c);

	c->evcon = NULL;
	leave(c);
	if (evcon != NULL)
		evhttp_connection_free(evcon);
}

/* Refusals. */

static void
on_discard(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);

	(void)arg;
	evbuffer_drain(in, evbuffer_get_length(in));
}

/* What still comes is read, or the kernel would take the answer back. */
static void
on_sent(struct bufferevent *bev, void *arg)
{
	(void)arg;
	SSL_shutdown(bufferevent_openssl_get_ssl(bev));
	shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void
on_end(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		drop(arg);
}

void
rest_conn_length_text(char *out, size_t room, size_t length, uint32_t max)
{
	snprintf(out, room,
	    "Content length is %zu which exceeds the maximum limit of %u.",
	    length, max);
}

static void
sentence(char *out, size_t room, const struct rest_conn *c, int status)
{
	if (status == 400)
		rest_conn_length_text(
		    out, room, c->received, c->rest->conf->rest.max_body_bytes);
	else
		snprintf(out, room, "%s",
		    status == 408
			? "The request did not arrive in time."
			: "Unfinished requests take too much memory.");
}

/* Takes the connection over from evhttp, which goes on holding it. */
static void
refuse(struct rest_conn *c, int status)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	char title[120], body[320];

	c->evcon = evcon_of(c);
	if (c->evcon == NULL)
		return;
	log_line(c->known ? c->rest->core->log : c->rest->core->strangers,
	    LOG_LEVEL_WARN,
	    "a REST request is refused: %d, %zu bytes (from='%s')", status,
	    c->received, c->group != NULL ? c->group->text : "");
	rest_counts_answer(&c->rest->counts, REST_NUM_METHODS, NULL, status);
	sentence(title, sizeof(title), c, status);
	enter(c, CLOSING);
	set_received(c, 0);
	bufferevent_setcb(c->bev, on_discard, on_sent, on_end, c);
	on_discard(c->bev, c);
	snprintf(body, sizeof(body),
	    "{\"title\":\"%s\",\"status\":%d,\"details\":{\"reason\":\"%s\"}}",
	    title, status, title);
	evbuffer_add_printf(out,
	    "HTTP/1.1 %d Refused\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n%s\r\n%s",
	    status, strlen(body), status == 503 ? "Retry-After: 1\r\n" : "",
	    body);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* Room. */

/* Who goes first; 0: stays. */
static unsigned
rank(const struct rest_conn *c)
{
	if (!c->known)
		return c->state == ANSWERING ? 2 : 3;
	return c->state == IDLE || c->state == CLOSING ? 1 : 0;
}

static bool
goes_before(const struct rest_conn *a, const struct rest_conn *b)
{
	if (rank(a) != rank(b))
		return rank(a) > rank(b);
	if (!a->known && a->group->strangers != b->group->strangers)
		return a->group->strangers > b->group->strangers;
	return a->since < b->since;
}

/*
 * Credentials are no licence to take every place: an address has half of them,
 * all together leave an eighth to this host, where the operator may be. Who
 * goes is found as in make_room, among those of the address or of all others;
 * where all are busy it is the newcomer. False when c itself was dropped.
 */
static bool
keep_to_shares(struct rest_conn *c)
{
	unsigned most = c->rest->conf->rest.max_connections;
	unsigned own = most > 1 ? most / 2 : 1;
	unsigned all = most - (most + 7) / 8, remote = 0;
	struct rest_conn *first = c;
	bool over = c->group->num > own;

	for (struct rest_conn *o = c->rest->connections; o != NULL; o = o->next)
		remote += o->group != NULL && !o->local;
	if (c->local || (!over && remote <= (all > 0 ? all : 1)))
		return true;
	for (struct rest_conn *o = c->rest->connections; o != NULL; o = o->next)
		if (o->group != NULL && !o->local &&
		    (!over || o->group == c->group) && rank(o) > 0 &&
		    goes_before(o, first))
			first = o;
	c->rest->counts.dropped++;
	drop(first);
	return first != c;
}

/* It has its descriptor now, which evhttp gives it after making it. */
static void
settle(struct rest_conn *c)
{
	struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(sa);
	char text[GROUP_MAX];

	event_del(c->timer);
	c->rest->counts.dropped += c->unwanted;
	if (c->unwanted ||
	    getpeername(
		bufferevent_getfd(c->bev), (struct sockaddr *)&sa, &len) != 0) {
		drop(c);
		return;
	}
	group_text(text, &sa, &c->local);
	c->group = group_join(c->rest, text);
	if (c->group == NULL)
		drop(c);
	else if (keep_to_shares(c))
		arm_for_state(c);
}

static bool
make_room(struct rest *r)
{
	struct rest_conn *first = NULL, *next;

	for (struct rest_conn *c = r->connections; c != NULL; c = next) {
		next = c->next;
		if (c->group == NULL)
			settle(c);
	}
	for (struct rest_conn *c = r->connections; c != NULL; c = c->next)
		if (rank(c) > 0 && (first == NULL || goes_before(c, first)))
			first = c;
	if (first == NULL)
		return false;
	r->counts.dropped++;
	drop(first);
	return true;
}

bool
rest_conn_free_descriptor(struct rest *r)
{
	return num_leaving > 0 || make_room(r);
}

/* Memory: who has taken most of it, a stranger before others. */
static void
relieve(struct rest *r)
{
	struct rest_conn *worst = NULL;

	for (struct rest_conn *c = r->connections; c != NULL; c = c->next)
		if (c->state == READING && c->refusal == 0 &&
		    (worst == NULL ||
			(c->known == worst->known
				? c->received > worst->received
				: !c->known)))
			worst = c;
	if (worst == NULL)
		return;
	worst->refusal = 503;
	event_active(worst->timer, EV_TIMEOUT, 1);
}

/* Bytes of a request, chunked or not, as they come. */
static void
on_input(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	struct rest_conn *c = arg;
	size_t most;

	(void)buf;
	if (info->n_added == 0 || c->left || c->state == CLOSING)
		return;
	most = c->rest->conf->rest.max_body_bytes + REST_MAX_HEADER_BYTES;
	if (c->state == OPENING || c->state == IDLE)
		enter(c, READING);
	set_received(c, c->received + info->n_added);
	if (c->received > most && c->state == READING && c->refusal == 0) {
		c->refusal = 400;
		event_active(c->timer, EV_TIMEOUT, 1);
	}
	if (c->rest->input_bytes > REST_MAX_INPUT)
		relieve(c->rest);
}

/* Life. */

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct rest_conn *c = arg;
	int refusal = c->refusal;

	(void)fd, (void)what;
	c->refusal = 0;
	if (c->group == NULL) {
		settle(c);
		return;
	}
	/* It may have become whole since. */
	if (c->state == READING)
		refuse(c, refusal != 0 ? refusal : 408);
	else if (c->state == OPENING || c->state == CLOSING)
		drop(c);
}

static struct rest_conn *
conn_new(struct rest *r, SSL *ssl)
{
	struct rest_conn *c = calloc(1, sizeof(*c));

	if (c == NULL || conn_index() < 0)
		goto out;
	c->rest = r;
	c->since = ++num_entered;
	c->timer = evtimer_new(r->core->base, on_timer, c);
	if (c->timer == NULL || SSL_set_ex_data(ssl, conn_index(), c) != 1)
		goto out;
	c->unwanted = r->num_connections >= r->conf->rest.max_connections &&
	    !make_room(r);
	c->next = r->connections;
	c->prev = &r->connections;
	if (c->next != NULL)
		c->next->prev = &c->next;
	r->connections = c;
	r->num_connections++;
	return c;
out:
	if (c != NULL && c->timer != NULL)
		event_free(c->timer);
	free(c);
	return NULL;
}

/*
 * evhttp takes NULL as "plain text then", so a failure gives one that is
 * recognised and dropped in rest_on_request.
 */
struct bufferevent *
rest_conn_new(struct event_base *base, void *arg)
{
	struct rest *r = arg;
	SSL *ssl = SSL_new(r->ctx);
	struct rest_conn *c = ssl != NULL ? conn_new(r, ssl) : NULL;
	struct bufferevent *bev;

	if (c == NULL) {
		SSL_free(ssl);
		return NULL;
	}
	bev = bufferevent_openssl_socket_new(
	    base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL) {
		SSL_free(ssl);
		return NULL;
	}
	c->bev = bev;
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	evbuffer_add_cb(bufferevent_get_input(bev), on_input, c);
	event_active(c->timer, EV_TIMEOUT, 1); /* settle */
	return bev;
}

struct rest_conn *
rest_conn_of(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);

	return ssl != NULL ? SSL_get_ex_data(ssl, conn_index()) : NULL;
}

void
rest_conns_leave(struct rest *r)
{
	while (r->connections != NULL)
		leave(r->connections);
}

void
rest_conn_answering(struct rest_conn *c)
{
	enter(c, ANSWERING);
}

void
rest_conn_answered(struct rest_conn *c)
{
	size_t more = evbuffer_get_length(bufferevent_get_input(c->bev));

	if (c->left)
		return;
	set_received(c, more);
	enter(c, more > 0 ? READING : IDLE);
}

void
rest_conn_is_known(struct rest_conn *c)
{
	if (!c->known && !c->left && c->group != NULL)
		c->group->strangers--;
	c->known = true;
}

bool
rest_conn_is_local(const struct rest_conn *c)
{
	return c->local;
}

const char *
rest_conn_group(const struct rest_conn *c)
{
	return !c->left && c->group != NULL ? c->group->text : "";
}
