/*
 * record: the kinds of records that a fleet shares, how their keys are made,
 * what their JSON must say, and how many there may be. Pure; any thread.
 *
 * A key is a kind's word and its name: "deny/0123456789abcdef". Keys are below
 * the prefix of the fleet, which link.h knows. Records of an ordered kind carry
 * n: the number, counted by the fleet, of the change that wrote them. It is
 * ours and not the engine's, whose revisions begin anew when it is wiped.
 */
#ifndef GATEWAY_FLEET_RECORD_H
#define GATEWAY_FLEET_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"

/*
 * JSON of each ("t" text, "i" a whole number, * may be absent). Members that
 * are not named here are kept and looked at by nobody here.
 *
 *   IDENTITY  id t, born i, filled i
 *   HEAD      n i; and all of these or none: num i, key t, sum t (32 digits)
 *   CONFIG, HISTORY  version i, at i, who t, from t, action t, note *t,
 *             config t (the text as it was given), schemaVersion *i
 *   DENY      an entry as GET /denylist has it; a tombstone: removed true,
 *             at i, who t
 *   SUBJECT   subject t, allowed (true or false), at *i, who *t
 *   HOLDING, CHAIN, KEY  an object, or a tombstone
 *   EVIDENCE  number *t (hexadecimal), this i, next *i, checked *i, sha256 t,
 *             len i, url *t, etag *t, lastModified *t, by *t
 *   REVOKED   this i, reason *, revokedAt *i, number *t, source *t, sha256 *t,
 *             by *t
 *   WITHDRAWN at i, reason *, report *
 *   CLAIM     by t, since i; or failed t, until i
 *   MEMBER    an object
 *
 * Times are seconds since 1970.
 */
enum fleet_kind {
	FLEET_NONE = 0,
	FLEET_IDENTITY,  /* "fleet" */
	FLEET_HEAD,      /* "head" */
	FLEET_NEWS,      /* "news": empty, not sealed */
	FLEET_CONFIG,    /* config/<section> */
	FLEET_HISTORY,   /* config-history/<section>/<version, 10 digits> */
	FLEET_DENY,      /* deny/<id, 16 hexadecimal digits> */
	FLEET_SUBJECT,   /* subject/<holder>/<SHA-256 of the name> */
	FLEET_HOLDING,   /* holding/<id> */
	FLEET_CHAIN,     /* chain/<holder, or ->/<usage>/<alias> */
	FLEET_KEY,       /* key/<tenant>/<id> */
	FLEET_EVIDENCE,  /* evidence/<source, 64 digits> */
	FLEET_REVOKED,   /* revoked/<identity> */
	FLEET_WITHDRAWN, /* withdrawn/<SHA-256 of the leaf> */
	FLEET_CLAIM,     /* fetch/<source> */
	FLEET_MEMBER,    /* member/<name> */
	FLEET_FILLING,   /* "filling": who puts back what was lost */
	FLEET_KIND_NUM
};

#define FLEET_KEY_SIZE 513 /* with its NUL */
/* A section and its history are written at once, in less than 1.5 MiB. */
#define FLEET_MAX_JSON    (704u * 1024u)
#define FLEET_HISTORY_NUM 200
/* Tombstones of the denylist end by themselves. */
#define FLEET_TOMBSTONE_SEC (90 * 86400)

struct fleet_kind_rule {
	const char *word;   /* what keys begin with */
	const char *parts;  /* shape of the name: see record.c */
	size_t max_json;    /* octets of the plain text */
	size_t max_num;     /* records; kept by who writes, held by who reads */
	bool ordered;       /* has an n, is never gone by being absent */
	uint32_t lease_sec; /* 0: for ever, or what its writer says */
};
/* Lent for ever. FLEET_NONE and beyond: one that allows nothing. */
const struct fleet_kind_rule *fleet_kind_rule(enum fleet_kind kind);

/* Which kind, and where in the key its name begins; FLEET_NONE for a key that
 * is not exactly of one's shape. name may be NULL. */
enum fleet_kind fleet_key_kind(const char *key, const char **name);
/* False when the name is not of the kind's shape. Kinds with one record have
 * the name "". */
bool fleet_key_make(
    char out[FLEET_KEY_SIZE], enum fleet_kind kind, const char *name);
/*
 * A part of a name out of any text: what is not a letter, a digit or one of
 * "._-" becomes %XX, an empty text "-". False when it does not fit.
 */
bool fleet_name_part(char *out, size_t room, const char *text);
/* And back. False for what fleet_name_part does not write. */
bool fleet_name_text(char *out, size_t room, const char *part, size_t len);

/*
 * What a head says of the records of its change: how many there are, and the
 * sum of what a secret function makes of each (fleet_tally.h). Who sees no more
 * than sealed records can make no other set of them that has this sum.
 */
#define FLEET_TALLY_LEN 16
struct fleet_tally {
	bool known;
	int64_t n; /* of the head that says so */
	int64_t num;
	uint8_t key[FLEET_TALLY_LEN], sum[FLEET_TALLY_LEN];
};

#define FLEET_ID_SIZE 37

/* The text of a head; a tally that is not known is left out. It fits in the
 * 128 octets that programs before this one take. */
#define FLEET_HEAD_JSON 128
void fleet_head_json(
    char out[FLEET_HEAD_JSON], int64_t n, const struct fleet_tally *t);

/* The text of identity, made now. */
#define FLEET_IDENTITY_JSON 128
void fleet_identity_json(
    char out[FLEET_IDENTITY_JSON], const char *id, int64_t filled);
/* A new id. False: there are no random numbers. */
bool fleet_identity_draw(char out[FLEET_ID_SIZE]);

/* What rules are decided by. Zeroed where the JSON does not have it. */
struct fleet_meaning {
	bool removed;    /* a tombstone, or a subject that is not allowed */
	int64_t version; /* of a section */
	int64_t at;
	int64_t n;                    /* HEAD */
	struct fleet_tally tally;     /* HEAD */
	int64_t this_update, checked; /* EVIDENCE, REVOKED; at of WITHDRAWN */
	char number[65]; /* lower-case digits without leading zeros, or "" */
	int64_t until;   /* CLAIM that failed; 0: somebody fetches */
	char id[FLEET_ID_SIZE]; /* IDENTITY */
	int64_t filled;
};

/*
 * Reads the plain text of a record, strictly: one JSON object with the members
 * above. E_PARSE says which is wrong, E_LIMIT that it is too large.
 */
int fleet_record_read(struct fleet_meaning *out, enum fleet_kind kind,
    const char *json, size_t len, struct err *err) MUST_USE;

/* CRL numbers as fleet_meaning has them: below 0 when a is the lower one. */
int fleet_number_compare(const char *a, const char *b);

#endif
