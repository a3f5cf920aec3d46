/*
 * fetch_plan: the ways of asking that a flight goes through, one after the
 * other. Pure: an order's facts in, attempts out.
 *
 * A CRL is asked for at each URL. OCSP is asked at each URL by GET where that
 * is short enough (RFC 5019 5), then by POST; a request with a nonce by POST
 * alone, for nobody caches its answer. When all that gave nothing, a request
 * without the nonce is made in the same ways, where the order has one.
 */
#ifndef CACHE_ENGINE_FETCH_PLAN_H
#define CACHE_ENGINE_FETCH_PLAN_H

#include "cache/engine/fetch_job.h"

/* URLs of an order beyond these are not asked. */
#define FETCH_PLAN_MAX_URLS 16
/* Each by GET and POST without a nonce, and by POST with one. */
#define FETCH_PLAN_MAX (3 * FETCH_PLAN_MAX_URLS)

struct fetch_attempt {
	uint8_t url; /* index into the job's */
	bool post;
	bool plain; /* request_plain is sent */
	bool gone;  /* was made, or is of no use any more */
	bool later; /* only when nothing else is left */
};

struct fetch_plan {
	struct fetch_attempt v[FETCH_PLAN_MAX];
	uint8_t num;
	uint8_t at; /* the one made last; num: none yet */
};

/* How the attempt before ended, as far as it says something of others. */
enum fetch_ended {
	FETCH_ENDED_USELESS = 0, /* an answer, but none that helps */
	FETCH_ENDED_LATE,        /* connected, and no answer in time */
	FETCH_ENDED_DEAD,        /* nobody there, or not allowed to ask */
};

void fetch_plan_make(struct fetch_plan *p, const struct fetch_job *job);

/*
 * fetch_plan_next: what to do now that the attempt before ended so; lent, NULL
 * when every way was tried. What is dead is asked in no other way, and what was
 * late only when all others were tried.
 */
const struct fetch_attempt *
fetch_plan_next(struct fetch_plan *p, enum fetch_ended before);

#endif
