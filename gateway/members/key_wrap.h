/*
 * key_wrap: what private keys are encrypted with on disk. Control thread.
 */
#ifndef GATEWAY_MEMBERS_KEY_WRAP_H
#define GATEWAY_MEMBERS_KEY_WRAP_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/base/error.h"

#define KEY_WRAP_MAX 1024

/* Embedded in the keystore; zeroed is cleanable. */
struct key_wrap {
	char text[KEY_WRAP_MAX];
	size_t len;
};

/*
 * Reads the file; NULL is "keys.secret" in dir, made when it is not there and
 * there are no keys yet. Without dir it is one that nobody keeps. E_PARSE: too
 * short or too long.
 */
int key_wrap_load(struct key_wrap *s, const char *dir, const char *file,
    bool has_keys, struct err *err) MUST_USE;
void key_wrap_cleanup(struct key_wrap *s);

#endif
