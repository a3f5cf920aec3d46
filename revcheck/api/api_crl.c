/*
 * api_crl: the public view of what is written in a CRL, for tools, and of what
 * that is worth by itself. Any thread.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "cache/base/bytes.h"
#include "cache/base/text.h"
#include "cache/crl/crl.h"
#include "cache/der/der.h"
#include "revcheck/crl/crl.h"
#include "revcheck/crl/crl_flaws.h"
#include "revcheck/crl/crl_scope.h"
#include "revcheck/api/api_crl.h"
#include "revcheck/api/judging.h"
#include "revcheck/x509/certs.h"
#include "cache/base/subject.h"
#include "revcheck/x509/describe.h"
#include "revcheck/x509/name.h"

/* Owned by its caller; the crl inside is immutable. */
struct revcheck_crl {
	struct crl *crl;
	struct evidence *from; /* whose it is, or NULL */
};

#define OID(...)                                           \
	{                                                  \
		(const uint8_t[]){__VA_ARGS__},            \
		    sizeof((const uint8_t[]){__VA_ARGS__}) \
	}
static const struct span oid_number = OID(0x55, 0x1d, 0x14);
static const struct span oid_delta = OID(0x55, 0x1d, 0x1b);
static const struct span oid_idp = OID(0x55, 0x1d, 0x1c);
static const struct span oid_aki = OID(0x55, 0x1d, 0x23);

/* Loading. */

static int
tool_new(struct revcheck_crl **out, struct crl *crl, struct evidence *from,
    struct err *err)
{
	*out = malloc(sizeof(**out));
	if (*out == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	(*out)->crl = crl;
	(*out)->from = from;
	return 0;
}

static int
tool_read(struct revcheck_crl **out, struct span bytes, int fd,
    const char *name, struct err *err)
{
	struct evidence *e;
	int rc = judging_read(&e, EVIDENCE_CRL, bytes, fd, name, err);

	if (rc == 0)
		rc = tool_new(out, e->crl, e, err);
	if (rc != 0)
		evidence_free(e);
	return rc;
}

int
revcheck_crl_parse(struct revcheck_crl **out, const void *data, size_t len,
    const char *name, struct revcheck_error *err)
{
	struct err e = {0};

	*out = NULL;
	return error_publish(
	    err, &e, tool_read(out, span_of(data, len), -1, name, &e));
}

int
revcheck_crl_load(
    struct revcheck_crl **out, const char *path, struct revcheck_error *err)
{
	enum crl_fault fault;
	struct err e = {0};
	struct crl *crl;
	int fd, rc;

