/*
 * init: a directory to start from: p2p-gateway.json with comments, state/ for
 * what the gateway keeps, and with --demo-pki pki/ with a private CA. Writes
 * nothing where a p2p-gateway.json is already.
 */
#ifndef GATEWAY_COMMAND_INIT_H
#define GATEWAY_COMMAND_INIT_H

#include <time.h>

#include "gateway/command/options.h"

/* Whether the values of a configuration are what they have to be. */
typedef int
init_check_fn(const char *text, size_t len, const char *name, struct err *err);

/*
 * What was made and what comes next goes to stdout. Where check refuses what
 * the flags say nothing is made.
 */
int init_directory(const struct options *o, init_check_fn *check, time_t now,
    struct err *err) MUST_USE;

#endif
