/* The database: versions of it, and the chain of its history. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <openssl/sha.h>

#include "fixtures/doorman/service/store/history.h"
#include "fixtures/doorman/service/store/store_schema.h"
#include "tests/doorman/store_version_1.h"
#include "tests/doorman/test_store.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Versions. */

/* A file as another doorman left it. */
static void
put_file(const char *first, const char *second)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(TEST_STORE_FILE, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, first, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, second, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void
run(const char *sql)
{
	struct fault f;

	if (store_run(&test_store, &f, sql, "") != 0)
		fail_msg("%s: %s", sql, f.msg);
}

static void
is_text(const char *sql, const char *want)
{
	sqlite3_stmt *q = store_query(&test_store, NULL, sql, "");

	assert_non_null(q);
	if (sqlite3_step(q) != SQLITE_ROW)
		fail_msg("no row: %s", sql);
	if (strcmp(store_text(q, 0), want) != 0)
		fail_msg("%s: '%s' and not '%s'", sql, store_text(q, 0), want);
	sqlite3_finalize(q);
}

static int
remove_file(void **state)
{
	return test_store_teardown(state);
}

static void
version_1_becomes_this_one(void **state)
{
	static const struct {
		const char *sql, *want;
	} rows[] = {
	    {"SELECT group_concat(id||'='||state||'/'||seq, ' ') FROM"
	     " (SELECT * FROM request ORDER BY seq)",
		"R1=NEW/1 R2=TICKET_CREATED/2 R3=APPROVED/3 R4=DONE/4"
		" R5=REJECTED/5 C1=NEW/6 C2=TICKET_CREATED/7 C3=APPROVED/8"
		" C4=DONE/9 C5=REJECTED/12"},
	    {"SELECT ticket||subject||created_at||approved_at||approved_by||"
	     "list||serial||reason||reporter||crl_number FROM request"
	     " WHERE id='R4'",
		"LOCAL-4O=D4041carolrootA42ann7"},
	    {"SELECT hex(csr)||key_hash FROM request WHERE id='C3'", "03K3"},
	    {"SELECT csr_id FROM request WHERE id='R2'", "C4"},
	    {"SELECT group_concat(request||reporter||reason||at, ' ') FROM"
	     " (SELECT * FROM report ORDER BY seq)",
		"R1ann010 R2bob120 R3ann430 R4ann240 R5a\\xFFb150"},
	    {"SELECT group_concat(request||who||uid||'/'||at, ' ') FROM"
	     " (SELECT * FROM approval ORDER BY seq)",
		"R3carol-1/31 R4carol-1/41 C3carol-1/81 C4carol-1/91"},
	    {"SELECT group_concat(seq||request||from_state||to_state, ' ') FROM"
	     " (SELECT * FROM transition ORDER BY seq)",
		"1R1NEW 2R2NEW 3R2NEWTICKET_CREATED"
		" 4R3TICKET_CREATEDAPPROVED 5R4APPROVEDDONE"
		" 6R5TICKET_CREATEDREJECTED 7C1NEW 8C4APPROVEDDONE"},
	    {"SELECT who||origin||uid FROM transition WHERE seq=7",
		"anonymous192.0.2.7-1"},
	    {"SELECT who||note||origin||uid FROM transition WHERE seq=4",
		"carolseen by phone-1"},
	    {"SELECT origin FROM request WHERE id='C1'", "192.0.2.7"},
	    {"SELECT csr_id FROM certificate", "C4"},
	    {"SELECT hex(full_der)||note FROM crl WHERE number=7", "3001"},
	    {"SELECT count(*) FROM crl", "2"},
	    {"PRAGMA user_version", "2"},
	    {"PRAGMA foreign_keys", "1"},
	    {"PRAGMA legacy_alter_table", "0"},
	    {"SELECT count(*) FROM pragma_foreign_key_check", "0"},
	    {"SELECT count(*) FROM sqlite_master WHERE name IN"
	     " ('request_1', 'transition_1')",
		"0"},
	};
	struct fault f = {""};

	(void)state;
	for (int create = 0; create < 2; create++) {
		put_file(store_version_1, store_version_1_rows);
		if (store_open(&test_store, TEST_STORE_FILE, create, &f) != 0)
			fail_msg("%s", f.msg);
		for (size_t i = 0; i < NUM(rows); i++)
			is_text(rows[i].sql, rows[i].want);
		if (history_verify(&test_store, NULL, NULL, &f) != 0)
			fail_msg("%s", f.msg);
		/* A second time it is what it is. */
		store_close(&test_store);
		assert_int_equal(
		    store_open(&test_store, TEST_STORE_FILE, false, &f), 0);
		assert_int_equal(test_count("transition"), 8);
		test_store_teardown(NULL);
	}
}

/* The tables of both ways to this version are the same ones. */
static void
both_ways_lead_to_the_same_tables(void **state)
{
	static const char sql[] =
	    "SELECT group_concat(name, ' ') FROM (SELECT name FROM"
	    " sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name)";
	static const char columns[] =
	    "SELECT group_concat(x, ' ') FROM (SELECT"
	    " m.name||'.'||i.name||i.type||i.\"notnull\" AS x FROM"
	    " sqlite_master m, pragma_table_info(m.name) i ORDER BY x)";
	char names[2048], cols[8192];
	sqlite3_stmt *q;
	struct fault f;

	test_store_setup(state);
	q = store_query(&test_store, NULL, sql, "");
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	snprintf(names, sizeof(names), "%s", store_text(q, 0));
	sqlite3_finalize(q);
	q = store_query(&test_store, NULL, columns, "");
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	snprintf(cols, sizeof(cols), "%s", store_text(q, 0));
	sqlite3_finalize(q);
	test_store_teardown(state);
	put_file(store_version_1, "");
	assert_int_equal(
	    store_open(&test_store, TEST_STORE_FILE, false, &f), 0);
	is_text(sql, names);
	is_text(columns, cols);
	/* What is written from now on has its hash, or is not written. */
	assert_int_not_equal(
	    store_run(&test_store, NULL,
		"INSERT INTO transition(request, from_state, to_state, at,"
		" who, note) VALUES('R1','','NEW',1,'me','')",
		""),
	    0);
}

static void
other_files_are_refused(void **state)
{
	static const struct {
		const char *sql, *says;
	} rows[] = {
	    {"PRAGMA user_version=3", "version 3 and this program knows"},
	    {"PRAGMA user_version=2147483647", "use the doorman that wrote it"},
	    {"PRAGMA user_version=-7", "version -7"},
	    {"CREATE TABLE other(x)", "holds no doorman's tables"},
	    {"SELECT 1", "holds no doorman's tables"},
	    /* Half of a version 1: nothing is changed. */
	    {"CREATE TABLE request(id)", "from version 1 to 2"},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f = {""};

		put_file(rows[i].sql, "");
		assert_int_equal(
		    store_open(&test_store, TEST_STORE_FILE, false, &f), -1);
		if (strstr(f.msg, rows[i].says) == NULL ||
		    strstr(f.msg, TEST_STORE_FILE) == NULL)
			fail_msg("'%s' and not '%s'", f.msg, rows[i].says);
		assert_null(test_store.db);
		test_store_teardown(state);
	}
}

/* A row that fits nothing: version 1 stays, whole. */
static void
a_change_of_version_is_whole_or_none(void **state)
{
	struct fault f = {""};
	sqlite3 *db = NULL;

	(void)state;
	put_file(store_version_1, store_version_1_rows);
	put_file("INSERT INTO certificate(list,serial,subject,not_after,is_ca,"
		 "csr_id,der) VALUES('doorman','B','O=B',1,0,'NOBODY',x'')",
	    "");
	assert_int_equal(
	    store_open(&test_store, TEST_STORE_FILE, false, &f), -1);
	assert_non_null(strstr(f.msg, "refer to rows that are not there"));
	assert_int_equal(sqlite3_open(TEST_STORE_FILE, &db), SQLITE_OK);
	test_store.db = db;
	is_text("PRAGMA user_version", "0");
	assert_int_equal(test_count("request WHERE state='NEW'"), 2);
	assert_int_equal(test_count("transition"), 8);
	assert_int_equal(
	    test_count("sqlite_master WHERE name='request_open_name'"), 1);
}

/* Killed at any point of it, the next one does it. */
static void
a_change_of_version_survives_a_kill(void **state)
{
	static const char *const points[] = {
	    "schema.before-commit", "schema.after-commit"};

	(void)state;
	for (size_t i = 0; i < NUM(points); i++) {
		struct fault f = {""};
		int status;
		pid_t pid;

		put_file(store_version_1, store_version_1_rows);
		pid = fork();
		if (pid == 0) {
			setenv("DOORMAN_CRASH", points[i], 1);
			store_open(&test_store, TEST_STORE_FILE, false, &f);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		assert_int_equal(
		    store_open(&test_store, TEST_STORE_FILE, false, &f), 0);
		assert_int_equal(test_count("request"), 10);
		assert_int_equal(
		    history_verify(&test_store, NULL, NULL, &f), 0);
		test_store_teardown(state);
	}
}

/* History. */

static void
step(const char *from, const char *to, const char *who)
{
	struct fault f = {""};
	struct store_step s = {
	    "X", from, to, who, "n,1:x", 1800000000, "192.0.2.1", 1000};

	assert_int_equal(store_begin(&test_store, &f), 0);
	if (store_transition(&test_store, &s, &f) != 0)
		fail_msg("%s", f.msg);
	assert_int_equal(store_commit(&test_store, &f), 0);
}

/* Request X with five steps. */
static int
history_setup(void **state)
{
	test_store_setup(state);
	run("INSERT INTO request(id, kind, state, subject, created_at)"
	    " VALUES('X','certificate','NEW','O=A',1)");
	step("", "NEW", "ann");
	step("NEW", "TICKET_CREATED", "local");
	step("TICKET_CREATED", "APPROVED", "carol");
	step("APPROVED", "FAILED", "uid 7");
	step("FAILED", "WITHDRAWN", "carol");
	return 0;
}

static void
every_change_of_a_step_is_seen(void **state)
{
	static const char *const changes[] = {
	    "UPDATE transition SET who='dave' WHERE seq=3",
	    "UPDATE transition SET note='' WHERE seq=3",
	    "UPDATE transition SET at=at+1 WHERE seq=3",
	    "UPDATE transition SET request='Y' WHERE seq=3",
	    "UPDATE transition SET from_state='NEW' WHERE seq=3",
	    "UPDATE transition SET to_state='REJECTED' WHERE seq=3",
	    "UPDATE transition SET origin='192.0.2.2' WHERE seq=3",
	    "UPDATE transition SET uid=0 WHERE seq=3",
	    "UPDATE transition SET uid=-1 WHERE seq=1",
	    "UPDATE transition SET hash=(SELECT hash FROM transition t WHERE"
	    " t.seq=2) WHERE seq=3",
	    "UPDATE transition SET hash='' WHERE seq=5",
	    "UPDATE transition SET who='n', note='ann,1:x' WHERE seq=1",
	    "DELETE FROM transition WHERE seq=1",
	    "DELETE FROM transition WHERE seq=3",
	    "DELETE FROM transition WHERE seq=5",
	    "DELETE FROM transition WHERE seq>2",
	    "DELETE FROM transition",
	    "INSERT INTO transition SELECT "
	    "6,request,from_state,to_state,at,who,"
	    "note,origin,uid,hash FROM transition WHERE seq=5",
	    "INSERT INTO transition SELECT "
	    "0,request,from_state,to_state,at,who,"
	    "note,origin,uid,hash FROM transition WHERE seq=1",
	    /* 3 and 4 change places. */
	    "UPDATE transition SET seq=CASE seq WHEN 3 THEN -4 WHEN 4 THEN -3"
	    " ELSE seq END",
	    "UPDATE transition SET seq=seq+1000 WHERE seq>3",
	};
	struct fault f = {""};

	for (size_t i = 0; i < NUM(changes); i++) {
		history_setup(state);
		assert_int_equal(
		    history_verify(&test_store, NULL, NULL, &f), 0);
		run("PRAGMA foreign_keys=OFF");
		run(changes[i]);
		run("UPDATE transition SET seq=-seq WHERE seq<0");
		if (history_verify(&test_store, NULL, NULL, &f) != 1)
			fail_msg("not seen: %s", changes[i]);
		assert_non_null(strstr(f.msg, "not whole at step"));
		test_store_teardown(state);
	}
}

/* Steps that come after a gap do not close it. */
static void
a_removed_end_is_missed_for_ever(void **state)
{
	struct fault f = {""};

	(void)state;
	run("DELETE FROM transition WHERE seq=5");
	run("UPDATE request SET state='FAILED'");
	step("FAILED", "WITHDRAWN", "mallory");
	assert_int_equal(history_verify(&test_store, NULL, NULL, &f), 1);
	assert_non_null(strstr(f.msg, "at step 5"));
}

/* One that was written anew from some step on betrays itself by its head. */
static void
a_known_head_must_be_there(void **state)
{
	struct history_head head, other;
	struct fault f = {""};

	(void)state;
	assert_int_equal(history_verify(&test_store, NULL, &head, &f), 0);
	assert_int_equal(head.seq, 5);
	assert_int_equal(history_verify(&test_store, &head, NULL, &f), 0);
	run("UPDATE transition SET who='dave' WHERE seq=3");
	assert_int_equal(history_seal(&test_store, &f), 0);
	assert_int_equal(history_verify(&test_store, NULL, &other, &f), 0);
	assert_int_equal(history_verify(&test_store, &head, NULL, &f), 1);
	assert_non_null(strstr(f.msg, "at step 5"));
	assert_int_equal(history_verify(&test_store, &other, NULL, &f), 0);
	run("DELETE FROM transition WHERE seq=5");
	run("UPDATE sqlite_sequence SET seq=4 WHERE name='transition'");
	assert_int_equal(history_verify(&test_store, NULL, NULL, &f), 0);
	assert_int_equal(history_verify(&test_store, &other, NULL, &f), 1);
}

/* The hash is what the header says, told by other code. */
static void
an_export_can_be_checked_by_others(void **state)
{
	static const char *const fields[] = {"seq", "request", "from", "to",
	    "at", "who", "note", "origin", "uid"};
	char line[4096], text[4096], hash[65];
	struct fault f = {""};
	FILE *out = tmpfile();
	int lines = 0;

	(void)state;
	memset(hash, '0', 64);
	hash[64] = '\0';
	if (history_export(&test_store, out, &f) != 0)
		fail_msg("%s", f.msg);
	rewind(out);
	for (; fgets(line, sizeof(line), out) != NULL; lines++) {
		cJSON *o = cJSON_Parse(line);
		uint8_t digest[32];
		int len;

		assert_non_null(o);
		len = snprintf(text, sizeof(text), "64:%s,", hash);
		for (size_t i = 0; i < NUM(fields); i++) {
			cJSON *v = cJSON_GetObjectItem(o, fields[i]);
			char number[32];

			assert_non_null(v);
			snprintf(
			    number, sizeof(number), "%.0f", v->valuedouble);
			if (!cJSON_IsNumber(v))
				len += sprintf(text + len, "%zu:%s,",
				    strlen(v->valuestring), v->valuestring);
			else
				len += sprintf(text + len, "%zu:%s,",
				    strlen(number), number);
		}
		SHA256((const uint8_t *)text, (size_t)len, digest);
		hex_encode(hash, view_of(digest, sizeof(digest)));
		assert_string_equal(
		    cJSON_GetObjectItem(o, "hash")->valuestring, hash);
		assert_string_equal(
		    cJSON_GetObjectItem(o, "kind")->valuestring, "certificate");
		cJSON_Delete(o);
	}
	assert_int_equal(lines, 5);
	fclose(out);
}

/* Nothing is promised that goes into a file which nobody sees any more. */
static void
a_file_that_is_gone_takes_nothing(void **state)
{
	struct fault f = {""};
	struct store other;

	(void)state;
	assert_int_equal(rename(TEST_STORE_FILE, "aside"), 0);
	assert_int_equal(store_begin(&test_store, &f), -1);
	assert_non_null(strstr(f.msg, "was removed or replaced"));
	/* Another in its place. */
	assert_int_equal(store_open(&other, TEST_STORE_FILE, true, &f), 0);
	assert_int_equal(store_begin(&test_store, &f), -1);
	store_close(&other);
	assert_int_equal(rename("aside", TEST_STORE_FILE), 0);
	assert_int_equal(store_begin(&test_store, &f), 0);
	store_rollback(&test_store);
}

/* Another connection that writes is seen, and not waited for. */
static void
a_writer_is_seen(void **state)
{
	struct store other;
	struct fault f;

	(void)state;
	assert_int_equal(store_open(&other, TEST_STORE_FILE, false, &f), 0);
	assert_false(store_busy(&test_store));
	assert_int_equal(store_begin(&other, &f), 0);
	assert_true(store_busy(&test_store));
	store_rollback(&other);
	assert_false(store_busy(&test_store));
	store_close(&other);
}

int
main(void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, NULL, remove_file)
#define WITH_HISTORY(test)               \
	cmocka_unit_test_setup_teardown( \
	    test, history_setup, test_store_teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(version_1_becomes_this_one),
	    WITH_FILE(both_ways_lead_to_the_same_tables),
	    cmocka_unit_test(other_files_are_refused),
	    WITH_FILE(a_change_of_version_is_whole_or_none),
	    cmocka_unit_test(a_change_of_version_survives_a_kill),
	    WITH_HISTORY(a_removed_end_is_missed_for_ever),
	    WITH_HISTORY(a_known_head_must_be_there),
	    WITH_HISTORY(an_export_can_be_checked_by_others),
	    WITH_HISTORY(a_file_that_is_gone_takes_nothing),
	    WITH_HISTORY(a_writer_is_seen),
	    cmocka_unit_test(every_change_of_a_step_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
