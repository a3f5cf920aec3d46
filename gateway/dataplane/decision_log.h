/*
 * decision_log: a decision about a peer goes into the log and the ring.
 */
#ifndef GATEWAY_DATAPLANE_DECISION_LOG_H
#define GATEWAY_DATAPLANE_DECISION_LOG_H

#include <stdbool.h>

#include "gateway/tls/admission.h"
#include "revcheck/revcheck.h"

struct conn;

/* At the end of a handshake. report may be NULL; then error says why. */
void decision_log_record(struct conn *c, bool allowed,
    struct revcheck_report *report, const char *error);

/* A live connection is to be cut; likewise, and why says what it came to. */
void decision_log_cut(struct conn *c, struct revcheck_report *report,
    enum admission_why why, const char *error);

/* Likewise, by somebody's word alone. */
void decision_log_cut_off(struct conn *c, const char *text);

/* Whether SOFT_FAIL has let something undetermined pass. */
bool decision_is_soft(const struct revcheck_report *report);

#endif
