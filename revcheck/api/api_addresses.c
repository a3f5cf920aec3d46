/*
 * api_addresses: which URLs and addresses may be asked, for who fetches by
 * himself. Any thread.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cache/base/error.h"
#include "cache/base/url_text.h"
#include "cache/fetch/address_rules.h"
#include "cache/fetch/url.h"
#include "revcheck/revcheck.h"
#include "revcheck/x509/certs.h"

#define PORTS_MAX 64

struct revcheck_addresses {
	struct address_rules *rules;
	uint16_t ports[PORTS_MAX + 1]; /* 0-terminated */
	bool any_port;
};

static int
take_ports(struct revcheck_addresses *a, const uint16_t *ports, struct err *err)
{
	static const uint16_t usual[] = {80, 443, 0};
	size_t n = 0;

	for (const uint16_t *p = ports != NULL ? ports : usual; *p != 0; p++) {
		if (n == PORTS_MAX)
			return err_set(
			    err, E_ARG, "more than %d ports", PORTS_MAX);
		a->ports[n++] = *p;
	}
	return 0;
}

int
revcheck_addresses_new(struct revcheck_addresses **out,
    const struct revcheck_options *options, struct revcheck_error *err)
{
	struct revcheck_options o = {0};
	struct revcheck_addresses *a;
	struct err e = {0};
	int rc;

	*out = NULL;
	if (options != NULL)
		memcpy(&o, options,
		    options->size != 0 && options->size < sizeof(o)
			? options->size
			: sizeof(o));
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return error_publish(err, NULL, E_NOMEM);
	a->any_port = o.any_port != 0;
	rc = take_ports(a, o.ports, &e);
	if (rc == 0)
		rc = address_rules_new(
		    &a->rules, o.allow_addresses, o.refuse_private != 0, &e);
	if (rc != 0) {
		revcheck_addresses_free(a);
		return error_publish(err, &e, rc);
	}
	*out = a;
	return 0;
}

void
revcheck_addresses_free(struct revcheck_addresses *a)
{
	if (a == NULL)
		return;
	address_rules_free(a->rules);
	free(a);
}

static bool
port_allowed(const struct revcheck_addresses *a, uint16_t port)
{
	if (a->any_port)
		return true;
	for (size_t i = 0; a->ports[i] != 0; i++)
		if (a->ports[i] == port)
			return true;
	return false;
}

static int
judge(const struct revcheck_addresses *a, const char *url, struct err *err)
{
	const char *kind;
	struct url u;

	if (!url_read(&u, url))
		return err_set(err, E_ARG, "not a usable URL");
	if (!port_allowed(a, u.port))
		return err_set(
		    err, E_ARG, "port %u is not allowed", (unsigned)u.port);
	kind = address_rules_literal_refused(a->rules, u.host);
	if (kind != NULL)
		return err_set(err, E_ARG,
		    "address '%.100s' is not allowed (%s)", u.host, kind);
	return 0;
}

int
revcheck_addresses_url(char **out, const struct revcheck_addresses *a,
    const char *url, struct revcheck_error *err)
{
	struct err e = {0};
	int rc = url_normalise(out, span_of(url, strlen(url)), &e);

	if (rc == 0)
		rc = judge(a, *out, &e);
	else if (rc != E_NOMEM)
		rc = E_ARG;
	if (rc == 0)
		return 0;
	free(*out);
	*out = NULL;
	return error_publish(err, &e, rc);
}

const char *
revcheck_addresses_refused(const struct revcheck_addresses *a, const char *host,
    const struct sockaddr *sa)
{
	return address_rules_refused(a->rules, host, sa);
}
