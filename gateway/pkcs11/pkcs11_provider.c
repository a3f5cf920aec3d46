/*
 * pkcs11_provider: keys of a token as EVP_PKEYs. An OpenSSL provider inside
 * the program, alone in a library context of its own, so that nobody who asks
 * OpenSSL for an algorithm is ever given one of these: a key brings its
 * provider along. The public half is an ordinary key, to which whatever needs
 * no private one is left. Signing waits on async_wait's terms.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "gateway/pkcs11/async_wait.h"
#include "gateway/pkcs11/pkcs11_internal.h"

#define PROVIDER_NAME "p2p-token"
#define PROVIDER_KEY  "p2p-token-key" /* parameter: a struct pkcs11_key * */

#define FN(f) ((void (*)(void))(f))

/* Set by main's thread when a token is opened. */
static OSSL_LIB_CTX *lib;
static OSSL_PROVIDER *provider;

/* Keys: wrap a pkcs11_key. */

struct wrapped {
	struct pkcs11_key *key; /* a reference; NULL while empty */
};

static void *
key_new(void *provctx)
{
	(void)provctx;
	return calloc(1, sizeof(struct wrapped));
}

static void
key_free(void *data)
{
	struct wrapped *w = data;

	if (w != NULL)
		pkcs11_key_free(w->key);
	free(w);
}

static int
key_has(const void *data, int selection)
{
	const struct wrapped *w = data;

	(void)selection;
	return w != NULL && w->key != NULL;
}

static int
key_match(const void *a, const void *b, int selection)
{
	const struct wrapped *x = a, *y = b;

	(void)selection;
	return EVP_PKEY_eq(x->key->public, y->key->public) == 1;
}

/* Nothing becomes one of these but by pkcs11_pkey_new. */
static int
key_import(void *data, int selection, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, PROVIDER_KEY);
	struct wrapped *w = data;
	const void *key = NULL;
	size_t len = 0;

	(void)selection;
	if (p == NULL || OSSL_PARAM_get_octet_ptr(p, &key, &len) != 1 ||
	    len != sizeof(struct pkcs11_key))
		return 0;
	w->key = pkcs11_key_up_ref((struct pkcs11_key *)(uintptr_t)key);
	return 1;
}

static const OSSL_PARAM *
key_import_types(int selection)
{
	static const OSSL_PARAM types[] = {
	    OSSL_PARAM_octet_ptr(PROVIDER_KEY, NULL, 0), OSSL_PARAM_END};

	(void)selection;
	return types;
}

/* The private half cannot go anywhere, whoever asks. */
static int
key_export(void *data, int selection, OSSL_CALLBACK *cb, void *arg)
{
	const struct wrapped *w = data;

	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		return 0;
	return EVP_PKEY_export(w->key->public, selection, cb, arg);
}

static const OSSL_PARAM *
key_export_types(int selection)
{
	static const OSSL_PARAM types[] = {
	    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
	    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
	    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0), OSSL_PARAM_END};

	return selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY ? NULL : types;
}

static int
key_get_params(void *data, OSSL_PARAM params[])
{
	const struct wrapped *w = data;
	OSSL_PARAM *p = OSSL_PARAM_locate(params, PROVIDER_KEY);

	if (p != NULL)
		return OSSL_PARAM_set_octet_ptr(
		    p, w->key, sizeof(struct pkcs11_key));
	return EVP_PKEY_get_params(w->key->public, params);
}

static const OSSL_PARAM *
key_gettable_params(void *provctx)
{
	static const OSSL_PARAM types[] = {
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
	    OSSL_PARAM_octet_ptr(PROVIDER_KEY, NULL, 0), OSSL_PARAM_END};

	(void)provctx;
	return types;
}

static const char *
ec_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

#define KEY_FUNCTIONS                                                      \
	{OSSL_FUNC_KEYMGMT_NEW, FN(key_new)},                              \
	    {OSSL_FUNC_KEYMGMT_FREE, FN(key_free)},                        \
	    {OSSL_FUNC_KEYMGMT_HAS, FN(key_has)},                          \
	    {OSSL_FUNC_KEYMGMT_MATCH, FN(key_match)},                      \
	    {OSSL_FUNC_KEYMGMT_IMPORT, FN(key_import)},                    \
	    {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, FN(key_import_types)},        \
	    {OSSL_FUNC_KEYMGMT_EXPORT, FN(key_export)},                    \
	    {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, FN(key_export_types)},        \
	    {OSSL_FUNC_KEYMGMT_GET_PARAMS, FN(key_get_params)},            \
	{                                                                  \
		OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, FN(key_gettable_params) \
	}

