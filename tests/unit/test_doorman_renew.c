/* A certificate once more: what stays, what ends later, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "fixtures/doorman/base/renew.h"
#include "tests/doorman/test_ca.h"

#define NOW       1800000000
#define DAY       86400
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct test_ca root, ca;

static int
setup(void **state)
{
	(void)state;
	test_ca_make(&root, "Root", NULL, NOW);
	test_ca_make(&ca, "Doorman", &root, NOW);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	test_ca_free(&root);
	test_ca_free(&ca);
	return 0;
}

static X509 *
renewed(X509 *old, X509 *issuer, struct signing_key *key, long days)
{
	struct fault f = {""};
	X509 *cert = renew_certificate(old, issuer, key, NOW + DAY, days, &f);

	if (cert == NULL)
		fail_msg("%s", f.msg);
	return cert;
}

static void
only_serial_and_dates_differ(void **state)
{
	X509 *longer = renewed(root.cert, NULL, root.seal, 200), *cert;
	X509_EXTENSION *a, *b;

	(void)state;
	cert = renewed(ca.cert, longer, root.seal, 150);
	assert_true(cert_not_after(cert) == NOW + DAY + 150L * DAY);
	assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(cert),
				 X509_get0_serialNumber(ca.cert)),
	    0);
	assert_int_equal(X509_NAME_cmp(X509_get_subject_name(cert),
			     X509_get_subject_name(ca.cert)),
	    0);
	assert_int_equal(
	    EVP_PKEY_eq(X509_get0_pubkey(cert), X509_get0_pubkey(ca.cert)), 1);
	assert_int_equal(X509_get_ext_count(cert), X509_get_ext_count(ca.cert));
	for (int i = 0; i < X509_get_ext_count(ca.cert); i++) {
		a = X509_get_ext(ca.cert, i);
		b = X509_get_ext(cert,
		    X509_get_ext_by_OBJ(
			cert, X509_EXTENSION_get_object(a), -1));
		assert_non_null(b);
		assert_int_equal(X509_EXTENSION_get_critical(a),
		    X509_EXTENSION_get_critical(b));
		assert_int_equal(
		    ASN1_OCTET_STRING_cmp(
			X509_EXTENSION_get_data(a), X509_EXTENSION_get_data(b)),
		    0);
	}
	assert_int_equal(X509_verify(cert, X509_get0_pubkey(root.cert)), 1);
	X509_free(cert);
	X509_free(longer);
}

/* Both CAs of these tests have 100 days. */
static void
it_ends_later_and_not_after_its_issuer(void **state)
{
	X509 *longer = renewed(root.cert, NULL, root.seal, 200), *cert;
	static const struct {
		long at, days; /* days since NOW, days asked for */
		bool longer;   /* by the renewed root */
		const char *says;
	} rows[] = {
	    {1, 0, true, NULL},
	    {1, 50, true, "would not end later"},
	    {1, 3650, false, "its issuer's is to be renewed first"},
	    {100, 10, false, "has ended"},
	    {250, 10, true, "has ended"},
	    {99, 10, true, NULL},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f = {""};

		cert = renew_certificate(ca.cert,
		    rows[i].longer ? longer : root.cert, root.seal,
		    NOW + rows[i].at * DAY, rows[i].days, &f);
		if ((cert != NULL) != (rows[i].says == NULL) ||
		    (cert == NULL && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("row %zu: '%s'", i, f.msg);
		X509_free(cert);
	}
	cert = renewed(ca.cert, longer, root.seal, 3650);
	assert_true(cert_not_after(cert) == cert_not_after(longer));
	X509_free(cert);
	X509_free(longer);
}

static void
the_one_before_is_kept(void **state)
{
	char kept[RENEW_PATH_MAX];
	struct fault f = {""};
	X509 *read;

	(void)state;
	assert_int_equal(
	    renew_write_file("x.pem", root.cert, NOW, kept, &f), 0);
	assert_string_equal(kept, "");
	assert_int_equal(renew_write_file("x.pem", ca.cert, NOW, kept, &f), 0);
	assert_string_equal(kept, "x.pem.20270115-080000");
	read = cert_read_file(kept, &f);
	assert_int_equal(X509_cmp(read, root.cert), 0);
	X509_free(read);
	read = cert_read_file("x.pem", &f);
	assert_int_equal(X509_cmp(read, ca.cert), 0);
	X509_free(read);
	/* Twice in a second: the first is not overwritten. */
	assert_int_equal(
	    renew_write_file("x.pem", root.cert, NOW, kept, &f), -1);
	read = cert_read_file("x.pem", &f);
	assert_int_equal(X509_cmp(read, ca.cert), 0);
	X509_free(read);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_serial_and_dates_differ),
	    cmocka_unit_test(it_ends_later_and_not_after_its_issuer),
	    cmocka_unit_test(the_one_before_is_kept),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
