/* fleet_command: --fleet-check and its like. They return the exit status. */
#ifndef GATEWAY_FLEET_COMMAND_H
#define GATEWAY_FLEET_COMMAND_H

#include "gateway/command/options.h"
#include "gateway/gateway.h"

int fleet_command_check(const struct conf *conf);
int fleet_command_export(const struct conf *conf, const char *path);
/* Those that change the state: create, adopt, import. g has conf and sink. */
int fleet_command_run(struct gateway *g, const struct options *o);

#endif
