/*
 * ocsp: requests, nonces and the strict reader, against responses that OpenSSL
 * encodes and that are then damaged octet by octet. What responses prove is
 * the business of the vectors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "revcheck/ocsp/ocsp_parse.h"
#include "revcheck/ocsp/ocsp.h"

#define AT 1790000000 /* 2026-09-21 */

static struct {
	EVP_PKEY *ca_key, *leaf_key;
	X509 *ca, *leaf;
} pki;

static EVP_PKEY *
new_key(void)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");

	assert_non_null(k);
	return k;
}

static void
add_ext(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static X509 *
new_cert(const char *cn, long serial, EVP_PKEY *key, X509 *issuer,
    EVP_PKEY *issuer_key, const char *aia)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_NAME_new();

	assert_non_null(x);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
	X509_set_subject_name(x, name);
	X509_set_issuer_name(
	    x, issuer != NULL ? X509_get_subject_name(issuer) : name);
	ASN1_TIME_set(X509_getm_notBefore(x), AT - 86400);
	ASN1_TIME_set(X509_getm_notAfter(x), AT + 86400 * 30);
	X509_set_pubkey(x, key);
	if (aia != NULL)
		add_ext(x, NID_info_access, aia);
	assert_true(X509_sign(x, issuer_key, EVP_sha256()) > 0);
	X509_NAME_free(name);
	return x;
}

static int
setup(void **state)
{
	(void)state;
	pki.ca_key = new_key();
	pki.leaf_key = new_key();
	pki.ca = new_cert("CA", 1, pki.ca_key, NULL, pki.ca_key, NULL);
	pki.leaf = new_cert("leaf", 4711, pki.leaf_key, pki.ca, pki.ca_key,
	    "OCSP;URI:http://one.example/,caIssuers;URI:http://ca.example/x,"
	    "OCSP;URI:http://two.example/ocsp");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	X509_free(pki.leaf);
	X509_free(pki.ca);
	EVP_PKEY_free(pki.leaf_key);
	EVP_PKEY_free(pki.ca_key);
	return 0;
}

static const struct validity_rules rules = {
    .at = AT, .skew_sec = 300, .no_next_update_sec = 86400};

/* A response of OpenSSL's making about the leaf; free() it. */
static unsigned char *
new_response_by(
    size_t *len, int status, const char *nonce, X509 *signer, EVP_PKEY *key)
{
	ASN1_TIME *this_update = ASN1_TIME_set(NULL, AT - 60),
		  *next_update = ASN1_TIME_set(NULL, AT + 3600),
		  *revoked = ASN1_TIME_set(NULL, AT - 3600);
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), pki.leaf, pki.ca);
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_RESPONSE *resp;
	unsigned char *der = NULL, *copy;
	int n;

	assert_non_null(OCSP_basic_add1_status(basic, id, status,
	    status == V_OCSP_CERTSTATUS_REVOKED ? OCSP_REVOKED_STATUS_SUPERSEDED
						: 0,
	    status == V_OCSP_CERTSTATUS_REVOKED ? revoked : NULL, this_update,
	    next_update));
	if (nonce != NULL)
		assert_int_equal(
		    OCSP_basic_add1_nonce(basic,
			(unsigned char *)(uintptr_t)nonce, (int)strlen(nonce)),
		    1);
	assert_int_equal(OCSP_basic_sign(basic, signer, key, EVP_sha256(), NULL,
			     OCSP_NOCERTS),
	    1);
	resp = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	n = i2d_OCSP_RESPONSE(resp, &der);
	assert_true(n > 0);
	copy = malloc((size_t)n);
	assert_non_null(copy);
	memcpy(copy, der, (size_t)n);
	*len = (size_t)n;
	OPENSSL_free(der);
	OCSP_RESPONSE_free(resp);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(this_update);
	ASN1_TIME_free(next_update);
	ASN1_TIME_free(revoked);
	return copy;
}

static unsigned char *
new_response(size_t *len, int status, const char *nonce)
{
	return new_response_by(len, status, nonce, pki.ca, pki.ca_key);
}

