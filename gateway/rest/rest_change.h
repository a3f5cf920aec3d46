/*
 * rest_change: a change over REST, whose answer may come when its caller has
 * left: what was asked for goes on. Control thread.
 */
#ifndef GATEWAY_REST_REST_CHANGE_H
#define GATEWAY_REST_REST_CHANGE_H

#include "gateway/control/control.h"
#include "gateway/rest/rest.h"

struct rest_change;

/* Answers the request; data is what rest_change_new was given. */
typedef void rest_change_fn(
    struct rest_request *req, void *data, const struct control_answer *answer);

/* data is taken over, also on failure: NULL, after having answered 500. */
struct rest_change *rest_change_new(struct rest_request *req,
    rest_change_fn *reply, void *data, void (*data_free)(void *data));
/* For the call that makes the change; lends. */
struct control_later *rest_change_later(struct rest_change *ch);
/* What that call has said: answers, now or later, and ends ch. */
void rest_change_end(struct rest_change *ch, enum control_outcome outcome,
    const struct err *err);

/*
 * For an answer that is no CONTROL_CHANGED: 503 while the fleet cannot be
 * asked, 409 when another machine was first, 400 and more as
 * rest_reply_failed.
 */
void rest_change_refuse(struct rest_request *req, const char *cause,
    const struct control_answer *answer);

/* 202 {"fleet": "pending"}; adds to o, which is taken over and may be NULL. */
void rest_change_pending(struct rest_request *req, cJSON *o);

#endif
