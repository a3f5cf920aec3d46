/*
 * trust: an immutable set of anchors and the paths that end in it. Path
 * building and certificate signatures are OpenSSL's; revocation is nobody's
 * business here.
 */
#ifndef REVCHECK_X509_TRUST_H
#define REVCHECK_X509_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "cache/base/error.h"
#include "revcheck/revcheck.h"

/* SHA-256 over the sorted SHA-256s of the anchors: names the trust in keys. */
const unsigned char *trust_get0_id(const struct revcheck_trust *t);

bool trust_has_anchor(const struct revcheck_trust *t, X509 *cert);

struct trust_path_order {
	X509 *leaf;
	X509 *const
	    *untrusted; /* any order, may contain the leaf and anchors */
	size_t num_untrusted;
	time_t at;
	int security_level; /* OpenSSL's 0..5 */
	int purpose;        /* 0 none, 1 TLS client, 2 TLS server */
};

struct trust_path {
	X509 **certs; /* leaf first, anchor last; references */
	size_t num;
};

/*
 * trust_build_path: 1 and *out when a path to an anchor verifies; 0 when none
 * does, with *x509_error (X509_V_ERR_*), *error_index (its place in the chain
 * as built, or -1) and a sentence in err; negative when it could not be tried.
 * Any certificate of the trust ends a path, self-signed or not. Thread-safe.
 */
int trust_build_path(struct revcheck_trust *t, struct trust_path *out,
    const struct trust_path_order *order, int *x509_error, int *error_index,
    struct err *err) MUST_USE;
void trust_path_cleanup(struct trust_path *p);

#endif