static const OSSL_DISPATCH key_functions[] = {KEY_FUNCTIONS, {0, NULL}};
static const OSSL_DISPATCH ec_key_functions[] = {KEY_FUNCTIONS,
    {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, FN(ec_operation)}, {0, NULL}};

/* Signatures. */

struct signing {
	struct pkcs11_key *key; /* lent: OpenSSL holds the EVP_PKEY */
	EVP_MD *md;             /* NULL: the message itself is signed */
	EVP_MD_CTX *digest;
	int padding;  /* RSA_PKCS1_PADDING, _PSS_PADDING */
	int salt_len; /* -1: as the digest */
};

static void *
signing_new(void *provctx, const char *propq)
{
	struct signing *s = calloc(1, sizeof(*s));

	(void)provctx;
	(void)propq;
	if (s != NULL) {
		s->padding = RSA_PKCS1_PADDING;
		s->salt_len = RSA_PSS_SALTLEN_DIGEST;
	}
	return s;
}

static void
signing_free(void *ctx)
{
	struct signing *s = ctx;

	if (s == NULL)
		return;
	EVP_MD_CTX_free(s->digest);
	EVP_MD_free(s->md);
	free(s);
}

static void *
signing_dup(void *ctx)
{
	const struct signing *from = ctx;
	struct signing *s = malloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = *from;
	if (s->md != NULL)
		EVP_MD_up_ref(s->md);
	s->digest = from->digest != NULL ? EVP_MD_CTX_new() : NULL;
	if (from->digest != NULL &&
	    (s->digest == NULL ||
		EVP_MD_CTX_copy_ex(s->digest, from->digest) != 1)) {
		signing_free(s);
		return NULL;
	}
	return s;
}

/* Digests are OpenSSL's own, of its default context. */
static int
set_digest(struct signing *s, const char *name)
{
	EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);

	if (md == NULL || !pkcs11_knows_digest(EVP_MD_get_type(md))) {
		EVP_MD_free(md);
		return 0;
	}
	EVP_MD_free(s->md);
	s->md = md;
	return 1;
}

/* Numbers as the calls of C give them, words as those of configurations. */
static int
read_padding(struct signing *s, const OSSL_PARAM *p)
{
	const char *word = NULL;

	if (p->data_type == OSSL_PARAM_UTF8_STRING) {
		word = p->data;
		s->padding = strcmp(word, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0
		    ? RSA_PKCS1_PSS_PADDING
		    : strcmp(word, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0
		    ? RSA_PKCS1_PADDING
		    : 0;
	} else if (OSSL_PARAM_get_int(p, &s->padding) != 1) {
		s->padding = 0;
	}
	return s->padding == RSA_PKCS1_PADDING ||
	    s->padding == RSA_PKCS1_PSS_PADDING;
}

static int
read_salt(struct signing *s, const OSSL_PARAM *p)
{
	if (p->data_type == OSSL_PARAM_UTF8_STRING) {
		const char *word = p->data;

		if (strcmp(word, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 0)
			s->salt_len = RSA_PSS_SALTLEN_DIGEST;
		else
			s->salt_len = *word >= '0' && *word <= '9'
			    ? atoi(word)
			    : RSA_PSS_SALTLEN_AUTO;
	} else if (OSSL_PARAM_get_int(p, &s->salt_len) != 1) {
		return 0;
	}
	return s->salt_len >= 0 || s->salt_len == RSA_PSS_SALTLEN_DIGEST;
}

static int
signing_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct signing *s = ctx;
	const OSSL_PARAM *p;

	if (params == NULL)
		return 1;
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (p != NULL && !read_padding(s, p))
		return 0;
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
	if (p != NULL && !read_salt(s, p))
		return 0;
	/* MGF1 goes with the digest of the message, and with no other. */
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
	return p == NULL ||
	    (s->md != NULL && p->data_type == OSSL_PARAM_UTF8_STRING &&
		EVP_MD_is_a(s->md, p->data));
}

static const OSSL_PARAM *
signing_settable(void *ctx, void *provctx)
{
	static const OSSL_PARAM types[] = {
	    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
	    OSSL_PARAM_END};

	(void)ctx;
	(void)provctx;
	return types;
}

static int
key_nid(const struct signing *s)
{
	return EVP_PKEY_get_base_id(s->key->public);
}

/* RFC 3279 2.2: what X.509 says of a signature. Of PSS it is never asked. */
static int
set_algorithm(const struct signing *s, OSSL_PARAM *p)
{
	unsigned char *der = NULL;
	X509_ALGOR *alg = X509_ALGOR_new();
	int nid = key_nid(s), ok = 0, len;

	if (alg == NULL || s->padding != RSA_PKCS1_PADDING)
		goto out;
	if (s->md != NULL &&
	    OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(s->md), nid) != 1)
		goto out;
	if (X509_ALGOR_set0(alg, OBJ_nid2obj(nid),
		key_nid(s) == EVP_PKEY_RSA ? V_ASN1_NULL : V_ASN1_UNDEF,
		NULL) != 1)
		goto out;
	len = i2d_X509_ALGOR(alg, &der);
	ok = len > 0 && OSSL_PARAM_set_octet_string(p, der, (size_t)len) == 1;
out:
	OPENSSL_free(der);
	X509_ALGOR_free(alg);
	return ok;
}

static int
signing_get_params(void *ctx, OSSL_PARAM params[])
{
	const struct signing *s = ctx;
	OSSL_PARAM *p =
	    OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);

	return p == NULL || set_algorithm(s, p);
}

