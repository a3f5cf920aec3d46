/*
 * service: one thread with an event loop, and a queue of functions to run on
 * it.
 */
#ifndef CACHE_ENGINE_SERVICE_H
#define CACHE_ENGINE_SERVICE_H

#include <stdbool.h>

#include "cache/base/error.h"

struct event_base;
struct service;

int service_new(struct service **out, struct err *err) MUST_USE;
/* Starts the loop; events were added to the base before. */
int service_start(struct service *s, struct err *err) MUST_USE;
/*
 * service_stop ends the loop after the posts made before it, and joins the
 * thread; not from the service thread. Then service_free.
 */
void service_stop(struct service *s);
void service_free(struct service *s);

struct event_base *service_get0_base(struct service *s);
bool service_is_self(struct service *s);

/* service_post: fn(arg) on the thread, in order. E_CLOSED, E_NOMEM. */
int service_post(struct service *s, void (*fn)(void *arg), void *arg) MUST_USE;

#endif
