/*
 * keystore_pkcs11: keys of the keystore that live in a token. What is written
 * down is where: id, label, token, and the public half. Control thread.
 */
#ifndef GATEWAY_MEMBERS_KEYSTORE_PKCS11_H
#define GATEWAY_MEMBERS_KEYSTORE_PKCS11_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "gateway/members/keystore.h"

/* Makes one under an id of its own and the label TENANT/ALIAS. Waits. */
int keystore_pkcs11_make(EVP_PKEY **out, unsigned char id[PKCS11_ID_BYTES],
    struct pkcs11 *t, enum keystore_scheme scheme, const char *tenant,
    const char *alias, struct err *err) MUST_USE;

/* Adds to a record what finds the key again. */
int keystore_pkcs11_write(cJSON *record, const struct pkcs11 *t,
    const struct keystore_key *k, struct err *err) MUST_USE;

/* The record is of a key in a token. */
bool keystore_pkcs11_holds(const cJSON *record);
/* Finds it; E_PARSE when it is not there, or is another key. Waits. */
int keystore_pkcs11_find(EVP_PKEY **out, unsigned char id[PKCS11_ID_BYTES],
    struct pkcs11 *t, const cJSON *record, struct err *err) MUST_USE;

#endif
