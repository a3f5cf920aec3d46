/*
 * service: see the header. Owns the thread, the loop and the queue of posts.
 * The lock is held to change the queue, never while a post runs.
 */
#include "cache/engine/service.h"
#include "cache/base/thread.h"

#include <pthread.h>
#include <stdlib.h>

#include <event2/event.h>
#include <event2/thread.h>

struct post {
	struct post *next;
	void (*fn)(void *arg);
	void *arg;
};

/* Owned by the archive. */
struct service {
	struct event_base *base;
	struct event *wake;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* below */
	struct post *first, **last;
	bool closed;
};

static void
service_read(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;
	struct post *l, *next;
	bool closed;

	pthread_mutex_lock(&s->lock);
	l = s->first;
	s->first = NULL;
	s->last = &s->first;
	closed = s->closed;
	pthread_mutex_unlock(&s->lock);
	for (; l != NULL; l = next) {
		next = l->next;
		l->fn(l->arg);
		free(l);
	}
	if (closed)
		event_base_loopbreak(s->base);
}

int
service_new(struct service **out, struct err *err)
{
	struct service *s;

	*out = NULL;
	/* Idempotent; must precede the base that other threads activate. */
	if (evthread_use_pthreads() != 0)
		return err_set(err, E_INTERNAL, "libevent has no threads");
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->last = &s->first;
	pthread_mutex_init(&s->lock, NULL);
	s->base = event_base_new();
	if (s->base != NULL)
		s->wake = event_new(s->base, -1, EV_PERSIST, service_read, s);
	if (s->wake == NULL) {
		service_free(s);
		return err_set(err, E_NOMEM, "cannot make an event loop");
	}
	*out = s;
	return 0;
}

static void *
service_main(void *arg)
{
	struct service *s = arg;

	/* Signals belong to the program's own threads. */
	event_base_loop(s->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

int
service_start(struct service *s, struct err *err)
{
	int rc;

	rc = thread_start(&s->thread, service_main, s);
	if (rc != 0)
		return err_set(err, E_INTERNAL,
		    "cannot start the service thread (error %d)", rc);
	s->running = true;
	return 0;
}

void
service_stop(struct service *s)
{
	if (!s->running)
		return;
	pthread_mutex_lock(&s->lock);
	s->closed = true;
	pthread_mutex_unlock(&s->lock);
	event_active(s->wake, 0, 0);
	pthread_join(s->thread, NULL);
	s->running = false;
}

void
service_free(struct service *s)
{
	struct post *l, *next;

	if (s == NULL)
		return;
	service_stop(s);
	for (l = s->first; l != NULL; l = next) {
		next = l->next;
		free(l);
	}
	if (s->wake != NULL)
		event_free(s->wake);
	if (s->base != NULL)
		event_base_free(s->base);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct event_base *
service_get0_base(struct service *s)
{
	return s->base;
}

bool
service_is_self(struct service *s)
{
	return s->running && pthread_equal(s->thread, pthread_self());
}

int
service_post(struct service *s, void (*fn)(void *arg), void *arg)
{
	struct post *l = malloc(sizeof(*l));
	bool first;

	if (l == NULL)
		return E_NOMEM;
	*l = (struct post){.fn = fn, .arg = arg};
	pthread_mutex_lock(&s->lock);
	if (s->closed) {
		pthread_mutex_unlock(&s->lock);
		free(l);
		return E_CLOSED;
	}
	first = s->first == NULL;
	*s->last = l;
	s->last = &l->next;
	pthread_mutex_unlock(&s->lock);
	if (first)
		event_active(s->wake, 0, 0);
	return 0;
}
