/*
 * keystore: key pairs made over REST. Each belongs to a tenant (a holding
 * identity or a cluster-wide name) and is found by its id, the first 12 hex
 * digits of the SHA-256 of its SubjectPublicKeyInfo. Private keys are kept
 * encrypted (PBES2, AES-256), so that the database alone is of use to nobody,
 * or stay in a token. Control thread only.
 */
#ifndef GATEWAY_MEMBERS_KEYSTORE_H
#define GATEWAY_MEMBERS_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <openssl/evp.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/members/keystore_key.h"
#include "gateway/state/state_db.h"

#define KEYSTORE_MAX 10000

struct keystore;

/* Where keys are made. A category's bit: its key goes into the token. */
struct keystore_place {
	struct pkcs11 *token; /* NULL: none */
	unsigned categories;  /* bits: keystore_category */
};

/*
 * Reads the keys of the database and decrypts them with what the file `secret`
 * holds; NULL is the file "keys.secret" in dir, made when it is not there. A
 * key that cannot be decrypted, or is not in the token any more, is an error
 * that names it. db is borrowed and must outlive it.
 */
int keystore_open(struct keystore **out, struct state_db *db, const char *dir,
    const char *secret, const struct keystore_place *place,
    const struct log *log, struct err *err) MUST_USE;
void keystore_close(struct keystore *s);
/* For keys made from now on. */
void keystore_set_place(struct keystore *s, const struct keystore_place *place);
/* Keys of that category go into the token. */
bool keystore_uses_token(const struct keystore *s, const char *category);

/*
 * Whether there can be such a key. E_PARSE: alias, category or scheme is not
 * one; E_ARG: the tenant has a key of that alias; E_LIMIT: the store is full.
 */
int keystore_check_new(const struct keystore *s, const char *tenant,
    const char *alias, const char *category, const char *scheme,
    struct err *err) MUST_USE;
/*
 * Makes a key that is nowhere kept yet: the caller's, for keystore_keep or
 * keystore_discard. The words have been checked. A token is waited for: see
 * pkcs11_make; the texts must live on meanwhile.
 */
int keystore_new_key(struct keystore *s, struct keystore_key **out,
    const char *tenant, const char *alias, const char *category,
    const char *scheme, struct err *err) MUST_USE;
/*
 * Within a transaction: checks again, writes it and reads it back as a start
 * would. It is the store's once the transaction has been committed, else still
 * the caller's.
 */
int keystore_keep(
    struct keystore *s, struct keystore_key *key, struct err *err) MUST_USE;
/*
 * A key of another machine that has the same secret. secret is what
 * keystore_secret_text gave there: encrypted, or a place in a token.
 */
struct keystore_given {
	const char *tenant, *id, *alias, *category, *scheme, *secret;
	time_t created_at;
};
/* To be freed with cJSON_free; NULL: see err. */
char *keystore_secret_text(
    const struct keystore *s, const struct keystore_key *key, struct err *err);
/*
 * Within a transaction: keeps it as if it had been made here; 0 also when it is
 * there. E_PARSE: it cannot be decrypted, is not in the token, or is another
 * one than its id says; E_ARG: its tenant has a key of that alias; E_LIMIT.
 */
int keystore_give(struct keystore *s, const struct keystore_given *given,
    struct err *err) MUST_USE;
/* One that was not kept: frees it, out of a token, too. NULL is fine. */
void keystore_discard(struct keystore *s, struct keystore_key *key);

size_t keystore_num(const struct keystore *s);
const struct keystore_key *keystore_get(const struct keystore *s, size_t i);
/* NULL when there is none. Both as the parsers above give them. */
const struct keystore_key *
keystore_find(const struct keystore *s, const char *tenant, const char *id);
/* The tenant's key that a certificate is for, or NULL. */
const struct keystore_key *keystore_find_public(
    const struct keystore *s, const char *tenant, const EVP_PKEY *public);

/* A tenant's keys as an object by id; NULL when out of memory. */
cJSON *keystore_json(const struct keystore *s, const char *tenant);

#endif
