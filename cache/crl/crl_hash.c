/*
 * crl_hash: see the header. Owns its context and, while it runs, one thread
 * that only reads.
 */
#include "cache/crl/crl_hash.h"

#include <signal.h>

/* Starting a thread costs less than hashing this many bytes. */
#define BESIDE_FROM ((size_t)2 << 20)
#define CHUNK       ((size_t)256 << 10)

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
hash_join(struct crl_hash *h)
{
	if (!h->running)
		return;
	pthread_join(h->thread, NULL);
	h->running = false;
}

void
crl_hash_cleanup(struct crl_hash *h)
{
	atomic_store(&h->stop, true);
	hash_join(h);
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

void
crl_hash_update(struct crl_hash *h, struct span piece)
{
	if (h->ctx != NULL && piece.len > 0 &&
	    EVP_DigestUpdate(h->ctx, piece.p, piece.len) != 1)
		h->failed = true;
}

static void *
hash_main(void *arg)
{
	struct crl_hash *h = arg;
	struct span left = h->all;

	while (left.len > 0 && !atomic_load(&h->stop)) {
		size_t n = left.len < CHUNK ? left.len : CHUNK;

		crl_hash_update(h, span_of(left.p, n));
		left = span_of(left.p + n, left.len - n);
	}
	return NULL;
}

void
crl_hash_begin(struct crl_hash *h, struct span all)
{
	sigset_t every, old;

	h->all = all;
	if (h->ctx == NULL)
		return;
	if (all.len >= BESIDE_FROM) {
		sigfillset(&every);
		pthread_sigmask(SIG_SETMASK, &every, &old);
		h->running =
		    pthread_create(&h->thread, NULL, hash_main, h) == 0;
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	if (!h->running)
		(void)hash_main(h);
}

int
crl_hash_finish(struct crl_hash *h, uint8_t out[EVP_MAX_MD_SIZE])
{
	unsigned len = 0;

	hash_join(h);
	if (h->ctx == NULL)
		return 0;
	if (h->failed || EVP_DigestFinal_ex(h->ctx, out, &len) != 1)
		return E_INTERNAL;
	return (int)len;
}
