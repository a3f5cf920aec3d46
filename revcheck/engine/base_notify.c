/*
 * base_notify: libevent does not say, so the event is looked for by which a
 * base is woken. Its function is known from a base that surely has one.
 */
#include "revcheck/engine/base_notify.h"

#include <pthread.h>
#include <stddef.h>

#include <event2/event.h>
#include <event2/thread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static event_callback_fn wakes; /* NULL: could not be learned */

static int
take_callback(const struct event_base *base, const struct event *e, void *arg)
{
	(void)base;
	*(event_callback_fn *)arg = event_get_callback(e);
	return 1;
}

/* The only event of a fresh base. */
static void
learn(void)
{
	struct event_base *base = event_base_new();

	if (base == NULL)
		return;
	if (evthread_make_base_notifiable(base) == 0)
		event_base_foreach_event(base, take_callback, &wakes);
	event_base_free(base);
}

void
base_notify_learn(void)
{
	pthread_once(&once, learn);
}

static int
is_waker(const struct event_base *base, const struct event *e, void *arg)
{
	(void)base;
	(void)arg;
	return event_get_callback(e) == wakes;
}

/*
 * Events are gone through by descriptor, and this one's is as old as the base:
 * the walk is short where the answer is yes.
 */
bool
base_notifies(struct event_base *base)
{
	return wakes == NULL ||
	    event_base_foreach_event(base, is_waker, NULL) != 0;
}
