/*
 * metrics: numbers for monitors, in Prometheus' text format and as JSON.
 * Control thread.
 */
#ifndef GATEWAY_REST_METRICS_H
#define GATEWAY_REST_METRICS_H

#include <stdbool.h>

#include <cjson/cJSON.h>

struct rest_services;
struct services;

/* free() it; NULL when out of memory. */
char *
metrics_text(const struct services *core, const struct rest_services *services);

/* The same facts as an object. */
cJSON *
metrics_json(const struct services *core, const struct rest_services *services);

/*
 * Whether traffic should be sent here; fills out with "ready", "degraded" and
 * the reasons.
 */
bool metrics_ready(const struct services *core,
    const struct rest_services *services, cJSON *out);

#endif
