/*
 * dial: the dial, a small machine of its own: resolve, connect, next address,
 * pause, next round. Runs on the worker's thread. Sends nothing.
 *
 *	RESOLVE --names known--> CONNECT --connected--> DONE
 *	   ^  \__fails__________/   |fails: next address, or
 *	   |                        v
 *	   +---- timer ---------- PAUSE --no rounds left--> FAILED
 */
#include "gateway/dataplane/dial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <poll.h>
#include <sys/socket.h>

#include "cache/base/text.h"
#include "cache/base/clock.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/half_open.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/tcp_options.h"
#include "gateway/observe/counters.h"
#include "gateway/dataplane/worker.h"
#include "gateway/dataplane/worker_setup.h"
#include "gateway/process/descriptors.h"

#define DIAL_NAMES_MAX 8 /* addresses of one name that are tried */

/* One socket address to try. */
struct dial_target {
	struct sockaddr_storage sa;
	socklen_t len;
};

struct dial {
	struct worker *worker;
	struct dial_order order;
	dial_fn *done;
	void *arg;
	enum dial_result result;
	bool starting; /* inside dial_start: done must not run */

	uint32_t round;
	bool second_pass; /* the addresses out of favour, too */
	size_t next;      /* address to try next */
	size_t current;

	struct evdns_getaddrinfo_request *resolving;
	struct dial_target targets[DIAL_NAMES_MAX];
	size_t num_targets, next_target;

	int fd;
	struct event *ev; /* writable, or time is up; also the pause */
	char error[160];
};

static void dial_next(struct dial *d);

void
dial_get_node_order(const struct conn *c, struct dial_order *out)
{
	const struct conf_node *node = &c->runtime->conf->node;

	*out = (struct dial_order){
	    .addresses = node->addresses,
	    .num_addresses = node->num_addresses,
	    .runtime = c->runtime,
	    .connect_timeout_ms = node->connect_timeout_ms,
	    .retry_ms = node->retry_ms,
	    .max_retries = node->max_retries,
	};
}

/* Health. */

int
node_health_init(struct node_health *h, size_t num)
{
	h->num = 0;
	h->down_until_mono_ms = calloc(num + 1, sizeof(uint64_t));
	if (h->down_until_mono_ms == NULL)
		return E_NOMEM;
	h->num = num;
	return 0;
}

void
node_health_cleanup(struct node_health *h)
{
	free(h->down_until_mono_ms);
	memset(h, 0, sizeof(*h));
}

/* A new configuration may come, and this one's health go, during a dial. */
static struct node_health *
dial_health(const struct dial *d)
{
	return d->order.runtime != NULL &&
		d->worker->runtime == d->order.runtime
	    ? &d->worker->setup->health
	    : NULL;
}

static bool
dial_is_down(const struct dial *d, size_t i)
{
	const struct node_health *h = dial_health(d);

	return h != NULL && i < h->num &&
	    h->down_until_mono_ms[i] > clock_mono_ms();
}

static void
dial_note_health(struct dial *d, bool up)
{
	struct node_health *h = dial_health(d);
	bool was_down;

	if (h == NULL || d->current >= h->num)
		return;
	was_down = h->down_until_mono_ms[d->current] != 0;
	h->down_until_mono_ms[d->current] =
	    up ? 0 : clock_mono_ms() + d->order.retry_ms;
	if (up == was_down)
		log_line(d->worker->log, up ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
		    up ? "node '%s' answers again"
		       : "node '%s' does not answer (%s)",
		    d->order.addresses[d->current].text, d->error);
}

/* The machine. */

static void
dial_end(struct dial *d, enum dial_result result)
{
	d->result = result;
	if (!d->starting)
		d->done(d->arg);
}

static void
dial_close(struct dial *d)
{
	if (d->ev != NULL)
		event_free(d->ev);
	d->ev = NULL;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

static void
dial_fail_target(struct dial *d, int sys_errno)
{
	text_format(d->error, sizeof(d->error), "cannot connect to '%s': %s",
	    d->order.addresses[d->current].text, strerror(sys_errno));
	dial_close(d);
	counters_inc(&d->worker->counters, COUNTER_NODE_FAILED);
}

static void
dial_connected(struct dial *d)
{
	if (d->ev != NULL)
		event_free(d->ev);
	d->ev = NULL;
	dial_note_health(d, true);
	dial_end(d, DIAL_DONE);
}

static void
dial_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;
	int error = ETIMEDOUT;
	socklen_t len = sizeof(error);

	if (!(what & EV_TIMEOUT) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0) {
		dial_connected(d);
		return;
	}
	dial_fail_target(d, error);
	dial_next(d);
}

/* Whoever is in comes before those who are not. */
static bool
dial_has_room(struct dial *d)
{
	return half_open_relieve(
	    d->worker->half_open, d->worker->limits, NULL, clock_mono_ms());
}

/* true: something is under way (or over); false: try another. */
static bool
dial_try(struct dial *d, const struct dial_target *t)
{
	uint32_t ms = d->order.connect_timeout_ms;
	struct timeval tv = clock_timeval(ms);
	struct pollfd p = {.events = POLLOUT};
	int rc;

	d->fd = socket(
	    t->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0 || (descriptors_reserved(d->fd) && !dial_has_room(d))) {
		dial_fail_target(d, d->fd < 0 ? errno : EMFILE);
		return false;
	}
	(void)tcp_options_set(
	    d->fd, t->sa.ss_family, &d->worker->runtime->conf->limits);
	/* A full backlog of a Unix socket says EAGAIN: that is a refusal. */
	rc = connect(d->fd, (const struct sockaddr *)&t->sa, t->len);
	if (rc != 0 && errno != EINPROGRESS) {
		dial_fail_target(d, errno);
		return false;
	}
	/* On loopback it is connected by now, and no turn need be waited. */
	p.fd = d->fd;
	if (rc == 0 || (poll(&p, 1, 0) == 1 && p.revents == POLLOUT)) {
		dial_connected(d);
		return true;
	}
	d->ev =
	    event_new(d->worker->base, d->fd, EV_WRITE, dial_on_writable, d);
	if (d->ev == NULL || event_add(d->ev, ms == 0 ? NULL : &tv) != 0) {
		dial_fail_target(d, ENOMEM);
		return false;
	}
	return true;
}

