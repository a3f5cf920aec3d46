/*
 * address: one spelling for every address of the configuration. Never
 * resolves a name.
 */
#include "gateway/base/address.h"

#include <ctype.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
address_bad(struct err *err, const char *text, bool listen)
{
	return err_set(err, E_PARSE,
	    "'%.100s' is not an address: expected %s or \"unix:/path\"", text,
	    listen ? "\"ADDRESS:PORT\" with a numeric address"
		   : "\"HOST:PORT\"");
}

static int
address_parse_unix(struct address *a, const char *path, struct err *err)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->sa;

	if (strlen(path) >= sizeof(un->sun_path))
		return err_set(err, E_PARSE,
		    "the path of a Unix socket is longer than %zu bytes",
		    sizeof(un->sun_path) - 1);
	a->path = strdup(path);
	if (a->path == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	a->sa_len = sizeof(*un);
	return 0;
}

/* Fills sa when host is numeric. */
static void
address_numeric(struct address *a)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->sa;

	if (inet_pton(AF_INET, a->host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		a->sa_len = sizeof(*in);
	} else if (inet_pton(AF_INET6, a->host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(a->port);
		a->sa_len = sizeof(*in6);
	}
}

static bool
address_port(const char *text, bool listen, uint16_t *out)
{
	char *end;
	unsigned long v;

	if (*text < '0' || *text > '9' || strlen(text) > 5)
		return false;
	v = strtoul(text, &end, 10);
	if (*end != '\0' || v > 65535 || (v == 0 && !listen))
		return false;
	*out = (uint16_t)v;
	return true;
}

static int
address_parse_tcp(
    struct address *a, const char *text, bool listen, struct err *err)
{
	const char *colon = strrchr(text, ':');
	const char *host = text;
	size_t host_len;

	if (colon == NULL || colon == text ||
	    !address_port(colon + 1, listen, &a->port))
		return address_bad(err, text, listen);
	host_len = (size_t)(colon - text);
	if (host[0] == '[') {
		if (host_len < 3 || host[host_len - 1] != ']')
			return address_bad(err, text, listen);
		host++;
		host_len -= 2;
	} else if (memchr(host, ':', host_len) != NULL) {
		return address_bad(err, text, listen);
	}
	a->host = strndup(host, host_len);
	if (a->host == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	address_numeric(a);
	if (a->sa_len == 0 && (listen || text[0] == '['))
		return address_bad(err, text, listen);
	return 0;
}

int
address_parse(
    struct address *out, const char *text, bool listen, struct err *err)
{
	int rc;

	memset(out, 0, sizeof(*out));
	if (strncmp(text, "unix:", 5) == 0 && text[5] != '\0')
		rc = address_parse_unix(out, text + 5, err);
	else
		rc = address_parse_tcp(out, text, listen, err);
	if (rc == 0 && (out->text = strdup(text)) == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc != 0)
		address_cleanup(out);
	return rc;
}

void
address_cleanup(struct address *a)
{
	free(a->text);
	free(a->host);
	free(a->path);
	memset(a, 0, sizeof(*a));
}

bool
address_is(const struct address *a, const struct sockaddr_storage *sa)
{
	const struct sockaddr_storage *own = &a->sa;

	if (own->ss_family != sa->ss_family)
		return false;
	if (own->ss_family == AF_UNIX)
		return strcmp(((const struct sockaddr_un *)own)->sun_path,
			   ((const struct sockaddr_un *)sa)->sun_path) == 0;
	if (own->ss_family == AF_INET) {
		const struct sockaddr_in *x = (const void *)own;
		const struct sockaddr_in *y = (const void *)sa;

		return x->sin_port == y->sin_port &&
		    x->sin_addr.s_addr == y->sin_addr.s_addr;
	}
	if (own->ss_family == AF_INET6) {
		const struct sockaddr_in6 *x = (const void *)own;
		const struct sockaddr_in6 *y = (const void *)sa;

		return x->sin6_port == y->sin6_port &&
		    IN6_ARE_ADDR_EQUAL(&x->sin6_addr, &y->sin6_addr);
	}
	return false;
}

bool
address_overlaps(
    const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	static const struct in6_addr any = IN6ADDR_ANY_INIT;
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_port != 0 &&
		    (a4->sin_addr.s_addr == b4->sin_addr.s_addr ||
			a4->sin_addr.s_addr == INADDR_ANY ||
			b4->sin_addr.s_addr == INADDR_ANY);
	return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
	    a6->sin6_port != 0 &&
	    (memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(any)) == 0 ||
		memcmp(&a6->sin6_addr, &any, sizeof(any)) == 0 ||
		memcmp(&b6->sin6_addr, &any, sizeof(any)) == 0);
}

void
address_text(char out[ADDRESS_TEXT_MAX], const struct sockaddr_storage *sa)
{
	char host[INET6_ADDRSTRLEN] = "?";
	const char *path = "";

	if (sa != NULL && sa->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(
		    out, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(in->sin_port));
		return;
	}
	if (sa != NULL && sa->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(out, ADDRESS_TEXT_MAX, "[%s]:%u", host,
		    ntohs(in6->sin6_port));
		return;
	}
	if (sa != NULL && sa->ss_family == AF_UNIX)
		path = ((const struct sockaddr_un *)sa)->sun_path;
	/* A path of full length has no NUL. */
	snprintf(out, ADDRESS_TEXT_MAX, "unix%s%.*s",
	    path[0] != '\0' ? ":" : "",
	    (int)sizeof(((struct sockaddr_un *)0)->sun_path), path);
	/* Who connects has chosen it, and lines and heads are made of this. */
	for (char *p = out; *p != '\0'; p++)
		if (!isgraph((unsigned char)*p) || *p == '\'')
			*p = '?';
}
