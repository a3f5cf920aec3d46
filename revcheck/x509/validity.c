/* validity: see the header. Pure; any thread. */
#include "revcheck/x509/validity.h"

enum revcheck_why
validity_dates(
    const struct validity_rules *r, time_t this_update, time_t next_update)
{
	int64_t at = r->at, skew = r->skew_sec;
	int64_t age = at - (int64_t)this_update;
	uint32_t limit = r->max_age_sec;

	if (age < -skew)
		return REVCHECK_WHY_NOT_YET_VALID;
	/*
	 * RFC 5280 5.1.2.5 requires nextUpdate in every CRL. Where it is
	 * missing, no_next_update_sec limits the age.
	 */
	if (next_update == 0 && limit == 0)
		limit = r->no_next_update_sec;
	else if (next_update != 0 && at > (int64_t)next_update + skew)
		return REVCHECK_WHY_STALE;
	if ((next_update == 0 || limit > 0) && age > (int64_t)limit + skew)
		return REVCHECK_WHY_STALE;
	return REVCHECK_WHY_NONE;
}
