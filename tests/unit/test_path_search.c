/*
 * Paths where the certificates leave a choice: CAs of one name, certificates
 * for one key by several issuers, circles. Whatever the order they are sent in,
 * the answer is the same, and who sends much is not searched for without end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "revcheck/revcheck.h"
#include "revcheck/x509/path_search.h"

#define AT   1790000000 /* 2026-09-21 */
#define DAYS 86400L
#define KEYS 80

static EVP_PKEY *keys[KEYS];
static size_t num_verified, num_looked_at;

/* What the search verifies and compares; OpenSSL's own is not seen here. */
int __real_X509_verify(X509 *x, EVP_PKEY *key);
int __wrap_X509_verify(X509 *x, EVP_PKEY *key);

int
__wrap_X509_verify(X509 *x, EVP_PKEY *key)
{
	num_verified++;
	return __real_X509_verify(x, key);
}

int __real_X509_check_issued(X509 *issuer, X509 *subject);
int __wrap_X509_check_issued(X509 *issuer, X509 *subject);

int
__wrap_X509_check_issued(X509 *issuer, X509 *subject)
{
	num_looked_at++;
	return __real_X509_check_issued(issuer, subject);
}

static int
setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < KEYS; i++) {
		keys[i] = EVP_EC_gen("P-256");
		assert_non_null(keys[i]);
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < KEYS; i++)
		EVP_PKEY_free(keys[i]);
	return 0;
}

static X509_NAME *
name_of(const char *cn)
{
	X509_NAME *n = X509_NAME_new();

	assert_int_equal(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
			     (const unsigned char *)cn, -1, -1, 0),
	    1);
	return n;
}

