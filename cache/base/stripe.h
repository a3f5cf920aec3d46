/*
 * stripe: counters that many threads write, one for each thread as a rule, so
 * that they do not share cache lines. Who reads adds them up.
 */
#ifndef CACHE_BASE_STRIPE_H
#define CACHE_BASE_STRIPE_H

#include <pthread.h>
#include <stdint.h>

#define STRIPES_MAX 64

/* Which of num stripes (a power of two up to STRIPES_MAX) is this thread's. */
static inline unsigned
stripe_of_thread(unsigned num)
{
	/* The thread descriptors are far apart: they differ in higher bits. */
	uint64_t self = (uint64_t)(uintptr_t)pthread_self();

	return (unsigned)((self * 0x9e3779b97f4a7c15u) >> 58) & (num - 1);
}

#endif
