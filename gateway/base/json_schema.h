/*
 * json_schema: what a pushed configuration section may contain, as a tree of
 * constant nodes. From the same tree come validation, defaults and the JSON
 * Schema that is published, so that they cannot disagree.
 */
#ifndef GATEWAY_BASE_JSON_SCHEMA_H
#define GATEWAY_BASE_JSON_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"

enum schema_type {
	SCHEMA_END = 0, /* ends a list of members */
	SCHEMA_OBJECT,
	SCHEMA_ARRAY, /* members: the one kind of item */
	SCHEMA_INTEGER,
	SCHEMA_BOOLEAN,
	SCHEMA_STRING,
	SCHEMA_ENUM
};

enum schema_flags {
	SCHEMA_STRICT = 1 << 0, /* an object refuses other keys */
	SCHEMA_ONE_OF = 1 << 1, /* at most one of the members */
	SCHEMA_NULLABLE = 1 << 2,
	SCHEMA_NO_EFFECT = 1 << 3, /* kept and returned, nothing more */
	SCHEMA_RESTART = 1 << 4,   /* acts at the next start */
	SCHEMA_REQUIRED = 1 << 5,
	SCHEMA_ANY_CASE = 1 << 6 /* enum: any case, defaults show words[] */
};

struct json_schema {
	enum schema_type type;
	const char *name;
	unsigned flags;           /* enum schema_flags */
	int64_t min, max;         /* INTEGER; items of ARRAY; bytes of STRING */
	const char *dflt;         /* JSON text; NULL: none */
	const char *const *words; /* ENUM, NULL-terminated */
	const char *pattern;      /* STRING: POSIX extended, anchored */
	const struct json_schema *members;
	const char *help;
};

/*
 * json_schema_validate: 0, or E_PARSE naming the path, the value and what was
 * expected. Loose in types: "8080" passes for an integer, "true" for a
 * boolean, a number for a string.
 */
int json_schema_validate(
    const struct json_schema *s, const cJSON *config, struct err *err) MUST_USE;

/*
 * A copy of config with every default filled in. Where `own` (may be NULL) has
 * a value at the same path it is the default instead of the schema's. NULL
 * when out of memory.
 */
cJSON *json_schema_with_defaults(
    const struct json_schema *s, const cJSON *config, const cJSON *own);

/* JSON Schema (draft 2020-12) of a section. NULL when out of memory. */
cJSON *json_schema_to_json(const struct json_schema *s);

/*
 * Reading a validated configuration by path ("revocationCheck.mode"), with
 * the loose types resolved. False and *out untouched when it is not there.
 */
bool json_schema_get_int(const cJSON *config, const char *path, int64_t *out);
bool json_schema_get_bool(const cJSON *config, const char *path, bool *out);
const char *json_schema_get_string(const cJSON *config, const char *path);
const cJSON *json_schema_get(const cJSON *config, const char *path);

#endif
