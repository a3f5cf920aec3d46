/*
 * openssl_ca: a CA that the openssl program runs, as networks have them: its
 * own database, serials and lists. Helpers fail the test.
 */
#ifndef TESTS_DOORMAN_OPENSSL_CA_H
#define TESTS_DOORMAN_OPENSSL_CA_H

#include "tests/lib/net.h"

struct openssl_ca {
	char *dir; /* dir/ca.pem, dir/ca.key, dir/ca.cnf */
};

/*
 * A self-signed CA of this subject (slash form), key "ec" or "rsa"; more
 * extensions, NULL-terminated, or NULL.
 */
void openssl_ca_make(struct openssl_ca *ca, const char *dir,
    const char *subject, const char *key, const char *const *extensions);
void openssl_ca_free(struct openssl_ca *ca);

/* Signs a request; section: of ca.cnf: "sub_ca", "peer", or one's own. */
void openssl_ca_sign(const struct openssl_ca *ca, const char *csr,
    const char *out, const char *section, const char *days);
/* A request and key of its own, signed: OUT and OUT.key. */
void openssl_ca_issue(
    const struct openssl_ca *ca, const char *subject, const char *out);
void openssl_ca_revoke(
    const struct openssl_ca *ca, const char *cert, const char *reason);
/* The next list, PEM; section: "plain" (no point), "point", "no_extensions". */
void openssl_ca_list(
    const struct openssl_ca *ca, const char *out, const char *section);
/* Appends to ca.cnf. */
void openssl_ca_conf(const struct openssl_ca *ca, const char *text);
/* Runs openssl with these arguments; want: what it must print, or NULL. */
#define openssl(want, ...) \
	openssl_args(want, \
	    (const char *const[]){"/usr/bin/openssl", __VA_ARGS__, NULL})
void openssl_args(const char *want, const char *const *argv);

#endif
