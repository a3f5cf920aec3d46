/*
 * rest_hasher: passwords compared with their hashes by threads of its own,
 * since one comparison is a quarter of a second. Made, used and told the
 * answers by the thread of the loop.
 */
#ifndef GATEWAY_REST_REST_HASHER_H
#define GATEWAY_REST_REST_HASHER_H

#include <stdbool.h>

#include "cache/base/error.h"

struct event_base;
struct rest_hasher;
struct rest_hash;

/* Libevent must have been told of threads. */
int rest_hasher_new(struct rest_hasher **out, struct event_base *base,
    struct err *err) MUST_USE;
/*
 * Nobody is told any more. Comparisons that run have two seconds to end; then
 * their threads are left behind, and rest_hasher_all_ended is false: the
 * process must end by _exit, for what they use must stay.
 */
void rest_hasher_free(struct rest_hasher *h);
bool rest_hasher_all_ended(void);

/*
 * Copies both; done(arg, right) comes from the loop, once. `first` goes before
 * all that are not. NULL when there are too many already (64 that are not
 * first) or memory is short.
 */
struct rest_hash *rest_hasher_verify(struct rest_hasher *h, const char *hash,
    const char *password, bool first, void (*done)(void *arg, bool right),
    void *arg);
/* Before done has come, which then does not. NULL is fine. */
void rest_hash_cancel(struct rest_hash *x);

#endif
