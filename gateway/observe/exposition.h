/*
 * exposition: Prometheus' text format, line by line into one bounded buffer.
 * What fails makes the whole text fail, at the end.
 */
#ifndef GATEWAY_OBSERVE_EXPOSITION_H
#define GATEWAY_OBSERVE_EXPOSITION_H

#include <stdbool.h>

#include "cache/base/bytes.h"

struct exposition {
	struct bytes b;
	bool failed;
};

void exposition_init(struct exposition *t);
/* The text (free() it), or NULL; either way t is done with. */
char *exposition_finish(struct exposition *t);

/* At most 2 KiB at once. */
void
exposition_put(struct exposition *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* HELP and TYPE of the metric whose lines follow. */
void exposition_head(
    struct exposition *t, const char *name, const char *type, const char *help);
/* A metric of one line. */
void exposition_single(struct exposition *t, const char *name, const char *type,
    const char *help, double v);

/* Label values: backslash, quote and newline are escaped; cut to fit. */
void exposition_label(char *out, size_t size, const char *in);

#endif
