/*
 * fleet_identity: which fleet the engine has, and whether this machine follows
 * it: the one it remembers, any when it is fresh, another one when the operator
 * said so. Of one that is not followed nothing is read, and nothing is written.
 */
#ifndef GATEWAY_FLEET_FLEET_IDENTITY_H
#define GATEWAY_FLEET_FLEET_IDENTITY_H

#include "gateway/fleet/fleet_core.h"

/* The record "fleet"; value NULL: there is none. */
void fleet_identity_see(struct fleet *f, const struct fleet_kv *kv);
/* The whole has come: a fresh machine looks at how old it is. */
void fleet_identity_loaded(struct fleet *f);
/* What fleet_view says, made of all of it. */
void fleet_identity_state(struct fleet *f);

#endif
