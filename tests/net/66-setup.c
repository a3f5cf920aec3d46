/*
 * An identity from nothing to the door, over REST: keys, signing requests,
 * certificates, registration, network setup; and every answer that is not
 * the good one.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/lib/gateway.h"
#include "tests/lib/peer.h"

#define H    "0123456789AB"
#define P256 "CORDA.ECDSA.SECP256R1"

static struct town town;
static struct gateway gw;

static int
setup(void **state)
{
	town_start(&town, "net", NULL);
	gateway_run(&gw, "gateway", &town);
	return 0;
}

static int
teardown(void **state)
{
	gateway_free(&gw);
	town_stop(&town);
	return 0;
}

/* One request, its status and a part of its answer; NULL: any. */
struct row {
	const char *method, *path, *body;
	long status;
	const char *text;
};

static void
run_rows(const struct row *rows, size_t num)
{
	for (size_t i = 0; i < num; i++) {
		const struct row *r = &rows[i];
		struct web w;

		rest(&gw, &w, r->method, r->path, r->body);
		if (w.status != r->status ||
		    (r->text != NULL && strstr(w.body, r->text) == NULL))
			fail_msg("%s %s: %ld %s, expected %ld %s", r->method,
			    r->path, w.status, w.body, r->status,
			    r->text != NULL ? r->text : "");
		/* Every error has the same shape. */
		if (w.status >= 400) {
			assert_non_null(json_text(w.json, "title"));
			assert_int_equal(
			    json_number(w.json, "status"), w.status);
			assert_true(cJSON_IsObject(json_at(w.json, "details")));
		}
		web_free(&w);
	}
}
#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* The id of a key that is made now; free() it. */
static char *
key_make(const char *tenant, const char *alias, const char *category,
    const char *scheme)
{
	char *path = xasprintf("/keys/%s/alias/%s/category/%s/scheme/%s",
	    tenant, alias, category, scheme);
	char *id;
	struct web w;

	rest(&gw, &w, "POST", path, "");
	if (w.status != 200)
		fail_msg("POST %s: %ld %s", path, w.status, w.body);
	id = xstrdup(json_text(w.json, "id"));
	web_free(&w);
	free(path);
	return id;
}

