/*
 * crl_hash: see the header. Owns its context and, while it runs, one thread
 * that only reads.
 */
#include "cache/crl/crl_hash.h"
#include "cache/base/thread.h"

#include <stdatomic.h>

/*
 * Less than this is hashed sooner than a thread has begun: a processor that
 * sleeps takes up to 0.2 ms to wake.
 */
#define BESIDE_FROM ((size_t)1 << 20)
/* Given to the thread at once, so that it need not be woken for every block. */
#define LOT ((size_t)128 << 10)
/* Between two looks at whether to stop. */
#define CHUNK ((size_t)256 << 10)
/* In whole blocks of the hash, so that it need not keep a rest. */
#define HASH_BLOCK 64
/* Of all that are being built; more are hashed by who reads them. */
#define MAX_THREADS 4

static atomic_uint num_threads;

int
crl_hash_init(struct crl_hash *h, const EVP_MD *md)
{
	if (md == NULL)
		return 0;
	h->ctx = EVP_MD_CTX_new();
	if (h->ctx == NULL)
		return E_NOMEM;
	/* A digest that this OpenSSL does not have counts as none. */
	if (EVP_DigestInit_ex(h->ctx, md, NULL) != 1) {
		EVP_MD_CTX_free(h->ctx);
		h->ctx = NULL;
		return 0;
	}
	h->nid = EVP_MD_get_type(md);
	return 0;
}

static void
hash_update(struct crl_hash *h, struct span piece)
{
	if (EVP_DigestUpdate(h->ctx, piece.p, piece.len) != 1)
		h->failed = true;
}

/* The thread. */

static void *
hash_main(void *arg)
{
	struct crl_hash *h = arg;
	struct span piece;

	pthread_mutex_lock(&h->lock);
	while (!h->stop) {
		piece = span_of(h->given.p + h->done, h->given.len - h->done);
		if (piece.len == 0) {
			if (h->last)
				break;
			pthread_cond_wait(&h->more, &h->lock);
			continue;
		}
		if (piece.len > CHUNK)
			piece.len = CHUNK;
		pthread_mutex_unlock(&h->lock);
		hash_update(h, piece);
		pthread_mutex_lock(&h->lock);
		h->done += piece.len;
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

static bool
hash_start(struct crl_hash *h, struct span in, bool last)
{
	if (atomic_fetch_add(&num_threads, 1) >= MAX_THREADS) {
		atomic_fetch_sub(&num_threads, 1);
		return false;
	}
	h->given = in;
	h->last = last;
	h->stop = false;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->more, NULL);
	h->running = thread_start(&h->thread, hash_main, h) == 0;
	if (!h->running)
		atomic_fetch_sub(&num_threads, 1);
	return h->running;
}

static void
hash_join(struct crl_hash *h)
{
	if (!h->running)
		return;
	pthread_join(h->thread, NULL);
	pthread_cond_destroy(&h->more);
	pthread_mutex_destroy(&h->lock);
	atomic_fetch_sub(&num_threads, 1);
	h->running = false;
}

static void
hash_give(struct crl_hash *h, struct span in, bool last, bool stop)
{
	pthread_mutex_lock(&h->lock);
	h->given = in;
	h->last = last;
	h->stop = stop;
	pthread_cond_signal(&h->more);
	pthread_mutex_unlock(&h->lock);
}

/* Who takes the bytes. */

void
crl_hash_take(struct crl_hash *h, struct span in, size_t all, bool beside)
{
	bool last = in.len == all;
	size_t lot = in.len - (h->running ? h->given.len : h->done);

	if (h->ctx == NULL)
		return;
	beside = beside && all >= BESIDE_FROM;
	/* What is announced may never come. */
	if (!last && lot < LOT && (beside || h->running))
		return;
	if (h->running) {
		hash_give(h, in, last, false);
		return;
	}
	if (beside && lot >= LOT && hash_start(h, in, last))
		return;
	if (!last)
		in.len -= in.len % HASH_BLOCK;
	hash_update(h, span_of(in.p + h->done, in.len - h->done));
	h->done = in.len;
}

void
crl_hash_halt(struct crl_hash *h)
{
	if (h->running)
		hash_give(h, h->given, true, false);
	hash_join(h);
}

void
crl_hash_cleanup(struct crl_hash *h)
{
	if (h->running)
		hash_give(h, h->given, true, true);
	hash_join(h);
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

int
crl_hash_finish(struct crl_hash *h, uint8_t out[EVP_MAX_MD_SIZE])
{
	unsigned len = 0;

	crl_hash_halt(h);
	if (h->ctx == NULL)
		return 0;
	if (h->failed || EVP_DigestFinal_ex(h->ctx, out, &len) != 1)
		return E_INTERNAL;
	return (int)len;
}
