/*
 * token: names of RFC 7512, and keys of a real token (SoftHSM) in OpenSSL's
 * hands: every kind signs what an ordinary verifier accepts, and none gives
 * its private half away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/thread.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

#include "fixtures/lib/fixture.h"
#include "fixtures/lib/proc.h"
#include "gateway/pkcs11/pkcs11_uri.h"
#include "gateway/pkcs11/pkcs11.h"
#include "tests/lib/softtoken.h"

/* SoftHSM leaks when it signs with Ed25519; we see through libcrypto to it. */
#define FOR_ASAN __attribute__((visibility("default")))
FOR_ASAN const char *__lsan_default_suppressions(void);
FOR_ASAN const char *__asan_default_options(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libsofthsm2.so\n";
}

const char *
__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

static struct pkcs11 *token;
static EVP_PKEY *keys[4];

/* Names. */

static void
names_are_read(void **state)
{
	struct pkcs11_uri u;
	struct err err;

	assert_int_equal(
	    pkcs11_uri_parse(&u,
		"pkcs11:token=The%20Software;object=my-key;"
		"id=%01%00ab;type=private;serial=4711;model=m;manufacturer=x",
		&err),
	    0);
	assert_string_equal(u.token, "The Software");
	assert_string_equal(u.object, "my-key");
	assert_int_equal(u.id_len, 4);
	assert_memory_equal(u.id, "\1\0ab", 4);
	assert_string_equal(u.serial, "4711");
	assert_string_equal(u.model, "m");
	assert_string_equal(u.manufacturer, "x");
	assert_int_equal(pkcs11_uri_parse(&u, "pkcs11:", &err), 0);
	assert_string_equal(u.token, "");
}

