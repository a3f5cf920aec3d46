/*
 * fleet_member: what the others see of this machine: one record of its own,
 * with a lease that is kept alive, written when it differs.
 */
#ifndef GATEWAY_FLEET_FLEET_MEMBER_H
#define GATEWAY_FLEET_FLEET_MEMBER_H

#include "gateway/fleet/fleet_core.h"

int fleet_member_init(struct fleet *f, struct err *err) MUST_USE;
void fleet_member_cleanup(struct fleet *f);
void fleet_member_moved(struct fleet *f);
/* What is said is written again, under another secret. */
void fleet_member_again(struct fleet *f);

#endif
