/*
 * crl_rules: what the vectors do not show, because it lies between the rules
 * and their caller: what a subject lends, what a proof says, how witnesses
 * are weighed by what the engine knows of their signers, and the sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "revcheck/crl/crl.h"
#include "revcheck/crl/crl_scope.h"
#include "tests/lib/crlmake.h"

#define NOW ((time_t)1780000000) /* within the dates of crlmake */

static struct {
	EVP_PKEY *ca_key, *other_key, *twin_key;
	X509 *ca, *ee;
	X509 *twin; /* of the CA's name, with a third key */
	X509 *chain[2];
} pki;

static const struct validity_rules rules = {
    .at = NOW,
    .skew_sec = 300,
    .no_next_update_sec = 86400,
    .security_level = 1,
};

static X509 *
cert_new(const char *cn, long serial, EVP_PKEY *key, const char *points,
    const char *freshest)
{
	X509 *x = X509_new();
	const unsigned char *ca = (const unsigned char *)"Test CA";
	X509_EXTENSION *e;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_NAME_add_entry_by_txt(
	    X509_get_issuer_name(x), "CN", V_ASN1_UTF8STRING, ca, -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    V_ASN1_UTF8STRING, (const unsigned char *)cn, -1, -1, 0);
	ASN1_TIME_set(X509_getm_notBefore(x), NOW - 86400);
	ASN1_TIME_set(X509_getm_notAfter(x), NOW + 86400);
	X509_set_pubkey(x, key);
	if (points != NULL) {
		e = X509V3_EXT_conf_nid(
		    NULL, NULL, NID_crl_distribution_points, points);
		X509_add_ext(x, e, -1);
		X509_EXTENSION_free(e);
	}
	if (freshest != NULL) {
		e = X509V3_EXT_conf_nid(NULL, NULL, NID_freshest_crl, freshest);
		X509_add_ext(x, e, -1);
		X509_EXTENSION_free(e);
	}
	assert_true(X509_sign(x, pki.ca_key, EVP_sha256()) > 0);
	return x;
}

static int
pki_make(void **state)
{
	(void)state;
	pki.ca_key = EVP_EC_gen("P-256");
	pki.other_key = EVP_EC_gen("P-256");
	pki.ca = cert_new("Test CA", 1, pki.ca_key, NULL, NULL);
	pki.twin_key = EVP_EC_gen("P-256");
	pki.twin = cert_new("Test CA", 2, pki.twin_key, NULL, NULL);
	pki.ee = cert_new("ee", 7, pki.other_key, NULL, NULL);
	pki.chain[0] = pki.ee;
	pki.chain[1] = pki.ca;
	return 0;
}

static int
pki_free(void **state)
{
	(void)state;
	X509_free(pki.ca);
	X509_free(pki.ee);
	X509_free(pki.twin);
	EVP_PKEY_free(pki.twin_key);
	EVP_PKEY_free(pki.ca_key);
	EVP_PKEY_free(pki.other_key);
	return 0;
}

static struct crl *
crl_of(const struct crlmake *how)
{
	struct crl *c = NULL;
	enum crl_fault fault;
	struct err err = {0};
	size_t len;
	uint8_t *der = crlmake(how, &len);

	if (crl_parse(span_of(der, len), NULL, &c, &fault, &err) != 0)
		fail_msg("%s", err.msg);
	free(der);
	return c;
}

/* A CRL of the CA that lists serial 7 for this reason (-2: does not list). */
static struct crl *
crl_listing(int reason, long number)
{
	struct octets o = {0};
	struct crlmake_entry e = {.serial = "\x07", .serial_len = 1};
	struct crlmake how = {.number = number, .key = pki.ca_key};
	struct crl *c;

	e.reason = reason > 0 ? reason : 0;
	if (reason != -2) {
		crlmake_entry(&o, &e);
		how.entries = &o;
	}
	c = crl_of(&how);
	octets_free(&o);
	return c;
}

static struct crl_proof *
proof_of(const struct crl *c)
{
	struct crl_signers who = {.chain = pki.chain, .num_chain = 2};
	enum revcheck_why why;
	struct crl_proof *p = NULL;
	struct err err = {0};

	if (crl_verify(&p, c, &who, &rules, &why, &err) != 0)
		fail_msg("%s", err.msg);
	return p;
}

