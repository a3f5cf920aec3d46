/*
 * store_db: DIR/v2/evidence.db, an SQLite database of mode 0600 (write-ahead
 * log), and the files beside it, without a thread of its own: what the store
 * does on its thread and what tools do with a directory that an engine may be
 * using. One thread at a time. What a call writes is a part of the transaction
 * that its caller has begun.
 *
 * synchronous is FULL: a commit is on the disk when it returns. It is one sync
 * for all that gathered while the one before ran, on a thread for which nobody
 * waits; NORMAL would save it and forget, with the power, who was revoked.
 */
#ifndef CACHE_STORE_STORE_DB_H
#define CACHE_STORE_STORE_DB_H

#include "cache/base/clock.h"
#include "cache/base/log.h"
#include "cache/store/store.h"
#include "cache/store/store_sql.h"

struct sqlite3;
struct sqlite3_stmt;

/* Rows that are remembered, of all issuers and of one. */
#define STORE_FLOORS_MAX       20000
#define STORE_FLOORS_OWNER_MAX 10000
#define STORE_KNOWN_MAX        200000
#define STORE_KNOWN_OWNER_MAX  100000

enum store_db_use {
	STORE_DB_MAKE, /* makes what is missing, sets aside what is damaged */
	STORE_DB_LOOK, /* what is there */
};

struct store_db {
	enum store_db_use use;
	struct sqlite3 *handle;
	struct sqlite3_stmt *stmts[STORE_SQL_NUM];
	char *dir;  /* the state directory */
	char *path; /* of the database */
	const struct log *log;
	struct wall_clock clock; /* of last use */
	bool readonly;           /* nothing can be written: the disk says so */
	bool damaged;      /* found while it was used: close it, open it anew */
	bool told_full[2]; /* floors, known: that the oldest give way */
};

/*
 * Makes the directories. E_ARG, E_IO: there can be none. A disk that is full or
 * read-only is no error: store_db_open says so.
 */
int store_db_prepare(const char *dir, struct err *err) MUST_USE;

/*
 * E_PARSE: the database is of something else or of a newer version, which the
 * sentence says, or (LOOK) damaged. E_IO: not now (a disk that is full, another
 * process that has it locked). LOOK: 0 and *out NULL when nothing is kept
 * there. What cannot be written to is read.
 */
int store_db_open(struct store_db **out, const char *dir, enum store_db_use use,
    const struct log *log, struct err *err) MUST_USE;
/* There is no database in dir, or an empty one: nothing is known. */
bool store_db_never_was(const char *dir);
/* One that is damaged, set aside and made anew (MAKE). */
int store_db_renew(struct store_db *db, struct err *err) MUST_USE;
void store_db_close(struct store_db *db);

int store_db_begin(struct store_db *db, struct err *err) MUST_USE;
/* rc != 0 rolls back. Returns rc, or why it could not be committed. */
int store_db_end(struct store_db *db, int rc, struct err *err) MUST_USE;

/* What SQLite says of the last call, about what was tried; damage is marked. */
int store_db_fail(struct store_db *db, const char *tried, struct err *err);

/*
 * Runs a statement without an answer. Each letter of types is a parameter: t a
 * const char *, i an int64_t, b a const void * (may be NULL) and a size_t,
 * d 32 octets. 0, or E_*; damage is marked.
 */
int store_db_run(struct store_db *db, enum store_sql sql, struct err *err,
    const char *types, ...) MUST_USE;
/*
 * The same with an answer: fn for each row until it returns false. fn may run
 * other statements, not the same.
 */
typedef bool store_row_fn(void *arg, struct sqlite3_stmt *row);
int store_db_ask(struct store_db *db, enum store_sql sql, store_row_fn *fn,
    void *arg, struct err *err, const char *types, ...) MUST_USE;
