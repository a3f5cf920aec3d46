/*
 * Every key that can be pushed, as GET /config/schema publishes it: a PUT takes
 * what the schema allows, at its bounds and each of its words, refuses what is
 * one beyond or of another type, and reports what it took.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/gateway.h"

static struct town town;
static struct gateway gw;

static int
setup(void **state)
{
	town_start(&town, "net", NULL);
	gateway_prepare(&gw, "gateway", &town);
	gateway_set(&gw, "rest.users",
	    "[{\"name\":\"operator\",\"password\":\"demo-password\","
	    "\"roles\":[\"operate\"]}]");
	gateway_set(&gw, "limits.handshake_timeout_ms", "3600000");
	gateway_start(&gw);
	return 0;
}

static int
teardown(void **state)
{
	gateway_free(&gw);
	town_stop(&town);
	return 0;
}

/* Where a key is: its section, and the object that holds it in a template. */
struct place {
	const char *section;
	cJSON *config; /* the whole section */
	cJSON *holder; /* in config: the object that the key belongs to */
	const char *path;
	int version;
	size_t num;     /* keys seen */
	size_t bounded; /* deadlineMs, securityLevel at their most */
};

/* The value at a path with array indexes left out: the first element. */
static const cJSON *
shown_at(const cJSON *o, const char *path)
{
	char name[64];

	for (; *path != '\0'; path += *path == '.') {
		size_t n = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		if (cJSON_IsArray(o))
			o = cJSON_GetArrayItem(o, 0);
		o = cJSON_GetObjectItemCaseSensitive(o, name);
		path += n;
	}
	return o;
}

static void
must_be_shown(struct place *p, const cJSON *value)
{
	char *path = xasprintf("/config/%s", p->section);
	const cJSON *shown;
	struct web w;
	cJSON *full;

	rest(&gw, &w, "GET", path, NULL);
	full = cJSON_Parse(json_text(w.json, "configWithDefaults"));
	shown = shown_at(full, p->path);
	/* ON is another word for SOFT_FAIL. */
	if (cJSON_IsString(value) && strcmp(value->valuestring, "ON") == 0)
		assert_string_equal(cJSON_GetStringValue(shown), "SOFT_FAIL");
	else if (!cJSON_Compare(shown, value, 1))
		fail_msg("%s: %s shows another value", p->section, p->path);
	cJSON_Delete(full);
	web_free(&w);
	free(path);
}

/* Takes value. */
static void
try_value(struct place *p, const char *name, cJSON *value, bool good)
{
	char *config, *body;
	struct web w;

	cJSON_AddItemToObject(p->holder, name, value);
	/* Not more than the days of the warning. */
	if (strcmp(name, "errorDays") == 0)
		cJSON_AddNumberToObject(p->holder, "warnDays", 3650);
	if (strcmp(name, "warnDays") == 0)
		cJSON_AddNumberToObject(p->holder, "errorDays", 0);
	config = cJSON_PrintUnformatted(p->config);
	body = xasprintf("{\"section\":\"%s\",\"version\":%d,\"config\":%s,"
			 "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
	    p->section, p->version, config);
	rest(&gw, &w, "PUT", "/config", body);
	/* Right by itself, and against something of the bootstrap file. */
	if (w.status != 202 && good &&
	    (strstr(w.body, "expected less than the handshake timeout") ||
		strstr(w.body, "the level of the certificate")))
		p->bounded++;
	else if (w.status != (good ? 202 : 400))
		fail_msg("%s: %ld: %s", config, w.status, w.body);
	else if (!good && strstr(w.body, name) == NULL)
		fail_msg("%s is not named: %s", name, w.body);
	if (w.status == 202) {
		p->version = (int)json_number(w.json, "version");
		must_be_shown(p, value);
	}
	web_free(&w);
	free(body);
	cJSON_free(config);
	cJSON_DeleteItemFromObjectCaseSensitive(p->holder, name);
	cJSON_DeleteItemFromObjectCaseSensitive(p->holder, "errorDays");
	cJSON_DeleteItemFromObjectCaseSensitive(p->holder, "warnDays");
}

