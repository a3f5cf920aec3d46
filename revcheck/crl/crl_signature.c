/*
 * crl_signature: see the header. OpenSSL verifies. Pure; any thread. Who owns
 * the key is not looked at.
 */
#include "revcheck/crl/crl_signature.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* RFC 4055 3.1: RSASSA-PSS-params, defaults SHA-1, MGF1 with SHA-1, 20, 1. */
static int
pss_read(struct crl_signature *s, const X509_ALGOR *alg, struct err *err)
{
	const ASN1_OBJECT *oid, *mgf_oid;
	const void *param;
	X509_ALGOR *mgf_hash = NULL;
	RSA_PSS_PARAMS *pss = NULL;
	int type, rc = E_PARSE;
	long salt = 20, trailer = 1;

	s->md = s->mgf1_md = EVP_sha1();
	X509_ALGOR_get0(&oid, &type, &param, alg);
	if (type != V_ASN1_SEQUENCE)
		goto out;
	pss = ASN1_item_unpack(param, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
	if (pss == NULL)
		goto out;
	if (pss->hashAlgorithm != NULL) {
		X509_ALGOR_get0(&oid, NULL, NULL, pss->hashAlgorithm);
		s->md = EVP_get_digestbyobj(oid);
	}
	if (pss->maskGenAlgorithm != NULL) {
		X509_ALGOR_get0(&mgf_oid, &type, &param, pss->maskGenAlgorithm);
		if (OBJ_obj2nid(mgf_oid) != NID_mgf1 || type != V_ASN1_SEQUENCE)
			goto out;
		mgf_hash = ASN1_item_unpack(param, ASN1_ITEM_rptr(X509_ALGOR));
		if (mgf_hash == NULL)
			goto out;
		X509_ALGOR_get0(&oid, NULL, NULL, mgf_hash);
		s->mgf1_md = EVP_get_digestbyobj(oid);
	}
	if (pss->saltLength != NULL)
		salt = ASN1_INTEGER_get(pss->saltLength);
	if (pss->trailerField != NULL)
		trailer = ASN1_INTEGER_get(pss->trailerField);
	if (s->md == NULL || s->mgf1_md == NULL || salt < 0 || salt > 4096 ||
	    trailer != 1)
		goto out;
	s->salt_len = (int)salt;
	s->pss = true;
	s->key_type = EVP_PKEY_RSA_PSS;
	rc = 0;
out:
	X509_ALGOR_free(mgf_hash);
	RSA_PSS_PARAMS_free(pss);
	if (rc < 0)
		err_set(err, rc, "RSASSA-PSS parameters that are not usable");
	return rc;
}

static int
algorithm_read(struct crl_signature *s, struct err *err)
{
	const unsigned char *p = s->info->sig_alg.p;
	X509_ALGOR *alg = NULL;
	const ASN1_OBJECT *oid;
	char name[80] = "?";
	int type, md_nid, nid, rc = 0;

	alg = d2i_X509_ALGOR(NULL, &p, (long)s->info->sig_alg.len);
	if (alg == NULL)
		return err_ossl(
		    err, E_PARSE, "a malformed signature algorithm");
	X509_ALGOR_get0(&oid, &type, NULL, alg);
	nid = OBJ_obj2nid(oid);
	if (nid == NID_rsassaPss) {
		rc = pss_read(s, alg, err);
		goto out;
	}
	OBJ_obj2txt(name, sizeof(name), oid, 0);
	if (!OBJ_find_sigid_algs(nid, &md_nid, &s->key_type) ||
	    (md_nid == NID_undef && s->key_type != EVP_PKEY_ED25519 &&
		s->key_type != EVP_PKEY_ED448)) {
		rc = err_set(err, E_PARSE,
		    "signature algorithm %s is not supported", name);
		goto out;
	}
	/* RFC 3279 2.2, 5758 3.2, 8410 3: NULL for RSA, absent otherwise. */
	if (type != V_ASN1_UNDEF && type != V_ASN1_NULL) {
		rc = err_set(err, E_PARSE,
		    "signature algorithm %s with parameters", name);
		goto out;
	}
	if (md_nid != NID_undef) {
		s->md = EVP_get_digestbynid(md_nid);
		if (s->md == NULL)
			rc = err_set(err, E_PARSE,
			    "signature algorithm %s is not supported", name);
	}
out:
	X509_ALGOR_free(alg);
	return rc;
}

int
crl_signature_init(
    struct crl_signature *s, const struct crl_info *info, struct err *err)
{
	unsigned int len = 0;
	int rc;

	*s = (struct crl_signature){.info = info};
	ERR_clear_error();
	rc = algorithm_read(s, err);
	if (rc < 0)
		goto out;
	if (s->md == NULL)
		goto out;
	if (info->digest_nid == EVP_MD_get_type(s->md) &&
	    info->digest_len == (size_t)EVP_MD_get_size(s->md)) {
		memcpy(s->digest, info->digest, info->digest_len);
		s->digest_len = info->digest_len;
		goto out;
	}
	if (EVP_Digest(
		info->tbs.p, info->tbs.len, s->digest, &len, s->md, NULL) != 1)
		rc = err_ossl(err, E_INTERNAL, "cannot hash the CRL");
	s->digest_len = len;
out:
	ERR_clear_error();
	return rc;
}

/* Whether the key is of the type that the algorithm asks for. */
static bool
key_fits(const struct crl_signature *s, EVP_PKEY *key)
{
	int type = EVP_PKEY_get_base_id(key);

	if (s->pss)
		return type == EVP_PKEY_RSA_PSS || type == EVP_PKEY_RSA;
	return type == EVP_PKEY_type(s->key_type);
}

static bool
digest_verifies(const struct crl_signature *s, EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool ok = false;

	if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1)
		goto out;
	if (s->pss &&
	    (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
		EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, s->mgf1_md) != 1 ||
		EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, s->salt_len) != 1))
		goto out;
	if (EVP_PKEY_CTX_set_signature_md(ctx, s->md) != 1)
		goto out;
	ok = EVP_PKEY_verify(ctx, s->info->signature.p, s->info->signature.len,
		 s->digest, s->digest_len) == 1;
out:
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static bool
bytes_verify(const struct crl_signature *s, EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	ok = ctx != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, s->info->signature.p, s->info->signature.len,
		s->info->tbs.p, s->info->tbs.len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

/* Security bits of the digest, as OpenSSL rates it in signatures. */
static int
digest_bits(const struct crl_signature *s)
{
	if (s->md == NULL)
		return s->key_type == EVP_PKEY_ED448 ? 224 : 128;
	switch (EVP_MD_get_type(s->md)) {
	case NID_sha1:
		return 63;
	case NID_md5_sha1:
		return 67;
	case NID_md5:
		return 39;
	default:
		return EVP_MD_get_size(s->md) * 4;
	}
}

enum crl_signature_result
crl_signature_check(
    const struct crl_signature *s, EVP_PKEY *key, int security_level)
{
	static const int bits[] = {0, 80, 112, 128, 192, 256};
	int level = security_level < 0 ? 0
	    : security_level > 5       ? 5
				       : security_level;
	bool ok;

	if (!key_fits(s, key))
		return CRL_SIGNATURE_BAD;
	ok = s->md != NULL ? digest_verifies(s, key) : bytes_verify(s, key);
	ERR_clear_error();
	if (!ok)
		return CRL_SIGNATURE_BAD;
	if (level > 0 &&
	    (digest_bits(s) < bits[level] ||
		EVP_PKEY_get_security_bits(key) < bits[level]))
		return CRL_SIGNATURE_WEAK;
	return CRL_SIGNATURE_GOOD;
}
