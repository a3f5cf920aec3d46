/* conf_secret: a secret in a file of its own: a PIN, a password. */
#ifndef GATEWAY_CONF_CONF_SECRET_H
#define GATEWAY_CONF_CONF_SECRET_H

#include <stddef.h>

#include "cache/base/error.h"

/*
 * Reads a secret of 1 to size - 1 bytes; line ends behind it do not count.
 * The caller wipes out, also after an error. The sentence goes on from the name
 * of the file ("it cannot be opened: ..."), and never holds what is in it.
 */
int conf_secret_read(
    char *out, size_t size, const char *path, struct err *err) MUST_USE;

#endif
