/* What a certificate may be used for, whose it is, and who sealed it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "fixtures/doorman/base/issue.h"
#include "tests/doorman/test_ca.h"

#define NOW       1800000000
#define DAY       86400
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct test_ca root, ca, other;
static EVP_PKEY *peer;

static int
setup(void **state)
{
	(void)state;
	test_ca_make(&root, "Root", NULL, NOW);
	test_ca_make(&ca, "Doorman", &root, NOW);
	test_ca_make(&other, "Other", NULL, NOW);
	peer = EVP_EC_gen("P-256");
	assert_non_null(peer);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	test_ca_free(&root);
	test_ca_free(&ca);
	test_ca_free(&other);
	EVP_PKEY_free(peer);
	return 0;
}

static struct issue_order
order_of(enum issue_kind kind)
{
	return (struct issue_order){.kind = kind,
	    .subject = "O=Alice, C=FR",
	    .public_key = peer,
	    .issuer = ca.cert,
	    .now = NOW,
	    .days = 30};
}

static X509 *
issued(const struct issue_order *o, const struct test_ca *by)
{
	struct fault f = {""};
	X509 *cert = issue_certificate(o, by->seal, &f);

	if (cert == NULL)
		fail_msg("%s", f.msg);
	return cert;
}

static int
critical(X509 *cert, int nid)
{
	int at = X509_get_ext_by_NID(cert, nid, -1);

	return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(cert, at));
}

/* X509_check_ca asks the key usage, too; this is what the one word says. */
static int
says_ca(X509 *cert)
{
	return (X509_get_extension_flags(cert) & EXFLAG_CA) != 0;
}

/* Each kind may do what it is for, and nothing beside. */
static void
a_kind_has_its_uses(void **state)
{
	static const struct {
		enum issue_kind kind;
		int is_ca;
		long pathlen;
		uint32_t usage, extended;
		int nocheck;
	} rows[] = {
	    {ISSUE_ROOT, 1, -1,
		KU_KEY_CERT_SIGN | KU_CRL_SIGN | KU_DIGITAL_SIGNATURE,
		UINT32_MAX, 0},
	    {ISSUE_CA, 1, 0,
		KU_KEY_CERT_SIGN | KU_CRL_SIGN | KU_DIGITAL_SIGNATURE,
		UINT32_MAX, 0},
	    {ISSUE_PEER, 0, -1, KU_DIGITAL_SIGNATURE,
		XKU_SSL_SERVER | XKU_SSL_CLIENT, 0},
	    {ISSUE_OCSP, 0, -1, KU_DIGITAL_SIGNATURE, XKU_OCSP_SIGN, 1},
	    {ISSUE_TLS_SERVER, 0, -1, KU_DIGITAL_SIGNATURE, XKU_SSL_SERVER, 0},
	    {ISSUE_TLS_CLIENT, 0, -1, KU_DIGITAL_SIGNATURE, XKU_SSL_CLIENT, 0},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct issue_order o = order_of(rows[i].kind);
		X509 *cert;

		if (o.kind == ISSUE_ROOT) {
			o.issuer = NULL;
			o.public_key = root.key;
		}
		cert = issued(&o, o.kind == ISSUE_ROOT ? &root : &ca);
		assert_int_equal(X509_get_version(cert), X509_VERSION_3);
		assert_int_equal(X509_check_ca(cert), rows[i].is_ca);
		assert_int_equal(says_ca(cert), rows[i].is_ca);
		assert_int_equal(X509_get_pathlen(cert), rows[i].pathlen);
		assert_int_equal(X509_get_key_usage(cert), rows[i].usage);
		assert_int_equal(
		    X509_get_extended_key_usage(cert), rows[i].extended);
		assert_true(critical(cert, NID_key_usage));
		if (rows[i].is_ca || o.kind == ISSUE_PEER)
			assert_true(critical(cert, NID_basic_constraints));
		assert_int_equal(X509_get_ext_by_NID(
				     cert, NID_id_pkix_OCSP_noCheck, -1) >= 0,
		    rows[i].nocheck);
		X509_free(cert);
	}
}

