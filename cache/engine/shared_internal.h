/* shared_internal: struct shared_tier from the inside; for shared_*.c only. */
#ifndef CACHE_ENGINE_SHARED_INTERNAL_H
#define CACHE_ENGINE_SHARED_INTERNAL_H

#include "cache/engine/shared_tier.h"

/* Objects that are not what their pointer says. */
#define SHARED_REFUSED_MAX 256
#define SHARED_REFUSED_MS  3600000
#define SHARED_MISSING_MS  5000 /* that are not there */
struct shared_refused {
	uint8_t sha256[32];
	uint64_t until_mono_ms;
};

struct shared_tier {
	struct store base; /* first: cast back from it */
	struct archive *archive;
	struct archive_shared fn;
	struct object_store *objects; /* NULL: none */
	uint64_t left_alone_mono_ms;  /* the store is, until then */
	struct shared_refused refused[SHARED_REFUSED_MAX];
	size_t num_refused; /* ever; the oldest give way */
	struct shared_put *puts;
};

static inline void
shared_count(struct shared_tier *t, enum archive_shared_count what)
{
	atomic_fetch_add(&t->archive->count.shared[what], 1);
}

bool shared_pointer_of(struct shared_tier *t, const struct evidence_key *source,
    struct archive_pointer *out);
/* See shared_tier_news. */
bool shared_pointer_newer(const struct shared_tier *t, const struct resource *r,
    const struct archive_pointer *p);
/* Gives up what is being put. */
void shared_puts_cancel(struct shared_tier *t);
/* The store failed: it is not asked for a moment. */
void shared_store_failed(struct shared_tier *t, const char *why);

#endif
