/*
 * password_hash: salted hashes of passwords. The text form names its own cost,
 * so that it can be raised without breaking old files:
 *   pbkdf2-sha256$ITERATIONS$SALT$HASH      (base64 without line breaks)
 */
#ifndef GATEWAY_BASE_PASSWORD_HASH_H
#define GATEWAY_BASE_PASSWORD_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/base/error.h"

#define PASSWORD_HASH_SIZE 128 /* with the NUL */
#define PASSWORD_MAX_LEN   512

/*
 * Iterations: what OWASP's Password Storage Cheat Sheet asks of HMAC-SHA-256,
 * and the least that is taken.
 */
#define PASSWORD_COST     600000
#define PASSWORD_COST_MIN 1000

int password_hash(char out[PASSWORD_HASH_SIZE], const char *password, int cost,
    struct err *err) MUST_USE;

/* Whether text is a hash that password_verify can use. */
bool password_hash_valid(const char *text);
/* Its iterations, 0 for an invalid one. */
int password_hash_cost(const char *text);

/* Constant time in the password; false for an invalid hash. */
bool password_verify(const char *hash, const char *password);

#endif
