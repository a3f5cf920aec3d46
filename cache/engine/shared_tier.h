/*
 * shared_tier: the second tier of an archive, after the disk: CRLs that others
 * accepted, by the address that the embedder's functions give, out of a store
 * of objects; and how this archive tells them what it accepted itself. Service
 * thread only.
 */
#ifndef CACHE_ENGINE_SHARED_TIER_H
#define CACHE_ENGINE_SHARED_TIER_H

#include "cache/engine/archive_internal.h"

struct shared_tier;

/* E_ARG, E_NOMEM; any thread. */
int shared_tier_new(struct shared_tier **out, struct archive *a,
    const struct archive_shared *shared, struct err *err) MUST_USE;
/* What it is about to put is given up, and its claims are given back. */
void shared_tier_free(struct shared_tier *t);

/* One that was never in use: nothing is called, `gone` neither. */
void shared_tier_discard(struct shared_tier *t);

/* load, cancel and reject alone. */
struct store *shared_tier_get0_store(struct shared_tier *t);
const struct archive_shared *shared_tier_get0(const struct shared_tier *t);

/*
 * Whether another has a CRL that is newer than all that r holds in date, and
 * that was not refused here within the hour.
 */
bool shared_tier_news(struct shared_tier *t, const struct resource *r);
/*
 * What r holds, lent, if another was told since that it is the newest still,
 * at *checked_at; or NULL.
 */
struct evidence *shared_tier_checked(
    struct shared_tier *t, const struct resource *r, time_t *checked_at);
void shared_tier_spread(struct shared_tier *t, uint32_t spread_ms);
/* Whether there is a store. */
bool shared_tier_has_store(const struct shared_tier *t);
/* Who waited for the store went elsewhere: it is left alone for a moment. */
void shared_tier_was_slow(struct shared_tier *t);

/*
 * The source of r gave e, which is held, or said that it is the newest still.
 * The others are told, once its bytes are in the store; then the claim is given
 * back, if there is one.
 */
void shared_tier_publish(struct shared_tier *t, struct resource *r,
    struct evidence *e, bool claimed);

#endif