/* 32 octets of a column; false when it holds something else. */
bool store_row_id(struct sqlite3_stmt *row, int column, uint8_t out[32]);
/* A text, cut to fit. */
void
store_row_text(struct sqlite3_stmt *row, int column, char *out, size_t room);

/* Documents. */

/* 1, 0, or negative. */
int store_db_has(struct store_db *db, const uint8_t sha256[32]) MUST_USE;

void store_db_digest(uint8_t out[32], struct span der);

/*
 * Keeps a document and that its source has it. The file of a CRL is written by
 * store_file_write before.
 */
int store_db_save(struct store_db *db, const struct store_meta *m,
    const uint8_t sha256[32], struct span der, struct err *err) MUST_USE;
/*
 * What a source has. *out NULL: nothing. What is torn is set aside. A response
 * longer than max_ocsp is not given.
 */
int store_db_load(struct store_db *db, const struct evidence_key *source,
    size_t max_ocsp, struct store_found **out, struct err *err) MUST_USE;
int store_db_touch(struct store_db *db, const struct evidence_key *source,
    struct err *err) MUST_USE;
int store_db_drop(struct store_db *db, const struct evidence_key *source,
    const uint8_t sha256[32], struct err *err) MUST_USE;
int store_db_reject(struct store_db *db, const uint8_t sha256[32],
    const char *why, struct err *err) MUST_USE;
/* source NULL: all. How many documents of sources went. */
int store_db_forget(struct store_db *db, const struct evidence_key *source,
    struct err *err) MUST_USE;
/* Removes the files of what is gone; after a commit. */
int store_db_clean(struct store_db *db, struct err *err) MUST_USE;
/* Makes room. *gone: how many documents went. */
int store_db_evict(struct store_db *db, uint64_t max_bytes,
    uint64_t max_owner_bytes, uint64_t *gone, struct err *err) MUST_USE;
int store_db_total(struct store_db *db, uint64_t *bytes, uint64_t *documents,
    struct err *err) MUST_USE;
/*
 * Calls fn for every document of every source until it returns false; in the
 * order of the sources. The record is lent; one that cannot be read has an
 * error (LOOK).
 */
typedef bool store_record_fn(void *arg, struct store_record *r);
int store_db_each(struct store_db *db, size_t max_ocsp, store_record_fn *fn,
    void *arg, struct err *err) MUST_USE;

/* Floors and known revocations. */

/* Whether `is` is higher than `was`: by number if both have one, else date. */
bool
store_floor_higher(const struct store_floor *is, const struct store_floor *was);
typedef bool store_floor_fn(void *arg, const struct store_floor *f);

int store_db_floor_put(
    struct store_db *db, const struct store_floor *f, struct err *err) MUST_USE;
int store_db_floor_each(struct store_db *db, store_floor_fn *fn, void *arg,
    struct err *err) MUST_USE;
int store_db_known_put(
    struct store_db *db, const struct store_known *k, struct err *err) MUST_USE;
/* How many there were: 0 or 1. */
int store_db_known_forget(
    struct store_db *db, const uint8_t identity[32], struct err *err) MUST_USE;
/* All of an issuer's key and a serial without leading zeros; how many. */
int store_db_known_forget_serial(struct store_db *db, const uint8_t owner[32],
    struct span serial, struct err *err) MUST_USE;
int store_db_known_each(struct store_db *db, store_known_fn *fn, void *arg,
    struct err *err) MUST_USE;
/*
 * Puts what can be read of both in `from`, which may be damaged, into db, and
 * counts it.
 */
int store_db_salvage(struct store_db *db, struct store_db *from,
    uint64_t *floors, uint64_t *known, struct err *err) MUST_USE;
/* Keeps both below their limits, oldest first of the owner that has most. */
int store_db_trim(struct store_db *db, struct err *err) MUST_USE;
int store_db_counts(struct store_db *db, uint64_t *floors, uint64_t *known,
    struct err *err) MUST_USE;

#endif
