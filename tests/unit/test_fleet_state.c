/*
 * fleet_state: what is held of the fleet and what waits to be sent, in one
 * transaction with whatever it belongs to, and no row from another hand.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "fixtures/lib/fixture.h"
#include "gateway/state/fleet_state.h"

#define ID    "6f1f9a0e-1111-4222-8333-444455556666"
#define KEY   "deny/0123456789abcdef"
#define ENTRY "{\"reason\":\"x\"}"
#define OTHER "{\"reason\":\"y\"}"
#define GONE  "{\"removed\":true,\"at\":1,\"who\":\"a\"}"

static struct state_db *db;
static struct fleet_state *fleet;

static int
try_open(struct err *err)
{
	int rc = state_db_open(&db, "state", NULL, err);

	if (rc == 0)
		rc = fleet_state_open(&fleet, db, err);
	if (rc != 0)
		state_db_close(db);
	return rc;
}

static void
open_again(void)
{
	struct err err = {0};

	if (try_open(&err) != 0)
		fail_msg("%s", err.msg);
}

static void
close_all(void)
{
	fleet_state_close(fleet);
	state_db_close(db);
}

static int
make_fresh(void **state)
{
	unlink("state/state.db");
	unlink("state/state.db-wal");
	unlink("state/state.db-shm");
	dir_make("state");
	open_again();
	return 0;
}

static int
clean_up(void **state)
{
	close_all();
	return 0;
}

static int
put(const char *key, int64_t n, const char *json, bool settles)
{
	const struct fleet_row row = {.key = key,
	    .n = n,
	    .removed = strcmp(json, GONE) == 0,
	    .json = json};
	struct err err;

	assert_int_equal(state_db_begin(db, &err), 0);
	return state_db_end(
	    db, fleet_state_put(fleet, &row, settles, &err), &err);
}

static void
pend(const char *key, const char *json)
{
	const struct fleet_row row = {.key = key, .pending = json};
	struct err err;

	assert_int_equal(state_db_begin(db, &err), 0);
	assert_int_equal(
	    state_db_end(db, fleet_state_pend(fleet, &row, &err), &err), 0);
}

static void
drop(const char *key)
{
	struct err err;

	assert_int_equal(state_db_begin(db, &err), 0);
	assert_int_equal(
	    state_db_end(db, fleet_state_drop(fleet, key, &err), &err), 0);
}

/* "KEY n value pending|" of each row; "-" for none. */
static int
tell(void *arg, const struct fleet_row *row, struct err *err)
{
	char *out = arg;
	size_t len = strlen(out);

	snprintf(out + len, 1000 - len, "%s %lld%s %s %s|", row->key,
	    (long long)row->n, row->removed ? "!" : "",
	    row->json != NULL ? row->json : "-",
	    row->pending != NULL ? row->pending : "-");
	return 0;
}

static void
must_hold(const char *expected)
{
	char seen[1000] = "";
	struct err err = {0};

	if (fleet_state_each(fleet, tell, seen, &err) != 0)
		fail_msg("%s", err.msg);
	assert_string_equal(seen, expected);
}

static void
holds_what_was_put_and_nothing_older(void **state)
{
	assert_int_equal(put(KEY, 5, ENTRY, false), 0);
	must_hold(KEY " 5 " ENTRY " -|");
	assert_int_equal(put(KEY, 4, OTHER, false), E_ARG);
	must_hold(KEY " 5 " ENTRY " -|");
	assert_int_equal(put(KEY, 6, GONE, false), 0);
	close_all();
	open_again();
	must_hold(KEY " 6! " GONE " -|");
	drop(KEY);
	must_hold("");
}

static void
what_waits_stays_until_it_is_sent(void **state)
{
	pend(KEY, ENTRY);
	must_hold(KEY " 0 - " ENTRY "|");
	/* Somebody removes it meanwhile: both are kept. */
	assert_int_equal(put(KEY, 5, GONE, false), 0);
	must_hold(KEY " 5! " GONE " " ENTRY "|");
	close_all();
	open_again();
	drop(KEY);
	must_hold(KEY " 0 - " ENTRY "|");
	assert_int_equal(put(KEY, 7, ENTRY, true), 0);
	must_hold(KEY " 7 " ENTRY " -|");
}

static void
nothing_stays_of_a_transaction_that_failed(void **state)
{
	const struct fleet_row row = {.key = KEY, .n = 5, .json = ENTRY};
	const struct fleet_state_facts facts = {.id = ID, .head = 5};
	struct fleet_state_facts seen;
	struct err err;

	assert_int_equal(state_db_begin(db, &err), 0);
	assert_int_equal(fleet_state_put(fleet, &row, false, &err), 0);
	assert_int_equal(fleet_state_set_facts(fleet, &facts, &err), 0);
	assert_int_equal(state_db_end(db, E_LIMIT, &err), E_LIMIT);
	must_hold("");
	assert_int_equal(fleet_state_facts(fleet, &seen, &err), 0);
	assert_string_equal(seen.id, "");
}

static void
set_facts(const char *id, int64_t head, int64_t filled)
{
	const struct fleet_state_facts facts = {
	    .id = id, .head = head, .filled = filled};
	struct err err;

	assert_int_equal(state_db_begin(db, &err), 0);
	assert_int_equal(
	    state_db_end(db, fleet_state_set_facts(fleet, &facts, &err), &err),
	    0);
}

