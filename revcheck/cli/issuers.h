/*
 * issuers: the CA certificates that a chain lacks, from where it says they are
 * (AIA caIssuers, RFC 5280 4.2.2.1). For the command alone, and only where it
 * was asked for: the library never fetches for a path.
 */
#ifndef REVCHECK_CLI_ISSUERS_H
#define REVCHECK_CLI_ISSUERS_H

#include "revcheck/cli/ask.h"

#define ISSUERS_MAX_FETCHES 4 /* for one chain */

/* URLs that gave something; owned. */
struct issuers {
	char *urls[ISSUERS_MAX_FETCHES];
	size_t num;
};

/*
 * Adds to what a has as untrusted until there is a path, at most four fetches,
 * 256 KiB each and ten seconds in all. A failure is a remark on stderr: without
 * a path the answer says so anyway. 0, or EXIT_SOFTWARE.
 */
int issuers_fetch(
    struct issuers *out, struct ask *a, const struct revcheck_certs *chain);
void issuers_cleanup(struct issuers *x);

/*
 * What one URL gives; certificates are appended. 0 or an exit status, with why
 * in text.
 */
int issuers_get(struct cert_list *out, const struct ask *a, const char *url,
    long timeout_ms, char text[256]);

#endif
