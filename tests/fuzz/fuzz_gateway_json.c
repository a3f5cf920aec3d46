/*
 * Bodies from strangers: the acceptor in front of cJSON, then validation of a
 * pushed section. The first byte chooses the section. What one accepts the
 * other must build, printing must not change it, and defaults must validate.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/state/section_store.h"

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
check_section(const struct json_schema *s, const cJSON *tree)
{
	struct err err = {0};
	int64_t number;
	bool flag;
	cJSON *full;

	if (json_schema_validate(s, tree, &err) != 0) {
		/* A refusal always says why. */
		if (err.code != E_PARSE || err.msg[0] == '\0')
			abort();
		return;
	}
	full = json_schema_with_defaults(s, tree, NULL);
	if (full == NULL)
		abort();
	(void)json_schema_get_int(full, "deadlineMs", &number);
	(void)json_schema_get_bool(full, "shadowMode", &flag);
	(void)json_schema_get_string(full, "sslConfig.revocationCheck.mode");
	cJSON_Delete(full);
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
		check_section(&section_schemas[data[0] % SECTION_NUM], tree);
	cJSON_Delete(tree);
	return 0;
}