static struct crl_subject *
subject_of(X509 *cert)
{
	struct crl_subject *s = NULL;

	assert_int_equal(crl_subject_new(&s, cert, pki.ca, NULL), 0);
	return s;
}

static void
subject_lends_its_urls(void **state)
{
	X509 *x = cert_new("x", 9, pki.other_key,
	    "URI:http://a/1,URI:ldap://b/2", "URI:http://d/1,URI:http://d/2");
	struct crl_subject *s = subject_of(x);

	(void)state;
	/* A comma makes two points of it, each with its URL. */
	assert_int_equal(crl_subject_num_points(s), 2);
	assert_string_equal(crl_subject_urls(s, 0)[0], "http://a/1");
	assert_null(crl_subject_urls(s, 0)[1]);
	assert_string_equal(crl_subject_urls(s, 1)[0], "ldap://b/2");
	assert_null(crl_subject_urls(s, 2));
	assert_string_equal(crl_subject_delta_urls(s)[0], "http://d/1");
	assert_string_equal(crl_subject_delta_urls(s)[1], "http://d/2");
	assert_null(crl_subject_delta_urls(s)[2]);
	crl_subject_free(s);
	X509_free(x);

	s = subject_of(pki.ee);
	assert_int_equal(crl_subject_num_points(s), 0);
	assert_null(crl_subject_delta_urls(s)[0]);
	crl_subject_free(s);
	crl_subject_free(NULL);
}

/* A URL with a NUL or a space inside is escaped whole, and not cut there. */
static void
urls_that_would_be_cut_are_escaped(void **state)
{
	static const uint8_t value[] = {0x30, 0x19, 0x30, 0x17, 0xa0, 0x15,
	    0xa0, 0x13, 0x86, 0x05, 'a', ':', 0, 'x', 'y', 0x86, 0x04, 'b', ':',
	    ' ', 'x', 0x86, 0x04, 'c', ':', 'x', 'y'};
	struct distribution_points p;

	(void)state;
	assert_int_equal(
	    distribution_points_parse(
		&p, span_of(value, sizeof(value)), span_of(NULL, 0), NULL),
	    0);
	assert_int_equal(p.num, 1);
	assert_int_equal(p.v[0].name.names.num, 3);
	assert_string_equal(p.v[0].urls[0], "a:%00xy");
	assert_string_equal(p.v[0].urls[1], "b:%20x");
	assert_string_equal(p.v[0].urls[2], "c:xy");
	assert_null(p.v[0].urls[3]);
	distribution_points_cleanup(&p);
}

/* One DistributionPoint of a full name that holds this GeneralName. */
static int
point_of_name(struct distribution_points *p, size_t num, int tag,
    const void *body, size_t len)
{
	static struct octets list; /* what p refers to, until the next */
	struct octets o = {0};

	list.len = 0;
	octets_tlv(&o, tag, body, len);
	octets_wrap(&o, 0, 0xa0);
	octets_wrap(&o, 0, 0xa0);
	for (size_t i = 0; i < num; i++)
		octets_tlv(&list, 0x30, o.p, o.len);
	octets_wrap(&list, 0, 0x30);
	octets_free(&o);
	return distribution_points_parse(
	    p, span_of(list.p, list.len), span_of(NULL, 0), NULL);
}

static void
points_have_a_number(void **state)
{
	struct distribution_points p;

	(void)state;
	assert_int_equal(point_of_name(&p, 0, 0x86, "http://h/", 9), E_PARSE);
	assert_int_equal(
	    point_of_name(&p, CRL_POINTS_MAX, 0x86, "http://h/", 9), 0);
	assert_int_equal(p.num, CRL_POINTS_MAX);
	distribution_points_cleanup(&p);
	assert_int_equal(
	    point_of_name(&p, CRL_POINTS_MAX + 1, 0x86, "http://h/", 9),
	    E_PARSE);
}

