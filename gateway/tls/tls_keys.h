/*
 * tls_keys: elliptic-curve keys of certificates, decoded once. Wraps the
 * default provider's decoder of their SubjectPublicKeyInfo (RFC 5480) in one
 * that knows again what it has decoded before, by all of its bytes, and hands
 * out another reference to the same key. A key is no verdict: whoever holds one
 * checks signatures, dates and revocation as ever.
 *
 * Each thread has a memory of its own, of TLS_KEYS_MAX keys, and nothing is
 * shared but the counts of references. Half of it is for those seen more than
 * once, so that strangers who come once do not push out the issuers of all.
 */
#ifndef GATEWAY_TLS_TLS_KEYS_H
#define GATEWAY_TLS_TLS_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/core.h>

#define TLS_KEYS_MAX 256

/*
 * Replaces the implementation of *decoder, which is that of EC keys, by one
 * that remembers. core is what the provider got from OpenSSL; both must live as
 * long as the process. False, and *decoder is as it was: this is not OpenSSL
 * 3.0, whose references to keys are known; later ones are quicker themselves.
 * Not thread-safe; once.
 */
bool tls_keys_wrap(OSSL_ALGORITHM *decoder, const OSSL_DISPATCH *core);

/* Of the calling thread, for tests. */
struct tls_keys_stats {
	unsigned long found, missed;
	size_t kept;
};
void tls_keys_stats(struct tls_keys_stats *out);

#endif
