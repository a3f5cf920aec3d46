/*
 * start_check: whether a start with this configuration would get as far as
 * listening. Makes nothing and changes nothing. The files that it looks at are
 * read as the user who asks.
 */
#ifndef GATEWAY_CONTROL_START_CHECK_H
#define GATEWAY_CONTROL_START_CHECK_H

#include "cache/base/error.h"

struct conf;
struct section_store;

/* sections may be NULL: what is pushed is not looked at. */
int start_check(const struct conf *conf, const struct section_store *sections,
    struct err *err) MUST_USE;

#endif
