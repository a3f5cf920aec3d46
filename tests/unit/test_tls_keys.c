/*
 * tls_keys: what it hands out is what the default decoder says of the same
 * bytes, whatever came before; what it keeps is bounded.
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
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>

#include "gateway/tls/tls_keys.h"
#include "gateway/tls/tls_lib_ctx.h"

#define DER_MAX 512

/* A SubjectPublicKeyInfo. */
struct spki {
	uint8_t der[DER_MAX + 64];
	long len;
};

static void
spki_of(struct spki *out, EVP_PKEY *key)
{
	unsigned char *p = out->der;

	out->len = i2d_PUBKEY(key, NULL);
	assert_in_range(out->len, 1, DER_MAX);
	assert_int_equal(i2d_PUBKEY(key, &p), out->len);
}

static void
spki_new(struct spki *out, const char *curve)
{
	EVP_PKEY *key = EVP_EC_gen(curve);

	assert_non_null(key);
	spki_of(out, key);
	EVP_PKEY_free(key);
}

/* In the context of TLS, or in the default one; what is left in *rest. */
static EVP_PKEY *
read_in(OSSL_LIB_CTX *lib, const struct spki *s, long *rest)
{
	const unsigned char *p = s->der;
	EVP_PKEY *key = d2i_PUBKEY_ex(NULL, &p, s->len, lib, NULL);

	*rest = s->der + s->len - p;
	ERR_clear_error();
	return key;
}

/* Both say the same of it. */
static void
check_same(const struct spki *s)
{
	long rest, rest_there;
	EVP_PKEY *key = read_in(NULL, s, &rest);
	EVP_PKEY *there = read_in(tls_lib_ctx(), s, &rest_there);

	assert_int_equal(key != NULL, there != NULL);
	if (key != NULL) {
		struct spki want, back;

		assert_int_equal(rest, rest_there);
		assert_int_equal(EVP_PKEY_eq(key, there), 1);
		assert_string_equal(EVP_PKEY_get0_type_name(key),
		    EVP_PKEY_get0_type_name(there));
		spki_of(&want, key);
		spki_of(&back, there);
		assert_int_equal(back.len, want.len);
		assert_memory_equal(back.der, want.der, (size_t)want.len);
	}
	EVP_PKEY_free(key);
	EVP_PKEY_free(there);
}

/* How many bytes a decoder leaves of a key and what is behind it; or -1. */
static long
left_behind(OSSL_LIB_CTX *lib, const struct spki *s)
{
	const unsigned char *p = s->der;
	size_t len = (size_t)s->len;
	EVP_PKEY *key = NULL;
	OSSL_DECODER_CTX *ctx = OSSL_DECODER_CTX_new_for_pkey(&key, "DER",
	    "SubjectPublicKeyInfo", "EC", EVP_PKEY_PUBLIC_KEY, lib, NULL);
	int ok;

	assert_non_null(ctx);
	ok = OSSL_DECODER_from_data(ctx, &p, &len);
	OSSL_DECODER_CTX_free(ctx);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok ? (long)len : -1;
}

static unsigned long
num_found(void)
{
	struct tls_keys_stats stats;

	tls_keys_stats(&stats);
	return stats.found;
}

static void
a_key_is_known_again(void **state)
{
	static const char *const curves[] = {
	    "P-256", "P-384", "P-521", "brainpoolP256r1"};

	(void)state;
	for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++) {
		unsigned long before = num_found();
		struct spki s;

		spki_new(&s, curves[i]);
		check_same(&s);
		assert_int_equal(num_found(), before);
		check_same(&s);
		check_same(&s);
		assert_int_equal(num_found(), before + 2);
	}
}

/* What one who has it does is no other's business. */
static void
each_has_a_key_of_his_own(void **state)
{
	EVP_PKEY *a, *b;
	struct spki s;
	long rest;

	(void)state;
	spki_new(&s, "P-256");
	a = read_in(tls_lib_ctx(), &s, &rest);
	b = read_in(tls_lib_ctx(), &s, &rest);
	assert_non_null(a);
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	EVP_PKEY_free(a);
	assert_int_equal(EVP_PKEY_get_bits(b), 256);
	check_same(&s);
	EVP_PKEY_free(b);
	check_same(&s);
}

/* The same x, and the other y: the first 59 bytes are equal. */
static void
equal_beginnings_are_no_equal_keys(void **state)
{
	static const uint8_t p256[32] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0,
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct spki s, other;
	int borrow = 0;

	(void)state;
	spki_new(&s, "P-256");
	assert_int_equal(s.len, 91);
	other = s;
	for (int i = 31; i >= 0; i--) {
		int v = p256[i] - s.der[59 + i] - borrow;

		borrow = v < 0;
		other.der[59 + i] = (uint8_t)(v + 256 * borrow);
	}
	for (int i = 0; i < 3; i++) {
		EVP_PKEY *a, *b;
		long rest;

		check_same(&s);
		check_same(&other);
		a = read_in(tls_lib_ctx(), &s, &rest);
		b = read_in(tls_lib_ctx(), &other, &rest);
		assert_non_null(a);
		assert_non_null(b);
		assert_int_equal(EVP_PKEY_eq(a, b), 0);
		EVP_PKEY_free(a);
		EVP_PKEY_free(b);
	}
}

