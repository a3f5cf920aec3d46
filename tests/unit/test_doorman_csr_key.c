/* A request from outside: which keys and signatures are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "fixtures/doorman/base/issue.h"
#include "tests/doorman/judged.h"
#include "tests/doorman/test_ca.h"

static EVP_PKEY *ours, *other;

static int
setup(void **state)
{
	(void)state;
	ours = EVP_EC_gen("P-256");
	other = EVP_EC_gen("P-256");
	assert_non_null(ours);
	assert_non_null(other);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(ours);
	EVP_PKEY_free(other);
	return 0;
}

/* Keys. */

static EVP_PKEY *
generated(const char *type, const char *name, size_t number)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM p[] = {OSSL_PARAM_END, OSSL_PARAM_END};

	if (name != NULL)
		p[0] = OSSL_PARAM_construct_size_t(name, &number);
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_params(ctx, p), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* The public half of an RSA key of any size, at once: nobody signs with it. */
static EVP_PKEY *
rsa_public(int bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_new(), *e = BN_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *p;

	assert_int_equal(
	    BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
	BN_set_word(e, RSA_F4);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e);
	p = OSSL_PARAM_BLD_to_param(bld);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, p), 1);
	OSSL_PARAM_free(p);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	return key;
}

/* Each of these signs its own request. */
static void
keys_are_of_a_kind_and_size(void **state)
{
	static const struct {
		const char *what, *curve, *type;
		size_t bits;
		const char *says;
	} rows[] = {
	    {"P-256", "P-256", NULL, 0, NULL},
	    {"P-384", "P-384", NULL, 0, NULL},
	    {"P-521", "P-521", NULL, 0, "curve is 'secp521r1'"},
	    {"P-224", "P-224", NULL, 0, "curve is 'secp224r1'"},
	    {"secp256k1", "secp256k1", NULL, 0, "curve is 'secp256k1'"},
	    {"brainpool", "brainpoolP256r1", NULL, 0,
		"curve is 'brainpoolP256r1'"},
	    {"RSA 1024", NULL, "RSA", 1024, "has 1024 bits"},
	    {"RSA 2047", NULL, "RSA", 2047, "has 2047 bits"},
	    {"RSA 2048", NULL, "RSA", 2048, NULL},
	    {"RSA for PSS only", NULL, "RSA-PSS", 2048,
		"neither EC, RSA nor Ed25519"},
	    {"Ed25519", NULL, "ED25519", 0, NULL},
	    {"Ed448", NULL, "ED448", 0, "neither EC, RSA nor Ed25519"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		EVP_PKEY *key = rows[i].curve != NULL
		    ? EVP_EC_gen(rows[i].curve)
		    : generated(rows[i].type,
			  rows[i].bits > 0 ? OSSL_PKEY_PARAM_RSA_BITS : NULL,
			  rows[i].bits);
		X509_REQ *req;

		assert_non_null(key);
		req = test_csr(key, "Alice");
		test_judged_request(rows[i].what, req, rows[i].says);
		X509_REQ_free(req);
		EVP_PKEY_free(key);
	}
}

/* Too large to be made here; what is said tells which rule spoke. */
static void
large_keys_have_a_limit(void **state)
{
	static const struct {
		int bits;
		const char *says;
	} rows[] = {
	    {8191, "not signed by its key"},
	    {8192, "not signed by its key"},
	    {8193, "has 8193 bits"},
	    {16384, "has 16384 bits"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		EVP_PKEY *key = rsa_public(rows[i].bits);
		X509_REQ *req = test_csr(ours, "Alice");

		assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
		test_judged_request(rows[i].says, req, rows[i].says);
		X509_REQ_free(req);
		EVP_PKEY_free(key);
	}
}

/* An RSA key of these numbers; d NULL: only its public half. */
static EVP_PKEY *
rsa_of(const BIGNUM *n, const BIGNUM *e, const BIGNUM *d)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *p;

	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e);
	if (d != NULL)
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_D, d);
	p = OSSL_PARAM_BLD_to_param(bld);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(
	    EVP_PKEY_fromdata(ctx, &key,
		d != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, p),
	    1);
	OSSL_PARAM_free(p);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* A private key of these primes signs its own request. */
static void
judged_primes(
    const char *row, const BIGNUM *p, const BIGNUM *q, const char *says)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *n = BN_new(), *e = BN_new(), *d, *p1 = BN_dup(p),
	       *q1 = BN_dup(q), *phi = BN_new();
	EVP_PKEY *key;
	X509_REQ *req;

	BN_set_word(e, RSA_F4);
	BN_sub_word(p1, 1);
	BN_sub_word(q1, 1);
	BN_mul(n, p, q, ctx);
	BN_mul(phi, p1, q1, ctx);
	d = BN_mod_inverse(NULL, e, phi, ctx);
	assert_non_null(d);
	key = rsa_of(n, e, d);
	req = test_csr(key, "Alice");
	test_judged_request(row, req, says);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	BN_free(n);
	BN_free(e);
	BN_free(d);
	BN_free(p1);
	BN_free(q1);
	BN_free(phi);
	BN_CTX_free(ctx);
}

