/* conn_report: connections of who is in, as JSON. */
#ifndef GATEWAY_REST_CONN_REPORT_H
#define GATEWAY_REST_CONN_REPORT_H

#include <cjson/cJSON.h>

#include "gateway/dataplane/conn_query.h"

/* An array, in the answer's order; NULL: out of memory. */
cJSON *conn_report_rows(const struct conn_answer *a);

#endif