/* One that cannot be read is left out, and the others are there. */
static void
an_odd_point_does_not_void_the_others(void **state)
{
	static const struct {
		const char *hex; /* of the points */
		const char *urls[3];
		bool odd;
	} rows[] = {
	    /* a:1 alone; and with others before, between and behind */
	    {"3009a007a0058603613a31", {"a:1"}, false},
	    {"3004a002a000" /* no name */
	     "3009a007a0058603613a31",
		{"a:1"}, true},
	    {"3009a007a0058603613a31"
	     "300d" /* reasons with a bit beyond the unused ones */
	     "a007a0058603613a32"
	     "81020901"
	     "3009a007a0058603613a33",
		{"a:1", "a:3"}, true},
	    {"3009a007a0058603613a31"
	     "3003020105",
		{"a:1"}, true},
	    {"3009a007a0058603613a31"
	     "0500",
		{"a:1"}, true},
	    {"3009a007a0058603613a31"
	     "30",
		{"a:1"}, true},
	};
	struct distribution_points p;
	struct octets o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		o = (struct octets){0};
		octets_hex(&o, rows[i].hex);
		octets_wrap(&o, 0, 0x30);
		assert_int_equal(
		    distribution_points_parse(
			&p, span_of(o.p, o.len), span_of(NULL, 0), NULL),
		    0);
		assert_int_equal(p.odd, rows[i].odd);
		for (size_t k = 0; k < 3; k++) {
			if (rows[i].urls[k] == NULL) {
				assert_int_equal(p.num, k);
				break;
			}
			assert_true(k < p.num);
			assert_string_equal(p.v[k].urls[0], rows[i].urls[k]);
		}
		distribution_points_cleanup(&p);
		octets_free(&o);
	}
	/* All of them odd: none. */
	o = (struct octets){0};
	octets_hex(&o, "3004a002a000");
	octets_wrap(&o, 0, 0x30);
	assert_int_equal(distribution_points_parse(
			     &p, span_of(o.p, o.len), span_of(NULL, 0), NULL),
	    E_PARSE);
	octets_free(&o);
}

/* A name of another kind is no URL, and no issuer, whatever its octets. */
static void
names_are_of_their_kind(void **state)
{
	static const int others[] = {0x81, 0x82, 0x87, 0x88};
	struct distribution_points p;
	unsigned char *der = NULL;
	int len = i2d_X509_NAME(X509_get_subject_name(pki.ca), &der);
	struct span name = span_of(der, (size_t)len);

	(void)state;
	assert_true(len > 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(
		    point_of_name(&p, 1, others[i], "http://h/", 9), 0);
		assert_null(p.v[0].urls[0]);
		distribution_points_cleanup(&p);
		assert_int_equal(
		    point_of_name(&p, 1, others[i], name.p, name.len), 0);
		assert_false(crl_names_have(&p.v[0].name.names, name));
		distribution_points_cleanup(&p);
	}
	assert_int_equal(point_of_name(&p, 1, 0xa4, name.p, name.len), 0);
	assert_true(crl_names_have(&p.v[0].name.names, name));
	assert_null(p.v[0].urls[0]);
	distribution_points_cleanup(&p);
	OPENSSL_free(der);
}

static void
reason_flags_are_read_bit_by_bit(void **state)
{
	static const struct {
		uint8_t b[4];
		size_t len;
		int rc;
		unsigned mask;
	} rows[] = {
	    {{0x06, 0x40}, 2, 0, 1u << 1},
	    {{0x00, 0xff}, 2, 0, 0xfe}, /* bit 0 is unused */
	    {{0x07, 0x00, 0x80}, 3, 0, 1u << 8},
	    {{0x07, 0x7f, 0x80}, 3, 0, CRL_REASONS_ALL}, {{0x00}, 1, 0, 0},
	    {{0x00}, 0, E_PARSE, 0}, {{0x08, 0x00}, 2, E_PARSE, 0},
	    {{0x01}, 1, E_PARSE, 0},
	    {{0x06, 0x41}, 2, E_PARSE, 0}, /* an unused bit is set */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned mask;

		assert_int_equal(crl_reasons_parse(&mask,
				     span_of(rows[i].b, rows[i].len), NULL),
		    rows[i].rc);
		assert_int_equal(mask, rows[i].mask);
	}
}

