/*
 * path_cache: a fixed set-associative table, sharded by lock. An entry holds
 * what is above a leaf, and equal ones are found again in a table of their own.
 * Within a set the entry not used for longest gives way. Never verifies
 * anything itself.
 *
 * The entries of a shard lie in the order in which they came, and sets say
 * where: pages are used for as many as there are, not for all that may come.
 */
#include "gateway/tls/path_cache.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cache/base/ref.h"

#define PATH_CACHE_WAYS      4
#define PATH_CACHE_SHARDS    16
#define PATH_CACHE_TAILS     1024
#define PATH_CACHE_CHAIN_MAX 16 /* longer paths are not worth the memory */

/* What is above a leaf. Counted: by entries, and by the slot it is found in. */
struct path_cache_tail {
	struct ref ref;
	unsigned char md[PATH_CACHE_KEY_LEN]; /* of all of it */
	int num;
	X509 *v[];
};

struct path_cache_entry {
	struct path_cache_key key;
	struct path_cache_tail *tail;
	uint64_t used;
};

struct path_cache_shard {
	pthread_mutex_t lock; /* guards its sets and entries, too */
	uint64_t clock;
	uint32_t num; /* entries */
	struct path_cache_entry *entries;
};

/* Numbers of its shard's entries, from 1 on; 0 is behind the last. */
typedef uint32_t path_cache_set[PATH_CACHE_WAYS];

struct path_cache {
	struct ref ref;
	size_t num_sets; /* a power of two, 0 keeps nothing */
	path_cache_set *sets;
	struct path_cache_shard shards[PATH_CACHE_SHARDS];
	pthread_mutex_t tails_lock;
	struct path_cache_tail *tails[PATH_CACHE_TAILS]; /* by md */
};

static void
path_cache_tail_free(struct path_cache_tail *t)
{
	if (t == NULL || !ref_down(&t->ref))
		return;
	for (int i = 0; i < t->num; i++)
		X509_free(t->v[i]);
	free(t);
}

static int
path_cache_make_sets(struct path_cache *p, size_t num)
{
	const size_t each = num / PATH_CACHE_SHARDS * PATH_CACHE_WAYS;
	struct path_cache_entry *entries =
	    calloc(PATH_CACHE_SHARDS * each, sizeof(*entries));

	p->sets = calloc(num, sizeof(*p->sets));
	if (p->sets == NULL || entries == NULL) {
		free(p->sets);
		free(entries);
		return E_NOMEM;
	}
	p->num_sets = num;
	for (size_t i = 0; i < PATH_CACHE_SHARDS; i++)
		p->shards[i].entries = entries + i * each;
	return 0;
}

int
path_cache_new(struct path_cache **out, size_t max, struct err *err)
{
	struct path_cache *p = calloc(1, sizeof(*p));
	size_t sets = 0;

	*out = NULL;
	if (p == NULL)
		return err_set(err, E_NOMEM, "cannot make a memory of paths");
	if (max > 0)
		for (sets = PATH_CACHE_SHARDS;
		     sets * PATH_CACHE_WAYS * 2 <= max;)
			sets *= 2;
	if (sets > 0 && path_cache_make_sets(p, sets) != 0) {
		free(p);
		return err_set(err, E_NOMEM, "cannot make a memory of paths");
	}
	ref_init(&p->ref);
	for (size_t i = 0; i < PATH_CACHE_SHARDS; i++)
		pthread_mutex_init(&p->shards[i].lock, NULL);
	pthread_mutex_init(&p->tails_lock, NULL);
	*out = p;
	return 0;
}

struct path_cache *
path_cache_up_ref(struct path_cache *p)
{
	ref_up(&p->ref);
	return p;
}

void
path_cache_free(struct path_cache *p)
{
	if (p == NULL || !ref_down(&p->ref))
		return;
	for (size_t i = 0; i < PATH_CACHE_SHARDS; i++) {
		struct path_cache_shard *sh = &p->shards[i];

		for (size_t k = 0; k < sh->num; k++)
			path_cache_tail_free(sh->entries[k].tail);
		pthread_mutex_destroy(&sh->lock);
	}
	for (size_t i = 0; i < PATH_CACHE_TAILS; i++)
		path_cache_tail_free(p->tails[i]);
	pthread_mutex_destroy(&p->tails_lock);
	free(p->shards[0].entries); /* of all of them */
	free(p->sets);
	free(p);
}

static int
path_cache_digest_cert(EVP_MD_CTX *ctx, X509 *cert)
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

/* Of the certificates from the from-th on. */
static int
path_cache_digest(unsigned char md[PATH_CACHE_KEY_LEN],
    const STACK_OF(X509) * certs, int from)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	for (int i = from; ok && i < sk_X509_num(certs); i++)
		ok = path_cache_digest_cert(ctx, sk_X509_value(certs, i));
	ok = ok && EVP_DigestFinal_ex(ctx, md, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : E_NOMEM;
}

int
path_cache_key_of(struct path_cache_key *key, const STACK_OF(X509) * sent)
{
	return path_cache_digest(key->md, sent, 0);
}

/* Tails. */

