/*
 * openapi_shapes: the shapes of answers, field by field, and of the sections,
 * by the table of keys.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/conf/conf_schema.h"
#include "gateway/conf/section.h"
#include "gateway/rest/openapi_facts.h"
#include "gateway/rest/rest_words.h"

/* Types of fields, by one letter. */
enum field_type {
	FIELD_TEXT = 's',
	FIELD_TIME = 't',
	FIELD_COUNT = 'n', /* a whole number, 0 or more */
	FIELD_NUMBER = 'f',
	FIELD_FLAG = 'b',
	FIELD_OBJECT = 'o',
	FIELD_LIST = 'l', /* of whatever */
	FIELD_ANY = 'a'
};

struct field {
	const char *name; /* "?": may be left out; "~": may be null; or both */
	enum field_type type;
	const char *shape; /* of an object, or of what a list holds */
};

struct shape {
	const char *name;
	const struct field *fields; /* ends without a name */
	bool open;                  /* there may be more */
};

static const struct field error_fields[] = {{"title", FIELD_TEXT, NULL},
    {"status", FIELD_COUNT, NULL}, {"details", FIELD_OBJECT, NULL},
    {NULL, 0, NULL}};

static const struct field id_fields[] = {
    {"id", FIELD_TEXT, NULL}, {NULL, 0, NULL}};

static const struct field pending_fields[] = {
    {"?id", FIELD_TEXT, NULL}, {"fleet", FIELD_TEXT, NULL}, {NULL, 0, NULL}};

static const struct field section_fields[] = {{"section", FIELD_TEXT, NULL},
    {"sourceConfig", FIELD_TEXT, NULL},
    {"configWithDefaults", FIELD_TEXT, NULL},
    {"schemaVersion", FIELD_OBJECT, NULL}, {"version", FIELD_NUMBER, NULL},
    {NULL, 0, NULL}};

static const struct field section_put_fields[] = {{"section", FIELD_TEXT, NULL},
    {"version", FIELD_NUMBER, NULL}, {NULL, 0, NULL}};

static const struct field section_change_fields[] = {
    {"section", FIELD_TEXT, NULL}, {"version", FIELD_ANY, NULL},
    {"config", FIELD_ANY, "AnySection"}, {"?schemaVersion", FIELD_OBJECT, NULL},
    {NULL, 0, NULL}};

static const struct field ready_fields[] = {{"ready", FIELD_FLAG, NULL},
    {"degraded", FIELD_FLAG, NULL}, {"?reasons", FIELD_LIST, "Text"},
    {"?warmUp", FIELD_OBJECT, NULL}, {NULL, 0, NULL}};

static const struct field cache_fields[] = {{"key", FIELD_TEXT, NULL},
    {"kind", FIELD_TEXT, NULL}, {"url", FIELD_TEXT, NULL},
    {"?file", FIELD_FLAG, NULL}, {"bytes", FIELD_COUNT, NULL},
    {"entries", FIELD_COUNT, NULL}, {"~thisUpdate", FIELD_TIME, NULL},
    {"~nextUpdate", FIELD_TIME, NULL}, {"~fetchedAt", FIELD_TIME, NULL},
    {"ageSeconds", FIELD_NUMBER, NULL},
    {"?secondsToNextUpdate", FIELD_NUMBER, NULL}, {"?issuer", FIELD_TEXT, NULL},
    {"?number", FIELD_TEXT, NULL}, {"?error", FIELD_TEXT, NULL},
    {NULL, 0, NULL}};

static const struct field cache_source_fields[] = {{"key", FIELD_TEXT, NULL},
    {"pieces", FIELD_LIST, "CacheItem"}, {"?listed", FIELD_FLAG, NULL},
    {"?~entry", FIELD_OBJECT, NULL}, {NULL, 0, NULL}};

static const struct field known_fields[] = {{"issuerKey", FIELD_TEXT, NULL},
    {"serial", FIELD_TEXT, NULL}, {"issuer", FIELD_TEXT, NULL},
    {"reason", FIELD_TEXT, NULL}, {"~revokedAt", FIELD_TIME, NULL},
    {"~thisUpdate", FIELD_TIME, NULL}, {"~firstSeen", FIELD_TIME, NULL},
    {"url", FIELD_TEXT, NULL}, {NULL, 0, NULL}};

