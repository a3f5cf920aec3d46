/*
 * json: strict reading of JSON from strangers. cJSON builds the tree; what it
 * is lenient about (RFC 8259 section 6 and 7 grammar, trailing text, depth,
 * duplicate names, NUL in strings, invalid UTF-8) is refused before, with
 * line and column.
 */
#ifndef GATEWAY_BASE_JSON_H
#define GATEWAY_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"

#define JSON_MAX_DEPTH 32

/* Whether text is UTF-8 (RFC 3629), as what goes into a string has to be. */
bool json_utf8(const char *text, size_t len);

/* json_check says whether text is one JSON value of RFC 8259. */
int json_check(const char *text, size_t len, struct err *err) MUST_USE;

/* json_parse checks, then builds; free with cJSON_Delete. */
int
json_parse(cJSON **out, const char *text, size_t len, struct err *err) MUST_USE;

/*
 * json_line is the line, from 1, on which the value at a path such as
 * "$.users[0].name" begins, in text that json_parse took. Of what is not
 * there: the line of the innermost object or array that is.
 */
size_t json_line(const char *text, size_t len, const char *path);

/* The line of an item of the tree that json_parse made of text: of its name,
 * where it is a member. */
size_t json_item_line(
    const char *text, size_t len, const cJSON *tree, const cJSON *item);

/* Member by exact name; NULL when absent. item may be NULL. */
const cJSON *json_get(const cJSON *item, const char *name);

/* The string of a member, NULL when absent or not a string. */
const char *json_get_string(const cJSON *item, const char *name);

/* 0 and *out when item is a whole number within [min, max]. */
int
json_to_int(const cJSON *item, int64_t min, int64_t max, int64_t *out) MUST_USE;

/* Whether two trees say the same, order of members aside. */
bool json_equal(const cJSON *a, const cJSON *b);

/* Adds an RFC 3339 time; null where t is 0. */
void json_add_time(cJSON *o, const char *name, time_t t);

/*
 * json_print_short writes an item into buf as JSON, cut with "..." when it
 * does not fit: for error messages. Returns buf.
 */
const char *json_print_short(const cJSON *item, char *buf, size_t size);

#endif
