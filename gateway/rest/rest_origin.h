/*
 * rest_origin: whether a browser sends a request for another site's page, with
 * the operator's remembered credentials. Pure.
 */
#ifndef GATEWAY_REST_REST_ORIGIN_H
#define GATEWAY_REST_REST_ORIGIN_H

#include <stdbool.h>

/*
 * By the values of Sec-Fetch-Site (Fetch Metadata, W3C), Origin (RFC 6454) and
 * Host, each NULL when it is not there. Who sends neither of the first two is
 * no browser.
 */
bool
rest_origin_is_foreign(const char *site, const char *origin, const char *host);

#endif
