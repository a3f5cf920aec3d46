/* demo_pki: one root, three leaves, one CRL. P-256 and SHA-256 throughout. */
#include "gateway/command/demo_pki.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "gateway/command/new_file.h"

#define DAY_SEC 86400

struct party {
	X509 *cert;
	EVP_PKEY *key;
};

static void
party_cleanup(struct party *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
}

/* RFC 5280 4.1.2.2: positive, at most 20 octets, hard to guess. */
static bool
set_serial(X509 *x)
{
	BIGNUM *bn = BN_new();
	bool ok = bn != NULL &&
	    BN_rand(bn, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
	    BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL;

	BN_free(bn);
	return ok;
}

static bool
set_subject(X509 *x, const char *name)
{
	X509_NAME *n = X509_get_subject_name(x);

	return X509_NAME_add_entry_by_txt(n, "C", MBSTRING_UTF8,
		   (const unsigned char *)"GB", -1, -1, 0) == 1 &&
	    X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8,
		(const unsigned char *)name, -1, -1, 0) == 1;
}

static bool
extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e != NULL && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

/* ca NULL: signed by itself. san NULL: no server. */
static bool
party_make(struct party *p, const struct party *ca, const char *name,
    const char *san, time_t now)
{
	X509 *x = X509_new();
	X509 *issuer = ca != NULL ? ca->cert : x;

	p->cert = x;
	p->key = EVP_EC_gen("P-256");
	return x != NULL && p->key != NULL && X509_set_version(x, 2) == 1 &&
	    set_serial(x) && set_subject(x, name) &&
	    X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1 &&
	    ASN1_TIME_set(X509_getm_notBefore(x), now - 3600) != NULL &&
	    ASN1_TIME_set(X509_getm_notAfter(x),
		now + (time_t)DEMO_PKI_DAYS * DAY_SEC) != NULL &&
	    X509_set_pubkey(x, p->key) == 1 &&
	    extend(x, issuer, NID_basic_constraints,
		ca == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
	    extend(x, issuer, NID_key_usage,
		ca == NULL ? "critical,keyCertSign,cRLSign"
			   : "critical,digitalSignature") &&
	    (ca == NULL ||
		extend(x, issuer, NID_ext_key_usage,
		    san != NULL ? "serverAuth,clientAuth" : "clientAuth")) &&
	    extend(x, issuer, NID_subject_key_identifier, "hash") &&
	    (ca == NULL ||
		extend(x, issuer, NID_authority_key_identifier, "keyid")) &&
	    (san == NULL || extend(x, issuer, NID_subject_alt_name, san)) &&
	    X509_sign(x, ca != NULL ? ca->key : p->key, EVP_sha256()) > 0;
}

static X509_CRL *
crl_make(const struct party *ca, X509 *revoked, time_t now)
{
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *from = ASN1_TIME_set(NULL, now - 3600);
	ASN1_TIME *to =
	    ASN1_TIME_set(NULL, now + (time_t)DEMO_PKI_DAYS * DAY_SEC);
	ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	AUTHORITY_KEYID *akid = AUTHORITY_KEYID_new();
	bool ok = crl != NULL && entry != NULL && from != NULL && to != NULL &&
	    reason != NULL && number != NULL && akid != NULL;

	if (ok)
		akid->keyid =
		    ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(ca->cert));
	ok = ok && akid->keyid != NULL &&
	    ASN1_ENUMERATED_set(reason, CRL_REASON_KEY_COMPROMISE) == 1 &&
	    ASN1_INTEGER_set(number, 1) == 1 &&
	    X509_REVOKED_set_serialNumber(
		entry, X509_get_serialNumber(revoked)) == 1 &&
	    X509_REVOKED_set_revocationDate(entry, from) == 1 &&
	    X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0) ==
		1 &&
	    X509_CRL_set_version(crl, 1) == 1 &&
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert)) ==
		1 &&
	    X509_CRL_set1_lastUpdate(crl, from) == 1 &&
	    X509_CRL_set1_nextUpdate(crl, to) == 1 &&
	    X509_CRL_add1_ext_i2d(
		crl, NID_authority_key_identifier, akid, 0, 0) == 1 &&
	    X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1 &&
	    X509_CRL_add0_revoked(crl, entry) == 1;
	if (ok)
		entry = NULL; /* the list's now */
	ok = ok && X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0;
	X509_REVOKED_free(entry);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	ASN1_ENUMERATED_free(reason);
	ASN1_INTEGER_free(number);
	AUTHORITY_KEYID_free(akid);
	if (!ok) {
		X509_CRL_free(crl);
		return NULL;
	}
	return crl;
}

