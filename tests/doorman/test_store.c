/* test_store: see the header. */
#include "tests/doorman/test_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct store test_store;

int
test_store_setup(void **state)
{
	struct fault f;

	(void)state;
	assert_int_equal(store_open(&test_store, TEST_STORE_FILE, true, &f), 0);
	return 0;
}

int
test_store_teardown(void **state)
{
	(void)state;
	store_close(&test_store);
	remove(TEST_STORE_FILE);
	remove(TEST_STORE_FILE "-wal");
	remove(TEST_STORE_FILE "-shm");
	return 0;
}

void
test_put_csr(test_id id, const char *subject, struct view der)
{
	struct fault f = {""};

	assert_int_equal(store_new_id(id, &f), 0);
	if (store_run(&test_store, &f,
		"INSERT INTO request(id, kind, state, subject, created_at,"
		" approved_at, csr, key_hash)"
		" VALUES(?,'certificate','APPROVED',?,1,2,?,'x')",
		"ttb", id, subject, der) != 0)
		fail_msg("%s", f.msg);
}

void
test_put_revocation(test_id id, const char *list, const char *serial,
    int reason, time_t approved_at)
{
	struct fault f = {""};

	assert_int_equal(store_new_id(id, &f), 0);
	if (store_run(&test_store, &f,
		"INSERT INTO request(id, kind, state, subject, created_at,"
		" approved_at, list, serial, reason, reporter)"
		" VALUES(?,'revocation','APPROVED','O=Alice',1,?,?,?,?,'ann')",
		"titti", id, (int64_t)approved_at, list, serial,
		(int64_t)reason) != 0)
		fail_msg("%s", f.msg);
}

void
test_set_state(const char *id, const char *state)
{
	struct fault f = {""};

	if (store_run(&test_store, &f, "UPDATE request SET state=? WHERE id=?",
		"tt", state, id) != 0)
		fail_msg("%s", f.msg);
}

void
test_is_in_state(const char *id, const char *want)
{
	sqlite3_stmt *q = store_query(
	    &test_store, NULL, "SELECT state FROM request WHERE id=?", "t", id);

	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	assert_string_equal(store_text(q, 0), want);
	sqlite3_finalize(q);
}

int
test_count(const char *table)
{
	char sql[512];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	return (int)store_number(&test_store, -1, sql, "");
}
