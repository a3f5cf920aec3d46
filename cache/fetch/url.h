/*
 * url: what must be known of a URL before a fetch, and the GET form of an OCSP
 * request.
 */
#ifndef CACHE_FETCH_URL_H
#define CACHE_FETCH_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/base/bytes.h"

struct url {
	char scheme[16]; /* lower case */
	char host[256];  /* without brackets or zone */
	uint16_t port;
};

/*
 * url_read: false when it cannot be a URL that is fetched (no scheme, no host,
 * credentials inside, control characters, too long).
 */
bool url_read(struct url *out, const char *text);

/*
 * url_scheme: the scheme in lower case, of a URL of any kind. False: none.
 */
bool url_scheme(char out[16], const char *text);

/*
 * url_ocsp_get appends the GET form of an OCSP request (RFC 6960 A.1),
 * NUL-terminated. E_LIMIT when longer than RFC 5019 5 allows: POST it.
 * url_ocsp_get_fits: whether it is not.
 */
#define URL_OCSP_GET_MAX 255
bool url_ocsp_get_fits(const char *base, struct span request);
int
url_ocsp_get(struct bytes *out, const char *base, struct span request) MUST_USE;

#endif
