/* conf_restart: which keys of the file wait for the next start. Pure. */
#ifndef GATEWAY_CONF_CONF_RESTART_H
#define GATEWAY_CONF_CONF_RESTART_H

#include <cjson/cJSON.h>

struct conf;

/*
 * The names of keys that act at a start and differ between the file that the
 * process was started with and the one read last: an array of strings, without
 * values. NULL: out of memory.
 */
cJSON *conf_restart_keys(const struct conf *started, const struct conf *now);

#endif
