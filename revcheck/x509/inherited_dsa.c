/*
 * inherited_dsa: the one case in which a certificate does not contain its whole
 * public key: DSA parameters inherited from the issuer (RFC 3279 2.3.2).
 * OpenSSL 3.0 cannot decode such a key, and then finds no path. Any thread; the
 * certificate itself is never changed, a copy is.
 */
#include "revcheck/x509/inherited_dsa.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/objects.h>

/* The algorithm of a DSA key, or NULL; *params its parameters, or NULL. */
static bool
dsa_params(X509 *cert, const ASN1_STRING **params)
{
	const ASN1_OBJECT *oid;
	const void *value;
	X509_ALGOR *alg;
	int type;

	*params = NULL;
	if (!X509_PUBKEY_get0_param(
		NULL, NULL, NULL, &alg, X509_get_X509_PUBKEY(cert)))
		return false;
	X509_ALGOR_get0(&oid, &type, &value, alg);
	if (OBJ_obj2nid(oid) != NID_dsa)
		return false;
	if (type == V_ASN1_SEQUENCE)
		*params = value;
	return true;
}

bool
inherited_dsa_incomplete(X509 *cert)
{
	const ASN1_STRING *params;

	return dsa_params(cert, &params) && params == NULL;
}

/* SubjectPublicKeyInfo of cert with these parameters; OPENSSL_free. */
static int
spki_with(unsigned char **der, X509 *cert, const ASN1_STRING *params)
{
	X509_PUBKEY *full = X509_PUBKEY_new();
	ASN1_STRING *copy = ASN1_STRING_dup(params);
	const unsigned char *bits;
	unsigned char *own = NULL;
	int len = 0, bits_len;

	if (full == NULL || copy == NULL ||
	    !X509_PUBKEY_get0_param(
		NULL, &bits, &bits_len, NULL, X509_get_X509_PUBKEY(cert)))
		goto out;
	own = OPENSSL_memdup(bits, (size_t)bits_len);
	if (own == NULL ||
	    !X509_PUBKEY_set0_param(full, OBJ_nid2obj(NID_dsa), V_ASN1_SEQUENCE,
		copy, own, bits_len))
		goto out;
	copy = NULL; /* both are full's now */
	own = NULL;
	len = i2d_X509_PUBKEY(full, der);
out:
	OPENSSL_free(own);
	ASN1_STRING_free(copy);
	X509_PUBKEY_free(full);
	return len;
}

X509 *
inherited_dsa_complete(X509 *cert, X509 *issuer)
{
	const ASN1_STRING *params;
	const unsigned char *p;
	unsigned char *der = NULL;
	X509_PUBKEY *key;
	X509 *copy = NULL;
	int len;

	if (!inherited_dsa_incomplete(cert) || !dsa_params(issuer, &params) ||
	    params == NULL ||
	    X509_NAME_cmp(
		X509_get_subject_name(issuer), X509_get_issuer_name(cert)) != 0)
		return NULL;
	len = spki_with(&der, cert, params);
	if (len > 0)
		copy = X509_dup(cert);
	if (copy != NULL) {
		/*
		 * Replaces the key of the copy. The signed octets stay as they
		 * were: a certificate keeps the encoding that it was read from.
		 */
		p = der;
		key = X509_get_X509_PUBKEY(copy);
		if (d2i_X509_PUBKEY(&key, &p, len) == NULL ||
		    X509_get0_pubkey(copy) == NULL) {
			X509_free(copy);
			copy = NULL;
		}
	}
	OPENSSL_free(der);
	ERR_clear_error();
	return copy;
}

bool
inherited_dsa_holds(X509 *cert, X509 *issuer)
{
	const ASN1_STRING *params, *above;
	X509 *as_signed;
	bool ok;

	if (!dsa_params(cert, &params))
		return true;
	as_signed = X509_dup(cert);
	ok = as_signed != NULL &&
	    (!inherited_dsa_incomplete(as_signed) ||
		(params != NULL && dsa_params(issuer, &above) &&
		    above != NULL && ASN1_STRING_cmp(params, above) == 0));
	X509_free(as_signed);
	return ok;
}
