/*
 * conf_pki: the files of the configuration that hold certificates and keys.
 */
#ifndef GATEWAY_CONF_CONF_PKI_H
#define GATEWAY_CONF_CONF_PKI_H

#include "gateway/conf/conf.h"

/*
 * Reads a chain (leaf first) and its private key, and checks that they belong
 * together and that each certificate issued the one before it. with_key: the
 * file holds the key, too, wherever in it, and may hold parameters of DH.
 */
int conf_pki_load_chain(X509 ***out, size_t *num, const char *path,
    bool with_key, struct err *err) MUST_USE;
/*
 * The first private key of a file, which may hold certificates, too. One that
 * is encrypted takes password_file; NULL: there is none.
 */
int conf_pki_load_key(EVP_PKEY **out, const char *path,
    const char *password_file, struct err *err) MUST_USE;
int conf_pki_check_pair(X509 *const *chain, size_t num, EVP_PKEY *key,
    const char *chain_file, const char *key_file, struct err *err) MUST_USE;
void conf_pki_free_chain(X509 **chain, size_t num);

/* Anchors of one file; counts them. */
int conf_pki_load_trust(struct revcheck_trust **out, size_t *num,
    const char *path, struct err *err) MUST_USE;

/* *trust with what is in a file; the old one is given back. */
int conf_pki_add_intermediates(
    struct revcheck_trust **trust, const char *path, struct err *err) MUST_USE;

/* One trust out of several. */
int conf_pki_union(struct revcheck_trust **out, const struct conf_trust *trusts,
    size_t num, struct err *err) MUST_USE;

#endif
