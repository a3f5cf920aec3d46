/*
 * trust_path: paths from a certificate to an anchor of a trust. OpenSSL builds
 * the paths and verifies signatures; revocation is not asked here.
 */
#ifndef REVCHECK_X509_TRUST_PATH_H
#define REVCHECK_X509_TRUST_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "cache/base/error.h"
#include "revcheck/revcheck.h"

struct trust_path_order {
	X509 *leaf;
	X509 *const
	    *untrusted; /* any order, may contain the leaf and anchors */
	size_t num_untrusted;
	time_t at;
	int security_level; /* OpenSSL's 0..5 */
	int purpose;        /* 0 none, 1 TLS client, 2 TLS server */
	bool any_time;      /* at does not count, nor do dates */
};

struct trust_path {
	X509 **certs; /* leaf first, anchor last; references */
	size_t num;
};

/*
 * trust_build_path: 1 and *out when a path to an anchor verifies; 0 when none
 * does, with *x509_error (X509_V_ERR_*), *error_index (its place in the chain
 * as built, or -1) and a sentence in err; negative when it could not be tried.
 * Any certificate of the trust ends a path, self-signed or not. The order of
 * untrusted does not matter: where CAs of one name or cross-certificates leave
 * a choice, the others are tried within the bounds of path_search.h.
 * Thread-safe.
 */
int trust_build_path(struct revcheck_trust *t, struct trust_path *out,
    const struct trust_path_order *order, int *x509_error, int *error_index,
    struct err *err) MUST_USE;
void trust_path_cleanup(struct trust_path *p);

#endif
