/*
 * loose: what is in force that lets somebody in unasked, in words. It is said
 * as a warning when it begins and once a day while it lasts; status, metrics
 * and readiness show the same. Control thread.
 */
#ifndef GATEWAY_CONTROL_LOOSE_H
#define GATEWAY_CONTROL_LOOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/base/error.h"
#include "revcheck/revcheck.h"

struct services;
struct loose_watch;

/* As it is set, also while a warm-up enforces less. */
struct loose {
	enum revcheck_mode tls, sessions; /* never DEFAULT */
	bool one_way;                     /* peers need no certificate */
	size_t exempt; /* issuers whose certificates are not asked about */
	size_t rules;  /* for issuers, these included */
};

enum loose_kind {
	LOOSE_TLS_OFF = 0,
	LOOSE_SESSIONS_OFF,
	LOOSE_ONE_WAY,
	LOOSE_EXEMPT,
	LOOSE_NUM
};

#define LOOSE_TEXT_SIZE 120

/* One sentence; false, and "", where that is not so. */
bool
loose_text(const struct loose *l, enum loose_kind kind, char *buf, size_t size);

/* The laxer of the two. */
enum revcheck_mode loose_mode(const struct loose *l);

/* services must outlive it. */
int loose_watch_new(struct loose_watch **out, const struct services *services,
    struct err *err) MUST_USE;
void loose_watch_free(struct loose_watch *w);
/* l is in force from now on. */
void loose_watch_set(struct loose_watch *w, const struct loose *l);
/* Lends. */
const struct loose *loose_watch_get0(const struct loose_watch *w);
/* Says what is due by the clock of services; a timer calls it each minute. */
void loose_watch_look(struct loose_watch *w);

#endif