/*
 * OpenSSL stamps producedAt with the wall clock, so who signs lives that long.
 */
static void
live_now(X509 *cert)
{
	X509_gmtime_adj(X509_getm_notBefore(cert), -86400 * 365L);
	ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)4000000000);
}

static int
accept_with(struct ocsp_proof **p, const unsigned char *der, size_t len,
    const char *nonce, enum revcheck_nonce policy, enum revcheck_why *why)
{
	struct ocsp_question q = {
	    .subject = pki.leaf,
	    .issuer = pki.ca,
	    .nonce = span_of(nonce, nonce != NULL ? strlen(nonce) : 0),
	};
	struct validity_rules r = rules;
	struct err err = {0};
	int rc;

	r.nonce = policy;
	rc = ocsp_verify(p, span_of(der, len), &q, &r, why, &err);
	if (rc != 0) {
		assert_null(*p);
		assert_true(err.msg[0] != '\0');
		assert_int_not_equal(*why, REVCHECK_WHY_NONE);
	}
	return rc;
}

/* Requests. */

static void
trap_ocsp_15_every_responder_is_named_in_order(void **state)
{
	char **urls = ocsp_urls_of(pki.leaf);

	(void)state;
	assert_non_null(urls);
	assert_string_equal(urls[0], "http://one.example/");
	assert_string_equal(urls[1], "http://two.example/ocsp");
	assert_null(urls[2]);
	ocsp_urls_free(urls);
	urls = ocsp_urls_of(pki.ca);
	assert_non_null(urls);
	assert_null(urls[0]);
	ocsp_urls_free(urls);
	ocsp_urls_free(NULL);
}

static void
request_is_what_openssl_reads(void **state)
{
	static const unsigned char nonce[] = "0123456789abcdef0123456789abcdef";
	ASN1_OCTET_STRING *name_hash, *key_hash;
	const unsigned char *p;
	ASN1_INTEGER *serial;
	ASN1_OBJECT *md;
	OCSP_REQUEST *req;
	struct bytes der;
	struct err err;
	int at;

	(void)state;
	bytes_init(&der, 1024);
	assert_int_equal(ocsp_request_build(
			     &der, pki.leaf, pki.ca, span_of(nonce, 32), &err),
	    0);
	p = der.p;
	req = d2i_OCSP_REQUEST(NULL, &p, (long)der.len);
	assert_non_null(req);
	assert_ptr_equal(p, der.p + der.len);
	assert_int_equal(OCSP_request_onereq_count(req), 1);
	OCSP_id_get0_info(&name_hash, &md, &key_hash, &serial,
	    OCSP_onereq_get0_id(OCSP_request_onereq_get0(req, 0)));
	assert_int_equal(OBJ_obj2nid(md), NID_sha1);
	assert_int_equal(ASN1_INTEGER_get(serial), 4711);
	assert_int_equal(OCSP_request_is_signed(req), 0);
	at = OCSP_REQUEST_get_ext_by_NID(req, NID_id_pkix_OCSP_Nonce, -1);
	assert_int_equal(at, 0);
	/* extnValue is an OCTET STRING in its turn (RFC 9654 2.1). */
	p = ASN1_STRING_get0_data(
	    X509_EXTENSION_get_data(OCSP_REQUEST_get_ext(req, at)));
	assert_int_equal(p[0], 0x04);
	assert_int_equal(p[1], 32);
	assert_memory_equal(p + 2, nonce, 32);
	OCSP_REQUEST_free(req);
	bytes_cleanup(&der);
	/* Longer nonces are refused, not cut. */
	assert_int_equal(ocsp_request_build(
			     &der, pki.leaf, pki.ca, span_of(nonce, 33), &err),
	    E_ARG);
	bytes_cleanup(&der);
}

static void
request_without_nonce_has_no_extension(void **state)
{
	const unsigned char *p;
	OCSP_REQUEST *req;
	struct bytes der;
	struct err err;

	(void)state;
	bytes_init(&der, 1024);
	assert_int_equal(
	    ocsp_request_build(&der, pki.leaf, pki.ca, span_of(NULL, 0), &err),
	    0);
	p = der.p;
	req = d2i_OCSP_REQUEST(NULL, &p, (long)der.len);
	assert_int_equal(OCSP_REQUEST_get_ext_count(req), 0);
	OCSP_REQUEST_free(req);
	bytes_cleanup(&der);
}

