/*
 * test_ca: a certificate authority of a test's own, with its key in reach:
 * what only a dishonest or a careless one would sign is signed here. Helpers
 * fail the test.
 */
#ifndef TESTS_DOORMAN_TEST_CA_H
#define TESTS_DOORMAN_TEST_CA_H

#include <openssl/x509.h>

#include "fixtures/doorman/base/crl.h"
#include "fixtures/doorman/base/key.h"

struct test_ca {
	X509 *cert;
	EVP_PKEY *key;
	struct signing_key *seal; /* the same key, as doorman-sign has it */
};

/* Leaves NAME.key here. The subject is CN=NAME; issuer NULL: a root. */
void test_ca_make(struct test_ca *ca, const char *name,
    const struct test_ca *issuer, time_t now);
/* What doorman init made in dm, with the key in reach; without ca->key. */
void test_ca_read(struct test_ca *ca, const char *name);
void test_ca_free(struct test_ca *ca);

/* An entry of a list: revoked at that time, for that reason. */
struct crl_add test_crl_add(const char *serial, int reason, time_t revoked_at);

/* A list and the bytes that it borrows: free der. */
struct test_crl {
	struct buf der;
	struct crl crl;
};

void test_crl_make(struct test_crl *list, const struct crl_plan *plan,
    struct signing_key *seal);
/* Has OpenSSL change a list, which may be nothing, and sign it with a key. */
typedef void test_crl_edit_fn(X509_CRL *list);
void test_crl_resign(struct buf *der, test_crl_edit_fn *edit, EVP_PKEY *key);
/* The same, and the list must still be of the doorman's form. */
void
test_crl_edit_by(struct test_crl *list, test_crl_edit_fn *edit, EVP_PKEY *key);
/* A value for an extension that is no encoding of anything. */
X509_EXTENSION *test_extension(int nid, int critical, const char *bytes);

/* For such changes: none, an entry and its reason, an extension. */
test_crl_edit_fn test_crl_unchanged;
X509_REVOKED *test_crl_entry(X509_CRL *list, int i);
void test_crl_set_reason(X509_CRL *list, int i, long reason);
void test_crl_drop(X509_CRL *list, int nid);
/* The extension again, with these bytes for its value. */
void test_crl_put(X509_CRL *list, int nid, int critical, const char *bytes);

/* A request of this key for O=NAME, signed by it; free it. */
X509_REQ *test_csr(EVP_PKEY *key, const char *organisation);
/* DER of a request or certificate, appended. */
void test_csr_der(struct buf *out, X509_REQ *req);
void test_cert_der(struct buf *out, X509 *cert);

#endif
