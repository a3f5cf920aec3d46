/*
 * fleet_twin: another machine that has the name of this one. Each record of a
 * member carries the epoch of its process: one with another epoch that is newer
 * than what this machine has written is not of its own run before.
 */
#ifndef GATEWAY_FLEET_FLEET_TWIN_H
#define GATEWAY_FLEET_FLEET_TWIN_H

#include "gateway/fleet/fleet_core.h"

/* What this machine says of itself. */
void fleet_twin_own(struct fleet *f, const char *json);
/* What has come under its name. */
void fleet_twin_see(struct fleet *f, int64_t revision, const char *json);

#endif
