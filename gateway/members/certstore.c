/*
 * certstore: chains in memory as PEM, changes in a journal. A chain is judged
 * by its order here; who may vouch for it is a question of its use.
 */
#include "gateway/members/certstore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "gateway/base/journal.h"
#include "gateway/base/json.h"
#include "gateway/base/dn.h"

static const char *const usages[CERTSTORE_NUM_USAGES] = {
    [CERTSTORE_TLS] = "p2p-tls",
    [CERTSTORE_SESSION] = "p2p-session",
    [CERTSTORE_REST] = "rest-tls",
    [CERTSTORE_CODE] = "code-signer"};

struct certstore {
	struct certstore_chain *list;
	size_t num;
	struct journal *journal; /* NULL: memory only */
};

enum certstore_usage
certstore_usage_parse(const char *word)
{
	enum certstore_usage i = 0;

	while (i < CERTSTORE_NUM_USAGES && strcasecmp(usages[i], word) != 0)
		i++;
	return i;
}

/* Certificates. */

void
certstore_list_cleanup(struct certstore_list *list)
{
	for (size_t i = 0; i < list->num; i++)
		X509_free(list->v[i]);
	list->num = 0;
}

static int
list_add(struct certstore_list *list, X509 *x, struct err *err)
{
	if (list->num == CERTSTORE_MAX_CHAIN) {
		X509_free(x);
		return err_set(err, E_PARSE,
		    "the chain has more than %d certificates",
		    CERTSTORE_MAX_CHAIN);
	}
	list->v[list->num++] = x;
	return 0;
}

/* What `cat` makes of files without a line end. */
static bool
runs_together(const char *data, size_t len)
{
	static const char joint[] =
	    "-----END CERTIFICATE----------BEGIN CERTIFICATE-----";

	return memmem(data, len, joint, strlen(joint)) != NULL;
}

/* An "encrypted" certificate must not ask a terminal. */
static int /* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's type */
no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf, (void)size, (void)rwflag, (void)arg;
	return -1;
}

