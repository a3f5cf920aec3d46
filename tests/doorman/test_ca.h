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
void test_ca_free(struct test_ca *ca);

/*
 * Has OpenSSL change a list and sign it again. An edit that leaves the list
 * as it is only changes the signer.
 */
typedef void test_crl_edit(X509_CRL *list);
void test_crl_resign(struct buf *der, test_crl_edit *edit, EVP_PKEY *key);
/* A value for an extension that is no encoding of anything. */
X509_EXTENSION *test_extension(int nid, int critical, const char *bytes);

/* A request of this key for O=NAME, signed by it; free it. */
X509_REQ *test_csr(EVP_PKEY *key, const char *organisation);
/* DER of a request or certificate, appended. */
void test_csr_der(struct buf *out, X509_REQ *req);
void test_cert_der(struct buf *out, X509 *cert);

#endif
