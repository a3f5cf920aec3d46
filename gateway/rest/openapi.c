/* openapi: see the header. */
#include "gateway/rest/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/rest/openapi_facts.h"
#include "gateway/rest/rest_takes.h"

static const char *
method_name(enum rest_method method)
{
	static const char *const names[REST_NUM_METHODS] = {
	    "get", "post", "put", "delete"};

	return method < REST_NUM_METHODS ? names[method] : "?";
}

/* Parameters. */

static void
add_parameter(cJSON *list, const char *in, const char *name, cJSON *schema)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", name);
	cJSON_AddStringToObject(o, "in", in);
	if (strcmp(in, "path") == 0)
		cJSON_AddBoolToObject(o, "required", 1);
	cJSON_AddItemToObject(o, "schema", schema);
	cJSON_AddItemToArray(list, o);
}

static cJSON *
text_schema(void)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "type", "string");
	return o;
}

/* Each name of a list separated by blanks. */
static void
each_name(const char *names, void (*fn)(void *arg, const char *name), void *arg)
{
	char *copy = names != NULL ? strdup(names) : NULL, *save = NULL;

	if (copy == NULL)
		return;
	for (char *name = strtok_r(copy, " ", &save); name != NULL;
	     name = strtok_r(NULL, " ", &save))
		fn(arg, name);
	free(copy);
}

struct querying {
	const struct rest_route *route;
	cJSON *list;
};

static void
add_query(void *arg, const char *name)
{
	const struct querying *q = arg;

	add_parameter(
	    q->list, "query", name, openapi_query_schema(q->route, name));
}

static void
add_parameters(cJSON *o, const struct rest_route *route)
{
	const struct rest_takes *takes = rest_takes_of(route);
	struct querying q = {
	    .route = route, .list = cJSON_AddArrayToObject(o, "parameters")};
	const char *at = route->pattern;
	char name[64];

	while ((at = strchr(at, '{')) != NULL) {
		size_t len = strcspn(++at, "}");

		snprintf(name, sizeof(name), "%.*s", (int)len, at);
		add_parameter(q.list, "path", name, text_schema());
	}
	if (takes != NULL)
		each_name(takes->query, add_query, &q);
}

/* Bodies. */

static bool
is_content_type(const char *text)
{
	return strchr(text, '/') != NULL;
}

/* {"application/json": {"schema": ...}}; what is no JSON is text. */
static void
add_content(cJSON *o, const char *what)
{
	cJSON *content = cJSON_AddObjectToObject(o, "content"), *media, *list;
	size_t len = strlen(what);
	char name[64];

	if (is_content_type(what)) {
		media = cJSON_AddObjectToObject(content, what);
		if (strncmp(what, "multipart/", 10) == 0)
			cJSON_AddItemToObject(
			    media, "schema", openapi_shape_ref("Object"));
		else
			cJSON_AddItemToObject(media, "schema", text_schema());
		return;
	}
	media = cJSON_AddObjectToObject(content, "application/json");
	if (what[0] != '[') {
		cJSON_AddItemToObject(media, "schema", openapi_shape_ref(what));
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(len - 2), what + 1);
	list = cJSON_AddObjectToObject(media, "schema");
	cJSON_AddStringToObject(list, "type", "array");
	cJSON_AddItemToObject(list, "items", openapi_shape_ref(name));
}

static void
add_property(void *props, const char *name)
{
	/* Their types are the handlers' business. */
	cJSON_AddItemToObject(props, name, cJSON_CreateObject());
}

static void
add_body(
    cJSON *o, const struct rest_route *route, const struct openapi_fact *fact)
{
	const struct rest_takes *takes = rest_takes_of(route);
	cJSON *body, *schema;

	if (route->method == REST_GET)
		return;
	if (fact->body != NULL) {
		body = cJSON_AddObjectToObject(o, "requestBody");
		cJSON_AddBoolToObject(body, "required", 1);
		add_content(body, fact->body);
	} else if (takes != NULL && takes->body != NULL &&
	    takes->body[0] != '\0') {
		body = cJSON_AddObjectToObject(o, "requestBody");
		cJSON_AddBoolToObject(body, "required", 1);
		add_content(body, "Object");
		schema = cJSON_CreateObject();
		cJSON_AddStringToObject(schema, "type", "object");
		each_name(takes->body, add_property,
		    cJSON_AddObjectToObject(schema, "properties"));
		cJSON_AddBoolToObject(schema, "additionalProperties", 0);
		cJSON_ReplaceItemInObjectCaseSensitive(
		    cJSON_GetObjectItemCaseSensitive(
			cJSON_GetObjectItemCaseSensitive(body, "content"),
			"application/json"),
		    "schema", schema);
	}
}

/* Answers. */

static void
add_answer(
    cJSON *answers, const char *status, const char *words, const char *content)
{
	cJSON *o = cJSON_AddObjectToObject(answers, status);

	cJSON_AddStringToObject(o, "description", words);
	if (content != NULL)
		add_content(o, content);
}

static void
add_bytes(cJSON *answers)
{
	static const char *const types[] = {
	    "application/pkix-crl", "application/ocsp-response"};
	cJSON *content = cJSON_GetObjectItemCaseSensitive(
	    cJSON_GetObjectItemCaseSensitive(answers, "200"), "content");

	for (size_t i = 0; i < 2; i++) {
		cJSON *schema = text_schema();

		cJSON_AddStringToObject(schema, "format", "binary");
		cJSON_AddItemToObject(
		    cJSON_AddObjectToObject(content, types[i]), "schema",
		    schema);
	}
}

