/*
 * conf_authorize: what concerns several keys of `authorize`. Whoever may call
 * it can name any peer, so that it must be known who that is.
 */
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/conf_internal.h"

/* RFC 9110 section 5.6.2. */
int
conf_read_header_name(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	const char *s = conf_read_string(r, place);
	char **out = base;

	if (s == NULL)
		return E_PARSE;
	if (!conf_text_matches("^[0-9A-Za-z-]{1,64}$", s))
		return conf_read_fail(r, place,
		    "the name of a header: 1 to 64 letters, digits and '-'");
	*out = strdup(s);
	return *out != NULL ? 0 : conf_no_memory(r);
}

static const char *
default_header(enum conf_peer_format format)
{
	switch (format) {
	case CONF_PEER_ENVOY:
		return "x-forwarded-client-cert";
	case CONF_PEER_TRAEFIK:
		return "X-Forwarded-Tls-Client-Cert";
	case CONF_PEER_RFC9440:
		return "Client-Cert";
	case CONF_PEER_NGINX:
	case CONF_PEER_UNSET:
		break;
	}
	return "X-SSL-Client-Cert";
}

static bool
is_loopback(const struct address *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->sa;

	if (a->sa.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return a->sa.ss_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static bool
somebody_may_call(const struct conf *c, bool passwords)
{
	for (size_t i = 0; i < c->rest.num_clients; i++)
		if (c->rest.clients[i].roles & CONF_ROLE_AUTHORIZE)
			return true;
	for (size_t i = 0; passwords && i < c->rest.num_users; i++)
		if (c->rest.users[i].roles & CONF_ROLE_AUTHORIZE)
			return true;
	return false;
}

static int
check_callers(const struct conf *c, struct conf_reader *r)
{
	const struct conf_authorize *a = &c->authorize;
	char path[64];

	if (a->listen.path == NULL && a->num_users > 0)
		return conf_fail(r, "$.authorize.users",
		    "is set: expected a Unix socket as $.authorize.listen, "
		    "where users of this system can be told");
	if (a->listen.path == NULL && a->socket_group != NULL)
		return conf_fail(r, "$.authorize.socket_group",
		    "is '%.64s': expected a Unix socket as "
		    "$.authorize.listen",
		    a->socket_group);
	if (a->listen.path == NULL &&
	    !somebody_may_call(c, is_loopback(&a->listen)))
		return conf_fail(r, "$.authorize.listen",
		    "is '%.64s': expected somebody with the role "
		    "\"authorize\" in $.rest.clients%s, or a Unix socket",
		    a->listen.text,
		    is_loopback(&a->listen) ? " or $.rest.users" : "");
	for (size_t i = 0; i < a->num_users; i++) {
		const char *u = a->users[i];

		snprintf(path, sizeof(path), "$.authorize.users[%zu]", i);
		if (!conf_text_matches("^[0-9]{1,9}$", u) &&
		    getpwnam(u) == NULL)
			return conf_fail(r, path,
			    "is '%.64s': expected a user of this system", u);
	}
	if (a->socket_group != NULL && getgrnam(a->socket_group) == NULL)
		return conf_fail(r, "$.authorize.socket_group",
		    "is '%.64s': expected a group of this system",
		    a->socket_group);
	return 0;
}

int
conf_resolve_authorize(struct conf *c, struct conf_reader *r)
{
	struct conf_authorize *a = &c->authorize;
	bool found = a->trust_group == NULL;

	if (a->listen.text == NULL)
		return 0;
	if (a->header == NULL)
		a->header = strdup(default_header(a->format));
	if (a->header == NULL)
		return conf_no_memory(r);
	for (size_t i = 0; i < c->num_trusts && !found; i++)
		found = strcmp(c->trusts[i].group, a->trust_group) == 0;
	if (!found)
		return conf_fail(r, "$.authorize.trust_group",
		    "is '%.64s': expected one of the groups of $.trust",
		    a->trust_group);
	return check_callers(c, r);
}
