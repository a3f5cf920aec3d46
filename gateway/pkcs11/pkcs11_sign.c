/*
 * pkcs11_sign: one signature, from the form of PKCS#11 to the one of X.509 and
 * TLS. Runs on a token's thread with a session.
 */
#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "gateway/pkcs11/pkcs11_internal.h"

static const struct hash {
	int nid;
	CK_MECHANISM_TYPE mechanism;
	CK_ULONG mgf;
} hashes[] = {
    {NID_sha256, CKM_SHA256, CKG_MGF1_SHA256},
    {NID_sha384, CKM_SHA384, CKG_MGF1_SHA384},
    {NID_sha512, CKM_SHA512, CKG_MGF1_SHA512},
    {NID_sha224, CKM_SHA224, CKG_MGF1_SHA224},
    {NID_sha1, CKM_SHA_1, CKG_MGF1_SHA1},
};

static const struct hash *
hash_of(int nid)
{
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if (hashes[i].nid == nid)
			return &hashes[i];
	return NULL;
}

bool
pkcs11_knows_digest(int nid)
{
	return hash_of(nid) != NULL;
}

/* r || s of PKCS#11 becomes the SEQUENCE of RFC 3279 2.2.3. */
static int
ecdsa_to_der(struct pkcs11_job *job, const unsigned char *raw, size_t len)
{
	BIGNUM *r = BN_bin2bn(raw, (int)(len / 2), NULL);
	BIGNUM *s = BN_bin2bn(raw + len / 2, (int)(len / 2), NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *p = job->signature;
	int n = -1;

	if (r != NULL && s != NULL && sig != NULL &&
	    ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL;
		n = i2d_ECDSA_SIG(sig, NULL);
		if (n > 0 && n <= PKCS11_SIGNATURE_MAX)
			n = i2d_ECDSA_SIG(sig, &p);
	}
	ECDSA_SIG_free(sig);
	BN_free(r);
	BN_free(s);
	job->signature_len = n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : E_PARSE;
}

/* RFC 8017 9.2: CKM_RSA_PKCS takes the DigestInfo ready made. */
static int
digest_info(unsigned char *out, size_t max, const struct pkcs11_job *job)
{
	X509_SIG *info = X509_SIG_new();
	X509_ALGOR *alg = NULL;
	ASN1_OCTET_STRING *os = NULL;
	int len = -1;

	if (info == NULL)
		return -1;
	X509_SIG_getm(info, &alg, &os);
	if (X509_ALGOR_set0(
		alg, OBJ_nid2obj(job->digest_nid), V_ASN1_NULL, NULL) == 1 &&
	    ASN1_OCTET_STRING_set(os, job->data, (int)job->data_len) == 1)
		len = i2d_X509_SIG(info, NULL);
	if (len > 0 && (size_t)len <= max)
		len = i2d_X509_SIG(info, &out);
	else
		len = -1;
	X509_SIG_free(info);
	return len;
}

static CK_RV
sign_with(struct pkcs11_thread *s, struct pkcs11_job *job, CK_OBJECT_HANDLE key,
    CK_MECHANISM *mechanism, unsigned char *input, size_t len)
{
	CK_FUNCTION_LIST_PTR fn = s->token->fn;
	unsigned char raw[PKCS11_SIGNATURE_MAX];
	CK_ULONG raw_len = sizeof(raw);
	CK_RV rv = fn->C_SignInit(s->session, mechanism, key);

	if (rv == CKR_OK)
		rv =
		    fn->C_Sign(s->session, input, (CK_ULONG)len, raw, &raw_len);
	if (rv != CKR_OK) {
		pkcs11_fail(&job->err, E_IO, "the token does not sign", rv);
		return rv;
	}
	if (job->mechanism != PKCS11_ECDSA) {
		memcpy(job->signature, raw, raw_len);
		job->signature_len = raw_len;
	} else if (raw_len % 2 != 0 || ecdsa_to_der(job, raw, raw_len) != 0) {
		err_ossl(&job->err, E_IO, "the token's signature is malformed");
	}
	return CKR_OK;
}

static CK_RV
sign(struct pkcs11_thread *s, struct pkcs11_job *job, CK_OBJECT_HANDLE key)
{
	CK_RSA_PKCS_PSS_PARAMS pss = {0};
	CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
	unsigned char info[256];
	const struct hash *hash;
	int len;

	switch (job->mechanism) {
	case PKCS11_ECDSA:
		break;
	case PKCS11_EDDSA:
		mechanism.mechanism = CKM_EDDSA;
		break;
	case PKCS11_RSA_PKCS1:
		mechanism.mechanism = CKM_RSA_PKCS;
		len = digest_info(info, sizeof(info), job);
		if (len < 0) {
			err_ossl(
			    &job->err, E_INTERNAL, "cannot encode a digest");
			return CKR_OK;
		}
		return sign_with(s, job, key, &mechanism, info, (size_t)len);
	case PKCS11_RSA_PSS:
		hash = hash_of(job->digest_nid);
		if (hash == NULL) {
			err_set(&job->err, E_ARG, "no such digest");
			return CKR_OK;
		}
		pss.hashAlg = hash->mechanism;
		pss.mgf = hash->mgf;
		pss.sLen = job->salt_len;
		mechanism = (CK_MECHANISM){CKM_RSA_PKCS_PSS, &pss, sizeof(pss)};
		break;
	}
	return sign_with(s, job, key, &mechanism, job->data, job->data_len);
}

/* From an earlier signature, or searched for. */
static CK_RV
handle_of(
    struct pkcs11_thread *s, struct pkcs11_job *job, CK_OBJECT_HANDLE *out)
{
	struct pkcs11_key *k = job->key;
	struct pkcs11 *t = s->token;
	CK_OBJECT_HANDLE found[2];
	CK_ULONG num;
	bool known;
	CK_RV rv;

	pthread_mutex_lock(&t->lock);
	known = k->generation == s->generation;
	*out = k->handle;
	pthread_mutex_unlock(&t->lock);
	if (known)
		return CKR_OK;
	rv = pkcs11_search(s, CKO_PRIVATE_KEY, k->id, k->id_len,
	    k->id_len > 0 ? "" : k->label, found, 2, &num);
	if (rv != CKR_OK) {
		pkcs11_fail(&job->err, E_IO, "cannot search the token", rv);
		return rv;
	}
	if (num != 1) {
		err_set(&job->err, E_IO,
		    "the token has %s private key '%.60s' any more",
		    num == 0 ? "no" : "more than one", k->label);
		return CKR_OK;
	}
	*out = found[0];
	pthread_mutex_lock(&t->lock);
	k->handle = found[0];
	k->generation = s->generation;
	pthread_mutex_unlock(&t->lock);
	return CKR_OK;
}

CK_RV
pkcs11_do_sign(struct pkcs11_thread *s, struct pkcs11_job *job)
{
	CK_OBJECT_HANDLE key = 0;
	CK_RV rv = CKR_OK;

	for (int i = 0; i < 2; i++) {
		job->err.code = 0;
		rv = handle_of(s, job, &key);
		if (rv != CKR_OK || job->err.code != 0)
			break;
		rv = sign(s, job, key);
		if (rv != CKR_KEY_HANDLE_INVALID &&
		    rv != CKR_OBJECT_HANDLE_INVALID)
			break;
		/* Deleted, or made anew by another program: look again. */
		pthread_mutex_lock(&s->token->lock);
		job->key->generation = 0;
		pthread_mutex_unlock(&s->token->lock);
	}
	return rv;
}
