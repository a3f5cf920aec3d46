/*
 * link_options: what a link is told to use, copied and replaced as a whole.
 */
#include "gateway/fleet/link_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"

#define MAX_NAME 64

int
fleet_link_check(const struct fleet_link_options *o, struct err *err)
{
	size_t num, len = o->name != NULL ? strlen(o->name) : 0;
	int rc = 0;

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)o->name[i]) &&
		    strchr("-_.", o->name[i]) == NULL)
			len = 0;
	if (len == 0 || len > MAX_NAME)
		return err_set(err, E_ARG,
		    "the name of a fleet is 1 to %d letters, digits, '-', "
		    "'_' and '.'",
		    MAX_NAME);
	for (num = 0;
	     o->endpoints != NULL && o->endpoints[num] != NULL && rc == 0;
	     num++)
		rc = engine_endpoint_check(o->endpoints[num], err);
	if (rc != 0)
		return rc;
	if (num == 0 || num > FLEET_LINK_MAX_ENDPOINTS)
		return err_set(err, E_ARG, "a fleet has 1 to %d endpoints",
		    FLEET_LINK_MAX_ENDPOINTS);
	if ((o->certificate == NULL) != (o->key == NULL))
		return err_set(
		    err, E_ARG, "certificate and key go together, or neither");
	if ((o->user == NULL) != (o->password_file == NULL))
		return err_set(err, E_ARG,
		    "user and password file go together, or neither");
	return 0;
}

int
link_options_take(
    struct fleet_link *l, const struct fleet_link_options *o, struct err *err)
{
	struct fleet_link fresh = {.base = NULL};
	bool ok = true;
	size_t num = 0;
	int rc = fleet_link_check(o, err);

	if (rc != 0)
		return rc;
	for (; o->endpoints[num] != NULL; num++)
		fresh.endpoints[num] = text_dup(o->endpoints[num], &ok);
	fresh.num_endpoints = num;
	fresh.ca_file = text_dup(o->ca_file, &ok);
	fresh.certificate = text_dup(o->certificate, &ok);
	fresh.key = text_dup(o->key, &ok);
	fresh.user = text_dup(o->user, &ok);
	fresh.password_file = text_dup(o->password_file, &ok);
	if (!ok) {
		link_options_free(&fresh);
		return err_set(err, E_NOMEM, "out of memory");
	}
	link_options_free(l);
	memcpy(l->endpoints, fresh.endpoints, sizeof(l->endpoints));
	l->num_endpoints = num;
	l->ca_file = fresh.ca_file;
	l->certificate = fresh.certificate;
	l->key = fresh.key;
	l->user = fresh.user;
	l->password_file = fresh.password_file;
	l->heartbeat_ms = o->heartbeat_ms != 0 ? o->heartbeat_ms : 2000;
	l->timeout_ms =
	    o->request_timeout_ms != 0 ? o->request_timeout_ms : 2000;
	return 0;
}

void
link_options_free(struct fleet_link *l)
{
	for (size_t i = 0; i < l->num_endpoints; i++)
		free(l->endpoints[i]);
	l->num_endpoints = 0;
	free(l->ca_file);
	free(l->certificate);
	free(l->key);
	free(l->user);
	free(l->password_file);
}
