/*
 * What outlives an engine and its documents: certificates that were found
 * revoked, and how high the numbers of CRLs were. Each engine is another
 * process as far as it can know: it has the state directory and nothing else.
 */
#include "tests/net/library/asking.h"

static struct issuer root, ca, a, b;

static const long none[] = {0}, lists_b[] = {11, 0};

static void
serve(long number, const long *serials, int reason, time_t from, time_t next)
{
	struct issuer_crl list = {.by = &ca,
	    .number = number,
	    .serials = serials,
	    .reason = reason,
	    .from = from,
	    .next = next};

	issuer_write_crl("www/ca.crl", &list);
}

static void
forget_state(void)
{
	assert_int_equal(system("rm -rf state && mkdir -m 700 state"), 0);
}

static struct revcheck *
restarted(struct revcheck *rc)
{
	revcheck_free(rc);
	return engine_new();
}

/* b was seen revoked; then the process ends, and the bytes are flushed. */
static struct revcheck *
knowing_b(int reason)
{
	struct revcheck *rc;
	struct revcheck_result r;

	forget_state();
	serve(5, lists_b, reason, t0 - HOUR, t0 + DAY);
	rc = engine_new();
	r = ask(rc, OF(&b, &ca), NULL, NULL);
	expect("listed", &r, REVCHECK_REVOKED, REVCHECK_WHY_NONE);
	rc = restarted(rc);
	assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
	return rc;
}

static void
a_revocation_outlives_its_list(void **state)
{
	struct revcheck *rc = knowing_b(1);
	struct revcheck_result r;

	(void)state;
	assert_int_equal(unlink("www/ca.crl"), 0);
	r = ask(rc, OF(&b, &ca), NULL, NULL);
	expect("gone", &r, REVCHECK_REVOKED, REVCHECK_WHY_NONE);
	assert_int_equal(r.method, REVCHECK_METHOD_MEMORY);
	assert_int_equal(r.reason, REVCHECK_REASON_KEY_COMPROMISE);
	r = ask(rc, OF(&a, &ca), NULL, NULL);
	assert_int_equal(r.status, REVCHECK_UNKNOWN);
	revcheck_free(rc);
}

/* A CA restored from a backup does not make it good again. */
static void
a_revocation_outlives_its_ca(void **state)
{
	struct revcheck *rc = knowing_b(1);
	struct revcheck_result r;

	(void)state;
	serve(6, none, 0, t0, t0 + DAY);
	r = ask(rc, OF(&b, &ca), NULL, NULL);
	expect("unlisted", &r, REVCHECK_REVOKED, REVCHECK_WHY_NONE);
	assert_int_equal(r.method, REVCHECK_METHOD_MEMORY);
	assert_non_null(strstr(r.text, "by hand"));
	r = ask(rc, OF(&a, &ca), NULL, NULL);
	expect("the other", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	revcheck_free(rc);
}

/* A hold ends with later silence, and for good. */
static void
a_hold_ends_on_disk_too(void **state)
{
	struct revcheck *rc = knowing_b(6);
	struct revcheck_result r;

	(void)state;
	serve(6, none, 0, t0, t0 + DAY);
	r = ask(rc, OF(&b, &ca), NULL, NULL);
	expect("released", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	rc = restarted(rc);
	assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
	assert_int_equal(unlink("www/ca.crl"), 0);
	r = ask(rc, OF(&b, &ca), NULL, NULL);
	assert_int_equal(r.status, REVCHECK_UNKNOWN);
	revcheck_free(rc);
}

static void
a_floor_outlives_the_engine(void **state)
{
	static const struct {
		const char *name;
		long number;
		enum revcheck_status status;
		enum revcheck_why why;
	} rows[] = {
	    {"the same", 6, REVCHECK_GOOD, REVCHECK_WHY_NONE},
	    {"higher", 7, REVCHECK_GOOD, REVCHECK_WHY_NONE},
	    {"lower", 5, REVCHECK_UNKNOWN, REVCHECK_WHY_OLDER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck_result r;
		struct revcheck *rc;

		forget_state();
		serve(6, none, 0, t0 - HOUR, t0 + DAY);
		rc = engine_new();
		r = ask(rc, OF(&a, &ca), NULL, NULL);
		expect(rows[i].name, &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
		rc = restarted(rc);
		assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
		serve(rows[i].number, none, 0, t0 - HOUR, t0 + DAY);
		r = ask(rc, OF(&a, &ca), NULL, NULL);
		expect(rows[i].name, &r, rows[i].status, rows[i].why);
		/* Once it is out of date, a count may begin again. */
		if (r.status != REVCHECK_GOOD) {
			serve(5, none, 0, t0 + 2 * DAY, t0 + 4 * DAY);
			atomic_store(&now, t0 + 3 * DAY);
			assert_int_equal(
			    revcheck_archive_flush(rc, NULL, NULL), 0);
			r = ask(rc, OF(&a, &ca), NULL, NULL);
			expect("begun again", &r, REVCHECK_GOOD,
			    REVCHECK_WHY_NONE);
		}
		revcheck_free(rc);
	}
}

static int
setup(void **state)
{
	(void)state;
	scene_start();
	state_dir = "state";
	cert_by(&root, NULL, NULL, "root", 1, ISSUES, NULL);
	cert_by(&ca, &root, NULL, "ca", 3, ISSUES, url("root.crl"));
	cert_by(&a, &ca, NULL, "a", 10, SIGNS, url("ca.crl"));
	cert_by(&b, &ca, NULL, "b", 11, SIGNS, url("ca.crl"));
	issuer_write_crl("www/root.crl",
	    &(struct issuer_crl){.by = &root,
		.number = 1,
		.from = t0 - HOUR,
		.next = t0 + 90 * DAY});
	return revcheck_trust_new(&trust, &root.cert, 1, NULL);
}

static int
teardown(void **state)
{
	struct issuer *made[] = {&root, &ca, &a, &b, NULL};

	(void)state;
	return scene_stop_with(made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_revocation_outlives_its_list),
	    cmocka_unit_test(a_revocation_outlives_its_ca),
	    cmocka_unit_test(a_hold_ends_on_disk_too),
	    cmocka_unit_test(a_floor_outlives_the_engine),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
