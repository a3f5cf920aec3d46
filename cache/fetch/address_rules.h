/*
 * address_rules: which network addresses may be connected to. Checked with the
 * address that a name resolved to, at the moment of connecting.
 */
#ifndef CACHE_FETCH_ADDRESS_RULES_H
#define CACHE_FETCH_ADDRESS_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/base/error.h"

struct sockaddr;
struct address_rules;

/*
 * allow: "10.0.0.0/8", "127.0.0.1", "::1/128", or a host name whose addresses
 * are then allowed whatever they are; NULL-terminated, may be NULL. Anything
 * else is E_ARG naming it.
 */
int address_rules_new(struct address_rules **out, const char *const *allow,
    bool refuse_private, struct err *err) MUST_USE;
void address_rules_free(struct address_rules *r);

/*
 * address_rules_refused: NULL when host at sa may be asked, else the kind of
 * address it is ("loopback"...). host is the name in the URL.
 */
const char *address_rules_refused(
    const struct address_rules *r, const char *host, const struct sockaddr *sa);

/*
 * address_rules_literal_refused is the same for a URL that names its address,
 * for connections whose other end cannot be seen (a proxy); NULL for names.
 */
const char *
address_rules_literal_refused(const struct address_rules *r, const char *host);

#endif