static const OSSL_PARAM *
signing_gettable(void *ctx, void *provctx)
{
	static const OSSL_PARAM types[] = {
	    OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
	    OSSL_PARAM_END};

	(void)ctx;
	(void)provctx;
	return types;
}

static int
signing_init(
    void *ctx, const char *digest, void *data, const OSSL_PARAM params[])
{
	const struct wrapped *w = data;
	struct signing *s = ctx;
	bool none = digest == NULL || *digest == '\0';

	if (w != NULL)
		s->key = w->key;
	if (s->key == NULL)
		return 0;
	if (key_nid(s) == EVP_PKEY_ED25519)
		return none && signing_set_params(s, params);
	if (set_digest(s, none ? "SHA256" : digest) != 1)
		return 0;
	if (s->digest == NULL)
		s->digest = EVP_MD_CTX_new();
	return s->digest != NULL &&
	    EVP_DigestInit_ex2(s->digest, s->md, NULL) == 1 &&
	    signing_set_params(s, params);
}

static int
signing_update(void *ctx, const unsigned char *data, size_t len)
{
	struct signing *s = ctx;

	return s->digest != NULL && EVP_DigestUpdate(s->digest, data, len) == 1;
}

static int
pkcs11_sign(struct signing *s, unsigned char *sig, size_t *sig_len, size_t max,
    const unsigned char *data, size_t len)
{
	struct pkcs11_job *job =
	    pkcs11_job_new(s->key->token, PKCS11_WORK_SIGN, data, len);
	struct err err = {0};
	int rc = E_NOMEM;

	if (job != NULL) {
		int kind = key_nid(s);

		job->key = pkcs11_key_up_ref(s->key);
		job->mechanism = kind == EVP_PKEY_EC  ? PKCS11_ECDSA
		    : kind == EVP_PKEY_ED25519        ? PKCS11_EDDSA
		    : s->padding == RSA_PKCS1_PADDING ? PKCS11_RSA_PKCS1
						      : PKCS11_RSA_PSS;
		job->digest_nid = s->md != NULL ? EVP_MD_get_type(s->md) : 0;
		job->salt_len =
		    s->salt_len >= 0 ? (unsigned)s->salt_len : (unsigned)len;
		rc = async_wait_for(job, &err);
	}
	if (rc == 0 && job->signature_len <= max) {
		memcpy(sig, job->signature, job->signature_len);
		*sig_len = job->signature_len;
	} else {
		rc = E_IO;
		ERR_raise_data(
		    ERR_LIB_USER, ERR_R_OPERATION_FAIL, "%s", err.msg);
	}
	pkcs11_job_drop(job);
	return rc == 0;
}

static int
signing_final(void *ctx, unsigned char *sig, size_t *sig_len, size_t max)
{
	struct signing *s = ctx;
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (sig == NULL) {
		*sig_len = (size_t)EVP_PKEY_get_size(s->key->public);
		return 1;
	}
	return s->digest != NULL &&
	    EVP_DigestFinal_ex(s->digest, md, &len) == 1 &&
	    pkcs11_sign(s, sig, sig_len, max, md, len);
}

static int
signing_once(void *ctx, unsigned char *sig, size_t *sig_len, size_t max,
    const unsigned char *data, size_t len)
{
	struct signing *s = ctx;

	if (sig == NULL) {
		*sig_len = (size_t)EVP_PKEY_get_size(s->key->public);
		return 1;
	}
	return pkcs11_sign(s, sig, sig_len, max, data, len);
}