static void
request_needs_room(void **state)
{
	struct bytes der;
	struct err err;

	(void)state;
	bytes_init(&der, 16);
	assert_int_equal(
	    ocsp_request_build(&der, pki.leaf, pki.ca, span_of(NULL, 0), &err),
	    E_LIMIT);
	bytes_cleanup(&der);
}

static void
trap_ocsp_13_get_escapes_and_has_one_slash(void **state)
{
	/* Base64 of it holds '+', '/' and '='. */
	static const uint8_t hard[] = {
	    0xfb, 0xef, 0xbe, 0xff, 0xff, 0xfe, 0x00};
	static const char *const bases[] = {
	    "http://o.example", "http://o.example/"};
	struct bytes url;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		bytes_init(&url, 512);
		assert_int_equal(
		    ocsp_get_url(&url, bases[i], span_of(hard, sizeof(hard))),
		    0);
		assert_string_equal((char *)url.p,
		    "http://o.example/%2B%2B%2B%2B%2F%2F%2F%2BAA%3D%3D");
		assert_int_equal(url.len, strlen((char *)url.p));
		bytes_cleanup(&url);
	}
	bytes_init(&url, 512);
	assert_int_equal(
	    ocsp_get_url(&url, "http://o.example/a/b", span_of("abc", 3)), 0);
	assert_string_equal((char *)url.p, "http://o.example/a/b/YWJj");
	bytes_cleanup(&url);
}

static void
trap_ocsp_13_get_ends_at_255(void **state)
{
	uint8_t zeros[192] = {0};
	struct bytes url;
	char base[300];

	(void)state;
	/* 180 octets are 240 characters, all 'A': 14 + 1 + 240 = 255. */
	bytes_init(&url, 512);
	assert_int_equal(
	    ocsp_get_url(&url, "http://o.examp", span_of(zeros, 180)), 0);
	assert_int_equal(url.len, 255);
	bytes_cleanup(&url);
	assert_int_equal(
	    ocsp_get_url(&url, "http://o.exampl", span_of(zeros, 180)),
	    E_LIMIT);
	assert_int_equal(url.len, 0);
	memset(base, 'a', sizeof(base) - 1);
	base[sizeof(base) - 1] = '\0';
	assert_int_equal(ocsp_get_url(&url, base, span_of(zeros, 3)), E_LIMIT);
	assert_int_equal(ocsp_get_url(&url, "http://o.example",
			     span_of(zeros, sizeof(zeros))),
	    E_LIMIT);
	assert_int_equal(
	    ocsp_get_url(&url, "http://o.example", span_of(zeros, 0)), E_LIMIT);
	bytes_cleanup(&url);
}

/* Responses. */

static void
agrees_with_what_openssl_encodes(void **state)
{
	static const struct {
		int ossl;
		enum revcheck_status status;
		enum revcheck_why why;
	} rows[] = {
	    {V_OCSP_CERTSTATUS_GOOD, REVCHECK_GOOD, REVCHECK_WHY_NONE},
	    {V_OCSP_CERTSTATUS_REVOKED, REVCHECK_REVOKED, REVCHECK_WHY_NONE},
	    {V_OCSP_CERTSTATUS_UNKNOWN, REVCHECK_UNKNOWN,
		REVCHECK_WHY_UNKNOWN_CERT},
	};
	struct revcheck_result res;
	struct ocsp_proof *p;
	enum revcheck_why why;
	unsigned char *der;
	size_t len;

	(void)state;
	live_now(pki.ca);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		der = new_response(&len, rows[i].ossl, NULL);
		assert_int_equal(
		    accept_with(&p, der, len, NULL, REVCHECK_NONCE_OFF, &why),
		    0);
		memset(&res, 0, sizeof(res));
		ocsp_status(p, &rules, &res);
		assert_int_equal(res.status, rows[i].status);
		assert_int_equal(res.why, rows[i].why);
		assert_int_equal(res.method, REVCHECK_METHOD_OCSP);
		assert_int_equal(res.this_update, AT - 60);
		assert_int_equal(res.next_update, AT + 3600);
		assert_string_equal(res.signer, "CN=CA");
		assert_true(res.text[0] != '\0');
		if (res.status == REVCHECK_REVOKED) {
			assert_int_equal(
			    res.reason, REVCHECK_REASON_SUPERSEDED);
			assert_int_equal(res.revoked_at, AT - 3600);
		}
		assert_false(p->needs_signer_status);
		ocsp_proof_free(p);
		free(der);
	}
}

