/* store_help: looking into a state directory, and putting things there. */
#ifndef TESTS_UNIT_STORE_HELP_H
#define TESTS_UNIT_STORE_HELP_H

#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "cache/store/store_db.h"
#include "cache/store/store_file.h"

#define HELPER __attribute__((unused)) static

HELPER struct store_db *
db_open(const char *dir, enum store_db_use use)
{
	struct store_db *db = NULL;
	struct err err = {0};

	if (use == STORE_DB_MAKE && store_db_prepare(dir, &err) != 0)
		fail_msg("%s", err.msg);
	if (store_db_open(&db, dir, use, NULL, &err) != 0)
		fail_msg("%s", err.msg);
	return db;
}

/* What somebody else does to the database. */
HELPER void
db_do(const char *dir, const char *sql)
{
	struct store_db *db = db_open(dir, STORE_DB_MAKE);
	char *why = NULL;

	if (sqlite3_exec(db->handle, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	store_db_close(db);
}

HELPER void
keep(const char *dir, const struct store_meta *m, struct span der)
{
	struct store_db *db = db_open(dir, STORE_DB_MAKE);
	uint8_t sha256[32];
	struct err err;

	store_db_digest(sha256, der);
	if (m->kind == EVIDENCE_CRL)
		assert_int_equal(store_file_write(dir, sha256, der, &err), 0);
	assert_int_equal(store_db_begin(db, &err), 0);
	assert_int_equal(
	    store_db_end(db, store_db_save(db, m, sha256, der, &err), &err), 0);
	store_db_close(db);
}

HELPER bool
kept_count(void *arg, struct store_record *r)
{
	(void)r;
	++*(unsigned *)arg;
	return true;
}

/* Documents of sources. */
HELPER unsigned
kept_num(const char *dir)
{
	struct store_db *db = db_open(dir, STORE_DB_LOOK);
	struct err err;
	unsigned num = 0;

	if (db != NULL)
		assert_int_equal(
		    store_db_each(db, 100000, kept_count, &num, &err), 0);
	store_db_close(db);
	return num;
}

HELPER bool
kept_has(const char *dir, struct evidence_key source)
{
	struct store_db *db = db_open(dir, STORE_DB_LOOK);
	struct store_found *f = NULL;
	struct err err;
	bool has;

	if (db != NULL)
		assert_int_equal(
		    store_db_load(db, &source, 100000, &f, &err), 0);
	has = f != NULL;
	store_found_free(f);
	store_db_close(db);
	return has;
}

#endif
