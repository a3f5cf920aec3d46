/*
 * store_sql: see the header. STRICT tables and checks of lengths hold nothing
 * of another form, also not from another hand.
 */
#include "cache/store/store_sql.h"

/* A column that holds a digest; a number of the header as text. */
#define ID(name)   name " BLOB NOT NULL CHECK(length(" name ") = 32)"
#define TEXT_OF(n) #n
#define NUMBER(n)  TEXT_OF(n)
#define ROW_COST   NUMBER(STORE_SQL_ROW_BYTES)

/* clang-format off */
const char store_sql_tables[] =
    /* body: of an OCSP response; a CRL is a file. */
    "CREATE TABLE document("
    "  id INTEGER PRIMARY KEY,"
    "  " ID("sha256") " UNIQUE,"
    "  kind INTEGER NOT NULL CHECK(kind IN (1, 2)),"
    "  " ID("owner") ","
    "  bytes INTEGER NOT NULL CHECK(bytes >= 0),"
    "  last_used INTEGER NOT NULL,"
    "  body BLOB,"
    "  CHECK((body IS NULL) = (kind = 1))) STRICT;"
    "CREATE INDEX document_used ON document(owner, last_used);"

    "CREATE TABLE source("
    "  " ID("source") ","
    "  document INTEGER NOT NULL REFERENCES document(id),"
    "  url TEXT NOT NULL,"
    "  etag TEXT NOT NULL,"
    "  last_modified TEXT NOT NULL,"
    "  fetched_at INTEGER NOT NULL,"
    "  origin INTEGER NOT NULL,"
    "  PRIMARY KEY(source, document)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX source_document ON source(document);"

    /* What all of an owner's documents cost, and all documents. */
    "CREATE TABLE share("
    "  " ID("owner") " PRIMARY KEY,"
    "  bytes INTEGER NOT NULL,"
    "  documents INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX share_bytes ON share(bytes);"
    "CREATE TABLE total("
    "  one INTEGER PRIMARY KEY CHECK(one = 1),"
    "  bytes INTEGER NOT NULL,"
    "  documents INTEGER NOT NULL) STRICT;"
    "INSERT INTO total VALUES(1, 0, 0);"

    /* Files of documents that are gone, to be removed. */
    "CREATE TABLE unwanted("
    "  " ID("sha256") " PRIMARY KEY) STRICT, WITHOUT ROWID;"

    "CREATE TRIGGER document_came AFTER INSERT ON document BEGIN"
    "  INSERT INTO share VALUES(new.owner, new.bytes + " ROW_COST ", 1)"
    "    ON CONFLICT(owner) DO UPDATE SET"
    "      bytes = bytes + excluded.bytes, documents = documents + 1;"
    "  UPDATE total SET bytes = bytes + new.bytes + " ROW_COST ","
    "    documents = documents + 1;"
    "  DELETE FROM unwanted WHERE sha256 = new.sha256;"
    "END;"
    "CREATE TRIGGER document_went AFTER DELETE ON document BEGIN"
    "  UPDATE share SET bytes = bytes - old.bytes - " ROW_COST ","
    "    documents = documents - 1 WHERE owner = old.owner;"
    "  DELETE FROM share WHERE owner = old.owner AND documents <= 0;"
    "  UPDATE total SET bytes = bytes - old.bytes - " ROW_COST ","
    "    documents = documents - 1;"
    "  INSERT INTO unwanted SELECT old.sha256 WHERE old.kind = 1"
    "    ON CONFLICT DO NOTHING;"
    "END;"
    "CREATE TRIGGER source_went AFTER DELETE ON source BEGIN"
    "  DELETE FROM document WHERE id = old.document AND NOT EXISTS"
    "    (SELECT 1 FROM source WHERE document = old.document);"
    "END;"

    "CREATE TABLE floor("
    "  " ID("scope") " PRIMARY KEY,"
    "  " ID("owner") ","
    "  number BLOB NOT NULL CHECK(length(number) <= 64),"
    "  this_update INTEGER NOT NULL,"
    "  next_update INTEGER NOT NULL,"
    "  seen_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX floor_owner ON floor(owner, seen_at);"

    "CREATE TABLE known("
    "  " ID("identity") " PRIMARY KEY,"
    "  " ID("owner") ","
    "  reason INTEGER NOT NULL,"
    "  revoked_at INTEGER NOT NULL,"
    "  this_update INTEGER NOT NULL,"
    "  first_seen INTEGER NOT NULL,"
    "  " ID("document") ","
    "  url TEXT NOT NULL,"
    "  serial BLOB NOT NULL CHECK(length(serial) <= 64),"
    "  issuer TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX known_owner ON known(owner, first_seen);";
/* clang-format on */

