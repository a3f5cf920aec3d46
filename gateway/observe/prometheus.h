/*
 * prometheus: Prometheus' text format, line by line into one bounded buffer.
 * What fails makes the whole text fail, at the end.
 */
#ifndef GATEWAY_OBSERVE_PROMETHEUS_H
#define GATEWAY_OBSERVE_PROMETHEUS_H

#include <stdbool.h>

#include "cache/base/bytes.h"

struct prometheus {
	struct bytes b;
	bool failed;
};

void prometheus_init(struct prometheus *t);
/* The text (free() it), or NULL; either way t is done with. */
char *prometheus_finish(struct prometheus *t);

/* At most 2 KiB at once. */
void
prometheus_put(struct prometheus *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* HELP and TYPE of the metric whose lines follow. */
void prometheus_head(
    struct prometheus *t, const char *name, const char *type, const char *help);
/* Label values: backslash, quote and newline are escaped; cut to fit. */
void prometheus_label(char *out, size_t size, const char *in);

#endif
