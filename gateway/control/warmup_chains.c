/*
 * warmup_chains: a list with an index by the leaf's digest.
 */
#include "gateway/control/warmup_chains.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "gateway/base/pending_check.h"

#define BUCKETS   16384
#define MAX_CERTS 102 /* more than any verified path has */

struct warmup_chain *
warmup_chain_new(const struct revcheck_certs *certs,
    struct revcheck_trust *trust, unsigned flags)
{
	struct warmup_chain *c = calloc(1, sizeof(*c));
	size_t num = revcheck_certs_num(certs);
	X509 *list[MAX_CERTS];

	if (c == NULL || num == 0 || num > MAX_CERTS)
		goto fail;
	for (size_t i = 0; i < num; i++)
		list[i] = revcheck_certs_get0(certs, i);
	if (revcheck_certs_from_x509(&c->certs, list, num, NULL) != 0)
		goto fail;
	c->trust = revcheck_trust_up_ref(trust);
	c->flags = flags;
	return c;
fail:
	free(c);
	return NULL;
}

void
warmup_chain_free(struct warmup_chain *c)
{
	if (c == NULL)
		return;
	chain_poll_drop(&c->item);
	revcheck_certs_free(c->certs);
	revcheck_trust_free(c->trust);
	free(c);
}

static struct warmup_chain **
bucket_of(struct warmup_chains *s, const struct warmup_chain *c)
{
	return &s->buckets[(c->id[0] << 8 | c->id[1]) % BUCKETS];
}

void
warmup_chains_add(struct warmup_chains *s, struct warmup_chain *c)
{
	X509 *leaf = revcheck_certs_get0(c->certs, 0);
	unsigned char id[EVP_MAX_MD_SIZE];
	struct warmup_chain **bucket, *x;

	if (s->buckets == NULL)
		s->buckets = calloc(BUCKETS, sizeof(*s->buckets));
	if (s->buckets == NULL || s->num >= WARMUP_CHAINS_MAX ||
	    X509_digest(leaf, EVP_sha256(), id, NULL) != 1) {
		warmup_chain_free(c);
		return;
	}
	memcpy(c->id, id, WARMUP_ID_BYTES);
	bucket = bucket_of(s, c);
	/* Evidence found under one trust never answers for another. */
	for (x = *bucket; x != NULL; x = x->bucket)
		if (x->trust == c->trust &&
		    memcmp(x->id, c->id, WARMUP_ID_BYTES) == 0) {
			warmup_chain_free(c);
			return;
		}
	c->bucket = *bucket;
	*bucket = c;
	c->next = s->first;
	s->first = c;
	s->num++;
	s->answers[c->answer]++;
}

void
warmup_chains_cleanup(struct warmup_chains *s)
{
	struct warmup_chain *next;

	for (struct warmup_chain *c = s->first; c != NULL; c = next) {
		next = c->next;
		warmup_chain_free(c);
	}
	free(s->buckets);
	*s = (struct warmup_chains){.first = NULL};
}

void
warmup_chains_set(
    struct warmup_chains *s, struct warmup_chain *c, enum warmup_answer answer)
{
	s->answers[c->answer]--;
	s->answers[answer]++;
	c->answer = answer;
}
