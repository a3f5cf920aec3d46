/*
 * chain_cache: session chains as they came, parsed. Nodes ask about the same
 * chain again and again, and parsing public keys is most of what that costs; so
 * what was parsed is kept for a while, by the exact text. Nothing is judged
 * here. Control thread only.
 */
#ifndef GATEWAY_SESSIONS_CHAIN_CACHE_H
#define GATEWAY_SESSIONS_CHAIN_CACHE_H

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "revcheck/revcheck.h"

#define CHAINS_KEPT 1024

struct chain_cache;

/* Counted, constant. Give back with chain_free. */
struct chain {
	unsigned refs; /* control thread only, so not atomic */
	unsigned char key[32];
	struct revcheck_certs *certs;
	struct revcheck_trust *trust;
};

int chain_cache_new(struct chain_cache **out, struct err *err) MUST_USE;
void chain_cache_free(struct chain_cache *c);

/*
 * The "certificates" and "trustedCertificates" of a request. E_PARSE names
 * the element that is wrong.
 */
int chain_cache_get(struct chain_cache *c, struct chain **out,
    const cJSON *request, struct err *err) MUST_USE;
void chain_free(struct chain *c);

/*
 * The anchors of requests that name none; NULL: such requests are refused.
 * Takes a reference and forgets what was parsed.
 */
void chain_cache_set_trust(struct chain_cache *c, struct revcheck_trust *trust);

#endif
