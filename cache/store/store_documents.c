/* store_documents: what sources have, in the database and the files beside. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <sqlite3.h>

#include "cache/base/text.h"
#include "cache/store/store_db.h"
#include "cache/store/store_file.h"

#define EACH_SOURCES 64  /* keys at a time */
#define CLEAN_FILES  256 /* in one transaction */

void
store_record_cleanup(struct store_record *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->der);
	*r = (struct store_record){.fd = -1};
}

void
store_found_free(struct store_found *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->num; i++)
		store_record_cleanup(&f->record[i]);
	free(f);
}

void
store_db_digest(uint8_t out[32], struct span der)
{
	if (EVP_Digest(der.p, der.len, out, NULL, EVP_sha256(), NULL) != 1)
		memset(out, 0, 32);
}

/* Writing. */

static bool
take_int(void *arg, sqlite3_stmt *row)
{
	*(int64_t *)arg = sqlite3_column_int64(row, 0);
	return false;
}

int
store_db_has(struct store_db *db, const uint8_t sha256[32])
{
	int64_t id = -1;
	struct err err;
	int rc = store_db_ask(
	    db, STORE_SQL_DOCUMENT_ONE, take_int, &id, &err, "d", sha256);

	return rc != 0 ? rc : id >= 0;
}

int
store_db_save(struct store_db *db, const struct store_meta *m,
    const uint8_t sha256[32], struct span der, struct err *err)
{
	int64_t id = -1, now = wall_clock_now(&db->clock);
	bool file = m->kind == EVIDENCE_CRL;
	int rc;

	rc = store_db_run(db, STORE_SQL_DOCUMENT_PUT, err, "didiib", sha256,
	    (int64_t)m->kind, m->owner, (int64_t)der.len, now,
	    file ? NULL : (const void *)der.p, der.len);
	if (rc == 0)
		rc = store_db_ask(db, STORE_SQL_DOCUMENT_ONE, take_int, &id,
		    err, "d", sha256);
	if (rc == 0)
		rc = store_db_run(db, STORE_SQL_SOURCE_PUT, err, "ditttii",
		    m->key.id, id, m->url, m->etag, m->last_modified,
		    (int64_t)m->fetched_at, (int64_t)m->origin);
	if (rc == 0)
		rc = store_db_run(db, STORE_SQL_SOURCE_TRIM, err, "di",
		    m->key.id, (int64_t)STORE_DOCUMENTS);
	return rc;
}

int
store_db_touch(
    struct store_db *db, const struct evidence_key *source, struct err *err)
{
	return store_db_run(db, STORE_SQL_DOCUMENT_USE, err, "di", source->id,
	    (int64_t)wall_clock_now(&db->clock));
}

int
store_db_drop(struct store_db *db, const struct evidence_key *source,
    const uint8_t sha256[32], struct err *err)
{
	return store_db_run(
	    db, STORE_SQL_SOURCE_DROP, err, "dd", source->id, sha256);
}

static bool
take_total(void *arg, sqlite3_stmt *row)
{
	uint64_t *n = arg;

	n[0] = (uint64_t)sqlite3_column_int64(row, 0);
	n[1] = (uint64_t)sqlite3_column_int64(row, 1);
	return false;
}

int
store_db_total(
    struct store_db *db, uint64_t *bytes, uint64_t *documents, struct err *err)
{
	uint64_t n[2] = {0, 0};
	int rc = store_db_ask(db, STORE_SQL_TOTAL, take_total, n, err, "");

	*bytes = n[0];
	*documents = n[1];
	return rc;
}

int
store_db_forget(
    struct store_db *db, const struct evidence_key *source, struct err *err)
{
	int rc = source == NULL
	    ? store_db_run(db, STORE_SQL_SOURCE_FORGET_ALL, err, "")
	    : store_db_run(db, STORE_SQL_SOURCE_FORGET, err, "d", source->id);

	return rc != 0 ? rc : sqlite3_changes(db->handle);
}

/* Removing files. */

struct unwanted {
	uint8_t sha256[CLEAN_FILES][32];
	size_t num;
};

static bool
take_unwanted(void *arg, sqlite3_stmt *row)
{
	struct unwanted *u = arg;

	if (u->num < CLEAN_FILES && store_row_id(row, 0, u->sha256[u->num]))
		u->num++;
	return true;
}

/*
 * Within a transaction, so that no other process keeps a document whose file is
 * being removed.
 */
static int
clean_some(struct store_db *db, struct unwanted *u, struct err *err)
{
	int rc;

	u->num = 0;
	rc = store_db_begin(db, err);
	if (rc != 0)
		return rc;
	rc = store_db_ask(db, STORE_SQL_UNWANTED_ALL, take_unwanted, u, err,
	    "i", (int64_t)CLEAN_FILES);
	for (size_t i = 0; rc == 0 && i < u->num; i++) {
		store_file_remove(db->dir, u->sha256[i]);
		rc = store_db_run(
		    db, STORE_SQL_UNWANTED_DONE, err, "d", u->sha256[i]);
	}
	return store_db_end(db, rc, err);
}

