/* news: see the header. A table of marks in sets of a few, the oldest leaves.
 */
#include "cache/engine/news.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define NEWS_SETS 8192
#define NEWS_WAYS 4
/*
 * Of a large document its end tells enough: of a CRL that is the signature
 * (RFC 5280 5.1.1.3).
 */
#define NEWS_TAIL_BYTES 4096

struct news {
	uint64_t marks[NEWS_SETS][NEWS_WAYS]; /* newest first; 0: none */
};

struct news *
news_new(void)
{
	return calloc(1, sizeof(struct news));
}

void
news_free(struct news *n)
{
	free(n);
}

void
news_clear(struct news *n)
{
	memset(n, 0, sizeof(*n));
}

/* 0: it cannot be said. */
static uint64_t
mark_of(const struct evidence_key *source, const struct evidence *e)
{
	uint8_t md[EVP_MAX_MD_SIZE],
	    tail[sizeof(source->id) + 8 + NEWS_TAIL_BYTES];
	struct span der = evidence_der(e);
	size_t len = der.len < NEWS_TAIL_BYTES ? der.len : NEWS_TAIL_BYTES;
	uint64_t whole = der.len, mark = 0;

	memcpy(tail, source->id, sizeof(source->id));
	memcpy(tail + sizeof(source->id), &whole, sizeof(whole));
	memcpy(tail + sizeof(source->id) + 8, der.p + der.len - len, len);
	if (EVP_Digest(tail, sizeof(source->id) + 8 + len, md, NULL,
		EVP_sha256(), NULL) == 1)
		memcpy(&mark, md, sizeof(mark));
	return mark;
}

bool
news_add(
    struct news *n, const struct evidence_key *source, const struct evidence *e)
{
	uint64_t mark = mark_of(source, e);
	uint64_t *set = n->marks[mark % NEWS_SETS];

	for (size_t i = 0; i < NEWS_WAYS; i++)
		if (mark != 0 && set[i] == mark)
			return false;
	memmove(set + 1, set, (NEWS_WAYS - 1) * sizeof(*set));
	set[0] = mark;
	return true;
}
