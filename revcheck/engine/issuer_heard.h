/*
 * issuer_heard: when evidence of each issuer was last seen, for the soft-fail
 * window. Bounded, thread-safe.
 */
#ifndef REVCHECK_ENGINE_ISSUER_HEARD_H
#define REVCHECK_ENGINE_ISSUER_HEARD_H

#include <stdint.h>
#include <time.h>

struct issuer_heard;

struct issuer_heard *issuer_heard_new(void);
void issuer_heard_free(struct issuer_heard *h);

/* owner: SHA-256 of the issuer's key. */
void
issuer_heard_note(struct issuer_heard *h, const uint8_t owner[32], time_t at);
/* 0: never. */
time_t issuer_heard_last(struct issuer_heard *h, const uint8_t owner[32]);

#endif
