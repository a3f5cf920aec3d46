/*
 * store_open: from a directory to a database that can be used: made, checked,
 * read where it cannot be written, set aside where it is damaged.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <sqlite3.h>

#include "cache/base/sql.h"
#include "cache/store/store_db.h"
#include "cache/store/store_file.h"

#define BUSY_MS 1000 /* another process writes */

#define DB_FILE "v2/evidence.db"
#define ASIDE   ".aside"

bool
store_db_never_was(const char *dir)
{
	char path[STORE_PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/" DB_FILE, dir);
	return stat(path, &st) == 0 ? st.st_size == 0 : errno == ENOENT;
}

int
store_db_prepare(const char *dir, struct err *err)
{
	char path[STORE_PATH_MAX];
	struct stat st;

	if (strlen(dir) > STORE_DIR_MAX)
		return err_set(err, E_ARG, "state directory name is too long");
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_sys(
		    err, "cannot make the state directory '%s'", dir);
	if (stat(dir, &st) != 0)
		return err_sys(
		    err, "cannot look at the state directory '%s'", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(
		    err, E_ARG, "state directory '%s' is not a directory", dir);
	snprintf(path, sizeof(path), "%s/v2", dir);
	if (mkdir(path, 0700) == 0)
		snprintf(path, sizeof(path), "%s/v2/crl", dir);
	else if (errno == EEXIST)
		snprintf(path, sizeof(path), "%s/v2/crl", dir);
	else if (errno == ENOSPC || errno == EDQUOT || errno == EROFS)
		return 0;
	else
		return err_sys(err, "cannot make '%s'", path);
	if (mkdir(path, 0700) != 0 && errno != EEXIST && errno != ENOSPC &&
	    errno != EDQUOT && errno != EROFS && errno != EACCES)
		return err_sys(err, "cannot make '%s'", path);
	return 0;
}

static int
run_text(struct store_db *db, const char *sql, struct err *err)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK
	    ? 0
	    : store_db_fail(db, "open", err);
}

static int
check_kind(struct store_db *db, bool *empty, struct err *err)
{
	struct sql_kind kind;

	if (sql_ask_kind(db->handle, &kind) != SQLITE_OK)
		return store_db_fail(db, "open", err);
	*empty = kind.empty;
	if (kind.empty)
		return 0;
	if (kind.application_id != STORE_SQL_APPLICATION_ID)
		return err_set(err, E_PARSE,
		    "'%s' is not a database of revocation evidence: move it "
		    "away",
		    db->path);
	if (kind.version != STORE_SQL_VERSION)
		return err_set(err, E_PARSE,
		    "'%s' has layout %lld, which this version does not read "
		    "(expected %d): move it away, or use another state "
		    "directory",
		    db->path, (long long)kind.version, STORE_SQL_VERSION);
	return 0;
}

/* Of what cannot be fetched again; the rest is found out when it is read. */
static int
check_whole(struct store_db *db, struct err *err)
{
	static const char *const sql[] = {
	    "PRAGMA quick_check('floor')", "PRAGMA quick_check('known')"};
	char said[128];

	for (size_t i = 0; i < 2; i++) {
		if (sql_ask_text(db->handle, sql[i], said, sizeof(said)) !=
		    SQLITE_OK)
			return store_db_fail(db, "open", err);
		if (strcmp(said, "ok") != 0) {
			db->damaged = true;
			return err_set(err, E_PARSE, "'%s' is damaged: %s",
			    db->path, said);
		}
	}
	return 0;
}

static int
make_tables(struct store_db *db, struct err *err)
{
	int code = sql_make_tables(db->handle, store_sql_tables,
	    STORE_SQL_APPLICATION_ID, STORE_SQL_VERSION);

	if (code == SQLITE_NOMEM)
		return err_set(err, E_NOMEM, "out of memory");
	return code == SQLITE_OK ? 0 : store_db_fail(db, "open", err);
}

static int
open_handle(struct store_db *db, const char *name, int flags, struct err *err)
{
	sqlite3_close(db->handle);
	db->handle = NULL;
	if (sqlite3_open_v2(name, &db->handle, flags | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK)
		return db->handle != NULL
		    ? store_db_fail(db, "open", err)
		    : err_set(err, E_NOMEM, "out of memory");
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	sqlite3_db_config(
	    db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	return 0;
}

static int
open_to_write(struct store_db *db, struct err *err)
{
	bool empty = true;
	int rc;

	rc = open_handle(db, db->path, SQLITE_OPEN_READWRITE, err);
	if (rc == 0)
		rc = check_kind(db, &empty, err);
	if (rc == 0 && empty)
		rc = run_text(db, "PRAGMA auto_vacuum = INCREMENTAL", err);
	if (rc == 0)
		rc = run_text(db,
		    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		    "PRAGMA journal_size_limit = 16777216;"
		    "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
		    "PRAGMA cell_size_check = ON;",
		    err);
	if (rc == 0 && sqlite3_db_readonly(db->handle, "main") == 1)
		rc = err_set(err, E_IO, "cannot write to '%s'", db->path);
	if (rc == 0)
		rc = empty ? make_tables(db, err) : check_whole(db, err);
	return rc;
}

/* What SQLite calls a URI of this file. */
static char *
uri_of(const char *path)
{
	char *uri = malloc(3 * strlen(path) + 32), *at = uri;

	if (uri == NULL)
		return NULL;
	at += sprintf(at, "file:");
	for (; *path != '\0'; path++)
		at += sprintf(at, strchr("%?# ", *path) ? "%%%02x" : "%c",
		    (unsigned char)*path);
	sprintf(at, "?immutable=1");
	return uri;
}

/*
 * A file that cannot be written to, in a directory that cannot be either. What
 * the log holds besides is not read without the means to do so.
 */
static int
open_to_read(struct store_db *db, struct err *err)
{
	bool empty = false;
	struct stat st;
	char *wal, *uri;
	int rc;

	db->readonly = true;
	rc = open_handle(db, db->path, SQLITE_OPEN_READONLY, err);
	if (rc == 0)
		rc = check_kind(db, &empty, err);
	if (rc == E_IO && asprintf(&wal, "%s-wal", db->path) >= 0) {
		uri = uri_of(db->path);
		if (uri != NULL && (stat(wal, &st) != 0 || st.st_size == 0)) {
			rc = open_handle(db, uri,
			    SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
			if (rc == 0)
				rc = check_kind(db, &empty, err);
		}
		free(uri);
		free(wal);
	}
	if (rc == 0 && empty)
		rc = err_set(err, E_IO, "cannot write to '%s'", db->path);
	return rc;
}

/* Its mode is ours and not SQLite's. A link was not made by this program. */
static int
make_file(struct store_db *db, enum store_db_use use, struct err *err)
{
	int flags = use == STORE_DB_MAKE ? O_RDWR | O_CREAT : O_RDONLY;
	int fd = open(db->path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 && (errno == EROFS || errno == EACCES))
		fd = open(db->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT && use == STORE_DB_LOOK)
		return access(db->dir, R_OK | X_OK) == 0
		    ? 0
		    : err_sys(err, "cannot read '%s'", db->dir);
	if (fd < 0)
		return err_sys(err, "cannot open '%s'", db->path);
	close(fd);
	return 1;
}

static void
db_shut(struct store_db *db)
{
	for (int i = 0; i < STORE_SQL_NUM; i++) {
		sqlite3_finalize(db->stmts[i]);
		db->stmts[i] = NULL;
	}
	sqlite3_close(db->handle);
	db->handle = NULL;
}

/* The database goes aside, whatever was there before, with its log. */
static int
set_aside(struct store_db *db, const char *why, struct err *err)
{
	static const char *const end[] = {"", "-wal", "-shm"};
	int rc = 0;

	db_shut(db);
	for (size_t i = 0; i < 3 && rc == 0; i++) {
		char *from, *to;

		if (asprintf(&from, "%s%s", db->path, end[i]) < 0)
			return err_set(err, E_NOMEM, "out of memory");
		if (asprintf(&to, "%s" ASIDE "%s", db->path, end[i]) < 0) {
			free(from);
			return err_set(err, E_NOMEM, "out of memory");
		}
		if (rename(from, to) != 0 && errno != ENOENT)
			rc = err_sys(err, "cannot rename '%s'", from);
		free(from);
		free(to);
	}
	if (rc == 0)
		log_line(db->log, LOG_LEVEL_WARN,
		    "set '%s' aside as '%s" ASIDE "' and begin anew: %s",
		    db->path, db->path, why);
	db->damaged = false;
	return rc;
}

/* What can be read of it goes into the new one. */
static int
salvage(struct store_db *db, struct err *err)
{
	struct store_db old = {.use = STORE_DB_LOOK};
	uint64_t floors = 0, known = 0;
	struct err ignored;
	int rc;

	if (asprintf(&old.path, "%s" ASIDE, db->path) < 0)
		return err_set(err, E_NOMEM, "out of memory");
	rc = store_db_begin(db, err);
	if (rc == 0) {
		if (open_handle(
			&old, old.path, SQLITE_OPEN_READWRITE, &ignored) == 0)
			rc = store_db_salvage(db, &old, &floors, &known, err);
		rc = store_db_end(db, rc, err);
	}
	if (rc == 0)
		log_line(db->log, LOG_LEVEL_WARN,
		    "'%s' has %llu known revocations and %llu numbers of CRLs "
		    "from the damaged one; what could not be read is "
		    "forgotten, and evidence is fetched again",
		    db->path, (unsigned long long)known,
		    (unsigned long long)floors);
	db_shut(&old);
	free(old.path);
	return rc;
}

static int
open_any(struct store_db *db, enum store_db_use use, struct err *err)
{
	struct err why;
	int rc;

	for (int tries = 0; tries < 2; tries++) {
		rc = make_file(db, use, err);
		if (rc <= 0)
			return rc;
		rc = open_to_write(db, err);
		if (rc == E_IO) {
			why = *err;
			if (open_to_read(db, err) == 0)
				return 1;
			*err = why;
		}
		if (rc == 0)
			return tries == 0 || salvage(db, err) == 0 ? 1 : E_IO;
		if (!db->damaged || use != STORE_DB_MAKE)
			return rc;
		why = *err;
		rc = set_aside(db, why.msg, err);
		if (rc != 0)
			return rc;
	}
	return err_set(err, E_INTERNAL, "cannot make '%s'", db->path);
}

int
store_db_renew(struct store_db *db, struct err *err)
{
	int rc = set_aside(db, "it is damaged", err);

	if (rc == 0)
		rc = open_any(db, db->use, err) == 1 ? salvage(db, err) : E_IO;
	return rc;
}

int
store_db_open(struct store_db **out, const char *dir, enum store_db_use use,
    const struct log *log, struct err *err)
{
	struct store_db *db = calloc(1, sizeof(*db));
	struct err why = {0};
	int rc = -1;

	*out = NULL;
	if (db == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	db->use = use;
	db->log = log;
	db->dir = strdup(dir);
	if (db->dir == NULL || asprintf(&db->path, "%s/" DB_FILE, dir) < 0) {
		db->path = NULL;
		rc = err_set(&why, E_NOMEM, "out of memory");
	} else if (strlen(dir) > STORE_DIR_MAX) {
		rc = err_set(&why, E_ARG, "state directory name is too long");
	} else {
		rc = open_any(db, use, &why);
	}
	if (rc == 1) {
		*out = db;
		return 0;
	}
	store_db_close(db);
	if (rc < 0 && err != NULL)
		*err = why;
	return rc;
}

void
store_db_close(struct store_db *db)
{
	if (db == NULL)
		return;
	db_shut(db);
	free(db->path);
	free(db->dir);
	free(db);
}
