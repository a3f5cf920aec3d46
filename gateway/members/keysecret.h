/*
 * keysecret: what private keys are encrypted with on disk. Control thread.
 */
#ifndef GATEWAY_MEMBERS_KEYSECRET_H
#define GATEWAY_MEMBERS_KEYSECRET_H

#include <stddef.h>

#include "cache/base/error.h"

#define KEYSECRET_MAX 1024

/* Embedded in the keystore; zeroed is cleanable. */
struct keysecret {
	char text[KEYSECRET_MAX];
	size_t len;
};

/*
 * Reads the file; NULL is "keys.secret" in dir, made when it is not there and
 * the journal of keys is empty. E_PARSE: too short or too long.
 */
int keysecret_load(struct keysecret *s, const char *dir, const char *file,
    const char *journal, struct err *err) MUST_USE;
void keysecret_cleanup(struct keysecret *s);

#endif
