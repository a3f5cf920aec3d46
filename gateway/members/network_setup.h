/*
 * network_setup: what members register with and are set up to present, read
 * from requests; member_identities says what it means for the workers. Looks at
 * the form; who vouches for a chain is checked against the roots of the
 * registration. Control thread.
 */
#ifndef GATEWAY_MEMBERS_NETWORK_SETUP_H
#define GATEWAY_MEMBERS_NETWORK_SETUP_H

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "gateway/members/certstore.h"
#include "gateway/conf/conf.h"
#include "gateway/members/keystore.h"

#define NETWORK_SETUP_MAX_SESSIONS 10
#define NETWORK_SETUP_MAX_ROOTS    100

/*
 * The context of a registration, as it is kept: {"tls": [PEM], "session":
 * [PEM], "noPki": bool}. E_PARSE says which key is wrong.
 */
int network_setup_read_context(
    cJSON **out, const cJSON *context, struct err *err) MUST_USE;

/*
 * The body of a network setup, as it is kept: {"tls": {"chain", "tenant",
 * "key"}, "session": [{"chain", "key", "preferred"}]}. E_PARSE: the body is
 * wrong; E_ARG: a key or chain that it names is not there.
 */
int network_setup_read(cJSON **out, const cJSON *body, const char *id,
    const struct keystore *keys, const struct certstore *certs,
    struct err *err) MUST_USE;

/* All certificates of an array of PEM texts become anchors. */
int network_setup_trust_new(
    struct revcheck_trust **out, const cJSON *list, struct err *err) MUST_USE;

/*
 * Which chain of a setup must be vouched for by which roots: i counts from 0,
 * the TLS one. 1 and both filled (free them), 0 past the end.
 */
int network_setup_pair(struct revcheck_certs **chain,
    struct revcheck_trust **trust, const cJSON *registration,
    const cJSON *setup, size_t i, struct err *err) MUST_USE;

/* Every pair holds, and a group with a session PKI has session chains. */
int network_setup_check(
    const cJSON *registration, const cJSON *setup, struct err *err) MUST_USE;

#endif
