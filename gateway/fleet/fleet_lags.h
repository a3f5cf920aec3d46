/*
 * fleet_lags: records that did not act here, asked for once more when what they
 * lacked may have come. Their text is kept nowhere but in the engine.
 */
#ifndef GATEWAY_FLEET_FLEET_LAGS_H
#define GATEWAY_FLEET_FLEET_LAGS_H

#include "gateway/fleet/fleet_core.h"

void fleet_lags_moved(struct fleet *f);

#endif