	*out = NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_publish(
		    err, &e, err_sys(&e, "cannot open '%s'", path));
	/* DER is mapped; what else it is, the reader knows. */
	if (crl_map(fd, NULL, &crl, &fault, &e) == 0) {
		rc = tool_new(out, crl, NULL, &e);
		if (rc != 0)
			crl_free(crl);
	} else {
		rc = tool_read(out, span_of(NULL, 0), fd, path, &e);
	}
	close(fd);
	return error_publish(err, &e, rc);
}

void
revcheck_crl_free(struct revcheck_crl *crl)
{
	if (crl == NULL)
		return;
	if (crl->from != NULL)
		evidence_free(crl->from);
	else
		crl_free(crl->crl);
	free(crl);
}

/* Text. */

/* Text that is cut to fit. */
struct words {
	char *p;
	size_t cap, len;
};

static void __attribute__((format(printf, 2, 3)))
words_add(struct words *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->p + w->len, w->cap - w->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		w->len += (size_t)n;
	if (w->len >= w->cap)
		w->len = w->cap - 1;
}

/* INTEGER content as people write it: "-" and the magnitude. */
static void
describe_integer(char *out, size_t cap, struct span content)
{
	ASN1_INTEGER *n;
	unsigned char der[160];
	const unsigned char *p = der;

	out[0] = '\0';
	content = der_serial_trim(content);
	if (content.len == 0)
		return;
	if (content.len > 120) {
		/* No number that anybody meant; its beginning tells it. */
		text_hex_upper(out, content.p, 120);
		text_copy(out + 240, cap - 240, "...");
		return;
	}
	der[0] = DER_INTEGER;
	der[1] = (unsigned char)content.len;
	memcpy(der + 2, content.p, content.len);
	n = d2i_ASN1_INTEGER(NULL, &p, (long)content.len + 2);
	if (n != NULL)
		describe_serial(out, cap, n);
	ASN1_INTEGER_free(n);
}

static void
describe_name_der(char *out, size_t cap, struct span name)
{
	const unsigned char *p = name.p;
	X509_NAME *n = d2i_X509_NAME(NULL, &p, (long)name.len);

	subject_show_name(out, cap, n);
	X509_NAME_free(n);
	ERR_clear_error();
}

/* An extension whose value is one INTEGER. */
static void
describe_number_ext(
    char *out, size_t cap, const struct crl *crl, struct span oid)
{
	struct span value, content;
	struct der d;
	bool critical;

	out[0] = '\0';
	if (!crl_extension(crl, oid, &critical, &value))
		return;
	der_init(&d, value);
	if (der_get(&d, DER_INTEGER, &content))
		describe_integer(out, cap, content);
}

static void
describe_authority_key(char *out, size_t cap, const struct crl *crl)
{
	struct span value, id;
	struct der d, in;
	bool critical;

	out[0] = '\0';
	if (!crl_extension(crl, oid_aki, &critical, &value))
		return;
	der_init(&d, value);
	if (der_enter(&d, DER_SEQUENCE, &in) &&
	    der_get(&in, DER_CONTEXT(0), &id))
		text_hex_upper(
		    out, id.p, id.len < (cap - 1) / 2 ? id.len : (cap - 1) / 2);
}

/* Issuing distribution point (RFC 5280 5.2.5) in words. */

static void
scope_names(struct words *w, struct der *names)
{
	struct general_name name;
	char text[256];

	while (general_name_next(names, &name)) {
		if (name.tag == GENERAL_NAME_URI) {
			words_add(w, "%s'", w->len > 0 ? ", " : "");
			for (size_t i = 0; i < name.body.len; i++)
				words_add(w, "%c",
				    name.body.p[i] > 0x20 &&
					    name.body.p[i] < 0x7f
					? name.body.p[i]
					: '?');
			words_add(w, "'");
		} else if (name.tag == GENERAL_NAME_DIRECTORY) {
			describe_name_der(text, sizeof(text), name.body);
			words_add(w, "%s'%s'", w->len > 0 ? ", " : "", text);
		}
	}
}

static void
scope_flag(struct words *w, const char *text)
{
	words_add(w, "%s%s", w->len > 0 ? ", " : "", text);
}

static void
scope_reasons(struct words *w, struct span bits)
{
	/* ReasonFlags, RFC 5280 4.2.1.13: bit 1 is keyCompromise. */
	static const char *const names[] = {NULL, "keyCompromise",
	    "cACompromise", "affiliationChanged", "superseded",
	    "cessationOfOperation", "certificateHold", "privilegeWithdrawn",
	    "aACompromise"};
	const char *sep = "";

	scope_flag(w, "reasons: ");
	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
		if (1 + i / 8 >= bits.len ||
		    !(bits.p[1 + i / 8] & (0x80 >> i % 8)))
			continue;
		words_add(w, "%s%s", sep, names[i]);
		sep = " ";
	}
}

static void
describe_scope(char *out, size_t cap, const struct crl *crl)
{
	static const char *const flags[] = {[1] = "user certificates only",
	    [2] = "CA certificates only",
	    [4] = "indirect",
	    [5] = "attribute certificates only"};
	struct words w = {out, cap, 0};
	struct span value, body;
	struct der d, in, point, names;
	bool critical;
	int tag;

	out[0] = '\0';
	if (!crl_extension(crl, oid_idp, &critical, &value))
		return;
	der_init(&d, value);
	if (!der_enter(&d, DER_SEQUENCE, &in))
		return;
	while (der_peek(&in) != -1 && der_any(&in, &tag, &body, NULL)) {
		if (tag == DER_CONTEXT_C(0)) {
			der_init(&point, body);
			if (der_peek(&point) == DER_CONTEXT_C(1))
				scope_flag(&w, "relative to its issuer");
			else if (der_enter(&point, DER_CONTEXT_C(0), &names))
				scope_names(&w, &names);
		} else if (tag == DER_CONTEXT(3)) {
			scope_reasons(&w, body);
		} else if ((tag & 0xe0) == 0x80 && (tag & 0x1f) < 6 &&
		    flags[tag & 0x1f] != NULL && body.len == 1 &&
		    body.p[0] != 0) {
			scope_flag(&w, flags[tag & 0x1f]);
		}
	}
}

