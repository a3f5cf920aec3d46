/*
 * path_verify: who vouches for a chain of our own: a path from its leaf to an
 * anchor. Any thread.
 */
#ifndef GATEWAY_TLS_PATH_VERIFY_H
#define GATEWAY_TLS_PATH_VERIFY_H

#include "cache/base/error.h"
#include "revcheck/revcheck.h"

enum {
	PATH_VERIFY_ANY_TIME = 1 << 0 /* dates do not count */
};

/*
 * 0 and *path (may be NULL; else leaf first, anchor last, the caller's) when
 * an anchor of trust vouches for chain, whose certificates after the leaf may
 * be in any order. E_PARSE when none does; err is the reason in OpenSSL's
 * words.
 */
int
path_verify(struct revcheck_certs **path, const struct revcheck_certs *chain,
    struct revcheck_trust *trust, unsigned flags, struct err *err) MUST_USE;

#endif
