/* engine_cache: describes evidence that is kept, in memory or on disk. */
#ifndef REVCHECK_ENGINE_ENGINE_CACHE_H
#define REVCHECK_ENGINE_ENGINE_CACHE_H

#include "cache/crl/crl.h"
#include "revcheck/revcheck.h"

/* Number of entries, dates, issuer and number of crl; the rest stays. */
void engine_cache_item_of_crl(
    struct revcheck_cache_item *out, const struct crl *crl);

#endif
