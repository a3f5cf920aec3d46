/* sql: see the header. */
#include "cache/base/sql.h"

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
