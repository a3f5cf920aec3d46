/* sql: see the header. */
#include "cache/base/sql.h"

#include <assert.h>

#include "cache/base/text.h"

typedef void take_fn(sqlite3_stmt *row, void *out, size_t room);

static void
take_text(sqlite3_stmt *row, void *out, size_t room)
{
	const char *text = (const char *)sqlite3_column_text(row, 0);

	text_copy(out, room, text != NULL ? text : "");
}

static void
take_number(sqlite3_stmt *row, void *out, size_t room)
{
	(void)room;
	*(int64_t *)out = sqlite3_column_int64(row, 0);
}

static int
ask(sqlite3 *handle, const char *sql, take_fn *take, void *out, size_t room)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		take(stmt, out, room);
	sqlite3_finalize(stmt);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

int
sql_ask_text(sqlite3 *handle, const char *sql, char *out, size_t room)
{
	out[0] = '\0';
	return ask(handle, sql, take_text, out, room);
}

int
sql_ask_number(sqlite3 *handle, const char *sql, int64_t *out)
{
	*out = 0;
	return ask(handle, sql, take_number, out, sizeof(*out));
}

int
sql_ask_kind(sqlite3 *handle, struct sql_kind *out)
{
	int64_t tables = 0;
	int code = sql_ask_number(
	    handle, "PRAGMA application_id", &out->application_id);

	if (code == SQLITE_OK)
		code = sql_ask_number(
		    handle, "PRAGMA user_version", &out->version);
	if (code == SQLITE_OK)
		code = sql_ask_number(
		    handle, "SELECT count(*) FROM sqlite_schema", &tables);
	out->empty = code == SQLITE_OK && out->application_id == 0 &&
	    out->version == 0 && tables == 0;
	return code;
}

int
sql_make_tables(
    sqlite3 *handle, const char *tables, int application_id, int version)
{
	char *sql = sqlite3_mprintf("BEGIN IMMEDIATE; %s"
				    "PRAGMA application_id = %d;"
				    "PRAGMA user_version = %d; COMMIT",
	    tables, application_id, version);
	int code;

	if (sql == NULL)
		return SQLITE_NOMEM;
	code = sqlite3_exec(handle, sql, NULL, NULL, NULL);
	sqlite3_free(sql);
	return code;
}

static int
bind_one(sqlite3_stmt *stmt, int at, char type, va_list *ap)
{
	const void *blob;
	size_t len = 32;

	switch (type) {
	case 't':
		return sqlite3_bind_text(
		    stmt, at, va_arg(*ap, const char *), -1, SQLITE_STATIC);
	case 'i':
		return sqlite3_bind_int64(stmt, at, va_arg(*ap, int64_t));
	case 'b':
		blob = va_arg(*ap, const void *);
		len = va_arg(*ap, size_t);
		break;
	case 'd':
		blob = va_arg(*ap, const void *);
		break;
	default:
		assert(!"a type of parameter");
		return SQLITE_MISUSE;
	}
	if (blob != NULL && len == 0)
		return sqlite3_bind_zeroblob(stmt, at, 0);
	return sqlite3_bind_blob64(stmt, at, blob, len, SQLITE_STATIC);
}

int
sql_bind(sqlite3_stmt *stmt, const char *types, va_list ap)
{
	int code = SQLITE_OK;
	va_list copy;

	va_copy(copy, ap);
	for (int i = 0; types[i] != '\0' && code == SQLITE_OK; i++)
		code = bind_one(stmt, i + 1, types[i], &copy);
	va_end(copy);
	return code;
}

void
sql_let_go(sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}
