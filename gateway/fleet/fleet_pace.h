/*
 * fleet_pace: how soon identity or head is put right that somebody has written
 * over. Who cannot read what another member writes, for a secret that is not
 * the same, takes it for damaged, as the other one does: each would write over
 * the other for ever, and both would change what has one number.
 *
 *   looks sealed, by another secret   after ten minutes, and so on: the others
 *                                     are left alone, and a stranger who makes
 *                                     such a thing stops nothing for good
 *   else                              the first few times at once; then after a
 *                                     second, twice as long each time, up to
 *                                     two minutes; at once again after four
 *
 * Who waits says so, and changes nothing in the fleet.
 */
#ifndef GATEWAY_FLEET_FLEET_PACE_H
#define GATEWAY_FLEET_FLEET_PACE_H

#include "gateway/fleet/fleet_core.h"

/* How long what is to be put right has to wait, in ms. 0: it is put right now,
 * which is counted; or nothing was written over. */
unsigned fleet_pace_next(struct fleet *f);
/* Nothing is put right, or by other rules from now on. */
void fleet_pace_rest(struct fleet *f);
void fleet_pace_forget(struct fleet *f);

#endif
