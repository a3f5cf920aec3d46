/*
 * json_path: members by path ("revocationCheck.mode"), and values that are
 * loose in their types: "8080" for a number, "true" for a boolean.
 */
#ifndef GATEWAY_BASE_JSON_PATH_H
#define GATEWAY_BASE_JSON_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

/* A whole number up to 2^53, also as text. */
bool json_loose_int(const cJSON *item, int64_t *out);
bool json_loose_bool(const cJSON *item, bool *out);

/* NULL, or false and *out untouched, when it is not there. */
const cJSON *json_path_get(const cJSON *item, const char *path);
bool json_path_int(const cJSON *item, const char *path, int64_t *out);
bool json_path_bool(const cJSON *item, const char *path, bool *out);
const char *json_path_string(const cJSON *item, const char *path);

#endif
