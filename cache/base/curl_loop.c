/*
 * curl_loop: see curl_loop.h.
 */
#include "cache/base/curl_loop.h"

#include <stdlib.h>

#include <event2/event.h>

#include "cache/base/clock.h"

/* A socket of libcurl's and the event on it. */
struct watch {
	struct watch *next, **prev;
	struct event *event;
};

struct curl_loop {
	struct event_base *base;
	struct event *timer;
	CURLM *multi;
	struct watch *watches;
	void (*ended)(CURL *easy, CURLcode rc);
};

static void
drain(struct curl_loop *l)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(l->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE)
			l->ended(m->easy_handle, m->data.result);
}

static void
socket_ready(evutil_socket_t fd, short what, void *arg)
{
	struct curl_loop *l = arg;
	int running, flags = 0;

	if (what & EV_READ)
		flags |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(l->multi, fd, flags, &running);
	drain(l);
}

static void
timer_due(evutil_socket_t fd, short what, void *arg)
{
	struct curl_loop *l = arg;
	int running;

	curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	drain(l);
}

/* Only arms the timer. */
static int
set_timer(CURLM *multi, long ms, void *arg)
{
	struct curl_loop *l = arg;
	struct timeval tv = clock_timeval(ms > 0 ? (uint64_t)ms : 0);

	if (ms < 0)
		evtimer_del(l->timer);
	else if (evtimer_add(l->timer, &tv) != 0)
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

static struct watch *
watch_new(struct curl_loop *l, curl_socket_t fd)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->next = l->watches;
	w->prev = &l->watches;
	if (w->next != NULL)
		w->next->prev = &w->next;
	l->watches = w;
	curl_multi_assign(l->multi, fd, w);
	return w;
}

/* Only edits the event of the socket. */
static int
set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
	struct curl_loop *l = arg;
	struct watch *w = mine;
	short events = EV_PERSIST;

	if (what == CURL_POLL_REMOVE) {
		if (w != NULL)
			watch_free(w);
		curl_multi_assign(l->multi, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EV_READ;
	if (what & CURL_POLL_OUT)
		events |= EV_WRITE;
	if (w == NULL)
		w = watch_new(l, fd);
	if (w == NULL)
		return -1;
	if (w->event != NULL)
		event_free(w->event);
	w->event = event_new(l->base, fd, events, socket_ready, l);
	if (w->event == NULL || event_add(w->event, NULL) != 0)
		return -1;
	return 0;
}

int
curl_loop_new(struct curl_loop **out, struct event_base *base,
    void (*ended)(CURL *easy, CURLcode rc), struct err *err)
{
	struct curl_loop *l = calloc(1, sizeof(*l));

	*out = NULL;
	if (l == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	l->base = base;
	l->ended = ended;
	/* Counted by libcurl; safe from any thread since 7.84. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		l->multi = curl_multi_init();
	l->timer = evtimer_new(base, timer_due, l);
	if (l->multi == NULL || l->timer == NULL ||
	    curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, set_socket) !=
		CURLM_OK ||
	    curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l) != CURLM_OK ||
	    curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, set_timer) !=
		CURLM_OK ||
	    curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l) != CURLM_OK) {
		curl_loop_free(l);
		return err_set(err, E_NOMEM, "cannot set libcurl up");
	}
	*out = l;
	return 0;
}

CURLM *
curl_loop_multi(struct curl_loop *l)
{
	return l->multi;
}

void
curl_loop_free(struct curl_loop *l)
{
	if (l == NULL)
		return;
	if (l->multi != NULL)
		curl_multi_cleanup(l->multi);
	while (l->watches != NULL)
		watch_free(l->watches); /* NOLINT(clang-analyzer-unix.Malloc) */
	if (l->timer != NULL)
		event_free(l->timer);
	curl_global_cleanup();
	free(l);
}
