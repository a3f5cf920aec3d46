/*
 * fleet_take: records that came: unsealed, merged by mirror's rules, and put in
 * force by who runs the fleet, all of an answer at once.
 */
#ifndef GATEWAY_FLEET_FLEET_TAKE_H
#define GATEWAY_FLEET_FLEET_TAKE_H

#include "gateway/fleet/fleet_core.h"

int fleet_take_init(struct fleet *f, struct err *err) MUST_USE;
void fleet_take_cleanup(struct fleet *f);
/* Into the mirror: what this machine holds. */
int fleet_take_held(
    struct fleet *f, const struct fleet_held *held, struct err *err) MUST_USE;

/* Any record but that of identity. Nothing is in force before the commit. */
void fleet_see(struct fleet *f, const struct fleet_kv *kv);
/* What the whole did not have is not there. */
void fleet_see_rest(struct fleet *f);
/* Puts what was seen in force. A failure is tried again, and E_IO. */
int fleet_commit(struct fleet *f, struct err *err);
/* What was seen and is not in force is forgotten. */
void fleet_unsee(struct fleet *f);
/* Whether a tombstone may be dropped: its lease is over, or nearly. */
bool fleet_tombstone_over(const struct mirror_entry *e);

#endif
