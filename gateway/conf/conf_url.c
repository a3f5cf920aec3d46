/* conf_url: URLs of what the gateway itself asks. Pure. */
#include <string.h>

#include "gateway/conf/conf_internal.h"

bool
conf_url_fits(const char *url, bool with_path)
{
	static const char host[] =
	    "^https?://([A-Za-z0-9.-]{1,253}|\\[[0-9a-fA-F:.]{2,45}\\])"
	    "(:[0-9]{1,5})?/?$";
	static const char path[] =
	    "^https?://([A-Za-z0-9.-]{1,253}|\\[[0-9a-fA-F:.]{2,45}\\])"
	    "(:[0-9]{1,5})?/([A-Za-z0-9._~/-]*/)?$";

	return conf_text_matches(with_path ? path : host, url);
}

bool
conf_url_is_open(const char *url)
{
	return strncmp(url, "https://", 8) != 0 &&
	    !conf_text_matches("^http://(127\\.[0-9]{1,3}\\.[0-9]{1,3}\\."
			       "[0-9]{1,3}|\\[::1\\])([:/].*)?$",
		url);
}
