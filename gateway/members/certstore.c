/*
 * certstore: chains as PEM. A chain is judged by its order here; who may vouch
 * for it is a question of its use.
 */
#include "gateway/members/certstore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "gateway/base/json.h"
#include "cache/base/subject.h"
#include "gateway/base/dn.h"

static const char *const usages[CERTSTORE_NUM_USAGES] = {
    [CERTSTORE_TLS] = "p2p-tls",
    [CERTSTORE_SESSION] = "p2p-session",
    [CERTSTORE_REST] = "rest-tls",
    [CERTSTORE_CODE] = "code-signer"};

struct certstore {
	struct state_db *db;
};

enum certstore_usage
certstore_usage_parse(const char *word)
{
	enum certstore_usage i = 0;

	while (i < CERTSTORE_NUM_USAGES && strcasecmp(usages[i], word) != 0)
		i++;
	return i;
}

const char *
certstore_usage_word(enum certstore_usage usage)
{
	return usages[usage];
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
			subject_show_name(
			    issuer, sizeof(issuer), X509_get_issuer_name(x));
			subject_show_name(
			    next, sizeof(next), X509_get_subject_name(y));
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

char *
certstore_list_pem(const struct certstore_list *list)
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

/* Rows. */

/* In the database the cluster is NULL, so that others refer to members. */
static const char *
holder_or_null(const char *holder)
{
	return holder[0] != '\0' ? holder : NULL;
}

/* What a start does with a row, and what was just written is held against. */
static int
pem_of_row(char **out, const struct state_row *row, struct err *err)
{
	const char *holder = state_row_text(row, 0);
	const char *usage = state_row_text(row, 1);
	const char *alias = state_row_text(row, 2);
	const char *pem = state_row_text(row, 3);
	struct certstore_list list = {.num = 0};
	char id[KEYSTORE_ID_SIZE];
	bool ok;

	ok = (holder != NULL
		     ? keystore_id_parse(id, holder) && strcmp(id, holder) == 0
		     : state_row_is_null(row, 0)) &&
	    usage != NULL &&
	    certstore_usage_parse(usage) != CERTSTORE_NUM_USAGES &&
	    alias != NULL && keystore_alias_ok(alias) && pem != NULL &&
	    certstore_read(&list, pem, strlen(pem), NULL) == 0;
	certstore_list_cleanup(&list);
	if (!ok)
		return err_set(err, E_PARSE,
		    "table chain, holder '%.12s', usage '%.20s', alias "
		    "'%.100s' cannot be read",
		    holder != NULL ? holder : "", usage != NULL ? usage : "?",
		    alias != NULL ? alias : "?");
	*out = strdup(pem);
	return *out != NULL ? 0 : err_set(err, E_NOMEM, "out of memory");
}

static int
take_pem(void *arg, const struct state_row *row, struct err *err)
{
	return pem_of_row(arg, row, err);
}

static int
check_row(void *arg, const struct state_row *row, struct err *err)
{
	char *pem = NULL;
	int rc = pem_of_row(&pem, row, err);

	(void)arg;
	free(pem);
	return rc;
}

/* The store. */

int
certstore_open(struct certstore **out, struct state_db *db, struct err *err)
{
	struct certstore *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->db = db;
	rc = state_db_read(db, STATE_SQL_CHAIN_ALL, check_row, NULL, err, "");
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
	free(s);
}

/* *pem is NULL when there is none. */
static int
find(const struct certstore *s, const char *holder, enum certstore_usage usage,
    const char *alias, char **pem, struct err *err)
{
	*pem = NULL;
	return state_db_read(s->db, STATE_SQL_CHAIN_ONE, take_pem, pem, err,
	    "ttt", holder_or_null(holder), usages[usage], alias);
}

int
certstore_get(const struct certstore *s, const char *holder,
    enum certstore_usage usage, const char *alias, char **pem, struct err *err)
{
	int rc = find(s, holder, usage, alias, pem, err);

	return rc == 0 && *pem == NULL
	    ? err_set(err, E_ARG,
		  "there is no certificate chain with alias '%.80s'", alias)
	    : rc;
}

static int
check_room(const struct certstore *s, const char *holder,
    enum certstore_usage usage, const char *alias, struct err *err)
{
	int64_t num = 0;
	char *pem;
	int rc = find(s, holder, usage, alias, &pem, err);

	if (rc == 0 && pem == NULL)
		rc = state_db_number(s->db, STATE_SQL_CHAIN_NUM, &num, err);
	if (rc == 0 && num >= CERTSTORE_MAX)
		rc = err_set(err, E_LIMIT,
		    "there are %d certificate chains already", CERTSTORE_MAX);
	free(pem);
	return rc;
}

static int
write_row(struct certstore *s, const char *holder, enum certstore_usage usage,
    const char *alias, const char *pem, struct err *err)
{
	char *back = NULL;
	int rc = check_room(s, holder, usage, alias, err);

	if (rc == 0)
		rc = state_db_write(s->db, STATE_SQL_CHAIN_PUT, NULL, err,
		    "tttt", holder_or_null(holder), usages[usage], alias, pem);
	if (rc == 0)
		rc = certstore_get(s, holder, usage, alias, &back, err);
	if (rc == 0 && strcmp(back, pem) != 0)
		rc = err_set(
		    err, E_PARSE, "the chain is not what can be read back");
	free(back);
	return rc;
}

int
certstore_put(struct certstore *s, const char *holder,
    enum certstore_usage usage, const char *alias,
    const struct certstore_list *list, struct err *err)
{
	char *pem;
	int rc;

	if (!keystore_alias_ok(alias))
		return err_set(err, E_PARSE,
		    "the alias is not 1 to %d bytes of printable UTF-8",
		    CERTSTORE_MAX_ALIAS);
	pem = certstore_list_pem(list);
	rc = pem != NULL ? write_row(s, holder, usage, alias, pem, err)
			 : err_set(err, E_NOMEM, "out of memory");
	free(pem);
	return rc;
}

struct each {
	certstore_fn *fn;
	void *arg;
};

static int
each_row(void *arg, const struct state_row *row, struct err *err)
{
	const struct each *e = arg;
	const char *holder = state_row_text(row, 0);
	char *pem = NULL;
	int rc = pem_of_row(&pem, row, err);

	if (rc == 0)
		rc = e->fn(e->arg, holder != NULL ? holder : "",
		    certstore_usage_parse(state_row_text(row, 1)),
		    state_row_text(row, 2), pem, err);
	free(pem);
	return rc;
}

int
certstore_each(
    const struct certstore *s, certstore_fn *fn, void *arg, struct err *err)
{
	struct each e = {.fn = fn, .arg = arg};

	return state_db_read(s->db, STATE_SQL_CHAIN_ALL, each_row, &e, err, "");
}

static int
add_alias(void *arg, const struct state_row *row, struct err *err)
{
	const char *alias = state_row_text(row, 2);

	(void)err;
	cJSON_AddItemToArray(
	    arg, cJSON_CreateString(alias != NULL ? alias : "?"));
	return 0;
}

cJSON *
certstore_aliases(
    const struct certstore *s, const char *holder, enum certstore_usage usage)
{
	cJSON *all = cJSON_CreateArray();
	struct err ignored;

	if (state_db_read(s->db, STATE_SQL_CHAIN_OF, add_alias, all, &ignored,
		"tt", holder_or_null(holder), usages[usage]) != 0) {
		cJSON_Delete(all);
		return NULL;
	}
	return all;
}
