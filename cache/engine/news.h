/*
 * news: which documents of which sources were told of. What is dropped for want
 * of memory and read again is no news: those who would hear of it would ask
 * again, and push out more. Bounded: the oldest are forgotten, and are news
 * once more. Service thread only.
 */
#ifndef CACHE_ENGINE_NEWS_H
#define CACHE_ENGINE_NEWS_H

#include "cache/evidence/evidence.h"

struct news;

/* NULL: out of memory. */
struct news *news_new(void);
void news_free(struct news *n);

/* Remembers e of this source. False: it was there already. */
bool news_add(struct news *n, const struct evidence_key *source,
    const struct evidence *e);

/* Forgets all of them: everything is news again. */
void news_clear(struct news *n);

#endif