static void
numbers_compare_and_print(void **state)
{
	static const uint8_t octets[20] = {1, 0};
	struct crl_number a = {.present = true, .v = span_of(octets, 2)};
	struct crl_number b = {.present = true, .v = span_of("\xff", 1)};
	struct crl_number none = {0};
	struct crl_number zero = {.present = true, .v = span_of("", 1)};
	char out[8];

	(void)state;
	assert_true(crl_number_cmp(&a, &b) > 0);
	assert_true(crl_number_cmp(&b, &a) < 0);
	assert_true(crl_number_cmp(&b, &b) == 0);
	assert_true(crl_number_cmp(&zero, &b) < 0);
	crl_number_print(out, sizeof(out), &a);
	assert_string_equal(out, "0100");
	crl_number_print(out, sizeof(out), &none);
	assert_string_equal(out, "");
	crl_number_print(out, sizeof(out), &zero);
	assert_string_equal(out, "00");
	a.v.len = 20;
	crl_number_print(out, sizeof(out), &a);
	assert_int_equal(strlen(out), 6); /* cut to fit */
}

static void
proof_names_its_signer(void **state)
{
	struct crl *c = crl_listing(-2, 5);
	struct crl_proof *p = proof_of(c);

	(void)state;
	assert_int_equal(X509_cmp(p->signer, pki.ca), 0);
	assert_int_equal(p->num_path, 0);
	assert_false(p->scope->is_delta);
	assert_null(crl_proof_delta_urls(p)[0]);
	crl_proof_free(crl_proof_up_ref(p));
	assert_int_equal(X509_cmp(p->signer, pki.ca), 0);
	crl_proof_free(p);
	crl_proof_free(NULL);
	crl_free(c);
}

static void
proving_without_a_chain_is_an_error_of_the_caller(void **state)
{
	struct crl *c = crl_listing(-2, 5);
	struct crl_signers who = {.chain = pki.chain, .num_chain = 0};
	struct crl_proof *p;
	enum revcheck_why why;
	struct err err;

	(void)state;
	assert_int_equal(crl_verify(&p, c, &who, &rules, &why, &err), E_ARG);
	assert_null(p);
	assert_int_equal(why, REVCHECK_WHY_INTERNAL);
	who.num_chain = 2;
	who.subject = 2;
	assert_int_equal(crl_verify(&p, c, &who, &rules, &why, &err), E_ARG);
	crl_free(c);
}

static void
forgery_is_told_with_the_issuer(void **state)
{
	struct crlmake how = {.number = 5, .key = pki.other_key};
	struct crl *c = crl_of(&how);
	struct crl_signers who = {.chain = pki.chain, .num_chain = 2};
	struct crl_proof *p;
	enum revcheck_why why;
	struct err err;

	(void)state;
	assert_int_equal(crl_verify(&p, c, &who, &rules, &why, &err), E_PARSE);
	assert_int_equal(why, REVCHECK_WHY_FORGED);
	assert_non_null(strstr(err.msg, "CN=Test CA"));
	crl_free(c);
}