static const struct field denied_fields[] = {{"id", FIELD_TEXT, NULL},
    {"?spkiSha256", FIELD_TEXT, NULL}, {"?issuer", FIELD_TEXT, NULL},
    {"?issuerName", FIELD_TEXT, NULL}, {"?serial", FIELD_TEXT, NULL},
    {"?subject", FIELD_TEXT, NULL}, {"reason", FIELD_TEXT, NULL},
    {"~until", FIELD_TIME, NULL}, {"~addedAt", FIELD_TIME, NULL},
    {"addedBy", FIELD_TEXT, NULL}, {NULL, 0, NULL}};

static const struct field decision_fields[] = {{"sequence", FIELD_COUNT, NULL},
    {"~at", FIELD_TIME, NULL}, {"way", FIELD_TEXT, NULL},
    {"peer", FIELD_TEXT, NULL}, {"?connection", FIELD_COUNT, NULL},
    {"allowed", FIELD_FLAG, NULL}, {"outcome", FIELD_TEXT, NULL},
    {"mode", FIELD_TEXT, NULL}, {"status", FIELD_TEXT, NULL},
    {"why", FIELD_TEXT, NULL}, {"waitedMs", FIELD_COUNT, NULL},
    {"?note", FIELD_TEXT, NULL}, {"?subject", FIELD_TEXT, NULL},
    {"?report", FIELD_OBJECT, NULL}, {"?leaf", FIELD_OBJECT, NULL},
    {NULL, 0, NULL}};

static const struct field connection_fields[] = {{"id", FIELD_COUNT, NULL},
    {"way", FIELD_TEXT, NULL}, {"peer", FIELD_TEXT, NULL},
    {"subject", FIELD_TEXT, NULL}, {"?leaf", FIELD_OBJECT, NULL},
    {"~certificateSha256", FIELD_TEXT, NULL}, {"~since", FIELD_TIME, NULL},
    {"status", FIELD_TEXT, NULL}, {"why", FIELD_TEXT, NULL},
    {"mode", FIELD_TEXT, NULL}, {"tlsVersion", FIELD_TEXT, NULL},
    {"bytesIn", FIELD_COUNT, NULL}, {"bytesOut", FIELD_COUNT, NULL},
    {NULL, 0, NULL}};

static const struct field source_error_fields[] = {{"why", FIELD_TEXT, NULL},
    {"text", FIELD_TEXT, NULL}, {"?httpStatus", FIELD_COUNT, NULL},
    {NULL, 0, NULL}};

static const struct field source_fields[] = {{"url", FIELD_TEXT, NULL},
    {"kind", FIELD_TEXT, NULL}, {"?file", FIELD_FLAG, NULL},
    {"?issuer", FIELD_TEXT, NULL}, {"state", FIELD_TEXT, NULL},
    {"?key", FIELD_TEXT, NULL}, {"kept", FIELD_COUNT, NULL},
    {"keptBytes", FIELD_COUNT, NULL}, {"~thisUpdate", FIELD_TIME, NULL},
    {"~soonestEnd", FIELD_TIME, NULL}, {"~lastSuccess", FIELD_TIME, NULL},
    {"~lastTry", FIELD_TIME, NULL}, {"~error", FIELD_OBJECT, "SourceError"},
    {"failures", FIELD_COUNT, NULL}, {"~nextTry", FIELD_TIME, NULL},
    {"lastBytes", FIELD_COUNT, NULL}, {"lastMs", FIELD_COUNT, NULL},
    {NULL, 0, NULL}};

/* Since when something is as it is: version and section null, the file. */
#define ORIGIN                                                           \
	{"~section", FIELD_TEXT, NULL}, {"~version", FIELD_COUNT, NULL}, \
	    {"~since", FIELD_TIME, NULL}, {"by", FIELD_TEXT, NULL},      \
	{                                                                \
		"from", FIELD_TEXT, NULL                                 \
	}

