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

/*
 * Of a path that was verified with such copies, issuer above cert: whether what
 * cert inherits is issuer's (RFC 5280 6.1.4 f). It may be a stranger's of the
 * same name, under whose parameters others know the key as well. False, too,
 * out of memory.
 */
bool inherited_dsa_holds(X509 *cert, X509 *issuer);

#endif