static void
trap_ocsp_12_nonce_absent_is_not_nonce_wrong(void **state)
{
	static const struct {
		const char *sent, *got;
		enum revcheck_nonce policy;
		bool accepted;
		enum revcheck_nonce seen;
	} rows[] = {
	    {NULL, NULL, REVCHECK_NONCE_OFF, true, REVCHECK_NONCE_OFF},
	    {NULL, "somebody's", REVCHECK_NONCE_OFF, true, REVCHECK_NONCE_OFF},
	    {"mine", NULL, REVCHECK_NONCE_OPTIONAL, true, REVCHECK_NONCE_OFF},
	    {"mine", "mine", REVCHECK_NONCE_OPTIONAL, true,
		REVCHECK_NONCE_REQUIRED},
	    {"mine", "yours", REVCHECK_NONCE_OPTIONAL, false, 0},
	    {"mine", "mine ", REVCHECK_NONCE_OPTIONAL, false, 0},
	    {"mine", NULL, REVCHECK_NONCE_REQUIRED, false, 0},
	    {"mine", "mine", REVCHECK_NONCE_REQUIRED, true,
		REVCHECK_NONCE_REQUIRED},
	    {NULL, "somebody's", REVCHECK_NONCE_REQUIRED, false, 0},
	};
	struct revcheck_result res;
	struct ocsp_proof *p;
	enum revcheck_why why;
	unsigned char *der;
	size_t len;

	(void)state;
	live_now(pki.ca);
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		size_t row = i / 2;
		bool revoked = i % 2 == 1;

		der = new_response(&len,
		    revoked ? V_OCSP_CERTSTATUS_REVOKED
			    : V_OCSP_CERTSTATUS_GOOD,
		    rows[row].got);
		assert_int_equal(accept_with(&p, der, len, rows[row].sent,
				     rows[row].policy, &why),
		    0);
		memset(&res, 0, sizeof(res));
		ocsp_status(p, &rules, &res);
		if (rows[row].accepted) {
			assert_int_equal(
			    p->facts[0].nonce_seen, rows[row].seen);
			assert_int_equal(res.why, REVCHECK_WHY_NONE);
		}
		/* A replayed revocation is one. */
		assert_int_equal(res.status,
		    revoked                  ? REVCHECK_REVOKED
			: rows[row].accepted ? REVCHECK_GOOD
					     : REVCHECK_UNKNOWN);
		if (!revoked && !rows[row].accepted) {
			assert_int_equal(res.why, REVCHECK_WHY_NONCE);
			assert_non_null(strstr(res.text, "nonce"));
			assert_int_equal(
			    ocsp_keep_sec(p, &rules), OCSP_KEEP_SHORT_SEC);
		}
		ocsp_proof_free(p);
		free(der);
	}
}

