/*
 * rest_auth: who is asking, and may they. HTTP Basic (RFC 7617) against salted
 * hashes; too many failures from one address lock it out for a while.
 * Owned by the control thread.
 */
#ifndef GATEWAY_REST_REST_AUTH_H
#define GATEWAY_REST_REST_AUTH_H

#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "gateway/conf/conf.h"

#define REST_AUTH_USER_SIZE 128

struct rest_auth;

int rest_auth_new(struct rest_auth **out, struct err *err) MUST_USE;
void rest_auth_free(struct rest_auth *a);

/* Forgets remembered successes: users or hashes may have changed. */
void rest_auth_forget(struct rest_auth *a);

enum rest_auth_outcome {
	REST_AUTH_DENIED = 0, /* missing or wrong credentials: 401 */
	REST_AUTH_THROTTLED,  /* too many failures: 429 */
	REST_AUTH_ACCEPTED
};

/*
 * rest_auth_basic judges the value of an Authorization header (NULL when there
 * is none). On REST_AUTH_ACCEPTED *roles and user are filled. A missing header
 * is not counted as a failure. Takes as long for an unknown user as for a wrong
 * password; a pair that was right before is recognised quickly.
 */
enum rest_auth_outcome rest_auth_basic(struct rest_auth *a,
    const struct conf_rest *conf, const char *header, const char *address,
    uint64_t now_mono_ms, unsigned *roles, char user[REST_AUTH_USER_SIZE]);

/*
 * "Basic dXNlcjpwYXNz" into name and password (RFC 7617 section 2), both in
 * buf, behind each other. The length without the last NUL, or -1; then buf may
 * hold parts of it all the same. Pure.
 */
int rest_auth_decode(
    char *buf, size_t size, const char *header, char **password) MUST_USE;

#endif