static X509_REQ *
csr_get(const char *tenant, const char *key, const char *body)
{
	char *path = xasprintf("/certificates/%s/%s", tenant, key);
	X509_REQ *req;
	struct web w;
	BIO *bio;

	rest(&gw, &w, "POST", path, body);
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

/* ---- keys -----------------------------------------------------------------
 */

static void
key_id_is_of_the_public_key(void **state)
{
	static const char *const schemes[] = {
	    P256, "CORDA.ECDSA.SECP384R1", "CORDA.RSA", "CORDA.EDDSA.ED25519"};

	for (size_t i = 0; i < 4; i++) {
		char *id = key_make(H, schemes[i], "TLS", schemes[i]);
		char *path = xasprintf("/key/%s/%s", H, id);
		unsigned char md[32], *der = NULL;
		char want[13];
		struct web w;
		EVP_PKEY *key;
		BIO *bio;
		int len;

		rest(&gw, &w, "GET", path, NULL);
		assert_int_equal(w.status, 200);
		bio = BIO_new_mem_buf(w.body, -1);
		key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
		assert_non_null(key);
		len = i2d_PUBKEY(key, &der);
		EVP_Digest(der, (size_t)len, md, NULL, EVP_sha256(), NULL);
		for (int k = 0; k < 6; k++)
			snprintf(want + 2 * k, 3, "%02X", md[k]);
		assert_string_equal(id, want);
		OPENSSL_free(der);
		EVP_PKEY_free(key);
		BIO_free(bio);
		web_free(&w);
		rest(&gw, &w, "GET", "/keys/0123456789ab", NULL);
		assert_string_equal(
		    cJSON_GetStringValue(cJSON_GetObjectItem(
			cJSON_GetObjectItem(w.json, id), "scheme")),
		    schemes[i]);
		web_free(&w);
		free(path);
		free(id);
	}
}

static void
bad_keys_are_refused(void **state)
{
#define KEY(tenant, category, scheme) \
	"/keys/" tenant "/alias/x/category/" category "/scheme/" scheme
	static const struct row rows[] = {
	    {"POST", KEY("12", "TLS", P256), "", 400, "tenant"},
	    {"POST", KEY("0123456789AG", "TLS", P256), "", 400, "tenant"},
	    {"POST", KEY(H, "NONE", P256), "", 400, "category 'NONE'"},
	    {"POST", KEY(H, "TLS", "CORDA.SM2"), "", 400, "scheme 'CORDA.SM2'"},
	    {"POST", KEY(H, "TLS", P256), "", 200, "\"id\":\""},
	    {"POST", KEY(H, "TLS", P256), "", 409, "already"},
	    {"POST", KEY("p2p", "TLS", P256), "", 200, "\"id\":\""},
	    {"POST", "/key/p2p/alias/y%0A/category/TLS/scheme/" P256, "", 400,
		"alias"},
	    {"GET", "/keys/zz", NULL, 400, "tenant"},
	    {"GET", "/keys/" H "/123", NULL, 400, "12 hexadecimal digits"},
	    {"GET", "/keys/" H "/000000000000", NULL, 404, "Key not found."},
	};

	RUN(rows);
}

static void
keys_are_encrypted_and_survive(void **state)
{
	struct web before, after;
	char *text, *secret;
	size_t len;

	rest(&gw, &before, "GET", "/keys/" H, NULL);
	gateway_stop(&gw);
	text = file_read("gateway.state/keys.journal", &len);
	assert_non_null(strstr(text, "BEGIN ENCRYPTED PRIVATE KEY"));
	assert_null(strstr(text, "BEGIN PRIVATE KEY"));
	free(text);
	/* With another secret they are of no use. */
	secret = file_read("gateway.state/keys.secret", &len);
	file_write("gateway.state/keys.secret", "0123456789abcdef0123", 20);
	assert_int_not_equal(gateway_refuses(&gw, &text), 0);
	assert_non_null(strstr(text, "cannot be decrypted"));
	free(text);
	file_write("gateway.state/keys.secret", secret, len);
	free(secret);
	gateway_start(&gw);
	rest(&gw, &after, "GET", "/keys/" H, NULL);
	assert_string_equal(before.body, after.body);
	web_free(&before);
	web_free(&after);
}

/* ---- signing requests -------------------------------------------------------
 */

static void
request_has_the_extensions(void **state)
{
	char *id = key_make(H, "csr", "TLS", P256);
	X509_REQ *req = csr_get(H, id,
	    "{\"x500Name\":\"O=Alice, L=London, C=GB\","
	    "\"subjectAlternativeNames\":[\"alice.example\",\"127.0.0.1\"]}");
	STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
	ASN1_BIT_STRING *usage;
	GENERAL_NAMES *names;
	int critical;
	char text[100];

	assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
	X509_NAME_oneline(X509_REQ_get_subject_name(req), text, sizeof(text));
	assert_string_equal(text, "/C=GB/L=London/O=Alice");
	assert_int_equal(
	    X509_REQ_get_signature_nid(req), NID_ecdsa_with_SHA256);
	usage = X509V3_get_d2i(exts, NID_key_usage, &critical, NULL);
	assert_int_equal(critical, 1);
	assert_int_equal(ASN1_STRING_length(usage), 1);
	assert_int_equal(ASN1_STRING_get0_data(usage)[0], 0x80);
	names = X509V3_get_d2i(exts, NID_subject_alt_name, &critical, NULL);
	assert_int_equal(critical, 1);
	assert_int_equal(sk_GENERAL_NAME_num(names), 2);
	assert_int_equal(sk_GENERAL_NAME_value(names, 0)->type, GEN_DNS);
	assert_int_equal(sk_GENERAL_NAME_value(names, 1)->type, GEN_IPADD);
	GENERAL_NAMES_free(names);
	ASN1_BIT_STRING_free(usage);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_REQ_free(req);
	free(id);
}

static void
signature_is_the_keys_default_or_as_asked(void **state)
{
	static const struct {
		const char *alias, *scheme, *spec;
		int nid;
	} rows[] = {
	    {"d0", "CORDA.ECDSA.SECP384R1", NULL, NID_ecdsa_with_SHA256},
	    {"d1", "CORDA.RSA", NULL, NID_sha512WithRSAEncryption},
	    {"d2", "CORDA.EDDSA.ED25519", NULL, NID_ED25519},
	    {"d3", P256, "SHA512withECDSA", NID_ecdsa_with_SHA512},
	    {"d4", "CORDA.RSA", "SHA256withRSA", NID_sha256WithRSAEncryption},
	};

	for (size_t i = 0; i < 5; i++) {
		char *id = key_make(H, rows[i].alias, "TLS", rows[i].scheme);
		char *body = rows[i].spec == NULL
		    ? xstrdup("{\"x500Name\":\"O=A,L=B,C=GB\"}")
		    : xasprintf("{\"x500Name\":\"O=A,L=B,C=GB\","
				"\"contextMap\":{\"signatureSpec\":\"%s\"}}",
			  rows[i].spec);
		X509_REQ *req = csr_get(H, id, body);

		assert_int_equal(X509_REQ_get_signature_nid(req), rows[i].nid);
		X509_REQ_free(req);
		free(body);
		free(id);
	}
}

static void
bad_requests_are_refused(void **state)
{
	char *tls = key_make(H, "bad-tls", "TLS", P256);
	char *ses = key_make(H, "bad-ses", "SESSION_INIT", P256);
	char *t = xasprintf("/certificate/%s/%s", H, tls);
	char *s = xasprintf("/certificates/0123456789ab/%s", ses);
#define NAME "\"x500Name\":\"O=Alice, L=London, C=GB\""
	const struct row rows[] = {
	    {"POST", t, "nonsense", 400, "Invalid input data."},
	    {"POST", t, "[]", 400, "not a JSON object"},
	    {"POST", t, "{}", 400, "x500Name"},
	    {"POST", t, "{\"x500Name\":\"Alice\"}", 400,
		"not a distinguished name"},
	    {"POST", t, "{" NAME ",\"subjectAlternativeNames\":[\"a b\"]}", 400,
		"neither an address nor a host name"},
	    {"POST", t, "{" NAME ",\"subjectAlternativeNames\":\"a\"}", 400,
		"expected an array"},
	    {"POST", t, "{" NAME ",\"subjectAlternativeNames\":[1]}", 400,
		"expected a string"},
	    {"POST", t, "{" NAME ",\"contextMap\":{\"signatureSpec\":\"MD5\"}}",
		400, "signatureSpec 'MD5'"},
	    {"POST", t,
		"{" NAME ",\"contextMap\":{\"signatureSpec\":"
		"\"SHA256withRSA\"}}",
		400, "does not go with this key"},
	    {"POST", t, "{\"request\":{" NAME "}}", 200, "BEGIN CERTIFICATE "},
	    {"POST", "/certificates/12/000000000000", "{" NAME "}", 400,
		"tenant"},
	    {"POST", "/certificates/" H "/12", "{" NAME "}", 400, "keyId"},
	    {"POST", "/certificates/" H "/000000000000", "{" NAME "}", 404,
		"Key not found."},
	    /* The first name of a session key is the member's. */
	    {"POST", s, "{" NAME "}", 200, "BEGIN CERTIFICATE "},
	    {"POST", s, "{\"x500Name\":\"C=GB, L=London, O=Alice\"}", 200,
		NULL},
	    {"POST", s, "{\"x500Name\":\"O=Bob, L=London, C=GB\"}", 400,
		"not the name of the holding identity"},
	    /* A TLS key may have any. */
	    {"POST", t, "{\"x500Name\":\"CN=door.example\"}", 200, NULL},
	};

	RUN(rows);
	free(t);
	free(s);
	free(tls);
	free(ses);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(key_id_is_of_the_public_key),
	    cmocka_unit_test(bad_keys_are_refused),
	    cmocka_unit_test(keys_are_encrypted_and_survive),
	    cmocka_unit_test(request_has_the_extensions),
	    cmocka_unit_test(signature_is_the_keys_default_or_as_asked),
	    cmocka_unit_test(bad_requests_are_refused),
	};

	return cmocka_run_group_tests_name(
	    "network setup", tests, setup, teardown);
}
