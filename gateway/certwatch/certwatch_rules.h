/*
 * certwatch_rules: what is to be said about a certificate of our own, and when
 * to look again. Pure.
 */
#ifndef GATEWAY_CERTWATCH_CERTWATCH_RULES_H
#define GATEWAY_CERTWATCH_CERTWATCH_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "gateway/conf/conf.h"
#include "revcheck/revcheck.h"

#define CERTWATCH_REPEAT_SEC 86400 /* a bad state is said again so often */
#define CERTWATCH_ASK_SEC    600   /* asked again after so long at the latest */
#define CERTWATCH_RETRY_SEC  30    /* while it is not known */

/* How near a certificate's end is. */
enum certwatch_expiry {
	CERTWATCH_EXPIRY_FAR = 0,
	CERTWATCH_EXPIRY_WARN,
	CERTWATCH_EXPIRY_ERROR,
	CERTWATCH_EXPIRED
};
enum certwatch_expiry
certwatch_expiry_of(time_t not_after, time_t now, const struct conf_own *conf);

/* The first certificate of a chain to end, and when. */
size_t
certwatch_first_to_end(const struct revcheck_certs *chain, time_t *not_after);

/* What was said last about one matter; zeroed: nothing yet. */
struct certwatch_said {
	int what;
	time_t at;
};

/*
 * Whether `what` (0: nothing is wrong) is to be said now: when it is new, and
 * where repeat is set, when it was last said a day ago.
 */
bool certwatch_say(struct certwatch_said *s, int what, bool repeat, time_t now);

/*
 * When to ask again: before evidence runs out (0: it does not), so that it is
 * renewed by then; while nothing is known, soon.
 */
time_t
certwatch_ask_at(time_t now, enum revcheck_status status, time_t runs_out);

#endif
