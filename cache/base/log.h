/*
 * log: where a room says what happened. No global state: a struct log is
 * handed down, the owner of the process decides where lines go. Grammar:
 * lower case, failure first, subject quoted, context appended:
 *   cannot fetch 'http://...': timed out after 3000 ms (why=deadline)
 */
#ifndef CACHE_BASE_LOG_H
#define CACHE_BASE_LOG_H

#include <stddef.h>

#include "cache/base/error.h"

enum log_level {
	LOG_LEVEL_ERROR = 0,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* One field of a line, for programs. The value is not escaped. */
struct log_field {
	const char *key;
	const char *value;
};

struct log {
	enum log_level level; /* lines above it are dropped */
	/* Thread-safe; line is one escaped line without newline, borrowed. */
	void (*fn)(void *arg, enum log_level level, const char *line);
	void *arg;
	/*
	 * The same with fields beside it; NULL: fn is called with the line
	 * alone.
	 */
	void (*event)(void *arg, enum log_level level, const char *line,
	    const struct log_field *fields, size_t num);
};

/*
 * log_line formats one line and passes it on. Bytes outside printable ASCII are
 * escaped as \xNN, and so are quotes within quotes (text_format), so that a
 * name chosen by an attacker can forge neither a line nor a part of one.
 * log may be NULL. Thread-safe when log->fn is.
 */
void log_line(const struct log *log, enum log_level level, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* log_event is log_line for a sink that wants the fields as well. */
void log_event(const struct log *log, enum log_level level,
    const struct log_field *fields, size_t num, const char *fmt, ...)
    PRINTF_LIKE(5, 6);

#endif
