/* rules: the one date rule, on both sides of every edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "revcheck/x509/validity.h"

#define NOW 1000000

static enum revcheck_why
dates(uint32_t skew, uint32_t max_age, long from, long until)
{
	struct validity_rules r = {
	    .at = NOW,
	    .skew_sec = skew,
	    .max_age_sec = max_age,
	    .no_next_update_sec = 100,
	};

	return validity_dates(
	    &r, (time_t)(NOW + from), until == 0 ? 0 : (time_t)(NOW + until));
}

static void
this_update_and_next_update_are_within(void **state)
{
	(void)state;
	assert_int_equal(dates(0, 0, -10, 10), REVCHECK_WHY_NONE);
	assert_int_equal(dates(0, 0, 1, 10), REVCHECK_WHY_NOT_YET_VALID);
	assert_int_equal(dates(0, 0, -10, -1), REVCHECK_WHY_STALE);
	assert_int_equal(dates(0, 0, -1, 1), REVCHECK_WHY_NONE);
}

static void
skew_widens_both_ends(void **state)
{
	(void)state;
	assert_int_equal(dates(5, 0, 5, 10), REVCHECK_WHY_NONE);
	assert_int_equal(dates(5, 0, 6, 10), REVCHECK_WHY_NOT_YET_VALID);
	assert_int_equal(dates(5, 0, -10, -5), REVCHECK_WHY_NONE);
	assert_int_equal(dates(5, 0, -10, -6), REVCHECK_WHY_STALE);
}

static void
age_is_limited_where_asked(void **state)
{
	(void)state;
	assert_int_equal(dates(0, 50, -50, 10), REVCHECK_WHY_NONE);
	assert_int_equal(dates(0, 50, -51, 10), REVCHECK_WHY_STALE);
	assert_int_equal(dates(5, 50, -55, 10), REVCHECK_WHY_NONE);
	assert_int_equal(dates(5, 50, -56, 10), REVCHECK_WHY_STALE);
	assert_int_equal(dates(0, 0, -500000, 10), REVCHECK_WHY_NONE);
}

static void
next_update_missing_is_not_for_ever(void **state)
{
	(void)state;
	assert_int_equal(dates(0, 0, -100, 0), REVCHECK_WHY_NONE);
	assert_int_equal(dates(0, 0, -101, 0), REVCHECK_WHY_STALE);
	/* An explicit maximum age takes its place, longer or shorter. */
	assert_int_equal(dates(0, 500, -500, 0), REVCHECK_WHY_NONE);
	assert_int_equal(dates(0, 500, -501, 0), REVCHECK_WHY_STALE);
	assert_int_equal(dates(0, 50, -51, 0), REVCHECK_WHY_STALE);
}

static void
extreme_dates_do_not_overflow(void **state)
{
	struct validity_rules r = {.at = NOW, .skew_sec = UINT32_MAX};

	(void)state;
	/* Year 9999 and year 0, as GeneralizedTime can say them. */
	assert_int_equal(
	    validity_dates(&r, -62167219200, 253402300799), REVCHECK_WHY_NONE);
	r.max_age_sec = UINT32_MAX;
	assert_int_equal(
	    validity_dates(&r, -62167219200, 253402300799), REVCHECK_WHY_STALE);
	assert_int_equal(validity_dates(&r, 253402300799, 253402300799),
	    REVCHECK_WHY_NOT_YET_VALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(this_update_and_next_update_are_within),
	    cmocka_unit_test(skew_widens_both_ends),
	    cmocka_unit_test(age_is_limited_where_asked),
	    cmocka_unit_test(next_update_missing_is_not_for_ever),
	    cmocka_unit_test(extreme_dates_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
