/*
 * crl_hash: the digest over the signed part of a CRL, computed as bytes arrive
 * or, when many are there from the start, by a thread beside the scanner.
 */
#ifndef CACHE_CRL_CRL_HASH_H
#define CACHE_CRL_CRL_HASH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <openssl/evp.h>

#include "cache/base/error.h"
#include "cache/base/span.h"

/* Zero state: no digest. */
struct crl_hash {
	EVP_MD_CTX *ctx;
	int nid;         /* 0: the algorithm has no digest of its own */
	struct span all; /* of the thread */
	pthread_t thread;
	bool running, failed;
	atomic_bool stop;
};

/* md NULL: there will be no digest. E_NOMEM. */
int crl_hash_init(struct crl_hash *h, const EVP_MD *md) MUST_USE;
void crl_hash_cleanup(struct crl_hash *h);

void crl_hash_update(struct crl_hash *h, struct span piece);

/*
 * crl_hash_begin hashes all of `all`, on a thread of its own if it is long. The
 * bytes must stay in place until finish or cleanup.
 */
void crl_hash_begin(struct crl_hash *h, struct span all);

/* crl_hash_finish: length of the digest (0: none), or E_INTERNAL. */
int crl_hash_finish(struct crl_hash *h, uint8_t out[EVP_MAX_MD_SIZE]) MUST_USE;

#endif
