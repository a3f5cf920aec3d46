/*
 * state_sql: see the header. STRICT tables hold no value of another type, also
 * not from another hand. seq keeps the order in which things were made.
 */
#include "gateway/state/state_sql.h"

const char state_sql_tables[] =
    "CREATE TABLE section_change("
    " seq INTEGER PRIMARY KEY, name TEXT NOT NULL,"
    " version INTEGER NOT NULL, at INTEGER NOT NULL, who TEXT NOT NULL,"
    " origin TEXT NOT NULL, action TEXT NOT NULL, config TEXT NOT NULL,"
    " note TEXT, UNIQUE(name, version)) STRICT;"

    "CREATE TABLE denied("
    " seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " issuer BLOB, serial BLOB, spki BLOB, until INTEGER NOT NULL,"
    " reason TEXT NOT NULL, at INTEGER NOT NULL, who TEXT NOT NULL,"
    " CHECK((issuer IS NULL) = (serial IS NULL)"
    "  AND (issuer IS NULL) <> (spki IS NULL))) STRICT;"

    "CREATE TABLE allowed_subject("
    " seq INTEGER PRIMARY KEY, holder TEXT NOT NULL,"
    " name TEXT NOT NULL COLLATE NOCASE, UNIQUE(name, holder)) STRICT;"
    "CREATE INDEX allowed_subject_holder ON allowed_subject(holder, seq);"
    /* One row: from then on only those listed are let in. */
    "CREATE TABLE allowed_subjects_enforced("
    " one INTEGER PRIMARY KEY CHECK(one = 1)) STRICT;"

    "CREATE TABLE member("
    " seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT,"
    " registration TEXT, setup TEXT) STRICT;"

    "CREATE TABLE key("
    " seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, id TEXT NOT NULL,"
    " alias TEXT NOT NULL, category TEXT NOT NULL, scheme TEXT NOT NULL,"
    " created_at INTEGER NOT NULL, secret TEXT NOT NULL,"
    " UNIQUE(tenant, id), UNIQUE(tenant, alias)) STRICT;"

    "CREATE TABLE chain("
    " seq INTEGER PRIMARY KEY, holder TEXT REFERENCES member(id),"
    " usage TEXT NOT NULL, alias TEXT NOT NULL, pem TEXT NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX chain_place"
    " ON chain(ifnull(holder, ''), usage, alias);";

const char state_sql_more_tables[] =
    /* Whose certificate it was, where that was given. */
    "CREATE TABLE IF NOT EXISTS denied_name("
    " id TEXT PRIMARY KEY REFERENCES denied(id) ON DELETE CASCADE,"
    " name TEXT NOT NULL) STRICT;"
    /* What was pushed here before this machine joined a fleet. */
    "CREATE TABLE IF NOT EXISTS section_before_fleet("
    " seq INTEGER PRIMARY KEY, name TEXT NOT NULL,"
    " version INTEGER NOT NULL, at INTEGER NOT NULL, who TEXT NOT NULL,"
    " origin TEXT NOT NULL, action TEXT NOT NULL, config TEXT NOT NULL,"
    " note TEXT) STRICT;"
    /* Records of the fleet that are in force here, or wait to be sent. */
    "CREATE TABLE IF NOT EXISTS fleet_record("
    " key TEXT PRIMARY KEY, n INTEGER NOT NULL, version INTEGER NOT NULL,"
    " removed INTEGER NOT NULL, value TEXT, pending TEXT,"
    " pending_removed INTEGER NOT NULL,"
    " CHECK((n = 0) = (value IS NULL))) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS fleet_fact("
    " one INTEGER PRIMARY KEY CHECK(one = 1), id TEXT NOT NULL,"
    " head INTEGER NOT NULL, filled INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS fleet_tally("
    " one INTEGER PRIMARY KEY CHECK(one = 1), text TEXT NOT NULL) STRICT;"
    /* Bits of what has been in force here as the fleet has it ever since. */
    "CREATE TABLE IF NOT EXISTS fleet_kinds("
    " one INTEGER PRIMARY KEY CHECK(one = 1), kinds INTEGER NOT NULL) STRICT;";

#define SECTION \
	"SELECT name, version, at, who, origin, action, config, note, seq "
#define DENIED                                                     \
	"SELECT id, issuer, serial, spki, until, reason, at, who," \
	" (SELECT name FROM denied_name n WHERE n.id = denied.id) "
#define MEMBER "SELECT id, name, registration, setup FROM member "
#define KEY                                                                    \
	"SELECT tenant, id, alias, category, scheme, created_at, secret FROM " \
	"key "
#define FLEET                                                              \
	"SELECT key, n, version, removed, value, pending, pending_removed" \
	" FROM fleet_record "
