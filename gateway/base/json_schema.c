/*
 * json_schema: one walk over a configuration for each purpose. No state; any
 * thread. Depth is bounded by the constant trees.
 */
#include "gateway/base/json_schema.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/json.h"

#define PATH_SIZE 128
#define BEYOND    9007199254740992LL /* 2^53 */

static int
fail(struct err *err, const char *path, const cJSON *item, const char *expected)
{
	char value[64];

	return err_set(err, E_PARSE, "%s is %s: expected %s",
	    *path != '\0' ? path : "the configuration",
	    json_print_short(item, value, sizeof(value)), expected);
}

/* Whole numbers, also when they come as text. */
static bool
to_int(const cJSON *item, int64_t *out)
{
	const char *s = cJSON_GetStringValue(item);
	char *end;
	double d;

	if (cJSON_IsNumber(item)) {
		return json_to_int(item, -BEYOND, BEYOND, out) == 0;
	}
	if (s == NULL || *s == '\0' || strlen(s) > 20 ||
	    strspn(s, "0123456789+-.eE") != strlen(s))
		return false;
	d = strtod(s, &end);
	if (*end != '\0' || d != floor(d) || fabs(d) > (double)BEYOND)
		return false;
	*out = (int64_t)d;
	return true;
}

static bool
to_bool(const cJSON *item, bool *out)
{
	const char *s = cJSON_GetStringValue(item);

	if (cJSON_IsBool(item))
		*out = cJSON_IsTrue(item);
	else if (s != NULL && strcasecmp(s, "true") == 0)
		*out = true;
	else if (s != NULL && strcasecmp(s, "false") == 0)
		*out = false;
	else
		return false;
	return true;
}

static int
validate_int(const struct json_schema *s, const cJSON *item, const char *path,
    struct err *err)
{
	char expected[96];
	int64_t v;

	if (to_int(item, &v) && v >= s->min && v <= s->max)
		return 0;
	if (s->max == INT64_MAX || s->max == INT32_MAX)
		snprintf(expected, sizeof(expected),
		    "a whole number of at least %lld%s", (long long)s->min,
		    s->flags & SCHEMA_NULLABLE ? ", or null" : "");
	else
		snprintf(expected, sizeof(expected),
		    "a whole number from %lld to %lld%s", (long long)s->min,
		    (long long)s->max,
		    s->flags & SCHEMA_NULLABLE ? ", or null" : "");
	return fail(err, path, item, expected);
}

static bool
matches(const char *pattern, const char *text)
{
	regex_t re;
	bool ok;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	ok = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return ok;
}

static int
validate_string(const struct json_schema *s, const cJSON *item,
    const char *path, struct err *err)
{
	const char *text = cJSON_GetStringValue(item);
	char expected[96] = "a string";

	if (text == NULL && (cJSON_IsNumber(item) || cJSON_IsBool(item)))
		return s->pattern == NULL ? 0
					  : fail(err, path, item, "a string");
	if (s->pattern != NULL)
		snprintf(expected, sizeof(expected),
		    "a string that matches %.70s", s->pattern);
	else if (s->max > 0)
		snprintf(expected, sizeof(expected),
		    "a string of %lld to %lld characters", (long long)s->min,
		    (long long)s->max);
	if (text == NULL ||
	    (s->max > 0 &&
		((int64_t)strlen(text) < s->min ||
		    (int64_t)strlen(text) > s->max)) ||
	    (s->pattern != NULL && !matches(s->pattern, text)))
		return fail(err, path, item, expected);
	return 0;
}

static const char *
enum_word(const struct json_schema *s, const char *text)
{
	for (size_t i = 0; text != NULL && s->words[i] != NULL; i++)
		if ((s->flags & SCHEMA_ANY_CASE
			    ? strcasecmp(s->words[i], text)
			    : strcmp(s->words[i], text)) == 0)
			return s->words[i];
	return NULL;
}