static const struct field origin_fields[] = {ORIGIN, {NULL, 0, NULL}};

static const struct field tls_fields[] = {{"type", FIELD_TEXT, NULL},
    {"mode", FIELD_TEXT, NULL}, ORIGIN, {"typeSet", FIELD_OBJECT, "Origin"},
    {NULL, 0, NULL}};

static const struct field sessions_fields[] = {
    {"mode", FIELD_TEXT, NULL}, ORIGIN, {NULL, 0, NULL}};

static const struct field shadow_fields[] = {
    {"on", FIELD_FLAG, NULL}, ORIGIN, {NULL, 0, NULL}};

static const struct field issuers_fields[] = {{"rules", FIELD_COUNT, NULL},
    {"exempt", FIELD_COUNT, NULL}, ORIGIN, {NULL, 0, NULL}};

static const struct field configuration_fields[] = {
    {"section", FIELD_TEXT, NULL}, {"version", FIELD_NUMBER, NULL},
    {"?~at", FIELD_TIME, NULL}, {"?who", FIELD_TEXT, NULL},
    {"?from", FIELD_TEXT, NULL}, {"?action", FIELD_TEXT, NULL},
    {NULL, 0, NULL}};

static const struct field process_fields[] = {{"version", FIELD_TEXT, NULL},
    {"libraries", FIELD_OBJECT, NULL}, {"host", FIELD_TEXT, NULL},
    {"pid", FIELD_COUNT, NULL}, {"~startedAt", FIELD_TIME, NULL},
    {"uptimeSeconds", FIELD_NUMBER, NULL}, {"listeners", FIELD_LIST, "Object"},
    {"rest", FIELD_TEXT, NULL}, {NULL, 0, NULL}};

static const struct field doorman_list_fields[] = {{"name", FIELD_TEXT, NULL},
    {"number", FIELD_COUNT, NULL}, {"entries", FIELD_COUNT, NULL},
    {"~signedAt", FIELD_TIME, NULL}, {"~nextUpdate", FIELD_TIME, NULL},
    {NULL, 0, NULL}};

static const struct field doorman_wait_fields[] = {{"for", FIELD_TEXT, NULL},
    {"certificates", FIELD_COUNT, NULL}, {"revocations", FIELD_COUNT, NULL},
    {"oldestSeconds", FIELD_COUNT, NULL}, {NULL, 0, NULL}};

/* What it says itself is there once it has answered. */
static const struct field doorman_fields[] = {{"url", FIELD_TEXT, NULL},
    {"answers", FIELD_FLAG, NULL}, {"~askedAt", FIELD_TIME, NULL},
    {"~answeredAt", FIELD_TIME, NULL}, {"~silentSince", FIELD_TIME, NULL},
    {"?error", FIELD_TEXT, NULL}, {"?version", FIELD_TEXT, NULL},
    {"?~startedAt", FIELD_TIME, NULL}, {"?ready", FIELD_FLAG, NULL},
    {"?ticketToolUp", FIELD_FLAG, NULL}, {"?reasons", FIELD_LIST, "Text"},
    {"?lists", FIELD_LIST, "DoormanList"},
    {"?waiting", FIELD_LIST, "DoormanWait"}, {NULL, 0, NULL}};

static const struct field status_fields[] = {{"mode", FIELD_TEXT, NULL},
    {"modes", FIELD_OBJECT, NULL}, {"loose", FIELD_LIST, "Text"},
    {"shadowMode", FIELD_FLAG, NULL}, {"ready", FIELD_FLAG, NULL},
    {"degraded", FIELD_FLAG, NULL}, {"reasons", FIELD_LIST, "Text"},
    {"tls", FIELD_OBJECT, "Tls"}, {"sessions", FIELD_OBJECT, "Sessions"},
    {"shadow", FIELD_OBJECT, "Shadow"}, {"issuers", FIELD_OBJECT, "Issuers"},
    {"?warmUp", FIELD_OBJECT, NULL}, {"?doorman", FIELD_OBJECT, "Doorman"},
    {"summary", FIELD_OBJECT, NULL}, {"minutes", FIELD_OBJECT, NULL},
    {"configuration", FIELD_LIST, "Configuration"},
    {"identities", FIELD_LIST, "Object"}, {"version", FIELD_TEXT, NULL},
    {"libraries", FIELD_OBJECT, NULL}, {"host", FIELD_TEXT, NULL},
    {"pid", FIELD_COUNT, NULL}, {"~startedAt", FIELD_TIME, NULL},
    {"uptimeSeconds", FIELD_NUMBER, NULL}, {"listeners", FIELD_LIST, "Object"},
    {"rest", FIELD_TEXT, NULL}, {NULL, 0, NULL}};

