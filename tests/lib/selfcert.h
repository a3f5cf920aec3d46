/*
 * selfcert: a P-256 key and a certificate for it, made in memory, for tests
 * that need TLS or a name but no network of CAs. Aborts when it cannot.
 */
#ifndef TESTS_LIB_SELFCERT_H
#define TESTS_LIB_SELFCERT_H

#include <openssl/evp.h>
#include <openssl/x509.h>

/* subject: pairs "C", "GB", ..., NULL. Free both. */
X509 *selfcert_new(EVP_PKEY **key, const char *const *subject);

#endif