static int
validate_enum(const struct json_schema *s, const cJSON *item, const char *path,
    struct err *err)
{
	char expected[128] = "one of";
	size_t len = strlen(expected);

	if (enum_word(s, cJSON_GetStringValue(item)) != NULL)
		return 0;
	for (size_t i = 0; s->words[i] != NULL && len < sizeof(expected); i++)
		len += (size_t)snprintf(expected + len, sizeof(expected) - len,
		    "%s %s", i > 0 ? "," : "", s->words[i]);
	return fail(err, path, item, expected);
}

static int validate(const struct json_schema *s, const cJSON *item,
    const char *path, struct err *err);

static int
validate_array(const struct json_schema *s, const cJSON *item, const char *path,
    struct err *err)
{
	char sub[PATH_SIZE], expected[64];
	const cJSON *e;
	int i = 0, rc, num = cJSON_GetArraySize(item);

	snprintf(expected, sizeof(expected),
	    "an array of %lld to %lld elements", (long long)s->min,
	    (long long)s->max);
	if (!cJSON_IsArray(item) || num < s->min || num > s->max)
		return fail(err, path, item, expected);
	cJSON_ArrayForEach(e, item)
	{
		snprintf(sub, sizeof(sub), "%s[%d]", path, i++);
		rc = validate(s->members, e, sub, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static const struct json_schema *
find_member(const struct json_schema *s, const char *name)
{
	for (const struct json_schema *m = s->members; m->type != SCHEMA_END;
	     m++)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

static int
validate_object(const struct json_schema *s, const cJSON *item,
    const char *path, struct err *err)
{
	char sub[PATH_SIZE];
	const cJSON *e;
	int rc;

	if (!cJSON_IsObject(item))
		return fail(err, path, item, "an object");
	cJSON_ArrayForEach(e, item)
	{
		const struct json_schema *m = find_member(s, e->string);

		snprintf(sub, sizeof(sub), "%s%s%s", path,
		    *path != '\0' ? "." : "", e->string);
		if (m == NULL && (s->flags & SCHEMA_STRICT))
			return err_set(err, E_PARSE,
			    "'%s' is not a key of this section", sub);
		rc = m != NULL ? validate(m, e, sub, err) : 0;
		if (rc != 0)
			return rc;
	}
	for (const struct json_schema *m = s->members; m->type != SCHEMA_END;
	     m++)
		if ((m->flags & SCHEMA_REQUIRED) &&
		    json_get(item, m->name) == NULL)
			return err_set(err, E_PARSE,
			    "%s%s%s is missing: expected a value", path,
			    *path != '\0' ? "." : "", m->name);
	if ((s->flags & SCHEMA_ONE_OF) && cJSON_GetArraySize(item) > 1)
		return fail(err, path, item, "one member only");
	return 0;
}

static int
validate(const struct json_schema *s, const cJSON *item, const char *path,
    struct err *err)
{
	bool b;

	if ((s->flags & SCHEMA_NULLABLE) && cJSON_IsNull(item))
		return 0;
	switch (s->type) {
	case SCHEMA_OBJECT:
		return validate_object(s, item, path, err);
	case SCHEMA_ARRAY:
		return validate_array(s, item, path, err);
	case SCHEMA_INTEGER:
		return validate_int(s, item, path, err);
	case SCHEMA_BOOLEAN:
		return to_bool(item, &b)
		    ? 0
		    : fail(err, path, item, "true or false");
	case SCHEMA_STRING:
		return validate_string(s, item, path, err);
	case SCHEMA_ENUM:
		return validate_enum(s, item, path, err);
	case SCHEMA_END:
		break;
	}
	return err_set(err, E_INTERNAL, "a schema node of no type");
}

int
json_schema_validate(
    const struct json_schema *s, const cJSON *config, struct err *err)
{
	return validate(s, config, "", err);
}

/* Defaults. */

static cJSON *
fill(const struct json_schema *s, const cJSON *item, const cJSON *own);

/* Of members that exclude each other only the chosen, or the first, is shown.
 */
static bool
is_shown(
    const struct json_schema *s, const struct json_schema *m, const cJSON *item)
{
	if (!(s->flags & SCHEMA_ONE_OF))
		return true;
	if (cJSON_GetArraySize(item) > 0)
		return json_get(item, m->name) != NULL;
	return m == s->members;
}

static cJSON *
fill_object(const struct json_schema *s, const cJSON *item, const cJSON *own)
{
	cJSON *out =
	    item != NULL ? cJSON_Duplicate(item, 1) : cJSON_CreateObject();

	if (out == NULL)
		return NULL;
	for (const struct json_schema *m = s->members; m->type != SCHEMA_END;
	     m++) {
		cJSON *v;

		if (!is_shown(s, m, item))
			continue;
		v = fill(m, json_get(item, m->name), json_get(own, m->name));
		if (v == NULL)
			continue;
		if (json_get(out, m->name) != NULL)
			cJSON_ReplaceItemInObjectCaseSensitive(out, m->name, v);
		else
			cJSON_AddItemToObject(out, m->name, v);
	}
	if (item == NULL && out->child == NULL) {
		cJSON_Delete(out);
		return NULL;
	}
	return out;
}

static cJSON *
fill_array(const struct json_schema *s, const cJSON *item)
{
	cJSON *out = cJSON_CreateArray();
	const cJSON *e;

	cJSON_ArrayForEach(e, item)
	    cJSON_AddItemToArray(out, fill(s->members, e, NULL));
	return out;
}

/* The value as reported: other words for a default are resolved. */
static cJSON *
resolve(const struct json_schema *s, const cJSON *item)
{
	const char *word = s->type == SCHEMA_ENUM
	    ? enum_word(s, cJSON_GetStringValue(item))
	    : NULL;

	if (word == NULL)
		return cJSON_Duplicate(item, 1);
	if (strcmp(word, "ON") == 0 && s->dflt != NULL)
		return cJSON_Parse(s->dflt);
	return cJSON_CreateString(word);
}

static cJSON *
fill(const struct json_schema *s, const cJSON *item, const cJSON *own)
{
	if (s->type == SCHEMA_OBJECT && (item == NULL || cJSON_IsObject(item)))
		return fill_object(s, item, own);
	if (s->type == SCHEMA_ARRAY && cJSON_IsArray(item))
		return fill_array(s, item);
	if (item != NULL)
		return resolve(s, item);
	if (own != NULL)
		return cJSON_Duplicate(own, 1);
	return s->dflt != NULL ? cJSON_Parse(s->dflt) : NULL;
}

cJSON *
json_schema_with_defaults(
    const struct json_schema *s, const cJSON *config, const cJSON *own)
{
	cJSON *out = fill(s, config, own);

	return out != NULL ? out : cJSON_CreateObject();
}

/* JSON Schema. */

static cJSON *node_json(const struct json_schema *s);

static void
add_type(cJSON *o, const struct json_schema *s, const char *type)
{
	cJSON *types;

	if (!(s->flags & SCHEMA_NULLABLE)) {
		cJSON_AddStringToObject(o, "type", type);
		return;
	}
	types = cJSON_AddArrayToObject(o, "type");
	cJSON_AddItemToArray(types, cJSON_CreateString(type));
	cJSON_AddItemToArray(types, cJSON_CreateString("null"));
}

static void
object_json(cJSON *o, const struct json_schema *s)
{
	cJSON *props = cJSON_AddObjectToObject(o, "properties");
	cJSON *required = NULL;

	add_type(o, s, "object");
	for (const struct json_schema *m = s->members; m->type != SCHEMA_END;
	     m++) {
		cJSON_AddItemToObject(props, m->name, node_json(m));
		if (m->flags & SCHEMA_REQUIRED) {
			if (required == NULL)
				required =
				    cJSON_AddArrayToObject(o, "required");
			cJSON_AddItemToArray(
			    required, cJSON_CreateString(m->name));
		}
	}
	if (s->flags & SCHEMA_STRICT)
		cJSON_AddBoolToObject(o, "additionalProperties", 0);
	if (s->flags & SCHEMA_ONE_OF)
		cJSON_AddNumberToObject(o, "maxProperties", 1);
}

static void
enum_json(cJSON *o, const struct json_schema *s)
{
	cJSON *words = cJSON_AddArrayToObject(o, "enum");

	for (size_t i = 0; s->words[i] != NULL; i++)
		cJSON_AddItemToArray(words, cJSON_CreateString(s->words[i]));
}

static void
limits_json(
    cJSON *o, const struct json_schema *s, const char *min, const char *max)
{
	cJSON_AddNumberToObject(o, min, (double)s->min);
	if (s->max < INT32_MAX)
		cJSON_AddNumberToObject(o, max, (double)s->max);
}

static cJSON *
node_json(const struct json_schema *s)
{
	cJSON *o = cJSON_CreateObject();

	switch (s->type) {
	case SCHEMA_OBJECT:
		object_json(o, s);
		break;
	case SCHEMA_ARRAY:
		add_type(o, s, "array");
		limits_json(o, s, "minItems", "maxItems");
		cJSON_AddItemToObject(o, "items", node_json(s->members));
		break;
	case SCHEMA_INTEGER:
		add_type(o, s, "integer");
		limits_json(o, s, "minimum", "maximum");
		break;
	case SCHEMA_BOOLEAN:
		add_type(o, s, "boolean");
		break;
	case SCHEMA_STRING:
		add_type(o, s, "string");
		if (s->max > 0)
			limits_json(o, s, "minLength", "maxLength");
		if (s->pattern != NULL)
			cJSON_AddStringToObject(o, "pattern", s->pattern);
		break;
	case SCHEMA_ENUM:
		enum_json(o, s);
		break;
	case SCHEMA_END:
		break;
	}
	if (s->dflt != NULL)
		cJSON_AddItemToObject(o, "default", cJSON_Parse(s->dflt));
	if (s->help != NULL)
		cJSON_AddStringToObject(o, "description", s->help);
	if (s->flags & SCHEMA_NO_EFFECT)
		cJSON_AddBoolToObject(o, "x-noEffectHere", 1);
	if (s->flags & SCHEMA_RESTART)
		cJSON_AddBoolToObject(o, "x-actsAtRestart", 1);
	return o;
}

cJSON *
json_schema_to_json(const struct json_schema *s)
{
	cJSON *o = node_json(s);

	if (o == NULL)
		return NULL;
	cJSON_AddStringToObject(
	    o, "$schema", "https://json-schema.org/draft/2020-12/schema");
	cJSON_AddStringToObject(o, "title", s->name);
	return o;
}

/* Reading. */

const cJSON *
json_schema_get(const cJSON *config, const char *path)
{
	char name[64];

	while (config != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");

		if (n >= sizeof(name))
			return NULL;
		memcpy(name, path, n);
		name[n] = '\0';
		config = json_get(config, name);
		path += n;
		if (*path == '.')
			path++;
	}
	return config;
}

bool
json_schema_get_int(const cJSON *config, const char *path, int64_t *out)
{
	const cJSON *item = json_schema_get(config, path);

	return item != NULL && to_int(item, out);
}

bool
json_schema_get_bool(const cJSON *config, const char *path, bool *out)
{
	const cJSON *item = json_schema_get(config, path);

	return item != NULL && to_bool(item, out);
}

const char *
json_schema_get_string(const cJSON *config, const char *path)
{
	return cJSON_GetStringValue(json_schema_get(config, path));
}
