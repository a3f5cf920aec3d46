/*
 * policy: from facts to a decision. Pure: sees statuses, modes and reasons,
 * never DER, never a clock.
 */
#ifndef REVCHECK_ENGINE_POLICY_H
#define REVCHECK_ENGINE_POLICY_H

#include "cache/base/error.h"
#include "revcheck/engine/report.h"
#include "revcheck/x509/validity.h"

#define POLICY_SKEW_SEC           300
#define POLICY_NO_NEXT_UPDATE_SEC 86400
#define POLICY_DEADLINE_MS        5000
#define POLICY_SECURITY_LEVEL     REVCHECK_SECURITY_LEVEL

/* Fills in defaults; E_ARG names the member that is out of range. */
int policy_resolve(struct revcheck_policy *out,
    const struct revcheck_policy *in, struct err *err) MUST_USE;

/* The part of a resolved policy that the rules of evidence are given. */
struct validity_rules policy_rules(const struct revcheck_policy *p, time_t at);

/*
 * policy_telling orders the reasons for UNKNOWN: when several methods failed,
 * the one with the higher number is reported. FORGED is the highest.
 */
int policy_telling(enum revcheck_why why);

/*
 * policy_decide fills allow, status, why, index, text, shadow_refuses and the
 * soft_accepted marks of a report whose results and modes are complete. It is
 * the table
 *
 *   fact                    OFF     SOFT_FAIL  HARD_FAIL
 *   path invalid            refuse  refuse     refuse
 *   denylisted              refuse  refuse     refuse
 *   revoked                 -       refuse     refuse
 *   unknown: forged, not    -       refuse     refuse
 *     fetched by http
 *   unknown, other reasons  -       accept     refuse
 *   good                    -       accept     accept
 *
 * where - is never asked and accepts. The status of a chain of which nothing
 * was asked (OFF, exempt issuers, a bare anchor) is NOT_ASKED, never GOOD. It
 * contains the only assignment of `allow`.
 */
void policy_decide(struct revcheck_report *r, bool shadow_hard);

#endif
