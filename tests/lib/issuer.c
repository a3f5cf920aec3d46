/* issuer: see the header. Test code. */
#include "tests/lib/issuer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/ec.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "fixtures/lib/fixture.h"

static void
need(int ok)
{
	if (!ok)
		abort();
}

void
issuer_cleanup(struct issuer *i)
{
	EVP_PKEY_free(i->key);
	X509_free(i->cert);
	*i = (struct issuer){0};
}

static X509_NAME *
name_new(const char *cn)
{
	X509_NAME *n = X509_NAME_new();

	need(n != NULL &&
	    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
		(const unsigned char *)cn, -1, -1, 0) == 1);
	return n;
}

static void
cert_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	if (value == NULL)
		return;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	need(e != NULL && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

/* Octets as they are: what stands in such a URL is for tests to say. */
static GENERAL_NAME *
name_of_url(const char *url, size_t len)
{
	GENERAL_NAME *n = GENERAL_NAME_new();
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();

	need(n != NULL && s != NULL && ASN1_STRING_set(s, url, (int)len) == 1);
	GENERAL_NAME_set0_value(n, GEN_URI, s);
	return n;
}

/* One distribution point with all of them. */
static DIST_POINT *
point_of(const char *urls)
{
	DIST_POINT *p = DIST_POINT_new();
	size_t n;

	need(p != NULL);
	p->distpoint = DIST_POINT_NAME_new();
	need(p->distpoint != NULL);
	p->distpoint->type = 0;
	p->distpoint->name.fullname = sk_GENERAL_NAME_new_null();
	for (; *urls != '\0'; urls += n + (urls[n] == '|')) {
		n = strcspn(urls, "|");
		need(sk_GENERAL_NAME_push(p->distpoint->name.fullname,
			 name_of_url(urls, n)) > 0);
	}
	return p;
}

static void
cert_points(X509 *x, const char *urls, const char *more)
{
	CRL_DIST_POINTS *all = sk_DIST_POINT_new_null();

	need(all != NULL);
	if (urls != NULL)
		need(sk_DIST_POINT_push(all, point_of(urls)) > 0);
	if (more != NULL)
		need(sk_DIST_POINT_push(all, point_of(more)) > 0);
	need(sk_DIST_POINT_num(all) == 0 ||
	    X509_add1_ext_i2d(x, NID_crl_distribution_points, all, 0, 0) == 1);
	sk_DIST_POINT_pop_free(all, DIST_POINT_free);
}

/* An access description for each. */
static void
cert_responders(X509 *x, const char *urls)
{
	AUTHORITY_INFO_ACCESS *all = sk_ACCESS_DESCRIPTION_new_null();
	size_t n;

	for (; urls != NULL && *urls != '\0'; urls += n + (urls[n] == '|')) {
		ACCESS_DESCRIPTION *d = ACCESS_DESCRIPTION_new();

		n = strcspn(urls, "|");
		need(d != NULL);
		GENERAL_NAME_free(d->location);
		ASN1_OBJECT_free(d->method);
		d->method = OBJ_nid2obj(NID_ad_OCSP);
		d->location = name_of_url(urls, n);
		need(sk_ACCESS_DESCRIPTION_push(all, d) > 0);
	}
	need(sk_ACCESS_DESCRIPTION_num(all) <= 0 ||
	    X509_add1_ext_i2d(x, NID_info_access, all, 0, 0) == 1);
	sk_ACCESS_DESCRIPTION_pop_free(all, ACCESS_DESCRIPTION_free);
}

void
issuer_init(struct issuer *out, const struct issuer_cert *how)
{
	X509_NAME *name = name_new(how->cn);
	const struct issuer *by = how->by != NULL ? how->by : out;
	X509 *x = X509_new();

	if (how->key != NULL)
		EVP_PKEY_up_ref(how->key);
	out->key = how->key != NULL ? how->key : EVP_EC_gen("P-256");
	out->cert = x;
	need(x != NULL && out->key != NULL &&
	    X509_set_version(x, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set(X509_get_serialNumber(x), how->serial) == 1 &&
	    X509_set_subject_name(x, name) == 1 &&
	    X509_set_issuer_name(
		x, how->by != NULL ? X509_get_subject_name(by->cert) : name) &&
	    ASN1_TIME_set(X509_getm_notBefore(x), how->from) != NULL &&
	    ASN1_TIME_set(X509_getm_notAfter(x), how->to) != NULL &&
	    X509_set_pubkey(x, out->key) == 1);
	X509_NAME_free(name);
	cert_extension(x, by->cert, NID_basic_constraints, how->constraints);
	cert_extension(x, by->cert, NID_key_usage, how->usage);
	cert_extension(x, by->cert, NID_ext_key_usage, how->purposes);
	cert_extension(x, by->cert, NID_subject_key_identifier, "hash");
	cert_extension(x, by->cert, NID_authority_key_identifier, "keyid");
	cert_points(x, how->crl_url, how->crl_url2);
	cert_responders(x, how->ocsp_url);
	need(X509_sign(x, by->key, how->md != NULL ? how->md : EVP_sha256()) >
	    0);
}

static void
crl_entry(X509_CRL *crl, long serial, time_t at, int reason)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, at);
	ASN1_ENUMERATED *e = ASN1_ENUMERATED_new();

	need(r != NULL && n != NULL && t != NULL && e != NULL &&
	    ASN1_INTEGER_set(n, serial) == 1 &&
	    X509_REVOKED_set_serialNumber(r, n) == 1 &&
	    X509_REVOKED_set_revocationDate(r, t) == 1 &&
	    ASN1_ENUMERATED_set(e, reason) == 1 &&
	    (reason == 0 ||
		X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, e, 0, 0) == 1) &&
	    X509_CRL_add0_revoked(crl, r) == 1);
	ASN1_INTEGER_free(n);
	ASN1_TIME_free(t);
	ASN1_ENUMERATED_free(e);
}

