/*
 * metrics: numbers for monitors, in Prometheus' text format and as JSON.
 * Control thread.
 */
#ifndef GATEWAY_REST_METRICS_H
#define GATEWAY_REST_METRICS_H

#include <cjson/cJSON.h>

struct rest_counts;
struct rest_load;
struct rest_services;
struct services;

/* free() it; NULL when out of memory. */
char *
metrics_text(const struct services *core, const struct rest_services *services,
    const struct rest_counts *rest, const struct rest_load *load);

/* The same facts as an object. */
cJSON *
metrics_json(const struct services *core, const struct rest_services *services);

#endif