/* What the engine knows of the signer, and what comes of it. */
static void
signer_status_is_heeded(void **state)
{
	static const struct {
		int listed;
		enum revcheck_status signer, status;
		enum revcheck_why why;
	} rows[] = {
	    {-2, REVCHECK_GOOD, REVCHECK_GOOD, REVCHECK_WHY_NONE},
	    {1, REVCHECK_GOOD, REVCHECK_REVOKED, REVCHECK_WHY_NONE},
	    {-2, REVCHECK_UNKNOWN, REVCHECK_UNKNOWN,
		REVCHECK_WHY_SIGNER_UNKNOWN},
	    {1, REVCHECK_UNKNOWN, REVCHECK_REVOKED, REVCHECK_WHY_NONE},
	    {-2, REVCHECK_REVOKED, REVCHECK_UNKNOWN,
		REVCHECK_WHY_SIGNER_REVOKED},
	    {1, REVCHECK_REVOKED, REVCHECK_UNKNOWN,
		REVCHECK_WHY_SIGNER_REVOKED},
	    {-2, REVCHECK_NOT_ASKED, REVCHECK_UNKNOWN,
		REVCHECK_WHY_SIGNER_UNKNOWN},
	};
	struct crl_subject *s = subject_of(pki.ee);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct crl *c = crl_listing(rows[i].listed, 5);
		struct crl_evidence w = {
		    .crl = c,
		    .proof = proof_of(c),
		    .source = REVCHECK_SOURCE_CACHE,
		    .url = "http://127.0.0.1/x",
		    .fetched_at = NOW - 5,
		    .signer_status = rows[i].signer,
		};
		struct revcheck_result r = {0};

		crl_status(s, &w, 1, &rules, &r);
		assert_int_equal(r.status, rows[i].status);
		assert_int_equal(r.why, rows[i].why);
		assert_int_equal(r.method, REVCHECK_METHOD_CRL);
		assert_int_equal(r.source, REVCHECK_SOURCE_CACHE);
		assert_int_equal(r.fetched_at, NOW - 5);
		assert_string_equal(r.url, "http://127.0.0.1/x");
		assert_string_equal(r.signer, "CN=Test CA");
		assert_string_equal(r.crl_number, "05");
		assert_int_not_equal(r.this_update, 0);
		assert_int_not_equal(r.next_update, 0);
		assert_true(r.text[0] != '\0');
		crl_proof_free((struct crl_proof *)w.proof);
		crl_free(c);
	}
	crl_subject_free(s);
}

/* What was rolled back lists, but is silent in vain, and lifts no hold. */
static void
silence_below_the_floor_is_older(void **state)
{
	struct crl_subject *s = subject_of(pki.ee);
	struct crl *silent = crl_listing(-2, 6), *lists = crl_listing(1, 5);
	struct crl *hold = crl_listing(6, 5);
	struct crl_evidence w[2] = {
	    {.proof = proof_of(silent), .crl = silent},
	    {.proof = proof_of(lists), .crl = lists},
	};
	struct crl_proof *of_hold = proof_of(hold);
	struct revcheck_result r = {0};

	(void)state;
	w[0].signer_status = w[1].signer_status = REVCHECK_GOOD;
	crl_status(s, w, 1, &rules, &r);
	assert_int_equal(r.status, REVCHECK_GOOD);
	w[0].below_floor = true;
	crl_status(s, w, 1, &rules, &r);
	assert_int_equal(r.status, REVCHECK_UNKNOWN);
	assert_int_equal(r.why, REVCHECK_WHY_OLDER);
	assert_non_null(strstr(r.text, "older than what was seen before"));
	w[1].below_floor = true;
	crl_status(s, w, 2, &rules, &r);
	assert_int_equal(r.status, REVCHECK_REVOKED);

	crl_proof_free((struct crl_proof *)w[1].proof);
	w[1] = (struct crl_evidence){.crl = hold, .proof = of_hold};
	w[1].signer_status = REVCHECK_GOOD;
	crl_status(s, w, 2, &rules, &r);
	assert_int_equal(r.status, REVCHECK_REVOKED);
	w[0].below_floor = false;
	crl_status(s, w, 2, &rules, &r);
	assert_int_equal(r.status, REVCHECK_GOOD);
	crl_proof_free((struct crl_proof *)w[0].proof);
	crl_proof_free(of_hold);
	crl_free(silent);
	crl_free(lists);
	crl_free(hold);
	crl_subject_free(s);
}

/* Of the CA's CRL with these extensions; NULL: CRLNumber 5. */
static struct crl_proof *
scope_of(const char *ext_hex, uint8_t id[32])
{
	struct crlmake how = {
	    .number = 5, .ext_hex = ext_hex, .key = pki.ca_key};
	struct crl *c = crl_of(&how);
	struct crl_proof *p = proof_of(c);

	crl_scope_id(p, id);
	crl_free(c);
	return p;
}