/* Returns them, enum crl_flaw. */
static unsigned
describe_flaws(char *out, size_t cap, const struct crl *crl)
{
	const struct crl_info *info = crl_get0_info(crl);
	const struct validity_rules strict = {0};
	const struct crl_flaw_rule *r;
	unsigned flaws = info->flaws;
	struct crl_scope *scope = NULL;
	struct words w = {out, cap, 0};
	size_t at = 0;

	out[0] = '\0';
	if (crl_scope_new(&scope, crl, &strict, NULL) == 0)
		flaws = scope->flaws;
	crl_scope_free(scope);
	while ((r = crl_flaws_next(flaws, &at)) != NULL)
		scope_flag(&w, r->text);
	if (flaws & CRL_FLAW_NO_NUMBER)
		scope_flag(&w, "no CRL number");
	if (flaws & CRL_FLAW_DUPLICATE_ENTRY)
		scope_flag(&w, "a certificate listed twice");
	if (flaws & CRL_FLAW_FRACTION)
		scope_flag(&w, "a date with a fraction of a second");
	if (flaws & CRL_FLAW_EXTENSIONS_EMPTY)
		scope_flag(&w, "extensions present but empty");
	if (info->unknown_critical_entry_ext)
		scope_flag(&w, "an entry with an unknown critical extension");
	if (!info->has_next_update)
		scope_flag(&w, "no nextUpdate");
	return flaws;
}

static void
describe_algorithm(char *out, size_t cap, struct span alg)
{
	const unsigned char *p = alg.p;
	X509_ALGOR *a = d2i_X509_ALGOR(NULL, &p, (long)alg.len);

	out[0] = '\0';
	if (a != NULL)
		OBJ_obj2txt(out, (int)cap, a->algorithm, 0);
	X509_ALGOR_free(a);
	ERR_clear_error();
}

void
revcheck_crl_get_info(
    const struct revcheck_crl *crl, struct revcheck_crl_info *out)
{
	const struct crl_info *i = crl_get0_info(crl->crl);
	struct revcheck_crl_info v = {
	    .size = sizeof(v),
	    .version = i->version,
	    .bytes = i->der.len,
	    .index_bytes = crl_index_bytes(crl->crl),
	    .num_entries = i->num_entries,
	    .this_update = i->this_update,
	    .next_update = i->has_next_update ? i->next_update : 0,
	};
	size_t size = out->size < sizeof(v) ? out->size : sizeof(v);

	describe_name_der(v.issuer, sizeof(v.issuer), i->issuer);
	describe_number_ext(v.number, sizeof(v.number), crl->crl, oid_number);
	describe_number_ext(
	    v.delta_base, sizeof(v.delta_base), crl->crl, oid_delta);
	describe_authority_key(
	    v.authority_key, sizeof(v.authority_key), crl->crl);
	describe_algorithm(v.signature, sizeof(v.signature), i->sig_alg);
	describe_scope(v.scope, sizeof(v.scope), crl->crl);
	if ((describe_flaws(v.flaws, sizeof(v.flaws), crl->crl) &
		CRL_FLAW_IDP) != 0)
		text_copy(v.scope, sizeof(v.scope), "it cannot be read");
	v.size = out->size;
	memcpy(out, &v, size);
}

/* Entries. */

static void
entry_fill(struct revcheck_crl_entry *out, const struct crl_entry *e)
{
	memset(out, 0, sizeof(*out));
	describe_integer(out->serial, sizeof(out->serial), e->serial);
	if (e->certificate_issuer.len > 0)
		describe_name_der(
		    out->issuer, sizeof(out->issuer), e->certificate_issuer);
	out->revoked_at = e->revoked_at;
	out->reason = e->reason;
}

/* INTEGER content from "0A1B", "0x0a1b", "0a:1b" or "-0a". */
static int
content_from_hex(struct bytes *out, const char *hex)
{
	BIGNUM *n = NULL;
	ASN1_INTEGER *i = NULL;
	unsigned char *der = NULL;
	char digits[128], *d = digits;
	struct span content;
	struct der r;
	int len, rc = E_ARG;

	if (*hex == '-')
		*d++ = *hex++;
	if (hex[0] == '0' && (hex[1] == 'x' || hex[1] == 'X'))
		hex += 2;
	for (; *hex != '\0' && d < digits + sizeof(digits) - 1; hex++)
		if (*hex != ':')
			*d++ = *hex;
	*d = '\0';
	len = (int)strlen(digits);
	if (*hex != '\0' || len == 0 || BN_hex2bn(&n, digits) != len)
		goto out;
	i = BN_to_ASN1_INTEGER(n, NULL);
	len = i != NULL ? i2d_ASN1_INTEGER(i, &der) : 0;
	der_init(&r, span_of(der, len > 0 ? (size_t)len : 0));
	rc = E_NOMEM;
	if (der_get(&r, DER_INTEGER, &content))
		rc = bytes_append(out, content.p, content.len);
out:
	OPENSSL_free(der);
	ASN1_INTEGER_free(i);
	BN_free(n);
	ERR_clear_error();
	return rc;
}

