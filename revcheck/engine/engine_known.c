/* engine_known: certificates that were found revoked. Any thread. */
#include "revcheck/engine/engine_state.h"

void
engine_know_revoked(
    struct revcheck *rc, const struct known_revocation *k, const char *issuer)
{
	(void)issuer;
	(void)known_revoked_put(rc->known, k);
}

void
engine_forget_revoked(struct revcheck *rc, const uint8_t identity[32])
{
	(void)known_revoked_forget(rc->known, identity);
}
