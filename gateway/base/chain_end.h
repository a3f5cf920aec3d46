/* chain_end: when the dates of certificates hold no more. */
#ifndef GATEWAY_BASE_CHAIN_END_H
#define GATEWAY_BASE_CHAIN_END_H

#include <time.h>

#include "revcheck/revcheck.h"

/* The first notAfter of them, one that cannot be read is over; 0: no chain. */
time_t chain_ends_at(const struct revcheck_certs *chain);

#endif