static void
scope_is_issuer_key_idp_and_kind(void **state)
{
	static const struct {
		const char *ext_hex;
		const char *number;
		size_t len;
	} rows[] = {
	    {NULL, "\x05", 1},
	    {"300a0603551d140403020100", "", 1},
	    /* Two octets and the zero of a positive INTEGER. */
	    {"300c0603551d140405020300ff01", "\xff\x01", 2},
	    /* onlyContainsUserCerts, onlyContainsCACerts, a delta. */
	    {"300f0603551d1c0101ff040530038101ff", NULL, 0},
	    {"300f0603551d1c0101ff040530038201ff", NULL, 0},
	    {"300d0603551d1b0101ff0403020101", NULL, 0},
	};
	enum {
		NUM = sizeof(rows) / sizeof(rows[0])
	};
	uint8_t id[NUM][32], other[32];
	struct crl_proof *p;
	struct span n;

	(void)state;
	for (size_t i = 0; i < NUM; i++) {
		p = scope_of(rows[i].ext_hex, id[i]);
		n = crl_proof_number(p);
		assert_int_equal(n.len, rows[i].len);
		if (n.len > 0)
			assert_memory_equal(n.p, rows[i].number, n.len);
		assert_true(crl_scope_identify(p->scope, pki.ca, other));
		assert_memory_equal(other, id[i], sizeof(other));
		assert_true(crl_scope_identify(p->scope, pki.ee, other));
		assert_memory_not_equal(other, id[i], sizeof(other));
		crl_proof_free(p);
	}
	/* Not by number; by IDP and kind. */
	for (size_t i = 0; i < NUM; i++)
		for (size_t j = 0; j < i; j++)
			assert_int_equal(memcmp(id[i], id[j], 32) == 0, i <= 2);
}

static void
no_witness_is_no_source(void **state)
{
	struct crl_subject *s = subject_of(pki.ee);
	struct revcheck_result r = {
	    .status = REVCHECK_GOOD, .stale = 1, .revoked_at = 5};

	(void)state;
	crl_status(s, NULL, 0, &rules, &r);
	assert_int_equal(r.status, REVCHECK_UNKNOWN);
	assert_int_equal(r.why, REVCHECK_WHY_NO_SOURCE);
	assert_int_equal(r.reason, REVCHECK_REASON_NONE);
	assert_int_equal(r.stale, 0);
	assert_int_equal(r.revoked_at, 0);
	crl_subject_free(s);
}

static void
the_weightier_revocation_is_told(void **state)
{
	static const int reasons[] = {6, 1, 6};
	struct crl_subject *s = subject_of(pki.ee);
	struct crl_evidence w[3];
	struct revcheck_result r = {0};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct crl *c = crl_listing(reasons[i], 5 + (long)i);

		w[i] = (struct crl_evidence){.crl = c,
		    .proof = proof_of(c),
		    .signer_status = REVCHECK_GOOD};
	}
	crl_status(s, w, 3, &rules, &r);
	assert_int_equal(r.status, REVCHECK_REVOKED);
	assert_int_equal(r.reason, REVCHECK_REASON_KEY_COMPROMISE);
	assert_string_equal(r.crl_number, "06");
	assert_non_null(strstr(r.text, "keyCompromise"));
	for (size_t i = 0; i < 3; i++) {
		crl_proof_free((struct crl_proof *)w[i].proof);
		crl_free((struct crl *)w[i].crl);
	}
	crl_subject_free(s);
}

/* More than fit on the stack, as many, fewer; the last one lists it. */
static void
any_number_of_crls_is_weighed(void **state)
{
	struct crl_subject *s = subject_of(pki.ee);
	struct crl_evidence e[20];
	struct revcheck_result r = {0};

	(void)state;
	for (size_t n = 14; n <= 20; n++) {
		for (size_t i = 0; i < n; i++) {
			struct crl *c = crl_listing(i + 1 < n ? -2 : 1, 5);

			e[i] = (struct crl_evidence){.crl = c,
			    .proof = proof_of(c),
			    .signer_status = REVCHECK_GOOD};
		}
		crl_status(s, e, n, &rules, &r);
		assert_int_equal(r.status, REVCHECK_REVOKED);
		crl_status(s, e, n - 1, &rules, &r);
		assert_int_equal(r.status, REVCHECK_GOOD);
		for (size_t i = 0; i < n; i++) {
			crl_proof_free((struct crl_proof *)e[i].proof);
			crl_free((struct crl *)e[i].crl);
		}
	}
	crl_subject_free(s);
}

