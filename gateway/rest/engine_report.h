/*
 * engine_report: what the engine counts, the CRLs it keeps and the sources it
 * fetches from, as metrics and as JSON. Keeps nothing.
 */
#ifndef GATEWAY_REST_ENGINE_REPORT_H
#define GATEWAY_REST_ENGINE_REPORT_H

#include <cjson/cJSON.h>

struct prometheus;
struct revcheck;

void engine_report_metrics(struct prometheus *t, struct revcheck *rc);

/* Its counters into o. */
void engine_report_add(cJSON *o, struct revcheck *rc);

#endif