int
store_db_clean(struct store_db *db, struct err *err)
{
	struct unwanted u;
	int rc;

	/* Seldom is there anything: look without the right to write. */
	u.num = 0;
	rc = store_db_ask(db, STORE_SQL_UNWANTED_ALL, take_unwanted, &u, err,
	    "i", (int64_t)1);
	while (rc == 0 && u.num > 0)
		rc = clean_some(db, &u, err);
	if (rc == 0)
		(void)sqlite3_exec(db->handle,
		    "PRAGMA incremental_vacuum(1000)", NULL, NULL, NULL);
	return rc;
}

/* Making room. */

struct share {
	uint8_t owner[32];
	uint64_t bytes;
};

static bool
take_share(void *arg, sqlite3_stmt *row)
{
	struct share *s = arg;

	if (store_row_id(row, 0, s->owner))
		s->bytes = (uint64_t)sqlite3_column_int64(row, 1);
	return false;
}

/* One document of the owner that has most. */
static int
evict_one(struct store_db *db, const struct share *s, struct err *err)
{
	int64_t id = -1;
	int rc = store_db_ask(
	    db, STORE_SQL_DOCUMENT_OLDEST, take_int, &id, err, "d", s->owner);

	if (rc == 0 && id < 0)
		rc = err_set(err, E_INTERNAL, "an issuer's share has nothing");
	if (rc == 0)
		rc = store_db_run(db, STORE_SQL_SOURCE_UNLINK, err, "i", id);
	return rc;
}

int
store_db_evict(struct store_db *db, uint64_t max_bytes,
    uint64_t max_owner_bytes, uint64_t *gone, struct err *err)
{
	uint64_t bytes, documents, most = max_bytes,
				   most_owner = max_owner_bytes;
	struct share s;
	int rc;

	*gone = 0;
	for (;;) {
		s.bytes = 0;
		rc = store_db_total(db, &bytes, &documents, err);
		if (rc == 0)
			rc = store_db_ask(db, STORE_SQL_SHARE_LARGEST,
			    take_share, &s, err, "");
		if (rc != 0 || s.bytes == 0 ||
		    (bytes <= most && s.bytes <= most_owner))
			return rc;
		rc = evict_one(db, &s, err);
		if (rc != 0)
			return rc;
		++*gone;
		/* Some room more, so that this is not done every time. */
		most = max_bytes / 10 * 9;
		most_owner = max_owner_bytes / 10 * 9;
	}
}

/* Reading. */

struct loading {
	struct store_db *db;
	struct store_found *found;
	size_t max_ocsp;
	/* What was torn, to be set aside afterwards. */
	uint8_t torn[STORE_DOCUMENTS][32];
	size_t num_torn;
	struct err why;
	int rc;
};

/* source s JOIN document d: see STORE_SQL_SOURCE_LOAD. */
static bool
take_meta(struct store_record *r, sqlite3_stmt *row)
{
	struct store_meta *m = &r->meta;
	int64_t kind = sqlite3_column_int64(row, 1),
		bytes = sqlite3_column_int64(row, 3);

	if (!store_row_id(row, 0, r->sha256) ||
	    !store_row_id(row, 2, m->owner) || bytes < 0)
		return false;
	m->kind = (enum evidence_kind)kind;
	r->len = (size_t)bytes;
	store_row_text(row, 5, m->url, sizeof(m->url));
	store_row_text(row, 6, m->etag, sizeof(m->etag));
	store_row_text(row, 7, m->last_modified, sizeof(m->last_modified));
	m->fetched_at = sqlite3_column_int64(row, 8);
	m->origin = (enum evidence_origin)sqlite3_column_int64(row, 9);
	return true;
}

static int
take_body(
    struct store_record *r, sqlite3_stmt *row, size_t max, struct err *err)
{
	const void *p = sqlite3_column_blob(row, 4);
	size_t len = (size_t)sqlite3_column_bytes(row, 4);
	uint8_t sha256[32];

