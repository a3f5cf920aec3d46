/*
 * tls_sigs: the same question has the same answer, whatever came before; what
 * differs in a bit is another question. What it keeps is bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "gateway/tls/tls_lib_ctx.h"
#include "gateway/tls/tls_sigs.h"
#include "tests/lib/issuer.h"

/* Something signed, which begins as a certificate does. */
struct signed_text {
	uint8_t tbs[48], sig[160];
	size_t len, sig_len;
};

static EVP_PKEY *key, *other;

static int
setup(void **state)
{
	(void)state;
	key = EVP_EC_gen("P-256");
	other = EVP_EC_gen("P-256");
	assert_true(key != NULL && other != NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	return 0;
}

static struct tls_sigs_stats
stats(void)
{
	struct tls_sigs_stats s;

	tls_sigs_stats(&s);
	return s;
}

static struct signed_text
sign(EVP_PKEY *by, const char *digest, uint8_t first, uint32_t n)
{
	struct signed_text s = {.len = sizeof(s.tbs), .sig_len = sizeof(s.sig)};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	memset(s.tbs, 'x', sizeof(s.tbs));
	s.tbs[0] = first;
	memcpy(s.tbs + 1, &n, sizeof(n));
	assert_int_equal(
	    EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, by, NULL), 1);
	assert_int_equal(
	    EVP_DigestSign(ctx, s.sig, &s.sig_len, s.tbs, s.len), 1);
	EVP_MD_CTX_free(ctx);
	return s;
}

/* 1: good. before: is fed to it first. */
static int
verify_in(OSSL_LIB_CTX *lib, const struct signed_text *s, EVP_PKEY *by,
    const char *digest, const char *before)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	assert_int_equal(
	    EVP_DigestVerifyInit_ex(ctx, NULL, digest, lib, NULL, by, NULL), 1);
	if (before != NULL)
		assert_int_equal(
		    EVP_DigestVerifyUpdate(ctx, before, strlen(before)), 1);
	ok = EVP_DigestVerify(ctx, s->sig, s->sig_len, s->tbs, s->len);
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

/* Both contexts say the same. */
static void
check(const struct signed_text *s, EVP_PKEY *by, const char *digest, int want)
{
	assert_int_equal(verify_in(NULL, s, by, digest, NULL) == 1, want);
	assert_int_equal(
	    verify_in(tls_lib_ctx(), s, by, digest, NULL) == 1, want);
}

static void
a_good_one_is_known_again(void **state)
{
	static const char *const curves[] = {
	    "P-256", "P-384", "P-521", "brainpoolP256r1"};

	(void)state;
	for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++) {
		EVP_PKEY *k = EVP_EC_gen(curves[i]);
		struct signed_text s = sign(k, "SHA256", 0x30, 1);
		struct tls_sigs_stats before = stats();

		check(&s, k, "SHA256", 1);
		assert_int_equal(stats().found, before.found);
		assert_int_equal(stats().kept, before.kept + 1);
		check(&s, k, "SHA256", 1);
		check(&s, k, "SHA256", 1);
		assert_int_equal(stats().found, before.found + 2);
		EVP_PKEY_free(k);
	}
}

static void
what_differs_in_a_bit_is_another_question(void **state)
{
	struct signed_text s = sign(key, "SHA256", 0x30, 2), bad;
	unsigned long found;

	(void)state;
	check(&s, key, "SHA256", 1);
	found = stats().found;
	for (size_t i = 0; i < 8 * s.len; i++) {
		bad = s;
		bad.tbs[i / 8] ^= (uint8_t)(1 << i % 8);
		check(&bad, key, "SHA256", 0);
	}
	for (size_t i = 0; i < 8 * s.sig_len; i++) {
		bad = s;
		bad.sig[i / 8] ^= (uint8_t)(1 << i % 8);
		check(&bad, key, "SHA256", 0);
	}
	for (bad = s, bad.len--; bad.len > 0; bad.len--)
		check(&bad, key, "SHA256", 0);
	for (bad = s, bad.sig_len--; bad.sig_len > 0; bad.sig_len--)
		check(&bad, key, "SHA256", 0);
	check(&s, other, "SHA256", 0);
	check(&s, key, "SHA384", 0);
	assert_int_equal(stats().found, found);
	check(&s, key, "SHA256", 1);
	assert_int_equal(stats().found, found + 1);
}

