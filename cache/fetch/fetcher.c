/*
 * fetcher: libcurl's multi interface on the loop of the service thread, for all
 * fetches under way. Owns the multi handle, its sockets' events and the one
 * timer. What is asked and what is answered is in fetch.c.
 */
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/x509.h>

#include "cache/fetch/fetch_internal.h"
#include "cache/base/clock.h"
#include "cache/base/text.h"

#define MAX_CONNECTIONS      512L
#define MAX_HOST_CONNECTIONS 64L

/* A socket of libcurl's and the event on it. */
struct watch {
	struct watch *next, **prev;
	struct fetcher *fetcher;
	struct event *event;
};

/* Transfers, sockets and the timer. */

/* The one place where transfers end. */
static void
fetcher_drain(struct fetcher *f)
{
	struct transfer *x;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		x = NULL;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
		if (x != NULL)
			x->answered(x, m->data.result);
	}
}

static void
fetcher_socket_ready(evutil_socket_t fd, short what, void *arg)
{
	struct fetcher *f = arg;
	int running, flags = 0;

	if (what & EV_READ)
		flags |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(f->multi, fd, flags, &running);
	fetcher_drain(f);
}

static void
fetcher_timer_due(evutil_socket_t fd, short what, void *arg)
{
	struct fetcher *f = arg;
	int running;

	curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	fetcher_drain(f);
}

/* Only arms the timer. */
static int
fetcher_timer(CURLM *multi, long ms, void *arg)
{
	struct fetcher *f = arg;
	struct timeval tv = {
	    .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	if (ms < 0)
		evtimer_del(f->timer);
	else if (evtimer_add(f->timer, &tv) != 0)
		return -1;
	return 0;
}

static void
watch_free(struct watch *w)
{
	*w->prev = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	if (w->event != NULL)
		event_free(w->event);
	free(w);
}

/* Only edits the event of the socket. */
static int
fetcher_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
	struct fetcher *f = arg;
	struct watch *w = mine;
	short events = EV_PERSIST;

	if (what == CURL_POLL_REMOVE) {
		if (w != NULL)
			watch_free(w);
		curl_multi_assign(f->multi, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EV_READ;
	if (what & CURL_POLL_OUT)
		events |= EV_WRITE;
	if (w == NULL) {
		w = calloc(1, sizeof(*w));
		if (w == NULL)
			return -1;
		w->fetcher = f;
		w->next = f->watches;
		w->prev = &f->watches;
		if (w->next != NULL)
			w->next->prev = &w->next;
		f->watches = w;
		curl_multi_assign(f->multi, fd, w);
	} else if (w->event != NULL) {
		event_free(w->event);
	}
	w->event = event_new(f->base, fd, events, fetcher_socket_ready, f);
	if (w->event == NULL || event_add(w->event, NULL) != 0)
		return -1;
	return 0;
}

/* The fetcher. */

static uint16_t *
copy_ports(const uint16_t *given)
{
	static const uint16_t usual[] = {80, 443, 0};
	const uint16_t *ports = given != NULL ? given : usual;
	uint16_t *out;
	size_t num = 0;

	while (ports[num] != 0)
		num++;
	out = malloc((num + 1) * sizeof(*ports));
	if (out != NULL)
		memcpy(out, ports, (num + 1) * sizeof(*ports));
	return out;
}

int
fetcher_set_addresses(struct fetcher *f, const struct address_rules *rules,
    const uint16_t *ports, bool any_port)
{
	uint16_t *copy = copy_ports(ports);

	if (copy == NULL)
		return E_NOMEM;
	free(f->ports);
	f->ports = copy;
	f->addresses = rules;
	f->any_port = any_port;
	f->rules_mono_ms = clock_mono_ms();
	return 0;
}

static bool
fetcher_copy(struct fetcher *f, const struct fetcher_options *o)
{
	bool ok = true;

	f->ports = copy_ports(o->ports);
	if (f->ports == NULL)
		return false;
	f->limits = o->limits;
	f->addresses = o->addresses;
	f->any_port = o->any_port;
	f->proxy = text_dup(o->proxy, &ok);
	f->https_ca_file = text_dup(o->https_ca_file, &ok);
	f->user_agent =
	    text_dup(o->user_agent != NULL ? o->user_agent : "revcheck", &ok);
	return ok;
}

/* libcurl's own parser, so that what it would not use is refused. */
static bool
proxy_is_url(const char *proxy)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL;
	bool ok = u != NULL && strstr(proxy, "://") != NULL &&
	    curl_url_set(u, CURLUPART_URL, proxy, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(u);
	return ok;
}

int
fetcher_check(const struct fetcher_options *o, struct err *err)
{
	X509_STORE *store;
	int rc = 0;

	if (o->proxy != NULL && !proxy_is_url(o->proxy))
		return err_set(err, E_ARG,
		    "the proxy is not a URL: expected http://HOST:PORT");
	if (o->https_ca_file == NULL)
		return 0;
	store = X509_STORE_new();
	if (store == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (X509_STORE_load_file(store, o->https_ca_file) != 1)
		rc = err_ossl(err, E_ARG, "no anchors for https in '%.200s'",
		    o->https_ca_file);
	X509_STORE_free(store);
	return rc;
}

int
fetcher_new(struct fetcher **out, struct event_base *base,
    const struct fetcher_options *o, struct err *err)
{
	struct fetcher *f = calloc(1, sizeof(*f));
	int rc;

	*out = NULL;
	if (f == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	rc = fetcher_check(o, err);
	if (rc != 0) {
		free(f);
		return rc;
	}
	f->base = base;
	f->fetched = fetch_answered;
	/* Counted by libcurl; safe from any thread since 7.84. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		f->multi = curl_multi_init();
	f->timer = evtimer_new(base, fetcher_timer_due, f);
	if (!fetcher_copy(f, o) || f->multi == NULL || f->timer == NULL ||
	    curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION,
		fetcher_socket) != CURLM_OK ||
	    curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f) != CURLM_OK ||
	    curl_multi_setopt(
		f->multi, CURLMOPT_TIMERFUNCTION, fetcher_timer) != CURLM_OK ||
	    curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f) != CURLM_OK ||
	    curl_multi_setopt(f->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
		MAX_CONNECTIONS) != CURLM_OK ||
	    curl_multi_setopt(f->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
		MAX_HOST_CONNECTIONS) != CURLM_OK) {
		fetcher_free(f);
		return err_set(err, E_NOMEM, "cannot set libcurl up");
	}
	*out = f;
	return 0;
}

void
fetcher_free(struct fetcher *f)
{
	if (f == NULL)
		return;
	/* Both lists unlink what is freed: *prev of the first is f's. */
	while (f->first != NULL)
		fetch_cancel(f->first);
	if (f->multi != NULL)
		curl_multi_cleanup(f->multi);
	while (f->watches != NULL)
		watch_free(f->watches); /* NOLINT(clang-analyzer-unix.Malloc) */
	if (f->timer != NULL)
		event_free(f->timer);
	curl_global_cleanup();
	free(f->ports);
	free(f->proxy);
	free(f->https_ca_file);
	free(f->user_agent);
	free(f);
}
