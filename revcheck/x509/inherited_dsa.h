/* inherited_dsa: DSA keys that inherit their parameters (RFC 3279 2.3.2). */
#ifndef REVCHECK_X509_INHERITED_DSA_H
#define REVCHECK_X509_INHERITED_DSA_H

#include <stdbool.h>

#include <openssl/x509.h>

/* A DSA key without parameters. */
bool inherited_dsa_incomplete(X509 *cert);

/*
 * A copy of cert whose key has the parameters of issuer's; NULL when the key
 * needs none, issuer is not the one it names or has none, or out of memory.
 */
X509 *inherited_dsa_complete(X509 *cert, X509 *issuer);

#endif
