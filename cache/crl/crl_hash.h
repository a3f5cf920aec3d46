/*
 * crl_hash: the digest over the signed part of a CRL, computed as bytes arrive:
 * between the scanner's blocks or, where there are many, by a thread beside the
 * scanner.
 */
#ifndef CACHE_CRL_CRL_HASH_H
#define CACHE_CRL_CRL_HASH_H

#include <pthread.h>
#include <stdbool.h>

#include <openssl/evp.h>

#include "cache/base/error.h"
#include "cache/base/span.h"

/* Zero state: no digest. */
struct crl_hash {
	EVP_MD_CTX *ctx;
	int nid;     /* 0: the algorithm has no digest of its own */
	size_t done; /* bytes hashed; the thread's while it runs */
	bool failed; /* likewise */
	/* The thread, which hashes what it is given and waits for more. */
	bool running;
	pthread_t thread;
	pthread_mutex_t lock; /* below */
	pthread_cond_t more;
	struct span given; /* from the first byte on */
	bool last, stop;   /* nothing more is given; nor is that wanted */
};

/* md NULL: there will be no digest. E_NOMEM. */
int crl_hash_init(struct crl_hash *h, const EVP_MD *md) MUST_USE;
/* Waits for the chunk under way, no more. */
void crl_hash_cleanup(struct crl_hash *h);

/*
 * crl_hash_take: `in` is what is there by now, from the first byte on, of `all`
 * bytes. It stays as it is and where it is until halt, finish or cleanup.
 * beside: a thread may be started for it.
 */
void crl_hash_take(struct crl_hash *h, struct span in, size_t all, bool beside);

/* Ends the thread, which hashes what it was given: then the bytes may move. */
void crl_hash_halt(struct crl_hash *h);

/*
 * crl_hash_finish: length of the digest (0: none), or E_INTERNAL. All has been
 * taken.
 */
int crl_hash_finish(struct crl_hash *h, uint8_t out[EVP_MAX_MD_SIZE]) MUST_USE;

#endif
