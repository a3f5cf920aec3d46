/*
 * tls_sigs: signatures of certificates, verified once. The issuers that a peer
 * sends are the same for many peers, and so are the signatures on them. Wraps
 * the default provider's ECDSA (FIPS 186-4) in one that knows again which
 * signature it has found good, by the SHA-256 of all that went into it: curve,
 * public key, digest, what is signed, and the signature. The same question has
 * the same answer; whatever differs in a bit is computed. What was not good is
 * not remembered, nor are signatures of handshakes, which never come again.
 *
 * Each thread has a memory of its own, of TLS_SIGS_MAX signatures, of which the
 * one not used for longest gives way.
 */
#ifndef GATEWAY_TLS_TLS_SIGS_H
#define GATEWAY_TLS_TLS_SIGS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/core.h>

#define TLS_SIGS_MAX 256

/*
 * Replaces the implementation of *ecdsa by one that remembers; ec is the key
 * manager whose keys it gets. Both must live as long as the process. False, and
 * *ecdsa is as it was: something is not there. Not thread-safe; once.
 */
bool tls_sigs_wrap(OSSL_ALGORITHM *ecdsa, const OSSL_ALGORITHM *ec);

/* Of the calling thread, for tests. */
struct tls_sigs_stats {
	unsigned long found, missed;
	size_t kept;
};
void tls_sigs_stats(struct tls_sigs_stats *out);

#endif