static const struct field state_fields[] = {{"~at", FIELD_TIME, NULL},
    {"user", FIELD_OBJECT, NULL}, {"identitiesNum", FIELD_COUNT, NULL},
    {"process", FIELD_OBJECT, "Process"}, {"ready", FIELD_FLAG, NULL},
    {"degraded", FIELD_FLAG, NULL}, {"reasons", FIELD_LIST, "Text"},
    {"loose", FIELD_LIST, "Text"}, {"tls", FIELD_OBJECT, "Tls"},
    {"sessions", FIELD_OBJECT, "Sessions"}, {"shadow", FIELD_OBJECT, "Shadow"},
    {"issuers", FIELD_OBJECT, "Issuers"}, {"~warmUp", FIELD_OBJECT, NULL},
    {"?doorman", FIELD_OBJECT, "Doorman"}, {"summary", FIELD_OBJECT, NULL},
    {"minutes", FIELD_OBJECT, NULL}, {"sources", FIELD_OBJECT, "StateSources"},
    {"decisions", FIELD_OBJECT, "StateDecisions"},
    {"connections", FIELD_OBJECT, "StateConnections"},
    {"denylist", FIELD_OBJECT, "StateDenylist"},
    {"identities", FIELD_LIST, "Object"},
    {"configuration", FIELD_LIST, "Configuration"},
    {"?fleet", FIELD_OBJECT, "Fleet"}, {NULL, 0, NULL}};

static const struct field fleet_record_fields[] = {
    {"record", FIELD_TEXT, NULL}, {"why", FIELD_TEXT, NULL}, {NULL, 0, NULL}};

static const struct field fleet_error_fields[] = {
    {"~at", FIELD_TIME, NULL}, {"what", FIELD_TEXT, NULL}, {NULL, 0, NULL}};

static const struct field fleet_fields[] = {{"?name", FIELD_TEXT, NULL},
    {"?member", FIELD_TEXT, NULL}, {"state", FIELD_TEXT, NULL},
    {"?why", FIELD_TEXT, NULL}, {"?endpoint", FIELD_TEXT, NULL},
    {"?id", FIELD_TEXT, NULL}, {"?otherId", FIELD_TEXT, NULL},
    {"?change", FIELD_COUNT, NULL}, {"?beganWith", FIELD_COUNT, NULL},
    {"?revision", FIELD_COUNT, NULL}, {"?lagMs", FIELD_COUNT, NULL},
    {"?outbox", FIELD_COUNT, NULL}, {"?filled", FIELD_COUNT, NULL},
    {"?records", FIELD_OBJECT, NULL}, {"?members", FIELD_LIST, "Object"},
    {"?membersNum", FIELD_COUNT, NULL},
    {"?notInForce", FIELD_LIST, "FleetRecord"},
    {"?errors", FIELD_LIST, "FleetError"}, {NULL, 0, NULL}};

static const struct field state_sources_fields[] = {{"num", FIELD_COUNT, NULL},
    {"byState", FIELD_OBJECT, NULL}, {"rows", FIELD_LIST, "Source"},
    {NULL, 0, NULL}};

static const struct field state_decisions_fields[] = {
    {"last", FIELD_COUNT, NULL}, {"rows", FIELD_LIST, "Decision"},
    {NULL, 0, NULL}};

