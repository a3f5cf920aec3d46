/* new_file: files that must not be there yet, complete or not at all. */
#ifndef GATEWAY_COMMAND_NEW_FILE_H
#define GATEWAY_COMMAND_NEW_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "cache/base/error.h"

/* dir/name with this mode; an error where it exists. */
int new_file(const char *dir, const char *name, const void *data, size_t len,
    mode_t mode, struct err *err) MUST_USE;
/* dir/name, "" for dir itself; an error where it exists, but for dir. */
int new_directory(
    const char *dir, const char *name, mode_t mode, struct err *err) MUST_USE;

#endif
