/*
 * store_bundle: carries signed evidence from one state directory into another,
 * across an air gap: one file, a line of text and then the records, each a few
 * lines of text and its bytes. What comes in is verified before it is stored,
 * and again by the engine that uses it. Any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "cache/evidence/evidence.h"
#include "cache/store/store_file.h"
#include "revcheck/api/api_store.h"
#include "revcheck/api/bundle_header.h"
#include "revcheck/engine/cache_item.h"
#include "revcheck/engine/policy.h"
#include "revcheck/x509/certs.h"
#include "revcheck/crl/crl.h"
#include "revcheck/x509/trust_path.h"

#define BUNDLE_MAX_CRL  ((size_t)512 << 20)
#define IMPORT_TOGETHER 256 /* records of one transaction */

static const char first_line[] = "revcheck bundle, version 2\n";

/* Verifying without a question. */

static int
prove_by(struct evidence *draft, X509 *cert, const struct store_signers *by,
    time_t now, struct err *err)
{
	struct trust_path path = {0};
	struct trust_path_order order = {.leaf = cert,
	    .untrusted = by->certs->v,
	    .num_untrusted = by->certs->num,
	    .at = now,
	    .security_level = POLICY_SECURITY_LEVEL};
	struct validity_rules rules = {.at = now,
	    .skew_sec = POLICY_SKEW_SEC,
	    .security_level = POLICY_SECURITY_LEVEL};
	struct crl_signers who = {.trust = by->trust};
	struct crl_proof *proof = NULL;
	enum revcheck_why why;
	int rc, x509_error, index;

	rc = trust_build_path(
	    by->trust, &path, &order, &x509_error, &index, err);
	if (rc != 1)
		return rc < 0 ? rc : E_PARSE;
	who.chain = path.certs;
	who.num_chain = path.num;
	rc = crl_verify(&proof, draft->crl, &who, &rules, &why, err);
	crl_proof_free(proof);
	trust_path_cleanup(&path);
	return rc;
}

static int
prove_crl(struct evidence *draft, const struct store_signers *by, time_t now,
    struct err *err)
{
	const struct crl_info *i = crl_get0_info(draft->crl);
	struct span value;
	bool critical;
	int rc;

	rc = err_set(err, E_PARSE, "no certificate of its issuer is given");
	for (size_t k = 0; rc != 0 && k < by->certs->num; k++)
		rc = prove_by(draft, by->certs->v[k], by, now, err);
	if (rc != 0)
		return rc;
	draft->this_update = i->this_update;
	draft->next_update = i->has_next_update ? i->next_update : 0;
	if (crl_extension(
		draft->crl, span_of("\x55\x1d\x14", 3), &critical, &value) &&
	    value.len > 2)
		evidence_set_number(draft, span_of(value.p + 2, value.len - 2));
	return 0;
}

