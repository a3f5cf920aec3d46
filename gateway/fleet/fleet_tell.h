/*
 * fleet_tell: facts without order: which newest CRL is known, who was found
 * revoked, which session was withdrawn. What cannot be told now waits, up to a
 * bound; nothing depends on its being told.
 */
#ifndef GATEWAY_FLEET_FLEET_TELL_H
#define GATEWAY_FLEET_FLEET_TELL_H

#include "gateway/fleet/fleet_core.h"

int fleet_tell_init(struct fleet *f, struct err *err) MUST_USE;
void fleet_tell_cleanup(struct fleet *f);
void fleet_tell_moved(struct fleet *f);
/* The engine has lost all: what is known of pointers and revocations, and what
 * who runs the fleet knows of sessions. */
void fleet_tell_again(struct fleet *f);
/* Whether something under that key is not told yet. */
bool fleet_tell_waits(const struct fleet *f, const char *key);

#endif
