/*
 * path_search: one path through given certificates verified, and the search for
 * another where OpenSSL, which takes the first issuer that fits by name and
 * never turns back, has found none. Internal to trust_path.
 */
#ifndef REVCHECK_X509_PATH_SEARCH_H
#define REVCHECK_X509_PATH_SEARCH_H

#include "revcheck/x509/trust_path.h"

/*
 * So much is done on behalf of who sent the certificates: signatures verified
 * to tell issuers of one name apart, certificates whose issuers are looked for,
 * paths verified, certificates in a path.
 */
#define PATH_SEARCH_SIGNATURES 32
#define PATH_SEARCH_STEPS      64
#define PATH_SEARCH_PATHS      8
#define PATH_SEARCH_DEPTH      16

/* Borrowed. */
struct path_attempt {
	X509_STORE *store;
	X509 *leaf;
	STACK_OF(X509) * untrusted;
	const struct trust_path_order *order;
};

/* Why there is no path. */
struct path_failure {
	int x509_error; /* X509_V_ERR_* */
	int index;      /* its place in the path, or -1 */
	bool limited;   /* there was more to try */
};

/* path_attempt_run: X509_verify_cert. 1 and *out, 0 and *why, or E_NOMEM. */
int path_attempt_run(const struct path_attempt *a, struct trust_path *out,
    struct path_failure *why) MUST_USE;

/*
 * path_search tries the paths that path_attempt_run did not, in an order that
 * does not depend on that of the certificates. It takes none that OpenSSL would
 * refuse had it been given no others. Where issuers of one name leave no choice
 * it verifies nothing and leaves *why as it is; else *why is that of the first
 * path that leads to an anchor.
 */
int path_search(const struct path_attempt *a, struct trust_path *out,
    struct path_failure *why) MUST_USE;

#endif
