/*
 * path_memory: a path is remembered for a list of certificates, and for nothing
 * else: another trust, level, purpose or time is judged anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "revcheck/x509/path_memory.h"
#include "tests/lib/pkimake.h"

static struct pki_ca root, other;
static struct revcheck *rc;
static struct revcheck_trust *trust, *elsewhere;
static X509 *leaf;

static int
setup(void **state)
{
	const uint8_t serial[] = {0x12, 0x34};
	const struct revcheck_options options = {
	    .size = sizeof(options), .offline = 1};
	const struct revcheck_policy off = {
	    .size = sizeof(off), .mode = REVCHECK_MODE_OFF};

	(void)state;
	pki_ca_init(&root, "root");
	pki_ca_init(&other, "root");
	leaf = pki_leaf(&root, serial, sizeof(serial), "http://127.0.0.1/x");
	assert_int_equal(revcheck_new(&rc, &options, NULL), 0);
	assert_int_equal(revcheck_set_policy(rc, &off, NULL), 0);
	assert_int_equal(revcheck_trust_new(&trust, &root.cert, 1, NULL), 0);
	assert_int_equal(
	    revcheck_trust_new(&elsewhere, &other.cert, 1, NULL), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	revcheck_free(rc);
	revcheck_trust_free(trust);
	revcheck_trust_free(elsewhere);
	X509_free(leaf);
	pki_ca_cleanup(&root);
	pki_ca_cleanup(&other);
	return 0;
}

static struct revcheck_certs *
list(void)
{
	struct revcheck_certs *c;

	assert_int_equal(revcheck_certs_from_x509(&c, &leaf, 1, NULL), 0);
	return c;
}

/* 1 when the path verifies under t at that time (0: now). */
static int
verifies(const struct revcheck_certs *c, struct revcheck_trust *t, time_t at,
    int security_level)
{
	const struct revcheck_policy policy = {.size = sizeof(policy),
	    .mode = REVCHECK_MODE_OFF,
	    .security_level = security_level};
	const struct revcheck_query q = {.size = sizeof(q),
	    .chain = c,
	    .trust = t,
	    .at = at,
	    .policy = &policy};
	struct revcheck_report *report;
	int ok;

	assert_int_equal(revcheck_check(rc, &report, &q, NULL), 0);
	ok = revcheck_report_status(report) != REVCHECK_PATH_INVALID;
	assert_int_equal(revcheck_report_allows(report), ok);
	revcheck_report_free(report);
	return ok;
}

static bool
remembered(const struct revcheck_certs *c, struct revcheck_trust *t, time_t at,
    int level, int purpose)
{
	const struct trust_path_order order = {.leaf = leaf,
	    .at = at,
	    .security_level = level,
	    .purpose = purpose};
	struct trust_path path = {0};
	bool yes = path_memory_recall(c, &path, t, &order);

	if (yes) {
		assert_int_equal(path.num, 2);
		assert_int_equal(X509_cmp(path.certs[0], leaf), 0);
		assert_int_equal(X509_cmp(path.certs[1], root.cert), 0);
	}
	trust_path_cleanup(&path);
	return yes;
}

static time_t
end_of(const X509 *x)
{
	struct tm tm;

	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm), 1);
	return timegm(&tm);
}

static void
it_is_for_what_was_verified(void **state)
{
	struct revcheck_certs *c = list();
	time_t now = time(NULL);

	(void)state;
	assert_false(remembered(c, trust, now, 1, 0));
	assert_true(verifies(c, trust, 0, 1));
	assert_true(remembered(c, trust, now, 1, 0));
	assert_false(remembered(c, elsewhere, now, 1, 0));
	assert_false(remembered(c, trust, now, 2, 0));
	assert_false(remembered(c, trust, now, 1, 1));
	assert_false(remembered(c, trust, end_of(leaf), 1, 0));
	assert_true(remembered(c, trust, end_of(leaf) - 1, 1, 0));
	assert_false(remembered(c, trust, 0, 1, 0));
	revcheck_certs_free(c);
}

/* With a memory and without, the same answers. */
static void
answers_do_not_depend_on_it(void **state)
{
	struct revcheck_certs *c = list();

	(void)state;
	for (int round = 0; round < 3; round++) {
		struct revcheck_certs *fresh = list();
		const struct revcheck_certs *both[] = {fresh, c};

		for (size_t i = 0; i < 2; i++) {
			assert_true(verifies(both[i], trust, 0, 1));
			assert_false(verifies(both[i], elsewhere, 0, 1));
			assert_false(
			    verifies(both[i], trust, end_of(leaf) + 1, 1));
			assert_false(verifies(both[i], trust, 1, 1));
			/* P-256 is too weak for level 5. */
			assert_false(verifies(both[i], trust, 0, 5));
		}
		revcheck_certs_free(fresh);
	}
	revcheck_certs_free(c);
}

/* What did not verify is not remembered as if it had. */
static void
failures_are_not_kept(void **state)
{
	struct revcheck_certs *c = list();

	(void)state;
	assert_false(verifies(c, elsewhere, 0, 1));
	assert_false(remembered(c, elsewhere, time(NULL), 1, 0));
	assert_true(verifies(c, trust, 0, 1));
	assert_true(remembered(c, trust, time(NULL), 1, 0));
	assert_false(verifies(c, elsewhere, 0, 1));
	revcheck_certs_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_for_what_was_verified),
	    cmocka_unit_test(answers_do_not_depend_on_it),
	    cmocka_unit_test(failures_are_not_kept),
	};

	return cmocka_run_group_tests_name(
	    "path memory", tests, setup, teardown);
}
