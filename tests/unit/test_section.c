/*
 * state_db and section_store: versions, history, transactions, and files that a
 * crash, a full disk, another hand or another version left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "gateway/state/section_store.h"

#define FILE_NAME "state.db"
#define WAL_NAME  "state.db-wal"

struct store {
	struct state_db *db;
	struct section_store *s;
};

static const struct section_author me = {
    .who = "me", .from = "here", .action = "put"};

static int
try_open(struct store *st, const char *dir, struct err *err)
{
	int rc = state_db_open(&st->db, dir, NULL, err);

	st->s = NULL;
	if (rc == 0)
		rc = section_store_open(&st->s, st->db, err);
	if (rc != 0)
		state_db_close(st->db);
	return rc;
}

static struct store
open_store(void)
{
	struct store st;
	struct err err;

	if (try_open(&st, ".", &err) != 0)
		fail_msg("%s", err.msg);
	return st;
}

static void
close_store(struct store *st)
{
	section_store_close(st->s);
	state_db_close(st->db);
}

static int
write_one(
    struct store *st, enum section_id id, const char *text, struct err *err)
{
	cJSON *config = cJSON_Parse(text);
	int rc = state_db_begin(st->db, err);

	if (rc == 0) {
		rc = section_store_put(st->s, id, config, text, &me, err);
		if (rc == 0)
			rc = state_db_flush(st->db, err);
		rc = state_db_end(st->db, rc, err);
	}
	cJSON_Delete(config);
	return rc;
}

static void
put(struct store *st, enum section_id id, const char *text)
{
	struct err err;

	if (write_one(st, id, text, &err) != 0)
		fail_msg("%s", err.msg);
}

/* Another hand. */
static void
by_hand(const char *sql)
{
	sqlite3 *h;
	char *why = NULL;

	assert_int_equal(sqlite3_open(FILE_NAME, &h), SQLITE_OK);
	if (sqlite3_exec(h, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(h);
}

static void
must_refuse(const char *text)
{
	struct store st;
	struct err err;

	if (try_open(&st, ".", &err) == 0)
		fail_msg("opened: expected '%s'", text);
	if (strstr(err.msg, text) == NULL)
		fail_msg("'%s' in '%s'", text, err.msg);
}

static int
fresh(void **state)
{
	unlink(FILE_NAME);
	unlink(WAL_NAME);
	unlink("state.db-shm");
	return 0;
}

struct found {
	int64_t first, last;
	size_t num;
	char text[80], who[20];
};

static int
count_change(void *arg, const struct section_change *c, struct err *err)
{
	struct found *f = arg;

	if (f->num++ == 0) {
		f->first = c->version;
		snprintf(f->text, sizeof(f->text), "%s", c->text);
		snprintf(f->who, sizeof(f->who), "%s", c->who);
	}
	f->last = c->version;
	return 0;
}

static struct found
history(const struct store *st, enum section_id id)
{
	struct found f = {.num = 0};
	struct err err;

	assert_int_equal(
	    section_read_history(st->s, id, count_change, &f, &err), 0);
	return f;
}

static void
versions_count_from_one(void **state)
{
	struct store st = open_store();
	struct found f;
	struct err err;
	char *text;

	assert_int_equal(section_version(st.s, SECTION_REVCHECK), -1);
	assert_null(section_config(st.s, SECTION_REVCHECK));
	put(&st, SECTION_REVCHECK, "{\"order\":\"CRL\"}");
	put(&st, SECTION_REVCHECK, "{}");
	assert_int_equal(section_version(st.s, SECTION_REVCHECK), 2);
	assert_int_equal(section_version(st.s, SECTION_GATEWAY), -1);
	close_store(&st);
	st = open_store();
	assert_int_equal(section_version(st.s, SECTION_REVCHECK), 2);
	assert_string_equal(section_text(st.s, SECTION_REVCHECK), "{}");
	f = history(&st, SECTION_REVCHECK);
	assert_int_equal(f.num, 2);
	assert_string_equal(f.text, "{\"order\":\"CRL\"}");
	assert_string_equal(f.who, "me");
	assert_int_equal(
	    section_copy_version(st.s, SECTION_REVCHECK, 1, &text, &err), 0);
	assert_string_equal(text, "{\"order\":\"CRL\"}");
	free(text);
	assert_int_equal(
	    section_copy_version(st.s, SECTION_REVCHECK, 3, &text, &err),
	    E_ARG);
	assert_null(text);
	close_store(&st);
}

/* Two changes and another section's in one transaction: none of them. */
static void
what_is_not_committed_never_was(void **state)
{
	struct store st = open_store();
	cJSON *config = cJSON_Parse("{\"deadlineMs\":7}");
	struct err err;

	put(&st, SECTION_REVCHECK, "{\"order\":\"CRL\"}");
	assert_int_equal(state_db_begin(st.db, &err), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(section_store_put(st.s, SECTION_REVCHECK,
				     config, "{\"deadlineMs\":7}", &me, &err),
		    0);
	cJSON_Delete(config);
	config = cJSON_CreateObject();
	assert_int_equal(
	    section_store_put(st.s, SECTION_GATEWAY, config, "{}", &me, &err),
	    0);
	cJSON_Delete(config);
	assert_int_equal(section_version(st.s, SECTION_REVCHECK), 3);
	assert_int_equal(state_db_end(st.db, E_INTERNAL, &err), E_INTERNAL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(section_version(st.s, SECTION_REVCHECK), 1);
		assert_string_equal(section_text(st.s, SECTION_REVCHECK),
		    "{\"order\":\"CRL\"}");
		assert_non_null(cJSON_GetObjectItem(
		    section_config(st.s, SECTION_REVCHECK), "order"));
		assert_int_equal(section_version(st.s, SECTION_GATEWAY), -1);
		assert_null(section_config(st.s, SECTION_GATEWAY));
		close_store(&st);
		st = open_store();
	}
	close_store(&st);
}

/* What is written has to be what a start reads. */
static void
another_text_than_its_configuration_is_refused(void **state)
{
	static const char *const texts[] = {"{\"order\":\"OCSP\"}",
	    "{\"order\":\"CRL\"", "{\"order\":\"nonsense\"}",
	    "{\"order\":\"\xe9\"}", ""};
	struct store st = open_store();
	cJSON *config = cJSON_Parse("{\"order\":\"CRL\"}");
	struct err err;
	int rc;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(state_db_begin(st.db, &err), 0);
		rc = section_store_put(
		    st.s, SECTION_REVCHECK, config, texts[i], &me, &err);
		assert_int_equal(rc, E_PARSE);
		assert_int_equal(state_db_end(st.db, rc, &err), E_PARSE);
		assert_int_equal(section_version(st.s, SECTION_REVCHECK), -1);
	}
	cJSON_Delete(config);
	close_store(&st);
	st = open_store();
	assert_int_equal(section_version(st.s, SECTION_REVCHECK), -1);
	close_store(&st);
}

static size_t
file_copy(const char *from, const char *to, size_t max)
{
	static char buf[1 << 20];
	int in = open(from, O_RDONLY), out;
	ssize_t n;

	assert_true(in >= 0);
	n = read(in, buf, sizeof(buf));
	assert_true(n >= 0 && n < (ssize_t)sizeof(buf));
	close(in);
	if ((size_t)n > max)
		n = (ssize_t)max;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(out, buf, (size_t)n), n);
	close(out);
	return (size_t)n;
}

/* Every length of a torn last change leaves the one before. */
static void
torn_end_is_cut_off(void **state)
{
	struct store st = open_store();
	size_t one, two;

	put(&st, SECTION_REVCHECK, "{\"order\":\"CRL\"}");
	file_copy(FILE_NAME, "kept.db", SIZE_MAX);
	one = file_copy(WAL_NAME, "kept.wal", SIZE_MAX);
	put(&st, SECTION_REVCHECK, "{\"order\":\"OCSP\"}");
	file_copy(FILE_NAME, "kept.db", SIZE_MAX);
	two = file_copy(WAL_NAME, "kept.wal", SIZE_MAX);
	assert_true(two > one);
	close_store(&st);
	for (size_t len = two; len >= one; len -= len == two ? 1 : 211) {
		fresh(NULL);
		file_copy("kept.db", FILE_NAME, SIZE_MAX);
		file_copy("kept.wal", WAL_NAME, len);
		st = open_store();
		assert_int_equal(section_version(st.s, SECTION_REVCHECK),
		    len == two ? 2 : 1);
		/* And it can be written to. */
		put(&st, SECTION_REVCHECK, "{}");
		close_store(&st);
		st = open_store();
		assert_int_equal(section_version(st.s, SECTION_REVCHECK),
		    len == two ? 3 : 2);
		close_store(&st);
	}
}

static void
damage_is_an_error(void **state)
{
	struct store st = open_store();
	char zeros[4096] = {0};
	struct stat sb;
	struct err err;
	int fd;

	for (int i = 0; i < 40; i++)
		put(&st, SECTION_REVCHECK, "{\"order\":\"CRL\"}");
	close_store(&st);
	assert_int_equal(state_db_check(FILE_NAME, &err), 0);
	assert_int_equal(stat(FILE_NAME, &sb), 0);
	fd = open(FILE_NAME, O_WRONLY);
	/* The last page: of a table or of an index. */
	assert_int_equal(
	    pwrite(fd, zeros, sizeof(zeros), sb.st_size - (off_t)sizeof(zeros)),
	    sizeof(zeros));
	must_refuse("damaged");
	assert_int_equal(state_db_check(FILE_NAME, &err), E_PARSE);
	assert_non_null(strstr(err.msg, "damaged"));
	assert_int_equal(ftruncate(fd, 100), 0);
	must_refuse("'./state.db'");
	assert_int_equal(pwrite(fd, "no database at all", 18, 0), 18);
	must_refuse("not a database");
	assert_int_not_equal(state_db_check(FILE_NAME, &err), 0);
	close(fd);
	assert_int_not_equal(state_db_check("not-there.db", &err), 0);
	assert_int_not_equal(access("not-there.db", F_OK), 0);
}

/* An index that lost an entry would hide a row: on request it shows. */
static void
a_check_finds_what_a_start_does_not_look_for(void **state)
{
	struct store st = open_store();
	struct err err;

	put(&st, SECTION_REVCHECK, "{}");
	/* In use meanwhile. */
	assert_int_equal(state_db_check(FILE_NAME, &err), 0);
	close_store(&st);
	by_hand("PRAGMA foreign_keys = OFF;"
		"INSERT INTO chain(holder, usage, alias, pem)"
		" VALUES('0123456789AB', 'p2p-tls', 'a', 'x')");
	assert_int_equal(state_db_check(FILE_NAME, &err), E_PARSE);
	assert_non_null(strstr(err.msg, "table chain"));
	by_hand("DELETE FROM chain; PRAGMA writable_schema = ON;"
		"UPDATE sqlite_schema SET sql = replace(sql, 'name, version',"
		" 'version, name') WHERE name = 'section_change'");
	assert_int_not_equal(state_db_check(FILE_NAME, &err), 0);
}

/* A row that no change can have written names itself. */
static void
another_hand_is_noticed(void **state)
{
	static const struct {
		const char *sql, *says;
	} rows[] = {
	    {"UPDATE section_change SET config = '{\"order\":\"NO\"}'",
		"table section_change, section 'revcheck', version 1"},
	    {"UPDATE section_change SET config = '{'", "version 1"},
	    {"UPDATE section_change SET config = CAST(x'7b22e9227d' AS TEXT)",
		"not a change"},
	    {"UPDATE section_change SET name = 'revchecks'", "'revchecks'"},
	    {"UPDATE section_change SET version = 0", "not a change"},
	    {"UPDATE section_change SET version = 1 << 40", "not a change"},
	    {"PRAGMA user_version = 2", "layout 2"},
	    {"PRAGMA application_id = 7", "not the state of a p2p-gateway"},
	    {"DROP TABLE denied", "denied"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store st;

		fresh(NULL);
		st = open_store();
		put(&st, SECTION_REVCHECK, "{}");
		close_store(&st);
		by_hand(rows[i].sql);
		must_refuse(rows[i].says);
	}
}

static void
one_process_at_a_time(void **state)
{
	struct store st = open_store(), second;
	struct stat sb;
	struct err err;

	assert_int_equal(try_open(&second, ".", &err), E_IO);
	assert_non_null(strstr(err.msg, "in use by another process"));
	/* And who failed has taken nothing from who holds it. */
	assert_int_equal(try_open(&second, ".", &err), E_IO);
	put(&st, SECTION_REVCHECK, "{}");
	assert_int_equal(stat(FILE_NAME, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	assert_int_equal(stat(WAL_NAME, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	close_store(&st);
}

static void
an_older_state_is_refused(void **state)
{
	static const char *const names[] = {"sections.journal",
	    "denylist.journal", "subjects.journal", "keys.journal",
	    "certificates.journal", "holdings.journal"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = open(names[i], O_WRONLY | O_CREAT, 0600);

		assert_true(fd >= 0);
		close(fd);
		must_refuse(names[i]);
		must_refuse("move it away");
		assert_int_not_equal(access(FILE_NAME, F_OK), 0);
		unlink(names[i]);
	}
}

/*
 * What others had before is history here: never the newest, whatever its
 * number, and never in place of what is there.
 */
static void
what_is_older_is_history(void **state)
{
	static const int64_t versions[] = {3, 1, 5, 2, 9, 4};
	struct store st = open_store();
	struct section_author five = me;
	cJSON *config = cJSON_Parse("{}");
	struct err err;

	(void)state;
	five.version = 5;
	assert_int_equal(state_db_begin(st.db, &err), 0);
	assert_int_equal(section_store_put(
			     st.s, SECTION_REVCHECK, config, "{}", &five, &err),
	    0);
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		const struct section_change c = {.version = versions[i],
		    .at = 1,
		    .who = "other",
		    .from = "there",
		    .action = "put",
		    .text = "{\"shadowMode\":true}"};

		assert_int_equal(
		    section_store_add_older(st.s, SECTION_REVCHECK, &c, &err),
		    0);
		/* Nothing is stored of it. */
		assert_int_equal(
		    section_store_add_older(st.s, SECTION_GATEWAY, &c, &err),
		    0);
	}
	assert_int_equal(state_db_end(st.db, 0, &err), 0);
	cJSON_Delete(config);
	close_store(&st);
	st = open_store();
	assert_int_equal(section_version(st.s, SECTION_REVCHECK), 5);
	assert_string_equal(section_text(st.s, SECTION_REVCHECK), "{}");
	assert_int_equal(
	    section_version(st.s, SECTION_GATEWAY), SECTION_VERSION_NONE);
	for (int64_t v = 1; v <= 9; v++) {
		char *text = NULL;
		int rc = section_copy_version(
		    st.s, SECTION_REVCHECK, v, &text, &err);

		assert_int_equal(rc, v <= 5 ? 0 : E_ARG);
		if (v <= 5)
			assert_string_equal(
			    text, v == 5 ? "{}" : "{\"shadowMode\":true}");
		free(text);
	}
	close_store(&st);
}

static void
history_is_bounded(void **state)
{
	struct store st;
	struct found f;
	char text[40];
	struct err err;

	assert_int_equal(try_open(&st, NULL, &err), 0);
	for (int i = 0; i < SECTION_MAX_HISTORY + 5; i++) {
		snprintf(text, sizeof(text), "{\"deadlineMs\":%d}", i + 1);
		put(&st, SECTION_REVCHECK, text);
	}
	f = history(&st, SECTION_REVCHECK);
	assert_int_equal(f.num, SECTION_MAX_HISTORY);
	assert_int_equal(f.first, 6);
	assert_int_equal(f.last, SECTION_MAX_HISTORY + 5);
	assert_int_equal(
	    section_version(st.s, SECTION_REVCHECK), SECTION_MAX_HISTORY + 5);
	close_store(&st);
}

/*
 * A file that may not grow stands for a full disk. The value is the old one
 * until there is room again, and so it is after a start.
 */
static void
what_cannot_be_written_is_not_in_force(void **state)
{
	struct store st = open_store();
	struct rlimit before, limit;
	char *text = malloc(200020);
	struct stat sb;
	struct err err = {0};

	sprintf(text, "{\"order\":\"CRL\"%*s}", 200000, "");
	put(&st, SECTION_REVCHECK, "{\"order\":\"OCSP\"}");
	assert_int_equal(stat(WAL_NAME, &sb), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = (rlim_t)sb.st_size + 8192;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_null(state_db_trouble(st.db));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    write_one(&st, SECTION_REVCHECK, text, &err), E_IO);
		assert_int_equal(err.sys_errno, ENOSPC);
		assert_non_null(strstr(err.msg, "state.db"));
		assert_non_null(state_db_trouble(st.db));
		assert_int_equal(section_version(st.s, SECTION_REVCHECK), 1);
		assert_string_equal(section_text(st.s, SECTION_REVCHECK),
		    "{\"order\":\"OCSP\"}");
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	put(&st, SECTION_REVCHECK, text);
	assert_null(state_db_trouble(st.db));
	close_store(&st);
	st = open_store();
	assert_int_equal(section_version(st.s, SECTION_REVCHECK), 2);
	assert_string_equal(section_text(st.s, SECTION_REVCHECK), text);
	close_store(&st);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(versions_count_from_one, fresh),
	    cmocka_unit_test_setup(what_is_not_committed_never_was, fresh),
	    cmocka_unit_test_setup(
		another_text_than_its_configuration_is_refused, fresh),
	    cmocka_unit_test_setup(torn_end_is_cut_off, fresh),
	    cmocka_unit_test_setup(damage_is_an_error, fresh),
	    cmocka_unit_test_setup(
		a_check_finds_what_a_start_does_not_look_for, fresh),
	    cmocka_unit_test_setup(another_hand_is_noticed, fresh),
	    cmocka_unit_test_setup(one_process_at_a_time, fresh),
	    cmocka_unit_test_setup(an_older_state_is_refused, fresh),
	    cmocka_unit_test_setup(what_is_older_is_history, fresh),
	    cmocka_unit_test_setup(history_is_bounded, fresh),
	    cmocka_unit_test_setup(
		what_cannot_be_written_is_not_in_force, fresh),
	};

	return cmocka_run_group_tests_name("sections", tests, NULL, NULL);
}