/* RFC 5280 4.2.1.1, 4.2.1.2: and a path leads up from it. */
static void
it_names_its_issuer(void **state)
{
	struct issue_order o = order_of(ISSUE_PEER);
	X509 *cert = issued(&o, &ca);
	struct tm tm;
	int days, sec;

	(void)state;
	assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(cert),
			     X509_get_subject_name(ca.cert)),
	    0);
	assert_int_equal(X509_check_issued(ca.cert, cert), X509_V_OK);
	assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(cert),
			     X509_get0_subject_key_id(ca.cert)),
	    0);
	assert_int_equal(X509_verify(cert, ca.key), 1);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(cert), peer), 1);
	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notBefore(cert), &tm), 1);
	assert_int_equal(timegm(&tm), NOW - 300);
	assert_int_equal(cert_not_after(cert), NOW + 30 * DAY);
	assert_int_equal(ASN1_TIME_diff(&days, &sec, X509_get0_notBefore(cert),
			     X509_get0_notAfter(cert)),
	    1);
	assert_int_equal(days, 30);
	X509_free(cert);
}

/* A slip of the configuration, or a token that signs with something else. */
static void
only_the_ca_s_key_seals(void **state)
{
	struct issue_order o = order_of(ISSUE_PEER);
	struct fault f = {""};

	(void)state;
	assert_null(issue_certificate(&o, other.seal, &f));
	assert_non_null(strstr(f.msg, "does not verify"));
	f.msg[0] = '\0';
	assert_null(issue_certificate(&o, root.seal, &f));
	assert_non_null(strstr(f.msg, "does not verify"));
	/* A root is sealed by the key that it names. */
	o.kind = ISSUE_ROOT;
	o.issuer = NULL;
	f.msg[0] = '\0';
	assert_null(issue_certificate(&o, root.seal, &f));
	assert_non_null(strstr(f.msg, "does not verify"));
}

/* RFC 5280 4.1.2.2: positive; and here of one length and never the same. */
static void
serials_are_long_and_positive(void **state)
{
	enum {
		MANY = 64
	};
	struct issue_order o = order_of(ISSUE_PEER);
	char seen[MANY][64];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		X509 *cert = issued(&o, &ca);
		const ASN1_INTEGER *s = X509_get0_serialNumber(cert);
		uint8_t *der = NULL;

		assert_int_equal(ASN1_STRING_type(s), V_ASN1_INTEGER);
		/* What is written: tag, length, 16 octets. */
		assert_int_equal(i2d_ASN1_INTEGER(s, &der), 18);
		assert_true((der[2] & 0xc0) == 0x40);
		OPENSSL_free(der);
		cert_serial(seen[i], cert);
		for (int n = 0; n < i; n++)
			assert_string_not_equal(seen[n], seen[i]);
		X509_free(cert);
	}
}

