/*
 * name_set: an immutable, counted set of distinguished names in the text form
 * of dn_name_text. Case of ASCII letters does not count. A look-up is one
 * digest whatever the size; a set that differs by one name shares the rest.
 * NULL is no set: it has no name.
 */
#ifndef GATEWAY_BASE_NAME_SET_H
#define GATEWAY_BASE_NAME_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/base/error.h"

struct name_set;

/* An empty one. */
int name_set_new(struct name_set **out, struct err *err) MUST_USE;
/* Both thread-safe. */
struct name_set *name_set_up_ref(struct name_set *s);
void name_set_free(struct name_set *s);

/* Thread-safe. */
bool name_set_has(const struct name_set *s, const char *name);
size_t name_set_num(const struct name_set *s);

/* Another set with, or without, the name; s stays as it is. */
int name_set_with(struct name_set **out, const struct name_set *s,
    const char *name, struct err *err) MUST_USE;
int name_set_without(struct name_set **out, const struct name_set *s,
    const char *name, struct err *err) MUST_USE;

/* For who has just made it and shown it to nobody. */
int
name_set_add(struct name_set *s, const char *name, struct err *err) MUST_USE;

#endif