static time_t
time_of(const ASN1_GENERALIZEDTIME *t)
{
	struct tm tm;

	return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

static int
prove_ocsp(
    struct evidence *draft, const struct store_signers *by, struct err *err)
{
	const unsigned char *p = draft->der;
	ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
	OCSP_BASICRESP *basic = NULL;
	STACK_OF(X509) *certs = sk_X509_new_null();
	OCSP_RESPONSE *resp = NULL;
	int rc = E_PARSE;

	for (size_t i = 0; certs != NULL && i < by->certs->num; i++)
		(void)sk_X509_push(certs, by->certs->v[i]);
	resp = d2i_OCSP_RESPONSE(NULL, &p, (long)draft->der_len);
	if (resp != NULL && p == draft->der + draft->der_len)
		basic = OCSP_response_get1_basic(resp);
	if (certs == NULL || basic == NULL || OCSP_resp_count(basic) == 0) {
		(void)err_set(err, rc, "not an OCSP response with an answer");
	} else if (OCSP_basic_verify(basic, certs,
		       revcheck_trust_get0_store(by->trust), 0) != 1) {
		(void)err_ossl(
		    err, rc, "nobody known has signed the OCSP response");
	} else {
		(void)OCSP_single_get0_status(OCSP_resp_get0(basic, 0), NULL,
		    NULL, &this_update, &next_update);
		draft->this_update = time_of(this_update);
		draft->next_update = time_of(next_update);
		rc = 0;
	}
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(resp);
	sk_X509_free(certs);
	ERR_clear_error();
	return rc;
}

int
store_prove(struct evidence *draft, const struct store_signers *by, time_t now,
    struct err *err)
{
	if (draft->kind == EVIDENCE_CRL)
		return prove_crl(draft, by, now, err);
	return prove_ocsp(draft, by, err);
}

/* Out. */

struct exporting {
	FILE *out;
	struct err err;
	int num;
	int rc;
};

static int
copy_file(struct exporting *x, struct store_record *r)
{
	char buf[65536];
	size_t at = 0;
	ssize_t n;

	while (at < r->len) {
		n = pread(r->fd, buf, sizeof(buf), (off_t)(r->offset + at));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(&x->err, "cannot read a file of it");
		if ((size_t)n > r->len - at)
			n = (ssize_t)(r->len - at);
		if (fwrite(buf, 1, (size_t)n, x->out) != (size_t)n)
			return err_sys(&x->err, "cannot write the bundle");
		at += (size_t)n;
	}
	return 0;
}

static bool
export_record(void *arg, struct store_record *r)
{
	struct exporting *x = arg;
	char text[BUNDLE_HEADER_MAX];
	size_t len;

	/* What is cut short is left out. */
	if (r->error[0] != '\0')
		return true;
	len = bundle_header_write(text, &r->meta, r->len);
	if (fwrite(text, 1, len, x->out) != len ||
	    (r->fd < 0 && fwrite(r->der, 1, r->len, x->out) != r->len))
		x->rc = err_sys(&x->err, "cannot write the bundle");
	else if (r->fd >= 0)
		x->rc = copy_file(x, r);
	if (x->rc == 0)
		x->num++;
	return x->rc == 0;
}

int
revcheck_state_export(
    const char *state_dir, const char *path, struct revcheck_error *err)
{
	struct exporting x = {0};
	int fd, rc;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	x.out = fd >= 0 ? fdopen(fd, "wb") : NULL;
	if (x.out == NULL) {
		(void)err_sys(&x.err, "cannot write '%s'", path);
		if (fd >= 0)
			close(fd);
		return error_publish(err, &x.err, E_IO);
	}
	if (fputs(first_line, x.out) < 0)
		x.rc = err_sys(&x.err, "cannot write '%s'", path);
	rc = x.rc == 0 ? store_each(state_dir, export_record, &x, &x.err) : 0;
	if (rc == 0)
		rc = x.rc;
	if (rc == 0 && (fflush(x.out) != 0 || fsync(fd) != 0))
		rc = err_sys(&x.err, "cannot write '%s'", path);
	if (fclose(x.out) != 0 && rc == 0)
		rc = err_sys(&x.err, "cannot write '%s'", path);
	return rc < 0 ? error_publish(err, &x.err, rc) : x.num;
}

/* In. */

struct importing {
	struct store_db *db;
	unsigned num_open; /* written in the transaction under way */
	struct store_signers by;
	revcheck_cache_fn *refused;
	void *arg;
	FILE *in;
	int num;
};

static struct evidence *
evidence_of(
    const struct store_meta *m, uint8_t *der, size_t len, struct err *err)
{
	struct evidence *e = NULL;
	struct crl *crl;

	if (m->kind == EVIDENCE_CRL) {
		if (crl_parse_take(der, len, NULL, &crl, NULL, err) != 0)
			return NULL;
		e = evidence_new_crl(crl, ORIGIN_FILE, m->url, m->fetched_at);
	} else {
		e = evidence_new_ocsp(
		    span_of(der, len), ORIGIN_FILE, m->url, m->fetched_at);
		free(der);
	}
	if (e == NULL)
		(void)err_set(err, E_NOMEM, "out of memory");
	return e;
}

/* A document that is kept, if the trust verifies it; else NULL. */
static struct evidence *
evidence_kept(struct importing *x, struct store_record *r)
{
	struct evidence *e = NULL;
	struct crl *crl = NULL;
	struct err err;

	if (store_record_open(r, &crl, &err) == 0)
		e = crl != NULL
		    ? evidence_new_crl(
			  crl, ORIGIN_DISK, r->meta.url, r->meta.fetched_at)
		    : evidence_new_ocsp(span_of(r->der, r->len), ORIGIN_DISK,
			  r->meta.url, r->meta.fetched_at);
	if (e != NULL && store_prove(e, &x->by, time(NULL), &err) != 0) {
		evidence_free(e);
		e = NULL;
	}
	return e;
}

static int
import_judge(struct importing *x, const struct store_meta *m,
    struct evidence *e, struct err *why)
{
	struct store_found *found = NULL;
	struct evidence *kept;
	struct err ignored;
	int rc = store_prove(e, &x->by, time(NULL), why);

	if (rc == 0)
		(void)!store_db_load(
		    x->db, &m->key, STORE_MAX_OCSP, &found, &ignored);
	for (size_t i = 0; found != NULL && i < found->num && rc == 0; i++) {
		if (found->record[i].meta.kind != m->kind)
			continue;
		kept = evidence_kept(x, &found->record[i]);
		if (kept != NULL && evidence_older(e, kept))
			rc = err_set(why, E_PARSE,
			    "older than what is kept here, which stays");
		evidence_free(kept);
	}
	store_found_free(found);
	return rc;
}

/* Some at a time: each transaction waits for the disk. */
static int
import_commit(struct importing *x, int rc, struct err *err)
{
	if (x->num_open == 0)
		return rc;
	x->num_open = 0;
	return store_db_end(x->db, rc, err);
}

static int
import_keep(struct importing *x, const struct store_meta *m, struct span der,
    struct err *err)
{
	uint8_t sha256[32];
	int rc = 0;

	store_db_digest(sha256, der);
	if (m->kind == EVIDENCE_CRL)
		rc = store_file_write(x->db->dir, sha256, der, err);
	if (rc == 0 && x->num_open == 0)
		rc = store_db_begin(x->db, err);
	if (rc != 0)
		return rc;
	x->num_open++;
	rc = store_db_save(x->db, m, sha256, der, err);
	if (rc != 0 || x->num_open == IMPORT_TOGETHER)
		rc = import_commit(x, rc, err);
	return rc;
}

/* Owns der. Negative only for failures that end the whole import. */
static int
import_record(struct importing *x, const struct store_meta *m, uint8_t *der,
    size_t len, struct err *err)
{
	struct revcheck_cache_item item;
	struct evidence *e;
	struct span bytes;
	struct err why = {0};
	int rc = -1;

	e = evidence_of(m, der, len, &why);
	if (e != NULL)
		rc = import_judge(x, m, e, &why);
	if (rc == 0) {
		bytes = e->crl != NULL ? crl_get0_info(e->crl)->der
				       : span_of(e->der, e->der_len);
		rc = import_keep(x, m, bytes, err);
		if (rc == 0)
			x->num++;
	} else {
		store_item_of_meta(&item, m, len);
		if (e != NULL && e->crl != NULL)
			cache_item_of_crl(&item, e->crl);
		snprintf(item.error, sizeof(item.error), "%s", why.msg);
		if (x->refused != NULL)
			(void)x->refused(x->arg, &item);
		rc = 0;
	}
	evidence_free(e);
	return rc;
}

/* Lines up to an empty one, with it. 0 at the end, negative: there is none. */
static int
read_header(FILE *in, char text[BUNDLE_HEADER_MAX])
{
	size_t at = 0, len;

	do {
		if (fgets(text + at, (int)(BUNDLE_HEADER_MAX - at), in) == NULL)
			return at == 0 ? 0 : -1;
		len = strlen(text + at);
		if (len == 0 || text[at + len - 1] != '\n')
			return -1;
		at += len;
	} while (len > 1 && at + 1 < BUNDLE_HEADER_MAX);
	return len == 1 ? 1 : -1;
}

static int
import_next(struct importing *x, struct err *err)
{
	char text[BUNDLE_HEADER_MAX];
	struct store_meta m;
	uint8_t *der;
	size_t len;
	int rc = read_header(x->in, text);

	if (rc == 0)
		return 0;
	if (rc < 0 || !bundle_header_read(text, &m, &len) ||
	    len > (m.kind == EVIDENCE_CRL ? BUNDLE_MAX_CRL : STORE_MAX_OCSP))
		return err_set(err, E_PARSE,
		    "bundle is torn: record %d does not begin as one",
		    x->num + 1);
	der = malloc(len > 0 ? len : 1);
	if (der == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (fread(der, 1, len, x->in) != len) {
		free(der);
		return err_set(err, E_PARSE,
		    "bundle is torn: record %d is cut short", x->num + 1);
	}
	return import_record(x, &m, der, len, err) < 0 ? E_IO : 1;
}

/* One of version 1 names its evidence as nobody asks for it any more. */
static int
import_all(struct importing *x, const char *path, struct err *err)
{
	char line[sizeof(first_line)] = "";
	int rc;

	if (fread(line, 1, sizeof(line) - 1, x->in) != sizeof(line) - 1 ||
	    strcmp(line, first_line) != 0)
		return err_set(err, E_PARSE,
		    "'%s' is not a bundle of this version%s", path,
		    strncmp(line, first_line, 24) == 0
			? ": export it again with this one"
			: "");
	while ((rc = import_next(x, err)) > 0)
		continue;
	return import_commit(x, rc, err);
}

int
revcheck_state_import(const char *state_dir, const char *path,
    struct revcheck_trust *trust, const struct revcheck_certs *certs,
    revcheck_cache_fn *refused, void *arg, struct revcheck_error *err)
{
	struct importing x = {.by = {.trust = trust, .certs = certs},
	    .refused = refused,
	    .arg = arg};
	struct err e = {0};
	int rc;

	rc = store_db_prepare(state_dir, &e);
	if (rc == 0)
		rc = store_db_open(&x.db, state_dir, STORE_DB_MAKE, NULL, &e);
	if (rc != 0)
		return error_publish(err, &e, rc);
	x.in = fopen(path, "rb");
	if (x.in == NULL)
		rc = err_sys(&e, "cannot open '%s'", path);
	else
		rc = import_all(&x, path, &e);
	if (x.in != NULL)
		fclose(x.in);
	store_db_close(x.db);
	return rc < 0 ? error_publish(err, &e, rc) : x.num;
}
