/* A request from outside: which keys, signatures and names are taken. */
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

/* Judges exactly these bytes; NULL says that they are to be taken. */
static void
judged(const char *row, const void *p, size_t len, const char *says)
{
	struct fault f = {""};
	struct csr csr;
	/* Exactly as long as it is: a read beyond the end shows. */
	uint8_t *copy = malloc(len + 1);
	int rc;

	memcpy(copy, p, len);
	rc = csr_read(&csr, view_of(copy, len), &f);
	if (says == NULL ? rc != 0 : rc == 0 || strstr(f.msg, says) == NULL)
		fail_msg("%s: %d '%s'", row, rc, f.msg);
	if (rc == 0)
		csr_cleanup(&csr);
	free(copy);
}

static void
judged_request(const char *row, X509_REQ *req, const char *says)
{
	struct buf der;

	buf_init(&der, 65536);
	test_csr_der(&der, req);
	judged(row, der.p, der.len, says);
	buf_free(&der);
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
		judged_request(rows[i].what, req, rows[i].says);
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
		judged_request(rows[i].says, req, rows[i].says);
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
	judged_request(row, req, says);
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
	judged_request("a prime", req, "weak or malformed");
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
		judged_request(rows[i].e, req, rows[i].says);
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
	judged("a point beside it", der.p, der.len, "unreadable");
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
		judged_request(rows[i].digest, req, rows[i].says);
		X509_REQ_free(req);
	}
	/* Its digest is a parameter: nobody needs to read it. */
	req = test_csr(rsa, "Alice");
	assert_int_equal(
	    EVP_DigestSignInit(ctx, &pss, EVP_sha256(), NULL, rsa), 1);
	EVP_PKEY_CTX_set_rsa_padding(pss, RSA_PKCS1_PSS_PADDING);
	assert_true(X509_REQ_sign_ctx(req, ctx) > 0);
	judged_request("PSS", req, "signed with 'RSASSA-PSS'");
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
	judged_request("explicit", req, "describes its curve");
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
		judged_request(rows[i].what, req, rows[i].says);
		X509_REQ_free(req);
	}
}

/* Extensions. */

static X509_REQ *
with_extensions(STACK_OF(X509_EXTENSION) * list)
{
	X509_REQ *req = test_csr(ours, "Alice");

	assert_int_equal(X509_REQ_add_extensions(req, list), 1);
	assert_true(X509_REQ_sign(req, ours, EVP_sha256()) > 0);
	return req;
}

struct wish {
	int nid;
	const char *value; /* in the words of x509v3.cnf; "!...": raw bytes */
};

