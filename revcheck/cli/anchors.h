/*
 * anchors: whom to trust: files, directories, or what the system trusts.
 */
#ifndef REVCHECK_CLI_ANCHORS_H
#define REVCHECK_CLI_ANCHORS_H

#include "revcheck/cli/cli.h"
#include "revcheck/cli/input.h"

/* Zeroed to begin with. */
struct anchors {
	struct cert_list certs;
	struct revcheck_trust *trust;
	bool system;
	char from[512]; /* for people: "a.pem, b/" */
};

/* --anchors of the table, or else the system's. 0 or an exit status. */
int anchors_load(struct anchors *a, struct opt *table, struct input *in);
void anchors_cleanup(struct anchors *a);

#endif
