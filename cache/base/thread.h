/*
 * thread: threads that signals are not meant for: those are of whoever uses the
 * library, or of main's.
 */
#ifndef CACHE_BASE_THREAD_H
#define CACHE_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

/* As pthread_create(3) with no attributes: 0, or an errno. Blocks all signals
 * in the new thread. Any thread. */
static inline int
thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(thread, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

#endif
