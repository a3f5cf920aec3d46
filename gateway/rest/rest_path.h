/*
 * rest_path: the path of a request, taken apart into decoded segments, and
 * whether it is the path of a route. Pure; any thread.
 */
#ifndef GATEWAY_REST_REST_PATH_H
#define GATEWAY_REST_REST_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/rest/rest.h"

#define REST_MAX_SEGMENTS 16

/* All zero is an empty one. */
struct rest_path {
	char *text; /* what segments point into; owned */
	const char *segments[REST_MAX_SEGMENTS];
	int num;
};

/* What follows the base path, where there is one ("/api/v1/"). */
const char *rest_path_strip(const char *path);

/*
 * Splits at slashes, then decodes each part ("/" has none). False when
 * there are too many, and when one is not text after decoding.
 */
bool rest_path_split(struct rest_path *out, const char *path);
void rest_path_cleanup(struct rest_path *p);

/*
 * Is it the path of this pattern ("config/{section}"; any case)? Then params
 * are what stands for {...}. A parameter may hold any character but NUL.
 */
bool rest_path_matches(const struct rest_path *p, const char *pattern,
    const char *params[REST_MAX_PARAMS], size_t *num_params);

#endif
