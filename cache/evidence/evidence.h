/* evidence: what the rooms of cache/ ask of it beyond archive.h. */
#ifndef CACHE_EVIDENCE_EVIDENCE_H
#define CACHE_EVIDENCE_EVIDENCE_H

#include "cache/engine/archive.h"

/* The signed bytes, lent. */
struct span evidence_der(const struct evidence *e);

/*
 * evidence_older: `is` must not take the place of `was` (lower number if both
 * have one, else earlier thisUpdate).
 */
bool evidence_older(const struct evidence *is, const struct evidence *was);

/* Within its dates, as far as the archive looks: no need to fetch. */
bool evidence_fresh(const struct evidence *e, time_t now, uint32_t skew_sec);

#endif
