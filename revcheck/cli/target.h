/*
 * target: a server as people name it: HOST, HOST:PORT, [ADDRESS]:PORT or a URL,
 * and what has to be said before TLS.
 */
#ifndef REVCHECK_CLI_TARGET_H
#define REVCHECK_CLI_TARGET_H

#include <stdbool.h>

#include "revcheck/cli/starttls.h"

struct target {
	char host[256]; /* without brackets; A-labels where it is not ASCII */
	char port[8];
	bool is_address; /* host is one */
	enum starttls starttls;
};

/*
 * starttls: what --starttls says, STARTTLS_COUNT where it was not given; a URL
 * says it itself. 0 or EXIT_USAGE.
 */
int target_parse(struct target *out, const char *text, enum starttls starttls);

/* Whether text is an IPv4 or IPv6 address, without brackets. */
bool target_is_address(const char *text);
/* A name as it is asked for: A-labels (RFC 5890). 0 or EXIT_USAGE. */
int target_ascii_name(char out[256], const char *name);

#endif
