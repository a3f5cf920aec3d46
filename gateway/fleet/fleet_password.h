/*
 * fleet_password: the password of a machine, read from its file when it is
 * needed and kept no longer.
 */
#ifndef GATEWAY_FLEET_FLEET_PASSWORD_H
#define GATEWAY_FLEET_FLEET_PASSWORD_H

#include "cache/base/error.h"

/* The first line of the file, which is not empty: fleet_password_free it. */
int fleet_password_read(char **out, const char *path, struct err *err) MUST_USE;
/* Wipes it. NULL allowed. */
void fleet_password_free(char *password);

#endif
