/* state_db: see the header. */
#include "gateway/state/state_db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <sqlite3.h>

#include "cache/base/sql.h"
#include "gateway/base/json.h"

#define BUSY_MS 200 /* somebody reads, or makes a copy */

struct state_db {
	sqlite3 *handle;
	sqlite3_stmt *stmts[STATE_SQL_NUM];
	struct state_watch *watches;
	const struct log *log;
	char *path; /* for people */
	int dir_fd; /* locked; -1: in memory */
	bool changing;
	bool troubled;
	struct err trouble;
};

/* What an older version kept its state in. */
static const char *const old_files[] = {"sections.journal", "denylist.journal",
    "subjects.journal", "keys.journal", "certificates.journal",
    "holdings.journal", NULL};

/* Errors. */

/* sys: of the call that failed, or 0. */
static int
errno_of(int code, int sys)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_READONLY:
		return EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	default:
		/* A quota or a limit is a full disk to who may not write. */
		return sys == EDQUOT || sys == EFBIG ? ENOSPC
		    : sys != 0                       ? sys
						     : EIO;
	}
}

static int
code_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return E_NOMEM;
	case SQLITE_TOOBIG:
		return E_LIMIT;
	case SQLITE_FULL:
	case SQLITE_READONLY:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return E_IO;
	default:
		return E_INTERNAL;
	}
}

static int
code_fail(int code, int sys, const char *says, const char *path,
    const char *tried, struct err *err)
{
	if (code_of(code) != E_IO)
		return err_set(err, code_of(code), "cannot %s '%s': %s", tried,
		    path, says);
	sys = errno_of(code, sys);
	err_set(err, E_IO, "cannot %s '%s': %s (%s)", tried, path,
	    strerror(sys), says);
	if (err != NULL)
		err->sys_errno = sys;
	return E_IO;
}

/* What SQLite says last, about what was tried. */
static int
sql_fail(sqlite3 *handle, const char *path, const char *tried, struct err *err)
{
	return code_fail(sqlite3_extended_errcode(handle),
	    sqlite3_system_errno(handle), sqlite3_errmsg(handle), path, tried,
	    err);
}

/* Of the last call that failed on the log. The handle does not keep them all.
 */
static int
log_errno(sqlite3 *handle)
{
	sqlite3_file *log = NULL;
	int sys = 0;

	if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER,
		&log) == SQLITE_OK &&
	    log != NULL && log->pMethods != NULL)
		log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &sys);
	return sys != 0 ? sys : sqlite3_system_errno(handle);
}

/* A write that failed: remembered until one succeeds. */
static int
write_failed(struct state_db *db, int code, const char *says, struct err *err)
{
	struct err why;
	int rc = code_fail(
	    code, log_errno(db->handle), says, db->path, "write", &why);

	if (rc != E_LIMIT) {
		if (!db->troubled)
			log_line(db->log, LOG_LEVEL_ERROR,
			    "changes cannot be kept: %s", why.msg);
		db->troubled = true;
		db->trouble = why;
	}
	if (err != NULL)
		*err = why;
	return rc;
}

static int
last_write_failed(struct state_db *db, struct err *err)
{
	return write_failed(db, sqlite3_extended_errcode(db->handle),
	    sqlite3_errmsg(db->handle), err);
}

const char *
state_db_trouble(const struct state_db *db)
{
	return db->troubled ? db->trouble.msg : NULL;
}

/* Statements. */

static sqlite3_stmt *
bind_all(struct state_db *db, enum state_sql sql, const char *types, va_list ap)
{
	sqlite3_stmt *stmt = db->stmts[sql];

	assert(!sqlite3_stmt_busy(stmt));
	return sql_bind(stmt, types, ap) == SQLITE_OK ? stmt : NULL;
}

static int
run_plain(struct state_db *db, enum state_sql sql)
{
	int code = sqlite3_step(db->stmts[sql]);

	sqlite3_reset(db->stmts[sql]);
	return code == SQLITE_DONE ? 0 : -1;
}

