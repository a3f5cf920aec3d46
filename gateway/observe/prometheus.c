/* prometheus: see the header. Any thread, one at a time. */
#include "gateway/observe/prometheus.h"

#include <stdarg.h>
#include <stdio.h>

#define MAX_TEXT (16 * 1024 * 1024) /* thousands of identities */

void
prometheus_init(struct prometheus *t)
{
	t->failed = false;
	bytes_init(&t->b, MAX_TEXT);
}

char *
prometheus_finish(struct prometheus *t)
{
	size_t len;

	if (t->failed || bytes_append(&t->b, "", 1) != 0) {
		bytes_cleanup(&t->b);
		return NULL;
	}
	return (char *)bytes_steal(&t->b, &len);
}

void
prometheus_put(struct prometheus *t, const char *fmt, ...)
{
	char line[2048]; /* two texts of strangers, escaped */
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line) ||
	    bytes_append(&t->b, line, (size_t)n) != 0)
		t->failed = true;
}

void
prometheus_head(
    struct prometheus *t, const char *name, const char *type, const char *help)
{
	prometheus_put(
	    t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void
prometheus_label(char *out, size_t size, const char *in)
{
	size_t n = 0;

	for (; *in != '\0' && n + 3 < size; in++) {
		if (*in == '"' || *in == '\\' || *in == '\n')
			out[n++] = '\\';
		out[n++] = *in == '\n' ? 'n' : *in;
	}
	out[n] = '\0';
}