/* Nor is what was fed to it before left out of the question. */
static void
what_came_before_counts(void **state)
{
	struct signed_text s = sign(key, "SHA256", 0x30, 3);

	(void)state;
	check(&s, key, "SHA256", 1);
	assert_int_not_equal(verify_in(NULL, &s, key, "SHA256", "0"), 1);
	assert_int_not_equal(
	    verify_in(tls_lib_ctx(), &s, key, "SHA256", "0"), 1);
	check(&s, key, "SHA256", 1);
}

static void
only_good_ones_of_certificates_are_kept(void **state)
{
	struct signed_text bad = sign(key, "SHA256", 0x30, 4);
	struct signed_text hello = sign(key, "SHA256", 0x01, 5);
	struct signed_text spaces = sign(key, "SHA256", 0x20, 6);
	struct tls_sigs_stats before = stats();

	(void)state;
	bad.tbs[9] ^= 1;
	for (int i = 0; i < 3; i++) {
		check(&bad, key, "SHA256", 0);
		check(&hello, key, "SHA256", 1);
		check(&spaces, key, "SHA256", 1);
	}
	assert_int_equal(stats().kept, before.kept);
	assert_int_equal(stats().found, before.found);
}

/* As OpenSSL verifies them: read in the context of TLS, of a key that is not.
 */
static void
certificates_are_known_again(void **state)
{
	const struct issuer_cert how = {.cn = "self",
	    .serial = 1,
	    .from = time(NULL) - 3600,
	    .to = time(NULL) + 3600};
	struct tls_sigs_stats before = stats();
	X509 *x = X509_new_ex(tls_lib_ctx(), NULL);
	unsigned char *der = NULL;
	const unsigned char *p;
	struct issuer i;
	int len;

	(void)state;
	issuer_init(&i, &how);
	len = i2d_X509(i.cert, &der);
	p = der;
	assert_non_null(d2i_X509(&x, &p, len));
	for (int n = 0; n < 3; n++) {
		assert_int_equal(X509_verify(x, i.key), 1);
		assert_int_not_equal(X509_verify(x, other), 1);
	}
	ERR_clear_error();
	assert_int_equal(stats().found, before.found + 2);
	assert_int_equal(stats().missed, before.missed + 4);
	X509_free(x);
	OPENSSL_free(der);
	issuer_cleanup(&i);
}

static void
memory_is_bounded(void **state)
{
	struct signed_text in_use = sign(key, "SHA256", 0x30, 7);
	unsigned long found;

	(void)state;
	check(&in_use, key, "SHA256", 1);
	found = stats().found;
	for (uint32_t i = 0; i < 8 * TLS_SIGS_MAX; i++) {
		struct signed_text s = sign(key, "SHA256", 0x30, 100 + i);

		assert_int_equal(
		    verify_in(tls_lib_ctx(), &s, key, "SHA256", NULL), 1);
		assert_int_equal(
		    verify_in(tls_lib_ctx(), &in_use, key, "SHA256", NULL), 1);
	}
	assert_int_equal(stats().kept, TLS_SIGS_MAX);
	/* What all come with stays, in spite of so many who come once. */
	assert_int_equal(stats().found, found + 8 * TLS_SIGS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_one_is_known_again),
	    cmocka_unit_test(what_differs_in_a_bit_is_another_question),
	    cmocka_unit_test(what_came_before_counts),
	    cmocka_unit_test(only_good_ones_of_certificates_are_kept),
	    cmocka_unit_test(certificates_are_known_again),
	    cmocka_unit_test(memory_is_bounded),
	};

	if (OPENSSL_version_major() != 3 || OPENSSL_version_minor() != 0) {
		puts("1..0 # SKIP this OpenSSL has another ECDSA");
		return 0;
	}
	return cmocka_run_group_tests_name("tls_sigs", tests, setup, teardown);
}
