/* errand: a copy of struct archive_order that outlives its caller. */
#ifndef CACHE_ENGINE_ERRAND_H
#define CACHE_ENGINE_ERRAND_H

#include "cache/engine/archive.h"

/* Counted; immutable. */
struct errand {
	struct ref ref;
	struct archive_key key;
	enum evidence_kind kind;
	char **urls;
	size_t num_urls;
	uint8_t *request;
	size_t request_len;
	bool force_post, no_store;
	struct archive_acceptor *acceptor;
	uint8_t owner[32];
	size_t cost_bytes;
};

struct errand *errand_new(const struct archive_order *o);
struct errand *errand_up_ref(struct errand *o);
void errand_free(struct errand *o);

#endif
