/*
 * store_trouble: a database that is damaged, newer, somebody else's, locked;
 * a disk that is full or read-only. Evidence is served all the same, what was
 * learned is not lost, and somebody is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/store/store_disk.h"
#include "tests/unit/store_help.h"

#define DB "state/v2/evidence.db"

/* What was logged. */
static struct {
	pthread_mutex_t lock;
	char text[65536];
} said = {PTHREAD_MUTEX_INITIALIZER, ""};

static void
take_line(void *arg, enum log_level level, const char *line)
{
	size_t len;

	(void)arg;
	if (level == LOG_LEVEL_DEBUG)
		return;
	pthread_mutex_lock(&said.lock);
	len = strlen(said.text);
	snprintf(said.text + len, sizeof(said.text) - len, "%s\n", line);
	pthread_mutex_unlock(&said.lock);
}

static const struct log sink = {.level = LOG_LEVEL_INFO, .fn = take_line};

/* How often. */
static unsigned
was_said(const char *what)
{
	unsigned n = 0;

	pthread_mutex_lock(&said.lock);
	for (const char *p = said.text; (p = strstr(p, what)) != NULL; p++)
		n++;
	pthread_mutex_unlock(&said.lock);
	return n;
}

static int
store_try(struct store **s, struct err *err)
{
	struct store_options o = {.dir = "state",
	    .max_bytes = 1 << 30,
	    .max_ocsp_bytes = 100000,
	    .log = &sink};

	return store_new(s, &o, err);
}

static struct store *
store_open(void)
{
	struct store *s;
	struct err err;

	if (store_try(&s, &err) != 0)
		fail_msg("%s", err.msg);
	return s;
}

static int
begin(void **state)
{
	(void)state;
	said.text[0] = '\0';
	return system("rm -rf state");
}

static struct evidence_key
key_of(unsigned n)
{
	struct span part = span_of(&n, sizeof(n));

	return evidence_key_of(&part, 1);
}

static void
save(struct store *s, unsigned n, const char *text)
{
	struct store_meta m = {
	    .key = key_of(n), .kind = EVIDENCE_OCSP, .url = "http://x/"};
	struct evidence *e = evidence_new_ocsp(
	    span_of(text, strlen(text)), ORIGIN_NETWORK, m.url, 1);

	assert_non_null(e);
	s->save(s, &m, e);
	evidence_free(e);
}

static bool
has(struct store *s, unsigned n)
{
	struct evidence_key key = key_of(n);
	struct store_load *pending;
	struct store_found *f = NULL;

	(void)s->load(s, &key, &f, NULL, NULL, &pending);
	store_found_free(f);
	return f != NULL;
}

static void
know(struct store *s, unsigned n)
{
	struct store_known k = {.owner = {1}, .reason = 1, .first_seen = n};

	memcpy(k.identity, &n, sizeof(n));
	s->known_put(s, &k);
}

static void
raise_floor(struct store *s, unsigned n, uint8_t number)
{
	struct store_floor f = {
	    .owner = {1}, .number = {number}, .number_len = 1};

	memcpy(f.scope, &n, sizeof(n));
	s->floor_put(s, &f, false);
}

/* -1: none. */
static int
floor_of(struct store *s, unsigned n)
{
	uint8_t scope[32] = {0};
	struct store_floor f;

	memcpy(scope, &n, sizeof(n));
	return s->floor_get(s, scope, &f) ? f.number[0] : -1;
}

static bool
count(void *arg, const struct store_known *k)
{
	(void)k;
	++*(unsigned *)arg;
	return true;
}

static unsigned
num_known(struct store *s)
{
	unsigned n = 0;
	struct err err;

	if (s->known_each(s, count, &n, &err) != 0)
		fail_msg("%s", err.msg);
	return n;
}

static uint64_t
lost(struct store *s)
{
	struct store_stats x;

	s->stats(s, &x);
	return x.lost;
}

/* Everything that can be kept, in a directory that is closed again. */
static void
fill(unsigned num)
{
	struct store *s = store_open();
	char text[32];

	for (unsigned i = 0; i < num; i++) {
		snprintf(text, sizeof(text), "answer %u", i);
		save(s, i, text);
		know(s, i);
		raise_floor(s, i, (uint8_t)(i % 100 + 1));
	}
	s->free(s);
}