static void
crl_number(X509_CRL *crl, int nid, int critical, long number)
{
	ASN1_INTEGER *n = ASN1_INTEGER_new();

	if (number != 0)
		need(n != NULL && ASN1_INTEGER_set(n, number) == 1 &&
		    X509_CRL_add1_ext_i2d(crl, nid, n, critical, 0) == 1);
	ASN1_INTEGER_free(n);
}

static void
crl_deltas(X509_CRL *crl, const char *url)
{
	CRL_DIST_POINTS *all = sk_DIST_POINT_new_null();

	need(all != NULL);
	need(sk_DIST_POINT_push(all, point_of(url)) > 0);
	need(X509_CRL_add1_ext_i2d(crl, NID_freshest_crl, all, 0, 0) == 1);
	CRL_DIST_POINTS_free(all);
}

static void
crl_point(X509_CRL *crl, const char *uri, const char *only)
{
	CONF *conf = NCONF_new(NULL);
	char text[600];
	X509_EXTENSION *e;
	X509V3_CTX ctx;
	BIO *in;

	if (only != NULL)
		snprintf(text, sizeof(text), "[point]\nonly%s=TRUE\n", only);
	else
		snprintf(text, sizeof(text), "[point]\nfullname=URI:%s\n", uri);
	in = BIO_new_mem_buf(text, -1);
	need(conf != NULL && in != NULL && NCONF_load_bio(conf, in, NULL) == 1);
	X509V3_set_ctx(&ctx, NULL, NULL, NULL, crl, 0);
	X509V3_set_nconf(&ctx, conf);
	e = X509V3_EXT_nconf_nid(
	    conf, &ctx, NID_issuing_distribution_point, "critical,@point");
	need(e != NULL && X509_CRL_add_ext(crl, e, -1) == 1);
	X509_EXTENSION_free(e);
	BIO_free(in);
	NCONF_free(conf);
}