int
api_crl_find(
    const struct crl *crl, const char *serial, struct revcheck_crl_entry *out)
{
	struct crl_entry e;
	struct bytes content;
	int rc;

	bytes_init(&content, 128);
	rc = content_from_hex(&content, serial);
	if (rc == 0 &&
	    crl_find(
		crl, bytes_span(&content), span_of(NULL, 0), NULL, NULL, &e)) {
		entry_fill(out, &e);
		rc = 1;
	}
	bytes_cleanup(&content);
	return rc;
}

int
revcheck_crl_find(const struct revcheck_crl *crl, const char *serial,
    struct revcheck_crl_entry *out)
{
	return api_crl_find(crl->crl, serial, out);
}

int
revcheck_crl_next(
    const struct revcheck_crl *crl, size_t *pos, struct revcheck_crl_entry *out)
{
	struct crl_entry e;

	if (!crl_next(crl->crl, pos, &e))
		return 0;
	entry_fill(out, &e);
	return 1;
}

/* What it is worth. */

static void
judge_says(struct revcheck_result *out, enum revcheck_why why, const char *text)
{
	out->status =
	    why == REVCHECK_WHY_NONE ? REVCHECK_GOOD : REVCHECK_UNKNOWN;
	out->why = why;
	text_copy(out->text, sizeof(out->text), text);
}

static void
judge_scope(struct revcheck_result *out, const struct crl_scope *scope,
    const struct validity_rules *rules)
{
	enum revcheck_why dates =
	    validity_dates(rules, out->this_update, out->next_update);

	if (dates == REVCHECK_WHY_NOT_YET_VALID)
		judge_says(out, dates, "it is not valid yet");
	else if (scope->no_absence != REVCHECK_WHY_NONE)
		judge_says(out, scope->no_absence, scope->no_absence_text);
	else if (scope->is_delta)
		judge_says(out, REVCHECK_WHY_OUT_OF_SCOPE,
		    "it is a delta: the CRL it belongs to is needed");
	else if (dates != REVCHECK_WHY_NONE)
		judge_says(out, dates,
		    out->next_update != 0 ? "its nextUpdate has passed, or it "
					    "is too old"
					  : "it has no nextUpdate, and is too "
					    "old");
	else
		judge_says(
		    out, REVCHECK_WHY_NONE, "it is in date and without flaws");
}

static int
judge_with_issuer(struct revcheck_result *out, const struct crl *crl,
    X509 *issuer, const struct validity_rules *rules, struct err *err)
{
	X509 *chain[] = {issuer, issuer};
	struct crl_signers who = {.chain = chain, .num_chain = 2};
	enum revcheck_why why = REVCHECK_WHY_INTERNAL;
	struct crl_proof *proof = NULL;
	struct err e = {0};
	int rc;

	rc = crl_verify(&proof, crl, &who, rules, &why, &e);
	if (rc == E_NOMEM) {
		*err = e;
		return rc;
	}
	if (rc == 0) {
		memcpy(out->signer, proof->name, sizeof(out->signer));
		judge_scope(out, proof->scope, rules);
	} else {
		judge_says(out, why, e.msg);
	}
	crl_proof_free(proof);
	return 0;
}

static int
judge_without(struct revcheck_result *out, const struct crl *crl,
    const struct validity_rules *rules, struct err *err)
{
	struct crl_scope *scope = NULL;
	int rc;

	rc = crl_scope_new(&scope, crl, rules, err);
	if (rc == 0)
		judge_scope(out, scope, rules);
	else if (rc != E_NOMEM)
		judge_says(out,
		    rc == E_LIMIT ? REVCHECK_WHY_TOO_LARGE
				  : REVCHECK_WHY_MALFORMED,
		    err->msg);
	crl_scope_free(scope);
	return rc == E_NOMEM ? rc : 0;
}

int
revcheck_crl_judge(struct revcheck_result *out, const struct revcheck_crl *crl,
    const struct revcheck_crl_query *query, struct revcheck_error *err)
{
	const struct crl_info *i = crl_get0_info(crl->crl);
	struct validity_rules rules;
	struct err e = {0};
	int rc;

	memset(out, 0, sizeof(*out));
	rc = judging_rules(&rules, query->policy, query->at, &e);
	if (rc != 0)
		return error_publish(err, &e, rc);
	out->reason = REVCHECK_REASON_NONE;
	out->method = REVCHECK_METHOD_CRL;
	out->submitted_index = SIZE_MAX;
	out->this_update = i->this_update;
	out->next_update = i->has_next_update ? i->next_update : 0;
	describe_name_der(out->issuer, sizeof(out->issuer), i->issuer);
	describe_number_ext(
	    out->crl_number, sizeof(out->crl_number), crl->crl, oid_number);
	rc = query->issuer != NULL
	    ? judge_with_issuer(out, crl->crl, query->issuer, &rules, &e)
	    : judge_without(out, crl->crl, &rules, &e);
	return error_publish(err, &e, rc);
}
