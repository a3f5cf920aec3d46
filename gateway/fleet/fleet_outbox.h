/*
 * fleet_outbox: what is in force here and could not be told the fleet, told
 * when the engine can be had: a hundred at a time, over whatever is there.
 */
#ifndef GATEWAY_FLEET_FLEET_OUTBOX_H
#define GATEWAY_FLEET_FLEET_OUTBOX_H

#include "gateway/fleet/fleet_core.h"

int fleet_outbox_init(struct fleet *f, struct err *err) MUST_USE;
void fleet_outbox_cleanup(struct fleet *f);
void fleet_outbox_moved(struct fleet *f);

#endif
