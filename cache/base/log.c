/* log: formats a line once, escapes it and calls the sink. */
#include "cache/base/log.h"

#include <stdarg.h>
#include <stdio.h>

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

void
log_line(const struct log *log, enum log_level level, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	va_list ap;

	if (log == NULL || log->fn == NULL || level > log->level)
		return;
	va_start(ap, fmt);
	format(line, fmt, ap);
	va_end(ap);
	log->fn(log->arg, level, line);
}

void
log_event(const struct log *log, enum log_level level,
    const struct log_field *fields, size_t num, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	va_list ap;

	if (log == NULL || log->fn == NULL || level > log->level)
		return;
	va_start(ap, fmt);
	format(line, fmt, ap);
	va_end(ap);
	if (log->event != NULL)
		log->event(log->arg, level, line, fields, num);
	else
		log->fn(log->arg, level, line);
}
