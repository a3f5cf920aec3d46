/*
 * pkcs11_object: finds keys in a token, makes them, reads their public half.
 * Runs on a token's thread with a session.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>

#include "gateway/pkcs11/pkcs11_internal.h"

/* The largest attribute that is read: the modulus of 16384 bits. */
#define VALUE_MAX 2048

/* What kinds of key are called, in OpenSSL and in tokens (DER of the curve). */
static const struct {
	CK_MECHANISM_TYPE mechanism;
	CK_KEY_TYPE type;
	CK_BYTE params[10];
	CK_ULONG params_len;
	CK_ULONG bits;
} kinds[] = {
    [PKCS11_P256] = {CKM_EC_KEY_PAIR_GEN, CKK_EC,
	{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, 10, 0},
    [PKCS11_P384] = {CKM_EC_KEY_PAIR_GEN, CKK_EC,
	{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22}, 7, 0},
    [PKCS11_RSA3072] = {CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, {0}, 0, 3072},
    [PKCS11_ED25519] = {CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS,
	{0x06, 0x03, 0x2b, 0x65, 0x70}, 5, 0},
};

/* Keys. */

struct pkcs11_key *
pkcs11_key_new(struct pkcs11 *t, const unsigned char *id, size_t id_len,
    const char *label, EVP_PKEY *public)
{
	struct pkcs11_key *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	ref_init(&k->ref);
	k->token = t;
	memcpy(k->id, id, id_len);
	k->id_len = id_len;
	snprintf(k->label, sizeof(k->label), "%s", label);
	EVP_PKEY_up_ref(public);
	k->public = public;
	return k;
}

struct pkcs11_key *
pkcs11_key_up_ref(struct pkcs11_key *k)
{
	ref_up(&k->ref);
	return k;
}

void
pkcs11_key_free(struct pkcs11_key *k)
{
	if (k == NULL || !ref_down(&k->ref))
		return;
	EVP_PKEY_free(k->public);
	free(k);
}

/* Reading. */

CK_RV
pkcs11_search(struct pkcs11_thread *s, CK_OBJECT_CLASS class,
    const unsigned char *id, size_t id_len, const char *label,
    CK_OBJECT_HANDLE *out, CK_ULONG max, CK_ULONG *num)
{
	CK_FUNCTION_LIST_PTR fn = s->token->fn;
	CK_ATTRIBUTE want[3] = {{CKA_CLASS, &class, sizeof(class)}};
	CK_ULONG n = 1;
	CK_RV rv;

	*num = 0;
	if (id_len > 0)
		want[n++] = (CK_ATTRIBUTE){
		    CKA_ID, (void *)(uintptr_t)id, (CK_ULONG)id_len};
	if (*label != '\0')
		want[n++] = (CK_ATTRIBUTE){CKA_LABEL, (void *)(uintptr_t)label,
		    (CK_ULONG)strlen(label)};
	rv = fn->C_FindObjectsInit(s->session, want, n);
	if (rv != CKR_OK)
		return rv;
	rv = fn->C_FindObjects(s->session, out, max, num);
	fn->C_FindObjectsFinal(s->session);
	return rv;
}

/* One attribute; its length, or -1 when it is not there or not to be read. */
static long
read_value(struct pkcs11_thread *s, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type, void *out, size_t max)
{
	CK_ATTRIBUTE a = {type, out, (CK_ULONG)max};

	if (s->token->fn->C_GetAttributeValue(s->session, object, &a, 1) !=
		CKR_OK ||
	    a.ulValueLen == CK_UNAVAILABLE_INFORMATION || a.ulValueLen > max)
		return -1;
	return (long)a.ulValueLen;
}

/* False also when the token does not say. */
static bool
is_true(
    struct pkcs11_thread *s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL b = CK_FALSE;

	return read_value(s, object, type, &b, sizeof(b)) == sizeof(b) &&
	    b == CK_TRUE;
}

static EVP_PKEY *
from_params(const char *name, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *
read_rsa(struct pkcs11_thread *s, CK_OBJECT_HANDLE object)
{
	unsigned char n[VALUE_MAX], e[VALUE_MAX];
	long n_len = read_value(s, object, CKA_MODULUS, n, sizeof(n));
	long e_len = read_value(s, object, CKA_PUBLIC_EXPONENT, e, sizeof(e));
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *bn = n_len > 0 ? BN_bin2bn(n, (int)n_len, NULL) : NULL;
	BIGNUM *be = e_len > 0 ? BN_bin2bn(e, (int)e_len, NULL) : NULL;
	EVP_PKEY *key = NULL;

	if (bld != NULL && bn != NULL && be != NULL &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, be) == 1)
		key = from_params("RSA", bld);
	OSSL_PARAM_BLD_free(bld);
	BN_free(bn);
	BN_free(be);
	return key;
}

/* CKA_EC_POINT is an OCTET STRING; some give what is in it. */
static long
read_point(struct pkcs11_thread *s, CK_OBJECT_HANDLE object, unsigned char *out)
{
	unsigned char der[VALUE_MAX];
	const unsigned char *p = der;
	long len = read_value(s, object, CKA_EC_POINT, der, sizeof(der));
	ASN1_OCTET_STRING *os;

	if (len <= 0)
		return -1;
	os = d2i_ASN1_OCTET_STRING(NULL, &p, len);
	if (os != NULL && p == der + len) {
		len = ASN1_STRING_length(os);
		memcpy(out, ASN1_STRING_get0_data(os), (size_t)len);
	} else {
		memcpy(out, der, (size_t)len);
	}
	ASN1_OCTET_STRING_free(os);
	ERR_clear_error();
	return len;
}

static EVP_PKEY *
read_ec(struct pkcs11_thread *s, CK_OBJECT_HANDLE object)
{
	unsigned char params[VALUE_MAX], point[VALUE_MAX];
	long len = read_value(s, object, CKA_EC_PARAMS, params, sizeof(params));
	long point_len = read_point(s, object, point);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	const char *curve = NULL;
	EVP_PKEY *key = NULL;

	for (size_t i = PKCS11_P256; i <= PKCS11_P384; i++)
		if (len == (long)kinds[i].params_len &&
		    memcmp(params, kinds[i].params, (size_t)len) == 0)
			curve = i == PKCS11_P256 ? "P-256" : "P-384";
	if (bld != NULL && curve != NULL && point_len > 0 &&
	    OSSL_PARAM_BLD_push_utf8_string(
		bld, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(
		bld, OSSL_PKEY_PARAM_PUB_KEY, point, (size_t)point_len) == 1)
		key = from_params("EC", bld);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

static EVP_PKEY *
read_edwards(struct pkcs11_thread *s, CK_OBJECT_HANDLE object)
{
	unsigned char point[VALUE_MAX];
	long len = read_point(s, object, point);

	return len == 32 ? EVP_PKEY_new_raw_public_key(
			       EVP_PKEY_ED25519, NULL, point, (size_t)len)
			 : NULL;
}

static EVP_PKEY *
read_public(struct pkcs11_thread *s, CK_OBJECT_HANDLE object, CK_KEY_TYPE type,
    struct err *err)
{
	EVP_PKEY *key = NULL;

	switch (type) {
	case CKK_RSA:
		key = read_rsa(s, object);
		break;
	case CKK_EC:
		key = read_ec(s, object);
		break;
	case CKK_EC_EDWARDS:
		key = read_edwards(s, object);
		break;
	default:
		break;
	}
	ERR_clear_error();
	if (key == NULL)
		err_set(err, E_PARSE,
		    "its public key is not there or of no kind that can be "
		    "used: expected RSA, P-256, P-384 or Ed25519");
	return key;
}

/* Finding. */

/* The object that holds the public half: its own, or the private one. */
static CK_OBJECT_HANDLE
public_of(struct pkcs11_thread *s, CK_OBJECT_HANDLE private,
    const unsigned char *id, size_t id_len, const char *label)
{
	CK_OBJECT_HANDLE found[2];
	CK_ULONG num = 0;

	if (pkcs11_search(s, CKO_PUBLIC_KEY, id, id_len,
		id_len > 0 ? "" : label, found, 2, &num) == CKR_OK &&
	    num == 1)
		return found[0];
	return private;
}

CK_RV
pkcs11_do_find(struct pkcs11_thread *s, struct pkcs11_job *job)
{
	const struct pkcs11_uri *w = &job->which;
	unsigned char id[PKCS11_ID_MAX];
	CK_KEY_TYPE type = CKK_VENDOR_DEFINED;
	CK_OBJECT_HANDLE found[2], public;
	EVP_PKEY *pkey = NULL;
	CK_ULONG num;
	long id_len;
	CK_RV rv = pkcs11_search(
	    s, CKO_PRIVATE_KEY, w->id, w->id_len, w->object, found, 2, &num);

	if (rv != CKR_OK) {
		pkcs11_fail(&job->err, E_IO, "cannot search the token", rv);
		return rv;
	}
	if (num != 1) {
		err_set(&job->err, E_PARSE,
		    "the token '%s' has %s private key of that name",
		    s->token->name.token, num == 0 ? "no" : "more than one");
		return CKR_OK;
	}
	if (is_true(s, found[0], CKA_ALWAYS_AUTHENTICATE)) {
		err_set(&job->err, E_PARSE,
		    "the key wants the PIN for every signature "
		    "(CKA_ALWAYS_AUTHENTICATE), which is not supported");
		return CKR_OK;
	}
	id_len = read_value(s, found[0], CKA_ID, id, sizeof(id));
	id_len = id_len > 0 ? id_len : 0;
	read_value(s, found[0], CKA_KEY_TYPE, &type, sizeof(type));
	public = public_of(s, found[0], id, (size_t)id_len, w->object);
	pkey = read_public(s, public, type, &job->err);
	if (pkey != NULL) {
		job->key = pkcs11_key_new(s->token, w->id_len > 0 ? w->id : id,
		    w->id_len > 0 ? w->id_len : (size_t)id_len, w->object,
		    pkey);
		if (job->key == NULL)
			err_set(&job->err, E_NOMEM, "out of memory");
	}
	EVP_PKEY_free(pkey);
	return rv;
}

/* Making. */

static CK_RV
generate(struct pkcs11_thread *s, struct pkcs11_job *job,
    CK_OBJECT_HANDLE *public, CK_OBJECT_HANDLE *private)
{
	CK_MECHANISM mechanism = {kinds[job->kind].mechanism, NULL, 0};
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_BYTE exponent[] = {1, 0, 1};
	CK_ULONG bits = kinds[job->kind].bits;
	CK_BYTE params[sizeof(kinds[0].params)];
	struct pkcs11_uri *w = &job->which;
	CK_ATTRIBUTE pub[] = {
	    {CKA_TOKEN, &yes, sizeof(yes)},
	    {CKA_PRIVATE, &no, sizeof(no)},
	    {CKA_VERIFY, &yes, sizeof(yes)},
	    {CKA_ID, w->id, (CK_ULONG)w->id_len},
	    {CKA_LABEL, w->object, (CK_ULONG)strlen(w->object)},
	    {CKA_EC_PARAMS, params, kinds[job->kind].params_len},
	    {CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)},
	};
	CK_ATTRIBUTE priv[] = {
	    {CKA_TOKEN, &yes, sizeof(yes)},
	    {CKA_PRIVATE, &yes, sizeof(yes)},
	    {CKA_SENSITIVE, &yes, sizeof(yes)},
	    {CKA_EXTRACTABLE, &no, sizeof(no)},
	    {CKA_SIGN, &yes, sizeof(yes)},
	    {CKA_ID, w->id, (CK_ULONG)w->id_len},
	    {CKA_LABEL, w->object, (CK_ULONG)strlen(w->object)},
	};
	CK_ULONG num_pub = 6;

	memcpy(params, kinds[job->kind].params, sizeof(params));
	if (bits > 0) {
		pub[5] = (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof(bits)};
		num_pub = 7;
	}
	return s->token->fn->C_GenerateKeyPair(s->session, &mechanism, pub,
	    num_pub, priv, sizeof(priv) / sizeof(priv[0]), public, private);
}

/* It is the kind of key, not the moment. */
static bool
cannot_make(CK_RV rv)
{
	return rv == CKR_MECHANISM_INVALID || rv == CKR_CURVE_NOT_SUPPORTED ||
	    rv == CKR_DOMAIN_PARAMS_INVALID ||
	    rv == CKR_ATTRIBUTE_VALUE_INVALID ||
	    rv == CKR_TEMPLATE_INCONSISTENT;
}

CK_RV
pkcs11_do_make(struct pkcs11_thread *s, struct pkcs11_job *job)
{
	CK_FUNCTION_LIST_PTR fn = s->token->fn;
	CK_OBJECT_HANDLE public = 0, private = 0;
	EVP_PKEY *pkey = NULL;
	CK_RV rv = generate(s, job, &public, &private);

	if (rv != CKR_OK) {
		pkcs11_fail(&job->err, cannot_make(rv) ? E_PARSE : E_IO,
		    "the token makes no such key", rv);
		return rv;
	}
	pkey = read_public(s, public, kinds[job->kind].type, &job->err);
	if (pkey != NULL &&
	    (!is_true(s, private, CKA_SENSITIVE) ||
		is_true(s, private, CKA_EXTRACTABLE)))
		err_set(&job->err, E_IO,
		    "the token makes keys that can be extracted");
	if (job->err.code == 0) {
		job->key = pkcs11_key_new(s->token, job->which.id,
		    job->which.id_len, job->which.object, pkey);
		if (job->key == NULL)
			err_set(&job->err, E_NOMEM, "out of memory");
	}
	pthread_mutex_lock(&s->token->lock);
	if (job->abandoned) /* nobody will ever know of it */
		err_set(&job->err, E_CLOSED, "nobody waits for it");
	pthread_mutex_unlock(&s->token->lock);
	if (job->err.code != 0) {
		fn->C_DestroyObject(s->session, private);
		fn->C_DestroyObject(s->session, public);
	}
	EVP_PKEY_free(pkey);
	return rv;
}

CK_RV
pkcs11_do_destroy(struct pkcs11_thread *s, struct pkcs11_job *job)
{
	static const CK_OBJECT_CLASS classes[] = {
	    CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
	CK_OBJECT_HANDLE found[2];
	CK_ULONG num;
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < 2 && rv == CKR_OK; i++) {
		rv = pkcs11_search(s, classes[i], job->which.id,
		    job->which.id_len, "", found, 2, &num);
		for (CK_ULONG k = 0; k < num && rv == CKR_OK; k++)
			rv =
			    s->token->fn->C_DestroyObject(s->session, found[k]);
	}
	if (rv != CKR_OK)
		pkcs11_fail(&job->err, E_IO, "cannot destroy a key", rv);
	return rv;
}
