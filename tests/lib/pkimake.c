/* pkimake: see the header. Test code. */
#include "tests/lib/pkimake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void
need(int ok)
{
	if (!ok)
		abort();
}

static void
extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	need(e != NULL && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static X509 *
certificate(const char *cn, EVP_PKEY *key)
{
	X509 *x = X509_new();

	need(x != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
	    ASN1_TIME_set_string(X509_getm_notBefore(x), "20240101000000Z") &&
	    ASN1_TIME_set_string(X509_getm_notAfter(x), "20490101000000Z") &&
	    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
		MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) == 1 &&
	    X509_set_pubkey(x, key) == 1);
	return x;
}

void
pki_ca_init(struct pki_ca *ca, const char *cn)
{
	snprintf(ca->cn, sizeof(ca->cn), "%s", cn);
	ca->crl_url = NULL;
	ca->key = EVP_EC_gen("P-256");
	need(ca->key != NULL);
	ca->cert = certificate(cn, ca->key);
	need(ASN1_INTEGER_set(X509_get_serialNumber(ca->cert), 1) == 1 &&
	    X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert)) ==
		1);
	extension(
	    ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
	extension(
	    ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	extension(ca->cert, ca->cert, NID_subject_key_identifier, "hash");
	need(X509_sign(ca->cert, ca->key, EVP_sha256()) > 0);
}

void
pki_ca_cleanup(struct pki_ca *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
}

X509 *
pki_leaf(const struct pki_ca *ca, const uint8_t *serial, size_t len,
    const char *crl_url)
{
	X509 *x = certificate("leaf", ca->key);
	BIGNUM *n = BN_bin2bn(serial, (int)len, NULL);
	char point[512];

	need(n != NULL &&
	    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL &&
	    X509_set_issuer_name(x, X509_get_subject_name(ca->cert)) == 1);
	BN_free(n);
	extension(x, ca->cert, NID_authority_key_identifier, "keyid");
	snprintf(point, sizeof(point), "URI:%s", crl_url);
	extension(x, ca->cert, NID_crl_distribution_points, point);
	need(X509_sign(x, ca->key, EVP_sha256()) > 0);
	return x;
}

X509 *
pki_named(EVP_PKEY *key, const char *cn, const char *issuer)
{
	X509 *x = certificate(cn, key);

	/* Version 1: without extensions it may be an anchor and issue. */
	need(X509_set_version(x, X509_VERSION_1) == 1 &&
	    ASN1_INTEGER_set(X509_get_serialNumber(x), random()) == 1 &&
	    X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN",
		MBSTRING_UTF8, (const unsigned char *)issuer, -1, -1, 0) == 1 &&
	    X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

void
pki_write(const char *path, X509 *x, EVP_PKEY *key)
{
	FILE *f = fopen(path, "we");

	need(f != NULL && (x == NULL || PEM_write_X509(f, x) == 1) &&
	    (key == NULL ||
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1) &&
	    fclose(f) == 0);
}

void
pki_time(char out[16], long long t)
{
	time_t at = (time_t)t;
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(out, 16, "%Y%m%d%H%M%SZ", &tm);
}
