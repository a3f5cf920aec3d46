/*
 * allow: which of the peers that trust vouches for may come in, by the rules
 * of `allow`. All conditions of a rule hold, of several values of one, one
 * does; of several rules, one. Any thread; keeps nothing.
 */
#ifndef GATEWAY_TLS_ALLOW_H
#define GATEWAY_TLS_ALLOW_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

struct conf;

/* Where it comes. */
struct allow_place {
	const char *listen; /* text of the listener's address; NULL: unknown */
	bool http;        /* requests are read there: rules with a path count */
	const char *path; /* of a request; NULL: some path is enough */
	size_t path_len;
};

/*
 * leaf: NULL when the peer has shown none; then only rules that ask for
 * nothing of it hold. A certificate whose alternative names cannot be read, or
 * have octets that are no IA5 characters or a NUL, holds under no rule.
 */
bool allow_holds(
    const struct conf *conf, X509 *leaf, const struct allow_place *place);

#endif
