/* memory: remembers revocations, forgets the oldest, tells when heard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "revcheck/engine/revoked_memory.h"

static void
remembers_until_told_otherwise(void **state)
{
	struct revoked_memory *m = revoked_memory_new();
	struct revcheck_result in = {.status = REVCHECK_REVOKED,
				   .reason = REVCHECK_REASON_KEY_COMPROMISE,
				   .revoked_at = 1000,
				   .this_update = 2000,
				   .url = "http://crl.example/x"},
			       out = {.status = REVCHECK_UNKNOWN};
	uint8_t a[32] = {1}, b[32] = {2};

	(void)state;
	assert_non_null(m);
	assert_false(revoked_memory_recall(m, a, &out));
	revoked_memory_revoked(m, a, &in);
	assert_false(revoked_memory_recall(m, b, &out));
	assert_int_equal(out.status, REVCHECK_UNKNOWN);
	assert_true(revoked_memory_recall(m, a, &out));
	assert_int_equal(out.status, REVCHECK_REVOKED);
	assert_int_equal(out.method, REVCHECK_METHOD_MEMORY);
	assert_int_equal(out.reason, REVCHECK_REASON_KEY_COMPROMISE);
	assert_int_equal(out.revoked_at, 1000);
	assert_string_equal(out.url, in.url);
	revoked_memory_forget(m, a);
	assert_false(revoked_memory_recall(m, a, &out));
	revoked_memory_free(m);
}

static void
a_full_set_loses_its_oldest(void **state)
{
	struct revoked_memory *m = revoked_memory_new();
	struct revcheck_result in = {.status = REVCHECK_REVOKED}, out = {0};
	uint8_t id[32] = {7, 7};

	(void)state;
	for (uint8_t i = 0; i < 5; i++) {
		id[31] = i;
		revoked_memory_revoked(m, id, &in);
	}
	id[31] = 0;
	assert_false(revoked_memory_recall(m, id, &out));
	for (uint8_t i = 1; i < 5; i++) {
		id[31] = i;
		assert_true(revoked_memory_recall(m, id, &out));
	}
	revoked_memory_free(m);
}

static void
tells_when_an_issuer_was_heard_of(void **state)
{
	struct revoked_memory *m = revoked_memory_new();
	uint8_t a[32] = {1}, b[32] = {2};

	(void)state;
	assert_int_equal(revoked_memory_last_heard(m, a), 0);
	revoked_memory_heard(m, a, 100);
	revoked_memory_heard(m, a, 200);
	assert_int_equal(revoked_memory_last_heard(m, a), 200);
	assert_int_equal(revoked_memory_last_heard(m, b), 0);
	revoked_memory_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(remembers_until_told_otherwise),
	    cmocka_unit_test(a_full_set_loses_its_oldest),
	    cmocka_unit_test(tells_when_an_issuer_was_heard_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
