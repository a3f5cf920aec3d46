/*
 * engine_shared: what several engines share (struct revcheck_shared), between
 * the embedder's functions and the archive's.
 */
#ifndef REVCHECK_ENGINE_ENGINE_SHARED_H
#define REVCHECK_ENGINE_ENGINE_SHARED_H

#include "revcheck/engine/engine_state.h"

/* At the start; shared may be NULL. E_ARG, E_NOMEM. */
int engine_share(struct revcheck *rc, const struct revcheck_shared *shared,
    struct err *err) MUST_USE;
/* Whether it would be taken. */
int engine_check_shared(
    const struct revcheck_shared *shared, struct err *err) MUST_USE;

/* What was found revoked here is for the others, if there are any. */
void engine_tell_revoked(struct revcheck *rc, const struct revcheck_told *t);

/*
 * By another engine's word: what is known of s->word of cert_sources. Costs
 * next to nothing as long as there is nobody who could say one.
 */
static inline bool
engine_told_get(const struct revcheck *rc, const uint8_t word[32],
    struct known_revocation *out)
{
	const struct known_revoked *told =
	    atomic_load_explicit(&rc->told, memory_order_acquire);

	return told != NULL && known_revoked_get(told, word, out);
}
void engine_told_forget(struct revcheck *rc, const uint8_t word[32]);

#endif
