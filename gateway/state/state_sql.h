/*
 * state_sql: the tables of state.db and every statement that is run on them.
 */
#ifndef GATEWAY_STATE_STATE_SQL_H
#define GATEWAY_STATE_STATE_SQL_H

/* "p2pg", and the number of the layout below. */
#define STATE_SQL_APPLICATION_ID 0x70327067
#define STATE_SQL_VERSION        1

enum state_sql {
	STATE_SQL_BEGIN = 0,
	STATE_SQL_COMMIT,
	STATE_SQL_ROLLBACK,

	/* Sections. name; the newest of all, of one, the history of one. */
	STATE_SQL_SECTION_PUT, /* name version at who from action config note */
	STATE_SQL_SECTION_TRIM, /* name, version: drops it and what is older */
	/* As PUT, but older than what is there; left out if it is there. */
	STATE_SQL_SECTION_OLDER,
	STATE_SQL_SECTION_KEEP, /* name: to what was there before the fleet */
	STATE_SQL_SECTION_ALL,
	STATE_SQL_SECTION_NEWEST,
	STATE_SQL_SECTION_HISTORY,
	STATE_SQL_SECTION_VERSION, /* name, version */

	/* Denylist. Rows: id issuer serial spki until reason at who. */
	STATE_SQL_DENIED_PUT,
	STATE_SQL_DENIED_NAME,   /* id, name */
	STATE_SQL_DENIED_REMOVE, /* id */
	STATE_SQL_DENIED_ALL,
	STATE_SQL_DENIED_LAST,
	STATE_SQL_DENIED_ONE, /* id */
	STATE_SQL_DENIED_NUM,
	STATE_SQL_DENIED_ALONE, /* of which the fleet has no record */

	/* Allowed subjects. Rows: holder name. */
	STATE_SQL_SUBJECT_PUT,
	STATE_SQL_SUBJECT_REMOVE,
	STATE_SQL_SUBJECT_ALL,
	STATE_SQL_SUBJECT_ONE,   /* holder name */
	STATE_SQL_SUBJECT_NAMED, /* name */
	STATE_SQL_SUBJECT_OF,    /* holder */
	STATE_SQL_SUBJECT_ENFORCE,
	STATE_SQL_SUBJECT_ENFORCED,

	/* Members. Rows: id name registration setup. */
	STATE_SQL_MEMBER_PUT,
	STATE_SQL_MEMBER_ALL,
	STATE_SQL_MEMBER_ONE, /* id */

	/* Keys. Rows: tenant id alias category scheme created_at secret. */
	STATE_SQL_KEY_PUT,
	STATE_SQL_KEY_ALL,
	STATE_SQL_KEY_ONE,   /* tenant id */
	STATE_SQL_KEY_ALIAS, /* tenant alias */
	STATE_SQL_KEY_NUM,

	/* Chains. Rows: holder (NULL: the cluster) usage alias pem. */
	STATE_SQL_CHAIN_PUT,
	STATE_SQL_CHAIN_ALL,
	STATE_SQL_CHAIN_ONE, /* holder usage alias */
	STATE_SQL_CHAIN_OF,  /* holder usage */
	STATE_SQL_CHAIN_NUM,

	/* Fleet. Rows: key n version removed value pending pending_removed. */
	STATE_SQL_FLEET_PUT,    /* key n version removed value; unless newer */
	STATE_SQL_FLEET_SETTLE, /* key */
	STATE_SQL_FLEET_PEND,   /* key pending pending_removed */
	STATE_SQL_FLEET_DROP,   /* key: what waits stays */
	STATE_SQL_FLEET_TRIM,   /* key: drops it when it says nothing more */
	STATE_SQL_FLEET_EMPTY,  /* the same of all */
	STATE_SQL_FLEET_CLEAR,  /* what is held of all */
	STATE_SQL_FLEET_ALL,
	STATE_SQL_FLEET_ONE,       /* key */
	STATE_SQL_FLEET_FACTS_PUT, /* id head filled */
	STATE_SQL_FLEET_FACTS_CLEAR,
	STATE_SQL_FLEET_FACTS,
	STATE_SQL_FLEET_TALLY_PUT, /* text */
	STATE_SQL_FLEET_TALLY_CLEAR,
	STATE_SQL_FLEET_KINDS,
	STATE_SQL_FLEET_KINDS_PUT, /* kinds */

	STATE_SQL_NUM
};

extern const char *const state_sql_texts[STATE_SQL_NUM];
/* Makes the tables of an empty file. */
extern const char state_sql_tables[];
/*
 * What came later and changes no table that was there: made where it is not
 * there yet, and nothing to who does not know it.
 */
extern const char state_sql_more_tables[];

#endif
