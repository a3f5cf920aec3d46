/* options: the command line of p2p-gateway. Main thread, before all else. */
#ifndef GATEWAY_COMMAND_OPTIONS_H
#define GATEWAY_COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "gateway/command/quick_conf.h"

enum options_action {
	OPTIONS_RUN,          /* `path`, or `quick` where it is NULL */
	OPTIONS_CHECK_CONFIG, /* likewise */
	OPTIONS_CHECK_STATE,
	OPTIONS_REST_FINGERPRINT, /* as OPTIONS_CHECK_CONFIG */
	OPTIONS_CONFIG_SCHEMA,
	OPTIONS_HASH_PASSWORD,
	OPTIONS_INIT,
	OPTIONS_FLEET_CHECK, /* of the fleet in the file `path`, as the next */
	OPTIONS_FLEET_CREATE,
	OPTIONS_FLEET_ADOPT,
	OPTIONS_FLEET_EXPORT, /* to fleet_file */
	OPTIONS_FLEET_IMPORT, /* from it */
	OPTIONS_HELP,
	OPTIONS_VERSION
};

/* Borrowed from argv. */
struct options {
	enum options_action action;
	const char *path; /* file, or directory of OPTIONS_INIT */
	const char *fleet_file;
	struct quick_conf quick;
	bool demo_pki; /* OPTIONS_INIT */
};

/* False: it was said on stderr what is wrong. --help goes before all else. */
bool options_parse(struct options *o, int argc, char **argv);
void options_usage(FILE *out);
/* Program and libraries, a line each. */
void options_version(FILE *out);

#endif