/* Unlike the issuer, a responder that is pinned is that very certificate. */
static void
pinned_responder_must_be_in_date(void **state)
{
	EVP_PKEY *key = new_key();
	X509 *pinned = new_cert("pinned", 7, key, NULL, key, NULL);
	struct ocsp_question q = {
	    .subject = pki.leaf, .issuer = pki.ca, .pinned = pinned};
	struct ocsp_proof *p;
	enum revcheck_why why;
	unsigned char *der;
	struct err err;
	size_t len;

	(void)state;
	live_now(pinned);
	der = new_response_by(&len, V_OCSP_CERTSTATUS_GOOD, NULL, pinned, key);
	assert_int_equal(
	    ocsp_verify(&p, span_of(der, len), &q, &rules, &why, &err), 0);
	assert_int_equal(p->no_good, REVCHECK_WHY_NONE);
	assert_false(p->needs_signer_status);
	ocsp_proof_free(p);
	ASN1_TIME_set(X509_getm_notAfter(pinned), AT - 301);
	assert_int_equal(
	    ocsp_verify(&p, span_of(der, len), &q, &rules, &why, &err),
	    E_PARSE);
	assert_int_equal(why, REVCHECK_WHY_FORGED);
	assert_non_null(strstr(err.msg, "has expired"));
	free(der);
	X509_free(pinned);
	EVP_PKEY_free(key);
}

static void
every_flaw_has_its_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 15; i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(
			    ocsp_flaw_text(1u << i), ocsp_flaw_text(1u << j));
	assert_string_equal(ocsp_flaw_text(1u << 15), ocsp_flaw_text(0));
	for (unsigned i = 0; i < 15; i++)
		assert_string_not_equal(
		    ocsp_flaw_text(1u << i), ocsp_flaw_text(0));
}

static void
trap_ocsp_14_not_a_response_at_all(void **state)
{
	static const char *const bodies[] = {"", "0", "<html>sign in</html>",
	    "-----BEGIN OCSP RESPONSE-----\n", "\x30\x00", "\x30\x80\x00\x00",
	    "\x0a\x01\x00"};
	struct ocsp_proof *p;
	enum revcheck_why why;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		assert_int_equal(
		    accept_with(&p, (const unsigned char *)bodies[i],
			strlen(bodies[i]), NULL, REVCHECK_NONCE_OFF, &why),
		    E_PARSE);
		assert_int_equal(why, REVCHECK_WHY_MALFORMED);
	}
}

static void
cut_short_anywhere_is_refused(void **state)
{
	struct ocsp_proof *p;
	enum revcheck_why why;
	unsigned char *der, *exact;
	size_t len;

	(void)state;
	live_now(pki.ca);
	der = new_response(&len, V_OCSP_CERTSTATUS_GOOD, "nonce");
	for (size_t n = 0; n < len; n++) {
		exact = malloc(n + 1); /* so that reading beyond is seen */
		assert_non_null(exact);
		memcpy(exact, der, n);
		assert_true(accept_with(&p, exact, n, NULL, REVCHECK_NONCE_OFF,
				&why) != 0);
		assert_int_equal(why, REVCHECK_WHY_MALFORMED);
		free(exact);
	}
	free(der);
}

/*
 * Every bit is read, or signed, or both. One that is not signed may leave the
 * answer authentic, and then it is good for nothing.
 */
static void
changed_anywhere_is_refused(void **state)
{
	struct revcheck_result res;
	struct ocsp_proof *p;
	enum revcheck_why why;
	unsigned char *der;
	size_t len;

	(void)state;
	live_now(pki.ca);
	der = new_response(&len, V_OCSP_CERTSTATUS_GOOD, NULL);
	for (size_t i = 0; i < len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			der[i] ^= (unsigned char)(1 << bit);
			if (accept_with(&p, der, len, NULL, REVCHECK_NONCE_OFF,
				&why) == 0) {
				ocsp_status(p, &rules, &res);
				assert_int_equal(res.status, REVCHECK_UNKNOWN);
				assert_int_equal(
				    p->no_good, REVCHECK_WHY_MALFORMED);
				/* Only responseStatus is not signed. */
				assert_int_equal(p->flaws, OCSP_FLAW_STATUS);
				ocsp_proof_free(p);
			}
			der[i] ^= (unsigned char)(1 << bit);
		}
	}
	free(der);
}

