/*
 * tls_context: TLS contexts out of a configuration: one for all listeners, with
 * identities chosen by server name, and one a dialling identity. Whom they let
 * in is no matter of theirs (admission), so trust is not in them. Made on
 * main's thread; what is made is only read by the workers.
 */
#ifndef GATEWAY_TLS_TLS_CONTEXT_H
#define GATEWAY_TLS_TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "cache/base/error.h"

struct conf;

/* The listeners' context and its index of names. Counted, immutable. */
struct tls_server;

/*
 * tls_server_new makes one, or takes a reference to `old` (may be NULL) where
 * that came from the same identities and settings. E_ARG: an identity is too
 * weak for the security level, or no cipher is strong enough. Identities made
 * over REST (num_own_identities) are looked at when the level rises over old's.
 */
int tls_server_new(struct tls_server **out, struct conf *conf,
    struct tls_server *old, struct err *err) MUST_USE;
void tls_server_free(struct tls_server *s);
SSL_CTX *tls_server_get0_ctx(const struct tls_server *s);

/* For dialling with conf->identities[identity]. */
int tls_client_ctx_new(SSL_CTX **out, const struct conf *conf, size_t identity,
    struct err *err) MUST_USE;
/* Whether such a context of a would be one of b, too. */
bool
tls_client_same(const struct conf *a, const struct conf *b, size_t identity);

#endif