const char *const store_sql_texts[STORE_SQL_NUM] = {
    [STORE_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_SQL_COMMIT] = "COMMIT",
    [STORE_SQL_ROLLBACK] = "ROLLBACK",

    [STORE_SQL_DOCUMENT_PUT] =
	"INSERT INTO document(sha256, kind, owner, bytes, last_used, body)"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(sha256) DO UPDATE"
	" SET last_used = max(last_used, excluded.last_used)",
    [STORE_SQL_DOCUMENT_ONE] =
	"SELECT id, bytes FROM document WHERE sha256 = ?1",
    [STORE_SQL_DOCUMENT_BODY] = "SELECT body FROM document WHERE id = ?1",
    [STORE_SQL_DOCUMENT_USE] =
	"UPDATE document SET last_used = ?2 WHERE last_used < ?2 AND id IN"
	" (SELECT document FROM source WHERE source = ?1)",
    [STORE_SQL_DOCUMENT_OLDEST] = "SELECT id FROM document WHERE owner = ?1"
				  " ORDER BY last_used, id LIMIT 1",
    [STORE_SQL_SHARE_LARGEST] =
	"SELECT owner, bytes FROM share ORDER BY bytes DESC LIMIT 1",
    [STORE_SQL_TOTAL] = "SELECT bytes, documents FROM total",
    [STORE_SQL_UNWANTED_ALL] = "SELECT sha256 FROM unwanted LIMIT ?1",
    [STORE_SQL_UNWANTED_DONE] = "DELETE FROM unwanted WHERE sha256 = ?1",

    [STORE_SQL_SOURCE_PUT] =
	"INSERT INTO source(source, document, url, etag, last_modified,"
	" fetched_at, origin) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"
	" ON CONFLICT(source, document) DO UPDATE SET url = excluded.url,"
	" etag = excluded.etag, last_modified = excluded.last_modified,"
	" fetched_at = excluded.fetched_at, origin = excluded.origin",
    [STORE_SQL_SOURCE_TRIM] =
	"DELETE FROM source WHERE source = ?1 AND document NOT IN"
	" (SELECT document FROM source WHERE source = ?1"
	"  ORDER BY fetched_at DESC, document DESC LIMIT ?2)",
    [STORE_SQL_SOURCE_DROP] =
	"DELETE FROM source WHERE source = ?1 AND document ="
	" (SELECT id FROM document WHERE sha256 = ?2)",
    [STORE_SQL_SOURCE_FORGET] = "DELETE FROM source WHERE source = ?1",
    [STORE_SQL_SOURCE_FORGET_ALL] = "DELETE FROM source",
    [STORE_SQL_SOURCE_UNLINK] = "DELETE FROM source WHERE document = ?1",
    [STORE_SQL_SOURCE_LOAD] =
	"SELECT sha256, kind, owner, bytes, body, url, etag, last_modified,"
	" fetched_at, origin FROM source s JOIN document d ON d.id = s.document"
	" WHERE source = ?1 ORDER BY fetched_at DESC, document DESC LIMIT ?2",
    [STORE_SQL_SOURCE_KEYS] =
	"SELECT DISTINCT source FROM source WHERE source > ?1"
	" ORDER BY source LIMIT ?2",

    [STORE_SQL_FLOOR_PUT] =
	"INSERT INTO floor(scope, owner, number, this_update, next_update,"
	" seen_at) VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(scope) DO UPDATE"
	" SET owner = excluded.owner, number = excluded.number,"
	" this_update = excluded.this_update,"
	" next_update = excluded.next_update, seen_at = excluded.seen_at",
    [STORE_SQL_FLOOR_ALL] =
	"SELECT scope, owner, number, this_update, next_update, seen_at"
	" FROM floor",
    [STORE_SQL_FLOOR_COUNT] = "SELECT count(*) FROM floor",
    [STORE_SQL_FLOOR_OWNERS] =
	"SELECT owner, count(*) FROM floor GROUP BY owner",
    [STORE_SQL_FLOOR_TRIM] =
	"DELETE FROM floor WHERE scope IN (SELECT scope FROM floor"
	" WHERE owner = ?1 ORDER BY seen_at, scope LIMIT ?2)",

    [STORE_SQL_KNOWN_PUT] =
	"INSERT INTO known(identity, owner, reason, revoked_at, this_update,"
	" first_seen, document, url, serial, issuer)"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
	" ON CONFLICT(identity) DO UPDATE SET reason = excluded.reason,"
	" revoked_at = excluded.revoked_at, this_update = excluded.this_update,"
	" document = excluded.document, url = excluded.url,"
	" serial = excluded.serial, issuer = excluded.issuer",
    [STORE_SQL_KNOWN_FORGET] = "DELETE FROM known WHERE identity = ?1",
    [STORE_SQL_KNOWN_FORGET_SERIAL] =
	"DELETE FROM known WHERE owner = ?1 AND serial = ?2",
    [STORE_SQL_KNOWN_ALL] =
	"SELECT identity, owner, reason, revoked_at, this_update, first_seen,"
	" document, url, serial, issuer FROM known ORDER BY first_seen",
    /* In no order: damage ends it where it is. */
    [STORE_SQL_KNOWN_RAW] =
	"SELECT identity, owner, reason, revoked_at, this_update, first_seen,"
	" document, url, serial, issuer FROM known",
    [STORE_SQL_KNOWN_COUNT] = "SELECT count(*) FROM known",
    [STORE_SQL_KNOWN_OWNERS] =
	"SELECT owner, count(*) FROM known GROUP BY owner",
    [STORE_SQL_KNOWN_TRIM] =
	"DELETE FROM known WHERE identity IN (SELECT identity FROM known"
	" WHERE owner = ?1 ORDER BY first_seen, identity LIMIT ?2)",
};
