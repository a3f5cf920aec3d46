/*
 * keystore: keys in memory, changes in a journal. A private key is written as
 * encrypted PKCS#8 (PBES2, AES-256), so that it is of use to nobody who has
 * the journal alone; of one in a token only the place is written. Control
 * thread; making an RSA key here takes a moment of it.
 */
#include "gateway/members/keystore.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "gateway/base/journal.h"
#include "gateway/base/json.h"
#include "gateway/conf/conf_key.h"
#include "gateway/members/key_wrap.h"
#include "gateway/members/keystore_pkcs11.h"

#define RSA_BITS 3072

#define SESSION_CATEGORY "SESSION_INIT"

static const char *const schemes[KEYSTORE_NUM_SCHEMES] = {
    [KEYSTORE_P256] = "CORDA.ECDSA.SECP256R1",
    [KEYSTORE_P384] = "CORDA.ECDSA.SECP384R1",
    [KEYSTORE_RSA] = "CORDA.RSA",
    [KEYSTORE_ED25519] = "CORDA.EDDSA.ED25519"};

static const char *const cluster_tenants[] = {
    "p2p", "rest", "rest-api", "code-signer", NULL};

struct keystore {
	struct keystore_key **keys;
	size_t num;
	struct journal *journal; /* NULL: memory only */
	struct key_wrap secret;
	struct keystore_place place;
	const struct log *log;
};

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

static const char *
category_of(const char *text)
{
	int i = keystore_category(text);

	return i >= 0 ? conf_key_categories[i].word : NULL;
}

static enum keystore_scheme
scheme_of(const char *text)
{
	enum keystore_scheme i = 0;

	while (i < KEYSTORE_NUM_SCHEMES && strcasecmp(schemes[i], text) != 0)
		i++;
	return i;
}

static bool
alias_ok(const char *alias)
{
	size_t len = strlen(alias);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)alias[i] < 0x20 || alias[i] == 0x7f)
			return false;
	return len > 0 && len <= KEYSTORE_MAX_ALIAS;
}

/* One key. */

static void
key_free(struct keystore_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	free(k->alias);
	free(k);
}

static int
id_of(char out[KEYSTORE_ID_SIZE], const EVP_PKEY *pkey)
{
	unsigned char md[EVP_MAX_MD_SIZE], *der = NULL;
	unsigned n = 0;
	int len = i2d_PUBKEY(pkey, &der), ok;

	ok = len > 0 &&
	    EVP_Digest(der, (size_t)len, md, &n, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	for (size_t i = 0; ok && i < 6; i++)
		snprintf(out + 2 * i, 3, "%02X", md[i]);
	return ok ? 0 : E_INTERNAL;
}

static EVP_PKEY *
pkey_make(enum keystore_scheme scheme)
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

/* Takes pkey over, also when it fails. */
static int
key_new(struct keystore_key **out, EVP_PKEY *pkey, const char *tenant,
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
	    id_of(k->id, k->public) != 0) {
		key_free(k);
		return E_NOMEM;
	}
	*out = k;
	return 0;
}

static int
key_add(struct keystore *s, struct keystore_key *k)
{
	struct keystore_key **keys;

	if (s->num >= KEYSTORE_MAX)
		return E_LIMIT;
	keys = realloc(s->keys, (s->num + 1) * sizeof(*keys));
	if (keys == NULL)
		return E_NOMEM;
	s->keys = keys;
	keys[s->num++] = k;
	return 0;
}

/* On disk. */

/* The private half, of use to nobody without the secret. */
static int
encrypted_write(cJSON *o, const struct keystore *s,
    const struct keystore_key *k, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	int rc = 0;

	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, k->pkey, EVP_aes_256_cbc(),
		s->secret.text, (int)s->secret.len, NULL, NULL) != 1 ||
	    BIO_write(bio, "", 1) != 1 || BIO_get_mem_data(bio, &pem) <= 0)
		rc = err_ossl(err, E_INTERNAL, "cannot encrypt a key");
	else if (cJSON_AddStringToObject(o, "key", pem) == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	BIO_free(bio);
	return rc;
}

static int
record_write(struct keystore *s, const struct keystore_key *k, struct err *err)
{
	cJSON *o = cJSON_CreateObject();
	int rc;

	if (cJSON_AddStringToObject(o, "tenant", k->tenant) == NULL ||
	    cJSON_AddStringToObject(o, "alias", k->alias) == NULL ||
	    cJSON_AddStringToObject(o, "category", k->category) == NULL ||
	    cJSON_AddStringToObject(o, "scheme", schemes[k->scheme]) == NULL ||
	    cJSON_AddStringToObject(o, "id", k->id) == NULL ||
	    cJSON_AddNumberToObject(o, "created", (double)k->created_at) ==
		NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	else if (pkcs11_has(k->pkey))
		rc = keystore_pkcs11_write(o, s->place.token, k, err);
	else
		rc = encrypted_write(o, s, k, err);
	if (rc == 0)
		rc = journal_append(s->journal, o, err);
	cJSON_Delete(o);
	return rc;
}

static int
give_secret(char *buf, int size, int rwflag, void *arg)
{
	const struct keystore *s = arg;

	(void)rwflag;
	if (size < 0 || (size_t)size < s->secret.len)
		return -1;
	memcpy(buf, s->secret.text, s->secret.len);
	return (int)s->secret.len;
}

static int
decrypt(EVP_PKEY **out, struct keystore *s, const cJSON *record, const char *id,
    struct err *err)
{
	const char *pem = json_get_string(record, "key");
	BIO *bio = pem != NULL ? BIO_new_mem_buf(pem, -1) : NULL;

	*out = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, give_secret, s)
			   : NULL;
	BIO_free(bio);
	return *out != NULL
	    ? 0
	    : err_ossl(err, E_PARSE,
		  "key '%.16s' cannot be decrypted: is the secret of keys "
		  "another one?",
		  id);
}

