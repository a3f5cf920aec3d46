/*
 * csr: certificate signing requests (PKCS#10) for keys of the keystore. Pure.
 */
#ifndef GATEWAY_MEMBERS_CSR_H
#define GATEWAY_MEMBERS_CSR_H

#include <stddef.h>

#include <openssl/x509.h>

#include "cache/base/error.h"
#include "gateway/members/keystore.h"

#define CSR_MAX_NAMES 100

/*
 * The request as PEM; free() it. names become one critical
 * subjectAltName, spec is "SHA256withECDSA" or alike, NULL the default of
 * the key. E_PARSE: a name or the spec is wrong.
 */
int csr_make(char **pem, const struct keystore_key *key, X509_NAME *subject,
    const char *const *names, size_t num_names, const char *spec,
    struct err *err) MUST_USE;

#endif
