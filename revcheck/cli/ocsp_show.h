/* ocsp_show: what is written in one response, for people and as JSON. */
#ifndef REVCHECK_CLI_OCSP_SHOW_H
#define REVCHECK_CLI_OCSP_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "revcheck/revcheck.h"

/* Borrowed. */
struct ocsp_shown {
	const char *name;
	const void *response;
	size_t response_len;
	X509 *issuer, *responder; /* NULL: the signature is not checked */
	time_t at;                /* 0: now */
	const struct revcheck_policy *policy;
	bool json;
};

/* Prints; the exit status, EXIT_UNDETERMINED where the signature fails. */
int ocsp_show(const struct ocsp_shown *v);

#endif