static void
judged_prime_modulus(const BIGNUM *n)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *e = BN_new(), *d, *phi = BN_dup(n);
	EVP_PKEY *key;
	X509_REQ *req;

	BN_set_word(e, RSA_F4);
	BN_sub_word(phi, 1);
	d = BN_mod_inverse(NULL, e, phi, ctx);
	assert_non_null(d);
	key = rsa_of(n, e, d);
	req = test_csr(key, "Alice");
	test_judged_request("a prime", req, "weak or malformed");
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	BN_free(e);
	BN_free(d);
	BN_free(phi);
	BN_CTX_free(ctx);
}

static BIGNUM *
prime(int bits)
{
	BIGNUM *p = BN_new();

	assert_int_equal(BN_generate_prime_ex(p, bits, 0, NULL, NULL, NULL), 1);
	return p;
}

/* A prime as a certain maker's chips had made them (CVE-2017-15361). */
static BIGNUM *
roca_prime(int bits)
{
	static const BN_ULONG primes[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29,
	    31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
	    103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *m = BN_new(), *p = BN_new(), *k = BN_new(), *g = BN_new();

	BN_one(m);
	for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++)
		BN_mul_word(m, primes[i]);
	do {
		BN_rand(k, 40, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
		BN_set_word(g, 65537);
		BN_mod_exp(g, g, k, m, ctx);
		BN_rand(k, bits - BN_num_bits(m), BN_RAND_TOP_TWO,
		    BN_RAND_BOTTOM_ANY);
		BN_mul(p, k, m, ctx);
		BN_add(p, p, g);
	} while (BN_num_bits(p) != bits || BN_check_prime(p, ctx, NULL) != 1);
	BN_free(m);
	BN_free(k);
	BN_free(g);
	BN_CTX_free(ctx);
	return p;
}

static void
weak_moduli_are_refused(void **state)
{
	BIGNUM *p = prime(1025), *q = prime(1025), *small = BN_new(),
	       *roca = roca_prime(1025), *roca2 = roca_prime(1025);
	BN_CTX *ctx = BN_CTX_new();

	(void)state;
	judged_primes("random", p, q, NULL);
	judged_primes("one factor of the chips", p, roca, NULL);
	judged_primes("both", roca, roca2, "factors can be found");
	BN_copy(q, p);
	do
		BN_add_word(q, 2);
	while (BN_check_prime(q, ctx, NULL) != 1);
	judged_primes("neighbours", p, q, "factors can be found");
	BN_set_word(small, 739);
	BN_free(q);
	q = prime(2060);
	judged_primes("a small factor", small, q, "factors can be found");
	/* No product at all: n is the prime, and d is everybody's. */
	judged_prime_modulus(q);
	BN_free(p);
	BN_free(q);
	BN_free(small);
	BN_free(roca);
	BN_free(roca2);
	BN_CTX_free(ctx);
}

static void
weak_exponents_are_refused(void **state)
{
	static const struct {
		const char *e; /* hexadecimal */
		const char *says;
	} rows[] = {
	    {"1", "RSA exponent"},
	    {"3", "RSA exponent"},
	    {"11", "RSA exponent"},
	    {"FFFF", "RSA exponent"},
	    {"10000", "RSA exponent"},
	    {"10002", "RSA exponent"},
	    {"10001", "not signed by its key"},
	};
	BIGNUM *n = BN_new(), *e = NULL;

	(void)state;
	BN_rand(n, 2048, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		X509_REQ *req = test_csr(ours, "Alice");
		EVP_PKEY *key;

		BN_hex2bn(&e, rows[i].e);
		key = rsa_of(n, e, NULL);
		assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
		test_judged_request(rows[i].e, req, rows[i].says);
		X509_REQ_free(req);
		EVP_PKEY_free(key);
	}
	BN_free(n);
	BN_free(e);
}

/* Invalid points give away who computes with them. */
static void
a_point_lies_on_its_curve(void **state)
{
	X509_REQ *req = test_csr(ours, "Alice");
	uint8_t *point = NULL, *at;
	struct buf der;
	size_t len;

	(void)state;
	buf_init(&der, 65536);
	test_csr_der(&der, req);
	len = EVP_PKEY_get1_encoded_public_key(ours, &point);
	assert_int_equal(len, 65);
	at = memmem(der.p, der.len, point, len);
	assert_non_null(at);
	at[64] ^= 1;
	test_judged("a point beside it", der.p, der.len, "unreadable");
	OPENSSL_free(point);
	buf_free(&der);
	X509_REQ_free(req);
}

static void
weak_signatures_are_refused_by_name(void **state)
{
	static const struct {
		const char *type, *digest, *says;
	} rows[] = {
	    {"RSA", "MD5", "signed with RSA-MD5; MD5 is too weak"},
	    {"RSA", "SHA1", "signed with RSA-SHA1; SHA1 is too weak"},
	    {"RSA", "SHA224", "SHA224 is too weak"},
	    {"RSA", "SHA256", NULL},
	    {"RSA", "SHA384", NULL},
	    {"RSA", "SHA512", NULL},
	    {"RSA", "SHA3-256", "are taken"},
	    {"EC", "SHA1", "signed with ecdsa-with-SHA1; SHA1 is too weak"},
	    {"EC", "SHA224", "SHA224 is too weak"},
	    {"EC", "SHA384", NULL},
	    {"EC", "SHA512", NULL},
	};
	EVP_PKEY *rsa = EVP_RSA_gen(2048);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pss = NULL;
	X509_REQ *req;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		EVP_PKEY *key = rows[i].type[0] == 'R' ? rsa : ours;

		req = test_csr(key, "Alice");
		assert_true(X509_REQ_sign(req, key,
				EVP_get_digestbyname(rows[i].digest)) > 0);
		test_judged_request(rows[i].digest, req, rows[i].says);
		X509_REQ_free(req);
	}
	/* Its digest is a parameter: nobody needs to read it. */
	req = test_csr(rsa, "Alice");
	assert_int_equal(
	    EVP_DigestSignInit(ctx, &pss, EVP_sha256(), NULL, rsa), 1);
	EVP_PKEY_CTX_set_rsa_padding(pss, RSA_PKCS1_PSS_PADDING);
	assert_true(X509_REQ_sign_ctx(req, ctx) > 0);
	test_judged_request("PSS", req, "signed with 'RSASSA-PSS'");
	X509_REQ_free(req);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(rsa);
}

