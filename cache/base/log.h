/*
 * log: where a room says what happened. No global state: a struct log is
 * handed down, the owner of the process decides where lines go. Grammar:
 * lower case, failure first, subject quoted, context appended:
 *   cannot fetch 'http://...': timed out after 3000 ms (why=deadline)
 *
 * What is said is one record: an event, a sentence, fields with types. As text
 * it is the line above; who wants the record gets it in parts. The parts come
 * from the format and its arguments, never from the text: "(why=%s http=%d)" in
 * a format is a field of text and one that is a number, whatever the arguments
 * contain.
 */
#ifndef CACHE_BASE_LOG_H
#define CACHE_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"

enum log_level {
	LOG_LEVEL_ERROR = 0,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

enum log_kind {
	LOG_TEXT = 0,
	LOG_INTEGER,
	LOG_UNSIGNED,
	LOG_REAL,
	LOG_BOOL,
	LOG_LIST
};

/* One field of a record, for programs. Texts are not escaped. */
struct log_field {
	const char *key; /* lower case, digits and _ */
	enum log_kind kind;
	union {
		const char *text;
		int64_t integer;
		uint64_t number;
		double real;
		bool flag;
		const char *const *list; /* texts; NULL ends it */
	};
};

#define LOG_FIELD_TEXT(k, v)                              \
	{                                                 \
		.key = (k), .kind = LOG_TEXT, .text = (v) \
	}
#define LOG_FIELD_INTEGER(k, v)                                 \
	{                                                       \
		.key = (k), .kind = LOG_INTEGER, .integer = (v) \
	}
#define LOG_FIELD_NUMBER(k, v)                                  \
	{                                                       \
		.key = (k), .kind = LOG_UNSIGNED, .number = (v) \
	}
#define LOG_FIELD_BOOL(k, v)                              \
	{                                                 \
		.key = (k), .kind = LOG_BOOL, .flag = (v) \
	}
#define LOG_FIELD_LIST(k, v)                              \
	{                                                 \
		.key = (k), .kind = LOG_LIST, .list = (v) \
	}

/* Lent for the call that it is given to. */
struct log_record {
	enum log_level level;
	const char *event;   /* "fetch-failed": the same for all of its kind */
	const char *message; /* escaped as a line is; without the fields */
	const struct log_field *fields;
	size_t num;
};

struct log {
	enum log_level level; /* lines above it are dropped */
	/* Thread-safe; line is one escaped line without newline, borrowed. */
	void (*fn)(void *arg, enum log_level level, const char *line);
	void *arg;
	/* In place of fn, for who wants the parts; NULL: fn is called. */
	void (*record)(void *arg, const struct log_record *r);
};

/*
 * log_line formats one line and passes it on. Bytes outside printable ASCII are
 * escaped as \xNN, and so are quotes within quotes (text_format), so that a
 * name chosen by an attacker can forge neither a line nor a part of one.
 * log may be NULL. Thread-safe when log->fn is.
 *
 * The event of its record is made of the words of the format that do not vary:
 * "cannot fetch '%s': %s" is cannot-fetch.
 */
void log_line(const struct log *log, enum log_level level, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/*
 * log_event is log_line with an event of its own (NULL: as there), and fields
 * besides those of the format.
 */
void log_event(const struct log *log, enum log_level level, const char *event,
    const struct log_field *fields, size_t num, const char *fmt, ...)
    PRINTF_LIKE(6, 7);

/* Those of an array. */
#define LOG_NUM(fields) (sizeof(fields) / sizeof((fields)[0]))

#endif
