/*
 * fleet_pace: how soon identity or head is put right that somebody writes over
 * again and again. Who cannot read what another member writes, for a secret
 * that is not the same, takes it for damaged, as the other one does: each would
 * write over the other for ever. The first few times it is put right at once.
 * Then it is said, and done after a second, twice as long each time, up to ten
 * minutes, and the state says so meanwhile. What was left alone for twice as
 * long is put right at once again: whoever did that has stopped nothing for
 * good.
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