/* Takes mem over; what is in it may be a key. */
static int
save(const char *dir, const char *name, BIO *mem, bool ok, mode_t mode,
    struct err *err)
{
	char *data;
	long len = mem != NULL ? BIO_get_mem_data(mem, &data) : 0;
	int rc = ok && len > 0
	    ? new_file(dir, name, data, (size_t)len, mode, err)
	    : err_ossl(err, E_NOMEM, "cannot encode '%s'", name);

	BIO_free(mem);
	return rc;
}

static int
save_cert(const char *dir, const char *name, X509 *x, struct err *err)
{
	BIO *mem = BIO_new(BIO_s_mem());

	return save(dir, name, mem,
	    mem != NULL && PEM_write_bio_X509(mem, x) == 1, 0644, err);
}

static int
save_key(const char *dir, const char *name, EVP_PKEY *key, struct err *err)
{
	BIO *mem = BIO_new(BIO_s_secmem());

	return save(dir, name, mem,
	    mem != NULL &&
		PEM_write_bio_PrivateKey(mem, key, NULL, NULL, 0, NULL, NULL) ==
		    1,
	    0600, err);
}

static int
save_crl(const char *dir, const char *name, X509_CRL *crl, struct err *err)
{
	BIO *mem = BIO_new(BIO_s_mem());

	return save(dir, name, mem,
	    mem != NULL && PEM_write_bio_X509_CRL(mem, crl) == 1, 0644, err);
}

static int
save_leaf(
    const char *dir, const char *name, const struct party *p, struct err *err)
{
	char file[64];
	int rc;

	snprintf(file, sizeof(file), "%s.pem", name);
	rc = save_cert(dir, file, p->cert, err);
	snprintf(file, sizeof(file), "%s.key", name);
	return rc == 0 ? save_key(dir, file, p->key, err) : rc;
}

int
demo_pki_make(const char *dir, time_t now, struct err *err)
{
	struct party ca = {0}, gateway = {0}, good = {0}, revoked = {0};
	X509_CRL *crl = NULL;
	int rc = 0;

	if (!party_make(&ca, NULL, "Demo root", NULL, now) ||
	    !party_make(&gateway, &ca, "Demo gateway",
		"DNS:localhost,IP:127.0.0.1,IP:::1", now) ||
	    !party_make(&good, &ca, "Demo good peer", NULL, now) ||
	    !party_make(&revoked, &ca, "Demo revoked peer", NULL, now) ||
	    (crl = crl_make(&ca, revoked.cert, now)) == NULL)
		rc = err_ossl(err, E_INTERNAL, "cannot make certificates");
	if (rc == 0)
		rc = save_cert(dir, "root.pem", ca.cert, err);
	if (rc == 0)
		rc = save_key(dir, "root-key.pem", ca.key, err);
	if (rc == 0)
		rc = save_crl(dir, "root.crl", crl, err);
	if (rc == 0)
		rc = save_leaf(dir, "gateway", &gateway, err);
	if (rc == 0)
		rc = save_leaf(dir, "good", &good, err);
	if (rc == 0)
		rc = save_leaf(dir, "revoked", &revoked, err);
	party_cleanup(&ca);
	party_cleanup(&gateway);
	party_cleanup(&good);
	party_cleanup(&revoked);
	X509_CRL_free(crl);
	return rc;
}
