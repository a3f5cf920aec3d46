/*
 * pending_check: a question to revcheck that may be answered after its asker is
 * gone. Counted: one reference is the asker's, one the answer's. When the asker
 * dies first it cuts the tie, on the same thread, so there is no lock.
 */
#ifndef GATEWAY_BASE_PENDING_CHECK_H
#define GATEWAY_BASE_PENDING_CHECK_H

#include "revcheck/revcheck.h"

struct pending_check;

/* Called once, from the event loop, with a report that is lent. */
typedef void pending_check_fn(void *asker, struct revcheck_report *report);

/*
 * pending_check_ask submits the question.
 *
 *   REVCHECK_DONE     *report is the caller's; *out is NULL, fn never runs.
 *   REVCHECK_PENDING  fn runs once, later, on the thread of base, unless
 *                     pending_check_drop comes first. *out is the asker's
 * reference. negative          could not be asked; err says why.
 */
REVCHECK_MUST_USE int pending_check_ask(struct pending_check **out,
    struct revcheck_report **report, struct revcheck *rc,
    const struct revcheck_query *query, struct event_base *base,
    pending_check_fn *fn, void *asker, struct revcheck_error *err);

/*
 * pending_check_drop gives the asker's reference back, answered or not. After
 * it fn does not run. NULL is fine.
 */
void pending_check_drop(struct pending_check *w);

#endif
