/*
 * metrics: numbers for monitors, in Prometheus' text format and as JSON.
 * Control thread.
 */
#ifndef GATEWAY_REST_METRICS_H
#define GATEWAY_REST_METRICS_H

#include <stdbool.h>

#include <cjson/cJSON.h>

struct control;

/* free() it; NULL when out of memory. */
char *metrics_text(struct control *c);

/* The same facts as an object. */
cJSON *metrics_json(struct control *c);

/*
 * Whether traffic should be sent here; fills out with "ready", "degraded" and
 * the reasons.
 */
bool metrics_ready(struct control *c, cJSON *out);

#endif
