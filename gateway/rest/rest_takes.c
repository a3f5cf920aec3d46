/* rest_takes: see the header. A misspelt name is never "all" or "for ever". */
#include "gateway/rest/rest_takes.h"

#include <string.h>

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

static const struct rest_takes table[] = {
    {REST_GET, "decisions",
	"limit after sequence peer outcome status why way since before", NULL},
    {REST_GET, "connections", "limit after status way serial", NULL},
    {REST_DELETE, "connections/{id}", "", ""},
    {REST_GET, "sources", "limit state kind url", NULL},
    {REST_GET, "cache", "", NULL},
    {REST_GET, "cache/{key}", "serial", NULL},
    {REST_GET, "denylist", "", NULL},
    {REST_GET, "status", "", NULL},
    {REST_GET, "fleet", "", NULL},
    {REST_GET, "known", "", NULL},
    {REST_GET, "network/setup", "", NULL},
    {REST_GET, "network/setup/{id}", "", NULL},
    {REST_GET, "membership", "", NULL},
    {REST_GET, "membership/{id}", "", NULL},
    {REST_GET, "ui/state", "after", NULL},
    {REST_POST, "denylist", "",
	"certificate issuer serial spkiSha256 reason until"},
    {REST_DELETE, "denylist/{id}", "", ""},
    {REST_POST, "cache/refresh", "", ""},
    {REST_POST, "cache/{key}/refresh", "", ""},
    {REST_DELETE, "cache", "", ""},
    {REST_DELETE, "cache/{key}", "", ""},
    {REST_DELETE, "known/{issuerKey}/{serial}", "", ""},
    {REST_POST, "revocation/check/batch", "", "checks"},
    {REST_GET, "revocation/events", "after timeoutMs", NULL},
    {REST_POST, "config/{section}/history/{version}/restore", "", ""},
    {REST_POST, "reload", "", ""},
};

const struct rest_takes *
rest_takes_of(const struct rest_route *route)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].method == route->method &&
		    strcmp(table[i].pattern, route->pattern) == 0)
			return &table[i];
	return NULL;
}

static bool
has(const char *names, const char *name)
{
	size_t len = strlen(name), n;

	for (; *names != '\0'; names += n + (names[n] == ' ')) {
		n = strcspn(names, " ");
		if (n == len && memcmp(names, name, n) == 0)
			return true;
	}
	return false;
}

/* What comes twice has one value for us, and maybe another for who asks. */
static int
check_once(const struct evkeyval *kv, struct err *err)
{
	const struct evkeyval *other = kv->next.tqe_next;

	for (; other != NULL; other = other->next.tqe_next)
		if (strcmp(other->key, kv->key) == 0)
			return err_set(
			    err, E_PARSE, "'%.60s' is there twice", kv->key);
	return 0;
}

static int
check_name(const char *names, const char *name, struct err *err)
{
	if (has(names, name))
		return 0;
	return err_set(err, E_PARSE, "'%.60s' is not known here: %s%s", name,
	    names[0] != '\0' ? "expected of " : "nothing is expected", names);
}

int
rest_takes_query(
    const struct rest_takes *takes, const char *query, struct err *err)
{
	struct evkeyvalq all;
	int rc = 0;

	if (takes == NULL || takes->query == NULL || query == NULL)
		return 0;
	/* A NUL ends a value, and the rest of it would be "all". */
	if (strstr(query, "%00") != NULL ||
	    evhttp_parse_query_str(query, &all) != 0)
		return err_set(err, E_PARSE, "the query cannot be read");
	for (struct evkeyval *kv = all.tqh_first; rc == 0 && kv != NULL;
	     kv = kv->next.tqe_next) {
		rc = check_name(takes->query, kv->key, err);
		if (rc == 0)
			rc = check_once(kv, err);
	}
	evhttp_clear_headers(&all);
	return rc;
}

int
rest_takes_body(
    const struct rest_takes *takes, const cJSON *body, struct err *err)
{
	const cJSON *item;
	int rc = 0;

	if (takes == NULL || takes->body == NULL)
		return 0;
	cJSON_ArrayForEach(item, body)
	{
		if (rc == 0)
			rc = check_name(takes->body, item->string, err);
	}
	return rc;
}
