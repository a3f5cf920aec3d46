/* fleet_export: all of a fleet in one file, or none of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/fleet/fleet_export.h"

#define ID    "6f1f9a0e-1111-4222-8333-444455556666"
#define X     "deny/0123456789abcdef"
#define Y     "deny/fedcba9876543210"
#define ENTRY "{\"reason\":\"lost\"}"
#define GONE  "{\"removed\":true,\"at\":1,\"who\":\"a\"}"

static char dir[] = "/tmp/test_fleet_export.XXXXXX";
static char file[128], secret[128], other[128];

static const struct fleet_held held[] = {
    {.key = "config/revcheck",
	.n = 3,
	.version = 2,
	.json = "{\"version\":2,\"at\":1,\"who\":\"a\",\"from\":\"b\","
		"\"action\":\"put\",\"config\":\"{}\"}"},
    {.key = X, .n = 5, .json = ENTRY, .pending = GONE},
    {.key = Y, .n = 7, .removed = true, .json = GONE},
    {.key = "deny/0000000000000000", .pending = ENTRY},
};
#define NUM (sizeof(held) / sizeof(*held))

static int
each(
    void *arg, const char *key, fleet_held_fn *fn, void *fnarg, struct err *err)
{
	int rc = 0;

	assert_null(key);
	for (size_t i = 0; i < NUM && rc == 0; i++)
		rc = fn(fnarg, &held[i], err);
	return rc;
}

static void export(void)
{
	const struct fleet_facts facts = {.id = ID, .head = 9, .filled = 1};
	struct err err = {0};
	size_t num = 0;

	if (fleet_export_file(file, secret, &facts, each, NULL, &num, &err) !=
	    0)
		fail_msg("%s", err.msg);
	assert_int_equal(num, 3);
}

/* "ID HEAD FILLED|KEY n version removed|..." */
static char seen[1000];

static int
begin(void *arg, const struct fleet_facts *facts, struct err *err)
{
	snprintf(seen, sizeof(seen), "%s %lld %lld|", facts->id,
	    (long long)facts->head, (long long)facts->filled);
	return 0;
}

static int
take(void *arg, const struct fleet_held *h, struct err *err)
{
	size_t len = strlen(seen);

	assert_null(h->pending);
	snprintf(seen + len, sizeof(seen) - len, "%s %lld %lld %d|", h->key,
	    (long long)h->n, (long long)h->version, h->removed);
	return 0;
}

static int
import(struct err *err)
{
	const struct fleet_import_calls calls = {.begin = begin, .take = take};
	size_t num;

	seen[0] = '\0';
	return fleet_import_file(file, secret, NULL, &calls, &num, err);
}

static void
what_was_written_is_read(void **state)
{
	struct err err = {0};
	struct stat st;

	export();
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	if (import(&err) != 0)
		fail_msg("%s", err.msg);
	assert_string_equal(
	    seen, ID " 9 1|config/revcheck 3 2 0|" X " 5 0 0|" Y " 7 0 1|");
}

static uint8_t bytes[4096];

static size_t
file_get(void)
{
	FILE *f = fopen(file, "r");
	size_t len;

	assert_non_null(f);
	len = fread(bytes, 1, sizeof(bytes), f);
	assert_true(len < sizeof(bytes));
	fclose(f);
	return len;
}

static void
file_put(size_t len)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static void
what_was_changed_or_cut_is_refused_as_a_whole(void **state)
{
	struct err err;
	size_t len;

	export();
	len = file_get();
	assert_null(memmem(bytes, len, "lost", 4));
	for (size_t i = 0; i < len; i++) {
		bytes[i] ^= 1;
		file_put(len);
		if (import(&err) != E_PARSE)
			fail_msg("octet %zu of %zu was changed", i, len);
		assert_string_equal(seen, "");
		bytes[i] ^= 1;
	}
	for (size_t cut = 0; cut < len; cut++) {
		file_put(cut);
		assert_int_equal(import(&err), E_PARSE);
		assert_string_equal(seen, "");
	}
	bytes[len] = 0;
	file_put(len + 1);
	assert_int_equal(import(&err), E_PARSE);
	file_put(len);
	assert_int_equal(import(&err), 0);
}

static void
a_record_that_was_left_out_is_missed(void **state)
{
	struct err err;
	uint8_t *x;
	size_t len, size;

	export();
	len = file_get();
	x = memmem(bytes, len, X, strlen(X));
	assert_non_null(x);
	size = 6 + strlen(X) + ((size_t)x[-2] << 8) + x[-1];
	memmove(x - 6, x - 6 + size, len - (size_t)(x - 6 - bytes) - size);
	file_put(len - size);
	assert_int_equal(import(&err), E_PARSE);
	assert_string_equal(seen, "");
}

static void
another_secret_opens_nothing(void **state)
{
	const struct fleet_import_calls calls = {.begin = begin, .take = take};
	struct err err;
	size_t num;

	export();
	seen[0] = '\0';
	assert_int_equal(
	    fleet_import_file(file, other, NULL, &calls, &num, &err), E_PARSE);
	assert_string_equal(seen, "");
	assert_int_equal(
	    fleet_import_file(file, other, secret, &calls, &num, &err), 0);
}

static void
who_follows_no_fleet_has_nothing_to_write(void **state)
{
	const struct fleet_facts facts = {.id = ""};
	struct err err;
	size_t num;

	unlink(file);
	assert_int_equal(
	    fleet_export_file(file, secret, &facts, each, NULL, &num, &err),
	    E_ARG);
	assert_int_not_equal(access(file, F_OK), 0);
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static int
setup(void **state)
{
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(file, sizeof(file), "%s/fleet", dir);
	snprintf(secret, sizeof(secret), "%s/secret", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	put(secret, "the secret of the fleet");
	put(other, "another secret altogether");
	return 0;
}

static int
teardown(void **state)
{
	unlink(file);
	unlink(secret);
	unlink(other);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_written_is_read),
	    cmocka_unit_test(what_was_changed_or_cut_is_refused_as_a_whole),
	    cmocka_unit_test(a_record_that_was_left_out_is_missed),
	    cmocka_unit_test(another_secret_opens_nothing),
	    cmocka_unit_test(who_follows_no_fleet_has_nothing_to_write),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