int
state_db_write(struct state_db *db, enum state_sql sql, int64_t *changed,
    struct err *err, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;
	int rc = 0;

	assert(db->changing);
	va_start(ap, types);
	stmt = bind_all(db, sql, types, ap);
	va_end(ap);
	if (stmt == NULL || sqlite3_step(stmt) != SQLITE_DONE)
		rc = last_write_failed(db, err);
	else if (changed != NULL)
		*changed = sqlite3_changes64(db->handle);
	sql_let_go(db->stmts[sql]);
	return rc;
}

int
state_db_read(struct state_db *db, enum state_sql sql, state_row_fn *fn,
    void *arg, struct err *err, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;
	int rc = 0, code = SQLITE_ERROR;

	va_start(ap, types);
	stmt = bind_all(db, sql, types, ap);
	va_end(ap);
	while (stmt != NULL && rc == 0 &&
	    (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		const struct state_row row = {.stmt = stmt};

		rc = fn(arg, &row, err);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = sql_fail(db->handle, db->path, "read", err);
	sql_let_go(db->stmts[sql]);
	return rc;
}

static int
take_number(void *arg, const struct state_row *row, struct err *err)
{
	*(int64_t *)arg = state_row_int(row, 0);
	(void)err;
	return 0;
}

int
state_db_number(
    struct state_db *db, enum state_sql sql, int64_t *out, struct err *err)
{
	*out = 0;
	return state_db_read(db, sql, take_number, out, err, "");
}

const char *
state_row_text(const struct state_row *row, int column)
{
	const char *text;
	size_t len;

	if (sqlite3_column_type(row->stmt, column) != SQLITE_TEXT)
		return NULL;
	text = (const char *)sqlite3_column_text(row->stmt, column);
	len = (size_t)sqlite3_column_bytes(row->stmt, column);
	return text != NULL && strlen(text) == len && json_utf8(text, len)
	    ? text
	    : NULL;
}

bool
state_row_is_null(const struct state_row *row, int column)
{
	return sqlite3_column_type(row->stmt, column) == SQLITE_NULL;
}

int64_t
state_row_int(const struct state_row *row, int column)
{
	return sqlite3_column_int64(row->stmt, column);
}

const void *
state_row_blob(const struct state_row *row, int column, size_t *len)
{
	const void *p = sqlite3_column_blob(row->stmt, column);

	*len = (size_t)sqlite3_column_bytes(row->stmt, column);
	return p;
}

/* Transactions. */

int
state_db_begin(struct state_db *db, struct err *err)
{
	assert(!db->changing);
	if (run_plain(db, STATE_SQL_BEGIN) != 0)
		return last_write_failed(db, err);
	db->changing = true;
	return 0;
}

int
state_db_flush(struct state_db *db, struct err *err)
{
	int code;

	assert(db->changing);
	code = sqlite3_db_cacheflush(db->handle);
	return code == SQLITE_OK
	    ? 0
	    : write_failed(db, code, sqlite3_errstr(code), err);
}

void
state_db_watch(struct state_db *db, struct state_watch *watch)
{
	watch->next = db->watches;
	db->watches = watch;
}

int
state_db_end(struct state_db *db, int rc, struct err *err)
{
	assert(db->changing);
	if (rc == 0 && run_plain(db, STATE_SQL_COMMIT) != 0)
		rc = last_write_failed(db, err);
	else if (rc == 0)
		db->troubled = false;
	/* Some errors have rolled back already. */
	if (rc != 0 && sqlite3_get_autocommit(db->handle) == 0 &&
	    run_plain(db, STATE_SQL_ROLLBACK) != 0)
		log_line(db->log, LOG_LEVEL_ERROR, "cannot roll back: %s",
		    sqlite3_errmsg(db->handle));
	db->changing = false;
	for (struct state_watch *w = db->watches; w != NULL; w = w->next)
		w->ended(w->arg, rc == 0);
	return rc;
}

/* Opening. */

static int
refuse_old(const char *dir, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; old_files[i] != NULL && rc == 0; i++) {
		char *path;

		if (asprintf(&path, "%s/%s", dir, old_files[i]) < 0)
			return err_set(err, E_NOMEM, "out of memory");
		if (access(path, F_OK) == 0 || errno != ENOENT)
			rc = err_set(err, E_PARSE,
			    "'%s' is of an older version, which this one does "
			    "not read: move it away and set anew over REST "
			    "what it held",
			    path);
		free(path);
	}
	return rc;
}

/* For this process; the file's mode is ours and not SQLite's. */
static int
claim(struct state_db *db, const char *dir, struct err *err)
{
	int fd;

	db->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (db->dir_fd < 0)
		return err_sys(
		    err, "cannot open the state directory '%s'", dir);
	if (flock(db->dir_fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK
		    ? err_set(err, E_IO,
			  "the state directory '%s' is in use by another "
			  "process",
			  dir)
		    : err_sys(err, "cannot lock the state directory '%s'", dir);
	if (asprintf(&db->path, "%s/" STATE_DB_FILE, dir) < 0) {
		db->path = NULL;
		return err_set(err, E_NOMEM, "out of memory");
	}
	fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(err, "cannot open '%s'", db->path);
	close(fd);
	return fsync(db->dir_fd) == 0
	    ? 0
	    : err_sys(err, "cannot sync the state directory '%s'", dir);
}

static int
run_text(struct state_db *db, const char *sql, struct err *err)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK
	    ? 0
	    : sql_fail(db->handle, db->path, "open", err);
}

static int
check_kind(sqlite3 *handle, const char *path, bool *empty, struct err *err)
{
	struct sql_kind kind;

	if (sql_ask_kind(handle, &kind) != SQLITE_OK)
		return sql_fail(handle, path, "open", err);
	*empty = kind.empty;
	if (kind.empty)
		return 0;
	if (kind.application_id != STATE_SQL_APPLICATION_ID)
		return err_set(err, E_PARSE,
		    "'%s' is not the state of a p2p-gateway", path);
	if (kind.version != STATE_SQL_VERSION)
		return err_set(err, E_PARSE,
		    "'%s' has layout %lld, which this version does not read: "
		    "expected %d",
		    path, (long long)kind.version, STATE_SQL_VERSION);
	return 0;
}

static int
check_whole(
    sqlite3 *handle, const char *path, const char *pragma, struct err *err)
{
	char said[200];

	if (sql_ask_text(handle, pragma, said, sizeof(said)) != SQLITE_OK)
		return sql_fail(handle, path, "open", err);
	if (strcmp(said, "ok") != 0)
		return err_set(
		    err, E_PARSE, "'%s' is damaged: %.100s", path, said);
	return 0;
}

static int
make_tables(struct state_db *db, struct err *err)
{
	int code = sql_make_tables(db->handle, state_sql_tables,
	    STATE_SQL_APPLICATION_ID, STATE_SQL_VERSION);

	if (code == SQLITE_NOMEM)
		return err_set(err, E_NOMEM, "out of memory");
	return code == SQLITE_OK ? 0
				 : sql_fail(db->handle, db->path, "open", err);
}

static int
prepare_all(struct state_db *db, struct err *err)
{
	for (int i = 0; i < STATE_SQL_NUM; i++)
		if (sqlite3_prepare_v3(db->handle, state_sql_texts[i], -1,
			SQLITE_PREPARE_PERSISTENT, &db->stmts[i],
			NULL) != SQLITE_OK)
			return sql_fail(db->handle, db->path, "open", err);
	return 0;
}

static int
open_file(struct state_db *db, struct err *err)
{
	bool empty = true;
	int rc;

	if (sqlite3_open_v2(db->path, &db->handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK)
		return db->handle != NULL
		    ? sql_fail(db->handle, db->path, "open", err)
		    : err_set(err, E_NOMEM, "out of memory");
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	sqlite3_db_config(
	    db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	rc = check_kind(db->handle, db->path, &empty, err);
	if (rc == 0)
		rc = run_text(db,
		    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		    "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;",
		    err);
	if (rc == 0 && empty)
		rc = make_tables(db, err);
	else if (rc == 0)
		rc = check_whole(
		    db->handle, db->path, "PRAGMA quick_check(1)", err);
	if (rc == 0)
		rc = run_text(db, state_sql_more_tables, err);
	return rc == 0 ? prepare_all(db, err) : rc;
}

int
state_db_open(struct state_db **out, const char *dir, const struct log *log,
    struct err *err)
{
	struct state_db *db = calloc(1, sizeof(*db));
	int rc = 0;

	*out = NULL;
	if (db == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	db->log = log;
	db->dir_fd = -1;
	if (dir != NULL) {
		rc = refuse_old(dir, err);
		if (rc == 0)
			rc = claim(db, dir, err);
	} else if ((db->path = strdup(":memory:")) == NULL) {
		rc = err_set(err, E_NOMEM, "out of memory");
	}
	if (rc == 0)
		rc = open_file(db, err);
	if (rc != 0) {
		state_db_close(db);
		return rc;
	}
	*out = db;
	return 0;
}

int
state_db_open_reading(struct state_db **out, const char *dir, struct err *err)
{
	struct state_db *db = calloc(1, sizeof(*db));
	bool empty;
	int rc = 0;

	*out = NULL;
	if (db == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	db->dir_fd = -1;
	if (asprintf(&db->path, "%s/" STATE_DB_FILE, dir) < 0) {
		db->path = NULL;
		rc = err_set(err, E_NOMEM, "out of memory");
	}
	if (rc == 0 &&
	    sqlite3_open_v2(db->path, &db->handle,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		rc = db->handle != NULL
		    ? sql_fail(db->handle, db->path, "open", err)
		    : err_set(err, E_NOMEM, "out of memory");
	if (rc == 0) {
		sqlite3_busy_timeout(db->handle, BUSY_MS);
		rc = check_kind(db->handle, db->path, &empty, err);
	}
	if (rc == 0)
		rc = prepare_all(db, err);
	if (rc != 0) {
		state_db_close(db);
		return rc;
	}
	*out = db;
	return 0;
}

void
state_db_close(struct state_db *db)
{
	if (db == NULL)
		return;
	for (int i = 0; i < STATE_SQL_NUM; i++)
		sqlite3_finalize(db->stmts[i]);
	sqlite3_close(db->handle);
	if (db->dir_fd >= 0)
		close(db->dir_fd);
	free(db->path);
	free(db);
}

int
state_db_check(const char *path, struct err *err)
{
	sqlite3 *handle = NULL;
	char broken[200];
	bool empty;
	int rc = 0;

	if (sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL) !=
	    SQLITE_OK) {
		rc = handle != NULL ? sql_fail(handle, path, "open", err)
				    : err_set(err, E_NOMEM, "out of memory");
		sqlite3_close(handle);
		return rc;
	}
	sqlite3_busy_timeout(handle, BUSY_MS);
	rc = check_kind(handle, path, &empty, err);
	if (rc == 0)
		rc =
		    check_whole(handle, path, "PRAGMA integrity_check(1)", err);
	if (rc == 0)
		rc = sql_ask_text(handle, "PRAGMA foreign_key_check", broken,
			 sizeof(broken)) == SQLITE_OK
		    ? 0
		    : sql_fail(handle, path, "open", err);
	if (rc == 0 && broken[0] != '\0')
		rc = err_set(err, E_PARSE,
		    "'%s' is damaged: table %.100s refers to what is not there",
		    path, broken);
	sqlite3_close(handle);
	return rc;
}
