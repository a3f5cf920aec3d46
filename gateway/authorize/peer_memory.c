/* peer_memory: see the header. A table in which the newer takes the place. */
#include "gateway/authorize/peer_memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define MAX_PATH 100 /* longer ones are not worth it */

struct slot {
	struct peer_memory_key key;
	struct revcheck_certs *path; /* NULL: free */
};

struct peer_memory {
	struct slot slots[PEER_MEMORY_KEPT];
};

int
peer_memory_new(struct peer_memory **out, struct err *err)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : err_set(err, E_NOMEM, "out of memory");
}

void
peer_memory_clear(struct peer_memory *m)
{
	for (size_t i = 0; i < PEER_MEMORY_KEPT; i++) {
		revcheck_certs_free(m->slots[i].path);
		m->slots[i].path = NULL;
	}
}

void
peer_memory_free(struct peer_memory *m)
{
	if (m == NULL)
		return;
	peer_memory_clear(m);
	free(m);
}

static bool
digest(EVP_MD_CTX *ctx, const void *p, size_t len)
{
	const uint64_t size = len;

	return EVP_DigestUpdate(ctx, &size, sizeof(size)) == 1 &&
	    EVP_DigestUpdate(ctx, p, len) == 1;
}

/* All fields of the name, and of that of the chain, in their order. */
static bool
digest_fields(EVP_MD_CTX *ctx, const char *name, const struct http_head *head)
{
	size_t len = strlen(name);
	bool ok = true;

	for (size_t i = 0; ok && i < head->num_fields; i++) {
		const struct http_field *f = &head->fields[i];
		struct http_text start = f->name;

		if (start.len > len)
			start.len = len;
		if (http_text_is(&start, name))
			ok = digest(ctx, f->name.p, f->name.len) &&
			    digest(ctx, f->value.p, f->value.len);
	}
	return ok;
}

int
peer_memory_key_of(struct peer_memory_key *key, const struct peer_header *rules,
    const struct http_head *head)
{
	const uint64_t numbers[] = {
	    (uint64_t)rules->format, rules->hop, rules->max_certs};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL &&
	    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    digest(ctx, numbers, sizeof(numbers)) &&
	    digest(ctx, rules->name, strlen(rules->name)) &&
	    digest_fields(ctx, rules->name, head) &&
	    EVP_DigestFinal_ex(ctx, key->md, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : E_NOMEM;
}

static size_t
slot_of(const struct peer_memory_key *key)
{
	uint32_t n;

	memcpy(&n, key->md, sizeof(n));
	return n % PEER_MEMORY_KEPT;
}

/* The same certificates; NULL: none, too many, or out of memory. */
static struct revcheck_certs *
copy_of(const struct revcheck_certs *path)
{
	size_t num = revcheck_certs_num(path);
	struct revcheck_certs *copy = NULL;
	X509 *v[MAX_PATH];

	if (num == 0 || num > MAX_PATH)
		return NULL;
	for (size_t i = 0; i < num; i++)
		v[i] = revcheck_certs_get0(path, i);
	if (revcheck_certs_from_x509(&copy, v, num, NULL) != 0)
		return NULL;
	return copy;
}

struct revcheck_certs *
peer_memory_get1(const struct peer_memory *m, const struct peer_memory_key *key)
{
	const struct slot *s = &m->slots[slot_of(key)];

	return s->path != NULL && memcmp(&s->key, key, sizeof(*key)) == 0
	    ? copy_of(s->path)
	    : NULL;
}

void
peer_memory_put(struct peer_memory *m, const struct peer_memory_key *key,
    const struct revcheck_certs *path)
{
	struct slot *s = &m->slots[slot_of(key)];
	struct revcheck_certs *copy = copy_of(path);

	if (copy == NULL)
		return;
	revcheck_certs_free(s->path);
	s->path = copy;
	s->key = *key;
}