/* A CA's certificate without key identifiers, to `until` days from AT. */
static X509 *
cert_until(
    const char *cn, size_t key, const char *by, size_t by_key, long until)
{
	static long serial;
	X509 *x = X509_new();
	X509_NAME *subject = name_of(cn), *issuer = name_of(by);
	X509_EXTENSION *ca = X509V3_EXT_conf_nid(
	    NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_set_subject_name(x, subject);
	X509_set_issuer_name(x, issuer);
	ASN1_TIME_set(X509_getm_notBefore(x), AT - 300 * DAYS);
	ASN1_TIME_set(X509_getm_notAfter(x), AT + until * DAYS);
	X509_set_pubkey(x, keys[key]);
	assert_int_equal(X509_add_ext(x, ca, -1), 1);
	assert_true(X509_sign(x, keys[by_key], EVP_sha256()) > 0);
	X509_EXTENSION_free(ca);
	X509_NAME_free(subject);
	X509_NAME_free(issuer);
	return x;
}

static X509 *
cert(const char *cn, size_t key, const char *by, size_t by_key)
{
	return cert_until(cn, key, by, by_key, 100);
}

static void
certs_free(X509 **v, size_t num)
{
	for (size_t i = 0; i < num; i++)
		X509_free(v[i]);
}

/* The error of a path for v[0] with the others as sent; X509_V_OK: one. */
static int
verdict(X509 *const *anchors, size_t num_anchors, X509 *const *v, size_t num)
{
	struct revcheck_path_query q = {.size = sizeof(q), .at = AT};
	struct revcheck_certs *chain, *path;
	struct revcheck_trust *t;
	X509 *at;
	int x509_error, rc;

	assert_int_equal(revcheck_trust_new(&t, anchors, num_anchors, NULL), 0);
	assert_int_equal(revcheck_certs_from_x509(&chain, v, num, NULL), 0);
	q.chain = chain;
	num_verified = num_looked_at = 0;
	rc = revcheck_trust_verify(t, &path, &q, &x509_error, NULL);
	assert_true(num_verified <= PATH_SEARCH_SIGNATURES);
	assert_true(num_looked_at <= PATH_SEARCH_STEPS * (num + num_anchors));
	assert_int_equal(rc == 1, x509_error == X509_V_OK);
	if (rc == 1) {
		/* What is given back is a path. */
		assert_ptr_equal(revcheck_certs_get0(path, 0), v[0]);
		for (size_t i = 0; i + 1 < revcheck_certs_num(path); i++) {
			at = revcheck_certs_get0(path, i);
			assert_int_equal(
			    __real_X509_verify(at,
				X509_get0_pubkey(
				    revcheck_certs_get0(path, i + 1))),
			    1);
		}
		at = revcheck_certs_get0(path, revcheck_certs_num(path) - 1);
		rc = 0;
		for (size_t i = 0; i < num_anchors; i++)
			rc += X509_cmp(at, anchors[i]) == 0;
		assert_int_equal(rc, 1);
	}
	revcheck_certs_free(path);
	revcheck_certs_free(chain);
	revcheck_trust_free(t);
	return x509_error;
}

static void
swap(X509 **v, size_t i, size_t j)
{
	X509 *x = v[i];

	v[i] = v[j];
	v[j] = x;
}

/* All orders of v[from..num), by Heap's method, and both of the anchors. */
static size_t
all_orders(X509 **anchors, size_t num_anchors, X509 **v, size_t from,
    size_t num, int want)
{
	size_t tried = 0;

	if (from + 1 >= num) {
		for (size_t i = 0; i < num_anchors; i++) {
			swap(anchors, 0, i);
			assert_int_equal(
			    verdict(anchors, num_anchors, v, num), want);
			swap(anchors, 0, i);
			tried++;
		}
		return tried;
	}
	for (size_t i = from; i < num; i++) {
		swap(v, from, i);
		tried +=
		    all_orders(anchors, num_anchors, v, from + 1, num, want);
		swap(v, from, i);
	}
	return tried;
}

static void
cas_of_one_name(void **state)
{
	X509 *root = cert("root", 0, "root", 0);
	X509 *v[] = {cert("leaf", 1, "CA", 2), cert("CA", 2, "root", 0),
	    cert("CA", 3, "root", 0), cert("CA", 4, "root", 0),
	    cert("CA", 5, "CA", 5)};
	int why;

	(void)state;
	assert_int_equal(all_orders(&root, 1, v, 1, 5, X509_V_OK), 24);
	/* Without the right one there is none, for one reason. */
	swap(v, 1, 4);
	why = verdict(&root, 1, v, 4);
	assert_int_not_equal(why, X509_V_OK);
	assert_int_equal(all_orders(&root, 1, v, 1, 4, why), 6);
	certs_free(v, 5);
	X509_free(root);
}

static void
anchors_of_one_name(void **state)
{
	X509 *roots[] = {cert("root", 0, "root", 0), cert("root", 1, "root", 1),
	    cert("root", 2, "root", 2)};
	X509 *v[] = {cert("leaf", 3, "CA", 4), cert("CA", 4, "root", 1)};

	(void)state;
	assert_int_equal(all_orders(roots, 3, v, 1, 2, X509_V_OK), 3);
	/* Nor does an anchor of the CA's own name hide what leads further. */
	X509_free(roots[2]);
	roots[2] = cert("CA", 5, "CA", 5);
	assert_int_equal(all_orders(roots, 3, v, 1, 2, X509_V_OK), 3);
	certs_free(v, 2);
	certs_free(roots, 3);
}

/* One key, certified by a root that is gone, late, and as it should be. */
static void
cross_certificates(void **state)
{
	X509 *root = cert("root", 0, "root", 0);
	X509 *v[] = {cert("leaf", 1, "CA", 2), cert("CA", 2, "gone", 3),
	    cert_until("CA", 2, "root", 0, -1), cert("CA", 2, "root", 0),
	    cert("gone", 3, "gone", 3)};

	(void)state;
	assert_int_equal(all_orders(&root, 1, v, 1, 5, X509_V_OK), 24);
	X509_free(v[3]);
	v[3] = cert_until("CA", 2, "root", 0, -2);
	/* The reason is that of what leads to an anchor. */
	assert_int_equal(
	    all_orders(&root, 1, v, 1, 5, X509_V_ERR_CERT_HAS_EXPIRED), 24);
	certs_free(v, 5);
	X509_free(root);
}

/* The choice is one certificate further up than where it fails. */
static void
choice_far_below_the_failure(void **state)
{
	X509 *root = cert("root", 0, "root", 0);
	X509 *v[] = {cert("leaf", 1, "B", 2), cert("B", 2, "A", 3),
	    cert("A", 3, "bridge", 4), cert("bridge", 4, "old root", 5),
	    cert("A", 3, "root", 0)};

	(void)state;
	assert_int_equal(all_orders(&root, 1, v, 1, 5, X509_V_OK), 24);
	certs_free(v, 5);
	X509_free(root);
}

static void
circles_end(void **state)
{
	X509 *root = cert("root", 0, "root", 0);
	X509 *v[] = {cert("leaf", 1, "A", 2), cert("A", 2, "B", 3),
	    cert("B", 3, "A", 2), cert("B", 3, "B", 3),
	    cert("A", 2, "root", 0)};
	int why;

	(void)state;
	assert_int_equal(all_orders(&root, 1, v, 1, 5, X509_V_OK), 24);
	X509_free(v[4]);
	v[4] = cert("A", 2, "A", 2);
	why = verdict(&root, 1, v, 5);
	assert_int_not_equal(why, X509_V_OK);
	assert_int_equal(all_orders(&root, 1, v, 1, 5, why), 24);
	certs_free(v, 5);
	X509_free(root);
}

/* What makes no difference to the choice of a path is not verified for it. */
static void
without_a_choice_nothing_is_verified(void **state)
{
	X509 *root = cert("root", 0, "root", 0);
	X509 *v[] = {
	    cert("leaf", 1, "CA", 2), cert_until("CA", 2, "root", 0, -1)};

	(void)state;
	assert_int_equal(verdict(&root, 1, v, 2), X509_V_ERR_CERT_HAS_EXPIRED);
	assert_int_equal(num_verified, 0);
	assert_int_equal(verdict(&root, 1, v, 1),
	    X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	assert_int_equal(num_verified, 0);
	certs_free(v, 2);
	X509_free(root);
}

static void
names_beyond_the_bound(void **state)
{
	X509 *root = cert("root", 0, "root", 0);
	X509 *v[KEYS] = {cert("leaf", 1, "CA", KEYS - 1)};
	int first;

	(void)state;
	for (size_t i = 1; i < KEYS; i++)
		v[i] = cert("CA", i, "root", 0);
	first = verdict(&root, 1, v, KEYS);
	assert_true(num_verified >= 1);
	/* Found or not, it is the same whoever comes first. */
	for (size_t i = 1; i < KEYS; i += 13) {
		swap(v, 1, KEYS - i);
		assert_int_equal(verdict(&root, 1, v, KEYS), first);
	}
	certs_free(v, KEYS);
	X509_free(root);
}

/* Two certificates for each of many keys: as many paths as two to the many. */
static void
paths_beyond_the_bound(void **state)
{
	X509 *root = cert("root", 0, "root", 0);
	X509 *v[31] = {cert("leaf", 1, "15", 15)};
	char cn[8], by[8];

	(void)state;
	for (size_t i = 1; i <= 15; i++) {
		snprintf(cn, sizeof(cn), "%zu", i);
		snprintf(by, sizeof(by), "%zu", i - 1);
		v[2 * i - 1] = cert(cn, i, by, i - 1);
		v[2 * i] = cert(cn, i, by, i - 1);
	}
	/* Key 0 is the root's, its name is not. */
	assert_int_not_equal(verdict(&root, 1, v, 31), X509_V_OK);
	assert_in_range(num_verified, 1, PATH_SEARCH_SIGNATURES);
	certs_free(v, 31);
	X509_free(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cas_of_one_name),
	    cmocka_unit_test(anchors_of_one_name),
	    cmocka_unit_test(cross_certificates),
	    cmocka_unit_test(choice_far_below_the_failure),
	    cmocka_unit_test(circles_end),
	    cmocka_unit_test(without_a_choice_nothing_is_verified),
	    cmocka_unit_test(names_beyond_the_bound),
	    cmocka_unit_test(paths_beyond_the_bound),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
