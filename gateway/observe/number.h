/*
 * number: what is shown as a number, described once: as a metric for monitors
 * and as a member of an object for people. A table of these describes a plain
 * struct and is walked for either. Pure, any thread.
 */
#ifndef GATEWAY_OBSERVE_NUMBER_H
#define GATEWAY_OBSERVE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "gateway/observe/prometheus.h"

enum number_type {
	NUMBER_COUNTER = 0, /* only grows; its metric ends in _total */
	NUMBER_GAUGE
};

/* What is at offset. */
enum number_kind {
	NUMBER_U64 = 0,
	NUMBER_UNSIGNED,
	NUMBER_DOUBLE,
	NUMBER_BOOL
};

struct number {
	const char *json;   /* name of the member; NULL: not in there */
	const char *metric; /* likewise */
	const char *label;  /* "status=\"404\"", or NULL */
	const char *help;   /* of the metric; NULL: words */
	const char *words;  /* of this label alone; NULL: help */
	enum number_type type;
	enum number_kind kind;
	size_t offset; /* in the struct */
};

/*
 * Lines of the metrics that the table describes in *from. Rows of one metric
 * are neighbours.
 */
#define NUMBER_PUT(t, table, from) \
	number_put_all(t, table, sizeof(table) / sizeof((table)[0]), from)
void number_put_all(struct prometheus *t, const struct number *table,
    size_t num, const void *from);

/* Members of o. */
#define NUMBER_ADD(o, table, from) \
	number_add_all(o, table, sizeof(table) / sizeof((table)[0]), from)
void number_add_all(
    cJSON *o, const struct number *table, size_t num, const void *from);

#endif
