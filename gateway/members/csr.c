/*
 * csr: builds and signs a PKCS#10 request. Reads nothing but its arguments.
 */
#include "gateway/members/csr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* Which digest a signature's name stands for, and with which key. */
static const struct csr_spec {
	const char *name;
	int key_type;
	const char *digest; /* NULL: the algorithm has its own */
} specs[] = {
    {"SHA256withECDSA", EVP_PKEY_EC, "SHA256"},
    {"SHA384withECDSA", EVP_PKEY_EC, "SHA384"},
    {"SHA512withECDSA", EVP_PKEY_EC, "SHA512"},
    {"SHA512withRSA", EVP_PKEY_RSA, "SHA512"},
    {"SHA256withRSA", EVP_PKEY_RSA, "SHA256"},
    {"SHA384withRSA", EVP_PKEY_RSA, "SHA384"},
    {"EdDSA", EVP_PKEY_ED25519, NULL},
    {"Ed25519", EVP_PKEY_ED25519, NULL},
};
#define NUM_SPECS (sizeof(specs) / sizeof(specs[0]))

/* The first of a kind of key is its default. */
static const struct csr_spec *
spec_of(EVP_PKEY *key, const char *name, struct err *err)
{
	for (size_t i = 0; i < NUM_SPECS; i++)
		if (specs[i].key_type == EVP_PKEY_get_base_id(key) &&
		    (name == NULL || strcasecmp(specs[i].name, name) == 0))
			return &specs[i];
	err_set(err, E_PARSE,
	    "signatureSpec '%.60s' does not go with this key: expected "
	    "SHA256withECDSA, SHA384withECDSA, SHA512withECDSA, "
	    "SHA256withRSA, SHA384withRSA, SHA512withRSA or EdDSA, as its "
	    "kind is",
	    name != NULL ? name : "");
	return NULL;
}

/* RFC 1034 3.5 with a wildcard or underscore in front allowed. */
static bool
is_host(const char *name)
{
	size_t len = strlen(name), label = 0;

	if (strncmp(name, "*.", 2) == 0)
		name += 2;
	if (len == 0 || len > 253)
		return false;
	for (const char *p = name;; p++) {
		if (*p == '.' || *p == '\0') {
			if (label == 0 || label > 63 || p[-1] == '-')
				return false;
			label = 0;
			if (*p == '\0')
				return true;
			continue;
		}
		if (!isalnum((unsigned char)*p) && *p != '_' &&
		    (*p != '-' || label == 0))
			return false;
		label++;
	}
}

static GENERAL_NAME *
name_make(const char *text, struct err *err)
{
	unsigned char ip[16];
	int ip_len = inet_pton(AF_INET, text, ip) == 1 ? 4
	    : inet_pton(AF_INET6, text, ip) == 1       ? 16
						       : 0;
	GENERAL_NAME *gen;
	ASN1_STRING *value;

	if (ip_len == 0 && !is_host(text)) {
		err_set(err, E_PARSE,
		    "'%.100s' is neither an address nor a host name", text);
		return NULL;
	}
	gen = GENERAL_NAME_new();
	value = ip_len > 0 ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
	if (gen == NULL || value == NULL ||
	    ASN1_STRING_set(value, ip_len > 0 ? (void *)ip : text,
		ip_len > 0 ? ip_len : (int)strlen(text)) != 1) {
		GENERAL_NAME_free(gen);
		ASN1_STRING_free(value);
		err_set(err, E_NOMEM, "out of memory");
		return NULL;
	}
	GENERAL_NAME_set0_value(gen, ip_len > 0 ? GEN_IPADD : GEN_DNS, value);
	return gen;
}

/* RFC 5280 4.2.1.6 */
static int
add_names(STACK_OF(X509_EXTENSION) * *exts, const char *const *names,
    size_t num, struct err *err)
{
	GENERAL_NAMES *all = GENERAL_NAMES_new();
	int rc = all != NULL ? 0 : err_set(err, E_NOMEM, "out of memory");

	for (size_t i = 0; i < num && rc == 0; i++) {
		GENERAL_NAME *gen = name_make(names[i], err);

		if (gen == NULL) {
			rc = E_PARSE;
		} else if (sk_GENERAL_NAME_push(all, gen) == 0) {
			GENERAL_NAME_free(gen);
			rc = err_set(err, E_NOMEM, "out of memory");
		}
	}
	if (rc == 0 &&
	    X509V3_add1_i2d(
		exts, NID_subject_alt_name, all, 1, X509V3_ADD_DEFAULT) != 1)
		rc = err_ossl(err, E_NOMEM, "cannot add names");
	GENERAL_NAMES_free(all);
	return rc;
}

/* RFC 5280 4.2.1.3: critical, digitalSignature, which is bit 0. */
static int
add_usage(STACK_OF(X509_EXTENSION) * *exts, struct err *err)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	int ok = bits != NULL && ASN1_BIT_STRING_set_bit(bits, 0, 1) == 1 &&
	    X509V3_add1_i2d(exts, NID_key_usage, bits, 1, X509V3_ADD_DEFAULT) ==
		1;

	ASN1_BIT_STRING_free(bits);
	return ok ? 0 : err_ossl(err, E_NOMEM, "cannot add the key usage");
}

static int
to_pem(char **pem, X509_REQ *req)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	if (bio != NULL && PEM_write_bio_X509_REQ(bio, req) == 1) {
		len = BIO_get_mem_data(bio, &data);
		*pem = strndup(data, (size_t)len);
	}
	BIO_free(bio);
	return *pem != NULL ? 0 : E_NOMEM;
}

int
csr_make(char **pem, const struct keystore_key *key, X509_NAME *subject,
    const char *const *names, size_t num_names, const char *spec,
    struct err *err)
{
	const struct csr_spec *how = spec_of(key->public, spec, err);
	STACK_OF(X509_EXTENSION) *exts = NULL;
	X509_REQ *req = NULL;
	const EVP_MD *md;
	int rc;

	*pem = NULL;
	if (how == NULL)
		return E_PARSE;
	md = how->digest != NULL ? EVP_get_digestbyname(how->digest) : NULL;
	rc = add_usage(&exts, err);
	if (rc == 0 && num_names > 0)
		rc = add_names(&exts, names, num_names, err);
	if (rc == 0) {
		req = X509_REQ_new();
		if (req == NULL || X509_REQ_set_version(req, 0) != 1 ||
		    X509_REQ_set_subject_name(req, subject) != 1 ||
		    X509_REQ_set_pubkey(req, key->public) != 1 ||
		    X509_REQ_add_extensions(req, exts) != 1 ||
		    X509_REQ_sign(req, key->pkey, md) <= 0 ||
		    to_pem(pem, req) != 0)
			rc = err_ossl(
			    err, E_INTERNAL, "cannot make the request");
	}
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_REQ_free(req);
	return rc;
}
