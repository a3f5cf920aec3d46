/*
 * log_sink: where the lines of the process go: stderr or stdout, as text or
 * as JSON. Lines wait in a ring of 1 MiB for a thread that writes them; when
 * nobody reads they are dropped and counted, and nobody waits. Thread-safe.
 */
#ifndef GATEWAY_PROCESS_LOG_SINK_H
#define GATEWAY_PROCESS_LOG_SINK_H

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/conf/conf.h"

struct log_sink;

int log_sink_new(struct log_sink **out, const struct conf_log *conf,
    struct err *err) MUST_USE;
/* After privileges have been dropped: the writing thread is made. */
int log_sink_start(struct log_sink *s, struct err *err) MUST_USE;
/* Writes what waits, for two seconds at most. */
void log_sink_free(struct log_sink *s);
const struct log *log_sink_get0_log(const struct log_sink *s);

/*
 * The same for lines that peers who were not let in can cause: with a limit of
 * its own, and at most half of the ring, so that they leave room for the rest.
 */
const struct log *log_sink_get0_strangers(const struct log_sink *s);

/* Waits until what was said before is written, or patience_ms have passed. */
bool log_sink_flush(struct log_sink *s, unsigned patience_ms);

/* Lines dropped since the start, for whatever reason. */
uint64_t log_sink_dropped(const struct log_sink *s);

/*
 * Lines of a second beyond which they are dropped and counted. Errors are not
 * limited but by the ring.
 */
#define LOG_SINK_MAX_PER_SEC       2000
#define LOG_SINK_STRANGERS_PER_SEC 200

#endif
