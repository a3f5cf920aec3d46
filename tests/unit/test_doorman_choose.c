/* Which requests are signed now: by ticket, by digits, at the prompt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixtures/doorman/sign/choose.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))
#define REST      "556677889900AABBCCDDEEFF00112233445566778899AABB"
#define A         "AAAAAAAA11111111" REST
#define B         "AAAAAAAA22222222" REST
#define C         "CCCCCCCC33333333" REST

static void
rows_make(struct choosable rows[3])
{
	rows[0] = (struct choosable){A, "LOCAL-1", "", false};
	rows[1] = (struct choosable){B, "LOCAL-11", "", false};
	rows[2] = (struct choosable){C, "", "", false};
}

/* "+-+": which are chosen. */
static void
chosen_are(const char *what, const struct choosable *rows, const char *want)
{
	size_t count = 0;

	for (size_t i = 0; i < 3; i++) {
		if (rows[i].chosen != (want[i] == '+'))
			fail_msg("%s: row %zu", what, i);
		count += rows[i].chosen;
	}
	assert_int_equal(choose_count(rows, 3), count);
}

static void
options_choose(void **state)
{
	static const struct {
		const char *only, *except, *want, *says;
	} table[] = {
	    {NULL, NULL, "+++", NULL},
	    {"LOCAL-1", NULL, "+--", NULL},
	    {"LOCAL-11", NULL, "-+-", NULL},
	    {"LOCAL-1,LOCAL-11", NULL, "++-", NULL},
	    {" LOCAL-1 ,  LOCAL-11 ,", NULL, "++-", NULL},
	    {"cccccccc", NULL, "--+", NULL},
	    {"CCCCCCCC3", NULL, "--+", NULL},
	    {C, NULL, "--+", NULL},
	    {"AAAAAAAA1,AAAAAAAA2", NULL, "++-", NULL},
	    {NULL, "LOCAL-1", "-++", NULL},
	    {NULL, "AAAAAAAA1,AAAAAAAA2,CCCCCCCC", "---", NULL},
	    {"LOCAL-1,CCCCCCCC", "CCCCCCCC", "+--", NULL},
	    {"AAAAAAAA", NULL, NULL, "'AAAAAAAA' names 2 of the"},
	    {NULL, "AAAAAAAA", NULL, "'AAAAAAAA' names 2 of the"},
	    {"CCCCCCC", NULL, NULL, "'CCCCCCC' names none of the"},
	    {"LOCAL", NULL, NULL, "'LOCAL' names none"},
	    {"local-1", NULL, NULL, "'local-1' names none"},
	    {"LOCAL-2", NULL, NULL, "'LOCAL-2' names none"},
	    {C "0", NULL, NULL, "names none"},
	    {NULL, "LOCAL-2", NULL, "'LOCAL-2' names none"},
	    {"LOCAL-1,LOCAL-2", NULL, NULL, "'LOCAL-2' names none"},
	    {"", NULL, NULL, "no request is named"},
	    {" , ", NULL, NULL, "no request is named"},
	    {NULL, "", NULL, "no request is named"},
	};

	(void)state;
	for (size_t i = 0; i < NUM(table); i++) {
		struct choosable rows[3];
		struct fault f = {""};
		int rc;

		rows_make(rows);
		rows[1].chosen = true;
		rc = choose(rows, 3, table[i].only, table[i].except, &f);
		if ((rc == 0) != (table[i].says == NULL) ||
		    (rc != 0 && strstr(f.msg, table[i].says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		/* A mistake changes nothing. */
		chosen_are(
		    table[i].only, rows, rc == 0 ? table[i].want : "-+-");
	}
}

static void
a_line_chooses(void **state)
{
	static const struct {
		const char *line, *want;
		int rc;
	} table[] = {
	    {"except LOCAL-1", "-++", 0},
	    {"except CCCCCCCC", "-+-", 0},
	    {"only LOCAL-1 CCCCCCCC", "+-+", 0},
	    {"except LOCAL-2", "+-+", -1},
	    {"except ", "+-+", -1},
	    {"only", "+-+", 1},
	    {"ONLY LOCAL-1", "+-+", 1},
	    {"sign doorman 2 +1", "+-+", 1},
	    {"", "+-+", 1},
	};
	struct choosable rows[3];
	struct fault f;

	(void)state;
	rows_make(rows);
	assert_int_equal(choose(rows, 3, NULL, NULL, &f), 0);
	for (size_t i = 0; i < NUM(table); i++) {
		assert_int_equal(
		    choose_by_line(rows, 3, table[i].line, &f), table[i].rc);
		chosen_are(table[i].line, rows, table[i].want);
	}
}

/* What this signer may not sign is never chosen, nor by its name. */
static void
the_withheld_is_not_chosen(void **state)
{
	struct choosable rows[3];
	struct fault f;

	(void)state;
	rows_make(rows);
	rows[1].withheld = "carol approved it";
	assert_int_equal(choose(rows, 3, NULL, NULL, &f), 0);
	chosen_are("all", rows, "+-+");
	assert_int_equal(choose(rows, 3, "LOCAL-11", NULL, &f), -1);
	assert_non_null(strstr(f.msg, "carol approved it"));
	assert_int_equal(choose_by_line(rows, 3, "only LOCAL-11", &f), -1);
	chosen_are("by name", rows, "+-+");
	assert_int_equal(choose(rows, 3, NULL, "LOCAL-11", &f), 0);
	chosen_are("except", rows, "+-+");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(options_choose),
	    cmocka_unit_test(a_line_chooses),
	    cmocka_unit_test(the_withheld_is_not_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