static const struct field state_connections_fields[] = {
    {"num", FIELD_COUNT, NULL}, {"notGood", FIELD_COUNT, NULL},
    {"byStatus", FIELD_OBJECT, NULL}, {"rows", FIELD_LIST, "Connection"},
    {NULL, 0, NULL}};

static const struct field state_denylist_fields[] = {{"num", FIELD_COUNT, NULL},
    {"rows", FIELD_LIST, "Denied"}, {NULL, 0, NULL}};

#define MEMBER                                                                 \
	{"holdingIdentity", FIELD_TEXT, NULL},                                 \
	    {"~x500Name", FIELD_TEXT, NULL}, {"registered", FIELD_FLAG, NULL}, \
	    {"setUp", FIELD_FLAG, NULL},                                       \
	{                                                                      \
		"inEffect", FIELD_FLAG, NULL                                   \
	}

static const struct field setup_fields[] = {
    MEMBER, {"~setup", FIELD_OBJECT, NULL}, {NULL, 0, NULL}};

static const struct field membership_fields[] = {
    MEMBER, {"~registration", FIELD_OBJECT, NULL}, {NULL, 0, NULL}};

static const struct field no_fields[] = {{NULL, 0, NULL}};

static const struct shape shapes[] = {{"Object", no_fields, true},
    {"Error", error_fields, true}, {"Id", id_fields, true},
    {"Pending", pending_fields, false}, {"Section", section_fields, true},
    {"SectionPut", section_put_fields, true},
    {"SectionChange", section_change_fields, true},
    {"Ready", ready_fields, false}, {"CacheItem", cache_fields, false},
    {"CacheSource", cache_source_fields, false}, {"Known", known_fields, false},
    {"Denied", denied_fields, false}, {"Decision", decision_fields, false},
    {"Connection", connection_fields, false},
    {"SourceError", source_error_fields, false},
    {"Source", source_fields, false}, {"Origin", origin_fields, false},
    {"Tls", tls_fields, false}, {"Sessions", sessions_fields, false},
    {"Shadow", shadow_fields, false}, {"Issuers", issuers_fields, false},
    {"Configuration", configuration_fields, false},
    {"DoormanList", doorman_list_fields, false},
    {"DoormanWait", doorman_wait_fields, false},
    {"Doorman", doorman_fields, false}, {"Process", process_fields, false},
    {"Status", status_fields, true}, {"State", state_fields, false},
    {"Fleet", fleet_fields, false}, {"FleetRecord", fleet_record_fields, false},
    {"FleetError", fleet_error_fields, false},
    {"StateSources", state_sources_fields, false},
    {"StateDecisions", state_decisions_fields, false},
    {"StateConnections", state_connections_fields, false},
    {"StateDenylist", state_denylist_fields, false},
    {"Setup", setup_fields, false}, {"Membership", membership_fields, false}};

/* Fields. */

static cJSON *
typed(const char *type, const char *format)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "type", type);
	if (format != NULL)
		cJSON_AddStringToObject(o, "format", format);
	return o;
}

cJSON *
openapi_shape_ref(const char *name)
{
	cJSON *o = cJSON_CreateObject();
	char ref[120];

	if (strcmp(name, "Text") == 0) {
		cJSON_AddStringToObject(o, "type", "string");
		return o;
	}
	snprintf(ref, sizeof(ref), "#/components/schemas/%s", name);
	cJSON_AddStringToObject(o, "$ref", ref);
	return o;
}

static cJSON *
list_of(const char *shape)
{
	cJSON *o = typed("array", NULL);

	cJSON_AddItemToObject(o, "items",
	    shape != NULL ? openapi_shape_ref(shape) : cJSON_CreateObject());
	return o;
}

