/*
 * decision_log: one line a decision, and the observer's copy of it.
 */
#ifndef GATEWAY_DATAPLANE_DECISION_LOG_H
#define GATEWAY_DATAPLANE_DECISION_LOG_H

#include <stdbool.h>

#include "gateway/dataplane/workers.h"

struct conn;

/* report may be NULL; then error says why. */
void decision_log_record(struct conn *c, enum workers_occasion occasion,
    bool allowed, struct revcheck_report *report, const char *error);

#endif