static int
read_pem(
    struct certstore_list *list, const char *data, size_t len, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(data, (int)len);
	size_t before = list->num;
	int rc = bio != NULL ? 0 : err_set(err, E_NOMEM, "out of memory");
	X509 *x;

	while (rc == 0 &&
	    (x = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL)
		rc = list_add(list, x, err);
	if (rc == 0 &&
	    (list->num == before ||
		ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
		rc = err_set(err, E_PARSE,
		    "certificate %zu is not a certificate: expected X.509 in "
		    "PEM",
		    list->num + 1);
	ERR_clear_error();
	BIO_free(bio);
	return rc;
}

int
certstore_read(
    struct certstore_list *list, const char *data, size_t len, struct err *err)
{
	const unsigned char *p = (const unsigned char *)data;
	X509 *x;

	ERR_clear_error();
	if (len > INT32_MAX)
		return err_set(err, E_PARSE, "too long for certificates");
	if (runs_together(data, len))
		return err_set(err, E_PARSE,
		    "the END line of a certificate and the BEGIN line of the "
		    "next run together: put a line break between them");
	if (len > 0 && p[0] == 0x30) {
		x = d2i_X509(NULL, &p, (long)len);
		if (x != NULL && (const char *)p == data + len)
			return list_add(list, x, err);
		X509_free(x);
	}
	return read_pem(list, data, len, err);
}

int
certstore_check_order(const struct certstore_list *list, struct err *err)
{
	char issuer[DN_MAX], next[DN_MAX];

	for (size_t i = 0; i < list->num; i++)
		for (size_t j = i + 1; j < list->num; j++)
			if (X509_cmp(list->v[i], list->v[j]) == 0)
				return err_set(err, E_PARSE,
				    "there is a loop in the certificate chain: "
				    "certificates %zu and %zu are the same",
				    i + 1, j + 1);
	for (size_t i = 1; i < list->num; i++) {
		X509 *x = list->v[i - 1], *y = list->v[i];
		EVP_PKEY *key = X509_get0_pubkey(y);

		if (X509_NAME_cmp(X509_get_issuer_name(x),
			X509_get_subject_name(y)) != 0) {
			dn_name_text(issuer, X509_get_issuer_name(x));
			dn_name_text(next, X509_get_subject_name(y));
			return err_set(err, E_PARSE,
			    "This previous certificate in the chain was issued "
			    "by %.80s and not by %.80s",
			    issuer, next);
		}
		if (key == NULL || X509_verify(x, key) != 1) {
			ERR_clear_error();
			return err_set(err, E_PARSE,
			    "certificate %zu of the chain was not signed with "
			    "the key of certificate %zu",
			    i, i + 1);
		}
	}
	return 0;
}

static char *
to_pem(const struct certstore_list *list)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *out = NULL;
	bool ok = bio != NULL;
	long len;

	for (size_t i = 0; i < list->num && ok; i++)
		ok = PEM_write_bio_X509(bio, list->v[i]) == 1;
	if (ok) {
		len = BIO_get_mem_data(bio, &data);
		out = strndup(data, (size_t)len);
	}
	BIO_free(bio);
	return out;
}

/* The store. */

static void
chain_cleanup(struct certstore_chain *c)
{
	free(c->alias);
	free(c->pem);
	memset(c, 0, sizeof(*c));
}

static size_t
position(const struct certstore *s, const char *holder,
    enum certstore_usage usage, const char *alias)
{
	size_t i = 0;

	while (i < s->num &&
	    (s->list[i].usage != usage ||
		strcmp(s->list[i].holder, holder) != 0 ||
		strcmp(s->list[i].alias, alias) != 0))
		i++;
	return i;
}

static int
make_room(struct certstore *s, struct err *err)
{
	struct certstore_chain *list;

	if (s->num >= CERTSTORE_MAX)
		return err_set(err, E_LIMIT,
		    "there are %d certificate chains already", CERTSTORE_MAX);
	list = realloc(s->list, (s->num + 1) * sizeof(*list));
	if (list == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->list = list;
	return 0;
}

/* Takes c over. There is room. */
static void
put(struct certstore *s, struct certstore_chain *c)
{
	size_t at = position(s, c->holder, c->usage, c->alias);

	if (at < s->num)
		chain_cleanup(&s->list[at]);
	else
		s->num++;
	s->list[at] = *c;
}

static int
replay(void *arg, const cJSON *record, struct err *err)
{
	struct certstore *s = arg;
	const char *holder = json_get_string(record, "holder");
	const char *usage = json_get_string(record, "usage");
	const char *alias = json_get_string(record, "alias");
	const char *pem = json_get_string(record, "chain");
	struct certstore_chain c = {.holder = ""};
	int rc;

	if (holder == NULL || usage == NULL || alias == NULL || pem == NULL ||
	    (*holder != '\0' && !keystore_id_parse(c.holder, holder)) ||
	    (c.usage = certstore_usage_parse(usage)) == CERTSTORE_NUM_USAGES)
		return err_set(err, E_PARSE, "not a record of a chain");
	rc = make_room(s, err);
	if (rc != 0)
		return rc;
	c.alias = strdup(alias);
	c.pem = strdup(pem);
	if (c.alias == NULL || c.pem == NULL) {
		chain_cleanup(&c);
		return err_set(err, E_NOMEM, "out of memory");
	}
	put(s, &c);
	return 0;
}

int
certstore_open(struct certstore **out, const char *dir, const struct log *log,
    struct err *err)
{
	struct certstore *s = calloc(1, sizeof(*s));
	int rc = 0;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (dir != NULL)
		rc = journal_open_in(&s->journal, dir, "certificates.journal",
		    replay, s, log, err);
	if (rc != 0) {
		certstore_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void
certstore_close(struct certstore *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->num; i++)
		chain_cleanup(&s->list[i]);
	free(s->list);
	journal_close(s->journal);
	free(s);
}

static int
write_record(
    struct certstore *s, const struct certstore_chain *c, struct err *err)
{
	cJSON *o = cJSON_CreateObject();
	int rc;

	if (cJSON_AddStringToObject(o, "holder", c->holder) == NULL ||
	    cJSON_AddStringToObject(o, "usage", usages[c->usage]) == NULL ||
	    cJSON_AddStringToObject(o, "alias", c->alias) == NULL ||
	    cJSON_AddStringToObject(o, "chain", c->pem) == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	else
		rc = journal_append(s->journal, o, err);
	cJSON_Delete(o);
	return rc;
}

int
certstore_put(struct certstore *s, const char *holder,
    enum certstore_usage usage, const char *alias,
    const struct certstore_list *list, struct err *err)
{
	struct certstore_chain c = {.usage = usage};
	int rc = make_room(s, err);

	if (rc != 0)
		return rc;
	snprintf(c.holder, sizeof(c.holder), "%s", holder);
	c.alias = strdup(alias);
	c.pem = to_pem(list);
	if (c.alias == NULL || c.pem == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	else if (s->journal != NULL)
		rc = write_record(s, &c, err);
	if (rc != 0) {
		chain_cleanup(&c);
		return rc;
	}
	put(s, &c);
	return 0;
}

const struct certstore_chain *
certstore_find(const struct certstore *s, const char *holder,
    enum certstore_usage usage, const char *alias)
{
	size_t at = position(s, holder, usage, alias);

	return at < s->num ? &s->list[at] : NULL;
}

cJSON *
certstore_aliases(
    const struct certstore *s, const char *holder, enum certstore_usage usage)
{
	cJSON *all = cJSON_CreateArray();

	for (size_t i = 0; i < s->num; i++)
		if (s->list[i].usage == usage &&
		    strcmp(s->list[i].holder, holder) == 0)
			cJSON_AddItemToArray(
			    all, cJSON_CreateString(s->list[i].alias));
	return all;
}