static void
try_number(struct place *p, const char *name, const cJSON *node)
{
	const cJSON *max = json_at(node, "maximum");
	double min = json_number(node, "minimum");

	try_value(p, name, cJSON_CreateNumber(min), true);
	try_value(p, name, cJSON_CreateNumber(min - 1), false);
	if (max != NULL) {
		try_value(p, name, cJSON_CreateNumber(max->valuedouble), true);
		try_value(
		    p, name, cJSON_CreateNumber(max->valuedouble + 1), false);
	}
	try_value(p, name, cJSON_CreateTrue(), false);
	try_value(p, name, cJSON_CreateString("x"), false);
}

static void
try_key(struct place *p, const char *name, const cJSON *node)
{
	const char *type = json_text(node, "type");
	const cJSON *words = json_at(node, "enum"), *word;

	p->num++;
	if (words != NULL) {
		cJSON_ArrayForEach(word, words)
		    try_value(p, name, cJSON_Duplicate(word, 1), true);
		try_value(p, name, cJSON_CreateString("another"), false);
		try_value(p, name, cJSON_CreateNumber(1), false);
	} else if (type == NULL) { /* [ "integer", "null" ] */
		try_number(p, name, node);
		try_value(p, name, cJSON_CreateNull(), true);
	} else if (strcmp(type, "integer") == 0) {
		try_number(p, name, node);
	} else if (strcmp(type, "boolean") == 0) {
		try_value(p, name, cJSON_CreateTrue(), true);
		try_value(p, name, cJSON_CreateFalse(), true);
		try_value(p, name, cJSON_CreateNumber(1), false);
	}
}

static void
walk(struct place *p, const cJSON *node, cJSON *holder, const char *prefix);

/* An array of objects: one element with what is required of it. */
static void
walk_items(struct place *p, const cJSON *items, cJSON *list, const char *prefix)
{
	cJSON *element = cJSON_CreateObject();

	cJSON_AddItemToArray(list, element);
	if (json_at(items, "required") != NULL)
		cJSON_AddStringToObject(element, "ski", "a1b2");
	walk(p, items, element, prefix);
}

static void
walk(struct place *p, const cJSON *node, cJSON *holder, const char *prefix)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, json_at(node, "properties"))
	{
		char *path = xasprintf(
		    "%s%s%s", prefix, *prefix != '\0' ? "." : "", e->string);
		const cJSON *items = json_at(e, "items");

		p->holder = holder;
		p->path = path;
		if (json_at(e, "properties") != NULL) {
			walk(p, e, cJSON_AddObjectToObject(holder, e->string),
			    path);
			cJSON_DeleteItemFromObjectCaseSensitive(
			    holder, e->string);
		} else if (json_at(items, "properties") != NULL) {
			walk_items(p, items,
			    cJSON_AddArrayToObject(holder, e->string), path);
			cJSON_DeleteItemFromObjectCaseSensitive(
			    holder, e->string);
		} else {
			try_key(p, e->string, e);
		}
		free(path);
	}
}

static void
walk_section(const char *section, size_t least)
{
	char *path = xasprintf("/config/schema/%s", section);
	struct place p = {.section = section, .config = cJSON_CreateObject()};
	struct web w;

	p.version = rest_version(&gw, section);
	rest(&gw, &w, "GET", path, NULL);
	assert_int_equal(w.status, 200);
	walk(&p, w.json, p.config, "");
	assert_true(p.num >= least);
	assert_true(p.bounded <= 2);
	web_free(&w);
	cJSON_Delete(p.config);
	free(path);
}

static void
link_manager(void **state)
{
	walk_section("corda.p2p.linkManager", 20);
}

static void
corda_gateway(void **state)
{
	walk_section("corda.p2p.gateway", 13);
}

static void
revcheck(void **state)
{
	walk_section("revcheck", 30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(link_manager),
	    cmocka_unit_test(corda_gateway),
	    cmocka_unit_test(revcheck),
	};

	return cmocka_run_group_tests_name("keys", tests, setup, teardown);
}
