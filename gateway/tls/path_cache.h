/*
 * path_cache: a memory of certificate paths that have verified, so that a peer
 * seen before costs no signature checks. Keyed by the SHA-256 of the chain as
 * sent; belongs to one runtime, so a reload empties it. It remembers that a
 * path was built and its signatures held. Dates are checked by whoever finds
 * one; revocation is asked every time. Bounded, thread-safe.
 *
 * A peer's own certificate is not kept, only what is above it, once for all
 * peers that have that in common: some 60 bytes a peer.
 */
#ifndef GATEWAY_TLS_PATH_CACHE_H
#define GATEWAY_TLS_PATH_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "cache/base/error.h"

struct path_cache;

#define PATH_CACHE_KEY_LEN 32
struct path_cache_key {
	unsigned char md[PATH_CACHE_KEY_LEN];
};

/* max is how many paths are kept; 0 keeps none. */
int
path_cache_new(struct path_cache **out, size_t max, struct err *err) MUST_USE;
/* Counted; thread-safe. */
struct path_cache *path_cache_up_ref(struct path_cache *p);
void path_cache_free(struct path_cache *p);

/* path_cache_key_of digests what the peer sent, leaf first, in order. */
int path_cache_key_of(
    struct path_cache_key *key, const STACK_OF(X509) * sent) MUST_USE;

/*
 * The verified chain: leaf, which is the first certificate that was sent, and
 * those above it; references are the caller's. NULL when it is not known.
 */
STACK_OF(X509) *
    path_cache_find(
	struct path_cache *p, const struct path_cache_key *key, X509 *leaf);

/*
 * Remembers the chain, leaf first, and forgets another when full. Failing to
 * is harmless. Returns the chain to go on with: the same certificates, those
 * above the leaf shared with other peers; references are the caller's. NULL
 * when nothing was remembered.
 */
STACK_OF(X509) *
    path_cache_add(struct path_cache *p, const struct path_cache_key *key,
	const STACK_OF(X509) * chain);

#endif
