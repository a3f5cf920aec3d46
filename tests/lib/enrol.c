/* enrol: see enrol.h. */
#include "tests/lib/enrol.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* The id of a key that is made now; free() it. */
char *
enrol_key(struct gateway *g, const char *tenant, const char *alias,
    const char *category, const char *scheme)
{
	char *path = xasprintf("/keys/%s/alias/%s/category/%s/scheme/%s",
	    tenant, alias, category, scheme);
	char *id;
	struct web w;

	rest(g, &w, "POST", path, "");
	if (w.status != 200)
		fail_msg("POST %s: %ld %s", path, w.status, w.body);
	id = xstrdup(json_text(w.json, "id"));
	web_free(&w);
	free(path);
	return id;
}

X509_REQ *
enrol_csr(
    struct gateway *g, const char *tenant, const char *key, const char *body)
{
	char *path = xasprintf("/certificates/%s/%s", tenant, key);
	X509_REQ *req;
	struct web w;
	BIO *bio;

	rest(g, &w, "POST", path, body);
	if (w.status != 200)
		fail_msg("POST %s: %ld %s", path, w.status, w.body);
	bio = BIO_new_mem_buf(w.body, -1);
	req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	assert_non_null(req);
	BIO_free(bio);
	web_free(&w);
	free(path);
	return req;
}

char *
enrol_pem(X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *out;
	long len;

	assert_int_equal(PEM_write_bio_X509(bio, x), 1);
	len = BIO_get_mem_data(bio, &data);
	out = strndup(data, (size_t)len);
	BIO_free(bio);
	return out;
}

static void
add_crl(X509 *x, const char *url)
{
	char *point = xasprintf("URI:%s", url);
	X509_EXTENSION *e =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_crl_distribution_points, point);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
	free(point);
}

/* Issued by ca for what a request asks for; free() the PEM. */
char *
enrol_issue(const struct pki_ca *ca, X509_REQ *req, long days)
{
	STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
	static long serial = 1000;
	X509 *x = X509_new();
	char *pem;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_set_subject_name(x, X509_REQ_get_subject_name(req));
	X509_set_issuer_name(x, X509_get_subject_name(ca->cert));
	X509_set_pubkey(x, X509_REQ_get0_pubkey(req));
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), days * 86400);
	for (int i = 0; i < sk_X509_EXTENSION_num(exts); i++)
		X509_add_ext(x, sk_X509_EXTENSION_value(exts, i), -1);
	if (ca->crl_url != NULL)
		add_crl(x, ca->crl_url);
	assert_true(X509_sign(x, ca->key, EVP_sha256()) > 0);
	pem = enrol_pem(x);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_free(x);
	return pem;
}

/* A key of that category, and a certificate of ca for it. */
char *
enrol_identity(struct gateway *g, const struct pki_ca *ca, const char *holder,
    const char *alias, const char *category, const char *name, const char *san,
    char **key)
{
	char *id = enrol_key(g, holder, alias, category, ENROL_P256), *body,
	     *pem;
	X509_REQ *req;

	body =
	    xasprintf("{\"x500Name\":\"%s\",\"subjectAlternativeNames\":[%s]}",
		name, san);
	req = enrol_csr(g, holder, id, body);
	pem = enrol_issue(ca, req, 300);
	X509_REQ_free(req);
	free(body);
	if (key != NULL)
		*key = id;
	else
		free(id);
	return pem;
}

/* PUT of a form: NULL alias leaves it out, likewise certificates. */
void
enrol_upload(struct gateway *g, struct web *w, const char *path,
    const char *alias, const char *one, const char *two)
{
#define HEAD(name) "--xyz\r\nContent-Disposition: form-data; name=\"" name "\""
	char *a = alias == NULL
	    ? xstrdup("")
	    : xasprintf(HEAD("alias") "\r\n\r\n%s\r\n", alias);
	char *b = one == NULL
	    ? xstrdup("")
	    : xasprintf(HEAD("certificate") "; filename=\"c.pem\"\r\n"
					    "Content-Type: text/plain\r\n"
					    "\r\n%s\r\n",
		  one);
	char *c = two == NULL
	    ? xstrdup("")
	    : xasprintf(HEAD("certificate") "\r\n\r\n%s\r\n", two);
	char *body = xasprintf("%s%s%s--xyz--\r\n", a, b, c);
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v5_1%s", g->rest_port, path);

	web_request(w, "PUT", url, REST_USER, body,
	    "multipart/form-data; boundary=xyz");
	free(a);
	free(b);
	free(c);
	free(body);
	free(url);
}

void
enrol_upload_ok(struct gateway *g, const char *path, const char *alias,
    const char *one, const char *two)
{
	struct web w;

	enrol_upload(g, &w, path, alias, one, two);
	if (w.status != 204)
		fail_msg("PUT %s: %ld %s", path, w.status, w.body);
	web_free(&w);
}
