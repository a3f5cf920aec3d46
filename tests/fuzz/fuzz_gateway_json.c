/*
 * Bodies from strangers: the acceptor in front of cJSON, then validation of a
 * pushed section. The first byte chooses the section. What one accepts the
 * other must build, printing must not change it, and defaults must validate.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/json_path.h"
#include "gateway/base/jsonc.h"
#include "gateway/conf/section.h"

extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".gateway-json";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was printed is JSON that says the same. */
static void
check_printed(const cJSON *tree)
{
	char *text = cJSON_PrintUnformatted(tree);
	struct err err;
	cJSON *again;

	if (text == NULL)
		abort();
	if (json_parse(&again, text, strlen(text), &err) != 0 ||
	    !json_equal(tree, again))
		abort();
	cJSON_Delete(again);
	cJSON_free(text);
}

static void
check_section(enum section_id id, const cJSON *tree)
{
	struct err err = {0};
	int64_t number;
	bool flag;
	cJSON *full;

	if (section_validate(id, tree, &err) != 0) {
		/* A refusal always says why. */
		if (err.code != E_PARSE || err.msg[0] == '\0')
			abort();
		return;
	}
	full = section_with_defaults(id, tree, NULL);
	if (full == NULL)
		abort();
	(void)json_path_int(full, "deadlineMs", &number);
	(void)json_path_bool(full, "shadowMode", &flag);
	(void)json_path_string(full, "sslConfig.revocationCheck.mode");
	cJSON_Delete(full);
}

/*
 * What people write into files: strict JSON comes through as it is, lines stay
 * lines, and what is left has nothing left to take out.
 */
static void
check_stripped(const char *text, size_t len)
{
	char *once = malloc(len + 1), *twice = malloc(len + 1);
	struct err err;
	cJSON *tree;

	if (once == NULL || twice == NULL)
		abort();
	memcpy(once, text, len);
	if (jsonc_strip(once, len, &err) == 0) {
		for (size_t i = 0; i < len; i++)
			if ((text[i] == '\n') != (once[i] == '\n'))
				abort();
		if (json_check(text, len, &err) == 0 &&
		    memcmp(once, text, len) != 0)
			abort();
		memcpy(twice, once, len);
		if (jsonc_strip(twice, len, &err) != 0 ||
		    (json_check(once, len, &err) == 0 &&
			memcmp(once, twice, len) != 0))
			abort();
		if (json_parse(&tree, once, len, &err) == 0)
			cJSON_Delete(tree);
	}
	free(once);
	free(twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	char shown[64];
	struct err err;
	cJSON *tree;
	int rc;

	if (size == 0)
		return 0;
	check_stripped(text, size - 1);
	rc = json_check(text, size - 1, &err);
	if (json_parse(&tree, text, size - 1, &err) != 0)
		return 0;
	if (rc != 0)
		abort();
	check_printed(tree);
	if (strlen(json_print_short(tree, shown, sizeof(shown))) >=
	    sizeof(shown))
		abort();
	if (cJSON_IsObject(tree))
		check_section((enum section_id)(data[0] % SECTION_NUM), tree);
	cJSON_Delete(tree);
	return 0;
}
