/*
 * trust_dsa: DSA keys without parameters of their own, from a CA whose
 * parameters they inherit, down to a path.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/dsa.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509v3.h>

#include "revcheck/x509/trust_path.h"
#include "revcheck/x509/inherited_dsa.h"

#define AT ((time_t)1768478400)

static struct {
	EVP_PKEY *keys[3];
	X509 *root, *middle, *leaf; /* DSA all; root alone has parameters */
} pki;

static EVP_PKEY *
dsa_params(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
	EVP_PKEY *params = NULL;

	assert_int_equal(EVP_PKEY_paramgen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, 1024), 1);
	assert_int_equal(EVP_PKEY_CTX_set_dsa_paramgen_q_bits(ctx, 160), 1);
	assert_int_equal(EVP_PKEY_paramgen(ctx, &params), 1);
	EVP_PKEY_CTX_free(ctx);
	return params;
}

static EVP_PKEY *
dsa_key(EVP_PKEY *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(params, NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* The key of x without its parameters, as RFC 3279 2.3.2 allows. */
static void
drop_params(X509 *x)
{
	X509_PUBKEY *pub = X509_get_X509_PUBKEY(x);
	const unsigned char *bits;
	unsigned char *own;
	int len;

	X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, pub);
	own = OPENSSL_memdup(bits, (size_t)len);
	assert_int_equal(X509_PUBKEY_set0_param(pub, OBJ_nid2obj(NID_dsa),
			     V_ASN1_UNDEF, NULL, own, len),
	    1);
}

static void
name_add(X509_NAME *n, const char *cn)
{
	X509_NAME_add_entry_by_txt(
	    n, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
}

static X509 *
cert(const char *cn, EVP_PKEY *key, const char *issuer, EVP_PKEY *issuer_key,
    int ca, int inherits)
{
	X509 *x = X509_new(), *read;
	X509_EXTENSION *e = X509V3_EXT_conf_nid(
	    NULL, NULL, NID_basic_constraints, ca ? "CA:TRUE" : "CA:FALSE");
	unsigned char *der = NULL;
	const unsigned char *p;
	int len;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 5);
	name_add(X509_get_subject_name(x), cn);
	name_add(X509_get_issuer_name(x), issuer);
	ASN1_TIME_set(X509_getm_notBefore(x), AT - 86400);
	ASN1_TIME_set(X509_getm_notAfter(x), AT + 86400);
	X509_set_pubkey(x, key);
	if (inherits)
		drop_params(x);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	assert_true(X509_sign(x, issuer_key, EVP_sha256()) > 0);
	/* As it comes from outside. */
	len = i2d_X509(x, &der);
	p = der;
	read = d2i_X509(NULL, &p, len);
	assert_non_null(read);
	OPENSSL_free(der);
	X509_free(x);
	return read;
}

static int
setup(void **state)
{
	EVP_PKEY *params = dsa_params();

	for (size_t i = 0; i < 3; i++)
		pki.keys[i] = dsa_key(params);
	EVP_PKEY_free(params);
	pki.root = cert("root", pki.keys[0], "root", pki.keys[0], 1, 0);
	pki.middle = cert("middle", pki.keys[1], "root", pki.keys[0], 1, 1);
	pki.leaf = cert("leaf", pki.keys[2], "middle", pki.keys[1], 0, 1);
	return 0;
}

static int
teardown(void **state)
{
	for (size_t i = 0; i < 3; i++)
		EVP_PKEY_free(pki.keys[i]);
	X509_free(pki.root);
	X509_free(pki.middle);
	X509_free(pki.leaf);
	return 0;
}

static void
a_key_is_completed_in_a_copy(void **state)
{
	X509 *whole;

	assert_false(inherited_dsa_incomplete(pki.root));
	assert_true(inherited_dsa_incomplete(pki.middle));
	assert_null(X509_get0_pubkey(pki.middle));
	whole = inherited_dsa_complete(pki.middle, pki.root);
	assert_non_null(whole);
	assert_ptr_not_equal(whole, pki.middle);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(whole), pki.keys[1]), 1);
	/* Still what the root signed, and the original is as it was. */
	assert_int_equal(X509_verify(whole, pki.keys[0]), 1);
	assert_int_equal(X509_cmp(whole, pki.middle), 0);
	assert_null(X509_get0_pubkey(pki.middle));
	X509_free(whole);
}