/* A CRL with an extension nobody knows, of so many octets. */
static struct crl *
crl_with_filler(size_t num)
{
	struct octets o = {0}, hex = {0};
	struct crlmake how = {.key = pki.ca_key};
	uint8_t *filler = calloc(1, num);
	char digits[3];
	struct crl *c;

	assert_non_null(filler);
	octets_hex(&o, "06032a0304");
	octets_tlv(&o, 0x04, filler, num);
	octets_wrap(&o, 0, 0x30);
	for (size_t i = 0; i < o.len; i++) {
		snprintf(digits, sizeof(digits), "%02x", o.p[i]);
		octets_add(&hex, digits, 2);
	}
	octets_add(&hex, "", 1);
	how.ext_hex = (char *)hex.p;
	c = crl_of(&how);
	octets_free(&o);
	octets_free(&hex);
	free(filler);
	return c;
}

static void
issuer_and_extensions_have_a_bound(void **state)
{
	const size_t most = (size_t)256 * 1024, some = most - 1000;
	struct crl *c = crl_with_filler(some);
	const struct crl_info *info = crl_get0_info(c);
	size_t rest = most - (info->issuer.len + info->extensions.len);
	struct crl_signers who = {.chain = pki.chain, .num_chain = 2};
	struct crl_proof *p;
	enum revcheck_why why;

	(void)state;
	crl_free(c);
	for (size_t more = 0; more < 2; more++) {
		c = crl_with_filler(some + rest + more);
		assert_int_equal(
		    crl_verify(&p, c, &who, &rules, &why, NULL) == 0,
		    more == 0);
		assert_int_equal(why,
		    more == 0 ? REVCHECK_WHY_NONE : REVCHECK_WHY_TOO_LARGE);
		crl_proof_free(p);
		crl_free(c);
	}
}

/* An unknown names the flaw, where it is, and the word that forgives it. */
static void
flaws_are_named(void **state)
{
	static const struct {
		const char *ext_hex, *serial, *text;
		size_t serial_len;
		unsigned relax;
	} rows[] = {
	    {NULL, "\0\x09",
		"a serial number with redundant octets (entry 2 is the first); "
		"relax 'serial-padding' forgives it",
		2, 0},
	    {"300a0603551d1404030201", "\x09",
		"an extension that cannot be read, or too many", 1, 0},
	    {"300a0603551d140403020180", "\x09",
		"relax 'crl-extensions' forgives it", 1, 0},
	    {"300a0603551d140403020180", "\0\x09",
		"relax 'serial-padding' forgives it", 2,
		REVCHECK_RELAX_CRL_EXTENSIONS},
	    {NULL, NULL, "'strict-empty-revoked' is set", 0,
		REVCHECK_STRICT_EMPTY_REVOKED},
	};
	struct crl_subject *s = subject_of(pki.ee);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct crlmake_entry e = {.serial = "\x08", .serial_len = 1};
		struct crlmake how = {.number = 5, .key = pki.ca_key};
		struct validity_rules relaxed = rules;
		struct crl_signers who = {.chain = pki.chain, .num_chain = 2};
		struct crl_evidence w = {.signer_status = REVCHECK_GOOD};
		struct revcheck_result r = {0};
		struct octets o = {0};
		struct crl_proof *p;
		enum revcheck_why why;
		struct crl *c;

		if (rows[i].serial != NULL) {
			crlmake_entry(&o, &e);
			e.serial = rows[i].serial;
			e.serial_len = rows[i].serial_len;
			crlmake_entry(&o, &e);
		}
		how.entries = &o;
		how.ext_hex = rows[i].ext_hex;
		relaxed.relax = rows[i].relax;
		c = crl_of(&how);
		assert_int_equal(
		    crl_verify(&p, c, &who, &relaxed, &why, NULL), 0);
		w.crl = c;
		w.proof = p;
		crl_status(s, &w, 1, &relaxed, &r);
		assert_int_equal(r.status, REVCHECK_UNKNOWN);
		assert_int_equal(r.why, REVCHECK_WHY_MALFORMED);
		if (strstr(r.text, rows[i].text) == NULL)
			fail_msg(
			    "'%s' does not say '%s'", r.text, rows[i].text);
		crl_proof_free(p);
		crl_free(c);
		octets_free(&o);
	}
	crl_subject_free(s);
}