static struct path_cache_tail *
path_cache_tail_new(
    const unsigned char md[PATH_CACHE_KEY_LEN], const STACK_OF(X509) * chain)
{
	int num = sk_X509_num(chain) - 1;
	struct path_cache_tail *t =
	    calloc(1, sizeof(*t) + (size_t)num * sizeof(*t->v));

	if (t == NULL)
		return NULL;
	ref_init(&t->ref);
	memcpy(t->md, md, sizeof(t->md));
	for (; t->num < num; t->num++) {
		t->v[t->num] = sk_X509_value(chain, t->num + 1);
		X509_up_ref(t->v[t->num]);
	}
	return t;
}

/* The one like it that is there already, or a new one; a reference. */
static struct path_cache_tail *
path_cache_tail_of(struct path_cache *p, const STACK_OF(X509) * chain)
{
	struct path_cache_tail **slot, *t, *old = NULL;
	unsigned char md[PATH_CACHE_KEY_LEN];
	size_t h;

	if (path_cache_digest(md, chain, 1) != 0)
		return NULL;
	memcpy(&h, md, sizeof(h));
	slot = &p->tails[h % PATH_CACHE_TAILS];
	pthread_mutex_lock(&p->tails_lock);
	t = *slot;
	if (t == NULL || memcmp(t->md, md, sizeof(md)) != 0) {
		t = path_cache_tail_new(md, chain);
		if (t != NULL) {
			old = *slot;
			*slot = t;
		}
	}
	if (t != NULL)
		ref_up(&t->ref);
	pthread_mutex_unlock(&p->tails_lock);
	path_cache_tail_free(old);
	return t;
}

static STACK_OF(X509) *
    path_cache_join(X509 *leaf, const struct path_cache_tail *t)
{
	STACK_OF(X509) *chain = sk_X509_new_reserve(NULL, t->num + 1);

	if (chain == NULL)
		return NULL;
	X509_up_ref(leaf);
	sk_X509_push(chain, leaf);
	for (int i = 0; i < t->num; i++) {
		X509_up_ref(t->v[i]);
		sk_X509_push(chain, t->v[i]);
	}
	return chain;
}

/* Entries. */

static size_t
path_cache_set_of(const struct path_cache *p, const struct path_cache_key *key)
{
	size_t h;

	memcpy(&h, key->md, sizeof(h)); /* a digest is a hash already */
	return h & (p->num_sets - 1);
}

/* Entry i of a set; NULL: it has no more. Under the lock of its shard. */
static struct path_cache_entry *
path_cache_way(
    const struct path_cache_shard *sh, const path_cache_set set, size_t i)
{
	if (i == PATH_CACHE_WAYS || set[i] == 0)
		return NULL;
	return &sh->entries[set[i] - 1];
}

STACK_OF(X509) *
    path_cache_find(
	struct path_cache *p, const struct path_cache_key *key, X509 *leaf)
{
	STACK_OF(X509) *chain = NULL;
	struct path_cache_entry *e;
	struct path_cache_shard *sh;
	size_t set;

	if (p->num_sets == 0)
		return NULL;
	set = path_cache_set_of(p, key);
	sh = &p->shards[set % PATH_CACHE_SHARDS];
	pthread_mutex_lock(&sh->lock);
	for (size_t i = 0; (e = path_cache_way(sh, p->sets[set], i)) != NULL;
	     i++) {
		if (memcmp(&e->key, key, sizeof(*key)) != 0)
			continue;
		e->used = ++sh->clock;
		chain = path_cache_join(leaf, e->tail);
		break;
	}
	pthread_mutex_unlock(&sh->lock);
	return chain;
}

/* The key's entry, or a new one, or the one not used for longest. Locked. */
static struct path_cache_entry *
path_cache_room(struct path_cache_shard *sh, path_cache_set set,
    const struct path_cache_key *key)
{
	struct path_cache_entry *e, *victim = path_cache_way(sh, set, 0);
	size_t i;

	for (i = 0; (e = path_cache_way(sh, set, i)) != NULL; i++) {
		if (memcmp(&e->key, key, sizeof(*key)) == 0)
			return e;
		if (e->used < victim->used)
			victim = e;
	}
	if (i == PATH_CACHE_WAYS)
		return victim;
	set[i] = ++sh->num;
	return path_cache_way(sh, set, i);
}

/* Takes the reference to tail. */
static void
path_cache_put(struct path_cache *p, const struct path_cache_key *key,
    struct path_cache_tail *tail)
{
	size_t set = path_cache_set_of(p, key);
	struct path_cache_shard *sh = &p->shards[set % PATH_CACHE_SHARDS];
	struct path_cache_tail *old;
	struct path_cache_entry *e;

	pthread_mutex_lock(&sh->lock);
	e = path_cache_room(sh, p->sets[set], key);
	old = e->tail;
	*e = (struct path_cache_entry){*key, tail, ++sh->clock};
	pthread_mutex_unlock(&sh->lock);
	path_cache_tail_free(old);
}

STACK_OF(X509) *
    path_cache_add(struct path_cache *p, const struct path_cache_key *key,
	const STACK_OF(X509) * chain)
{
	STACK_OF(X509) * shared;
	struct path_cache_tail *tail;
	int num = sk_X509_num(chain);

	if (p->num_sets == 0 || num < 1 || num > PATH_CACHE_CHAIN_MAX)
		return NULL;
	tail = path_cache_tail_of(p, chain);
	if (tail == NULL)
		return NULL;
	shared = path_cache_join(sk_X509_value(chain, 0), tail);
	path_cache_put(p, key, tail);
	return shared;
}
