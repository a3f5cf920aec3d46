/*
 * stripe: counters that many threads write, one for each thread as a rule, so
 * that they do not share cache lines. Who reads adds them up.
 */
#ifndef CACHE_BASE_STRIPE_H
#define CACHE_BASE_STRIPE_H

#define STRIPES_MAX 64

/*
 * Which of num stripes (a power of two up to STRIPES_MAX) is this thread's.
 * Threads are numbered as they first ask: so many have one each.
 */
unsigned stripe_of_thread(unsigned num);

#endif
