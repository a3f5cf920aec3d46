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
test_ca_read(struct test_ca *ca, const char *name)
{
	struct secret none = {.fd = 0};
	char path[64], spec[80];
	struct fault f = {""};

	snprintf(path, sizeof(path), "dm/ca/%s.pem", name);
	snprintf(spec, sizeof(spec), "file:dm/ca/%s-key.pem", name);
	ca->cert = cert_read_file(path, &f);
	assert_non_null(ca->cert);
	assert_int_equal(signing_key_open(&ca->seal, spec,
			     X509_get0_pubkey(ca->cert), &none, &f),
	    0);
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

void
test_crl_unchanged(X509_CRL *list)
{
	(void)list;
}

X509_REVOKED *
test_crl_entry(X509_CRL *list, int i)
{
	return sk_X509_REVOKED_value(X509_CRL_get_REVOKED(list), i);
}

void
test_crl_set_reason(X509_CRL *list, int i, long reason)
{
	ASN1_ENUMERATED *r = ASN1_ENUMERATED_new();

	ASN1_ENUMERATED_set(r, reason);
	assert_int_equal(X509_REVOKED_add1_ext_i2d(test_crl_entry(list, i),
			     NID_crl_reason, r, 0, X509V3_ADD_REPLACE),
	    1);
	ASN1_ENUMERATED_free(r);
}

void
test_crl_drop(X509_CRL *list, int nid)
{
	X509_EXTENSION_free(
	    X509_CRL_delete_ext(list, X509_CRL_get_ext_by_NID(list, nid, -1)));
}

void
test_crl_put(X509_CRL *list, int nid, int critical, const char *bytes)
{
	X509_EXTENSION *e = test_extension(nid, critical, bytes);

	if (X509_CRL_get_ext_by_NID(list, nid, -1) >= 0)
		test_crl_drop(list, nid);
	assert_int_equal(X509_CRL_add_ext(list, e, -1), 1);
	X509_EXTENSION_free(e);
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
