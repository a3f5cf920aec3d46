/*
 * certwatch_report: the state of our own certificates, for monitors. Control
 * thread.
 */
#ifndef GATEWAY_CERTWATCH_CERTWATCH_REPORT_H
#define GATEWAY_CERTWATCH_CERTWATCH_REPORT_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "gateway/observe/prometheus.h"
#include "gateway/certwatch/certwatch.h"

void certwatch_report_metrics(const struct certwatch *w, struct prometheus *t);

/* An array with an object each. */
cJSON *certwatch_report_json(const struct certwatch *w);

/*
 * Adds what is wrong to an array of sentences. False when all of those shown
 * to peers have expired: nobody would get in.
 */
bool certwatch_report_reasons(const struct certwatch *w, cJSON *reasons);

#endif
