/*
 * auth: who is asking, and may they. HTTP Basic (RFC 7617) against salted
 * hashes; too many failures from one address close the door for a while.
 * Owned by the control thread.
 */
#ifndef GATEWAY_REST_AUTH_H
#define GATEWAY_REST_AUTH_H

#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "gateway/conf/conf.h"

#define AUTH_USER_SIZE 128

struct auth;

int auth_new(struct auth **out, struct err *err) MUST_USE;
void auth_free(struct auth *a);

/* Forgets remembered successes: users or hashes may have changed. */
void auth_forget(struct auth *a);

enum auth_outcome {
	AUTH_DENIED = 0, /* missing or wrong credentials: 401 */
	AUTH_THROTTLED,  /* too many failures: 429 */
	AUTH_ACCEPTED
};

/*
 * auth_basic judges the value of an Authorization header (NULL when there is
 * none). On AUTH_ACCEPTED *roles and user are filled. A missing header is not
 * counted as a failure. Takes as long for an unknown user as for a wrong
 * password; a pair that was right before is recognised quickly.
 */
enum auth_outcome auth_basic(struct auth *a, const struct conf_rest *conf,
    const char *header, const char *address, uint64_t now_mono_ms,
    unsigned *roles, char user[AUTH_USER_SIZE]);

#endif
