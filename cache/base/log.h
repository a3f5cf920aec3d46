/*
 * log: where a room says what happened. No global state: a struct log is
 * handed down, the owner of the process decides where lines go. Grammar:
 * lower case, failure first, subject quoted, context appended:
 *   cannot fetch 'http://...': timed out after 3000 ms (why=deadline)
 */
#ifndef CACHE_BASE_LOG_H
#define CACHE_BASE_LOG_H

#include "cache/base/error.h"

enum log_level {
	LOG_LEVEL_ERROR = 0,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

struct log {
	enum log_level level; /* lines above it are dropped */
	/* Thread-safe; line is one escaped line without newline, borrowed. */
	void (*fn)(void *arg, enum log_level level, const char *line);
	void *arg;
};

/*
 * log_line formats and hands on one line. Bytes outside printable ASCII are
 * escaped as \xNN, so that an attacker-chosen name cannot forge a line.
 * log may be NULL. Thread-safe when log->fn is.
 */
void log_line(const struct log *log, enum log_level level, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#endif
