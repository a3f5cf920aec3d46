/* pkcs12: the certificates in PKCS#12 (p12, pfx). Keys in it are dropped. */
#ifndef REVCHECK_CLI_PKCS12_H
#define REVCHECK_CLI_PKCS12_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

/* Does it look like one? */
bool pkcs12_is(const unsigned char *p, size_t len);

/*
 * All its certificates. The password is the first line of password_file; NULL:
 * none is tried, then a terminal is asked. 0, or an exit status with its
 * sentence on stderr.
 */
int pkcs12_certs(STACK_OF(X509) * *out, const unsigned char *p, size_t len,
    const char *name, const char *password_file);

#endif
