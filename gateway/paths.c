/*
 * paths: a fixed set-associative table, sharded by lock. An entry holds
 * references to the certificates of one verified chain. Within a set the
 * entry not used for longest gives way. Never verifies anything itself.
 */
#include "gateway/paths.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define PATHS_WAYS      4
#define PATHS_SHARDS    16
#define PATHS_CHAIN_MAX 16 /* longer paths are not worth the memory */

struct paths_entry {
	struct paths_key key;
	STACK_OF(X509) * chain; /* NULL: free */
	uint64_t used;
};

struct paths {
	size_t num_sets;             /* a power of two, 0 keeps nothing */
	struct paths_entry *entries; /* num_sets * PATHS_WAYS */
	struct {
		pthread_mutex_t lock;
		uint64_t clock;
	} shards[PATHS_SHARDS];
};

int
paths_new(struct paths **out, size_t max, struct err *err)
{
	struct paths *p = calloc(1, sizeof(*p));
	size_t sets = 0;

	*out = NULL;
	if (p == NULL)
		return err_set(err, E_NOMEM, "cannot make a memory of paths");
	if (max > 0)
		for (sets = PATHS_SHARDS; sets * PATHS_WAYS * 2 <= max;)
			sets *= 2;
	if (sets > 0) {
		p->entries = calloc(sets * PATHS_WAYS, sizeof(*p->entries));
		if (p->entries == NULL) {
			free(p);
			return err_set(
			    err, E_NOMEM, "cannot make a memory of paths");
		}
	}
	p->num_sets = sets;
	for (size_t i = 0; i < PATHS_SHARDS; i++)
		pthread_mutex_init(&p->shards[i].lock, NULL);
	*out = p;
	return 0;
}

void
paths_free(struct paths *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->num_sets * PATHS_WAYS; i++)
		sk_X509_pop_free(p->entries[i].chain, X509_free);
	for (size_t i = 0; i < PATHS_SHARDS; i++)
		pthread_mutex_destroy(&p->shards[i].lock);
	free(p->entries);
	free(p);
}

static int
paths_digest_cert(EVP_MD_CTX *ctx, X509 *cert)
{
	unsigned char *der = NULL;
	unsigned char head[4];
	int len = i2d_X509(cert, &der), ok;

	if (len < 0)
		return 0;
	/* The length first: no two lists of certificates read the same. */
	head[0] = (unsigned char)(len >> 24);
	head[1] = (unsigned char)(len >> 16);
	head[2] = (unsigned char)(len >> 8);
	head[3] = (unsigned char)len;
	ok = EVP_DigestUpdate(ctx, head, sizeof(head)) == 1 &&
	    EVP_DigestUpdate(ctx, der, (size_t)len) == 1;
	OPENSSL_free(der);
	return ok;
}

int
paths_key_of(struct paths_key *key, const STACK_OF(X509) * sent)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	for (int i = 0; ok && i < sk_X509_num(sent); i++)
		ok = paths_digest_cert(ctx, sk_X509_value(sent, i));
	ok = ok && EVP_DigestFinal_ex(ctx, key->md, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : E_NOMEM;
}

static size_t
paths_set_of(const struct paths *p, const struct paths_key *key)
{
	size_t h;

	memcpy(&h, key->md, sizeof(h)); /* a digest is a hash already */
	return h & (p->num_sets - 1);
}

STACK_OF(X509) * paths_find(struct paths *p, const struct paths_key *key)
{
	STACK_OF(X509) *chain = NULL;
	struct paths_entry *e;
	size_t set;

	if (p->num_sets == 0)
		return NULL;
	set = paths_set_of(p, key);
	e = &p->entries[set * PATHS_WAYS];
	pthread_mutex_lock(&p->shards[set % PATHS_SHARDS].lock);
	for (size_t i = 0; i < PATHS_WAYS; i++) {
		if (e[i].chain == NULL ||
		    memcmp(&e[i].key, key, sizeof(*key)) != 0)
			continue;
		e[i].used = ++p->shards[set % PATHS_SHARDS].clock;
		chain = X509_chain_up_ref(e[i].chain);
		break;
	}
	pthread_mutex_unlock(&p->shards[set % PATHS_SHARDS].lock);
	return chain;
}

void
paths_add(struct paths *p, const struct paths_key *key, STACK_OF(X509) * chain)
{
	STACK_OF(X509) * mine, *old;
	struct paths_entry *e, *victim;
	size_t set;

	if (p->num_sets == 0 || sk_X509_num(chain) > PATHS_CHAIN_MAX)
		return;
	mine = X509_chain_up_ref(chain);
	if (mine == NULL)
		return;
	set = paths_set_of(p, key);
	e = victim = &p->entries[set * PATHS_WAYS];
	pthread_mutex_lock(&p->shards[set % PATHS_SHARDS].lock);
	for (size_t i = 0; i < PATHS_WAYS; i++) {
		if (e[i].chain != NULL &&
		    memcmp(&e[i].key, key, sizeof(*key)) == 0) {
			victim = &e[i];
			break;
		}
		if (e[i].used < victim->used)
			victim = &e[i];
	}
	old = victim->chain;
	victim->key = *key;
	victim->chain = mine;
	victim->used = ++p->shards[set % PATHS_SHARDS].clock;
	pthread_mutex_unlock(&p->shards[set % PATHS_SHARDS].lock);
	sk_X509_pop_free(old, X509_free);
}
