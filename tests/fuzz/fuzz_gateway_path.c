/*
 * Paths from strangers: base path, splitting, percent-decoding, routes. What
 * is decoded lies inside its own memory, and a route's parameters are the
 * segments that stood there.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/rest/rest_path.h"

extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".gateway-path";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const patterns[] = {"healthz", "config/{section}",
    "config/{section}/history", "{a}", "{a}/{b}/{c}",
    "{a}/{b}/{c}/{d}/{e}/{f}/{g}",
    "mgm/{mgm}/mutual-tls/allowed-client-certificate-subjects/{subject}"};

static size_t
params_in(const char *pattern)
{
	size_t num = 0;

	for (; *pattern != '\0'; pattern++)
		num += *pattern == '{';
	return num < REST_MAX_PARAMS ? num : REST_MAX_PARAMS;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *params[REST_MAX_PARAMS];
	char *path = malloc(size + 1);
	struct rest_path p;
	size_t num, bytes = 0;

	if (path == NULL)
		abort();
	memcpy(path, data, size);
	path[size] = '\0';
	if (rest_path_split(&p, rest_path_strip(path))) {
		/* "/" has none. */
		if (p.num < 0 || p.num > REST_MAX_SEGMENTS)
			abort();
		for (int i = 0; i < p.num; i++)
			bytes += strlen(p.segments[i]) + 1;
		if (bytes > strlen(path) + 1)
			abort();
		for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]);
		     i++)
			if (rest_path_matches(&p, patterns[i], params, &num) &&
			    num != params_in(patterns[i]))
				abort();
	}
	rest_path_cleanup(&p);
	free(path);
	return 0;
}
