/*
 * validity: the limits that all rules of evidence are given. The rules are pure
 * functions: bytes, certificates and these limits in; status, why and evidence
 * out. None of them reads a clock, a mode or a configuration.
 */
#ifndef REVCHECK_X509_VALIDITY_H
#define REVCHECK_X509_VALIDITY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "revcheck/revcheck.h"

struct validity_rules {
	time_t at; /* the time for everything */
	uint32_t skew_sec;
	uint32_t max_age_sec;        /* 0: no limit */
	uint32_t no_next_update_sec; /* where nextUpdate is missing */
	unsigned relax;              /* enum revcheck_relax */
	int security_level;          /* of evidence signatures, 0..5 */
	enum revcheck_nonce nonce;
};

/*
 * The only date rule (RFC 5280 6.3.3 (a)...; RFC 6960 4.2.2.1): NONE when
 * this_update - skew <= at <= next_update + skew and age limits hold, else
 * STALE or NOT_YET_VALID. next_update == 0: none was given.
 */
enum revcheck_why validity_dates(
    const struct validity_rules *r, time_t this_update, time_t next_update);

#endif
