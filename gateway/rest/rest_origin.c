/* rest_origin: an origin is a scheme, a host and a port. No state. */
#include "gateway/rest/rest_origin.h"

#include <string.h>
#include <strings.h>

/* What stands behind the host; "" when it is the scheme's own. */
static const char *
port_of(const char *text, size_t *host_len)
{
	const char *bracket = strrchr(text, ']');
	const char *colon = strrchr(bracket != NULL ? bracket : text, ':');

	*host_len = colon != NULL ? (size_t)(colon - text) : strlen(text);
	if (colon == NULL || strcmp(colon, ":443") == 0)
		return "";
	return colon;
}

/* This server speaks HTTPS alone, so a page of its own does. */
static bool
is_host(const char *origin, const char *host)
{
	static const char scheme[] = "https://";
	const char *a, *b;
	size_t a_len, b_len;

	if (host == NULL || strncasecmp(origin, scheme, strlen(scheme)) != 0)
		return false;
	origin += strlen(scheme);
	a = port_of(origin, &a_len);
	b = port_of(host, &b_len);
	return a_len > 0 && a_len == b_len && strcmp(a, b) == 0 &&
	    strncasecmp(origin, host, a_len) == 0;
}

bool
rest_origin_is_foreign(const char *site, const char *origin, const char *host)
{
	if (site != NULL && strcmp(site, "same-origin") != 0 &&
	    strcmp(site, "none") != 0)
		return true;
	return origin != NULL && !is_host(origin, host);
}