static void
bad_names_are_refused(void **state)
{
	static const struct {
		const char *uri, *text;
	} rows[] = {
	    {"file:x", "expected pkcs11"},
	    {"pkcs11:token", "'token' is not an attribute"},
	    {"pkcs11:token=", "attribute token"},
	    {"pkcs11:token=a;token=b", "twice"},
	    {"pkcs11:token=a;", "ends with ';'"},
	    {"pkcs11:token=a;;object=b", "is not an attribute"},
	    {"pkcs11:token=%4", "attribute token"},
	    {"pkcs11:token=%", "attribute token"},
	    {"pkcs11:token=%zz", "attribute token"},
	    {"pkcs11:token=a%00b", "attribute token"},
	    {"pkcs11:token=a b", "attribute token"},
	    {"pkcs11:token=123456789012345678901234567890123", "too long"},
	    {"pkcs11:colour=red", "'colour' is not"},
	    {"pkcs11:type=cert", "expected private"},
	    {"pkcs11:object=a?pin-value=1", "a query is not expected"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pkcs11_uri u;
		struct err err = {0};

		if (pkcs11_uri_parse(&u, rows[i].uri, &err) != E_PARSE ||
		    strstr(err.msg, rows[i].text) == NULL)
			fail_msg("%s: '%s'", rows[i].uri, err.msg);
	}
}

/* A token. */

static int
setup(void **state)
{
	(void)state;
	softtoken_make("unit");
	return evthread_use_pthreads();
}

static int
teardown(void **state)
{
	for (size_t i = 0; i < 4; i++)
		EVP_PKEY_free(keys[i]);
	return pkcs11_close() ? 0 : -1;
}

static struct pkcs11_options
options(const char *label, const char *pin)
{
	struct pkcs11_options o = {.module = SOFTTOKEN_MODULE,
	    .pin = pin,
	    .threads = 3,
	    .timeout_ms = 100000};

	snprintf(o.where.token, sizeof(o.where.token), "%s", label);
	return o;
}

static void
wrong_ones_are_not_opened(void **state)
{
	struct pkcs11_options o = options("unit", "00000000");
	struct err err;

	assert_int_not_equal(pkcs11_open(&token, &o, &err), 0);
	assert_non_null(strstr(err.msg, "the PIN is wrong"));
	o = options("another", SOFTTOKEN_PIN);
	assert_int_not_equal(pkcs11_open(&token, &o, &err), 0);
	assert_non_null(strstr(err.msg, "no token 'another'"));
	o = options("unit", SOFTTOKEN_PIN);
	o.module = "/nowhere/module.so";
	assert_int_not_equal(pkcs11_open(&token, &o, &err), 0);
	assert_non_null(strstr(err.msg, "/nowhere/module.so"));
	o.module = "/usr/lib/x86_64-linux-gnu/libz.so.1";
	assert_int_not_equal(pkcs11_open(&token, &o, &err), 0);
	assert_null(pkcs11_get0());
}

static void
keys_are_made_in_it(void **state)
{
	struct pkcs11_options o = options("unit", SOFTTOKEN_PIN);
	struct pkcs11_stats stats;
	struct err err;

	if (pkcs11_open(&token, &o, &err) != 0)
		fail_msg("%s", err.msg);
	assert_ptr_equal(pkcs11_get0(), token);
	pkcs11_get_stats(token, &stats);
	assert_true(stats.up);
	assert_int_equal(stats.logins, 1);
	for (int i = 0; i < 4; i++) {
		unsigned char id[PKCS11_ID_BYTES] = {(unsigned char)i};

		if (pkcs11_make(token, &keys[i], (enum pkcs11_kind)i, id, "key",
			&err) != 0)
			fail_msg("kind %d: %s", i, err.msg);
		assert_true(pkcs11_has(keys[i]));
		assert_false(pkcs11_has(pkcs11_get0_public(keys[i])));
	}
}

static void
they_are_found_by_id_and_label(void **state)
{
	struct pkcs11_uri which = {.id_len = PKCS11_ID_BYTES};
	EVP_PKEY *found = NULL;
	struct err err;

	which.id[0] = PKCS11_RSA3072;
	assert_int_equal(pkcs11_find(token, &found, &which, &err), 0);
	assert_int_equal(EVP_PKEY_eq(found, keys[PKCS11_RSA3072]), 1);
	assert_int_not_equal(EVP_PKEY_eq(found, keys[PKCS11_P256]), 1);
	EVP_PKEY_free(found);
	which.id[0] = 77;
	assert_int_equal(pkcs11_find(token, &found, &which, &err), E_PARSE);
	assert_non_null(strstr(err.msg, "no private key"));
	which = (struct pkcs11_uri){.object = "key"};
	assert_int_equal(pkcs11_find(token, &found, &which, &err), E_PARSE);
	assert_non_null(strstr(err.msg, "more than one"));
}

/* Signatures. */

static void
pair_up(EVP_MD_CTX *ctx, EVP_PKEY_CTX *pctx, bool pss)
{
	(void)ctx;
	if (!pss)
		return;
	assert_int_equal(
	    EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
	assert_int_equal(
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST), 1);
}

static void
they_sign_what_others_verify(void **state)
{
	static const struct {
		enum pkcs11_kind kind;
		const char *md;
		bool pss;
	} rows[] = {{PKCS11_P256, "SHA256", false},
	    {PKCS11_P256, "SHA512", false}, {PKCS11_P384, "SHA384", false},
	    {PKCS11_P384, "SHA256", false}, {PKCS11_RSA3072, "SHA256", false},
	    {PKCS11_RSA3072, "SHA512", false}, {PKCS11_RSA3072, "SHA256", true},
	    {PKCS11_RSA3072, "SHA384", true}, {PKCS11_RSA3072, "SHA512", true},
	    {PKCS11_ED25519, NULL, false}};
	static const unsigned char text[] = "the quick brown fox";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		EVP_PKEY *key = keys[rows[i].kind];
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		EVP_PKEY_CTX *pctx = NULL;
		unsigned char sig[1024];
		size_t len = 0;

		assert_int_equal(EVP_DigestSignInit_ex(ctx, &pctx, rows[i].md,
				     NULL, NULL, key, NULL),
		    1);
		pair_up(ctx, pctx, rows[i].pss);
		assert_int_equal(
		    EVP_DigestSign(ctx, NULL, &len, text, sizeof(text)), 1);
		assert_in_range(len, 64, sizeof(sig));
		if (EVP_DigestSign(ctx, sig, &len, text, sizeof(text)) != 1)
			fail_msg("row %zu", i);
		EVP_MD_CTX_free(ctx);
		ctx = EVP_MD_CTX_new();
		pctx = NULL;
		assert_int_equal(EVP_DigestVerifyInit_ex(ctx, &pctx, rows[i].md,
				     NULL, NULL, pkcs11_get0_public(key), NULL),
		    1);
		pair_up(ctx, pctx, rows[i].pss);
		assert_int_equal(
		    EVP_DigestVerify(ctx, sig, len, text, sizeof(text)), 1);
		sig[len / 2] ^= 1;
		assert_int_not_equal(
		    EVP_DigestVerify(ctx, sig, len, text, sizeof(text)), 1);
		EVP_MD_CTX_free(ctx);
	}
}

