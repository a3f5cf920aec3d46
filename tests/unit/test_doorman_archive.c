/* Which lists keep their bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixtures/doorman/base/moment.h"
#include "fixtures/doorman/service/store/archive.h"
#include "tests/doorman/test_store.h"

#define NOW       1800000000
#define DAY       86400
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static void
put(const char *list, int64_t number, int64_t published)
{
	assert_int_equal(
	    store_run(&test_store, NULL,
		"INSERT INTO crl(list, number, this_update, next_update,"
		" published_at, published_by, full_der, delta_der)"
		" VALUES(?,?,1,2,?,'ann',x'3000',x'3000')",
		"tii", list, number, published),
	    0);
}

/* Numbers that have their bytes still. */
static void
kept_are(const char *want)
{
	sqlite3_stmt *q = store_query(&test_store, NULL,
	    "SELECT coalesce(group_concat(list||number, ' '), '') FROM (SELECT"
	    " * FROM crl WHERE full_der IS NOT NULL AND delta_der IS NOT NULL"
	    " ORDER BY list, number)",
	    "");

	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	assert_string_equal(store_text(q, 0), want);
	sqlite3_finalize(q);
}

/* Ten days, a list each. */
static void
ten(void)
{
	for (int i = 1; i <= 10; i++)
		put("doorman", i, NOW - (10 - i) * DAY);
	put("root", 1, NOW - 100 * DAY);
	put("root", 2, NOW - 99 * DAY);
	put("root", 3, NOW - 98 * DAY);
}

static void
old_bytes_are_dropped_where_told(void **state)
{
	static const struct {
		long days;
		time_t now;
		const char *kept;
	} rows[] = {
	    {0, NOW,
		"doorman1 doorman2 doorman3 doorman4 doorman5 doorman6"
		" doorman7 doorman8 doorman9 doorman10"},
	    {100, NOW,
		"doorman1 doorman2 doorman3 doorman4 doorman5 doorman6"
		" doorman7 doorman8 doorman9 doorman10"},
	    /* 6 was in force until 7 came, three days ago. */
	    {2, NOW, "doorman6 doorman7 doorman8 doorman9 doorman10"},
	    {1, NOW, "doorman7 doorman8 doorman9 doorman10"},
	    /* A clock that is wrong this once. */
	    {2, NOW + 3650L * DAY,
		"doorman6 doorman7 doorman8 doorman9 doorman10"},
	    {2, NOW - 3L * DAY,
		"doorman4 doorman5 doorman6 doorman7 doorman8 doorman9"
		" doorman10"},
	};

	for (size_t i = 0; i < NUM(rows); i++) {
		char want[256];
		struct fault f = {""};

		test_store_setup(state);
		ten();
		if (archive_forget(&test_store, "doorman", rows[i].days,
			rows[i].now, &f) != 0)
			fail_msg("%s", f.msg);
		snprintf(
		    want, sizeof(want), "%s root1 root2 root3", rows[i].kept);
		kept_are(want);
		/* What is known of them stays. */
		assert_int_equal(test_count("crl"), 13);
		test_store_teardown(state);
	}
}

static void
the_list_in_force_stays(void **state)
{
	struct fault f;

	test_store_setup(state);
	put("doorman", 1, 1);
	assert_int_equal(archive_forget(&test_store, "doorman", 1, NOW, &f), 0);
	kept_are("doorman1");
	put("doorman", 2, 2);
	assert_int_equal(archive_forget(&test_store, "doorman", 1, NOW, &f), 0);
	kept_are("doorman1 doorman2");
	put("doorman", 3, 3 * DAY);
	put("doorman", 4, 4 * DAY);
	assert_int_equal(archive_forget(&test_store, "doorman", 1, NOW, &f), 0);
	kept_are("doorman2 doorman3 doorman4");
	assert_int_equal(archive_forget(&test_store, "other", 1, NOW, &f), 0);
	test_store_teardown(state);
}

/* Times as people write them. */
static void
times_are_read_or_refused(void **state)
{
	static const struct {
		const char *text;
		long long t; /* -1: refused */
	} rows[] = {
	    {"2026-11-30", 1795996800},
	    {"2026-11-30T10:06:32Z", 1796033192},
	    {"2026-11-30 10:06:32z", 1796033192},
	    {"2026-11-30T11:06:32+01:00", 1796033192},
	    {"2026-11-30T04:36:32-05:30", 1796033192},
	    {"1970-01-01T00:00:00Z", 0},
	    {"2024-02-29", 1709164800},
	    {"9999-12-31T23:59:59Z", 253402300799},
	    {"@0", 0},
	    {"@1796033192", 1796033192},
	    {"@253402300799", 253402300799},
	    {"@253402300800", -1},
	    {"@99999999999999999999", -1},
	    {"@-1", -1},
	    {"@", -1},
	    {"@1x", -1},
	    {"", -1},
	    {"now", -1},
	    {"2026-11-30T10:06:32", -1},
	    {"2026-11-30T10:06:32 Z", -1},
	    {"2026-11-30T10:06:32+0100", -1},
	    {"2026-11-30T10:06:32+24:00", -1},
	    {"2026-11-30T10:06Z", -1},
	    {"2026-11-30T24:00:00Z", -1},
	    {"2026-11-30x", -1},
	    {"2026-02-29", -1},
	    {"2100-02-29", -1},
	    {"2026-13-01", -1},
	    {"2026-00-01", -1},
	    {"2026-11-31", -1},
	    {"2026-1-1", -1},
	    {"-026-11-30", -1},
	    {"20261130", -1},
	    {"1969-12-31", -1},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f = {""};
		time_t t = 0;
		int rc = moment_parse(&t, rows[i].text, &f);

		if ((rc == 0) != (rows[i].t >= 0) ||
		    (rc == 0 && t != rows[i].t))
			fail_msg("'%s': %d %lld %s", rows[i].text, rc,
			    (long long)t, f.msg);
		if (rc == 0) {
			char text[MOMENT_TEXT];
			time_t again = 0;

			moment_text(text, t);
			assert_int_equal(moment_parse(&again, text, &f), 0);
			assert_true(again == t);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(old_bytes_are_dropped_where_told),
	    cmocka_unit_test(the_list_in_force_stays),
	    cmocka_unit_test(times_are_read_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
