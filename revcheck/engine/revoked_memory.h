/*
 * revoked_memory: known revocations, so that a revoked certificate stays
 * revoked when its evidence was evicted or cannot be fetched; and when evidence
 * of each issuer was last seen, for the soft-fail window. Bounded, thread-safe.
 */
#ifndef REVCHECK_ENGINE_REVOKED_MEMORY_H
#define REVCHECK_ENGINE_REVOKED_MEMORY_H

#include <stdbool.h>

#include "revcheck/revcheck.h"

struct revoked_memory;

struct revoked_memory *revoked_memory_new(void);
void revoked_memory_free(struct revoked_memory *m);

/* identity: issuer key + serial, 32 octets (struct cert_sources). */
void revoked_memory_revoked(struct revoked_memory *m,
    const uint8_t identity[32], const struct revcheck_result *res);
/* Fresh evidence says that it is not revoked (a hold was lifted). */
void
revoked_memory_forget(struct revoked_memory *m, const uint8_t identity[32]);
/* Fills status, reason, dates, url of *res when remembered. */
bool revoked_memory_recall(struct revoked_memory *m, const uint8_t identity[32],
    struct revcheck_result *res);

/* owner: SHA-256 of the issuer's key. */
void revoked_memory_heard(
    struct revoked_memory *m, const uint8_t owner[32], time_t at);
/* When evidence of this issuer was last seen; 0: never. */
time_t
revoked_memory_last_heard(struct revoked_memory *m, const uint8_t owner[32]);

#endif
