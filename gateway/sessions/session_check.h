/*
 * session_check: "is this session certificate chain still good?", from JSON
 * to JSON. Control thread; answers now or later, never blocks.
 */
#ifndef GATEWAY_SESSIONS_SESSION_CHECK_H
#define GATEWAY_SESSIONS_SESSION_CHECK_H

#include <stdint.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"

struct chain_cache;
struct decision_ring;
struct services;
struct session_check;
struct session_watch;

/* What checks work with. All borrowed; they must outlive every check. */
struct session_checker {
	const struct services *services;
	struct chain_cache *chains;
	struct decision_ring *decisions;
	struct session_watch *watch; /* remembers what was Active */
};

/* answer is given over; called once, never from inside _start. */
typedef void session_check_fn(void *arg, cJSON *answer);

/*
 * patience_ms is the deadline when it is not 0; else it is the policy's.
 *
 * 0: *answer is final and fn is never called. 1: *out is pending. E_PARSE:
 * the request is wrong (err says which part). Others: could not be asked.
 */
int session_check_start(struct session_check **out, cJSON **answer,
    const struct session_checker *checker, const cJSON *request,
    const char *from, uint32_t patience_ms, session_check_fn *fn, void *arg,
    struct err *err) MUST_USE;

/* fn will not be called. NULL is fine. */
void session_check_cancel(struct session_check *s);

#endif
