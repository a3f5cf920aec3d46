/*
 * link_options: what a link is told to use, copied and replaced as a whole.
 */
#include "gateway/fleet/link_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/base/text.h"

#define MAX_NAME     64
#define MAX_PASSWORD 1024

static int
check(const struct fleet_link_options *o, size_t *num, struct err *err)
{
	size_t len = o->name != NULL ? strlen(o->name) : 0;
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
	for (*num = 0;
	     o->endpoints != NULL && o->endpoints[*num] != NULL && rc == 0;
	     ++*num)
		rc = engine_endpoint_check(o->endpoints[*num], err);
	if (rc != 0)
		return rc;
	if (*num == 0 || *num > FLEET_LINK_MAX_ENDPOINTS)
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
	int rc = check(o, &num, err);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < num; i++)
		fresh.endpoints[i] = text_dup(o->endpoints[i], &ok);
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

char *
link_password(const struct fleet_link *l, struct err *err)
{
	char line[MAX_PASSWORD + 2] = "", *copy = NULL;
	FILE *f = fopen(l->password_file, "re");

	if (f == NULL) {
		err_sys(err, "cannot read the password file '%.150s'",
		    l->password_file);
		return NULL;
	}
	/* Not through a buffer that stays behind in memory. */
	setvbuf(f, NULL, _IONBF, 0);
	if (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		copy = line[0] != '\0' ? strdup(line) : NULL;
	}
	fclose(f);
	OPENSSL_cleanse(line, sizeof(line));
	if (copy == NULL)
		err_set(err, E_ARG,
		    "the password file '%.150s' has no first line",
		    l->password_file);
	return copy;
}