static int
replay(void *arg, const cJSON *record, struct err *err)
{
	struct keystore *s = arg;
	const char *tenant = json_get_string(record, "tenant");
	const char *alias = json_get_string(record, "alias");
	const char *category = json_get_string(record, "category");
	const char *scheme = json_get_string(record, "scheme");
	const char *id = json_get_string(record, "id");
	unsigned char token_id[PKCS11_ID_BYTES] = {0};
	struct keystore_key *k = NULL;
	EVP_PKEY *pkey;
	int64_t created;
	int rc;

	if (tenant == NULL || alias == NULL || category == NULL ||
	    scheme == NULL || id == NULL || category_of(category) == NULL ||
	    scheme_of(scheme) == KEYSTORE_NUM_SCHEMES ||
	    json_to_int(json_get(record, "created"), 0, INT64_MAX / 2048,
		&created) != 0)
		return err_set(err, E_PARSE, "not a record of a key");
	rc = keystore_pkcs11_holds(record)
	    ? keystore_pkcs11_find(&pkey, token_id, s->place.token, record, err)
	    : decrypt(&pkey, s, record, id, err);
	if (rc != 0)
		return rc;
	rc = key_new(&k, pkey, tenant, alias, category_of(category),
	    scheme_of(scheme), (time_t)created);
	if (rc == 0 && strcmp(k->id, id) != 0)
		rc = err_set(err, E_PARSE, "key '%.16s' is another key", id);
	else if (rc == 0)
		rc = key_add(s, k);
	if (rc != 0) {
		key_free(k);
		return rc == E_PARSE ? rc : err_set(err, rc, "out of memory");
	}
	memcpy(k->token_id, token_id, sizeof(token_id));
	return 0;
}

/* The store. */

