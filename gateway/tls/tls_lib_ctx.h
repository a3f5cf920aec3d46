/*
 * tls_lib_ctx: the OpenSSL library context that TLS runs in. OpenSSL 3.0
 * and 3.1 look through every decoder of every provider for each public key they
 * parse, which is a third of what a handshake costs. This context holds the
 * same default provider, its algorithms and code untouched, but offers only
 * what reads a certificate's public key and what TLS asks for.
 */
#ifndef GATEWAY_TLS_TLS_LIB_CTX_H
#define GATEWAY_TLS_TLS_LIB_CTX_H

#include <openssl/types.h>

/*
 * tls_lib_ctx lends the context; it lives as long as the process. NULL, the
 * default context, where openssl.cnf asks for other providers than the
 * default one (FIPS, a vendor's): then theirs are used, as they are.
 * Thread-safe.
 */
OSSL_LIB_CTX *tls_lib_ctx(void);

#endif
