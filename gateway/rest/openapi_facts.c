/* openapi_facts: see the header. One row for each route. */
#include "gateway/rest/openapi_facts.h"

#include <string.h>

#define SUBJECTS "mgm/{id}/mutual-tls/allowed-client-certificate-subjects"
#define JSON     "application/json"

static const struct openapi_fact facts[] = {
    {REST_GET, "config/{section}",
	"A section of the configuration, with its defaults and version", 200,
	"Section", NULL},
    {REST_PUT, "config", "Replaces a section of the configuration", 202,
	"SectionPut", "SectionChange"},
    {REST_GET, "config/schema/{section}", "JSON Schema of a section", 200,
	"Object", NULL},
    {REST_GET, "config/{section}/history", "Every change of a section", 200,
	"[Object]", NULL},
    {REST_POST, "config/{section}/history/{version}/restore",
	"Puts an earlier version in force again, as a new one", 202,
	"SectionPut", NULL},
    {REST_POST, "reload", "Reads the configuration file again", 204, NULL,
	NULL},
    {REST_POST, "revocation/check", "Asks about a chain", 200, "Object",
	"Object"},
    {REST_POST, "revocation/check/batch", "Asks about many chains", 200,
	"[Object]", NULL},
    {REST_GET, "revocation/events",
	"Waits until a session that was Active is refused", 200, "Object",
	NULL},
    {REST_GET, "cache", "CRLs and OCSP responses that are kept", 200,
	"[CacheItem]", NULL},
    {REST_GET, "cache/{key}",
	"What is kept of one source; its bytes where Accept asks for them", 200,
	"CacheSource", NULL},
    {REST_POST, "cache/refresh", "Fetches everything again", 202, NULL, NULL},
    {REST_POST, "cache/{key}/refresh", "Fetches one source again", 202, NULL,
	NULL},
    {REST_DELETE, "cache", "Forgets what is kept", 204, NULL, NULL},
    {REST_DELETE, "cache/{key}", "Forgets what is kept of one source", 204,
	NULL, NULL},
    {REST_GET, "known", "Certificates that were found revoked", 200, "[Known]",
	NULL},
    {REST_DELETE, "known/{issuerKey}/{serial}",
	"Forgets that one was found revoked", 204, NULL, NULL},
    {REST_GET, "healthz", "Whether the process answers", 200, "text/plain",
	NULL},
    {REST_GET, "readyz", "Whether traffic should be sent here (503: not)", 200,
	"Ready", NULL},
    {REST_GET, "metrics", "Numbers for Prometheus", 200, "text/plain", NULL},
    {REST_GET, "status", "What is in force and what was counted", 200, "Status",
	NULL},
    {REST_GET, "denylist", "Who is denied by hand", 200, "[Denied]", NULL},
    {REST_POST, "denylist", "Denies a certificate or a key", 201, "Id", NULL},
    {REST_DELETE, "denylist/{id}", "Lifts a denial", 204, NULL, NULL},
    {REST_GET, "decisions", "The last decisions, newest first", 200,
	"[Decision]", NULL},
    {REST_GET, "connections", "Who is in", 200, "[Connection]", NULL},
    {REST_DELETE, "connections/{id}", "Cuts a connection", 204, NULL, NULL},
    {REST_GET, "sources", "Where evidence comes from, the most urgent first",
	200, "[Source]", NULL},
    {REST_GET, "fleet", "How this machine stands with its fleet", 200, "Fleet",
	NULL},
    {REST_GET, "", "Leads to the status page", 302, NULL, NULL},
    {REST_GET, "ui", "The status page", 200, "text/html", NULL},
    {REST_GET, "ui/page.css", "Its style", 200, "text/css", NULL},
    {REST_GET, "ui/page.js", "Its script", 200, "text/javascript", NULL},
    {REST_GET, "ui/icon.svg", "Its icon", 200, "image/svg+xml", NULL},
    {REST_GET, "ui/logout", "Makes a browser forget the password", 401, NULL,
	NULL},
    {REST_POST, "ui/check", "Asks about a chain under the anchors of TLS peers",
	200, "Object", "Object"},
    {REST_GET, "ui/state", "What the status page shows", 200, "State", NULL},
    {REST_GET, "openapi.json", "This document", 200, "Object", NULL},
    {REST_GET, SUBJECTS, "Client subjects that are let in", 200, "[Text]",
	NULL},
    {REST_PUT, SUBJECTS "/{subject}", "Lets a client subject in", 204, NULL,
	NULL},
    {REST_DELETE, SUBJECTS "/{subject}", "Lets it in no longer", 204, NULL,
	NULL},
    {REST_POST, "keys/{tenant}/alias/{alias}/category/{c}/scheme/{s}",
	"Makes a key pair", 200, "Id", NULL},
    {REST_GET, "keys/{tenant}", "The key pairs of a holding identity", 200,
	"Object", NULL},
    {REST_GET, "keys/{tenant}/{key}", "A public key", 200, "text/plain", NULL},
    {REST_POST, "certificates/{tenant}/{key}", "A signing request", 200,
	"text/plain", "Object"},
    {REST_GET, "network/setup", "Holding identities, and what they present",
	200, "[Setup]", NULL},
    {REST_GET, "network/setup/{id}", "What one of them presents", 200, "Setup",
	NULL},
    {REST_GET, "membership",
	"Holding identities, and what they registered with", 200,
	"[Membership]", NULL},
    {REST_GET, "membership/{id}", "What one of them registered with", 200,
	"Membership", NULL},
    {REST_PUT, "network/setup/{id}", "Chooses what a holding identity presents",
	204, NULL, "Object"},
    {REST_POST, "membership/{id}", "Registers a holding identity", 200,
	"Object", "Object"},
    {REST_PUT, "certificates/vnode/{id}/{usage}",
	"Uploads a chain of a holding identity", 204, NULL,
	"multipart/form-data"},
    {REST_PUT, "certificates/cluster/{usage}", "Uploads a chain of the cluster",
	204, NULL, "multipart/form-data"},
    {REST_GET, "certificates/vnode/{id}/{usage}",
	"Aliases of the chains of a holding identity", 200, "[Text]", NULL},
    {REST_GET, "certificates/cluster/{usage}",
	"Aliases of the chains of the cluster", 200, "[Text]", NULL},
    {REST_GET, "certificates/vnode/{id}/{usage}/{alias}",
	"A chain of a holding identity", 200, "text/plain", NULL},
    {REST_GET, "certificates/cluster/{usage}/{alias}", "A chain of the cluster",
	200, "text/plain", NULL},
};

