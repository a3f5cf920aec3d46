/* words: every value has one name of its own, and modes are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "revcheck/revcheck.h"

#define MAX_NAMES 64

struct names {
	const char *v[MAX_NAMES];
	size_t num;
};

static void
takes_new_name(struct names *n, const char *name)
{
	assert_non_null(name);
	assert_string_not_equal(name, "?");
	assert_string_not_equal(name, "");
	for (size_t i = 0; i < n->num; i++)
		assert_string_not_equal(name, n->v[i]);
	assert_true(n->num < MAX_NAMES);
	n->v[n->num++] = name;
}

static void
every_value_has_its_own_name(void **state)
{
	struct names status = {0}, why = {0}, reason = {0}, mode = {0},
		     method = {0}, source = {0};

	(void)state;
	for (int i = 0; i <= REVCHECK_NOT_ASKED; i++)
		takes_new_name(&status, revcheck_status_name(i));
	for (int i = 0; i <= REVCHECK_WHY_INTERNAL; i++)
		takes_new_name(&why, revcheck_why_name(i));
	for (int i = -1; i <= REVCHECK_REASON_AA_COMPROMISE; i++)
		if (i != 7)
			takes_new_name(&reason, revcheck_reason_name(i));
	for (int i = 0; i <= REVCHECK_MODE_HARD_FAIL; i++)
		takes_new_name(&mode, revcheck_mode_name(i));
	for (int i = 0; i <= REVCHECK_METHOD_FLEET; i++)
		takes_new_name(&method, revcheck_method_name(i));
	for (int i = 0; i <= REVCHECK_SOURCE_STAPLE; i++)
		takes_new_name(&source, revcheck_source_name(i));
}

static void
out_of_range_is_a_question_mark(void **state)
{
	static const int wild[] = {-2, -1000, 7, 11, 1000, INT32_MAX};

	(void)state;
	assert_string_equal(revcheck_why_name(REVCHECK_NUM_WHY), "?");
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		if (wild[i] < 0 || wild[i] >= REVCHECK_NUM_WHY)
			assert_string_equal(revcheck_why_name(wild[i]), "?");
		assert_string_equal(revcheck_status_name(wild[i]), "?");
		assert_string_equal(revcheck_reason_name(wild[i]), "?");
		assert_string_equal(revcheck_mode_name(wild[i]), "?");
		assert_string_equal(revcheck_method_name(wild[i]), "?");
		assert_string_equal(revcheck_source_name(wild[i]), "?");
	}
	/* CRLReason 7 is not used (RFC 5280 5.3.1). */
	assert_string_equal(revcheck_reason_name(7), "?");
}

static void
the_names_are_those_of_the_interface(void **state)
{
	(void)state;
	assert_string_equal(revcheck_status_name(REVCHECK_GOOD), "good");
	assert_string_equal(
	    revcheck_status_name(REVCHECK_PATH_INVALID), "path-invalid");
	assert_string_equal(
	    revcheck_why_name(REVCHECK_WHY_NO_SOURCE), "no-source");
	assert_string_equal(
	    revcheck_reason_name(REVCHECK_REASON_KEY_COMPROMISE),
	    "keyCompromise");
	assert_string_equal(
	    revcheck_mode_name(REVCHECK_MODE_SOFT_FAIL), "SOFT_FAIL");
	assert_string_equal(
	    revcheck_source_name(REVCHECK_SOURCE_STAPLE), "staple");
}

static void
modes_are_read_in_any_case(void **state)
{
	static const struct {
		const char *word;
		enum revcheck_mode mode;
	} rows[] = {
	    {"OFF", REVCHECK_MODE_OFF},
	    {"off", REVCHECK_MODE_OFF},
	    {"SOFT_FAIL", REVCHECK_MODE_SOFT_FAIL},
	    {"Soft_Fail", REVCHECK_MODE_SOFT_FAIL},
	    {"HARD_FAIL", REVCHECK_MODE_HARD_FAIL},
	    {"ON", REVCHECK_MODE_SOFT_FAIL},
	    {"on", REVCHECK_MODE_SOFT_FAIL},
	};
	static const char *const refused[] = {
	    "", "ON ", "HARD", "DEFAULT", "SOFT-FAIL", "0", "OFFF"};
	enum revcheck_mode m;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		m = REVCHECK_MODE_DEFAULT;
		assert_int_equal(revcheck_mode_parse(&m, rows[i].word), 0);
		assert_int_equal(m, rows[i].mode);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		m = REVCHECK_MODE_HARD_FAIL;
		assert_int_equal(
		    revcheck_mode_parse(&m, refused[i]), REVCHECK_E_PARSE);
		assert_int_equal(m, REVCHECK_MODE_HARD_FAIL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_value_has_its_own_name),
	    cmocka_unit_test(out_of_range_is_a_question_mark),
	    cmocka_unit_test(the_names_are_those_of_the_interface),
	    cmocka_unit_test(modes_are_read_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
