/*
 * warm_show: a warm-up in words and numbers. Reads, changes nothing.
 */
#ifndef GATEWAY_CONTROL_WARM_SHOW_H
#define GATEWAY_CONTROL_WARM_SHOW_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "cache/base/log.h"
#include "gateway/control/warm.h"

void warm_log_begin(const struct log *log, const struct warm_state *s);
void warm_log_end(const struct log *log, const struct warm_state *s);

/* For GET status and readyz; NULL when there was none or out of memory. */
cJSON *warm_json(const struct warm_state *s);

#endif