/* RFC 5480 2.1.1: a curve is named, never described. */
static void
a_curve_is_named(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req;

	(void)state;
	assert_int_equal(EVP_PKEY_set_utf8_string_param(
			     key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"),
	    1);
	req = test_csr(key, "Alice");
	test_judged_request("explicit", req, "describes its curve");
	X509_REQ_free(req);
	EVP_PKEY_free(key);
}

/* Signatures. */

static void
flip_signature(X509_REQ *req)
{
	const ASN1_BIT_STRING *sig;
	ASN1_BIT_STRING *own;

	X509_REQ_get0_signature(req, &sig, NULL);
	own = ASN1_STRING_dup(sig);
	own->data[own->length - 1] ^= 1;
	X509_REQ_set0_signature(req, own);
}

static void
no_signature(X509_REQ *req)
{
	X509_REQ_set0_signature(req, ASN1_BIT_STRING_new());
}

static void
signed_by_another(X509_REQ *req)
{
	assert_true(X509_REQ_sign(req, other, EVP_sha256()) > 0);
}

static void
signed_by_another_kind(X509_REQ *req)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);

	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	EVP_PKEY_free(key);
}

static void
name_changed_later(X509_REQ *req)
{
	X509_NAME *name = X509_NAME_new();

	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
	    (const unsigned char *)"Mallory", -1, -1, 0);
	assert_int_equal(X509_REQ_set_subject_name(req, name), 1);
	X509_NAME_free(name);
}

static void
key_changed_later(X509_REQ *req)
{
	assert_int_equal(X509_REQ_set_pubkey(req, other), 1);
}

static void
unchanged(X509_REQ *req)
{
	(void)req;
}

/* RFC 2986 4.2: whoever asks holds the key. */
static void
a_request_is_signed_by_its_key(void **state)
{
	static const struct {
		const char *what;
		void (*spoil)(X509_REQ *);
		const char *says;
	} rows[] = {
	    {"as it should be", unchanged, NULL},
	    {"a bit of the signature", flip_signature, "not signed by its key"},
	    {"no signature", no_signature, "not signed by its key"},
	    {"another key", signed_by_another, "not signed by its key"},
	    {"another kind of key", signed_by_another_kind,
		"not signed by its key"},
	    {"another name", name_changed_later, "not signed by its key"},
	    {"somebody else's key", key_changed_later, "not signed by its key"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		X509_REQ *req = test_csr(ours, "Alice");

		rows[i].spoil(req);
		test_judged_request(rows[i].what, req, rows[i].says);
		X509_REQ_free(req);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_are_of_a_kind_and_size),
	    cmocka_unit_test(large_keys_have_a_limit),
	    cmocka_unit_test(weak_moduli_are_refused),
	    cmocka_unit_test(weak_exponents_are_refused),
	    cmocka_unit_test(a_point_lies_on_its_curve),
	    cmocka_unit_test(weak_signatures_are_refused_by_name),
	    cmocka_unit_test(a_curve_is_named),
	    cmocka_unit_test(a_request_is_signed_by_its_key),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
