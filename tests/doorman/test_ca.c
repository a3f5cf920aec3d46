/* test_ca: see the header. */
#include "tests/doorman/test_ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fixtures/doorman/base/issue.h"

void
test_ca_make(struct test_ca *ca, const char *name, const struct test_ca *issuer,
    time_t now)
{
	struct secret none = {.fd = 0};
	char path[64], spec[80], subject[64];
	struct fault f = {""};
	EVP_PKEY *pub;
	struct issue_order o = {.kind = issuer != NULL ? ISSUE_CA : ISSUE_ROOT,
	    .subject = subject,
	    .issuer = issuer != NULL ? issuer->cert : NULL,
	    .now = now,
	    .days = 100};
	BIO *in;

	snprintf(path, sizeof(path), "%s.key", name);
	snprintf(spec, sizeof(spec), "file:%s", path);
	snprintf(subject, sizeof(subject), "CN=%s", name);
	if (signing_key_create(&pub, KEY_P256, spec, &none, false, &f) != 0 ||
	    signing_key_open(&ca->seal, spec, pub, &none, &f) != 0)
		fail_msg("%s", f.msg);
	o.public_key = pub;
	ca->cert =
	    issue_certificate(&o, issuer != NULL ? issuer->seal : ca->seal, &f);
	if (ca->cert == NULL)
		fail_msg("%s", f.msg);
	in = BIO_new_file(path, "r");
	ca->key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	assert_non_null(ca->key);
	BIO_free(in);
	EVP_PKEY_free(pub);
}

void
test_ca_free(struct test_ca *ca)
{
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
	signing_key_free(ca->seal);
	*ca = (struct test_ca){0};
}

struct crl_add
test_crl_add(const char *serial, int reason, time_t revoked_at)
{
	struct crl_add a;

	assert_int_equal(serial_from_hex(&a, serial), 0);
	a.reason = reason;
	a.revoked_at = revoked_at;
	return a;
}

static void
crl_read(struct test_crl *list)
{
	struct fault f = {""};

	if (crl_parse(&list->crl, buf_view(&list->der), &f) != 0)
		fail_msg("%s", f.msg);
}

void
test_crl_make(struct test_crl *list, const struct crl_plan *plan,
    struct signing_key *seal)
{
	struct fault f = {""};

	buf_init(&list->der, 1 << 20);
	if (crl_build(&list->der, plan, seal, &f) != 0)
		fail_msg("%s", f.msg);
	crl_read(list);
}

void
test_crl_resign(struct buf *der, test_crl_edit_fn *edit, EVP_PKEY *key)
{
	const uint8_t *p = der->p;
	X509_CRL *list = d2i_X509_CRL(NULL, &p, (long)der->len);
	uint8_t *out = NULL;
	int len;

	assert_non_null(list);
	edit(list);
	assert_true(X509_CRL_sign(list, key, EVP_sha256()) > 0);
	len = i2d_X509_CRL(list, &out);
	assert_true(len > 0);
	der->len = 0;
	buf_add(der, out, (size_t)len);
	OPENSSL_free(out);
	X509_CRL_free(list);
}

void
test_crl_edit_by(struct test_crl *list, test_crl_edit_fn *edit, EVP_PKEY *key)
{
	test_crl_resign(&list->der, edit, key);
	crl_read(list);
}

X509_EXTENSION *
test_extension(int nid, int critical, const char *bytes)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;

	ASN1_OCTET_STRING_set(
	    value, (const unsigned char *)bytes, (int)strlen(bytes));
	e = X509_EXTENSION_create_by_NID(NULL, nid, critical, value);
	assert_non_null(e);
	ASN1_OCTET_STRING_free(value);
	return e;
}

X509_REQ *
test_csr(EVP_PKEY *key, const char *organisation)
{
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = X509_NAME_new();

	assert_int_equal(
	    X509_NAME_add_entry_by_NID(name, NID_organizationName,
		MBSTRING_UTF8, (const unsigned char *)organisation, -1, -1, 0),
	    1);
	assert_int_equal(X509_REQ_set_subject_name(req, name), 1);
	assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
	assert_true(
	    X509_REQ_sign(req, key,
		EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448")
		    ? NULL
		    : EVP_sha256()) > 0);
	X509_NAME_free(name);
	return req;
}

void
test_csr_der(struct buf *out, X509_REQ *req)
{
	uint8_t *der = NULL;
	int len = i2d_X509_REQ(req, &der);

	assert_true(len > 0);
	buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
}

void
test_cert_der(struct buf *out, X509 *cert)
{
	uint8_t *der = NULL;
	int len = i2d_X509(cert, &der);

	assert_true(len > 0);
	buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
}
