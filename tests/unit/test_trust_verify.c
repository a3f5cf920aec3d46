/*
 * revcheck_trust_verify, and where in what was submitted a result belongs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "revcheck/revcheck.h"
#include "tests/lib/pkimake.h"

static struct pki_ca root, middle, other;
static struct revcheck_trust *trust, *elsewhere;
static X509 *leaf;

static int
setup(void **state)
{
	const uint8_t serial[] = {0x12, 0x34};

	(void)state;
	pki_ca_init(&root, "root");
	pki_ca_init(&other, "root");
	pki_ca_init(&middle, "middle");
	assert_int_equal(
	    X509_set_issuer_name(middle.cert, X509_get_subject_name(root.cert)),
	    1);
	assert_true(X509_sign(middle.cert, root.key, EVP_sha256()) > 0);
	leaf = pki_leaf(&middle, serial, sizeof(serial), "http://127.0.0.1/x");
	assert_int_equal(revcheck_trust_new(&trust, &root.cert, 1, NULL), 0);
	assert_int_equal(
	    revcheck_trust_new(&elsewhere, &other.cert, 1, NULL), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	revcheck_trust_free(trust);
	revcheck_trust_free(elsewhere);
	X509_free(leaf);
	pki_ca_cleanup(&root);
	pki_ca_cleanup(&other);
	pki_ca_cleanup(&middle);
	return 0;
}

static struct revcheck_certs *
list(X509 *a, X509 *b, X509 *c)
{
	X509 *v[] = {a, b, c};
	struct revcheck_certs *certs;
	size_t num = c != NULL ? 3 : b != NULL ? 2 : 1;

	assert_int_equal(revcheck_certs_from_x509(&certs, v, num, NULL), 0);
	return certs;
}

/* X509_V_OK when there is a path, the reason when there is none. */
static int
verify(struct revcheck_trust *t, const struct revcheck_certs *chain,
    struct revcheck_path_query q)
{
	struct revcheck_certs *path;
	struct revcheck_error err = {0};
	int x509_error = -1, rc;

	q.size = sizeof(q);
	q.chain = chain;
	rc = revcheck_trust_verify(t, &path, &q, &x509_error, &err);
	assert_int_equal(err.code, rc == 1 ? 0 : REVCHECK_E_PARSE);
	assert_int_equal(rc == 0, strstr(err.msg, " at depth ") != NULL);
	assert_int_equal(rc, x509_error == X509_V_OK);
	assert_int_equal(path != NULL, rc);
	if (rc == 1) {
		assert_int_equal(revcheck_certs_num(path), 3);
		assert_ptr_equal(revcheck_certs_get0(path, 0), leaf);
		assert_ptr_equal(revcheck_certs_get0(path, 1), middle.cert);
		assert_int_equal(
		    X509_cmp(revcheck_certs_get0(path, 2), root.cert), 0);
	}
	revcheck_certs_free(path);
	/* Who does not want the path or the reason gets the same answer. */
	assert_int_equal(revcheck_trust_verify(t, NULL, &q, NULL, NULL), rc);
	return x509_error;
}