static void
trap_ocsp_8_error_statuses_are_unavailable(void **state)
{
	static const struct {
		uint8_t status;
		enum revcheck_why why;
		const char *name;
	} rows[] = {
	    {1, REVCHECK_WHY_RESPONDER_ERROR, "malformedRequest"},
	    {2, REVCHECK_WHY_RESPONDER_ERROR, "internalError"},
	    {3, REVCHECK_WHY_RESPONDER_ERROR, "tryLater"},
	    {4, REVCHECK_WHY_MALFORMED, "4"},
	    {5, REVCHECK_WHY_RESPONDER_ERROR, "sigRequired"},
	    {6, REVCHECK_WHY_RESPONDER_ERROR, "unauthorized"},
	    {7, REVCHECK_WHY_MALFORMED, "7"},
	    {17, REVCHECK_WHY_MALFORMED, "17"},
	};
	struct ocsp_question q = {.subject = pki.leaf, .issuer = pki.ca};
	struct ocsp_proof *p;
	enum revcheck_why why;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t der[] = {0x30, 3, 0x0a, 1, rows[i].status};

		assert_int_equal(ocsp_verify(&p, span_of(der, sizeof(der)), &q,
				     &rules, &why, &err),
		    E_PARSE);
		assert_int_equal(why, rows[i].why);
		assert_non_null(strstr(err.msg, rows[i].name));
	}
}

/* What a response is worth. Facts made by hand: no signature is looked at. */

