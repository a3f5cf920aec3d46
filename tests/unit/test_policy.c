/* policy: every cell of the decision table, and the order of its reasons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "revcheck/engine/policy.h"

static struct revcheck_report *
report_of(
    enum revcheck_mode mode, enum revcheck_status status, enum revcheck_why why)
{
	struct revcheck_report *r = report_new(2);

	assert_non_null(r);
	r->mode = mode;
	r->modes[0] = r->modes[1] = mode;
	r->results[0].status = status;
	r->results[0].why = why;
	r->results[1].status = REVCHECK_NOT_ASKED;
	return r;
}

static bool
allows(
    enum revcheck_mode mode, enum revcheck_status status, enum revcheck_why why)
{
	struct revcheck_report *r = report_of(mode, status, why);
	bool allow;

	policy_decide(r, false);
	allow = revcheck_report_allows(r) == 1;
	assert_int_equal(revcheck_report_x509_error(r) == X509_V_OK, allow);
	revcheck_report_free(r);
	return allow;
}

static void
the_table(void **state)
{
	static const struct {
		enum revcheck_status status;
		enum revcheck_why why;
		bool off, soft, hard;
	} rows[] = {
	    {REVCHECK_GOOD, REVCHECK_WHY_NONE, true, true, true},
	    {REVCHECK_REVOKED, REVCHECK_WHY_NONE, true, false, false},
	    {REVCHECK_REVOKED, REVCHECK_WHY_DENYLISTED, false, false, false},
	    {REVCHECK_UNKNOWN, REVCHECK_WHY_FORGED, true, false, false},
	    {REVCHECK_UNKNOWN, REVCHECK_WHY_NO_SOURCE, true, true, false},
	    {REVCHECK_UNKNOWN, REVCHECK_WHY_UNREACHABLE, true, true, false},
	    {REVCHECK_UNKNOWN, REVCHECK_WHY_DEADLINE, true, true, false},
	    {REVCHECK_UNKNOWN, REVCHECK_WHY_STALE, true, true, false},
	    {REVCHECK_UNKNOWN, REVCHECK_WHY_MALFORMED, true, true, false},
	    {REVCHECK_UNKNOWN, REVCHECK_WHY_UNKNOWN_CERT, true, true, false},
	    {REVCHECK_UNKNOWN, REVCHECK_WHY_RESPONDER_ERROR, true, true, false},
	    {REVCHECK_UNKNOWN, REVCHECK_WHY_INTERNAL, true, true, false},
	    {REVCHECK_NOT_ASKED, REVCHECK_WHY_NONE, true, true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    allows(REVCHECK_MODE_OFF, rows[i].status, rows[i].why),
		    rows[i].off);
		assert_int_equal(allows(REVCHECK_MODE_SOFT_FAIL, rows[i].status,
				     rows[i].why),
		    rows[i].soft);
		assert_int_equal(allows(REVCHECK_MODE_HARD_FAIL, rows[i].status,
				     rows[i].why),
		    rows[i].hard);
	}
	/* An unresolved mode is none that lets anybody in. */
	assert_false(
	    allows(REVCHECK_MODE_DEFAULT, REVCHECK_UNKNOWN, REVCHECK_WHY_NONE));
}

/* The word for a chain that nobody was asked about is not "good". */
static void
not_asked_is_not_good(void **state)
{
	(void)state;
	for (int m = REVCHECK_MODE_OFF; m <= REVCHECK_MODE_HARD_FAIL; m++) {
		struct revcheck_report *r = report_of((enum revcheck_mode)m,
		    REVCHECK_NOT_ASKED, REVCHECK_WHY_NONE);

		policy_decide(r, false);
		assert_int_equal(revcheck_report_status(r), REVCHECK_NOT_ASKED);
		assert_int_equal(revcheck_report_index(r), -1);
		assert_null(strstr(revcheck_report_text(r), "good"));
		r->results[0].status = REVCHECK_GOOD;
		policy_decide(r, false);
		assert_int_equal(revcheck_report_status(r), REVCHECK_GOOD);
		revcheck_report_free(r);
	}
}

/* SOFT_FAIL refuses what is forged, unless anybody on the way can have done it.
 */
