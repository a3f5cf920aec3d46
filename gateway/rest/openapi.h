/*
 * openapi: the REST interface as an OpenAPI 3.0 document, made from the table
 * of routes, the names that they take, and the table of configuration keys.
 * Control thread.
 */
#ifndef GATEWAY_REST_OPENAPI_H
#define GATEWAY_REST_OPENAPI_H

#include <cjson/cJSON.h>

#include "gateway/rest/rest.h"

/* Of these tables, ended by NULL; NULL: out of memory. */
cJSON *openapi_document(const struct rest_route *const *tables);

#endif
