/* keystore_key: see the header. */
#include "gateway/members/keystore_key.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/x509.h>

#include "cache/base/text.h"
#include "gateway/base/json.h"
#include "gateway/conf/conf_key.h"

#define RSA_BITS 3072

#define SESSION_CATEGORY "SESSION_INIT"

static const char *const schemes[KEYSTORE_NUM_SCHEMES] = {
    [KEYSTORE_P256] = "CORDA.ECDSA.SECP256R1",
    [KEYSTORE_P384] = "CORDA.ECDSA.SECP384R1",
    [KEYSTORE_RSA] = "CORDA.RSA",
    [KEYSTORE_ED25519] = "CORDA.EDDSA.ED25519"};

static const char *const cluster_tenants[] = {
    "p2p", "rest", "rest-api", "code-signer", NULL};

/* Words. */

bool
keystore_id_parse(char out[KEYSTORE_ID_SIZE], const char *text)
{
	size_t n = 0;

	for (; n < KEYSTORE_ID_SIZE - 1; n++) {
		if (!isxdigit((unsigned char)text[n]))
			return false;
		out[n] = (char)toupper((unsigned char)text[n]);
	}
	out[n] = '\0';
	return text[n] == '\0';
}

bool
keystore_tenant_parse(char out[KEYSTORE_ID_SIZE], const char *text)
{
	for (size_t i = 0; cluster_tenants[i] != NULL; i++)
		if (strcasecmp(cluster_tenants[i], text) == 0) {
			snprintf(
			    out, KEYSTORE_ID_SIZE, "%s", cluster_tenants[i]);
			return true;
		}
	return keystore_id_parse(out, text);
}

bool
keystore_is_session(const struct keystore_key *k)
{
	return strcmp(k->category, SESSION_CATEGORY) == 0;
}

int
keystore_category(const char *text)
{
	for (int i = 0; conf_key_categories[i].word != NULL; i++)
		if (strcasecmp(conf_key_categories[i].word, text) == 0)
			return i;
	return -1;
}

const char *
keystore_category_word(const char *text)
{
	int i = keystore_category(text);

	return i >= 0 ? conf_key_categories[i].word : NULL;
}

enum keystore_scheme
keystore_scheme_parse(const char *text)
{
	enum keystore_scheme i = 0;

	while (i < KEYSTORE_NUM_SCHEMES && strcasecmp(schemes[i], text) != 0)
		i++;
	return i;
}

const char *
keystore_scheme_word(enum keystore_scheme scheme)
{
	return schemes[scheme];
}

bool
keystore_alias_ok(const char *alias)
{
	size_t len = strlen(alias);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)alias[i] < 0x20 || alias[i] == 0x7f)
			return false;
	return len > 0 && len <= KEYSTORE_MAX_ALIAS && json_utf8(alias, len);
}

/* One key. */

void
keystore_key_free(struct keystore_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	free(k->alias);
	free(k);
}

int
keystore_key_id(char out[KEYSTORE_ID_SIZE], const EVP_PKEY *pkey)
{
	unsigned char md[EVP_MAX_MD_SIZE], *der = NULL;
	unsigned n = 0;
	int len = i2d_PUBKEY(pkey, &der), ok;

	ok = len > 0 &&
	    EVP_Digest(der, (size_t)len, md, &n, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	if (ok)
		text_hex_upper(out, md, 6);
	return ok ? 0 : E_INTERNAL;
}

EVP_PKEY *
keystore_pkey_make(enum keystore_scheme scheme)
{
	switch (scheme) {
	case KEYSTORE_P256:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	case KEYSTORE_P384:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	case KEYSTORE_RSA:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS);
	case KEYSTORE_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case KEYSTORE_NUM_SCHEMES:
		break;
	}
	return NULL;
}

int
keystore_key_new(struct keystore_key **out, EVP_PKEY *pkey, const char *tenant,
    const char *alias, const char *category, enum keystore_scheme scheme,
    time_t created_at)
{
	struct keystore_key *k = calloc(1, sizeof(*k));

	if (k == NULL) {
		EVP_PKEY_free(pkey);
		return E_NOMEM;
	}
	k->pkey = pkey;
	k->public = pkcs11_get0_public(pkey);
	k->alias = strdup(alias);
	k->category = category;
	k->scheme = scheme;
	k->created_at = created_at;
	snprintf(k->tenant, sizeof(k->tenant), "%s", tenant);
	if (k->alias == NULL || k->public == NULL ||
	    keystore_key_id(k->id, k->public) != 0) {
		keystore_key_free(k);
		return E_NOMEM;
	}
	*out = k;
	return 0;
}
