/*
 * outcome: what a decision came to, in the few words that people count, and how
 * many of each there were in every minute of the last hour. No lock: its owner
 * has one.
 */
#ifndef GATEWAY_OBSERVE_OUTCOME_H
#define GATEWAY_OBSERVE_OUTCOME_H

#include <stdint.h>
#include <time.h>

struct decision;

/* Of peers, dialled ones included, or of sessions; and the name in JSON. */
#define OUTCOMES(X)                                 \
	X(GOOD, PEERS, "good")                      \
	X(SOFT, PEERS, "soft")                      \
	X(NOT_ASKED, PEERS, "notAsked")             \
	X(REVOKED, REFUSED, "revoked")              \
	X(DENYLISTED, REFUSED, "denylisted")        \
	X(PATH, REFUSED, "path")                    \
	X(UNKNOWN, REFUSED, "unknown")              \
	X(SUBJECT, REFUSED, "subject")              \
	X(NO_CERTIFICATE, REFUSED, "noCertificate") \
	X(NOT_ALLOWED, REFUSED, "notAllowed")       \
	X(OTHER, REFUSED, "other")                  \
	X(CUT, PEERS, "cut")                        \
	X(SESSION_ACTIVE, SESSIONS, "active")       \
	X(SESSION_SOFT, SESSIONS, "soft")           \
	X(SESSION_REFUSED, SESSIONS, "refused")     \
	X(PROXIED, BY_PROXY, "accepted")            \
	X(PROXIED_SOFT, BY_PROXY, "soft")           \
	X(PROXIED_REFUSED, BY_PROXY, "refused")

enum outcome {
#define OUTCOME_ROW(id, group, name) OUTCOME_##id,
	OUTCOMES(OUTCOME_ROW)
#undef OUTCOME_ROW
	OUTCOME_NUM
};

enum outcome_group {
	OUTCOME_PEERS = 0, /* let in, or cut later */
	OUTCOME_REFUSED,   /* peers, by cause */
	OUTCOME_SESSIONS,
	OUTCOME_BY_PROXY /* a proxy asked, at each request */
};
enum outcome_group outcome_group(enum outcome o);
/* Never NULL; of its own within its group. */
const char *outcome_name(enum outcome o);

enum outcome outcome_of(const struct decision *d);

#define OUTCOME_MINUTES 60

struct outcome_minute {
	int64_t minute; /* since 1970 */
	uint32_t num[OUTCOME_NUM];
};

/* Zeroed: nothing happened. */
struct outcome_counts {
	uint64_t total[OUTCOME_NUM]; /* since the start */
	struct outcome_minute ring[OUTCOME_MINUTES];
};

void outcome_count(struct outcome_counts *c, enum outcome o, time_t at);
/* Of the minute that began `ago` minutes before that of now; below 60. */
uint32_t outcome_in_minute(
    const struct outcome_counts *c, enum outcome o, time_t now, unsigned ago);

#endif
