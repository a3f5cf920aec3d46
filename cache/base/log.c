/* log: format once, escape, hand on. */
#include "cache/base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define LOG_LINE_MAX 2048

void
log_line(const struct log *log, enum log_level level, const char *fmt, ...)
{
	static const char hex[] = "0123456789abcdef";
	char raw[LOG_LINE_MAX], line[LOG_LINE_MAX];
	size_t n = 0;
	va_list ap;

	if (log == NULL || log->fn == NULL || level > log->level)
		return;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	for (const char *p = raw; *p != '\0' && n + 5 < sizeof(line); p++) {
		unsigned char c = (unsigned char)*p;

		if (c >= 0x20 && c < 0x7f) {
			line[n++] = (char)c;
			continue;
		}
		line[n++] = '\\';
		line[n++] = 'x';
		line[n++] = hex[c >> 4];
		line[n++] = hex[c & 15];
	}
	line[n] = '\0';
	log->fn(log->arg, level, line);
}
