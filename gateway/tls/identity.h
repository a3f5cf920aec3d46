/*
 * identity: which of our certificates answers to a server name. Exact names
 * and one-label wildcards from the configuration, and for every identity the
 * Corda 4 form: 32 hexadecimal digits of the SHA-256 of the subject's text,
 * then ".p2p.corda.net".
 */
#ifndef GATEWAY_TLS_IDENTITY_H
#define GATEWAY_TLS_IDENTITY_H

#include <stddef.h>

#include <openssl/x509.h>

#include "cache/base/error.h"

struct conf;
struct identity_index;

int identity_index_new(struct identity_index **out, const struct conf *conf,
    struct err *err) MUST_USE;
void identity_index_free(struct identity_index *ix);

/* Index into conf->identities; 0, the default, for NULL or unknown names. */
size_t identity_find(const struct identity_index *ix, const char *name);

#define IDENTITY_CORDA4_SUFFIX ".p2p.corda.net"
#define IDENTITY_CORDA4_LEN    (32 + sizeof(IDENTITY_CORDA4_SUFFIX))
/* The Corda 4 name of a subject; sep is ", " or ",". */
int identity_corda4_name(char out[IDENTITY_CORDA4_LEN],
    const X509_NAME *subject, const char *sep, struct err *err) MUST_USE;

#endif
