/* watched_place: what the key watch names. */
#ifndef GATEWAY_CONTROL_WATCHED_PLACE_H
#define GATEWAY_CONTROL_WATCHED_PLACE_H

#include "cache/base/error.h"

/*
 * The directory to watch, and the one file in it or NULL for all of them; both
 * on the heap, also after an error. E_IO: there is nothing.
 */
int watched_place(
    char **dir, char **name, const char *path, struct err *err) MUST_USE;
/* Whether it can be read. */
int watched_place_check(const char *path, struct err *err) MUST_USE;

#endif