static const struct {
	struct wish wish[2];
	const char *says;
} wishes[] = {
    {{{NID_subject_alt_name, "DNS:a.example"}}, NULL},
    {{{NID_subject_alt_name, "IP:192.0.2.1"}}, NULL},
    {{{NID_subject_alt_name, "IP:2001:db8::1"}}, NULL},
    {{{NID_subject_alt_name, "critical,DNS:a,DNS:*.b,IP:192.0.2.1"}}, NULL},
    {{{NID_subject_alt_name, "URI:spiffe://a/b"}}, "neither DNS nor"},
    {{{NID_subject_alt_name, "email:a@b.example"}}, "neither DNS nor"},
    {{{NID_subject_alt_name, "RID:1.2.3"}}, "neither DNS nor IP"},
    {{{NID_subject_alt_name, "otherName:1.2.3;UTF8:x"}}, "neither DNS nor IP"},
    {{{NID_subject_alt_name, "DNS:a,DNS:b,URI:http://c"}},
	"neither DNS nor IP"},
    {{{NID_subject_alt_name, "DNS:a"}, {NID_subject_alt_name, "DNS:b"}},
	"two subjectAltNames"},
    {{{NID_subject_alt_name, "!\x04\x01x"}}, "malformed"},
    {{{NID_subject_alt_name, "!"}}, "malformed"},
    {{{NID_subject_alt_name, "!\x30"}}, "malformed"},
    {{{NID_basic_constraints, "CA:FALSE"}}, NULL},
    {{{NID_basic_constraints, "CA:TRUE"}}, "to become a CA"},
    {{{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"}}, "to become a CA"},
    {{{NID_basic_constraints, "!\x02\x01\x01"}}, "to become a CA"},
    {{{NID_subject_alt_name, "DNS:a"}, {NID_basic_constraints, "CA:TRUE"}},
	"to become a CA"},
    {{{NID_basic_constraints, "CA:FALSE"}, {NID_basic_constraints, "CA:TRUE"}},
	"to become a CA"},
    /* This CA's to decide: taken, and not issued. */
    {{{NID_key_usage, "critical,keyCertSign,cRLSign"},
	 {NID_ext_key_usage, "OCSPSigning"}},
	NULL},
};

static void
extensions_are_names(void **state)
{
	X509V3_CTX ctx;

	(void)state;
	X509V3_set_ctx(&ctx, NULL, NULL, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
		const struct wish *w = wishes[i].wish;
		X509_REQ *req;
		char row[24];

		for (int n = 0; n < 2 && w[n].value != NULL; n++) {
			X509_EXTENSION *e = w[n].value[0] == '!'
			    ? test_extension(w[n].nid, 0, w[n].value + 1)
			    : X509V3_EXT_conf_nid(
				  NULL, &ctx, w[n].nid, w[n].value);

			assert_non_null(e);
			sk_X509_EXTENSION_push(list, e);
		}
		snprintf(row, sizeof(row), "row %zu", i);
		req = with_extensions(list);
		judged_request(row, req, wishes[i].says);
		X509_REQ_free(req);
		sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	}
}

/* A subjectAltName of these names, in a request. */
static void
judged_names(const char *row, GENERAL_NAMES *names, const char *says)
{
	STACK_OF(X509_EXTENSION) *list = NULL;
	X509_REQ *req;

	assert_int_equal(
	    X509V3_add1_i2d(&list, NID_subject_alt_name, names, 0, 0), 1);
	req = with_extensions(list);
	judged_request(row, req, says);
	X509_REQ_free(req);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

static void
add_name(GENERAL_NAMES *names, int type, const void *bytes, size_t len)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = ASN1_STRING_type_new(
	    type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);

	assert_int_equal(ASN1_STRING_set(value, bytes, (int)len), 1);
	GENERAL_NAME_set0_value(name, type, value);
	sk_GENERAL_NAME_push(names, name);
}

static void
names_are_counted(void **state)
{
	static const struct {
		int num;
		const char *says;
	} rows[] = {{1, NULL}, {16, NULL}, {17, "more than 16 names"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		GENERAL_NAMES *names = GENERAL_NAMES_new();

		for (int n = 0; n < rows[i].num; n++)
			add_name(names, GEN_DNS, "a", 1);
		judged_names("count", names, rows[i].says);
		GENERAL_NAMES_free(names);
	}
}

/* What stands in a certificate is read by others, each in its own way. */
static void
names_are_names(void **state)
{
	static const struct {
		int type;
		const char *bytes;
		size_t len;
		const char *says;
	} rows[] = {
	    {GEN_DNS, "good.example\0.evil", 18, "name 2 of the"},
	    {GEN_DNS, "a b", 3, "is no DNS name"},
	    {GEN_DNS, "a\n", 2, "is no DNS name"},
	    {GEN_DNS, "a\x7f", 2, "is no DNS name"},
	    {GEN_DNS, "\xc3\xa4", 2, "is no DNS name"},
	    {GEN_DNS, "", 0, "is no DNS name"},
	    {GEN_DNS, "!~", 2, "is no DNS name"},
	    {GEN_DNS, "b", 1, NULL},
	    {GEN_DNS, "A", 1, NULL},
	    {GEN_DNS, "*.a.example", 11, NULL},
	    {GEN_DNS, "*.*", 3, "is no DNS name"},
	    {GEN_DNS, "a..b", 4, "is no DNS name: 'a..b' has an empty label"},
	    {GEN_IPADD, "\0\0\0\0", 4, NULL},
	    {GEN_IPADD, "\0\0\0", 3, "is no IP address"},
	    {GEN_IPADD, "\0\0\0\0\0", 5, "is no IP address"},
	    {GEN_IPADD, "\0\0\0\0\0\0\0\0", 8, "is no IP address"},
	    {GEN_IPADD, "0123456789abcdef", 16, NULL},
	    {GEN_IPADD, "0123456789abcdefg", 17, "is no IP address"},
	};
	GENERAL_NAMES *names;
	char row[24];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		names = GENERAL_NAMES_new();
		add_name(names, GEN_DNS, "a", 1);
		add_name(names, rows[i].type, rows[i].bytes, rows[i].len);
		snprintf(row, sizeof(row), "name, row %zu", i);
		judged_names(row, names, rows[i].says);
		GENERAL_NAMES_free(names);
	}
	names = GENERAL_NAMES_new();
	judged_names("no name", names, "subjectAltName is empty");
	GENERAL_NAMES_free(names);
}

/* Nobody's wish may be passed over because it cannot be read. */
static void
unreadable_extensions_are_refused(void **state)
{
	static const int nids[] = {NID_ext_req, NID_ms_ext_req};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		X509_REQ *req = test_csr(ours, "Alice");

		assert_int_equal(
		    X509_REQ_add1_attr_by_NID(req, nids[i], V_ASN1_SEQUENCE,
			(const unsigned char *)"\x30\x02\x05\x00", 4),
		    1);
		assert_true(X509_REQ_sign(req, ours, EVP_sha256()) > 0);
		judged_request(
		    "no list of extensions", req, "extensions are malformed");
		X509_REQ_free(req);
	}
}

static void
a_directory_name_is_refused(void **state)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	X509_NAME *dn = X509_NAME_new();

	(void)state;
	X509_NAME_add_entry_by_txt(
	    dn, "O", MBSTRING_ASC, (const unsigned char *)"Bob", -1, -1, 0);
	GENERAL_NAME_set0_value(name, GEN_DIRNAME, dn);
	sk_GENERAL_NAME_push(names, name);
	judged_names("directoryName", names, "neither DNS nor IP");
	GENERAL_NAMES_free(names);
}

/* What a person sees of it. */
static void
facts_are_whole(void **state)
{
	static const char *const wish =
	    "Legal name: O=Alice\n"
	    "Name 1 of 3: DNS bank.example\n"
	    "Name 2 of 3: DNS *.corda.net (is a wildcard)\n"
	    "Name 3 of 3: IP 10.0.0.1\n"
	    "Certificate authority: no\n"
	    "Key: EC P-256\n"
	    "Key (SHA-256): ";
	static const char *const rest =
	    "\nSignature: ecdsa-with-SHA256\n"
	    "Usages asked for, not given: keyCertSign, cRLSign, OCSPSigning\n"
	    "Extensions asked for, not given: nsComment\n";
	static const struct wish wanted[] = {
	    {NID_subject_alt_name,
		"DNS:bank.example,DNS:*.corda.net,IP:10.0.0.1,"
		"DNS:BANK.example"},
	    {NID_key_usage, "critical,keyCertSign,cRLSign"},
	    {NID_ext_key_usage, "OCSPSigning"},
	    {NID_netscape_comment, "hello"},
	};
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	struct buf der, text;
	struct fault f = {""};
	struct csr csr;
	X509V3_CTX ctx;
	X509_REQ *req;

	(void)state;
	X509V3_set_ctx(&ctx, NULL, NULL, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	for (size_t i = 0; i < 4; i++)
		sk_X509_EXTENSION_push(list,
		    X509V3_EXT_conf_nid(
			NULL, &ctx, wanted[i].nid, wanted[i].value));
	req = with_extensions(list);
	buf_init(&der, 65536);
	buf_init(&text, 65536);
	test_csr_der(&der, req);
	if (csr_read(&csr, buf_view(&der), &f) != 0)
		fail_msg("%s", f.msg);
	csr_facts_of(&text, buf_view(&der), csr_facts);
	assert_memory_equal(buf_str(&text), wish, strlen(wish));
	assert_string_equal(buf_str(&text) + strlen(wish) + 64, rest);
	text.len = 0;
	csr_facts_short(&text, &csr);
	assert_string_equal(buf_str(&text),
	    "DNS bank.example, DNS *.corda.net, IP 10.0.0.1; EC P-256");
	csr_cleanup(&csr);
	buf_free(&der);
	buf_free(&text);
	X509_REQ_free(req);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

/* The rest. */

static void
a_body_is_one_request(void **state)
{
	X509_REQ *req = test_csr(ours, "Alice"), *other_req;
	BIO *mem = BIO_new(BIO_s_mem());
	struct buf der;
	char *pem;
	long len;

	(void)state;
	buf_init(&der, 65536);
	test_csr_der(&der, req);
	judged("DER", der.p, der.len, NULL);
	buf_byte(&der, 0);
	judged("a byte behind", der.p, der.len, "bytes follow");
	judged("a byte less", der.p, der.len - 2, "not a PKCS#10");
	judged("nothing", "", 0, "not a PKCS#10");
	judged("text", "hello", 5, "not a PKCS#10");
	assert_int_equal(PEM_write_bio_X509_REQ(mem, req), 1);
	len = BIO_get_mem_data(mem, &pem);
	judged("PEM", pem, (size_t)len, NULL);
	BIO_free(mem);
	buf_free(&der);
	X509_REQ_free(req);
	/* The name's own rules are tested elsewhere; that they are asked, here.
	 */
	other_req = test_csr(ours, "a\nb");
	judged_request("a name", other_req, "the request's subject");
	X509_REQ_free(other_req);
}

/* The hash stands for the key: no two keys share one, one key has one. */
static void
the_hash_is_of_the_key(void **state)
{
	EVP_PKEY *const keys[] = {ours, ours, other};
	static const char *const name[] = {"Alice", "Bob", "Alice"};
	struct csr csr[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		X509_REQ *req = test_csr(keys[i], name[i]);
		struct buf der;
		struct fault f;

		buf_init(&der, 65536);
		test_csr_der(&der, req);
		assert_int_equal(csr_read(&csr[i], buf_view(&der), &f), 0);
		assert_int_equal(strlen(csr[i].key_hash), 64);
		buf_free(&der);
		X509_REQ_free(req);
	}
	assert_string_equal(csr[0].subject, "O=Alice");
	assert_string_equal(csr[1].subject, "O=Bob");
	assert_string_equal(csr[0].key_hash, csr[1].key_hash);
	assert_string_not_equal(csr[0].key_hash, csr[2].key_hash);
	for (int i = 0; i < 3; i++)
		csr_cleanup(&csr[i]);
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
	    cmocka_unit_test(extensions_are_names),
	    cmocka_unit_test(names_are_counted),
	    cmocka_unit_test(names_are_names),
	    cmocka_unit_test(unreadable_extensions_are_refused),
	    cmocka_unit_test(a_directory_name_is_refused),
	    cmocka_unit_test(facts_are_whole),
	    cmocka_unit_test(a_body_is_one_request),
	    cmocka_unit_test(the_hash_is_of_the_key),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
