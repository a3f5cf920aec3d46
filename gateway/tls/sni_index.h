/*
 * sni_index: which of our certificates answers to a server name. Exact names
 * and one-label wildcards from the configuration, and for every identity the
 * Corda 4 form: 32 hexadecimal digits of the SHA-256 of the subject's text,
 * then ".p2p.corda.net".
 */
#ifndef GATEWAY_TLS_SNI_INDEX_H
#define GATEWAY_TLS_SNI_INDEX_H

#include <stddef.h>

#include <openssl/x509.h>

#include "cache/base/error.h"

struct conf;
struct sni_index;

int sni_index_new(
    struct sni_index **out, const struct conf *conf, struct err *err) MUST_USE;
void sni_index_free(struct sni_index *ix);

/* Index into conf->identities; 0, the default, for NULL or unknown names. */
size_t sni_find(const struct sni_index *ix, const char *name);

#define SNI_CORDA4_SUFFIX ".p2p.corda.net"
#define SNI_CORDA4_LEN    (32 + sizeof(SNI_CORDA4_SUFFIX))
/* The Corda 4 name of a subject; sep is ", " or ",". */
int sni_corda4_name(char out[SNI_CORDA4_LEN], const X509_NAME *subject,
    const char *sep, struct err *err) MUST_USE;

#endif