#define CHAIN "SELECT holder, usage, alias, pem FROM chain "

const char *const state_sql_texts[STATE_SQL_NUM] = {
    [STATE_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [STATE_SQL_COMMIT] = "COMMIT",
    [STATE_SQL_ROLLBACK] = "ROLLBACK",

    [STATE_SQL_SECTION_PUT] =
	"INSERT INTO section_change(name, version, at, who, origin, action,"
	" config, note) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STATE_SQL_SECTION_TRIM] =
	"DELETE FROM section_change WHERE name = ?1 AND version <= ?2",
    [STATE_SQL_SECTION_OLDER] =
	"INSERT OR IGNORE INTO section_change(seq, name, version, at, who,"
	" origin, action, config, note)"
	" SELECT (SELECT min(seq) - 1 FROM section_change),"
	" ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE ?2 <"
	" (SELECT max(version) FROM section_change WHERE name = ?1)",
    [STATE_SQL_SECTION_KEEP] =
	"INSERT INTO section_before_fleet(name, version, at, who, origin,"
	" action, config, note) SELECT name, version, at, who, origin, action,"
	" config, note FROM section_change WHERE name = ?1 ORDER BY version",
    [STATE_SQL_SECTION_ALL] =
	SECTION "FROM section_change c WHERE version = (SELECT max(version)"
		" FROM section_change WHERE name = c.name)",
    [STATE_SQL_SECTION_NEWEST] = SECTION
    "FROM section_change WHERE name = ?1 ORDER BY version DESC LIMIT 1",
    [STATE_SQL_SECTION_HISTORY] =
	SECTION "FROM section_change WHERE name = ?1 ORDER BY version",
    [STATE_SQL_SECTION_VERSION] =
	SECTION "FROM section_change WHERE name = ?1 AND version = ?2",

    [STATE_SQL_DENIED_PUT] =
	"INSERT INTO denied(id, issuer, serial, spki, until, reason, at, who)"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
	" ON CONFLICT(id) DO UPDATE SET until = excluded.until,"
	" reason = excluded.reason, at = excluded.at, who = excluded.who",
    [STATE_SQL_DENIED_NAME] =
	"INSERT INTO denied_name(id, name) VALUES(?1, ?2)"
	" ON CONFLICT(id) DO UPDATE SET name = excluded.name",
    [STATE_SQL_DENIED_REMOVE] = "DELETE FROM denied WHERE id = ?1",
    [STATE_SQL_DENIED_ALL] = DENIED "FROM denied ORDER BY seq",
    [STATE_SQL_DENIED_LAST] = DENIED "FROM denied ORDER BY seq DESC LIMIT ?1",
    [STATE_SQL_DENIED_ONE] = DENIED "FROM denied WHERE id = ?1",
    [STATE_SQL_DENIED_ALONE] =
	DENIED "FROM denied WHERE NOT EXISTS(SELECT 1 FROM fleet_record"
	       " WHERE key = 'deny/' || denied.id AND (removed = 0 OR"
	       " pending IS NOT NULL)) ORDER BY seq LIMIT ?1",
    [STATE_SQL_DENIED_NUM] = "SELECT count(*) FROM denied",

    [STATE_SQL_SUBJECT_PUT] =
	"INSERT INTO allowed_subject(holder, name) VALUES(?1, ?2)",
    [STATE_SQL_SUBJECT_REMOVE] =
	"DELETE FROM allowed_subject WHERE holder = ?1 AND name = ?2",
    [STATE_SQL_SUBJECT_ALL] = "SELECT holder, name FROM allowed_subject",
    [STATE_SQL_SUBJECT_ONE] = "SELECT holder, name FROM allowed_subject"
			      " WHERE holder = ?1 AND name = ?2",
    [STATE_SQL_SUBJECT_NAMED] =
	"SELECT holder, name FROM allowed_subject WHERE name = ?1 LIMIT 1",
    [STATE_SQL_SUBJECT_OF] =
	"SELECT holder, name FROM allowed_subject WHERE holder = ?1"
	" ORDER BY seq",
    [STATE_SQL_SUBJECT_ENFORCE] =
	"INSERT OR IGNORE INTO allowed_subjects_enforced(one) VALUES(1)",
    [STATE_SQL_SUBJECT_ENFORCED] =
	"SELECT count(*) FROM allowed_subjects_enforced",

    [STATE_SQL_MEMBER_PUT] =
	"INSERT INTO member(id, name, registration, setup)"
	" VALUES(?1, ?2, ?3, ?4) ON CONFLICT(id) DO UPDATE SET"
	" name = excluded.name, registration = excluded.registration,"
	" setup = excluded.setup",
    [STATE_SQL_MEMBER_ALL] = MEMBER "ORDER BY seq",
    [STATE_SQL_MEMBER_ONE] = MEMBER "WHERE id = ?1",

    [STATE_SQL_KEY_PUT] =
	"INSERT INTO key(tenant, id, alias, category, scheme, created_at,"
	" secret) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [STATE_SQL_KEY_ALL] = KEY "ORDER BY seq",
    [STATE_SQL_KEY_ONE] = KEY "WHERE tenant = ?1 AND id = ?2",
    [STATE_SQL_KEY_ALIAS] = KEY "WHERE tenant = ?1 AND alias = ?2",
    [STATE_SQL_KEY_NUM] = "SELECT count(*) FROM key",

    [STATE_SQL_CHAIN_PUT] =
	"INSERT INTO chain(holder, usage, alias, pem) VALUES(?1, ?2, ?3, ?4)"
	" ON CONFLICT(ifnull(holder, ''), usage, alias)"
	" DO UPDATE SET pem = excluded.pem",
    [STATE_SQL_CHAIN_ALL] = CHAIN "ORDER BY seq",
    [STATE_SQL_CHAIN_ONE] =
	CHAIN "WHERE ifnull(holder, '') = ifnull(?1, '') AND usage = ?2"
	      " AND alias = ?3",
    [STATE_SQL_CHAIN_OF] =
	CHAIN "WHERE ifnull(holder, '') = ifnull(?1, '') AND usage = ?2"
	      " ORDER BY seq",
    [STATE_SQL_CHAIN_NUM] = "SELECT count(*) FROM chain",

    [STATE_SQL_FLEET_PUT] =
	"INSERT INTO fleet_record(key, n, version, removed, value,"
	" pending_removed) VALUES(?1, ?2, ?3, ?4, ?5, 0)"
	" ON CONFLICT(key) DO UPDATE SET n = excluded.n,"
	" version = excluded.version, removed = excluded.removed,"
	" value = excluded.value"
	" WHERE excluded.n >= n OR excluded.version > version",
    [STATE_SQL_FLEET_SETTLE] =
	"UPDATE fleet_record SET pending = NULL, pending_removed = 0"
	" WHERE key = ?1",
    [STATE_SQL_FLEET_PEND] =
	"INSERT INTO fleet_record(key, n, version, removed, pending,"
	" pending_removed) VALUES(?1, 0, 0, 0, ?2, ?3)"
	" ON CONFLICT(key) DO UPDATE SET pending = excluded.pending,"
	" pending_removed = excluded.pending_removed",
    [STATE_SQL_FLEET_DROP] =
	"UPDATE fleet_record SET n = 0, version = 0, removed = 0, value = NULL"
	" WHERE key = ?1",
    [STATE_SQL_FLEET_EMPTY] =
	"DELETE FROM fleet_record WHERE n = 0 AND pending IS NULL",
    [STATE_SQL_FLEET_TRIM] =
	"DELETE FROM fleet_record WHERE n = 0 AND pending IS NULL"
	" AND key = ?1",
    [STATE_SQL_FLEET_CLEAR] = "UPDATE fleet_record SET n = 0, version = 0,"
			      " removed = 0, value = NULL",
    [STATE_SQL_FLEET_ALL] = FLEET "ORDER BY key",
    [STATE_SQL_FLEET_ONE] = FLEET "WHERE key = ?1",
    [STATE_SQL_FLEET_FACTS_PUT] =
	"INSERT INTO fleet_fact(one, id, head, filled) VALUES(1, ?1, ?2, ?3)"
	" ON CONFLICT(one) DO UPDATE SET id = excluded.id,"
	" head = max(head, excluded.head), filled = excluded.filled",
    [STATE_SQL_FLEET_FACTS_CLEAR] = "DELETE FROM fleet_fact",
    [STATE_SQL_FLEET_FACTS] =
	"SELECT id, head, filled, (SELECT text FROM fleet_tally)"
	" FROM fleet_fact",
    [STATE_SQL_FLEET_TALLY_PUT] =
	"INSERT INTO fleet_tally(one, text) VALUES(1, ?1)"
	" ON CONFLICT(one) DO UPDATE SET text = excluded.text",
    [STATE_SQL_FLEET_TALLY_CLEAR] = "DELETE FROM fleet_tally",
    [STATE_SQL_FLEET_KINDS] = "SELECT kinds FROM fleet_kinds",
    [STATE_SQL_FLEET_KINDS_PUT] =
	"INSERT INTO fleet_kinds(one, kinds) VALUES(1, ?1)"
	" ON CONFLICT(one) DO UPDATE SET kinds = excluded.kinds",
};
