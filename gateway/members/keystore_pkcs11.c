/*
 * keystore_pkcs11: from records to keys in the token and back.
 */
#include "gateway/members/keystore_pkcs11.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/rand.h>

#include "cache/base/text.h"
#include "gateway/base/json.h"
#include "gateway/members/public_pem.h"

static const enum pkcs11_kind kinds[KEYSTORE_NUM_SCHEMES] = {
    [KEYSTORE_P256] = PKCS11_P256,
    [KEYSTORE_P384] = PKCS11_P384,
    [KEYSTORE_RSA] = PKCS11_RSA3072,
    [KEYSTORE_ED25519] = PKCS11_ED25519};

static void
label_of(char out[PKCS11_LABEL_MAX + 1], const char *tenant, const char *alias)
{
	snprintf(out, PKCS11_LABEL_MAX + 1, "%s/%s", tenant, alias);
}

int
keystore_pkcs11_make(EVP_PKEY **out, unsigned char id[PKCS11_ID_BYTES],
    struct pkcs11 *t, enum keystore_scheme scheme, const char *tenant,
    const char *alias, struct err *err)
{
	char label[PKCS11_LABEL_MAX + 1];

	*out = NULL;
	if (RAND_bytes(id, PKCS11_ID_BYTES) != 1)
		return err_ossl(err, E_INTERNAL, "no random numbers");
	label_of(label, tenant, alias);
	return pkcs11_make(t, out, kinds[scheme], id, label, err);
}

int
keystore_pkcs11_write(cJSON *record, const struct pkcs11 *t,
    const struct keystore_key *k, struct err *err)
{
	const struct pkcs11_uri *at = pkcs11_get0_name(t);
	cJSON *o = cJSON_AddObjectToObject(record, "pkcs11");
	char *pem = public_pem(k->public);
	char id[2 * PKCS11_ID_BYTES + 1], label[PKCS11_LABEL_MAX + 1];
	bool ok;

	text_hex(id, k->token_id, PKCS11_ID_BYTES);
	label_of(label, k->tenant, k->alias);
	ok = pem != NULL &&
	    cJSON_AddStringToObject(record, "public", pem) != NULL &&
	    cJSON_AddStringToObject(o, "id", id) != NULL &&
	    cJSON_AddStringToObject(o, "label", label) != NULL &&
	    cJSON_AddStringToObject(o, "token", at->token) != NULL &&
	    cJSON_AddStringToObject(o, "serial", at->serial) != NULL;
	free(pem);
	return ok ? 0 : err_set(err, E_NOMEM, "out of memory");
}

bool
keystore_pkcs11_holds(const cJSON *record)
{
	return json_get(record, "pkcs11") != NULL;
}

static EVP_PKEY *
read_public(const char *pem)
{
	BIO *bio = pem != NULL ? BIO_new_mem_buf(pem, -1) : NULL;
	EVP_PKEY *key =
	    bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return key;
}

int
keystore_pkcs11_find(EVP_PKEY **out, unsigned char id[PKCS11_ID_BYTES],
    struct pkcs11 *t, const cJSON *record, struct err *err)
{
	const cJSON *o = json_get(record, "pkcs11");
	const char *label = json_get_string(o, "label");
	struct pkcs11_uri which = {.id_len = PKCS11_ID_BYTES};
	EVP_PKEY *public = read_public(json_get_string(record, "public"));
	const char *token = json_get_string(o, "token");
	const char *text = json_get_string(o, "id");
	int rc;

	*out = NULL;
	label = label != NULL ? label : "?";
	token = token != NULL ? token : "?";
	if (public == NULL || text == NULL ||
	    !text_unhex(id, text, PKCS11_ID_BYTES)) {
		EVP_PKEY_free(public);
		return err_set(err, E_PARSE, "not a record of a token's key");
	}
	memcpy(which.id, id, PKCS11_ID_BYTES);
	if (t == NULL)
		rc = err_set(err, E_PARSE,
		    "key '%.70s' is in the token '%.32s': expected $.pkcs11",
		    label, token);
	else
		rc = pkcs11_find(t, out, &which, err);
	if (rc == 0 && EVP_PKEY_eq(pkcs11_get0_public(*out), public) != 1) {
		EVP_PKEY_free(*out);
		*out = NULL;
		rc = err_set(err, E_PARSE, "it is another key");
	}
	if (rc != 0 && t != NULL) {
		struct err why = *err;

		err_set(err, rc,
		    "key '%.70s' (id %.*s) of the token '%.32s': %.80s", label,
		    2 * PKCS11_ID_BYTES, json_get_string(o, "id"), token,
		    why.msg);
	}
	EVP_PKEY_free(public);
	return rc;
}
