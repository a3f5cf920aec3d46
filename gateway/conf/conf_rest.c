/*
 * conf_rest: the "rest" object of the bootstrap file: where the REST
 * server listens and who may ask it what.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/conf/conf_internal.h"
#include "gateway/base/password_hash.h"

#define MAX_USERS 1000
#define HOUR_MS   3600000

static int
read_roles(struct conf_reader *r, const struct conf_place *place, void *base)
{
	unsigned *roles = base;
	const cJSON *item;

	if (!cJSON_IsArray(place->item) || cJSON_GetArraySize(place->item) < 1)
		return conf_read_fail(
		    r, place, "an array of \"read\", \"operate\", \"check\"");
	cJSON_ArrayForEach(item, place->item)
	{
		const char *s = cJSON_GetStringValue(item);

		if (s != NULL && strcasecmp(s, "read") == 0)
			*roles |= CONF_ROLE_READ;
		else if (s != NULL && strcasecmp(s, "operate") == 0)
			*roles |= CONF_ROLE_READ | CONF_ROLE_OPERATE;
		else if (s != NULL && strcasecmp(s, "check") == 0)
			*roles |= CONF_ROLE_CHECK;
		else
			return conf_read_fail(r, place,
			    "an array of \"read\", \"operate\", \"check\"");
	}
	return 0;
}

/* A plain password is hashed at once and forgotten. */
static int
read_password(struct conf_reader *r, const struct conf_place *place, void *base)
{
	const char *plain = conf_read_string(r, place);
	char hash[PASSWORD_HASH_SIZE];
	char **out = base;
	int rc;

	if (plain == NULL)
		return E_PARSE;
	if (*out != NULL)
		return conf_read_fail(
		    r, place, "either password or password_hash");
	rc = password_hash(hash, plain, r->err);
	if (rc != 0)
		return rc;
	*out = strdup(hash);
	return *out != NULL ? 0 : conf_no_memory(r);
}

static int
read_password_hash(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	const char *s = conf_read_string(r, place);
	char **out = base;

	if (s == NULL)
		return E_PARSE;
	if (*out != NULL)
		return conf_read_fail(
		    r, place, "either password or password_hash");
	if (!password_hash_valid(s))
		return conf_read_fail(
		    r, place, "what `p2p-gateway --hash-password` prints");
	*out = strdup(s);
	return *out != NULL ? 0 : conf_no_memory(r);
}

/* clang-format off */
static const struct conf_field user_table[] = {
	CONF_VALUE("name", STRING, struct conf_user, name, .required = true),
	CONF_CALL("password", offsetof(struct conf_user, password_hash),
	    read_password),
	CONF_CALL("password_hash", offsetof(struct conf_user, password_hash),
	    read_password_hash),
	CONF_CALL("roles", offsetof(struct conf_user, roles), read_roles,
	    .required = true),
	CONF_FIELD_END};
/* clang-format on */

static int
read_user(struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf_rest *rest = base;
	struct conf_user *u =
	    conf_grow(&rest->users, &rest->num_users, sizeof(*u));
	int rc;

	if (u == NULL)
		return conf_no_memory(r);
	rc = conf_read_object(r, place, user_table, u);
	if (rc != 0)
		return rc;
	if (u->password_hash == NULL)
		return conf_read_fail(
		    r, place, "a password or a password_hash");
	/* RFC 7617 section 2: a colon would end the name early. */
	if (strchr(u->name, ':') != NULL)
		return conf_read_fail(r, place, "a name without a colon");
	for (size_t i = 0; i + 1 < rest->num_users; i++)
		if (strcmp(rest->users[i].name, u->name) == 0)
			return conf_read_fail(
			    r, place, "a name that is not listed before");
	return 0;
}

static int
read_users(struct conf_reader *r, const struct conf_place *place, void *base)
{
	return conf_read_array(r, place, MAX_USERS, read_user, base);
}

/* clang-format off */
static const struct conf_field client_table[] = {
	CONF_VALUE("subject", STRING, struct conf_rest_client, subject,
	    .required = true),
	CONF_CALL("roles", offsetof(struct conf_rest_client, roles),
	    read_roles, .required = true),
	CONF_FIELD_END};
/* clang-format on */

static int
read_client(struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf_rest *rest = base;
	struct conf_rest_client *c =
	    conf_grow(&rest->clients, &rest->num_clients, sizeof(*c));

	if (c == NULL)
		return conf_no_memory(r);
	return conf_read_object(r, place, client_table, c);
}

static int
read_clients(struct conf_reader *r, const struct conf_place *place, void *base)
{
	return conf_read_array(r, place, MAX_USERS, read_client, base);
}

#define REST(m, lo, hi) CONF_NUMBER(#m, U32, struct conf_rest, m, lo, hi)

/* clang-format off */
const struct conf_field conf_rest_table[] = {
	CONF_CALL("listen", offsetof(struct conf_rest, listen), conf_read_listen),
	CONF_VALUE("certificate", PATH, struct conf_rest, certificate_file),
	CONF_CALL("key", offsetof(struct conf_rest, key_file), conf_read_key),
	CONF_VALUE("client_anchors", PATH, struct conf_rest,
	    client_anchors_file),
	CONF_CALL("clients", 0, read_clients),
	CONF_CALL("users", 0, read_users),
	REST(max_body_bytes, 1024, 16777216),
	REST(max_connections, 1, 100000),
	REST(idle_timeout_ms, 100, HOUR_MS),
	REST(max_login_failures, 1, 1000000),
	REST(login_window_ms, 1, HOUR_MS),
	REST(max_decisions, 1, 100000),
	CONF_FIELD_END};
/* clang-format on */
