/*
 * own_show: the state of our own certificates, for monitors. Control thread.
 */
#ifndef GATEWAY_CERTWATCH_OWN_SHOW_H
#define GATEWAY_CERTWATCH_OWN_SHOW_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "gateway/observe/prometheus.h"
#include "gateway/certwatch/own.h"

void own_show_metrics(const struct own *o, struct prometheus *t);

/* An array with an object each. */
cJSON *own_show_json(const struct own *o);

/*
 * Adds what is wrong to an array of sentences. False when all of those shown
 * to peers have expired: nobody would get in.
 */
bool own_show_reasons(const struct own *o, cJSON *reasons);

#endif
