/* fetch_job: a copy of struct archive_order that outlives its caller. */
#ifndef CACHE_ENGINE_FETCH_JOB_H
#define CACHE_ENGINE_FETCH_JOB_H

#include "cache/engine/archive.h"

/* Counted; immutable. */
struct fetch_job {
	struct ref ref;
	struct evidence_key key;
	enum evidence_kind kind;
	char **urls;
	size_t num_urls;
	uint8_t *request, *request_plain;
	size_t request_len, request_plain_len;
	bool force_post, no_store;
	struct archive_acceptor *acceptor;
	uint8_t owner[32];
	size_t cost_bytes;
};

struct fetch_job *fetch_job_new(const struct archive_order *o);
struct fetch_job *fetch_job_up_ref(struct fetch_job *o);
void fetch_job_free(struct fetch_job *o);

#endif
