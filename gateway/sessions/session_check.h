/*
 * session_check: "is this session certificate chain still good?", from JSON
 * to JSON. Control thread; answers now or later, never blocks.
 */
#ifndef GATEWAY_SESSIONS_SESSION_CHECK_H
#define GATEWAY_SESSIONS_SESSION_CHECK_H

#include <cjson/cJSON.h>

#include "cache/base/error.h"

struct control;
struct session_check;

/* answer is given over; called once, never from inside _start. */
typedef void session_check_fn(void *arg, cJSON *answer);

/*
 * 0: *answer is final and fn is never called. 1: *out is pending. E_PARSE:
 * the request is wrong (err says which part). Others: could not be asked.
 */
int session_check_start(struct session_check **out, cJSON **answer,
    struct control *control, const cJSON *request, const char *from,
    session_check_fn *fn, void *arg, struct err *err) MUST_USE;

/* fn will not be called. NULL is fine. */
void session_check_cancel(struct session_check *s);

#endif