static cJSON *
field_schema(const struct field *f, bool nullable)
{
	cJSON *o, *all;

	switch (f->type) {
	case FIELD_TEXT:
		o = typed("string", NULL);
		break;
	case FIELD_TIME:
		o = typed("string", "date-time");
		break;
	case FIELD_COUNT:
		o = typed("integer", NULL);
		cJSON_AddNumberToObject(o, "minimum", 0);
		break;
	case FIELD_NUMBER:
		o = typed("number", NULL);
		break;
	case FIELD_FLAG:
		o = typed("boolean", NULL);
		break;
	case FIELD_LIST:
		o = list_of(f->shape);
		break;
	default:
		if (f->shape == NULL)
			o = f->type == FIELD_OBJECT ? typed("object", NULL)
						    : cJSON_CreateObject();
		else if (!nullable)
			return openapi_shape_ref(f->shape);
		else {
			/* What stands beside a $ref is not looked at. */
			o = typed("object", NULL);
			all = cJSON_AddArrayToObject(o, "allOf");
			cJSON_AddItemToArray(all, openapi_shape_ref(f->shape));
		}
	}
	if (nullable)
		cJSON_AddBoolToObject(o, "nullable", 1);
	return o;
}

static cJSON *
shape_schema(const struct shape *s)
{
	cJSON *o = typed("object", NULL), *props, *required = NULL;

	props = cJSON_AddObjectToObject(o, "properties");
	for (const struct field *f = s->fields; f->name != NULL; f++) {
		bool optional = f->name[0] == '?';
		const char *name = f->name + optional;
		bool nullable = name[0] == '~';

		name += nullable;
		cJSON_AddItemToObject(props, name, field_schema(f, nullable));
		if (optional)
			continue;
		if (required == NULL)
			required = cJSON_AddArrayToObject(o, "required");
		cJSON_AddItemToArray(required, cJSON_CreateString(name));
	}
	if (!s->open)
		cJSON_AddBoolToObject(o, "additionalProperties", 0);
	return o;
}

/* Sections. */

/* From JSON Schema 2020-12 to what OpenAPI 3.0 has; depth as the table's. */
static void
to_openapi(cJSON *o)
{
	cJSON *type = cJSON_GetObjectItemCaseSensitive(o, "type"), *item;

	if (cJSON_IsArray(type)) {
		const char *first =
		    cJSON_GetStringValue(cJSON_GetArrayItem(type, 0));
		cJSON *plain = cJSON_CreateString(first != NULL ? first : "");

		cJSON_ReplaceItemInObjectCaseSensitive(o, "type", plain);
		cJSON_AddBoolToObject(o, "nullable", 1);
	}
	if (cJSON_IsObject(o))
		cJSON_DeleteItemFromObjectCaseSensitive(o, "$schema");
	cJSON_ArrayForEach(item, o) if (cJSON_IsObject(item) ||
	    cJSON_IsArray(item)) to_openapi(item);
}

static void
add_sections(cJSON *schemas)
{
	cJSON *any = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(any, "anyOf");

	for (enum section_id id = 0; id < SECTION_NUM; id++) {
		cJSON *schema = conf_schema_section(id);

		to_openapi(schema);
		cJSON_AddItemToObject(schemas, section_name(id), schema);
		cJSON_AddItemToArray(list, openapi_shape_ref(section_name(id)));
	}
	/* Or text that holds one. */
	cJSON_AddItemToArray(list, typed("string", NULL));
	cJSON_AddItemToObject(schemas, "AnySection", any);
}

void
openapi_add_shapes(cJSON *schemas)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		cJSON_AddItemToObject(
		    schemas, shapes[i].name, shape_schema(&shapes[i]));
	add_sections(schemas);
}

/* Query parameters. */

cJSON *
openapi_query_schema(const struct rest_route *route, const char *name)
{
	static const char *const numbers[] = {
	    "limit", "after", "sequence", "timeoutMs"};
	const struct rest_words *words = rest_words_of(route->pattern, name);
	cJSON *o, *list;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(name, numbers[i]) == 0) {
			o = typed("integer", NULL);
			cJSON_AddNumberToObject(o, "minimum", 0);
			return o;
		}
	o = typed("string", NULL);
	if (words == NULL)
		return o;
	list = cJSON_AddArrayToObject(o, "enum");
	for (unsigned w = 0; w < words->num; w++)
		if (words->word(w)[0] != '\0')
			cJSON_AddItemToArray(
			    list, cJSON_CreateString(words->word(w)));
	return o;
}