/* What a fleet may refuse; pending: the shape of what is in force here alone
 * for the time being. */
static const struct {
	enum rest_method method;
	const char *pattern, *pending;
} shared[] = {
    {REST_PUT, "config", NULL},
    {REST_POST, "config/{section}/history/{version}/restore", NULL},
    {REST_POST, "denylist", "Pending"},
    {REST_DELETE, "denylist/{id}", NULL},
    {REST_PUT, SUBJECTS "/{subject}", NULL},
    {REST_DELETE, SUBJECTS "/{subject}", "Pending"},
    {REST_PUT, "network/setup/{id}", NULL},
    {REST_POST, "membership/{id}", NULL},
    {REST_PUT, "certificates/vnode/{id}/{usage}", NULL},
    {REST_PUT, "certificates/cluster/{usage}", NULL},
};

/* "key/{tenant}" is "keys/{tenant}". */
static bool
is_pattern(const char *fact, const char *route)
{
	size_t len = strcspn(route, "/");

	if (strcmp(fact, route) == 0)
		return true;
	return strncmp(fact, route, len) == 0 && fact[len] == 's' &&
	    strcmp(fact + len + 1, route + len) == 0;
}

const struct openapi_fact *
openapi_fact_of(const struct rest_route *route)
{
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (facts[i].method == route->method &&
		    is_pattern(facts[i].pattern, route->pattern))
			return &facts[i];
	return NULL;
}

bool
openapi_is_shared(const struct rest_route *route, const char **pending)
{
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (shared[i].method == route->method &&
		    is_pattern(shared[i].pattern, route->pattern)) {
			*pending = shared[i].pending;
			return true;
		}
	return false;
}
