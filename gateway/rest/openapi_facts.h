/*
 * openapi_facts: what the table of routes does not say of a route: in words
 * what it does, what comes in, what goes out. Constant.
 */
#ifndef GATEWAY_REST_OPENAPI_FACTS_H
#define GATEWAY_REST_OPENAPI_FACTS_H

#include <cjson/cJSON.h>

#include "gateway/rest/rest.h"

struct openapi_fact {
	enum rest_method method;
	const char *pattern;
	const char *summary;
	int status; /* of success */
	/*
	 * What is answered then: the name of a shape, "[Shape]" for a list of
	 * it, a type of content such as "text/plain", or NULL: no body.
	 */
	const char *answer;
	/* The name of a shape or a type of content; NULL: as rest_takes says.
	 */
	const char *body;
};

/* By the pattern, in the singular or the plural of Corda's. NULL: none. */
const struct openapi_fact *openapi_fact_of(const struct rest_route *route);

/*
 * Whether a fleet has the last word. *pending: the shape of an answer of what
 * is in force here and not told yet; NULL: there is none such.
 */
bool openapi_is_shared(const struct rest_route *route, const char **pending);

/* {"schemas": {...}}: each shape that a fact names, and each section. */
void openapi_add_shapes(cJSON *schemas);

/*
 * A $ref of a shape, or a list of it; what is no shape is an object. Takes
 * names like those of an answer.
 */
cJSON *openapi_shape_ref(const char *name);

/* The schema of a query parameter of this name; never NULL but out of memory.
 */
cJSON *openapi_query_schema(const struct rest_route *route, const char *name);

#endif
