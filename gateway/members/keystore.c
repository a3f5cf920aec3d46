/*
 * keystore: from keys to rows and back. Of a key in a token only the place is
 * written. Making an RSA key here takes the control thread a moment.
 */
#include "gateway/members/keystore.h"

#include <assert.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "gateway/base/json.h"
#include "gateway/conf/conf_key.h"
#include "gateway/members/key_wrap.h"
#include "gateway/members/keystore_pkcs11.h"

struct keystore {
	struct state_db *db;
	struct state_watch watch;
	struct keystore_key **keys; /* in the order they came */
	size_t num, num_committed;
	void *by_id; /* tsearch(3), by tenant and id */
	struct key_wrap secret;
	struct keystore_place place;
	const struct log *log;
};

static int
key_cmp(const void *a, const void *b)
{
	const struct keystore_key *x = a, *y = b;
	int rc = strcmp(x->tenant, y->tenant);

	return rc != 0 ? rc : strcmp(x->id, y->id);
}

static int
key_add(struct keystore *s, struct keystore_key *k, struct err *err)
{
	struct keystore_key **keys;

	if (s->num >= KEYSTORE_MAX)
		return err_set(
		    err, E_LIMIT, "there are %d keys already", KEYSTORE_MAX);
	keys = realloc(s->keys, (s->num + 1) * sizeof(*keys));
	if (keys == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->keys = keys;
	if (tsearch(k, &s->by_id, key_cmp) == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	keys[s->num++] = k;
	return 0;
}

/* What was not committed is its maker's again. */
static void
on_end(void *arg, bool committed)
{
	struct keystore *s = arg;

	while (!committed && s->num > s->num_committed) {
		struct keystore_key *k = s->keys[--s->num];

		tdelete(k, &s->by_id, key_cmp);
		if (k->given)
			keystore_key_free(k);
	}
	s->num_committed = s->num;
}

/* Rows. */

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

/* What the column `secret` holds: JSON. NULL when it fails. */
char *
keystore_secret_text(
    const struct keystore *s, const struct keystore_key *k, struct err *err)
{
	cJSON *o = cJSON_CreateObject();
	int rc = pkcs11_has(k->pkey)
	    ? keystore_pkcs11_write(o, s->place.token, k, err)
	    : encrypted_write(o, s, k, err);
	char *text = rc == 0 ? cJSON_PrintUnformatted(o) : NULL;

	if (rc == 0 && text == NULL)
		err_set(err, E_NOMEM, "out of memory");
	cJSON_Delete(o);
	return text;
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

struct reading {
	struct keystore *s;
	const struct keystore_key *written; /* NULL: it is a start */
	const char *secret;                 /* that was written with it */
	size_t num;
};

/* The key itself. A token is not asked again about what it has just made. */
static int
read_secret(struct reading *r, EVP_PKEY **out,
    unsigned char token_id[PKCS11_ID_BYTES], const char *id, const char *text,
    struct err *err)
{
	cJSON *o = NULL;
	int rc;

	if (r->written != NULL && pkcs11_has(r->written->pkey)) {
		if (strcmp(text, r->secret) != 0)
			return err_set(err, E_PARSE, "another place");
		*out = r->written->pkey;
		EVP_PKEY_up_ref(*out);
		memcpy(token_id, r->written->token_id, PKCS11_ID_BYTES);
		return 0;
	}
	rc = json_parse(&o, text, strlen(text), err);
	if (rc == 0)
		rc = keystore_pkcs11_holds(o)
		    ? keystore_pkcs11_find(
			  out, token_id, r->s->place.token, o, err)
		    : decrypt(out, r->s, o, id, err);
	cJSON_Delete(o);
	return rc;
}

static int
key_of_row(struct keystore_key **out, struct reading *r,
    const struct state_row *row, struct err *err)
{
	const char *tenant = state_row_text(row, 0);
	const char *id = state_row_text(row, 1);
	const char *alias = state_row_text(row, 2);
	const char *category = state_row_text(row, 3);
	const char *scheme = state_row_text(row, 4);
	const char *secret = state_row_text(row, 6);
	unsigned char token_id[PKCS11_ID_BYTES] = {0};
	char same[KEYSTORE_ID_SIZE];
	EVP_PKEY *pkey;
	int rc;

	*out = NULL;
	if (tenant == NULL || id == NULL || alias == NULL || category == NULL ||
	    scheme == NULL || secret == NULL || !keystore_alias_ok(alias) ||
	    !keystore_tenant_parse(same, tenant) || strcmp(same, tenant) != 0 ||
	    keystore_category_word(category) == NULL ||
	    keystore_scheme_parse(scheme) == KEYSTORE_NUM_SCHEMES)
		return err_set(err, E_PARSE, "it is not a row of a key");
	rc = read_secret(r, &pkey, token_id, id, secret, err);
	if (rc == 0)
		rc = keystore_key_new(out, pkey, tenant, alias,
		    keystore_category_word(category),
		    keystore_scheme_parse(scheme),
		    (time_t)state_row_int(row, 5));
	if (rc == E_NOMEM)
		return err_set(err, rc, "out of memory");
	if (rc != 0)
		return rc;
	memcpy((*out)->token_id, token_id, sizeof(token_id));
	return strcmp((*out)->id, id) == 0
	    ? 0
	    : err_set(err, E_PARSE, "it is another key");
}

/* What a start does with a row, and what was just written is held against. */
static int
take_row(void *arg, const struct state_row *row, struct err *err)
{
	struct reading *r = arg;
	const struct keystore_key *w = r->written;
	const char *id = state_row_text(row, 1);
	struct keystore_key *k;
	struct err why;
	int rc = key_of_row(&k, r, row, &why);

	r->num++;
	if (rc == 0 && w == NULL) {
		k->given = true;
		rc = key_add(r->s, k, &why);
		k = rc == 0 ? NULL : k;
	} else if (rc == 0 &&
	    (key_cmp(k, w) != 0 || strcmp(k->alias, w->alias) != 0 ||
		k->category != w->category || k->scheme != w->scheme ||
		k->created_at != w->created_at ||
		EVP_PKEY_eq(k->public, w->public) != 1)) {
		rc = err_set(&why, E_PARSE, "it is not what was written");
	}
	keystore_key_free(k);
	return rc == 0 ? 0
		       : err_set(err, rc, "table key, id '%.16s': %s",
			     id != NULL ? id : "?", why.msg);
}

/* The store. */

int
keystore_open(struct keystore **out, struct state_db *db, const char *dir,
    const char *secret, const struct keystore_place *place,
    const struct log *log, struct err *err)
{
	struct keystore *s = calloc(1, sizeof(*s));
	struct reading r = {.s = s};
	int64_t num = 0;
	int rc;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->db = db;
	s->place = *place;
	s->log = log;
	s->watch = (struct state_watch){.ended = on_end, .arg = s};
	rc = state_db_number(db, STATE_SQL_KEY_NUM, &num, err);
	if (rc == 0)
		rc = key_wrap_load(&s->secret, dir, secret, num > 0, err);
	if (rc == 0)
		rc =
		    state_db_read(db, STATE_SQL_KEY_ALL, take_row, &r, err, "");
	if (rc != 0) {
		keystore_close(s);
		return rc;
	}
	s->num_committed = s->num;
	state_db_watch(db, &s->watch);
	*out = s;
	return 0;
}

static void
nothing(void *arg)
{
	(void)arg;
}

void
keystore_close(struct keystore *s)
{
	if (s == NULL)
		return;
	tdestroy(s->by_id, nothing);
	for (size_t i = 0; i < s->num; i++)
		keystore_key_free(s->keys[i]);
	free(s->keys);
	key_wrap_cleanup(&s->secret);
	free(s);
}

static int
has_row(void *arg, const struct state_row *row, struct err *err)
{
	(void)row, (void)err;
	*(bool *)arg = true;
	return 0;
}

int
keystore_check_new(const struct keystore *s, const char *tenant,
    const char *alias, const char *category, const char *scheme,
    struct err *err)
{
	bool there = false;
	int rc;

	if (!keystore_alias_ok(alias))
		return err_set(err, E_PARSE,
		    "alias '%.20s': expected 1 to %d bytes of printable UTF-8",
		    alias, KEYSTORE_MAX_ALIAS);
	if (keystore_category_word(category) == NULL)
		return err_set(err, E_PARSE,
		    "category '%.40s' is not known: expected TLS, SESSION_INIT "
		    "or another of Corda's",
		    category);
	if (keystore_scheme_parse(scheme) == KEYSTORE_NUM_SCHEMES)
		return err_set(err, E_PARSE,
		    "scheme '%.40s' is not known: expected %s, %s, %s or %s",
		    scheme, keystore_scheme_word(0), keystore_scheme_word(1),
		    keystore_scheme_word(2), keystore_scheme_word(3));
	rc = state_db_read(s->db, STATE_SQL_KEY_ALIAS, has_row, &there, err,
	    "tt", tenant, alias);
	if (rc == 0 && there)
		rc = err_set(err, E_ARG,
		    "tenant '%s' has a key with alias '%s' already", tenant,
		    alias);
	if (rc == 0 && s->num >= KEYSTORE_MAX)
		rc = err_set(
		    err, E_LIMIT, "there are %d keys already", KEYSTORE_MAX);
	return rc;
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
		pkey = keystore_pkey_make(scheme);
		if (pkey == NULL)
			rc = err_ossl(err, E_INTERNAL, "cannot make a key");
	}
	if (rc != 0)
		return rc;
	rc = keystore_key_new(out, pkey, tenant, alias,
	    conf_key_categories[category].word, scheme, time(NULL));
	if (rc != 0)
		return err_set(err, rc, "out of memory");
	memcpy((*out)->token_id, token_id, sizeof(token_id));
	return 0;
}

void
keystore_discard(struct keystore *s, struct keystore_key *k)
{
	struct err ignored;

	if (k != NULL && pkcs11_has(k->pkey) &&
	    pkcs11_destroy(s->place.token, k->token_id, &ignored) != 0)
		log_line(s->log, LOG_LEVEL_WARN,
		    "a key that was not kept stays in the token: %s "
		    "(alias='%s' "
		    "tenant=%s)",
		    ignored.msg, k->alias, k->tenant);
	keystore_key_free(k);
}

int
keystore_new_key(struct keystore *s, struct keystore_key **out,
    const char *tenant, const char *alias, const char *category,
    const char *scheme, struct err *err)
{
	int number = keystore_category(category);

	*out = NULL;
	assert(number >= 0 &&
	    keystore_scheme_parse(scheme) < KEYSTORE_NUM_SCHEMES);
	return make_new(
	    s, out, tenant, alias, number, keystore_scheme_parse(scheme), err);
}

int
keystore_keep(struct keystore *s, struct keystore_key *k, struct err *err)
{
	struct reading r = {.s = s, .written = k};
	char *secret;
	/* Others had their turn while a token was waited for. */
	int rc = keystore_check_new(s, k->tenant, k->alias, k->category,
	    keystore_scheme_word(k->scheme), err);

	if (rc != 0)
		return rc;
	secret = keystore_secret_text(s, k, err);
	if (secret == NULL)
		return E_INTERNAL;
	r.secret = secret;
	rc = state_db_write(s->db, STATE_SQL_KEY_PUT, NULL, err, "tttttit",
	    k->tenant, k->id, k->alias, k->category,
	    keystore_scheme_word(k->scheme), (int64_t)k->created_at, secret);
	if (rc == 0)
		rc = state_db_read(s->db, STATE_SQL_KEY_ONE, take_row, &r, err,
		    "tt", k->tenant, k->id);
	if (rc == 0 && r.num != 1)
		rc = err_set(err, E_INTERNAL, "the key cannot be read back");
	if (rc == 0)
		rc = key_add(s, k, err);
	cJSON_free(secret);
	return rc;
}

int
keystore_give(
    struct keystore *s, const struct keystore_given *g, struct err *err)
{
	struct reading r = {.s = s};
	int rc;

	if (keystore_find(s, g->tenant, g->id) != NULL)
		return 0;
	rc = keystore_check_new(
	    s, g->tenant, g->alias, g->category, g->scheme, err);
	if (rc == 0)
		rc = state_db_write(s->db, STATE_SQL_KEY_PUT, NULL, err,
		    "tttttit", g->tenant, g->id, g->alias, g->category,
		    g->scheme, (int64_t)g->created_at, g->secret);
	if (rc == 0)
		rc = state_db_read(s->db, STATE_SQL_KEY_ONE, take_row, &r, err,
		    "tt", g->tenant, g->id);
	return rc == 0 && r.num != 1
	    ? err_set(err, E_INTERNAL, "the key cannot be read back")
	    : rc;
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
	struct keystore_key key = {.alias = NULL};
	struct keystore_key *const *found;

	snprintf(key.tenant, sizeof(key.tenant), "%s", tenant);
	snprintf(key.id, sizeof(key.id), "%s", id);
	found = tfind(&key, &s->by_id, key_cmp);
	return found != NULL ? *found : NULL;
}

const struct keystore_key *
keystore_find_public(
    const struct keystore *s, const char *tenant, const EVP_PKEY *public)
{
	const struct keystore_key *k;
	char id[KEYSTORE_ID_SIZE];

	if (keystore_key_id(id, public) != 0)
		return NULL;
	k = keystore_find(s, tenant, id);
	return k != NULL && EVP_PKEY_eq(k->public, public) == 1 ? k : NULL;
}

cJSON *
keystore_json(const struct keystore *s, const char *tenant)
{
	cJSON *all = cJSON_CreateObject(), *o;

	for (size_t i = 0; i < s->num; i++) {
		const struct keystore_key *k = s->keys[i];

		if (strcmp(k->tenant, tenant) != 0)
			continue;
		o = cJSON_AddObjectToObject(all, k->id);
		cJSON_AddStringToObject(o, "keyId", k->id);
		cJSON_AddStringToObject(o, "alias", k->alias);
		cJSON_AddStringToObject(o, "category", k->category);
		cJSON_AddStringToObject(o, "hsmId",
		    pkcs11_has(k->pkey) ? pkcs11_get0_name(pkcs11_get0())->token
					: "SOFT");
		cJSON_AddStringToObject(
		    o, "scheme", keystore_scheme_word(k->scheme));
		json_add_time(o, "created", k->created_at);
	}
	return all;
}
