/* seal: only who has the secret makes a record, for one place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/fleet/seal.h"

#define ID   "6f1f9a0e-1111-4222-8333-444455556666"
#define KEY  "deny/0123456789abcdef"
#define TEXT "{\"reason\":\"laptop lost\"}"

static char dir[] = "/tmp/test_fleet_seal.XXXXXX";

static const char *
file_with(const char *name, const char *text)
{
	static char path[8][128];
	static size_t at;
	char *p = path[at++ % 8];
	FILE *f;

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	f = fopen(p, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return p;
}

static struct fleet_seal *
seal_of(const char *now, const char *before)
{
	struct fleet_seal *s;
	struct err err = {0};

	if (fleet_seal_new(&s, file_with("now", now),
		before != NULL ? file_with("before", before) : NULL, &err) != 0)
		fail_msg("%s", err.msg);
	return s;
}

#define FIRST  "the first secret of all\n"
#define SECOND "another one that came later"

static struct fleet_seal_place
place(int64_t n)
{
	return (struct fleet_seal_place){
	    .id = ID, .kind = FLEET_DENY, .key = KEY, .n = n};
}

static uint8_t *
closed(const struct fleet_seal *s, int64_t n, size_t *len)
{
	struct fleet_seal_place at = place(n);
	uint8_t *out;
	struct err err;

	assert_int_equal(
	    fleet_seal_close(s, &at, TEXT, strlen(TEXT), &out, len, &err), 0);
	return out;
}

static bool
opens(const struct fleet_seal *s, struct fleet_seal_place at,
    const uint8_t *sealed, size_t len, int64_t *n)
{
	char *text;
	size_t text_len;
	struct err err;
	int rc = fleet_seal_open(s, &at, sealed, len, &text, &text_len, &err);

	if (rc != 0) {
		assert_int_equal(rc, E_PARSE);
		assert_null(text);
		assert_int_equal(text_len, 0);
		return false;
	}
	assert_int_equal(text_len, strlen(TEXT));
	assert_string_equal(text, TEXT);
	free(text);
	if (n != NULL)
		*n = at.n;
	return true;
}

static void
what_was_sealed_is_read_in_its_place(void **state)
{
	struct fleet_seal *s = seal_of(FIRST, NULL);
	size_t len, again_len;
	uint8_t *sealed = closed(s, 7, &len), *again = closed(s, 7, &again_len);
	int64_t n = 0;

	assert_true(opens(s, place(0), sealed, len, &n));
	assert_int_equal(n, 7);
	assert_int_equal(len, strlen(TEXT) + FLEET_SEAL_MORE);
	assert_null(memmem(sealed, len, "laptop", 6));
	/* No two are alike. */
	assert_memory_not_equal(sealed, again, len);
	free(sealed);
	free(again);
	fleet_seal_free(s);
}

static void
nothing_of_it_can_be_changed(void **state)
{
	struct fleet_seal *s = seal_of(FIRST, NULL);
	size_t len;
	uint8_t *sealed = closed(s, 7, &len);

	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			sealed[i] ^= (uint8_t)bit;
			if (opens(s, place(0), sealed, len, NULL))
				fail_msg("octet %zu, %u", i, bit);
			sealed[i] ^= (uint8_t)bit;
		}
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_false(opens(s, place(0), sealed, cut, NULL));
	assert_true(opens(s, place(0), sealed, len, NULL));
	free(sealed);
	fleet_seal_free(s);
}

static void
it_is_bound_to_fleet_kind_name_and_number(void **state)
{
	struct fleet_seal *s = seal_of(FIRST, NULL);
	struct fleet_seal_place other;
	size_t len;
	uint8_t *sealed = closed(s, 7, &len);

	other = place(0);
	other.key = "deny/0123456789abcdee";
	assert_false(opens(s, other, sealed, len, NULL));
	other = place(0);
	other.id = "6f1f9a0e-1111-4222-8333-444455556667";
	assert_false(opens(s, other, sealed, len, NULL));
	other = place(0);
	other.kind = FLEET_HOLDING;
	assert_false(opens(s, other, sealed, len, NULL));
	/* What stands before and after a boundary is not moved over it. */
	other = place(0);
	other.id = ID "deny";
	other.key = KEY + 4;
	assert_false(opens(s, other, sealed, len, NULL));
	/* An older one under a newer number. */
	sealed[8] = 8;
	assert_false(opens(s, place(0), sealed, len, NULL));
	free(sealed);
	fleet_seal_free(s);
}

static bool
is_previous(const struct fleet_seal *s, const uint8_t *sealed, size_t len)
{
	struct fleet_seal_place at = place(0);
	char *text;
	size_t text_len;
	struct err err;

	assert_int_equal(
	    fleet_seal_open(s, &at, sealed, len, &text, &text_len, &err), 0);
	free(text);
	return at.previous;
}

static void
two_secrets_open_and_one_seals(void **state)
{
	struct fleet_seal *first = seal_of(FIRST, NULL);
	struct fleet_seal *both = seal_of(SECOND, FIRST);
	struct fleet_seal *second = seal_of(SECOND, NULL);
	size_t old_len, new_len;
	uint8_t *old = closed(first, 1, &old_len);
	uint8_t *new = closed(both, 2, &new_len);

	assert_true(opens(both, place(0), old, old_len, NULL));
	assert_true(is_previous(both, old, old_len));
	assert_false(is_previous(both, new, new_len));
	assert_true(opens(both, place(0), new, new_len, NULL));
	assert_true(opens(second, place(0), new, new_len, NULL));
	assert_false(opens(second, place(0), old, old_len, NULL));
	assert_false(opens(first, place(0), new, new_len, NULL));
	free(old);
	free(new);
	fleet_seal_free(first);
	fleet_seal_free(both);
	fleet_seal_free(second);
}

static void
white_space_at_the_end_is_no_secret(void **state)
{
	struct fleet_seal *a = seal_of("sixteen letters!", NULL);
	struct fleet_seal *b = seal_of("sixteen letters!\r\n\n", NULL);
	size_t len;
	uint8_t *sealed = closed(a, 1, &len);

	assert_true(opens(b, place(0), sealed, len, NULL));
	free(sealed);
	fleet_seal_free(a);
	fleet_seal_free(b);
}

static void
a_secret_that_is_none_is_refused(void **state)
{
	char longer[300];
	struct fleet_seal *s;
	struct err err;

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(
	    fleet_seal_new(&s, file_with("now", "short"), NULL, &err), E_PARSE);
	assert_non_null(strstr(err.msg, "too few"));
	assert_null(strstr(err.msg, "short"));
	assert_int_equal(
	    fleet_seal_new(&s, file_with("now", longer), NULL, &err), E_PARSE);
	assert_non_null(strstr(err.msg, "too many"));
	assert_int_equal(
	    fleet_seal_new(&s, "/nonexistent/secret", NULL, &err), E_IO);
	assert_int_equal(fleet_seal_new(&s, file_with("now", FIRST),
			     file_with("before", ""), &err),
	    E_PARSE);
	assert_null(s);
}

static int
setup(void **state)
{
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/now", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/before", dir);
	unlink(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_sealed_is_read_in_its_place),
	    cmocka_unit_test(nothing_of_it_can_be_changed),
	    cmocka_unit_test(it_is_bound_to_fleet_kind_name_and_number),
	    cmocka_unit_test(two_secrets_open_and_one_seals),
	    cmocka_unit_test(white_space_at_the_end_is_no_secret),
	    cmocka_unit_test(a_secret_that_is_none_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