static void
the_highest_number_never_falls(void **state)
{
	struct fleet_state_facts seen;
	struct err err;

	set_facts(ID, 12, 0);
	set_facts(ID, 9, 1);
	assert_int_equal(fleet_state_facts(fleet, &seen, &err), 0);
	assert_string_equal(seen.id, ID);
	assert_int_equal(seen.head, 12);
	assert_int_equal(seen.filled, 1);
	assert_int_equal(put(KEY, 5, ENTRY, false), 0);
	pend("deny/0000000000000000", OTHER);
	assert_int_equal(state_db_begin(db, &err), 0);
	assert_int_equal(
	    state_db_end(db, fleet_state_clear(fleet, &err), &err), 0);
	must_hold("deny/0000000000000000 0 - " OTHER "|");
	assert_int_equal(fleet_state_facts(fleet, &seen, &err), 0);
	assert_string_equal(seen.id, "");
	assert_int_equal(seen.head, 0);
}

static void
only_records_are_taken(void **state)
{
	assert_int_equal(put(KEY, 0, ENTRY, false), E_ARG);
	assert_int_equal(put("", 5, ENTRY, false), E_ARG);
	assert_int_equal(put(KEY, 5, "7", false), E_ARG);
	assert_int_equal(put(KEY, 5, "{\"a\":}", false), E_ARG);
	must_hold("");
}

static void
exec(const char *sql)
{
	sqlite3 *handle;

	assert_int_equal(sqlite3_open("state/state.db", &handle), SQLITE_OK);
	if (sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
	sqlite3_close(handle);
}

static void
a_row_from_another_hand_is_named(void **state)
{
	static const char *const changes[] = {
	    "UPDATE fleet_record SET value = '{\"reason\":'",
	    "UPDATE fleet_record SET value = '[]'",
	    "UPDATE fleet_record SET n = -5",
	    "UPDATE fleet_record SET version = -1",
	    "UPDATE fleet_record SET pending = 'x'",
	    "UPDATE fleet_record SET value = CAST(x'7b22ff227d' AS TEXT)",
	};
	struct err err;

	assert_int_equal(put(KEY, 5, ENTRY, false), 0);
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		close_all();
		exec(changes[i]);
		assert_int_equal(try_open(&err), E_PARSE);
		if (strstr(err.msg, "table fleet_record") == NULL ||
		    strstr(err.msg, KEY) == NULL)
			fail_msg("%s: %s", changes[i], err.msg);
		exec("UPDATE fleet_record SET value = '" ENTRY "', n = 5,"
		     " version = 0, pending = NULL");
		open_again();
		must_hold(KEY " 5 " ENTRY " -|");
	}
}

/* A process that writes one pair after another until it is killed. */
static void
write_pairs(int told)
{
	open_again();
	for (int64_t n = 1;; n++) {
		const struct fleet_row a = {
		    .key = "deny/a", .n = n, .json = ENTRY};
		const struct fleet_row b = {
		    .key = "deny/b", .n = n, .json = ENTRY};
		const struct fleet_state_facts facts = {.id = ID, .head = n};
		struct err err;
		int rc = state_db_begin(db, &err);

		if (rc == 0)
			rc = fleet_state_put(fleet, &a, false, &err);
		if (rc == 0)
			rc = fleet_state_put(fleet, &b, false, &err);
		if (rc == 0)
			rc = fleet_state_set_facts(fleet, &facts, &err);
		if (state_db_end(db, rc, &err) != 0 ||
		    write(told, &n, sizeof(n)) != sizeof(n))
			_exit(1);
	}
}

static int
both(void *arg, const struct fleet_row *row, struct err *err)
{
	int64_t *seen = arg;

	seen[row->key[5] == 'b'] = row->n;
	return 0;
}

static void
killed_it_has_all_of_a_change_or_nothing(void **state)
{
	for (int round = 0; round < 5; round++) {
		int64_t n = 0, seen[2] = {0};
		struct fleet_state_facts facts;
		struct err err;
		int fd[2], status;
		pid_t pid;

		close_all();
		make_fresh(NULL);
		close_all();
		assert_int_equal(pipe(fd), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			write_pairs(fd[1]);
		close(fd[1]);
		while (n < 3 + round)
			assert_int_equal(read(fd[0], &n, sizeof(n)), sizeof(n));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		while (read(fd[0], &n, sizeof(n)) == sizeof(n))
			;
		close(fd[0]);
		open_again();
		assert_int_equal(fleet_state_each(fleet, both, seen, &err), 0);
		assert_int_equal(fleet_state_facts(fleet, &facts, &err), 0);
		assert_int_equal(seen[0], seen[1]);
		assert_int_equal(facts.head, seen[0]);
		/* What was acknowledged is there. */
		assert_true(seen[0] >= n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define FRESH(t) cmocka_unit_test_setup_teardown(t, make_fresh, clean_up)
	    FRESH(holds_what_was_put_and_nothing_older),
	    FRESH(what_waits_stays_until_it_is_sent),
	    FRESH(nothing_stays_of_a_transaction_that_failed),
	    FRESH(the_highest_number_never_falls),
	    FRESH(only_records_are_taken),
	    FRESH(a_row_from_another_hand_is_named),
	    FRESH(killed_it_has_all_of_a_change_or_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