static void
write_at(off_t at, const void *p, size_t len)
{
	int fd = open(DB, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, p, len, at), (ssize_t)len);
	close(fd);
}

/* The first page of a table or an index is overwritten. */
static void
damage(const char *name)
{
	struct store_db *db = db_open("state", STORE_DB_MAKE);
	sqlite3_stmt *stmt;
	char rubbish[1000];
	int64_t page, size;

	assert_int_equal(sqlite3_prepare_v2(db->handle,
			     "SELECT rootpage FROM sqlite_schema WHERE name=?1",
			     -1, &stmt, NULL),
	    SQLITE_OK);
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	page = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	assert_int_equal(
	    sqlite3_prepare_v2(db->handle, "PRAGMA page_size", -1, &stmt, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	size = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	store_db_close(db);
	memset(rubbish, 0xa5, sizeof(rubbish));
	write_at((page - 1) * size, rubbish, sizeof(rubbish));
}

/* Refusing. */

static void
refused(const char *sql, const char *says)
{
	struct store *s = NULL;
	struct err err = {0};
	struct stat st;

	fill(3);
	db_do("state", sql);
	assert_int_equal(store_try(&s, &err), E_PARSE);
	assert_null(s);
	assert_non_null(strstr(err.msg, "'state/v2/evidence.db'"));
	assert_non_null(strstr(err.msg, says));
	/* It is still there. */
	assert_int_equal(stat(DB, &st), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(stat(DB ".aside", &st), -1);
}

static void
a_newer_version_is_refused(void **state)
{
	(void)state;
	refused("PRAGMA user_version = 99", "layout 99");
}

static void
the_database_of_something_else_is_refused(void **state)
{
	(void)state;
	refused("PRAGMA application_id = 1", "not a database of revocation");
}

/* Damage. */

static void
what_is_no_database_is_set_aside(void **state)
{
	struct store *s;
	struct stat st;

	(void)state;
	fill(3);
	write_at(0, "this is no database, but a note", 32);
	s = store_open();
	assert_int_equal(was_said("set '" DB "' aside"), 1);
	assert_int_equal(was_said("has 0 known revocations"), 1);
	assert_int_equal(stat(DB ".aside", &st), 0);
	assert_int_equal(num_known(s), 0);
	/* And it heals. */
	save(s, 7, "x");
	know(s, 7);
	s->free(s);
	s = store_open();
	assert_true(has(s, 7));
	assert_int_equal(num_known(s), 1);
	assert_int_equal(was_said("aside"), 2); /* one line says it twice */
	s->free(s);
}

/* Found at the start: what cannot be fetched again is looked at. */
static void
what_was_learned_and_can_be_read_is_saved(void **state)
{
	struct store *s;

	(void)state;
	fill(50);
	damage("floor_owner");
	s = store_open();
	assert_int_equal(was_said("is damaged"), 1);
	assert_int_equal(
	    was_said("has 50 known revocations and 50 numbers"), 1);
	assert_int_equal(num_known(s), 50);
	assert_int_equal(floor_of(s, 41), 42);
	assert_false(has(s, 0));
	s->free(s);
	s = store_open();
	assert_int_equal(num_known(s), 50);
	s->free(s);
}

/* Found while it is used. */
static void
damage_that_is_met_later_is_set_aside(void **state)
{
	struct store *s;

	(void)state;
	fill(50);
	damage("document");
	s = store_open();
	assert_int_equal(was_said("aside"), 0);
	save(s, 70, "new");
	s->free(s);
	assert_int_equal(was_said("set '" DB "' aside"), 1);
	s = store_open();
	assert_true(has(s, 70));
	assert_false(has(s, 0));
	assert_int_equal(num_known(s), 50);
	assert_int_equal(floor_of(s, 41), 42);
	assert_int_equal(lost(s), 0);
	s->free(s);
}

/* Somebody else. */

static struct store_db *
lock(void)
{
	struct store_db *db = db_open("state", STORE_DB_MAKE);

	assert_int_equal(
	    sqlite3_exec(db->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL),
	    SQLITE_OK);
	return db;
}

static void
await_loss(struct store *s, uint64_t more_than)
{
	for (int i = 0; lost(s) <= more_than && i < 20000; i++)
		usleep(1000);
	assert_true(lost(s) > more_than);
}

static void
a_locked_database_delays_nobody_and_loses_no_fact(void **state)
{
	struct store_db *other;
	struct store *s;

	(void)state;
	fill(3);
	s = store_open();
	other = lock();
	save(s, 10, "x");
	know(s, 10);
	raise_floor(s, 10, 9);
	await_loss(s, 0);
	assert_int_equal(was_said("not kept on disk for now"), 1);
	/* It is read, and what was learned is known. */
	assert_true(has(s, 1));
	assert_int_equal(floor_of(s, 10), 9);
	/* What can be fetched again does not wait meanwhile. */
	for (unsigned i = 20; i < 30; i++)
		save(s, i, "y");
	assert_int_equal(lost(s), 11);
	assert_int_equal(was_said("not kept on disk for now"), 1);
	store_db_close(other);
	s->free(s);
	s = store_open();
	assert_int_equal(num_known(s), 4);
	assert_int_equal(floor_of(s, 10), 9);
	assert_false(has(s, 10));
	s->free(s);
}

static void
what_is_forgotten_in_the_meantime_stays_so(void **state)
{
	struct evidence_key key = key_of(1);
	struct store_db *other;
	struct store *s;

	(void)state;
	fill(3);
	s = store_open();
	other = lock();
	s->forget(s, &key);
	for (int i = 0; was_said("not kept") == 0 && i < 20000; i++)
		usleep(1000);
	store_db_close(other);
	s->free(s);
	s = store_open();
	assert_false(has(s, 1));
	assert_true(has(s, 2));
	s->free(s);
}

/* The disk. */

static void
a_full_disk_is_said_once(void **state)
{
	struct rlimit was, now;
	struct store *s;
	char *text;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	fill(3);
	s = store_open();
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	now = was;
	now.rlim_cur = 4096;
	text = malloc(50000);
	assert_non_null(text);
	memset(text, 'x', 49999);
	text[49999] = '\0';
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
	save(s, 10, text);
	know(s, 10);
	raise_floor(s, 10, 9);
	await_loss(s, 0);
	assert_true(has(s, 1));
	assert_int_equal(floor_of(s, 10), 9);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(was_said("not kept on disk for now"), 1);
	s->free(s);
	free(text);
	s = store_open();
	assert_int_equal(num_known(s), 4);
	assert_int_equal(floor_of(s, 10), 9);
	s->free(s);
}

static void
a_read_only_directory_is_read(void **state)
{
	char top[] = "/tmp/store-trouble.XXXXXX", *back = realpath(".", NULL);
	uid_t me = geteuid();
	struct store *s;

	(void)state;
	/* Root may write all the same; another may not come where we are. */
	assert_non_null(back);
	assert_non_null(mkdtemp(top));
	assert_int_equal(chmod(top, 0755), 0);
	assert_int_equal(chdir(top), 0);
	fill(3);
	assert_int_equal(system("chmod -R a+rX,a-w state"), 0);
	assert_int_equal(me == 0 ? seteuid(65534) : 0, 0);
	s = store_open();
	assert_int_equal(was_said("not kept on disk for now"), 1);
	assert_true(has(s, 1));
	assert_int_equal(num_known(s), 3);
	assert_int_equal(floor_of(s, 2), 3);
	save(s, 10, "x");
	assert_int_equal(lost(s), 1);
	s->free(s);
	assert_int_equal(seteuid(me), 0);
	assert_int_equal(system("chmod -R u+w state && rm -r state"), 0);
	assert_int_equal(chdir(back), 0);
	assert_int_equal(rmdir(top), 0);
	free(back);
}

static void
a_place_that_is_no_directory_is_refused(void **state)
{
	struct store *s = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(system("echo x > state"), 0);
	assert_int_equal(store_try(&s, &err), E_ARG);
	assert_non_null(strstr(err.msg, "not a directory"));
	assert_int_equal(unlink("state"), 0);
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_newer_version_is_refused),
	    TEST(the_database_of_something_else_is_refused),
	    TEST(what_is_no_database_is_set_aside),
	    TEST(what_was_learned_and_can_be_read_is_saved),
	    TEST(damage_that_is_met_later_is_set_aside),
	    TEST(a_locked_database_delays_nobody_and_loses_no_fact),
	    TEST(what_is_forgotten_in_the_meantime_stays_so),
	    TEST(a_full_disk_is_said_once),
	    TEST(a_read_only_directory_is_read),
	    TEST(a_place_that_is_no_directory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
