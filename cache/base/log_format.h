/*
 * log_format: what the format of a log line says about its record: the words
 * that do not vary, and the fields "key=%d" with the types of their arguments.
 * Pure; any thread.
 */
#ifndef CACHE_BASE_LOG_FORMAT_H
#define CACHE_BASE_LOG_FORMAT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "cache/base/log.h"

#define LOG_FORMAT_MAX        511 /* bytes of a format that is looked at */
#define LOG_FORMAT_EVENT_SIZE 64
#define LOG_FORMAT_MAX_FIELDS 32
#define LOG_FORMAT_POOL       2048

/* What is given first, then what a format adds. */
struct log_format_fields {
	struct log_field v[LOG_FORMAT_MAX_FIELDS];
	size_t num;
	char pool[LOG_FORMAT_POOL]; /* keys, and texts that are copied */
	size_t used;
};

/* Those beyond LOG_FORMAT_MAX_FIELDS are left out. */
void log_format_begin(
    struct log_format_fields *f, const struct log_field *given, size_t num);

/*
 * Adds a field for each "key=%..." or "key='%...'" that a blank or a
 * parenthesis precedes, unless its key is there. Texts are lent where they end
 * by themselves. A format with a conversion that it does not know adds none
 * from there on.
 */
void
log_format_fields(struct log_format_fields *f, const char *fmt, va_list ap);

/*
 * "cannot fetch '%s': %s (why=%s)" without the fields behind it. False: it does
 * not end with fields and nothing else in parentheses; out is not set.
 */
bool log_format_sentence(char out[LOG_FORMAT_MAX + 1], const char *fmt);

/* "cannot-fetch": at most six words, up to a colon or a comma. */
void log_format_event(char out[LOG_FORMAT_EVENT_SIZE], const char *fmt);

#endif
