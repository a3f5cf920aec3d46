/*
 * keystore_key: one key of the keystore, and the words for what it can be.
 * Control thread only.
 */
#ifndef GATEWAY_MEMBERS_KEYSTORE_KEY_H
#define GATEWAY_MEMBERS_KEYSTORE_KEY_H

#include <stdbool.h>
#include <time.h>

#include <openssl/evp.h>

#include "cache/base/error.h"
#include "gateway/pkcs11/pkcs11.h"

#define KEYSTORE_ID_SIZE   13 /* 12 digits, upper case */
#define KEYSTORE_MAX_ALIAS 100

/* What kind of key: the words of the REST path. */
enum keystore_scheme {
	KEYSTORE_P256 = 0,
	KEYSTORE_P384,
	KEYSTORE_RSA,
	KEYSTORE_ED25519,
	KEYSTORE_NUM_SCHEMES
};

/* Owned by its store, constant, never freed before it. */
struct keystore_key {
	char id[KEYSTORE_ID_SIZE];
	char tenant[KEYSTORE_ID_SIZE];
	char *alias;
	const char *category; /* "SESSION_INIT" */
	enum keystore_scheme scheme;
	time_t created_at;
	EVP_PKEY *pkey;   /* may be one of a token's */
	EVP_PKEY *public; /* its public half at least; lent by pkey */
	unsigned char token_id[PKCS11_ID_BYTES]; /* with a token's */
	bool given; /* by a row: its store's from the beginning */
};

/* Upper case in out: 12 hexadecimal digits. False for anything else. */
bool keystore_id_parse(char out[KEYSTORE_ID_SIZE], const char *text);
/* A holding identity, or one of the names for the whole cluster. */
bool keystore_tenant_parse(char out[KEYSTORE_ID_SIZE], const char *text);
/* Number of a category, or -1: not one. */
int keystore_category(const char *text);
bool keystore_is_session(const struct keystore_key *k);
/* The word as it is written; NULL: not one. */
const char *keystore_category_word(const char *text);
/* KEYSTORE_NUM_SCHEMES for a word that is none. */
enum keystore_scheme keystore_scheme_parse(const char *text);
const char *keystore_scheme_word(enum keystore_scheme scheme);
/* 1 to KEYSTORE_MAX_ALIAS bytes of printable UTF-8. */
bool keystore_alias_ok(const char *alias);

/* Half of a digest of the public key. */
int keystore_key_id(char out[KEYSTORE_ID_SIZE], const EVP_PKEY *pkey) MUST_USE;
/* Outside of a token; NULL with OpenSSL's error. */
EVP_PKEY *keystore_pkey_make(enum keystore_scheme scheme);
/* Takes pkey over, also when it fails: E_NOMEM. category is a constant. */
int keystore_key_new(struct keystore_key **out, EVP_PKEY *pkey,
    const char *tenant, const char *alias, const char *category,
    enum keystore_scheme scheme, time_t created_at) MUST_USE;
void keystore_key_free(struct keystore_key *k);

#endif