/* Each byte of a key that is known, changed in each bit; each length. */
static void
what_is_like_a_known_key_is_read_anew(void **state)
{
	struct spki s, bad;

	(void)state;
	spki_new(&s, "P-256");
	check_same(&s);
	for (long i = 0; i < s.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			bad = s;
			bad.der[i] ^= (uint8_t)(1 << bit);
			check_same(&bad);
			check_same(&s);
		}
	for (bad = s; bad.len > 0; bad.len--)
		check_same(&bad);
	/* Something behind it. */
	for (bad = s, bad.len = s.len + 1; bad.len < DER_MAX; bad.len++) {
		bad.der[bad.len - 1] = 0;
		check_same(&bad);
		assert_int_equal(
		    left_behind(tls_lib_ctx(), &bad), left_behind(NULL, &bad));
	}
	check_same(&s);
}

/* OpenSSL reads a length in two bytes where one would do. */
static void
other_forms_are_read_as_ever(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	unsigned long before = num_found();
	struct spki s, longer;

	(void)state;
	spki_of(&s, key);
	longer = s;
	longer.der[1] = 0x81;
	longer.der[2] = s.der[1];
	memcpy(longer.der + 3, s.der + 2, (size_t)s.len - 2);
	longer.len++;
	check_same(&longer);
	check_same(&longer);
	assert_int_equal(num_found(), before);
	/* Compressed: the same key in other bytes. */
	assert_int_equal(
	    EVP_PKEY_set_utf8_string_param(
		key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"),
	    1);
	spki_of(&s, key);
	assert_int_equal(s.len, 59);
	check_same(&s);
	check_same(&s);
	/* Parameters spelt out: longer than what is remembered. */
	assert_int_equal(EVP_PKEY_set_utf8_string_param(
			     key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"),
	    1);
	spki_of(&s, key);
	assert_true(s.len > 160);
	before = num_found();
	check_same(&s);
	check_same(&s);
	assert_int_equal(num_found(), before);
	EVP_PKEY_free(key);
}

static void
sm2_keys_stay_sm2_keys(void **state)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	unsigned long before = num_found();
	struct spki s;

	(void)state;
	assert_non_null(key);
	spki_of(&s, key);
	EVP_PKEY_free(key);
	for (int i = 0; i < 3; i++)
		check_same(&s);
	assert_int_equal(num_found(), before);
}

static void
memory_is_bounded(void **state)
{
	struct tls_keys_stats stats;
	struct spki stays, s;
	unsigned long before;
	EVP_PKEY *held;
	long rest;

	(void)state;
	spki_new(&stays, "P-256");
	check_same(&stays);
	held = read_in(tls_lib_ctx(), &stays, &rest);
	for (int i = 0; i < 8 * TLS_KEYS_MAX; i++) {
		EVP_PKEY *once;

		spki_new(&s, "P-256");
		once = read_in(tls_lib_ctx(), &s, &rest);
		assert_non_null(once);
		EVP_PKEY_free(once);
	}
	tls_keys_stats(&stats);
	assert_in_range(stats.kept, TLS_KEYS_MAX / 4, TLS_KEYS_MAX);
	/* Those who came once have not pushed out who came twice. */
	before = num_found();
	check_same(&stays);
	assert_int_equal(num_found(), before + 1);
	/* Nor does a key end with its place. */
	for (int i = 0; i < 8 * TLS_KEYS_MAX; i++) {
		spki_new(&s, "P-256");
		EVP_PKEY_free(read_in(tls_lib_ctx(), &s, &rest));
		EVP_PKEY_free(read_in(tls_lib_ctx(), &s, &rest));
	}
	before = num_found();
	EVP_PKEY_free(read_in(tls_lib_ctx(), &stays, &rest));
	assert_int_equal(num_found(), before);
	spki_of(&s, held);
	assert_memory_equal(s.der, stays.der, (size_t)s.len);
	EVP_PKEY_free(held);
}

/* Threads. */

#define THREADS 4
#define SHARED  8

static struct spki shared[SHARED];
static EVP_PKEY *passed[THREADS][SHARED];

static void *
reader(void *arg)
{
	EVP_PKEY **out = arg;
	long rest;

	for (int turn = 0; turn < 50; turn++)
		for (int i = 0; i < SHARED; i++) {
			EVP_PKEY_free(out[i]);
			out[i] = read_in(tls_lib_ctx(), &shared[i], &rest);
			if (out[i] == NULL)
				return NULL;
		}
	return out;
}

/* What one thread has read, another has and frees when that one is gone. */
static void
threads_have_their_own(void **state)
{
	pthread_t t[THREADS];
	void *done;

	(void)state;
	for (int i = 0; i < SHARED; i++)
		spki_new(&shared[i], "P-256");
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, reader, passed[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(t[i], &done), 0);
		assert_non_null(done);
	}
	for (int i = 0; i < THREADS; i++)
		for (int k = 0; k < SHARED; k++) {
			assert_int_equal(
			    EVP_PKEY_eq(passed[i][k], passed[0][k]), 1);
			if (i > 0)
				EVP_PKEY_free(passed[i][k]);
		}
	for (int k = 0; k < SHARED; k++)
		EVP_PKEY_free(passed[0][k]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_is_known_again),
	    cmocka_unit_test(each_has_a_key_of_his_own),
	    cmocka_unit_test(equal_beginnings_are_no_equal_keys),
	    cmocka_unit_test(what_is_like_a_known_key_is_read_anew),
	    cmocka_unit_test(other_forms_are_read_as_ever),
	    cmocka_unit_test(sm2_keys_stay_sm2_keys),
	    cmocka_unit_test(memory_is_bounded),
	    cmocka_unit_test(threads_have_their_own),
	};

	if (OPENSSL_version_major() != 3 || OPENSSL_version_minor() != 0) {
		puts("1..0 # SKIP this OpenSSL remembers no keys here");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
