/*
 * judging: what the calls share that look at one CRL or one OCSP response
 * without an engine. Any thread.
 */
#ifndef REVCHECK_API_JUDGING_H
#define REVCHECK_API_JUDGING_H

#include "cache/evidence/evidence.h"
#include "revcheck/revcheck.h"
#include "revcheck/x509/validity.h"

/*
 * The one object of this kind in bytes, or, where there are none, in the rest
 * of fd: *out is a reference. E_PARSE: there is none, or more.
 */
int judging_read(struct evidence **out, enum evidence_kind kind,
    struct span bytes, int fd, const char *name, struct err *err) MUST_USE;

/* The rules of a policy (NULL: defaults) at a time (0: now). E_ARG. */
int judging_rules(struct validity_rules *out,
    const struct revcheck_policy *policy, time_t at, struct err *err) MUST_USE;

#endif
