/*
 * rest_auth: who is asking, and may they. HTTP Basic (RFC 7617) against salted
 * hashes. A pair that was right before is recognised at once; any other is
 * compared by threads (rest_hasher.h) and, where wrong ones came before, later
 * (rest_throttle.h). Owned by the control thread.
 */
#ifndef GATEWAY_REST_REST_AUTH_H
#define GATEWAY_REST_REST_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "gateway/conf/conf.h"

#define REST_AUTH_USER_SIZE 128

struct event_base;
struct rest_auth;
struct rest_login;

int rest_auth_new(
    struct rest_auth **out, struct event_base *base, struct err *err) MUST_USE;
/* Logins that are under way are never heard of again. */
void rest_auth_free(struct rest_auth *a);

enum rest_auth_outcome {
	REST_AUTH_DENIED = 0, /* missing or wrong credentials: 401 */
	REST_AUTH_THROTTLED,  /* too many failures: 429 */
	REST_AUTH_BUSY,       /* too many logins at once: 503 */
	REST_AUTH_PENDING,    /* done will be called */
	REST_AUTH_ACCEPTED
};

struct rest_auth_result {
	enum rest_auth_outcome outcome;
	unsigned roles; /* on ACCEPTED */
	char user[REST_AUTH_USER_SIZE];
};

typedef void rest_auth_fn(void *arg, const struct rest_auth_result *result);

/*
 * rest_auth_basic judges the value of an Authorization header, NULL when there
 * is none, which is no failure. A caller of this host (local) goes before all
 * others and is never sent away: only the answer to wrong credentials waits.
 * On PENDING *login can be cancelled until done is called.
 */
void rest_auth_basic(struct rest_auth *a, const struct conf_rest *conf,
    const char *header, const char *address, bool local,
    struct rest_auth_result *result, struct rest_login **login,
    rest_auth_fn *done, void *arg);

/* The caller has left. What it guessed counts. */
void rest_login_cancel(struct rest_login *login);

/*
 * "Basic dXNlcjpwYXNz" into name and password (RFC 7617 section 2), both in
 * buf, behind each other. The length without the last NUL, or -1; then buf may
 * hold parts of it all the same. Pure.
 */
int rest_auth_decode(
    char *buf, size_t size, const char *header, char **password) MUST_USE;

#endif
