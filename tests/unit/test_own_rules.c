/* own_rules: what is said when, and when to look again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/certwatch/certwatch_rules.h"
#include "tests/lib/pkimake.h"

#define DAY 86400
#define T0  1800000000

static void
expiry_has_two_steps_and_an_end(void **state)
{
	static const struct conf_own conf = {.warn_days = 30, .error_days = 7};
	static const struct conf_own never = {.warn_days = 0};
	static const struct {
		time_t left;
		enum certwatch_expiry expiry;
	} rows[] = {
	    {31 * DAY, CERTWATCH_EXPIRY_FAR},
	    {30 * DAY, CERTWATCH_EXPIRY_FAR},
	    {30 * DAY - 1, CERTWATCH_EXPIRY_WARN},
	    {7 * DAY, CERTWATCH_EXPIRY_WARN},
	    {7 * DAY - 1, CERTWATCH_EXPIRY_ERROR},
	    {1, CERTWATCH_EXPIRY_ERROR},
	    {0, CERTWATCH_EXPIRED},
	    {-DAY, CERTWATCH_EXPIRED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    certwatch_expiry_of(T0 + rows[i].left, T0, &conf),
		    rows[i].expiry);
	assert_int_equal(
	    certwatch_expiry_of(T0 + 1, T0, &never), CERTWATCH_EXPIRY_FAR);
	assert_int_equal(
	    certwatch_expiry_of(T0, T0, &never), CERTWATCH_EXPIRED);
}

static void
the_first_to_end_counts(void **state)
{
	static const char *const ends[] = {
	    "20300101000000Z", "20280101000000Z", "20290101000000Z"};
	struct revcheck_certs *certs;
	struct pki_ca ca = {.key = NULL};
	X509 *list[3];
	time_t end;

	(void)state;
	pki_ca_init(&ca, "ca");
	for (size_t i = 0; i < 3; i++) {
		list[i] = X509_dup(ca.cert);
		assert_int_equal(
		    ASN1_TIME_set_string(X509_getm_notAfter(list[i]), ends[i]),
		    1);
	}
	assert_int_equal(revcheck_certs_from_x509(&certs, list, 3, NULL), 0);
	assert_int_equal(certwatch_first_to_end(certs, &end), 1);
	assert_int_equal(end, 1830297600);
	revcheck_certs_free(certs);
	for (size_t i = 0; i < 3; i++)
		X509_free(list[i]);
	pki_ca_cleanup(&ca);
}

static void
a_change_is_said_once_and_daily_where_it_is_bad(void **state)
{
	struct certwatch_said s = {0};

	(void)state;
	/* Nothing wrong: nothing to say. */
	assert_false(certwatch_say(&s, 0, true, T0));
	assert_true(certwatch_say(&s, 2, true, T0));
	assert_false(certwatch_say(&s, 2, true, T0 + DAY - 1));
	assert_true(certwatch_say(&s, 2, true, T0 + DAY));
	assert_false(certwatch_say(&s, 2, true, T0 + DAY + 1));
	/* Something else is said at once; the end of it is not. */
	assert_true(certwatch_say(&s, 3, true, T0 + DAY + 2));
	assert_false(certwatch_say(&s, 0, true, T0 + DAY + 3));
	assert_true(certwatch_say(&s, 3, true, T0 + DAY + 4));
	/* Without repeat: once. */
	assert_true(certwatch_say(&s, 4, false, T0 + DAY + 5));
	assert_false(certwatch_say(&s, 4, false, T0 + 10 * DAY));
}

static void
a_clock_set_back_does_not_silence_it(void **state)
{
	struct certwatch_said s = {0};

	(void)state;
	assert_true(certwatch_say(&s, 2, true, T0));
	assert_false(certwatch_say(&s, 2, true, T0 - 365 * DAY));
	assert_true(certwatch_say(&s, 2, true, T0 - 364 * DAY));
}

static void
it_is_asked_again_before_evidence_runs_out(void **state)
{
	static const struct {
		enum revcheck_status status;
		time_t left, wait; /* left 0: it does not run out */
	} rows[] = {
	    {REVCHECK_GOOD, 0, CERTWATCH_ASK_SEC},
	    {REVCHECK_GOOD, 10 * DAY, CERTWATCH_ASK_SEC},
	    {REVCHECK_GOOD, 100, 50},
	    {REVCHECK_GOOD, 3, 1},
	    {REVCHECK_GOOD, 1, 1},
	    {REVCHECK_GOOD, -5, CERTWATCH_RETRY_SEC},
	    {REVCHECK_REVOKED, 0, CERTWATCH_ASK_SEC},
	    {REVCHECK_UNKNOWN, 0, CERTWATCH_RETRY_SEC},
	    {REVCHECK_UNKNOWN, 10 * DAY, CERTWATCH_RETRY_SEC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(certwatch_ask_at(T0, rows[i].status,
				     rows[i].left ? T0 + rows[i].left : 0),
		    T0 + rows[i].wait);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(expiry_has_two_steps_and_an_end),
	    cmocka_unit_test(the_first_to_end_counts),
	    cmocka_unit_test(a_change_is_said_once_and_daily_where_it_is_bad),
	    cmocka_unit_test(a_clock_set_back_does_not_silence_it),
	    cmocka_unit_test(it_is_asked_again_before_evidence_runs_out),
	};

	return cmocka_run_group_tests_name("own_rules", tests, NULL, NULL);
}
