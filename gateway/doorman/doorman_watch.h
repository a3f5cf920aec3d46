/*
 * doorman_watch: asks a doorman now and then how it is, by HTTP, on a thread of
 * its own: nobody waits for it, and nothing depends on what it says. Bounded in
 * bytes and time; follows no redirect, uses no proxy.
 */
#ifndef GATEWAY_DOORMAN_DOORMAN_WATCH_H
#define GATEWAY_DOORMAN_DOORMAN_WATCH_H

#include "cache/base/error.h"
#include "gateway/doorman/doorman_text.h"

struct conf_doorman;
struct log;

/* What is known of it. */
struct doorman_state {
	time_t asked_at;     /* the last time; 0: not yet */
	time_t answered_at;  /* with all of it; 0: never */
	time_t silent_since; /* the first try that failed; 0: it answers */
	char error[256];     /* why the last try failed, in words; or empty */
	struct doorman_facts facts; /* of answered_at */
};

struct doorman_watch;

/* Copies what it needs of conf; log must outlive it. E_NOMEM. */
int
doorman_watch_new(struct doorman_watch **out, const struct conf_doorman *conf,
    const struct log *log, struct err *err) MUST_USE;
/* Ends at once, whatever is under way. w may be NULL. */
void doorman_watch_free(struct doorman_watch *w);

/* Any thread. The URL is lent. */
const char *doorman_watch_url(const struct doorman_watch *w);
void doorman_watch_get(struct doorman_watch *w, struct doorman_state *out);

#endif
