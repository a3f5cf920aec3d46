/*
 * api_store: the public view of a state directory, without an engine. An engine
 * may be using it meanwhile. Any thread. Fetches nothing.
 */
#include "revcheck/api/api_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "cache/base/text.h"
#include "cache/der/der.h"
#include "revcheck/engine/cache_item.h"
#include "revcheck/x509/certs.h"

void
store_item_of_meta(
    struct revcheck_cache_item *out, const struct store_meta *m, size_t len)
{
	*out = (struct revcheck_cache_item){.size = sizeof(*out),
	    .kind = (enum revcheck_evidence_kind)m->kind,
	    .bytes = len,
	    .fetched_at = m->fetched_at};
	text_hex(out->key, m->key.id, sizeof(m->key.id));
	snprintf(out->url, sizeof(out->url), "%.255s", m->url);
}

int
store_record_open(struct store_record *r, struct crl **crl, struct err *err)
{
	struct crl_builder *b;
	uint8_t *der = r->der;
	int rc;

	*crl = NULL;
	if (r->meta.kind != EVIDENCE_CRL)
		return 0;
	r->der = NULL;
	if (r->fd < 0)
		return crl_parse_take(der, r->len, NULL, crl, NULL, err);
	b = crl_builder_new_map(r->fd, r->offset, NULL, NULL, err);
	if (b == NULL)
		return E_PARSE;
	while (crl_builder_step(b, SIZE_MAX))
		continue;
	rc = crl_builder_finish(b, crl, NULL, err);
	crl_builder_free(b);
	return rc;
}

static time_t
time_of(const ASN1_GENERALIZEDTIME *t)
{
	struct tm tm;

	return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

static void
item_of_response(struct revcheck_cache_item *out, struct span der)
{
	const unsigned char *p = der.p;
	OCSP_RESPONSE *resp = d2i_OCSP_RESPONSE(NULL, &p, (long)der.len);
	OCSP_BASICRESP *basic =
	    resp != NULL ? OCSP_response_get1_basic(resp) : NULL;
	ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
	OCSP_SINGLERESP *one;

	if (basic == NULL || OCSP_resp_count(basic) == 0) {
		snprintf(out->error, sizeof(out->error),
		    "not an OCSP response with an answer");
	} else {
		one = OCSP_resp_get0(basic, 0);
		(void)OCSP_single_get0_status(
		    one, NULL, NULL, &this_update, &next_update);
		out->num_entries = (size_t)OCSP_resp_count(basic);
		out->this_update = time_of(this_update);
		out->next_update = time_of(next_update);
	}
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(resp);
	ERR_clear_error();
}

/* Listing. */

struct listing {
	revcheck_cache_fn *fn;
	void *arg;
	int num;
};

static bool
list_record(void *arg, struct store_record *r)
{
	struct listing *l = arg;
	struct revcheck_cache_item item;
	struct crl *crl = NULL;
	struct err err;

	store_item_of_meta(&item, &r->meta, r->len);
	if (r->error[0] != '\0')
		snprintf(item.error, sizeof(item.error), "%s", r->error);
	else if (store_record_open(r, &crl, &err) < 0)
		snprintf(item.error, sizeof(item.error), "%s", err.msg);
	else if (crl != NULL)
		cache_item_of_crl(&item, crl);
	else
		item_of_response(&item, span_of(r->der, r->len));
	crl_free(crl);
	l->num++;
	return l->fn(l->arg, &item) == 0;
}

int
store_each(
    const char *state_dir, store_record_fn *fn, void *arg, struct err *err)
{
	struct store_db *db;
	int rc = store_db_open(&db, state_dir, STORE_DB_LOOK, NULL, err);

	if (rc == 0 && db != NULL)
		rc = store_db_each(db, STORE_MAX_OCSP, fn, arg, err);
	store_db_close(db);
	return rc;
}

int
revcheck_state_list(const char *state_dir, revcheck_cache_fn *fn, void *arg,
    struct revcheck_error *err)
{
	struct listing l = {.fn = fn, .arg = arg};
	struct err e = {0};
	int rc = store_each(state_dir, list_record, &l, &e);

	return rc < 0 ? error_publish(err, &e, rc) : l.num;
}

/* One item. */

static int
key_of(struct evidence_key *k, const char *key, struct err *err)
{
	if (!text_unhex(k->id, key, sizeof(k->id)))
		return err_set(
		    err, E_ARG, "key '%s' is not 64 hexadecimal digits", key);
	return 0;
}

static int
read_der(struct store_record *r, unsigned char **out, struct err *err)
{
	size_t at = 0;
	ssize_t n;

	if (r->fd < 0) {
		*out = r->der;
		r->der = NULL;
		return 1;
	}
	*out = malloc(r->len > 0 ? r->len : 1);
	if (*out == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	while (at < r->len) {
		n = pread(
		    r->fd, *out + at, r->len - at, (off_t)(r->offset + at));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			free(*out);
			*out = NULL;
			return err_sys(err, "cannot read the file");
		}
		at += (size_t)n;
	}
	return 1;
}

/* The first of the source that can be read. */
static int
get_from(struct store_db *db, const struct evidence_key *k, unsigned char **out,
    size_t *out_len, enum revcheck_evidence_kind *kind, struct err *err)
{
	struct store_found *found = NULL;
	struct store_record *r;
	int rc = store_db_load(db, k, STORE_MAX_OCSP, &found, err);

	for (size_t i = 0; found != NULL && i < found->num && rc == 0; i++) {
		r = &found->record[i];
		if (r->error[0] != '\0')
			continue;
		*kind = (enum revcheck_evidence_kind)r->meta.kind;
		*out_len = r->len;
		rc = read_der(r, out, err);
	}
	if (rc == 0 && found != NULL)
		rc = err_set(err, E_PARSE, "%s", found->record[0].error);
	store_found_free(found);
	return rc;
}

int
revcheck_state_get(unsigned char **out, size_t *out_len,
    enum revcheck_evidence_kind *kind, const char *state_dir, const char *key,
    struct revcheck_error *err)
{
	struct evidence_key k;
	struct store_db *db = NULL;
	struct err e = {0};
	int rc;

	*out = NULL;
	*out_len = 0;
	rc = key_of(&k, key, &e);
	if (rc == 0)
		rc = store_db_open(&db, state_dir, STORE_DB_LOOK, NULL, &e);
	if (rc == 0 && db != NULL)
		rc = get_from(db, &k, out, out_len, kind, &e);
	store_db_close(db);
	return rc < 0 ? error_publish(err, &e, rc) : rc;
}

/* Flushing. */

int
revcheck_state_flush(
    const char *state_dir, const char *key, struct revcheck_error *err)
{
	struct evidence_key k;
	struct store_db *db = NULL;
	struct err e = {0};
	int rc = 0, num = 0;

	if (key != NULL)
		rc = key_of(&k, key, &e);
	if (rc == 0)
		rc = store_db_open(&db, state_dir, STORE_DB_LOOK, NULL, &e);
	if (rc == 0 && db != NULL)
		rc = store_db_forget(db, key != NULL ? &k : NULL, &e);
	num = rc;
	if (rc > 0)
		rc = store_db_clean(db, &e);
	store_db_close(db);
	return rc < 0 ? error_publish(err, &e, rc) : num;
}
