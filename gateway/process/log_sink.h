/*
 * log_sink: where the lines of the process go: stderr or stdout, as text or
 * as JSON, one write a line. Thread-safe.
 */
#ifndef GATEWAY_PROCESS_LOG_SINK_H
#define GATEWAY_PROCESS_LOG_SINK_H

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/conf/conf.h"

struct log_sink;

int log_sink_new(struct log_sink **out, const struct conf_log *conf,
    struct err *err) MUST_USE;
void log_sink_free(struct log_sink *s);
const struct log *log_sink_get0_log(const struct log_sink *s);

/* Lines of a second beyond which they are dropped and counted (not errors). */
#define LOG_SINK_MAX_PER_SEC 2000

#endif
