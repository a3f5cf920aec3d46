/*
 * chains: session chains as they came, parsed. Nodes ask about the same chain
 * again and again, and parsing public keys is most of what that costs; so what
 * was parsed is kept for a while, by the exact text. Nothing is judged here.
 * Control thread only.
 */
#ifndef GATEWAY_SESSIONS_CHAINS_H
#define GATEWAY_SESSIONS_CHAINS_H

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "revcheck/revcheck.h"

#define CHAINS_KEPT 1024

struct chains;

/* Counted, constant. Give back with chain_free. */
struct chain {
	unsigned refs; /* control thread only, so not atomic */
	unsigned char key[32];
	struct revcheck_certs *certs;
	struct revcheck_trust *trust;
};

int chains_new(struct chains **out, struct err *err) MUST_USE;
void chains_free(struct chains *c);

/*
 * The "certificates" and "trustedCertificates" of a request. E_PARSE names
 * the element that is wrong.
 */
int chains_get(struct chains *c, struct chain **out, const cJSON *request,
    struct err *err) MUST_USE;
void chain_free(struct chain *c);

/*
 * The anchors of requests that name none; NULL: such requests are refused.
 * Takes a reference and forgets what was parsed.
 */
void chains_set_trust(struct chains *c, struct revcheck_trust *trust);

#endif