static void
add_answers(
    cJSON *o, const struct rest_route *route, const struct openapi_fact *fact)
{
	cJSON *answers = cJSON_AddObjectToObject(o, "responses");
	const char *pending;
	char status[8];

	snprintf(status, sizeof(status), "%d", fact->status);
	add_answer(answers, status, "done", fact->answer);
	if (strcmp(route->pattern, "cache/{key}") == 0 &&
	    route->method == REST_GET)
		add_bytes(answers);
	if (strcmp(route->pattern, "readyz") == 0)
		add_answer(answers, "503", "not ready", fact->answer);
	if (strcmp(route->pattern, "reload") == 0)
		add_answer(answers, "200",
		    "done, but for what waits for the next start", "Object");
	if (openapi_is_shared(route, &pending)) {
		if (pending != NULL)
			add_answer(answers, "202",
			    "in force here, and sent when the fleet can be "
			    "asked",
			    pending);
		add_answer(answers, "503",
		    "the fleet cannot be asked, or takes nothing more",
		    "Error");
	}
	add_answer(answers, "default", "not done, and why", "Error");
}

/* Operations. */

static void
add_roles(cJSON *o, const struct rest_route *route)
{
	static const struct {
		unsigned role;
		const char *name;
	} roles[] = {{CONF_ROLE_READ, "read"}, {CONF_ROLE_OPERATE, "operate"},
	    {CONF_ROLE_CHECK, "check"}};
	cJSON *list = cJSON_AddArrayToObject(o, "x-roles");
	cJSON *security;

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (route->roles & roles[i].role)
			cJSON_AddItemToArray(
			    list, cJSON_CreateString(roles[i].name));
	if (route->roles != 0 && (route->roles & REST_ANYBODY) == 0)
		return;
	security = cJSON_AddArrayToObject(o, "security");
	if (route->roles != 0) {
		cJSON *basic = cJSON_CreateObject();

		cJSON_AddItemToArray(security, cJSON_CreateObject());
		cJSON_AddArrayToObject(basic, "basic");
		cJSON_AddItemToArray(security, basic);
	}
}

/* "get-config-section-history" */
static void
add_id(cJSON *o, const struct rest_route *route)
{
	char id[160];
	size_t n =
	    (size_t)snprintf(id, sizeof(id), "%s-", method_name(route->method));

	for (const char *p = route->pattern; *p != '\0' && n + 1 < sizeof(id);
	     p++) {
		if (isalnum((unsigned char)*p))
			id[n++] = *p;
		else if (id[n - 1] != '-' && *p != '}')
			id[n++] = '-';
	}
	id[n] = '\0';
	cJSON_AddStringToObject(o, "operationId", id);
}

static cJSON *
operation(const struct rest_route *route)
{
	static const struct openapi_fact unknown = {
	    .summary = "", .status = 200, .answer = "Object"};
	const struct openapi_fact *fact = openapi_fact_of(route);
	cJSON *o = cJSON_CreateObject();

	if (fact == NULL)
		fact = &unknown;
	add_id(o, route);
	cJSON_AddStringToObject(o, "summary", fact->summary);
	add_roles(o, route);
	add_parameters(o, route);
	add_body(o, route, fact);
	add_answers(o, route, fact);
	return o;
}

static void
add_route(cJSON *paths, const struct rest_route *route)
{
	char path[200];
	cJSON *item;

	snprintf(path, sizeof(path), "/%s", route->pattern);
	item = cJSON_GetObjectItemCaseSensitive(paths, path);
	if (item == NULL)
		item = cJSON_AddObjectToObject(paths, path);
	cJSON_AddItemToObject(
	    item, method_name(route->method), operation(route));
}

/* The document. */

static void
add_head(cJSON *o)
{
	cJSON *info, *server = cJSON_CreateObject(), *basic, *list;

	cJSON_AddStringToObject(o, "openapi", "3.0.3");
	info = cJSON_AddObjectToObject(o, "info");
	cJSON_AddStringToObject(info, "title", "p2p-gateway");
	cJSON_AddStringToObject(info, "version", REVCHECK_VERSION);
	cJSON_AddStringToObject(info, "description",
	    "A query or body of a path that is not Corda's must have no name "
	    "that is not listed. Users have passwords, or client certificates "
	    "instead of them.");
	cJSON_AddStringToObject(server, "url", "/api/v1");
	cJSON_AddItemToArray(cJSON_AddArrayToObject(o, "servers"), server);
	basic = cJSON_CreateObject();
	cJSON_AddArrayToObject(basic, "basic");
	list = cJSON_AddArrayToObject(o, "security");
	cJSON_AddItemToArray(list, basic);
}

cJSON *
openapi_document(const struct rest_route *const *tables)
{
	cJSON *o = cJSON_CreateObject(), *paths, *components, *basic;

	if (o == NULL)
		return NULL;
	add_head(o);
	paths = cJSON_AddObjectToObject(o, "paths");
	for (size_t t = 0; tables[t] != NULL; t++)
		for (const struct rest_route *r = tables[t]; r->fn != NULL; r++)
			add_route(paths, r);
	components = cJSON_AddObjectToObject(o, "components");
	basic = cJSON_AddObjectToObject(
	    cJSON_AddObjectToObject(components, "securitySchemes"), "basic");
	cJSON_AddStringToObject(basic, "type", "http");
	cJSON_AddStringToObject(basic, "scheme", "basic");
	openapi_add_shapes(cJSON_AddObjectToObject(components, "schemas"));
	return o;
}
