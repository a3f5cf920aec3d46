/*
 * decision_log: a decision about a peer goes into the log and the ring.
 */
#ifndef GATEWAY_DATAPLANE_DECISION_LOG_H
#define GATEWAY_DATAPLANE_DECISION_LOG_H

#include <stdbool.h>

#include "revcheck/revcheck.h"

struct conn;

enum decision_occasion {
	DECISION_AT_HANDSHAKE = 0,
	DECISION_AT_RECHECK
};

/* report may be NULL; then error says why. */
void decision_log_record(struct conn *c, enum decision_occasion occasion,
    bool allowed, struct revcheck_report *report, const char *error);

#endif
