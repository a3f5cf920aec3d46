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
	OPTIONS_HELP,
	OPTIONS_VERSION
};

/* Borrowed from argv. */
struct options {
	enum options_action action;
	const char *path; /* file, or directory of OPTIONS_INIT */
	struct quick_conf quick;
	bool demo_pki; /* OPTIONS_INIT */
};

/* False: it was said on stderr what is wrong. --help goes before all else. */
bool options_parse(struct options *o, int argc, char **argv);
void options_usage(FILE *out);
/* Program and libraries, a line each. */
void options_version(FILE *out);

#endif
