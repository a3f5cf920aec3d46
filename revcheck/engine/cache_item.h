/* cache_item: describes evidence that is kept, in memory or on disk. */
#ifndef REVCHECK_ENGINE_CACHE_ITEM_H
#define REVCHECK_ENGINE_CACHE_ITEM_H

#include "cache/crl/crl.h"
#include "revcheck/revcheck.h"

/* Number of entries, dates, issuer and number of crl; the rest stays. */
void cache_item_of_crl(struct revcheck_cache_item *out, const struct crl *crl);

/* URLs come from certificates: what is not printable ASCII becomes '?'. */
void cache_item_url(struct revcheck_cache_item *out, const char *url);

#endif