int
keystore_open(struct keystore **out, const char *dir, const char *secret,
    const struct keystore_place *place, const struct log *log, struct err *err)
{
	struct keystore *s = calloc(1, sizeof(*s));
	char *path = NULL;
	int rc = 0;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->place = *place;
	s->log = log;
	if (dir != NULL) {
		if (asprintf(&path, "%s/keys.journal", dir) < 0) {
			path = NULL;
			rc = err_set(err, E_NOMEM, "out of memory");
		}
		if (rc == 0)
			rc = key_wrap_load(&s->secret, dir, secret, path, err);
		if (rc == 0)
			rc = journal_open(
			    &s->journal, path, replay, s, log, err);
		free(path);
	}
	if (rc != 0) {
		keystore_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void
keystore_close(struct keystore *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->num; i++)
		key_free(s->keys[i]);
	free(s->keys);
	journal_close(s->journal);
	key_wrap_cleanup(&s->secret);
	free(s);
}

static int
check_words(const struct keystore *s, const char *tenant, const char *alias,
    const char *category, const char *scheme, struct err *err)
{
	if (!alias_ok(alias))
		return err_set(err, E_PARSE,
		    "alias '%.20s': expected 1 to %d printable characters",
		    alias, KEYSTORE_MAX_ALIAS);
	if (category_of(category) == NULL)
		return err_set(err, E_PARSE,
		    "category '%.40s' is not known: expected TLS, SESSION_INIT "
		    "or another of Corda's",
		    category);
	if (scheme_of(scheme) == KEYSTORE_NUM_SCHEMES)
		return err_set(err, E_PARSE,
		    "scheme '%.40s' is not known: expected %s, %s, %s or %s",
		    scheme, schemes[0], schemes[1], schemes[2], schemes[3]);
	for (size_t i = 0; i < s->num; i++)
		if (strcmp(s->keys[i]->tenant, tenant) == 0 &&
		    strcmp(s->keys[i]->alias, alias) == 0)
			return err_set(err, E_ARG,
			    "tenant '%s' has a key with alias '%s' already",
			    tenant, alias);
	return 0;
}

void
keystore_set_place(struct keystore *s, const struct keystore_place *place)
{
	s->place = *place;
}

bool
keystore_uses_token(const struct keystore *s, const char *category)
{
	int i = keystore_category(category);

	return i >= 0 && s->place.token != NULL &&
	    s->place.categories & 1u << i;
}

/* In the token or here, as the category says. */
static int
make_new(const struct keystore *s, struct keystore_key **out,
    const char *tenant, const char *alias, int category,
    enum keystore_scheme scheme, struct err *err)
{
	unsigned char token_id[PKCS11_ID_BYTES] = {0};
	EVP_PKEY *pkey;
	int rc = 0;

	if (keystore_uses_token(s, conf_key_categories[category].word)) {
		rc = keystore_pkcs11_make(&pkey, token_id, s->place.token,
		    scheme, tenant, alias, err);
	} else {
		pkey = pkey_make(scheme);
		if (pkey == NULL)
			rc = err_ossl(err, E_INTERNAL, "cannot make a key");
	}
	if (rc != 0)
		return rc;
	rc = key_new(out, pkey, tenant, alias,
	    conf_key_categories[category].word, scheme, time(NULL));
	if (rc != 0)
		return err_set(err, rc, "out of memory");
	memcpy((*out)->token_id, token_id, sizeof(token_id));
	return 0;
}

/* A key that could not be kept; nobody has seen it yet. */
static void
discard(const struct keystore *s, struct keystore_key *k)
{
	struct err ignored;

	if (pkcs11_has(k->pkey) &&
	    pkcs11_destroy(s->place.token, k->token_id, &ignored) != 0)
		log_line(s->log, LOG_LEVEL_WARN,
		    "a key that was not kept stays in the token: %s "
		    "(alias='%s' "
		    "tenant=%s)",
		    ignored.msg, k->alias, k->tenant);
	key_free(k);
}

int
keystore_make(struct keystore *s, const struct keystore_key **out,
    const char *tenant, const char *alias, const char *category,
    const char *scheme, struct err *err)
{
	struct keystore_key *k = NULL;
	struct err undo;
	int rc = check_words(s, tenant, alias, category, scheme, err);

	*out = NULL;
	if (rc == 0)
		rc = make_new(s, &k, tenant, alias, keystore_category(category),
		    scheme_of(scheme), err);
	if (rc != 0)
		return rc;
	assert(k != NULL);
	/* Others had their turn while a token was waited for. */
	rc = check_words(s, tenant, alias, category, scheme, err);
	if (rc == 0 && s->journal != NULL)
		rc = record_write(s, k, err);
	if (rc == 0) {
		rc = key_add(s, k);
		if (rc != 0) {
			err_set(err, rc, "the store of keys is full");
			if (s->journal != NULL &&
			    journal_undo(s->journal, &undo) != 0)
				rc = err_set(err, E_IO, "%s", undo.msg);
		}
	}
	if (rc != 0) {
		discard(s, k);
		return rc;
	}
	*out = k;
	return 0;
}

size_t
keystore_num(const struct keystore *s)
{
	return s->num;
}

const struct keystore_key *
keystore_get(const struct keystore *s, size_t i)
{
	return s->keys[i];
}

const struct keystore_key *
keystore_find(const struct keystore *s, const char *tenant, const char *id)
{
	for (size_t i = 0; i < s->num; i++)
		if (strcmp(s->keys[i]->tenant, tenant) == 0 &&
		    strcmp(s->keys[i]->id, id) == 0)
			return s->keys[i];
	return NULL;
}

const struct keystore_key *
keystore_find_public(
    const struct keystore *s, const char *tenant, const EVP_PKEY *public)
{
	for (size_t i = 0; i < s->num; i++)
		if (strcmp(s->keys[i]->tenant, tenant) == 0 &&
		    EVP_PKEY_eq(s->keys[i]->public, public) == 1)
			return s->keys[i];
	return NULL;
}

cJSON *
keystore_json(const struct keystore *s, const char *tenant)
{
	cJSON *all = cJSON_CreateObject(), *o;
	char at[32];
	struct tm tm;

	for (size_t i = 0; i < s->num; i++) {
		const struct keystore_key *k = s->keys[i];

		if (strcmp(k->tenant, tenant) != 0)
			continue;
		gmtime_r(&k->created_at, &tm);
		strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);
		o = cJSON_AddObjectToObject(all, k->id);
		cJSON_AddStringToObject(o, "keyId", k->id);
		cJSON_AddStringToObject(o, "alias", k->alias);
		cJSON_AddStringToObject(o, "category", k->category);
		cJSON_AddStringToObject(o, "hsmId",
		    pkcs11_has(k->pkey) ? pkcs11_get0_name(pkcs11_get0())->token
					: "SOFT");
		cJSON_AddStringToObject(o, "scheme", schemes[k->scheme]);
		cJSON_AddStringToObject(o, "created", at);
	}
	return all;
}

char *
keystore_public_pem(const struct keystore_key *k)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *out = NULL;
	long len;

	if (bio != NULL && PEM_write_bio_PUBKEY(bio, k->public) == 1) {
		len = BIO_get_mem_data(bio, &data);
		out = strndup(data, (size_t)len);
	}
	BIO_free(bio);
	return out;
}
