/*
 * A form as somebody uploads it: the first line is the content type, the rest
 * the body. What is taken lies inside the body, in order, and has names.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/rest/multipart.h"

/* From tests/fuzz/seeds. */
extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".multipart";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct multipart_part parts[MULTIPART_MAX_PARTS];
	const uint8_t *nl = memchr(data, '\n', size);
	const char *body, *last;
	struct err err;
	size_t num, len;
	char *type;

	if (nl == NULL)
		return 0;
	type = strndup((const char *)data, (size_t)(nl - data));
	body = (const char *)nl + 1;
	len = size - (size_t)(nl - data) - 1;
	if (type == NULL)
		abort();
	if (multipart_parse(parts, &num, type, body, len, &err) == 0) {
		last = body;
		for (size_t i = 0; i < num; i++) {
			if (parts[i].name[0] == '\0' || parts[i].data < last ||
			    parts[i].len > (size_t)(body + len - parts[i].data))
				abort();
			last = parts[i].data + parts[i].len;
		}
	}
	free(type);
	return 0;
}