	if (len > max)
		return err_set(
		    err, E_PARSE, "a response larger than the limit");
	store_db_digest(sha256, span_of(p, len));
	if (len != r->len || memcmp(sha256, r->sha256, 32) != 0)
		return err_set(err, E_PARSE, "its bytes are others");
	r->der = malloc(len > 0 ? len : 1);
	if (r->der == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (len > 0)
		memcpy(r->der, p, len);
	return 1;
}

static bool
take_record(void *arg, sqlite3_stmt *row)
{
	struct loading *l = arg;
	struct store_record *r = &l->found->record[l->found->num];
	int rc;

	*r = (struct store_record){.fd = -1, .meta.key = r->meta.key};
	if (!take_meta(r, row))
		return true;
	if (r->meta.kind == EVIDENCE_CRL)
		rc = store_file_open(
		    &r->fd, l->db->dir, r->sha256, r->len, &l->why);
	else
		rc = take_body(r, row, l->max_ocsp, &l->why);
	if (rc == 1) {
		l->found->num++;
		return l->found->num + l->num_torn < STORE_DOCUMENTS;
	}
	if (rc == 0)
		(void)err_set(&l->why, E_PARSE, "its file is gone");
	if (rc < 0 && rc != E_PARSE) {
		l->rc = rc;
		return true;
	}
	if (l->db->use == STORE_DB_LOOK) {
		text_copy(r->error, sizeof(r->error), l->why.msg);
		l->found->num++;
	} else {
		memcpy(l->torn[l->num_torn++], r->sha256, 32);
	}
	return l->found->num + l->num_torn < STORE_DOCUMENTS;
}

static bool
take_response(void *arg, sqlite3_stmt *row)
{
	struct span *body = arg;
	size_t len = (size_t)sqlite3_column_bytes(row, 0);
	uint8_t *copy;

	if (sqlite3_column_type(row, 0) != SQLITE_BLOB)
		return false;
	copy = malloc(len > 0 ? len : 1);
	if (copy != NULL && len > 0)
		memcpy(copy, sqlite3_column_blob(row, 0), len);
	*body = span_of(copy, copy != NULL ? len : 0);
	return false;
}

int
store_db_reject(struct store_db *db, const uint8_t sha256[32], const char *why,
    struct err *err)
{
	struct span body = {NULL, 0};
	char hex[65];
	int64_t id = -1;
	bool kept;
	int rc;

	rc = store_db_ask(
	    db, STORE_SQL_DOCUMENT_ONE, take_int, &id, err, "d", sha256);
	if (rc != 0 || id < 0)
		return rc;
	rc = store_db_ask(
	    db, STORE_SQL_DOCUMENT_BODY, take_response, &body, err, "i", id);
	if (rc == 0)
		rc = store_db_run(db, STORE_SQL_SOURCE_UNLINK, err, "i", id);
	if (rc == 0) {
		kept = store_file_aside(db->dir, sha256, body);
		text_hex(hex, sha256, 32);
		log_line(db->log, LOG_LEVEL_WARN,
		    kept ? "set document '%s' in '%s' aside: %s"
			 : "removed document '%s' from '%s': %s",
		    hex, db->dir, why);
	}
	free((void *)body.p);
	return rc;
}

static int
load_from(struct loading *l, const struct evidence_key *source, struct err *err)
{
	int rc;

	for (size_t i = 0; i < STORE_DOCUMENTS; i++)
		l->found->record[i].meta.key = *source;
	rc = store_db_ask(l->db, STORE_SQL_SOURCE_LOAD, take_record, l, err,
	    "di", source->id, (int64_t)STORE_DOCUMENTS);
	for (size_t i = 0; rc == 0 && i < l->num_torn; i++)
		rc = store_db_reject(l->db, l->torn[i], l->why.msg, err);
	if (rc == 0 && l->found->num == 0 && l->rc != 0) {
		rc = l->rc;
		if (err != NULL)
			*err = l->why;
	}
	return rc;
}

int
store_db_load(struct store_db *db, const struct evidence_key *source,
    size_t max_ocsp, struct store_found **out, struct err *err)
{
	struct loading l = {.db = db, .max_ocsp = max_ocsp};
	int rc;

	*out = NULL;
	l.found = calloc(1, sizeof(*l.found));
	if (l.found == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	rc = load_from(&l, source, err);
	if (l.found->num > 0)
		*out = l.found;
	else
		free(l.found);
	return *out != NULL ? 0 : rc;
}

/* Walking. */

struct keys {
	struct evidence_key v[EACH_SOURCES];
	size_t num;
};

static bool
take_key(void *arg, sqlite3_stmt *row)
{
	struct keys *k = arg;

	if (k->num < EACH_SOURCES && store_row_id(row, 0, k->v[k->num].id))
		k->num++;
	return true;
}

static bool
each_of(struct store_found *f, store_record_fn *fn, void *arg)
{
	bool on = true;

	for (size_t i = 0; f != NULL && i < f->num && on; i++)
		on = fn(arg, &f->record[i]);
	store_found_free(f);
	return on;
}

int
store_db_each(struct store_db *db, size_t max_ocsp, store_record_fn *fn,
    void *arg, struct err *err)
{
	struct store_found *found;
	struct keys k = {.num = 0};
	const void *after = "";
	size_t len = 0;
	bool on = true;
	int rc;

	do {
		k.num = 0;
		rc = store_db_ask(db, STORE_SQL_SOURCE_KEYS, take_key, &k, err,
		    "bi", after, len, (int64_t)EACH_SOURCES);
		for (size_t i = 0; i < k.num && on && rc == 0; i++) {
			rc = store_db_load(db, &k.v[i], max_ocsp, &found, err);
			if (rc == 0)
				on = each_of(found, fn, arg);
		}
		after = k.v[EACH_SOURCES - 1].id;
		len = 32;
	} while (rc == 0 && on && k.num == EACH_SOURCES);
	return rc;
}
