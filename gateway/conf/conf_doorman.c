/* conf_doorman: what concerns several keys of `doorman`. */
#include <string.h>
#include <unistd.h>

#include "gateway/conf/conf_internal.h"

int
conf_resolve_doorman(struct conf *c, struct conf_reader *r)
{
	const struct conf_doorman *d = &c->doorman;

	if (d->status_url == NULL)
		return 0;
	if (strlen(d->status_url) > CONF_URL_MAX ||
	    (!conf_url_fits(d->status_url, false) &&
		!conf_url_fits(d->status_url, true)))
		/* It may have a password in it. */
		return conf_fail(r, "$.doorman.status_url",
		    "expected a URL such as "
		    "\"https://doorman.example:8443/\", without a user, and "
		    "with a '/' at the end of a path");
	if (conf_url_is_open(d->status_url))
		return conf_fail(r, "$.doorman.status_url",
		    "is '%.100s': expected https://, or http:// with an "
		    "address of this host (127.0.0.1, [::1])",
		    d->status_url);
	if (d->ca_file != NULL && access(d->ca_file, R_OK) != 0)
		return conf_fail(r, "$.doorman.ca_file",
		    "is '%.100s': expected a file that can be read",
		    d->ca_file);
	return 0;
}