#define SIGNING_FUNCTIONS                                                     \
	{OSSL_FUNC_SIGNATURE_NEWCTX, FN(signing_new)},                        \
	    {OSSL_FUNC_SIGNATURE_FREECTX, FN(signing_free)},                  \
	    {OSSL_FUNC_SIGNATURE_DUPCTX, FN(signing_dup)},                    \
	    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, FN(signing_init)},         \
	    {OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, FN(signing_get_params)},     \
	    {OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, FN(signing_gettable)},  \
	    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, FN(signing_set_params)},     \
	{                                                                     \
		OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, FN(signing_settable) \
	}

static const OSSL_DISPATCH digest_functions[] = {SIGNING_FUNCTIONS,
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, FN(signing_update)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, FN(signing_final)}, {0, NULL}};
static const OSSL_DISPATCH message_functions[] = {SIGNING_FUNCTIONS,
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, FN(signing_once)}, {0, NULL}};

/* The provider. */

#define NAMES_RSA "RSA:rsaEncryption:1.2.840.113549.1.1.1"
#define NAMES_EC  "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define NAMES_ED  "ED25519:1.3.101.112"
#define PROPERTY  "provider=" PROVIDER_NAME

static const OSSL_ALGORITHM *
query(void *provctx, int operation, int *no_cache)
{
	static const OSSL_ALGORITHM keys[] = {
	    {NAMES_EC, PROPERTY, ec_key_functions, NULL},
	    {NAMES_RSA, PROPERTY, key_functions, NULL},
	    {NAMES_ED, PROPERTY, key_functions, NULL},
	    {NULL, NULL, NULL, NULL}};
	static const OSSL_ALGORITHM signatures[] = {
	    {"ECDSA", PROPERTY, digest_functions, NULL},
	    {NAMES_RSA, PROPERTY, digest_functions, NULL},
	    {NAMES_ED, PROPERTY, message_functions, NULL},
	    {NULL, NULL, NULL, NULL}};

	(void)provctx;
	*no_cache = 0;
	return operation == OSSL_OP_KEYMGMT  ? keys
	    : operation == OSSL_OP_SIGNATURE ? signatures
					     : NULL;
}

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **provctx)
{
	static const OSSL_DISPATCH functions[] = {
	    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, FN(query)}, {0, NULL}};

	(void)in;
	*out = functions;
	*provctx = (void *)(uintptr_t)handle;
	return 1;
}

int
pkcs11_provider_load(struct err *err)
{
	lib = OSSL_LIB_CTX_new();
	if (lib == NULL ||
	    OSSL_PROVIDER_add_builtin(lib, PROVIDER_NAME, provider_init) != 1 ||
	    (provider = OSSL_PROVIDER_load(lib, PROVIDER_NAME)) == NULL) {
		pkcs11_provider_unload();
		return err_ossl(
		    err, E_INTERNAL, "cannot set up keys of a token");
	}
	return 0;
}

void
pkcs11_provider_unload(void)
{
	OSSL_PROVIDER_unload(provider);
	OSSL_LIB_CTX_free(lib);
	provider = NULL;
	lib = NULL;
}

/* EVP_PKEY. */

int
pkcs11_pkey_new(EVP_PKEY **out, struct pkcs11_key *key, struct err *err)
{
	void *p = key;
	OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_ptr(
				   PROVIDER_KEY, &p, sizeof(struct pkcs11_key)),
	    OSSL_PARAM_construct_end()};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(
	    lib, EVP_PKEY_get0_type_name(key->public), NULL);

	params[0].data_size = sizeof(struct pkcs11_key);
	*out = NULL;
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, out, EVP_PKEY_KEYPAIR, params) != 1) {
		EVP_PKEY_CTX_free(ctx);
		*out = NULL;
		return err_ossl(err, E_INTERNAL, "cannot use a key of a token");
	}
	EVP_PKEY_CTX_free(ctx);
	return 0;
}

bool
pkcs11_has(const EVP_PKEY *key)
{
	const OSSL_PROVIDER *p = EVP_PKEY_get0_provider(key);

	return p != NULL && p == provider;
}

EVP_PKEY *
pkcs11_get0_public(EVP_PKEY *key)
{
	const void *k = NULL;
	OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_ptr(
				   PROVIDER_KEY, (void **)(uintptr_t)&k, 0),
	    OSSL_PARAM_construct_end()};

	if (!pkcs11_has(key))
		return key;
	if (EVP_PKEY_get_params(key, params) != 1 || k == NULL)
		return NULL;
	return ((const struct pkcs11_key *)k)->public;
}