static void
dial_on_names(int result, struct evutil_addrinfo *res, void *arg)
{
	struct dial *d = arg;

	if (result == EVUTIL_EAI_CANCEL)
		return; /* d may be gone */
	d->resolving = NULL;
	d->num_targets = d->next_target = 0;
	for (struct evutil_addrinfo *ai = res;
	     ai != NULL && d->num_targets < DIAL_NAMES_MAX; ai = ai->ai_next) {
		struct dial_target *t = &d->targets[d->num_targets];

		if (ai->ai_addrlen > sizeof(t->sa))
			continue;
		memcpy(&t->sa, ai->ai_addr, ai->ai_addrlen);
		t->len = ai->ai_addrlen;
		d->num_targets++;
	}
	if (res != NULL)
		evutil_freeaddrinfo(res);
	if (d->num_targets == 0) {
		text_format(d->error, sizeof(d->error),
		    "cannot resolve '%s': %s",
		    d->order.addresses[d->current].text,
		    evutil_gai_strerror(result));
		counters_inc(&d->worker->counters, COUNTER_NODE_FAILED);
	}
	dial_next(d);
}

/* NULL when it cannot be made. */
static struct evdns_base *
dial_get0_dns(struct worker *w)
{
	/* Its sockets must not keep an idle loop from ending. */
	if (w->dns == NULL)
		w->dns = evdns_base_new(w->base,
		    EVDNS_BASE_INITIALIZE_NAMESERVERS |
			EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	return w->dns;
}

/* true: waiting; dial_on_names goes on, possibly before this returns. */
static void
dial_resolve(struct dial *d, const struct address *a)
{
	struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = EVUTIL_AI_ADDRCONFIG};
	struct evdns_base *dns = dial_get0_dns(d->worker);
	struct evdns_getaddrinfo_request *req;
	char port[8];

	snprintf(port, sizeof(port), "%u", a->port);
	if (dns == NULL) {
		dial_on_names(EVUTIL_EAI_MEMORY, NULL, d);
		return;
	}
	d->resolving = NULL;
	req = evdns_getaddrinfo(dns, a->host, port, &hints, dial_on_names, d);
	/* NULL: dial_on_names has run, and d may even have been answered. */
	if (req != NULL)
		d->resolving = req;
}

/* Points current at the next address of this pass; false: none is left. */
static bool
dial_advance(struct dial *d)
{
	for (;;) {
		while (d->next < d->order.num_addresses) {
			size_t i = d->next++;

			if (dial_is_down(d, i) != d->second_pass)
				continue;
			d->current = i;
			return true;
		}
		if (d->second_pass)
			return false;
		d->second_pass = true;
		d->next = 0;
	}
}

static void
dial_on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;

	(void)fd;
	(void)what;
	event_free(d->ev);
	d->ev = NULL;
	d->next = 0;
	d->second_pass = false;
	dial_next(d);
}

static void
dial_pause(struct dial *d)
{
	struct timeval tv = clock_timeval(d->order.retry_ms);

	d->ev = evtimer_new(d->worker->base, dial_on_pause_over, d);
	if (d->ev == NULL || evtimer_add(d->ev, &tv) != 0)
		dial_end(d, DIAL_FAILED);
}

/* Tries what is left of this address, then others, then waits for a round. */
static void
dial_next(struct dial *d)
{
	for (;;) {
		const struct address *a;

		while (d->next_target < d->num_targets)
			if (dial_try(d, &d->targets[d->next_target++]))
				return;
		if (d->error[0] != '\0')
			dial_note_health(d, false);
		if (!dial_advance(d))
			break;
		d->error[0] = '\0';
		a = &d->order.addresses[d->current];
		d->num_targets = d->next_target = 0;
		if (a->sa_len == 0) {
			dial_resolve(d, a);
			return;
		}
		d->targets[0].sa = a->sa;
		d->targets[0].len = a->sa_len;
		d->num_targets = 1;
	}
	if (d->round++ < d->order.max_retries)
		dial_pause(d);
	else
		dial_end(d, DIAL_FAILED);
}

enum dial_result
dial_start(struct dial **out, struct worker *w, const struct dial_order *order,
    dial_fn *done, void *arg)
{
	struct dial *d = calloc(1, sizeof(*d));

	*out = NULL;
	if (d == NULL)
		return DIAL_FAILED;
	d->worker = w;
	d->order = *order;
	d->done = done;
	d->arg = arg;
	d->fd = -1;
	d->result = DIAL_PENDING;
	d->starting = true;
	dial_next(d);
	d->starting = false;
	*out = d;
	return d->result;
}

enum dial_result
dial_result(const struct dial *d)
{
	return d->result;
}

int
dial_take_fd(struct dial *d)
{
	int fd = d->fd;

	d->fd = -1;
	return fd;
}

const char *
dial_error(const struct dial *d)
{
	return d == NULL ? "out of memory" : d->error;
}

void
dial_free(struct dial *d)
{
	if (d == NULL)
		return;
	if (d->resolving != NULL)
		evdns_getaddrinfo_cancel(d->resolving);
	dial_close(d);
	free(d);
}
