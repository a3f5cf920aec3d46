/*
 * status_report: what is in force and what happened, as JSON, in the blocks
 * that /status and /ui/state are put together from. Control thread. Nothing
 * here looks into a CRL.
 */
#ifndef GATEWAY_REST_STATUS_REPORT_H
#define GATEWAY_REST_STATUS_REPORT_H

#include <cjson/cJSON.h>

#include "gateway/rest/rest.h"

/* "version", "libraries", "host", "pid", "startedAt", "listeners", ... */
void status_add_process(cJSON *o, struct rest_request *req);
/* "ready", "degraded", "reasons". */
void status_add_ready(cJSON *o, const struct rest_request *req);
/*
 * Adds "tls", "sessions", "shadow", "issuers": what is set, since when, by whom
 * and with which version.
 */
void status_add_modes(cJSON *o, const struct rest_services *services);
/* What was decided since the start, by outcome, and who is there. */
cJSON *status_summary(struct rest_request *req);
/* The same for each minute of the last hour, oldest first. */
cJSON *status_minutes(const struct rest_services *services);
/* Each section: version, at, who, from, action. */
cJSON *status_sections(const struct rest_services *services);

#endif
