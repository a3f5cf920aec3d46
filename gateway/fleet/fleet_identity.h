/*
 * fleet_identity: which fleet the engine has, and whether this machine follows
 * it: the one it remembers, any when it is fresh, another one when the operator
 * said so. Of one that is not followed nothing is read, and nothing is written.
 */
#ifndef GATEWAY_FLEET_FLEET_IDENTITY_H
#define GATEWAY_FLEET_FLEET_IDENTITY_H

#include "gateway/fleet/fleet_core.h"

int fleet_identity_init(struct fleet *f, struct err *err) MUST_USE;
void fleet_identity_cleanup(struct fleet *f);
/* The whole is read from here on. */
void fleet_identity_loading(struct fleet *f);
/* The record "fleet"; value NULL: there is none. */
void fleet_identity_see(struct fleet *f, const struct fleet_kv *kv);
/*
 * The record "head", while that of identity cannot be read. Where it can be,
 * and is of the fleet that this machine remembers, the secret is the right one,
 * and identity alone is damaged: it is written again. Nobody without the secret
 * makes such a head, and who has kept an old one has the identity of then, too.
 */
void fleet_identity_prove(struct fleet *f, const struct fleet_kv *head);
/* The whole has come: a fresh machine looks at how old it is, and whether
 * all of it is there. */
void fleet_identity_loaded(struct fleet *f);
/* What fleet_view says, made of all of it. */
void fleet_identity_state(struct fleet *f);

#endif
