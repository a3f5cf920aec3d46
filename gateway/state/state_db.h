/*
 * state_db: the one file that holds what operators have set over REST,
 * `state.db` in the state directory: an SQLite database of mode 0600 (write-
 * ahead log, synchronous=FULL). Without a state directory it is in memory, so
 * that there is one way for both. Everything here is the control thread's.
 *
 * A change is one transaction: state_db_begin, what writes, state_db_flush,
 * then what puts it in force, state_db_end. Stores that keep a part of it in
 * memory watch for the end. SQL is in state_sql.h alone.
 */
#ifndef GATEWAY_STATE_STATE_DB_H
#define GATEWAY_STATE_STATE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/state/state_sql.h"

#define STATE_DB_FILE "state.db"

struct sqlite3_stmt;
struct state_db;

/*
 * Opens or makes the file in dir (NULL: in memory) for this process alone: the
 * directory is locked (flock). Refused with a sentence: a directory that
 * another process uses or that an older version has written, a file of
 * something else or of a newer version, a damaged one (quick_check).
 */
int state_db_open(struct state_db **out, const char *dir, const struct log *log,
    struct err *err) MUST_USE;
/*
 * For reading alone, also while a gateway uses it: nothing is locked, made or
 * changed. The directory has been used by this version.
 */
int state_db_open_reading(
    struct state_db **out, const char *dir, struct err *err) MUST_USE;
void state_db_close(struct state_db *db);

/*
 * Looks at a whole file, also at one that a gateway uses meanwhile: structure,
 * indexes, references between tables. E_PARSE says what is wrong. Any thread.
 */
int state_db_check(const char *path, struct err *err) MUST_USE;

/*
 * Errors of all that follow: E_IO with sys_errno, ENOSPC when the disk, a quota
 * or a limit of the file's size is at its end; E_NOMEM; E_LIMIT when a value is
 * too large; E_INTERNAL for damage.
 */

/* There is one transaction at a time: it is the caller's until its end. */
int state_db_begin(struct state_db *db, struct err *err) MUST_USE;

/*
 * Writes out what was changed, uncommitted: a full disk says so here, before
 * anything is put in force.
 */
int state_db_flush(struct state_db *db, struct err *err) MUST_USE;

/*
 * Ends the transaction: rc == 0 commits, anything else rolls back and leaves
 * *err. Returns rc, or why it could not be committed: then it was rolled back.
 * Watchers have been called on return.
 */
int state_db_end(struct state_db *db, int rc, struct err *err) MUST_USE;

/*
 * Told of each end of a transaction: committed, or as if it had never been.
 * Owned by who watches; in its place until the database is closed.
 */
struct state_watch {
	void (*ended)(void *arg, bool committed);
	void *arg;
	struct state_watch *next;
};
void state_db_watch(struct state_db *db, struct state_watch *watch);

/*
 * Why the last attempt to write failed; NULL when it did not. Lent until the
 * next attempt.
 */
const char *state_db_trouble(const struct state_db *db);

/* A row of an answer. Columns count from 0. */
struct state_row {
	struct sqlite3_stmt *stmt;
};
/* NULL when it is NULL, no text, not UTF-8, or has a NUL within. Lent. */
const char *state_row_text(const struct state_row *row, int column);
bool state_row_is_null(const struct state_row *row, int column);
int64_t state_row_int(const struct state_row *row, int column);
const void *
state_row_blob(const struct state_row *row, int column, size_t *len);

/* Anything but 0 ends the reading and is what state_db_read returns. */
typedef int
state_row_fn(void *arg, const struct state_row *row, struct err *err);

/*
 * Runs a statement. Each letter of types is a parameter: t a const char * (may
 * be NULL), i an int64_t, b a const void * (may be NULL) and a size_t.
 * state_db_write wants a transaction; *changed, if not NULL, is how many rows
 * there are of it. fn gets the rows, in their order; it must not run the same
 * statement.
 */
int state_db_write(struct state_db *db, enum state_sql sql, int64_t *changed,
    struct err *err, const char *types, ...) MUST_USE;
int state_db_read(struct state_db *db, enum state_sql sql, state_row_fn *fn,
    void *arg, struct err *err, const char *types, ...) MUST_USE;
/* The number in the first column of the first row; 0 when there is none. */
int state_db_number(struct state_db *db, enum state_sql sql, int64_t *out,
    struct err *err) MUST_USE;

#endif
