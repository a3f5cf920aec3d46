/*
 * sql: what every database of ours asks of SQLite: what kind it is and its
 * tables, when it is opened, and parameters for its statements. Errors are
 * SQLite's codes; what they mean is for the caller, while sqlite3_errmsg still
 * says it. The thread of the handle.
 */
#ifndef CACHE_BASE_SQL_H
#define CACHE_BASE_SQL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

/* The first column of the first row; "" or 0 where there is no row. */
int sql_ask_text(sqlite3 *handle, const char *sql, char *out, size_t room);
int sql_ask_number(sqlite3 *handle, const char *sql, int64_t *out);

/*
 * Binds the parameters, by a character each: 't' a text, 'i' an int64_t, 'b' a
 * blob and its size_t, 'd' a digest of 32 bytes. Texts and bytes are lent until
 * sql_let_go.
 */
int sql_bind(sqlite3_stmt *stmt, const char *types, va_list ap);
/* The statement is as before its parameters. */
void sql_let_go(sqlite3_stmt *stmt);

struct sql_kind {
	int64_t application_id, version; /* PRAGMA user_version */
	bool empty;                      /* nothing was ever written into it */
};

int sql_ask_kind(sqlite3 *handle, struct sql_kind *out);

/* Makes the tables and says what kind it is, in one transaction. */
int sql_make_tables(
    sqlite3 *handle, const char *tables, int application_id, int version);

#endif
