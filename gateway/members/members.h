/*
 * members: the identities of members whose node is behind this gateway: name,
 * what they registered with and what they were set up to present. Each is a row
 * of the database, held in memory as well. Control thread only.
 */
#ifndef GATEWAY_MEMBERS_MEMBERS_H
#define GATEWAY_MEMBERS_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>
#include <openssl/x509.h>

#include "gateway/members/keystore.h"
#include "gateway/state/state_db.h"

#define MEMBERS_MAX 1000

/* Owned by its list; constant until the member is changed. */
struct member {
	char id[KEYSTORE_ID_SIZE];
	char *name;          /* RFC 2253; NULL: not known yet */
	cJSON *registration; /* {"tls": [PEM], "session": [PEM]} or NULL */
	cJSON *setup;        /* which certificates it presents, or NULL */
};

struct members;

/*
 * A row that cannot be read is E_PARSE naming table and id. db is borrowed and
 * must outlive it.
 */
int members_open(
    struct members **out, struct state_db *db, struct err *err) MUST_USE;
void members_close(struct members *s);

size_t members_num(const struct members *s);
const struct member *members_get(const struct members *s, size_t i);
/* NULL when there is none; id in upper case. */
const struct member *members_find(const struct members *s, const char *id);

/* Whether its name is known, and is this one however it is written. */
bool member_has_name(const struct member *h, const X509_NAME *name);

/*
 * Within a transaction: makes sure that there is one with this id and changes
 * what is not NULL. E_PARSE when it cannot be read back as a start would,
 * E_LIMIT when there are too many.
 */
int members_set(struct members *s, const char *id, const char *name,
    const cJSON *registration, const cJSON *setup, struct err *err) MUST_USE;

/* members_set as a transaction of its own. */
int members_change(struct members *s, const char *id, const char *name,
    const cJSON *registration, const cJSON *setup, struct err *err) MUST_USE;

/*
 * Keeps a key from keystore_new_key, and makes its holding identity known, in
 * one transaction. On success *key is lent and the store's; on failure it is
 * gone, out of a token, too.
 */
int members_keep_key(struct members *s, struct keystore *keys,
    struct keystore_key *key, struct err *err) MUST_USE;

#endif