/* Certificates and requests name the algorithm that was used. */
static void
they_sign_requests(void **state)
{
	static const int nids[] = {NID_ecdsa_with_SHA256, NID_ecdsa_with_SHA384,
	    NID_sha512WithRSAEncryption, NID_ED25519};
	const EVP_MD *mds[] = {EVP_sha256(), EVP_sha384(), EVP_sha512(), NULL};

	for (size_t i = 0; i < 4; i++) {
		X509_REQ *req = X509_REQ_new();

		X509_REQ_set_pubkey(req, pkcs11_get0_public(keys[i]));
		assert_true(X509_REQ_sign(req, keys[i], mds[i]) > 0);
		assert_int_equal(X509_REQ_get_signature_nid(req), nids[i]);
		assert_int_equal(
		    X509_REQ_verify(req, pkcs11_get0_public(keys[i])), 1);
		X509_REQ_free(req);
	}
}

static void
nothing_private_comes_out(void **state)
{
	for (size_t i = 0; i < 4; i++) {
		BIO *bio = BIO_new(BIO_s_mem());
		unsigned char raw[2048];
		size_t len = sizeof(raw);
		BIGNUM *bn = NULL;

		assert_int_not_equal(PEM_write_bio_PrivateKey(bio, keys[i],
					 NULL, NULL, 0, NULL, NULL),
		    1);
		assert_int_equal(BIO_pending(bio), 0);
		assert_int_not_equal(
		    EVP_PKEY_get_raw_private_key(keys[i], raw, &len), 1);
		assert_int_not_equal(EVP_PKEY_get_bn_param(keys[i],
					 OSSL_PKEY_PARAM_PRIV_KEY, &bn),
		    1);
		assert_int_not_equal(
		    EVP_PKEY_get_bn_param(keys[i], OSSL_PKEY_PARAM_RSA_D, &bn),
		    1);
		BIO_free(bio);
	}
}

/* Without our provider anywhere near: algorithms are OpenSSL's own. */
static void
others_are_not_given_the_provider(void **state)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

	assert_non_null(key);
	assert_false(pkcs11_has(key));
	assert_ptr_equal(pkcs11_get0_public(key), key);
	assert_false(OSSL_PROVIDER_available(NULL, "p2p-token"));
	EVP_PKEY_free(key);
}

static void
a_key_can_be_destroyed(void **state)
{
	unsigned char id[PKCS11_ID_BYTES] = {PKCS11_P384};
	struct pkcs11_uri which = {.id_len = PKCS11_ID_BYTES};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *found = NULL;
	unsigned char sig[200];
	size_t len = sizeof(sig);
	struct err err;

	which.id[0] = PKCS11_P384;
	assert_int_equal(pkcs11_destroy(token, id, &err), 0);
	assert_int_equal(pkcs11_find(token, &found, &which, &err), E_PARSE);
	/* Who still has it learns it at the next signature. */
	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL,
			     keys[PKCS11_P384], NULL),
	    1);
	assert_int_not_equal(
	    EVP_DigestSign(ctx, sig, &len, (unsigned char *)"x", 1), 1);
	EVP_MD_CTX_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_read),
	    cmocka_unit_test(bad_names_are_refused),
	    cmocka_unit_test(wrong_ones_are_not_opened),
	    cmocka_unit_test(keys_are_made_in_it),
	    cmocka_unit_test(they_are_found_by_id_and_label),
	    cmocka_unit_test(they_sign_what_others_verify),
	    cmocka_unit_test(they_sign_requests),
	    cmocka_unit_test(nothing_private_comes_out),
	    cmocka_unit_test(others_are_not_given_the_provider),
	    cmocka_unit_test(a_key_can_be_destroyed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
