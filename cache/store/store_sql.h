/*
 * store_sql: the tables of evidence.db and every statement that is run on them.
 */
#ifndef CACHE_STORE_STORE_SQL_H
#define CACHE_STORE_STORE_SQL_H

/* "rvck", and the number of the layout below. */
#define STORE_SQL_APPLICATION_ID 0x7276636b
#define STORE_SQL_VERSION        2

/* What a document costs beside its bytes, as the budget counts. */
#define STORE_SQL_ROW_BYTES 512

enum store_sql {
	STORE_SQL_BEGIN = 0,
	STORE_SQL_COMMIT,
	STORE_SQL_ROLLBACK,

	/* Documents. Rows: id sha256 kind owner bytes last_used body. */
	STORE_SQL_DOCUMENT_PUT,    /* sha256 kind owner bytes last_used body */
	STORE_SQL_DOCUMENT_ONE,    /* sha256: id, bytes */
	STORE_SQL_DOCUMENT_BODY,   /* id: body */
	STORE_SQL_DOCUMENT_USE,    /* source last_used */
	STORE_SQL_DOCUMENT_OLDEST, /* owner: id */
	STORE_SQL_SHARE_LARGEST,   /* owner, bytes */
	STORE_SQL_TOTAL,           /* bytes, documents */
	STORE_SQL_UNWANTED_ALL,    /* limit: sha256 */
	STORE_SQL_UNWANTED_DONE,   /* sha256 */

	/* Sources. source document url etag last_modified fetched_at origin */
	STORE_SQL_SOURCE_PUT,
	STORE_SQL_SOURCE_TRIM,   /* source keep */
	STORE_SQL_SOURCE_DROP,   /* source sha256 */
	STORE_SQL_SOURCE_FORGET, /* source */
	STORE_SQL_SOURCE_FORGET_ALL,
	STORE_SQL_SOURCE_UNLINK, /* document id */
	STORE_SQL_SOURCE_LOAD,   /* source: a record a row */
	STORE_SQL_SOURCE_KEYS,   /* after, limit: sources */

	/* scope owner number this_update next_update seen_at */
	STORE_SQL_FLOOR_PUT,
	STORE_SQL_FLOOR_ALL,
	STORE_SQL_FLOOR_COUNT,
	STORE_SQL_FLOOR_OWNERS, /* owner, number */
	STORE_SQL_FLOOR_TRIM,   /* owner number */

	/*
	 * identity owner reason revoked_at this_update first_seen document url
	 * serial issuer
	 */
	STORE_SQL_KNOWN_PUT,
	STORE_SQL_KNOWN_FORGET,        /* identity */
	STORE_SQL_KNOWN_FORGET_SERIAL, /* owner serial */
	STORE_SQL_KNOWN_ALL,
	STORE_SQL_KNOWN_RAW,
	STORE_SQL_KNOWN_COUNT,
	STORE_SQL_KNOWN_OWNERS,
	STORE_SQL_KNOWN_TRIM,

	STORE_SQL_NUM
};

extern const char *const store_sql_texts[STORE_SQL_NUM];
/* Makes the tables of an empty file. */
extern const char store_sql_tables[];

#endif