static void
a_path_ends_in_the_trust(void **state)
{
	struct revcheck_certs *whole = list(leaf, middle.cert, NULL);
	struct revcheck_certs *with_root = list(leaf, root.cert, middle.cert);
	struct revcheck_certs *alone = list(leaf, NULL, NULL);
	struct revcheck_certs *more = list(middle.cert, NULL, NULL);

	(void)state;
	assert_int_equal(
	    verify(trust, whole, (struct revcheck_path_query){0}), X509_V_OK);
	assert_int_equal(
	    verify(trust, with_root, (struct revcheck_path_query){0}),
	    X509_V_OK);
	assert_int_equal(verify(trust, alone,
			     (struct revcheck_path_query){.untrusted = more}),
	    X509_V_OK);
	assert_int_equal(verify(trust, alone, (struct revcheck_path_query){0}),
	    X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	assert_int_not_equal(
	    verify(elsewhere, whole, (struct revcheck_path_query){0}),
	    X509_V_OK);
	assert_int_not_equal(
	    verify(elsewhere, with_root, (struct revcheck_path_query){0}),
	    X509_V_OK);
	revcheck_certs_free(whole);
	revcheck_certs_free(with_root);
	revcheck_certs_free(alone);
	revcheck_certs_free(more);
}

/* They complete a path and end none. */
static void
intermediates_are_given(void **state)
{
	struct revcheck_certs *alone = list(leaf, NULL, NULL);
	struct revcheck_certs *given = list(middle.cert, NULL, NULL);
	struct revcheck_error err;
	struct revcheck_trust *t;

	(void)state;
	assert_int_equal(
	    revcheck_trust_with_intermediates(&t, trust, given, &err), 0);
	assert_int_equal(revcheck_trust_num_intermediates(t), 1);
	assert_ptr_equal(revcheck_trust_get0_intermediate(t, 0), middle.cert);
	assert_null(revcheck_trust_get0_intermediate(t, 1));
	assert_int_equal(
	    verify(t, alone, (struct revcheck_path_query){0}), X509_V_OK);
	revcheck_trust_free(t);
	assert_int_equal(revcheck_trust_num_intermediates(trust), 0);
	assert_int_equal(verify(trust, alone, (struct revcheck_path_query){0}),
	    X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	/* Not even the whole of a path is one without its anchor. */
	assert_int_equal(
	    revcheck_trust_with_intermediates(&t, elsewhere, given, &err), 0);
	assert_int_not_equal(
	    verify(t, alone, (struct revcheck_path_query){0}), X509_V_OK);
	revcheck_trust_free(t);
	/* A leaf completes nothing. */
	assert_int_equal(
	    revcheck_trust_with_intermediates(&t, trust, alone, &err),
	    REVCHECK_E_PARSE);
	assert_null(t);
	assert_non_null(strstr(err.msg, "certificate 1"));
	revcheck_certs_free(given);
	revcheck_certs_free(alone);
}

static void
time_purpose_and_level_count(void **state)
{
	struct revcheck_certs *whole = list(leaf, middle.cert, NULL);
	struct revcheck_certs *ca = list(middle.cert, NULL, NULL);
	struct revcheck_path_query q = {.size = sizeof(q), .chain = ca};

	(void)state;
	assert_int_equal(
	    verify(trust, whole, (struct revcheck_path_query){.at = 1}),
	    X509_V_ERR_CERT_NOT_YET_VALID);
	assert_int_equal(
	    verify(trust, whole,
		(struct revcheck_path_query){.at = 1, .any_time = 1}),
	    X509_V_OK);
	assert_int_equal(
	    verify(trust, whole, (struct revcheck_path_query){.purpose = 1}),
	    X509_V_OK);
	assert_int_equal(
	    verify(trust, whole, (struct revcheck_path_query){.purpose = 2}),
	    X509_V_OK);
	/* keyUsage of a CA is for signing certificates and CRLs alone. */
	assert_int_equal(revcheck_trust_verify(trust, NULL, &q, NULL, NULL), 1);
	q.purpose = 1;
	assert_int_equal(revcheck_trust_verify(trust, NULL, &q, NULL, NULL), 0);
	/* P-256 is good for level 3 and not for level 4. */
	assert_int_equal(verify(trust, whole,
			     (struct revcheck_path_query){.security_level = 3}),
	    X509_V_OK);
	assert_int_equal(verify(trust, whole,
			     (struct revcheck_path_query){.security_level = 4}),
	    X509_V_ERR_EE_KEY_TOO_SMALL);
	revcheck_certs_free(whole);
	revcheck_certs_free(ca);
}

static void
wrong_calls_are_errors(void **state)
{
	struct revcheck_certs *whole = list(leaf, middle.cert, NULL), *path;
	struct revcheck_path_query q = {.size = sizeof(q), .chain = whole};
	struct revcheck_error err;
	int why = X509_V_OK;

	(void)state;
	q.purpose = 3;
	assert_int_equal(revcheck_trust_verify(trust, &path, &q, &why, &err),
	    REVCHECK_E_ARG);
	assert_null(path);
	assert_int_equal(why, X509_V_ERR_UNSPECIFIED);
	q.purpose = 0;
	q.security_level = 6;
	assert_int_equal(revcheck_trust_verify(trust, &path, &q, &why, &err),
	    REVCHECK_E_ARG);
	q.security_level = 0;
	q.chain = NULL;
	assert_int_equal(revcheck_trust_verify(trust, &path, &q, &why, &err),
	    REVCHECK_E_ARG);
	revcheck_certs_free(whole);
}

/* The three places of a report's results in what was submitted. */
static void
places(struct revcheck_query q, const size_t *want, enum revcheck_status status)
{
	const struct revcheck_options options = {
	    .size = sizeof(options), .offline = 1};
	struct revcheck_report *report;
	struct revcheck *rc;

	q.size = sizeof(q);
	q.mode = REVCHECK_MODE_SOFT_FAIL;
	assert_int_equal(revcheck_new(&rc, &options, NULL), 0);
	assert_int_equal(revcheck_check(rc, &report, &q, NULL), 0);
	assert_int_equal(revcheck_report_status(report), status);
	for (size_t i = 0; i < revcheck_report_num(report); i++)
		/* NOLINTNEXTLINE(clang-analyzer-core*): as many are wanted */
		assert_int_equal(
		    revcheck_report_get0(report, i)->submitted_index, want[i]);
	revcheck_report_free(report);
	revcheck_free(rc);
}

static void
results_know_their_place(void **state)
{
	struct revcheck_certs *whole = list(leaf, middle.cert, NULL);
	struct revcheck_certs *mixed = list(leaf, root.cert, middle.cert);
	struct revcheck_certs *alone = list(leaf, NULL, NULL);
	struct revcheck_certs *more = list(middle.cert, NULL, NULL);
	X509 *copy = X509_dup(middle.cert);
	struct revcheck_certs *twin = list(leaf, copy, root.cert);

	(void)state;
	places((struct revcheck_query){.chain = whole, .trust = trust},
	    (size_t[]){0, 1, SIZE_MAX}, REVCHECK_UNKNOWN);
	places((struct revcheck_query){.chain = mixed, .trust = trust},
	    (size_t[]){0, 2, 1}, REVCHECK_UNKNOWN);
	places(
	    (struct revcheck_query){
		.chain = alone, .untrusted = more, .trust = trust},
	    (size_t[]){0, SIZE_MAX, SIZE_MAX}, REVCHECK_UNKNOWN);
	places((struct revcheck_query){.chain = twin,
		   .trust = trust,
		   .flags = REVCHECK_QUERY_PATH_VERIFIED},
	    (size_t[]){0, 1, 2}, REVCHECK_UNKNOWN);
	places((struct revcheck_query){.chain = mixed, .trust = elsewhere},
	    (size_t[]){0, 1, 2}, REVCHECK_PATH_INVALID);
	places((struct revcheck_query){.chain = mixed,
		   .flags = REVCHECK_QUERY_STATUS_ONLY},
	    (size_t[]){0, 2}, REVCHECK_UNKNOWN);
	revcheck_certs_free(whole);
	revcheck_certs_free(mixed);
	revcheck_certs_free(alone);
	revcheck_certs_free(more);
	revcheck_certs_free(twin);
	X509_free(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_path_ends_in_the_trust),
	    cmocka_unit_test(intermediates_are_given),
	    cmocka_unit_test(time_purpose_and_level_count),
	    cmocka_unit_test(wrong_calls_are_errors),
	    cmocka_unit_test(results_know_their_place),
	};

	return cmocka_run_group_tests_name(
	    "trust verify", tests, setup, teardown);
}
