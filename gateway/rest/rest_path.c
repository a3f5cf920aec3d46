/*
 * rest_path: see rest_path.h. Knows no file system: "." and ".." are segments
 * like others, and an encoded slash stays inside its segment.
 */
#include "gateway/rest/rest_path.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/http.h>

#include "gateway/base/event_slots.h"

static const char *const base_paths[] = {
    "/api/v1/", "/api/v5_1/", "/api/v5_2/", "/api/v5_3/", NULL};

const char *
rest_path_strip(const char *path)
{
	for (size_t i = 0; base_paths[i] != NULL; i++) {
		size_t len = strlen(base_paths[i]);

		if (strncasecmp(path, base_paths[i], len) == 0)
			return path + len;
	}
	return path;
}

/* Appends one decoded segment at out; the byte behind it, or NULL. */
static char *
add_segment(struct rest_path *p, char *out, const char *encoded)
{
	size_t len = 0;
	char *decoded = evhttp_uridecode(encoded, 0, &len);

	if (decoded == NULL || strlen(decoded) != len ||
	    p->num == REST_MAX_SEGMENTS) {
		event_slots_free(decoded);
		return NULL;
	}
	/* Decoding never makes longer. */
	memcpy(out, decoded, len + 1);
	event_slots_free(decoded);
	p->segments[p->num++] = out;
	return out + len + 1;
}

bool
rest_path_split(struct rest_path *out, const char *path)
{
	char *copy = strdup(path), *save = NULL, *to;

	*out = (struct rest_path){.text = malloc(strlen(path) + 2)};
	to = copy != NULL ? out->text : NULL;
	if (to != NULL)
		for (char *s = strtok_r(copy, "/", &save); s != NULL && to;
		     s = strtok_r(NULL, "/", &save))
			to = add_segment(out, to, s);
	free(copy);
	return to != NULL;
}

void
rest_path_cleanup(struct rest_path *p)
{
	free(p->text);
	*p = (struct rest_path){0};
}

bool
rest_path_matches(const struct rest_path *p, const char *pattern,
    const char *params[REST_MAX_PARAMS], size_t *num_params)
{
	*num_params = 0;
	for (int i = 0; i < p->num; i++) {
		const char *segment = p->segments[i];
		size_t len = strcspn(pattern, "/");

		if (len == 0)
			return false;
		if (pattern[0] == '{') {
			if (*num_params < REST_MAX_PARAMS)
				params[(*num_params)++] = segment;
		} else if (strlen(segment) != len ||
		    strncasecmp(pattern, segment, len) != 0) {
			return false;
		}
		pattern += len;
		if (*pattern == '/')
			pattern++;
	}
	return *pattern == '\0';
}
