/*
 * session_watch: chains that a node was told are Active. Those are asked about
 * again, from the archive alone, that rest on what has changed or run out, or
 * end; and each that is refused now becomes an event the node can wait for.
 * Bounded: the oldest is forgotten. Control thread, but for session_watch_told.
 */
#ifndef GATEWAY_SESSIONS_SESSION_WATCH_H
#define GATEWAY_SESSIONS_SESSION_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "revcheck/revcheck.h"

#define SESSION_WATCH_MAX        10000 /* chains remembered */
#define SESSION_WATCH_MAX_EVENTS 1000  /* kept for callers that come late */

struct services;
struct session_watch;

/* services must outlive it. */
int session_watch_new(struct session_watch **out,
    const struct services *services, struct err *err) MUST_USE;
void session_watch_free(struct session_watch *s);

/*
 * Takes references. A chain that is remembered already is renewed. report: the
 * answer that called it Active.
 */
void session_watch_remember(struct session_watch *s,
    struct revcheck_certs *chain, struct revcheck_trust *trust,
    enum revcheck_mode mode, const struct revcheck_report *report);

/* Every chain that is remembered, and its trust; both are lent. */
void session_watch_each(const struct session_watch *s,
    void (*fn)(void *arg, const struct revcheck_certs *chain,
	struct revcheck_trust *trust),
    void *arg);

/* As revcheck_watch tells it; NULL: all of them. Thread-safe. */
void session_watch_told(
    struct session_watch *s, const unsigned char *source, uint64_t change);

/*
 * One session that is withdrawn: of a leaf (64 lower-case digits). report is
 * JSON, or NULL. All lent.
 */
struct session_event {
	const char *leaf;
	time_t at;
	const char *reason, *report;
};
/*
 * Where events have numbers that others know, too: fn is told of each that is
 * found here. True: it comes back by session_watch_add, with its number; one
 * that has not after a second gets the next here.
 */
void session_watch_share(struct session_watch *s,
    bool (*fn)(void *arg, const struct session_event *e), void *arg);
/* Numbers rise: it gets this one, or the next after the newest. */
void session_watch_add(
    struct session_watch *s, uint64_t number, const struct session_event *e);
/* Those that are remembered, oldest first; fn must not change them. */
void session_watch_each_event(const struct session_watch *s,
    void (*fn)(void *arg, const struct session_event *e), void *arg);
/* Another one: whose memory this was is gone. */
const char *session_watch_epoch(const struct session_watch *s);

/* Number of the newest event; 0 when there was none. */
uint64_t session_watch_last(const struct session_watch *s);
/* Events after `after`, oldest first; NULL when out of memory. */
cJSON *session_watch_events(const struct session_watch *s, uint64_t after);

/*
 * fn(arg) is called once when there is an event after the newest of now.
 * Cancel before arg goes away; a waiter that was called is gone.
 */
struct session_watch_waiter;
struct session_watch_waiter *
session_watch_wait(struct session_watch *s, void (*fn)(void *arg), void *arg);
void session_watch_wait_cancel(
    struct session_watch *s, struct session_watch_waiter *w);

size_t session_watch_num(const struct session_watch *s);

#endif
