/*
 * crl_aside: a thread for one large CRL, which runs when nothing else wants the
 * processor. It takes pieces from a ring; nobody who fills it waits for a lock
 * that the thread holds, for it may be kept from running at any point. For
 * crl_build.c and crl_scan.c only.
 */
#ifndef CACHE_CRL_CRL_ASIDE_H
#define CACHE_CRL_CRL_ASIDE_H

#include <stdbool.h>

#include "cache/base/error.h"
#include "cache/base/span.h"

struct crl_aside;

/*
 * What is done there, a small part a call: with the next piece, or with an
 * empty one when there are no more. Returns whether there is more to do.
 */
typedef bool crl_aside_fn(void *arg, struct span piece);

/*
 * What was waited for is there (crl_aside_await). On the thread aside, or on
 * that of who helps; it must not block, and calls nothing of this.
 */
typedef void crl_aside_told_fn(void *arg);

/*
 * pieces: they will be fed. told may be NULL. NULL: no memory, no thread, or
 * too many run.
 */
struct crl_aside *crl_aside_new(crl_aside_fn *fn, void *arg, bool pieces,
    crl_aside_told_fn *told, void *told_arg) MUST_USE;
/* Waits for the part under way, no more. */
void crl_aside_free(struct crl_aside *a);

/*
 * Where the thread is in the middle of a part for 0.1 s while its owner lends a
 * hand, the processors are wanted by others all the time. Then it does no more
 * than this part, and its owner the rest: there is room for all then, and feed
 * does what it takes.
 */

/* Whether as many bytes are taken at once. */
bool crl_aside_room(const struct crl_aside *a, size_t bytes);
/*
 * Whether there is such room, or, after crl_aside_end, all is done. If not,
 * told is called when it is so; it may be called for a former wait.
 */
bool crl_aside_await(struct crl_aside *a, size_t bytes);
/*
 * crl_aside_feed copies piece into the ring. Where it is full for wait_ms, the
 * caller does a part himself.
 */
void crl_aside_feed(struct crl_aside *a, struct span piece, unsigned wait_ms);
/* There are no more pieces. */
void crl_aside_end(struct crl_aside *a);

/* Whether all is done; what fn wrote can be read then. */
bool crl_aside_done(struct crl_aside *a);
/* Does a part on this thread, unless one is under way. */
void crl_aside_help(struct crl_aside *a);
/* Waits until all is done, so long at most; does a part where nobody else does.
 */
void crl_aside_wait(struct crl_aside *a, unsigned ms);

#endif
