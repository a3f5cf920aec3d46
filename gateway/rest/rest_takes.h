/*
 * rest_takes: which names queries and bodies of our own routes may have. The
 * shapes that are Corda's are as lenient as Corda is, and not in here.
 */
#ifndef GATEWAY_REST_REST_TAKES_H
#define GATEWAY_REST_REST_TAKES_H

#include "gateway/rest/rest.h"

/* Names separated by blanks; "": none. */
struct rest_takes {
	enum rest_method method;
	const char *pattern; /* of the route */
	const char *query;   /* NULL: any */
	const char *body;    /* NULL: any; "": no body, or {} */
};

/* NULL: whatever may come. */
const struct rest_takes *rest_takes_of(const struct rest_route *route);

/*
 * Whether a raw query (may be NULL) and a body that was read have no other
 * names. takes may be NULL. E_PARSE with the name and what is known.
 */
int rest_takes_query(const struct rest_takes *takes, const char *query,
    struct err *err) MUST_USE;
int rest_takes_body(const struct rest_takes *takes, const cJSON *body,
    struct err *err) MUST_USE;

#endif
