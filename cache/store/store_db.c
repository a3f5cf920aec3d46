/* store_db: statements, transactions and their errors. */
#include "cache/store/store_db.h"

#include <stdarg.h>
#include <string.h>

#include <sqlite3.h>

#include "cache/base/sql.h"
#include "cache/base/text.h"

/* Errors. */

static int
code_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return E_NOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return E_PARSE;
	case SQLITE_FULL:
	case SQLITE_READONLY:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return E_IO;
	default:
		return E_INTERNAL;
	}
}

int
store_db_fail(struct store_db *db, const char *tried, struct err *err)
{
	int code = sqlite3_extended_errcode(db->handle);
	int rc = code_of(code), sys = sqlite3_system_errno(db->handle);

	if (rc == E_PARSE)
		db->damaged = true;
	if ((code & 0xff) == SQLITE_BUSY || sys == 0 || rc != E_IO)
		return err_set(err, rc, "cannot %s '%s': %s", tried, db->path,
		    sqlite3_errmsg(db->handle));
	return err_set(err, rc, "cannot %s '%s': %s (%s)", tried, db->path,
	    sqlite3_errmsg(db->handle), strerror(sys));
}

/* Statements. */

/* Prepared when it is used first. NULL: it cannot be. */
static sqlite3_stmt *
statement(
    struct store_db *db, enum store_sql sql, const char *types, va_list ap)
{
	sqlite3_stmt **stmt = &db->stmts[sql];
	int code = SQLITE_OK;

	if (*stmt == NULL)
		code = sqlite3_prepare_v3(db->handle, store_sql_texts[sql], -1,
		    SQLITE_PREPARE_PERSISTENT, stmt, NULL);
	if (code == SQLITE_OK)
		code = sql_bind(*stmt, types, ap);
	return code == SQLITE_OK ? *stmt : NULL;
}

int
store_db_run(struct store_db *db, enum store_sql sql, struct err *err,
    const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;
	int rc = 0;

	va_start(ap, types);
	stmt = statement(db, sql, types, ap);
	va_end(ap);
	if (stmt == NULL || sqlite3_step(stmt) != SQLITE_DONE)
		rc = store_db_fail(db, "write", err);
	if (db->stmts[sql] != NULL)
		sql_let_go(db->stmts[sql]);
	return rc;
}

int
store_db_ask(struct store_db *db, enum store_sql sql, store_row_fn *fn,
    void *arg, struct err *err, const char *types, ...)
{
	int code = SQLITE_ERROR, rc = 0;
	sqlite3_stmt *stmt;
	bool on = true;
	va_list ap;

	va_start(ap, types);
	stmt = statement(db, sql, types, ap);
	va_end(ap);
	while (stmt != NULL && on && (code = sqlite3_step(stmt)) == SQLITE_ROW)
		on = fn(arg, stmt);
	if (on && code != SQLITE_DONE)
		rc = store_db_fail(db, "read", err);
	if (db->stmts[sql] != NULL)
		sql_let_go(db->stmts[sql]);
	return rc;
}

bool
store_row_id(sqlite3_stmt *row, int column, uint8_t out[32])
{
	const void *p = sqlite3_column_blob(row, column);

	if (p == NULL || sqlite3_column_bytes(row, column) != 32)
		return false;
	memcpy(out, p, 32);
	return true;
}

void
store_row_text(sqlite3_stmt *row, int column, char *out, size_t room)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	text_copy(out, room, text != NULL ? text : "");
}

/* Transactions. */

int
store_db_begin(struct store_db *db, struct err *err)
{
	return store_db_run(db, STORE_SQL_BEGIN, err, "");
}

int
store_db_end(struct store_db *db, int rc, struct err *err)
{
	struct err ignored;

	if (rc == 0)
		rc = store_db_run(db, STORE_SQL_COMMIT, err, "");
	/* Some errors have rolled back already. */
	if (rc != 0 && sqlite3_get_autocommit(db->handle) == 0)
		(void)!store_db_run(db, STORE_SQL_ROLLBACK, &ignored, "");
	return rc;
}
