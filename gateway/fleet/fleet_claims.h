/*
 * fleet_claims: who fetches what: a key that one of all can make, with a lease
 * that is kept alive until it is released. Advice: two fetches are no harm.
 */
#ifndef GATEWAY_FLEET_FLEET_CLAIMS_H
#define GATEWAY_FLEET_FLEET_CLAIMS_H

#include "gateway/fleet/fleet_core.h"

int fleet_claims_init(struct fleet *f, struct err *err) MUST_USE;
void fleet_claims_cleanup(struct fleet *f);
void fleet_claims_moved(struct fleet *f);

#endif