static void
signer_of_unknown_status_revokes_but_vouches_for_nobody(void **state)
{
	static const struct {
		enum revcheck_status says, signer, status;
		enum revcheck_why why;
	} rows[] = {
	    {REVCHECK_GOOD, REVCHECK_GOOD, REVCHECK_GOOD, REVCHECK_WHY_NONE},
	    {REVCHECK_GOOD, REVCHECK_UNKNOWN, REVCHECK_UNKNOWN,
		REVCHECK_WHY_SIGNER_UNKNOWN},
	    {REVCHECK_GOOD, REVCHECK_PATH_INVALID, REVCHECK_UNKNOWN,
		REVCHECK_WHY_SIGNER_UNKNOWN},
	    {REVCHECK_GOOD, REVCHECK_REVOKED, REVCHECK_UNKNOWN,
		REVCHECK_WHY_SIGNER_REVOKED},
	    {REVCHECK_REVOKED, REVCHECK_GOOD, REVCHECK_REVOKED,
		REVCHECK_WHY_NONE},
	    {REVCHECK_REVOKED, REVCHECK_UNKNOWN, REVCHECK_REVOKED,
		REVCHECK_WHY_NONE},
	    {REVCHECK_REVOKED, REVCHECK_REVOKED, REVCHECK_UNKNOWN,
		REVCHECK_WHY_SIGNER_REVOKED},
	    {REVCHECK_UNKNOWN, REVCHECK_GOOD, REVCHECK_UNKNOWN,
		REVCHECK_WHY_UNKNOWN_CERT},
	    {REVCHECK_UNKNOWN, REVCHECK_UNKNOWN, REVCHECK_UNKNOWN,
		REVCHECK_WHY_UNKNOWN_CERT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ocsp_fact f = {.status = rows[i].says,
		    .reason = REVCHECK_REASON_KEY_COMPROMISE,
		    .revoked_at = AT - 7200,
		    .this_update = AT - 3600,
		    .next_update = AT - 1800};
		struct ocsp_proof p = {
		    .name = "CN=responder", .facts = &f, .num_facts = 1};
		struct revcheck_result res = {0};
		bool revoked = rows[i].status == REVCHECK_REVOKED;

		if (rows[i].says != REVCHECK_REVOKED)
			f.next_update = AT + 3600;
		ocsp_status(&p, &rules, &res);
		ocsp_status_with_signer(&res, rows[i].signer);
		assert_int_equal(res.status, rows[i].status);
		assert_int_equal(res.why, rows[i].why);
		assert_int_equal(res.revoked_at, revoked ? AT - 7200 : 0);
		assert_int_equal(res.reason,
		    revoked ? REVCHECK_REASON_KEY_COMPROMISE
			    : REVCHECK_REASON_NONE);
		assert_int_equal(res.stale, revoked);
		assert_int_equal(
		    strstr(res.text, "could not be checked") != NULL,
		    rows[i].signer != REVCHECK_GOOD &&
			rows[i].signer != REVCHECK_REVOKED &&
			rows[i].says != REVCHECK_UNKNOWN);
	}
}

static void
what_is_no_answer_is_kept_for_a_minute(void **state)
{
	static const struct {
		enum revcheck_status status;
		int reason;
		time_t this_update, next_update;
		uint32_t max_age_sec, keep_sec;
	} rows[] = {
	    {REVCHECK_GOOD, -1, AT - 60, AT + 86400, 0, 86400},
	    {REVCHECK_GOOD, -1, AT - 60, AT + 86400, 3600, 3540},
	    {REVCHECK_GOOD, -1, AT - 60, AT + 1800, 3600, 1800},
	    {REVCHECK_GOOD, -1, AT - 60, AT + 61, 0, 61},
	    {REVCHECK_GOOD, -1, AT - 60, AT + 5, 0, OCSP_KEEP_SHORT_SEC},
	    /* Nothing said: a day, or what the policy says. */
	    {REVCHECK_GOOD, -1, AT - 60, 0, 0, 86340},
	    {REVCHECK_GOOD, -1, AT - 60, 0, 600, 540},
	    {REVCHECK_GOOD, -1, AT - 7200, AT - 3600, 0, OCSP_KEEP_SHORT_SEC},
	    {REVCHECK_GOOD, -1, AT + 7200, AT + 9000, 0, OCSP_KEEP_SHORT_SEC},
	    {REVCHECK_GOOD, -1, AT - 60, AT + (time_t)9e9, 0, UINT32_MAX},
	    {REVCHECK_REVOKED, -1, AT - 60, AT + 86400, 0, 86400},
	    {REVCHECK_REVOKED, REVCHECK_REASON_KEY_COMPROMISE, AT - 60,
		AT + 86400, 0, 86400},
	    {REVCHECK_REVOKED, REVCHECK_REASON_CERTIFICATE_HOLD, AT - 60,
		AT + 86400, 0, OCSP_KEEP_SHORT_SEC},
	    {REVCHECK_UNKNOWN, -1, AT - 60, AT + 86400, 0, OCSP_KEEP_SHORT_SEC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ocsp_fact f[2] = {
		    {.status = rows[i].status,
			.reason = rows[i].reason,
			.this_update = rows[i].this_update,
			.next_update = rows[i].next_update},
		    /* One that says less changes nothing. */
		    {.status = REVCHECK_GOOD,
			.this_update = AT - 7200,
			.next_update = AT - 3600},
		};
		struct ocsp_proof p = {.facts = f, .num_facts = 2};
		struct validity_rules r = rules;

		r.max_age_sec = rows[i].max_age_sec;
		assert_int_equal(ocsp_keep_sec(&p, &r), rows[i].keep_sec);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(trap_ocsp_15_every_responder_is_named_in_order),
	    cmocka_unit_test(request_is_what_openssl_reads),
	    cmocka_unit_test(request_without_nonce_has_no_extension),
	    cmocka_unit_test(request_needs_room),
	    cmocka_unit_test(trap_ocsp_13_get_escapes_and_has_one_slash),
	    cmocka_unit_test(trap_ocsp_13_get_ends_at_255),
	    cmocka_unit_test(agrees_with_what_openssl_encodes),
	    cmocka_unit_test(trap_ocsp_12_nonce_absent_is_not_nonce_wrong),
	    cmocka_unit_test(pinned_responder_must_be_in_date),
	    cmocka_unit_test(every_flaw_has_its_words),
	    cmocka_unit_test(trap_ocsp_14_not_a_response_at_all),
	    cmocka_unit_test(cut_short_anywhere_is_refused),
	    cmocka_unit_test(changed_anywhere_is_refused),
	    cmocka_unit_test(trap_ocsp_8_error_statuses_are_unavailable),
	    cmocka_unit_test(
		signer_of_unknown_status_revokes_but_vouches_for_nobody),
	    cmocka_unit_test(what_is_no_answer_is_kept_for_a_minute),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
