/*
 * warmup_report: a warm-up in words and numbers. Reads, changes nothing.
 */
#ifndef GATEWAY_CONTROL_WARMUP_REPORT_H
#define GATEWAY_CONTROL_WARMUP_REPORT_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "cache/base/log.h"
#include "gateway/control/warmup.h"

void warmup_report_begin(const struct log *log, const struct warmup_state *s);
void warmup_report_end(const struct log *log, const struct warmup_state *s);

/* For GET status and readyz; NULL when there was none or out of memory. */
cJSON *warmup_report_json(const struct warmup_state *s);

#endif
