/* log: formats a line once, escapes it and calls the sink. */
#include "cache/base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "cache/base/log_format.h"
#include "cache/base/text.h"

#define LOG_LINE_MAX 2048

static void
format(char line[LOG_LINE_MAX], const char *fmt, va_list ap)
{
	char raw[LOG_LINE_MAX];
	size_t n = 0;

	text_vformat(raw, sizeof(raw), fmt, ap);
	for (const char *p = raw; *p != '\0' && n + 5 < LOG_LINE_MAX; p++) {
		unsigned char c = (unsigned char)*p;

		if (c >= 0x20 && c < 0x7f) {
			line[n++] = (char)c;
			continue;
		}
		line[n++] = '\\';
		line[n++] = 'x';
		text_hex(line + n, &c, 1);
		n += 2;
	}
	line[n] = '\0';
}

static void
say_record(
    const struct log *log, struct log_record *r, const char *fmt, va_list ap)
{
	char line[LOG_LINE_MAX], event[LOG_FORMAT_EVENT_SIZE];
	char sentence[LOG_FORMAT_MAX + 1];
	struct log_format_fields all;
	va_list again;

	log_format_begin(&all, r->fields, r->num);
	va_copy(again, ap);
	log_format_fields(&all, fmt, again);
	va_end(again);
	r->fields = all.v;
	r->num = all.num;
	if (r->event == NULL) {
		log_format_event(event, fmt);
		r->event = event;
	}
	/* The arguments of the sentence come before those of the fields. */
	if (log_format_sentence(sentence, fmt))
		fmt = sentence;
	format(line, fmt, ap);
	r->message = line;
	log->record(log->arg, r);
}

static void
say(const struct log *log, struct log_record *r, const char *fmt, va_list ap)
{
	char line[LOG_LINE_MAX];

	if (log->record != NULL) {
		say_record(log, r, fmt, ap);
		return;
	}
	format(line, fmt, ap);
	log->fn(log->arg, r->level, line);
}

static bool
is_heard(const struct log *log, enum log_level level)
{
	return log != NULL && (log->fn != NULL || log->record != NULL) &&
	    level <= log->level;
}

void
log_line(const struct log *log, enum log_level level, const char *fmt, ...)
{
	struct log_record r = {.level = level};
	va_list ap;

	if (!is_heard(log, level))
		return;
	va_start(ap, fmt);
	say(log, &r, fmt, ap);
	va_end(ap);
}

void
log_event(const struct log *log, enum log_level level, const char *event,
    const struct log_field *fields, size_t num, const char *fmt, ...)
{
	struct log_record r = {
	    .level = level, .event = event, .fields = fields, .num = num};
	va_list ap;

	if (!is_heard(log, level))
		return;
	va_start(ap, fmt);
	say(log, &r, fmt, ap);
	va_end(ap);
}
