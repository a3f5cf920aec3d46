/*
 * fleet_report: how this machine stands with its fleet, as JSON, as metrics
 * and as reasons of readiness. Keeps nothing. Control thread.
 */
#ifndef GATEWAY_REST_FLEET_REPORT_H
#define GATEWAY_REST_FLEET_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

struct fleet_join;
struct prometheus;

/* Of so many members and records that are not in force; NULL: no memory. */
cJSON *fleet_report_json(const struct fleet_join *j, size_t max);

/*
 * Calls fn with each reason for being degraded. False: out of touch for so
 * long that peers are better sent elsewhere.
 */
bool fleet_report_reasons(const struct fleet_join *j,
    void (*fn)(void *arg, const char *reason), void *arg);

void fleet_report_metrics(struct prometheus *t, const struct fleet_join *j);

#endif
