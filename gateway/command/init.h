/*
 * init: a directory to start from: p2p-gateway.json with comments, state/ for
 * what the gateway keeps, and with --demo-pki pki/ with a private CA. Writes
 * nothing where a p2p-gateway.json is already.
 */
#ifndef GATEWAY_COMMAND_INIT_H
#define GATEWAY_COMMAND_INIT_H

#include <time.h>

#include "gateway/command/options.h"

/* What was made and what comes next goes to stdout. */
int
init_directory(const struct options *o, time_t now, struct err *err) MUST_USE;

#endif
