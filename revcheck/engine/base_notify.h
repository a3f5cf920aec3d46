/*
 * base_notify: whether an event base of the caller's can be woken from another
 * thread. One that was made before evthread_use_pthreads(), or without locks,
 * cannot: an answer would wait in it for ever.
 */
#ifndef REVCHECK_ENGINE_BASE_NOTIFY_H
#define REVCHECK_ENGINE_BASE_NOTIFY_H

#include <stdbool.h>

struct event_base;

/*
 * Before the first question. Makes a base for a moment, which libevent ends the
 * process for when there is no descriptor left: never on the way to an answer.
 */
void base_notify_learn(void);
/* Thread-safe, as far as base is. */
bool base_notifies(struct event_base *base);

#endif
