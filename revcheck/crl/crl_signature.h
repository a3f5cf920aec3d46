/*
 * crl_signature: does this key verify that CRL, and is it strong enough?
 * The algorithm is read once per CRL, the digest was computed while scanning.
 */
#ifndef REVCHECK_CRL_CRL_SIGNATURE_H
#define REVCHECK_CRL_CRL_SIGNATURE_H

#include <openssl/evp.h>

#include "cache/base/error.h"
#include "cache/crl/crl.h"

struct crl_signature {
	const struct crl_info *info; /* borrowed */
	int key_type;                /* EVP_PKEY_* it asks for */
	const EVP_MD *md;            /* NULL: signs the bytes (EdDSA) */
	bool pss;
	const EVP_MD *mgf1_md;
	int salt_len;
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t digest_len;
};

/* E_PARSE for an algorithm that is malformed or not supported. */
int crl_signature_init(struct crl_signature *s, const struct crl_info *info,
    struct err *err) MUST_USE;

enum crl_signature_result {
	CRL_SIGNATURE_BAD = 0,
	CRL_SIGNATURE_WEAK, /* verifies, but below the security level */
	CRL_SIGNATURE_GOOD,
};
enum crl_signature_result crl_signature_check(
    const struct crl_signature *s, EVP_PKEY *key, int security_level);

#endif