static void
only_the_named_issuer_gives_parameters(void **state)
{
	assert_null(inherited_dsa_complete(pki.root, pki.root));
	assert_null(inherited_dsa_complete(pki.leaf, pki.root));
	assert_null(inherited_dsa_complete(pki.leaf, pki.middle));
}

/* What trust_build_path says of leaf, trusting the root alone. */
static int
path_of(struct trust_path *path, X509 *leaf, X509 *const *untrusted, size_t num,
    int *x509_error, int *index)
{
	struct revcheck_trust *trust = NULL;
	X509 *anchors[1] = {pki.root};
	struct trust_path_order order = {
	    .leaf = leaf,
	    .untrusted = untrusted,
	    .num_untrusted = num,
	    .at = AT,
	};
	struct err err = {0};
	int rc;

	assert_int_equal(revcheck_trust_new(&trust, anchors, 1, NULL), 0);
	rc = trust_build_path(trust, path, &order, x509_error, index, &err);
	revcheck_trust_free(trust);
	return rc;
}

static void
a_path_is_found_through_them(void **state)
{
	X509 *untrusted[3] = {pki.leaf, pki.middle, pki.root};
	struct trust_path path;
	int x509_error, index;

	assert_int_equal(
	    path_of(&path, pki.leaf, untrusted, 3, &x509_error, &index), 1);
	assert_int_equal(path.num, 3);
	assert_ptr_equal(path.certs[0], pki.leaf);
	assert_non_null(X509_get0_pubkey(path.certs[1]));
	trust_path_cleanup(&path);
}

/*
 * Parameters under which this is the key of somebody else, too: a generator
 * whose power it is.
 */
static EVP_PKEY *
dsa_key_known(EVP_PKEY *key)
{
	BIGNUM *p = NULL, *q = NULL, *y = NULL, *g = BN_new(), *x = BN_new();
	BIGNUM *power = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *from = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
	EVP_PKEY *out = NULL;
	OSSL_PARAM *params;

	EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_P, &p);
	EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_Q, &q);
	EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PUB_KEY, &y);
	BN_set_word(x, 12345);
	BN_mod_inverse(power, x, q, ctx);
	BN_mod_exp(g, y, power, p, ctx);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_FFC_P, p);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_FFC_Q, q);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_FFC_G, g);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PUB_KEY, y);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, x);
	params = OSSL_PARAM_BLD_to_param(bld);
	assert_int_equal(EVP_PKEY_fromdata_init(from), 1);
	assert_int_equal(
	    EVP_PKEY_fromdata(from, &out, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(from);
	BN_free(p);
	BN_free(q);
	BN_free(y);
	BN_free(g);
	BN_free(x);
	BN_free(power);
	BN_CTX_free(ctx);
	return out;
}

static void
nobody_else_gives_parameters(void **state)
{
	EVP_PKEY *known = dsa_key_known(pki.keys[1]);
	/* Anybody can make these two; they are not signed by whom they name. */
	X509 *giver = cert("root", known, "root", known, 1, 0);
	X509 *forged = cert("leaf", pki.keys[2], "middle", known, 0, 0);
	X509 *untrusted[4] = {forged, giver, pki.middle, pki.root};
	struct trust_path path;
	int x509_error, index;

	assert_int_equal(
	    path_of(&path, forged, untrusted, 4, &x509_error, &index), 0);
	assert_int_equal(x509_error, X509_V_ERR_CERT_SIGNATURE_FAILURE);
	assert_int_equal(index, 1);
	trust_path_cleanup(&path);
	X509_free(giver);
	X509_free(forged);
	EVP_PKEY_free(known);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_is_completed_in_a_copy),
	    cmocka_unit_test(only_the_named_issuer_gives_parameters),
	    cmocka_unit_test(a_path_is_found_through_them),
	    cmocka_unit_test(nobody_else_gives_parameters),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
