/*
 * warm_chains: a list with an index by the leaf's digest.
 */
#include "gateway/control/warm_chains.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "gateway/base/pending_check.h"

#define BUCKETS   16384
#define MAX_CERTS 102 /* more than any verified path has */

struct warm_chain *
warm_chain_new(const struct revcheck_certs *certs, struct revcheck_trust *trust,
    unsigned flags)
{
	struct warm_chain *c = calloc(1, sizeof(*c));
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
warm_chain_free(struct warm_chain *c)
{
	if (c == NULL)
		return;
	pending_check_drop(c->wait);
	revcheck_certs_free(c->certs);
	revcheck_trust_free(c->trust);
	free(c);
}

static struct warm_chain **
bucket_of(struct warm_chains *s, const struct warm_chain *c)
{
	return &s->buckets[(c->id[0] << 8 | c->id[1]) % BUCKETS];
}

void
warm_chains_add(struct warm_chains *s, struct warm_chain *c)
{
	X509 *leaf = revcheck_certs_get0(c->certs, 0);
	unsigned char id[EVP_MAX_MD_SIZE];
	struct warm_chain **bucket, *x;

	if (s->buckets == NULL)
		s->buckets = calloc(BUCKETS, sizeof(*s->buckets));
	if (s->buckets == NULL || s->num >= WARM_CHAINS_MAX ||
	    X509_digest(leaf, EVP_sha256(), id, NULL) != 1) {
		warm_chain_free(c);
		return;
	}
	memcpy(c->id, id, WARM_ID_BYTES);
	bucket = bucket_of(s, c);
	/* Evidence found under one trust never answers for another. */
	for (x = *bucket; x != NULL; x = x->bucket)
		if (x->trust == c->trust &&
		    memcmp(x->id, c->id, WARM_ID_BYTES) == 0) {
			warm_chain_free(c);
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
warm_chains_cleanup(struct warm_chains *s)
{
	struct warm_chain *next;

	for (struct warm_chain *c = s->first; c != NULL; c = next) {
		next = c->next;
		warm_chain_free(c);
	}
	free(s->buckets);
	*s = (struct warm_chains){.first = NULL};
}

void
warm_chains_set(
    struct warm_chains *s, struct warm_chain *c, enum warm_answer answer)
{
	s->answers[c->answer]--;
	s->answers[answer]++;
	c->answer = answer;
}
