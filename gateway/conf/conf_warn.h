/*
 * conf_warn: what a file may say and is hardly meant. Pure; a line has neither
 * secrets nor a name longer than 64 bytes.
 */
#ifndef GATEWAY_CONF_CONF_WARN_H
#define GATEWAY_CONF_CONF_WARN_H

#include <time.h>

#include "cache/base/log.h"

struct conf;

typedef void conf_warn_fn(void *arg, const char *line);

/* At most 20 lines, and one that says how many more there are. */
void conf_warn(const struct conf *c, time_t now, conf_warn_fn *fn, void *arg);
/* The same as warnings of a log. */
void conf_warn_log(const struct conf *c, time_t now, const struct log *log);

#endif