/* Of what a request wishes, its names and nothing else. */
static void
a_wish_is_no_order(void **state)
{
	static const struct {
		int nid;
		const char *value;
	} wishes[] = {
	    {NID_key_usage, "critical,keyCertSign,cRLSign"},
	    {NID_ext_key_usage, "OCSPSigning,codeSigning"},
	    {NID_basic_constraints, "critical,CA:TRUE"},
	    {NID_subject_alt_name, "DNS:a.example,IP:192.0.2.1"},
	    {NID_crl_distribution_points, "URI:http://elsewhere/"},
	    {NID_info_access, "OCSP;URI:http://elsewhere/"},
	    {NID_id_pkix_OCSP_noCheck, "NULL"},
	};
	struct issue_order o = order_of(ISSUE_PEER);
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	GENERAL_NAMES *names;
	X509V3_CTX ctx;
	X509 *cert;

	(void)state;
	X509V3_set_ctx(&ctx, NULL, NULL, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	for (size_t i = 0; i < NUM(wishes); i++) {
		X509_EXTENSION *e = X509V3_EXT_conf_nid(
		    NULL, &ctx, wishes[i].nid, wishes[i].value);

		assert_non_null(e);
		sk_X509_EXTENSION_push(list, e);
	}
	o.names = list;
	cert = issued(&o, &ca);
	assert_false(says_ca(cert));
	assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE);
	assert_int_equal(
	    X509_get_extended_key_usage(cert), XKU_SSL_SERVER | XKU_SSL_CLIENT);
	assert_int_equal(
	    X509_get_ext_by_NID(cert, NID_crl_distribution_points, -1), -1);
	assert_int_equal(X509_get_ext_by_NID(cert, NID_info_access, -1), -1);
	assert_int_equal(
	    X509_get_ext_by_NID(cert, NID_id_pkix_OCSP_noCheck, -1), -1);
	names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(names), 2);
	assert_int_equal(X509_check_host(cert, "a.example", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(cert, "192.0.2.1", 0), 1);
	/* Three of its own, two key identifiers, and the names. */
	assert_int_equal(X509_get_ext_count(cert), 6);
	GENERAL_NAMES_free(names);
	X509_free(cert);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

static const char *
crl_url(X509 *cert, CRL_DIST_POINTS **points)
{
	DIST_POINT *p;

	*points =
	    X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
	if (*points == NULL)
		return NULL;
	assert_int_equal(sk_DIST_POINT_num(*points), 1);
	p = sk_DIST_POINT_value(*points, 0);
	assert_null(p->reasons);
	assert_null(p->CRLissuer);
	return (const char *)ASN1_STRING_get0_data(
	    sk_GENERAL_NAME_value(p->distpoint->name.fullname, 0)->d.ia5);
}

/* Where revocation is told stands there as configured, a comma and all. */
static void
it_says_where_revocation_is_told(void **state)
{
	static const struct {
		const char *crl, *ocsp;
	} rows[] = {
	    {"http://a/list", "http://b/ocsp"},
	    {"http://a/x,URI:http://evil/", "http://b/,OCSP;URI:http://evil/"},
	    {"", ""},
	    {NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct issue_order o = order_of(ISSUE_PEER);
		STACK_OF(OPENSSL_STRING) * ocsp;
		CRL_DIST_POINTS *points;
		const char *url;
		X509 *cert;

		o.crl_url = rows[i].crl;
		o.ocsp_url = rows[i].ocsp;
		cert = issued(&o, &ca);
		url = crl_url(cert, &points);
		ocsp = X509_get1_ocsp(cert);
		if (rows[i].crl == NULL || rows[i].crl[0] == '\0') {
			assert_null(url);
			assert_null(ocsp);
		} else {
			assert_string_equal(url, rows[i].crl);
			assert_int_equal(sk_OPENSSL_STRING_num(ocsp), 1);
			assert_string_equal(
			    sk_OPENSSL_STRING_value(ocsp, 0), rows[i].ocsp);
		}
		X509_email_free(ocsp);
		CRL_DIST_POINTS_free(points);
		X509_free(cert);
	}
}

/* The CA of these tests has 100 days. */
static void
none_outlives_its_issuer(void **state)
{
	time_t end = cert_not_after(ca.cert);
	static const struct {
		long days;
		bool cut;
	} rows[] = {{1, false}, {99, false}, {101, true}, {3650, true}};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct issue_order o = order_of(ISSUE_PEER);
		X509 *cert;

		o.days = rows[i].days;
		cert = issued(&o, &ca);
		assert_true(cert_not_after(cert) ==
		    (rows[i].cut ? end : NOW + rows[i].days * DAY));
		X509_free(cert);
	}
	for (int late = -1; late < 1; late++) {
		struct issue_order o = order_of(ISSUE_PEER);
		struct fault f = {""};
		X509 *cert;

		o.now = end + late;
		cert = issue_certificate(&o, ca.seal, &f);
		assert_int_equal(cert != NULL, late < 0);
		if (cert == NULL)
			assert_non_null(strstr(f.msg, "has ended"));
		X509_free(cert);
	}
}

/* What a CA of a member's may not have instead. */
static void
put_extension(X509 *cert, int nid, const char *value)
{
	int at = X509_get_ext_by_NID(cert, nid, -1);
	X509_EXTENSION *e;

	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(cert, at));
	if (value == NULL)
		return;
	e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(cert, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void
a_member_s_ca_is_that_and_no_more(void **state)
{
	static const struct {
		int nid; /* 0: as it is */
		const char *value, *says;
	} rows[] = {
	    {0, NULL, NULL},
	    {NID_basic_constraints, "critical,CA:FALSE", "path length 1"},
	    {NID_basic_constraints, "critical,CA:TRUE", "path length 1"},
	    {NID_basic_constraints, "critical,CA:TRUE,pathlen:2",
		"path length 1"},
	    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0",
		"path length 1"},
	    {NID_key_usage, "critical,keyCertSign,cRLSign", "key usage"},
	    {NID_key_usage,
		"critical,digitalSignature,keyCertSign,cRLSign,"
		"keyEncipherment",
		"key usage"},
	    {NID_name_constraints, NULL, "beyond its own name"},
	    {NID_name_constraints, "critical,permitted;DNS:a.example",
		"beyond its own name"},
	};
	struct issue_order o = order_of(ISSUE_NODE_CA);

	(void)state;
	o.path_len = 1;
	for (size_t i = 0; i < NUM(rows); i++) {
		X509 *cert = issued(&o, &ca), *again;
		struct fault f = {""};
		int rc;

		if (rows[i].nid != 0)
			put_extension(cert, rows[i].nid, rows[i].value);
		assert_true(X509_sign(cert, ca.key, EVP_sha256()) > 0);
		again = X509_dup(cert);
		rc = issue_node_ca_fits(again, ca.cert, 1, &f);
		if ((rc == 0) != (rows[i].says == NULL) ||
		    (rc != 0 && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		X509_free(again);
		X509_free(cert);
	}
}

/* Corda: below a certificate that has the role extension is one that has. */
static void
a_role_comes_from_above(void **state)
{
	static const uint8_t doorman[] = {0x02, 0x01, 0x01};
	ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.50530.1.1", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509 *with = X509_dup(ca.cert), *cert, *without;
	struct issue_order o = order_of(ISSUE_NODE_CA);
	struct fault f = {""};
	X509_EXTENSION *e;

	(void)state;
	o.path_len = 1;
	without = issued(&o, &ca);
	ASN1_OCTET_STRING_set(value, doorman, sizeof(doorman));
	e = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
	assert_int_equal(X509_add_ext(with, e, -1), 1);
	X509_EXTENSION_free(e);
	o.issuer = with;
	cert = issued(&o, &ca);
	assert_true(X509_get_ext_by_OBJ(cert, oid, -1) >= 0);
	assert_int_equal(X509_get_ext_by_OBJ(without, oid, -1), -1);
	assert_int_equal(issue_node_ca_fits(cert, with, 1, &f), 0);
	assert_int_equal(issue_node_ca_fits(cert, ca.cert, 1, &f), -1);
	assert_int_equal(issue_node_ca_fits(without, with, 1, &f), -1);
	assert_non_null(strstr(f.msg, "role"));
	X509_free(cert);
	X509_free(without);
	X509_free(with);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_kind_has_its_uses),
	    cmocka_unit_test(it_names_its_issuer),
	    cmocka_unit_test(only_the_ca_s_key_seals),
	    cmocka_unit_test(serials_are_long_and_positive),
	    cmocka_unit_test(a_wish_is_no_order),
	    cmocka_unit_test(a_member_s_ca_is_that_and_no_more),
	    cmocka_unit_test(a_role_comes_from_above),
	    cmocka_unit_test(none_outlives_its_issuer),
	    cmocka_unit_test(it_says_where_revocation_is_told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
