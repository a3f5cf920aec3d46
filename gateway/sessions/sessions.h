/*
 * sessions: chains that a node was told are Active. When what is known
 * changes they are asked about again, from the archive alone, and each that is
 * refused now becomes an event the node can wait for. Bounded: the oldest is
 * forgotten. Control thread, but for sessions_changed.
 */
#ifndef GATEWAY_SESSIONS_SESSIONS_H
#define GATEWAY_SESSIONS_SESSIONS_H

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "revcheck/revcheck.h"

#define SESSIONS_MAX        10000 /* chains remembered */
#define SESSIONS_MAX_EVENTS 1000  /* kept for callers that come late */

struct control;
struct sessions;

int sessions_new(
    struct sessions **out, struct control *control, struct err *err) MUST_USE;
void sessions_free(struct sessions *s);

/* Takes references. A chain that is remembered already is renewed. */
void sessions_remember(struct sessions *s, struct revcheck_certs *chain,
    struct revcheck_trust *trust, enum revcheck_mode mode);

/* Every chain that is remembered, and its trust; both are lent. */
void sessions_each(const struct sessions *s,
    void (*fn)(void *arg, const struct revcheck_certs *chain,
	struct revcheck_trust *trust),
    void *arg);

/* Something may have changed for the worse. Thread-safe. */
void sessions_changed(struct sessions *s);

/* Number of the newest event; 0 when there was none. */
uint64_t sessions_last(const struct sessions *s);
/* Events after `after`, oldest first; NULL when out of memory. */
cJSON *sessions_events(const struct sessions *s, uint64_t after);

/*
 * fn(arg) is called once when there is an event after the newest of now.
 * Cancel before arg goes away; a waiter that was called is gone.
 */
struct sessions_waiter;
struct sessions_waiter *
sessions_wait(struct sessions *s, void (*fn)(void *arg), void *arg);
void sessions_wait_cancel(struct sessions *s, struct sessions_waiter *w);

size_t sessions_num(const struct sessions *s);

#endif
