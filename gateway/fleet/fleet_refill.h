/*
 * fleet_refill: puts back what the engine has lost, or has older or damaged,
 * out of what this machine holds: the fleet's record with the same id, head
 * with the highest n, each record with its own n, all by compare. One member
 * at a time, by a lease; the others then add what is missing still. Makes the
 * record of a new fleet, where that was asked for.
 */
#ifndef GATEWAY_FLEET_FLEET_REFILL_H
#define GATEWAY_FLEET_FLEET_REFILL_H

#include "gateway/fleet/fleet_core.h"

int fleet_refill_init(struct fleet *f, struct err *err) MUST_USE;
void fleet_refill_cleanup(struct fleet *f);
void fleet_refill_moved(struct fleet *f);

#endif