static void
forged_by_http_is_unknown(void **state)
{
	static const struct {
		const char *url;
		bool soft;
	} rows[] = {
	    {"http://crl.example/ca.crl", true},
	    {"HTTP://crl.example/ca.crl", true},
	    {"https://crl.example/ca.crl", false},
	    {"/etc/crl/ca.crl", false},
	    {"http.crl", false},
	    {"staple", false},
	    {"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int mode = REVCHECK_MODE_SOFT_FAIL;
		     mode <= REVCHECK_MODE_HARD_FAIL; mode++) {
			struct revcheck_report *r =
			    report_of((enum revcheck_mode)mode,
				REVCHECK_UNKNOWN, REVCHECK_WHY_FORGED);
			bool allow =
			    mode == REVCHECK_MODE_SOFT_FAIL && rows[i].soft;

			snprintf(r->results[0].url, sizeof(r->results[0].url),
			    "%s", rows[i].url);
			policy_decide(r, true);
			assert_int_equal(revcheck_report_allows(r), allow);
			assert_int_equal(r->results[0].soft_accepted, allow);
			assert_int_equal(
			    revcheck_report_shadow_refuses(r), allow);
			assert_int_equal(r->why, REVCHECK_WHY_FORGED);
			revcheck_report_free(r);
		}
}

static void
a_zeroed_report_denies(void **state)
{
	struct revcheck_report *r = report_new(1);

	(void)state;
	assert_int_equal(revcheck_report_allows(r), 0);
	assert_int_equal(revcheck_report_status(r), REVCHECK_UNKNOWN);
	assert_int_not_equal(revcheck_report_x509_error(r), X509_V_OK);
	revcheck_report_free(r);
}

static void
an_invalid_path_is_refused_in_every_mode(void **state)
{
	(void)state;
	for (int m = REVCHECK_MODE_OFF; m <= REVCHECK_MODE_HARD_FAIL; m++) {
		struct revcheck_report *r = report_new(1);

		r->mode = (enum revcheck_mode)m;
		r->modes[0] = r->mode;
		r->status = REVCHECK_PATH_INVALID;
		r->path_error = X509_V_ERR_CERT_HAS_EXPIRED;
		policy_decide(r, false);
		assert_int_equal(revcheck_report_allows(r), 0);
		assert_int_equal(
		    revcheck_report_x509_error(r), X509_V_ERR_CERT_HAS_EXPIRED);
		revcheck_report_free(r);
	}
}

/* One certificate that keeps the chain out does so in every place. */
static void
one_in_any_place_refuses(void **state)
{
	static const struct {
		enum revcheck_mode mode;
		enum revcheck_status status;
		enum revcheck_why why;
		bool allow;
	} rows[] = {
	    {REVCHECK_MODE_SOFT_FAIL, REVCHECK_GOOD, REVCHECK_WHY_NONE, true},
	    {REVCHECK_MODE_SOFT_FAIL, REVCHECK_UNKNOWN, REVCHECK_WHY_STALE,
		true},
	    {REVCHECK_MODE_SOFT_FAIL, REVCHECK_UNKNOWN, REVCHECK_WHY_FORGED,
		false},
	    {REVCHECK_MODE_SOFT_FAIL, REVCHECK_REVOKED, REVCHECK_WHY_NONE,
		false},
	    {REVCHECK_MODE_HARD_FAIL, REVCHECK_GOOD, REVCHECK_WHY_NONE, true},
	    {REVCHECK_MODE_HARD_FAIL, REVCHECK_UNKNOWN, REVCHECK_WHY_STALE,
		false},
	    {REVCHECK_MODE_HARD_FAIL, REVCHECK_REVOKED, REVCHECK_WHY_NONE,
		false},
	    {REVCHECK_MODE_OFF, REVCHECK_REVOKED, REVCHECK_WHY_DENYLISTED,
		false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) * 3; i++) {
		struct revcheck_report *r = report_new(4);
		size_t k = i / 3;

		r->mode = rows[k].mode;
		for (size_t j = 0; j < 4; j++) {
			r->modes[j] = rows[k].mode;
			r->results[j].status =
			    j == 3 ? REVCHECK_NOT_ASKED : REVCHECK_GOOD;
		}
		r->results[i % 3].status = rows[k].status;
		r->results[i % 3].why = rows[k].why;
		policy_decide(r, false);
		assert_int_equal(revcheck_report_allows(r), rows[k].allow);
		assert_int_equal(r->status, rows[k].status);
		revcheck_report_free(r);
	}
}

static void
the_strictest_certificate_is_named(void **state)
{
	struct revcheck_report *r = report_new(4);

	(void)state;
	r->mode = REVCHECK_MODE_SOFT_FAIL;
	for (int i = 0; i < 4; i++)
		r->modes[i] = r->mode;
	r->results[0].status = REVCHECK_UNKNOWN;
	r->results[0].why = REVCHECK_WHY_FORGED;
	r->results[1].status = REVCHECK_UNKNOWN;
	r->results[1].why = REVCHECK_WHY_UNREACHABLE;
	r->results[2].status = REVCHECK_GOOD;
	r->results[3].status = REVCHECK_NOT_ASKED;
	policy_decide(r, false);
	assert_int_equal(r->index, 0);
	assert_int_equal(r->why, REVCHECK_WHY_FORGED);
	assert_int_equal(revcheck_report_allows(r), 0);
	assert_int_equal(r->results[1].soft_accepted, 1);
	assert_int_equal(r->results[0].soft_accepted, 0);
	r->results[2].status = REVCHECK_REVOKED;
	policy_decide(r, false);
	assert_int_equal(r->index, 2);
	assert_int_equal(r->status, REVCHECK_REVOKED);
	assert_int_equal(
	    revcheck_report_x509_error(r), X509_V_ERR_CERT_REVOKED);
	revcheck_report_free(r);
}

static void
shadow_mode_counts_what_hard_fail_would_refuse(void **state)
{
	struct revcheck_report *r = report_of(REVCHECK_MODE_SOFT_FAIL,
	    REVCHECK_UNKNOWN, REVCHECK_WHY_UNREACHABLE);

	(void)state;
	policy_decide(r, true);
	assert_int_equal(revcheck_report_allows(r), 1);
	assert_int_equal(revcheck_report_shadow_refuses(r), 1);
	revcheck_report_free(r);
	r = report_of(
	    REVCHECK_MODE_SOFT_FAIL, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	policy_decide(r, true);
	assert_int_equal(revcheck_report_shadow_refuses(r), 0);
	revcheck_report_free(r);
}

static void
an_issuer_rule_hardens_its_own_certificates_only(void **state)
{
	struct revcheck_report *r = report_of(REVCHECK_MODE_SOFT_FAIL,
	    REVCHECK_UNKNOWN, REVCHECK_WHY_UNREACHABLE);

	(void)state;
	r->modes[0] = REVCHECK_MODE_HARD_FAIL;
	policy_decide(r, false);
	assert_int_equal(revcheck_report_allows(r), 0);
	revcheck_report_free(r);
}

static void
forged_tells_most(void **state)
{
	(void)state;
	for (int w = 0; w < REVCHECK_NUM_WHY; w++)
		if (w != REVCHECK_WHY_FORGED)
			assert_true(policy_telling((enum revcheck_why)w) <
			    policy_telling(REVCHECK_WHY_FORGED));
	assert_true(policy_telling(REVCHECK_WHY_NO_SOURCE) <
	    policy_telling(REVCHECK_WHY_UNREACHABLE));
	assert_true(policy_telling(REVCHECK_WHY_UNREACHABLE) <
	    policy_telling(REVCHECK_WHY_UNKNOWN_CERT));
}

static void
defaults_and_refusals(void **state)
{
	struct revcheck_policy in = {.size = sizeof(in)}, out;
	struct err err;

	(void)state;
	assert_int_equal(policy_resolve(&out, &in, NULL), 0);
	assert_int_equal(out.mode, REVCHECK_MODE_SOFT_FAIL);
	assert_int_equal(out.skew_sec, POLICY_SKEW_SEC);
	assert_int_equal(out.deadline_ms, POLICY_DEADLINE_MS);
	assert_int_equal(out.security_level, POLICY_SECURITY_LEVEL);
	in.no_skew = 1;
	assert_int_equal(policy_resolve(&out, &in, NULL), 0);
	assert_int_equal(out.skew_sec, 0);
	in.security_level = -1;
	assert_int_equal(policy_resolve(&out, &in, NULL), 0);
	assert_int_equal(policy_rules(&out, 1).security_level, 0);
	in.security_level = 6;
	assert_int_equal(policy_resolve(&out, &in, &err), E_ARG);
	assert_non_null(strstr(err.msg, "security_level"));
	in = (struct revcheck_policy){.mode = (enum revcheck_mode)9};
	assert_int_equal(policy_resolve(&out, &in, &err), E_ARG);
	in = (struct revcheck_policy){.order = (enum revcheck_order)9};
	assert_int_equal(policy_resolve(&out, &in, &err), E_ARG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_table),
	    cmocka_unit_test(not_asked_is_not_good),
	    cmocka_unit_test(forged_by_http_is_unknown),
	    cmocka_unit_test(a_zeroed_report_denies),
	    cmocka_unit_test(an_invalid_path_is_refused_in_every_mode),
	    cmocka_unit_test(one_in_any_place_refuses),
	    cmocka_unit_test(the_strictest_certificate_is_named),
	    cmocka_unit_test(shadow_mode_counts_what_hard_fail_would_refuse),
	    cmocka_unit_test(an_issuer_rule_hardens_its_own_certificates_only),
	    cmocka_unit_test(forged_tells_most),
	    cmocka_unit_test(defaults_and_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
