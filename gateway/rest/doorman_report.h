/* doorman_report: what is known of the doorman, as JSON. Control thread. */
#ifndef GATEWAY_REST_DOORMAN_REPORT_H
#define GATEWAY_REST_DOORMAN_REPORT_H

#include <cjson/cJSON.h>

struct doorman_watch;

/* Adds "doorman"; nothing where none is watched (w is NULL). */
void doorman_report_add(cJSON *o, struct doorman_watch *w);

#endif