/* A limit of ours is reached: too large, and neither forged nor tried on. */
static void
candidates_have_a_bound(void **state)
{
	enum {
		BOUND = 32
	};
	struct crlmake how = {.number = 5, .key = pki.other_key};
	struct crl *c = crl_of(&how);
	X509 *certs[BOUND + 1], *last;
	struct crl_signers who = {
	    .chain = pki.chain, .num_chain = 2, .extra = certs};
	struct crl_proof *p;
	enum revcheck_why why;

	(void)state;
	last = cert_new("Test CA", 3, pki.other_key, NULL, NULL);
	/* The CA of the chain is one; the one that signed comes last. */
	for (size_t num = BOUND - 1; num <= BOUND; num++) {
		for (size_t i = 0; i < num; i++)
			certs[i] = i == num - 1 ? last : pki.twin;
		who.num_extra = num;
		assert_int_not_equal(
		    crl_verify(&p, c, &who, &rules, &why, NULL), 0);
		/* Found to have signed it, it has no path to an anchor. */
		assert_int_equal(why,
		    num < BOUND ? REVCHECK_WHY_SIGNER_UNKNOWN
				: REVCHECK_WHY_TOO_LARGE);
	}
	X509_free(last);
	crl_free(c);
}

/* An indirect CRL lists for whom a point of the certificate names its issuer.
 */
static void
who_is_not_named_does_not_list(void **state)
{
	struct crlmake how = {.issuer = "Somebody else",
	    .ext_hex = "300f0603551d1c0101ff040530038401ff"};
	struct crl *c = crl_of(&how);
	struct crl_subject *s = subject_of(pki.ee);
	struct crl_scope *scope;
	bool lists = true;

	(void)state;
	assert_int_equal(crl_scope_new(&scope, c, &rules, NULL), 0);
	assert_true(scope->indirect);
	assert_int_equal(crl_scope_covers(scope, s, &lists), 0);
	assert_false(lists);
	crl_scope_free(scope);
	crl_subject_free(s);
	crl_free(c);
}

static void
concern_is_by_issuer_name(void **state)
{
	struct crlmake how = {
	    .number = 5, .key = pki.ca_key, .issuer = "Somebody else"};
	struct crl *c = crl_of(&how), *own = crl_listing(-2, 5);
	struct crl_subject *s = subject_of(pki.ee);

	(void)state;
	assert_true(crl_may_concern(s, own));
	assert_false(crl_may_concern(s, c));
	crl_subject_free(s);
	crl_free(c);
	crl_free(own);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(subject_lends_its_urls),
	    cmocka_unit_test(urls_that_would_be_cut_are_escaped),
	    cmocka_unit_test(points_have_a_number),
	    cmocka_unit_test(an_odd_point_does_not_void_the_others),
	    cmocka_unit_test(names_are_of_their_kind),
	    cmocka_unit_test(reason_flags_are_read_bit_by_bit),
	    cmocka_unit_test(numbers_compare_and_print),
	    cmocka_unit_test(proof_names_its_signer),
	    cmocka_unit_test(proving_without_a_chain_is_an_error_of_the_caller),
	    cmocka_unit_test(forgery_is_told_with_the_issuer),
	    cmocka_unit_test(signer_status_is_heeded),
	    cmocka_unit_test(silence_below_the_floor_is_older),
	    cmocka_unit_test(scope_is_issuer_key_idp_and_kind),
	    cmocka_unit_test(no_witness_is_no_source),
	    cmocka_unit_test(the_weightier_revocation_is_told),
	    cmocka_unit_test(any_number_of_crls_is_weighed),
	    cmocka_unit_test(issuer_and_extensions_have_a_bound),
	    cmocka_unit_test(flaws_are_named),
	    cmocka_unit_test(candidates_have_a_bound),
	    cmocka_unit_test(who_is_not_named_does_not_list),
	    cmocka_unit_test(concern_is_by_issuer_name),
	};

	return cmocka_run_group_tests(tests, pki_make, pki_free);
}