static void
crl_key_id(X509_CRL *crl, X509 *issuer)
{
	X509_EXTENSION *e;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
	e = X509V3_EXT_conf_nid(
	    NULL, &ctx, NID_authority_key_identifier, "keyid:always");
	need(e != NULL && X509_CRL_add_ext(crl, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static void
crl_dates(X509_CRL *crl, time_t from, time_t next)
{
	ASN1_TIME *t = ASN1_TIME_set(NULL, from);

	need(t != NULL && X509_CRL_set1_lastUpdate(crl, t) == 1);
	if (next != 0)
		need(ASN1_TIME_set(t, next) != NULL &&
		    X509_CRL_set1_nextUpdate(crl, t) == 1);
	ASN1_TIME_free(t);
}

void
issuer_write_crl(const char *path, const struct issuer_crl *how)
{
	X509_CRL *crl = X509_CRL_new();
	X509_NAME *name = how->cn != NULL
	    ? name_new(how->cn)
	    : X509_NAME_dup(X509_get_subject_name(how->by->cert));
	FILE *f = fopen(path, "we");

	need(crl != NULL && f != NULL &&
	    X509_CRL_set_version(crl, how->version1 ? 0 : 1) == 1 &&
	    X509_CRL_set_issuer_name(crl, name) == 1);
	X509_NAME_free(name);
	crl_dates(crl, how->from, how->next);
	for (const long *s = how->serials; s != NULL && *s != 0; s++)
		crl_entry(crl, *s, how->from, how->reason);
	crl_number(crl, NID_crl_number, 0, how->number);
	crl_number(crl, NID_delta_crl, 1, how->base);
	if (how->point != NULL || how->only != NULL)
		crl_point(crl, how->point, how->only);
	if (how->deltas != NULL)
		crl_deltas(crl, how->deltas);
	if (how->names_key)
		crl_key_id(crl, how->by->cert);
	need(X509_CRL_sort(crl) == 1 &&
	    X509_CRL_sign(crl, how->by->key, EVP_sha256()) > 0 &&
	    i2d_X509_CRL_fp(f, crl) == 1 && fclose(f) == 0);
	X509_CRL_free(crl);
}

static void
response_critical(OCSP_BASICRESP *basic)
{
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	need(text != NULL && ASN1_STRING_set(text, "?", 1) == 1 &&
	    OCSP_BASICRESP_add1_ext_i2d(
		basic, NID_netscape_comment, text, 1, 0) == 1);
	ASN1_IA5STRING_free(text);
}

void
issuer_write_response(const char *path, const struct issuer_response *how)
{
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, how->cert, how->issuer);
	ASN1_TIME *from = ASN1_GENERALIZEDTIME_set(NULL, how->from);
	ASN1_TIME *next = ASN1_GENERALIZEDTIME_set(NULL, how->next);
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	BIO *out = BIO_new_file(path, "wb");
	OCSP_RESPONSE *r;

	need(id != NULL && from != NULL && next != NULL && basic != NULL &&
	    out != NULL &&
	    OCSP_basic_add1_status(basic, id, how->status, 0,
		how->status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL, from,
		next) != NULL &&
	    (how->nonce == NULL ||
		OCSP_basic_add1_nonce(basic, (unsigned char *)how->nonce,
		    (int)strlen(how->nonce)) == 1));
	if (how->critical)
		response_critical(basic);
	need(OCSP_basic_sign(basic, how->by->cert, how->by->key, EVP_sha256(),
		 NULL, 0) == 1);
	r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	need(r != NULL && i2d_OCSP_RESPONSE_bio(out, r) == 1 &&
	    BIO_free(out) == 1);
	OCSP_CERTID_free(id);
	ASN1_GENERALIZEDTIME_free(from);
	ASN1_GENERALIZEDTIME_free(next);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(r);
}

void
issuer_write_links(const char *dir, int num)
{
	char *first = xasprintf("%s/0.crl", dir);
	struct issuer ca;
	time_t now = time(NULL);

	dir_make(dir);
	issuer_init(&ca,
	    &(struct issuer_cert){.cn = "of many lists",
		.serial = 1,
		.from = now - 3600,
		.to = now + 86400,
		.constraints = "critical,CA:TRUE",
		.usage = "critical,keyCertSign,cRLSign"});
	issuer_write_crl(first,
	    &(struct issuer_crl){
		.by = &ca, .number = 1, .from = now - 60, .next = now + 86400});
	issuer_cleanup(&ca);
	for (int i = 1; i < num; i++) {
		char *path = xasprintf("%s/%d.crl", dir, i);

		need(link(first, path) == 0);
		free(path);
	}
	free(first);
}
