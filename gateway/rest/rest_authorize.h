/*
 * rest_authorize: the server that proxies ask about their peers
 * (gateway/authorize). Whoever may call it may name any peer, so that a caller
 * is one of these: a process of a listed user at the Unix socket (plain
 * HTTP/1.1; the kernel says whose it is), a client certificate that has the
 * role authorize, or, from this host alone, a password with that role; these
 * two over TLS, with REST's own certificate, anchors and users. Any method and
 * path; a body is read and ignored. Control thread only.
 */
#ifndef GATEWAY_REST_REST_AUTHORIZE_H
#define GATEWAY_REST_REST_AUTHORIZE_H

#include "cache/base/error.h"

struct decision_ring;
struct rest;
struct rest_authorize;

/*
 * Listens, if the configuration that rest was made with says so; else *out is
 * NULL. Both are borrowed and must outlive it.
 */
int rest_authorize_new(struct rest_authorize **out, struct rest *rest,
    struct decision_ring *decisions, struct err *err) MUST_USE;
/* "unix:/path", "127.0.0.1:8889" */
const char *rest_authorize_address(const struct rest_authorize *a);
/* Closes every connection. NULL is fine. */
void rest_authorize_free(struct rest_authorize *a);

#endif
