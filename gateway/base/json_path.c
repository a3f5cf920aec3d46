/* json_path: see the header. No state; any thread. */
#include "gateway/base/json_path.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/json.h"

#define BEYOND 9007199254740992LL /* 2^53 */

bool
json_loose_int(const cJSON *item, int64_t *out)
{
	const char *s = cJSON_GetStringValue(item);
	char *end;
	double d;

	if (cJSON_IsNumber(item))
		return json_to_int(item, -BEYOND, BEYOND, out) == 0;
	if (s == NULL || *s == '\0' || strlen(s) > 20 ||
	    strspn(s, "0123456789+-.eE") != strlen(s))
		return false;
	d = strtod(s, &end);
	if (*end != '\0' || d != floor(d) || fabs(d) > (double)BEYOND)
		return false;
	*out = (int64_t)d;
	return true;
}

bool
json_loose_bool(const cJSON *item, bool *out)
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

const cJSON *
json_path_get(const cJSON *item, const char *path)
{
	char name[64];

	while (item != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");

		if (n >= sizeof(name))
			return NULL;
		memcpy(name, path, n);
		name[n] = '\0';
		item = json_get(item, name);
		path += n;
		if (*path == '.')
			path++;
	}
	return item;
}

bool
json_path_int(const cJSON *item, const char *path, int64_t *out)
{
	const cJSON *at = json_path_get(item, path);

	return at != NULL && json_loose_int(at, out);
}

bool
json_path_bool(const cJSON *item, const char *path, bool *out)
{
	const cJSON *at = json_path_get(item, path);

	return at != NULL && json_loose_bool(at, out);
}

const char *
json_path_string(const cJSON *item, const char *path)
{
	return cJSON_GetStringValue(json_path_get(item, path));
}
