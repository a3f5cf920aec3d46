/*
 * Certificates that come back from a signer: which is an answer to which
 * request, and that a refusal changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/service/desk/publish.h"
#include "tests/doorman/test_ca.h"
#include "tests/doorman/test_store.h"

#define NOW       1800000000
#define DAY       86400
#define PUBLIC    "http://crl.example"
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct signer ann = {"ann", "", -1};

/* Two CAs and their doorman; a third that only has the doorman's name. */
static struct test_ca root, ca, namesake;
static struct config config;
static EVP_PKEY *peer, *stranger;

static int
setup(void **state)
{
	(void)state;
	test_ca_make(&root, "Root", NULL, NOW);
	test_ca_make(&namesake, "Doorman", NULL, NOW);
	test_ca_make(&ca, "Doorman", &root, NOW);
	config.root = root.cert;
	config.doorman = ca.cert;
	snprintf(config.public_url, sizeof(config.public_url), PUBLIC);
	peer = EVP_EC_gen("P-256");
	stranger = EVP_EC_gen("P-256");
	assert_non_null(peer);
	assert_non_null(stranger);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	test_ca_free(&root);
	test_ca_free(&ca);
	test_ca_free(&namesake);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(stranger);
	return 0;
}

/* An approved request of `peer` for O=Alice. */
static void
approved_csr(test_id id)
{
	X509_REQ *req = test_csr(peer, "Alice");
	struct buf der;

	buf_init(&der, 65536);
	test_csr_der(&der, req);
	test_put_csr(id, "O=Alice", buf_view(&der));
	buf_free(&der);
	X509_REQ_free(req);
}

/* The one that would be right. */
static X509 *
answer_of(enum issue_kind kind)
{
	struct issue_order o = {.kind = kind,
	    .subject = "O=Alice",
	    .public_key = peer,
	    .issuer = ca.cert,
	    .now = NOW,
	    .days = 30};
	struct fault f = {""};
	X509 *cert = issue_certificate(&o, ca.seal, &f);

	if (cert == NULL)
		fail_msg("%s", f.msg);
	return cert;
}

static void
seal(X509 *cert, EVP_PKEY *key)
{
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
}

static void
extend(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	int at = X509_get_ext_by_NID(cert, nid, -1);

	assert_non_null(e);
	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(cert, at));
	assert_int_equal(X509_add_ext(cert, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void
for_another_name(X509 *c)
{
	X509_NAME *name = X509_NAME_new();

	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
	    (const unsigned char *)"Mallory", -1, -1, 0);
	X509_set_subject_name(c, name);
	X509_NAME_free(name);
	seal(c, ca.key);
}
static void
for_more_than_the_name(X509 *c)
{
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "C", MBSTRING_ASC,
	    (const unsigned char *)"FR", -1, -1, 0);
	seal(c, ca.key);
}
static void
without_a_name(X509 *c)
{
	X509_NAME *name = X509_NAME_new();

	X509_set_subject_name(c, name);
	X509_NAME_free(name);
	seal(c, ca.key);
}
static void
for_another_key(X509 *c)
{
	X509_set_pubkey(c, stranger);
	seal(c, ca.key);
}
static void
for_the_ca_s_own_key(X509 *c)
{
	X509_set_pubkey(c, ca.key);
	seal(c, ca.key);
}
static void
by_a_namesake(X509 *c)
{
	seal(c, namesake.key);
}
static void
by_itself(X509 *c)
{
	seal(c, peer);
}
static void
by_the_root(X509 *c)
{
	X509_set_issuer_name(c, X509_get_subject_name(root.cert));
	seal(c, root.key);
}
static void
in_the_root_s_name(X509 *c)
{
	X509_set_issuer_name(c, X509_get_subject_name(root.cert));
	seal(c, ca.key);
}
static void
changed_after(X509 *c)
{
	ASN1_TIME_set(X509_getm_notAfter(c), NOW + 100L * DAY);
	/* Else the encoder gives what it read before. */
	i2d_re_X509_tbs(c, NULL);
}
static void
a_ca(X509 *c)
{
	extend(c, NID_basic_constraints, "critical,CA:TRUE");
	extend(c, NID_key_usage, "critical,keyCertSign,cRLSign");
	seal(c, ca.key);
}
static void
a_ca_in_one_word(X509 *c)
{
	extend(c, NID_basic_constraints, "CA:TRUE");
	seal(c, ca.key);
}
static void
a_ca_by_its_usage(X509 *c)
{
	X509_EXTENSION_free(X509_delete_ext(
	    c, X509_get_ext_by_NID(c, NID_basic_constraints, -1)));
	extend(c, NID_key_usage, "critical,digitalSignature,keyCertSign");
	seal(c, ca.key);
}
static void
ends_now(X509 *c)
{
	ASN1_TIME_set(X509_getm_notAfter(c), NOW);
	seal(c, ca.key);
}
static void
ends_in_a_second(X509 *c)
{
	ASN1_TIME_set(X509_getm_notAfter(c), NOW + 1);
	seal(c, ca.key);
}
static void
has_ended(X509 *c)
{
	ASN1_TIME_set(X509_getm_notAfter(c), NOW - DAY);
	seal(c, ca.key);
}
static void
outlives_the_ca(X509 *c)
{
	ASN1_TIME_set(X509_getm_notAfter(c), cert_not_after(ca.cert) + 1);
	seal(c, ca.key);
}
static void
as_it_should_be(X509 *c)
{
	(void)c;
}

static enum publish
submit(const char *id, X509 *cert, struct fault *f)
{
	struct buf der;
	enum publish rc;

	buf_init(&der, 65536);
	test_cert_der(&der, cert);
	rc = publish_certificate(
	    &test_store, &config, id, buf_view(&der), &ann, NOW, f);
	buf_free(&der);
	return rc;
}

static void
a_certificate_answers_its_request(void **state)
{
	static const struct {
		void (*spoil)(X509 *);
		const char *says;
	} rows[] = {
	    {for_another_name, "is for 'O=Mallory' and not for 'O=Alice'"},
	    {for_more_than_the_name, "and not for 'O=Alice'"},
	    {without_a_name, ""},
	    {for_another_key, "key is not the request's"},
	    {for_the_ca_s_own_key, "key is not the request's"},
	    {by_a_namesake, "not signed by the doorman CA"},
	    {by_itself, "not signed by the doorman CA"},
	    {by_the_root, "not signed by the doorman CA"},
	    {in_the_root_s_name, "not signed by the doorman CA"},
	    {changed_after, "not signed by the doorman CA"},
	    {a_ca, "is a CA's"},
	    {a_ca_in_one_word, "is a CA's"},
	    {a_ca_by_its_usage, "is a CA's"},
	    {ends_now, "has expired"},
	    {has_ended, "has expired"},
	    {outlives_the_ca, "ends after that of the doorman CA"},
	};
	test_id id;

	(void)state;
	approved_csr(id);
	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f = {""};
		X509 *cert = answer_of(ISSUE_PEER);
		enum publish rc;

		rows[i].spoil(cert);
		rc = submit(id, cert, &f);
		if (rc != PUBLISH_REFUSED ||
		    strstr(f.msg, rows[i].says) == NULL)
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		test_is_in_state(id, "APPROVED");
		assert_int_equal(test_count("certificate"), 0);
		assert_int_equal(test_count("transition"), 0);
		X509_free(cert);
	}
}

/* Names and extensions: what was approved, no less and no more. */

static void
other_names(X509 *c)
{
	extend(c, NID_subject_alt_name, "DNS:evil.example,IP:192.0.2.1");
	seal(c, ca.key);
}
static void
one_name_more(X509 *c)
{
	extend(c, NID_subject_alt_name,
	    "DNS:a.example,IP:192.0.2.1,DNS:evil.example");
	seal(c, ca.key);
}
static void
one_name_less(X509 *c)
{
	extend(c, NID_subject_alt_name, "DNS:a.example");
	seal(c, ca.key);
}
static void
a_name_of_another_kind(X509 *c)
{
	extend(c, NID_subject_alt_name,
	    "DNS:a.example,IP:192.0.2.1,URI:http://evil.example");
	seal(c, ca.key);
}
static void
no_names(X509 *c)
{
	X509_EXTENSION_free(X509_delete_ext(
	    c, X509_get_ext_by_NID(c, NID_subject_alt_name, -1)));
	seal(c, ca.key);
}
static void
names_twice(X509 *c)
{
	X509_add_ext(c,
	    X509_get_ext(c, X509_get_ext_by_NID(c, NID_subject_alt_name, -1)),
	    -1);
	seal(c, ca.key);
}
static void
unreadable_names(X509 *c)
{
	X509_EXTENSION *e = test_extension(NID_subject_alt_name, 0, "x");

	no_names(c);
	X509_add_ext(c, e, -1);
	X509_EXTENSION_free(e);
	seal(c, ca.key);
}
static void
signs_other_things(X509 *c)
{
	extend(c, NID_key_usage, "critical,digitalSignature,nonRepudiation");
	seal(c, ca.key);
}
static void
signs_code(X509 *c)
{
	extend(c, NID_ext_key_usage, "serverAuth,clientAuth,codeSigning");
	seal(c, ca.key);
}
static void
is_for_anything(X509 *c)
{
	extend(c, NID_ext_key_usage, "serverAuth,anyExtendedKeyUsage");
	seal(c, ca.key);
}
static void
answers_ocsp(X509 *c)
{
	extend(c, NID_ext_key_usage, "OCSPSigning");
	seal(c, ca.key);
}
static void
with_nocheck(X509 *c)
{
	extend(c, NID_id_pkix_OCSP_noCheck, "NULL");
	seal(c, ca.key);
}
static void
with_a_comment(X509 *c)
{
	extend(c, NID_netscape_comment, "hello");
	seal(c, ca.key);
}
static void
revoked_elsewhere(X509 *c)
{
	extend(c, NID_crl_distribution_points, "URI:http://evil.example/crl");
	seal(c, ca.key);
}
static void
revoked_here_and_elsewhere(X509 *c)
{
	extend(c, NID_crl_distribution_points,
	    "URI:" PUBLIC "/certificate-revocation-list/doorman,"
	    "URI:http://evil.example/crl");
	seal(c, ca.key);
}
static void
issuer_found_elsewhere(X509 *c)
{
	extend(c, NID_info_access, "caIssuers;URI:http://evil.example/ca");
	seal(c, ca.key);
}
static void
names_in_another_order(X509 *c)
{
	extend(c, NID_subject_alt_name, "IP:192.0.2.1,DNS:A.Example");
	seal(c, ca.key);
}
static void
revoked_here(X509 *c)
{
	extend(c, NID_crl_distribution_points,
	    "URI:" PUBLIC "/certificate-revocation-list/doorman");
	extend(c, NID_info_access, "OCSP;URI:http://ocsp.example");
	seal(c, ca.key);
}

/* An approved request of `peer` for O=Alice with two names. */
static void
approved_names(test_id id)
{
	X509_REQ *req = test_csr(peer, "Alice");
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	struct buf der;

	sk_X509_EXTENSION_push(list,
	    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
		"DNS:a.example,IP:192.0.2.1"));
	assert_int_equal(X509_REQ_add_extensions(req, list), 1);
	assert_true(X509_REQ_sign(req, peer, EVP_sha256()) > 0);
	buf_init(&der, 65536);
	test_csr_der(&der, req);
	test_put_csr(id, "O=Alice", buf_view(&der));
	buf_free(&der);
	X509_REQ_free(req);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

static void
a_certificate_says_no_more(void **state)
{
	static const struct {
		void (*spoil)(X509 *);
		const char *says; /* NULL: taken */
	} rows[] = {
	    {other_names, "names are not those of the request"},
	    {one_name_more, "names are not those of the request"},
	    {one_name_less, "names are not those of the request"},
	    {a_name_of_another_kind, "neither DNS nor IP"},
	    {no_names, "names are not those of the request"},
	    {names_twice, "an extension twice"},
	    {unreadable_names, "subjectAltName is malformed"},
	    {signs_other_things, "keyUsage is not"},
	    {signs_code, "extendedKeyUsage is not"},
	    {is_for_anything, "extendedKeyUsage is not"},
	    {answers_ocsp, "extendedKeyUsage is not"},
	    {with_nocheck, "that nobody asked for: OCSP No Check"},
	    {with_a_comment, "that nobody asked for: Netscape Comment"},
	    {revoked_elsewhere, "cRLDistributionPoints is not"},
	    {revoked_here_and_elsewhere, "cRLDistributionPoints is not"},
	    {issuer_found_elsewhere, "other than OCSP"},
	    {names_in_another_order, NULL},
	    {revoked_here, NULL},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f = {""};
		X509 *cert = answer_of(ISSUE_PEER);
		enum publish rc;
		test_id id;

		approved_names(id);
		extend(
		    cert, NID_subject_alt_name, "DNS:a.example,IP:192.0.2.1");
		rows[i].spoil(cert);
		rc = submit(id, cert, &f);
		if (rows[i].says == NULL ? rc != PUBLISH_DONE
					 : rc != PUBLISH_REFUSED ||
			    strstr(f.msg, rows[i].says) == NULL)
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		test_set_state(id, "DONE");
		X509_free(cert);
	}
}

/* Names where the request had none. */
static void
names_are_not_added(void **state)
{
	struct fault f = {""};
	X509 *cert = answer_of(ISSUE_PEER);
	test_id id;

	(void)state;
	approved_csr(id);
	extend(cert, NID_subject_alt_name, "DNS:bank.example");
	seal(cert, ca.key);
	assert_int_equal(submit(id, cert, &f), PUBLISH_REFUSED);
	assert_non_null(strstr(f.msg, "names are not those"));
	X509_free(cert);
}

static void
a_right_one_is_handed_out_once(void **state)
{
	static void (*const rows[])(X509 *) = {
	    as_it_should_be, ends_in_a_second};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f = {""};
		X509 *cert = answer_of(ISSUE_PEER);
		test_id id;

		approved_csr(id);
		rows[i](cert);
		if (submit(id, cert, &f) != PUBLISH_DONE)
			fail_msg("row %zu: %s", i, f.msg);
		test_is_in_state(id, "DONE");
		assert_int_equal(test_count("certificate"), i + 1);
		assert_int_equal(submit(id, cert, &f), PUBLISH_CHANGED);
		assert_non_null(strstr(f.msg, "is not an approved"));
		X509_free(cert);
	}
}

/* The second would be revoked with the first, or not be found. */
static void
a_serial_is_used_once(void **state)
{
	struct fault f = {""};
	X509 *cert = answer_of(ISSUE_PEER);
	test_id first, second;

	(void)state;
	approved_csr(first);
	assert_int_equal(submit(first, cert, &f), PUBLISH_DONE);
	approved_csr(second);
	changed_after(cert);
	seal(cert, ca.key);
	assert_int_not_equal(submit(second, cert, &f), PUBLISH_DONE);
	test_is_in_state(second, "APPROVED");
	assert_int_equal(test_count("certificate"), 1);
	X509_free(cert);
}

static void
only_an_approved_request_is_answered(void **state)
{
	static const struct {
		const char *state;
		enum publish rc;
	} rows[] = {
	    {"NEW", PUBLISH_REFUSED},
	    {"TICKET_CREATED", PUBLISH_REFUSED},
	    {"REJECTED", PUBLISH_REFUSED},
	    {"DONE", PUBLISH_CHANGED},
	    {"FAILED", PUBLISH_CHANGED},
	    {"WITHDRAWN", PUBLISH_CHANGED},
	};
	static const char unknown[] = "00112233445566778899AABBCCDDEEFF"
				      "00112233445566778899AABBCCDDEEFF";
	X509 *cert = answer_of(ISSUE_PEER);
	struct fault f;
	test_id id, revocation;

	(void)state;
	approved_csr(id);
	test_put_revocation(revocation, "doorman", "1111", 1, NOW);
	for (size_t i = 0; i < NUM(rows); i++) {
		test_set_state(id, rows[i].state);
		assert_int_equal(submit(id, cert, &f), rows[i].rc);
		assert_non_null(strstr(f.msg, rows[i].state));
		test_is_in_state(id, rows[i].state);
	}
	assert_int_equal(submit(unknown, cert, &f), PUBLISH_REFUSED);
	assert_int_equal(submit(revocation, cert, &f), PUBLISH_REFUSED);
	assert_int_equal(test_count("certificate"), 0);
	X509_free(cert);
}

static void
a_certificate_is_der_and_nothing_else(void **state)
{
	X509 *cert = answer_of(ISSUE_PEER);
	struct fault f;
	struct buf der;
	test_id id;

	(void)state;
	approved_csr(id);
	buf_init(&der, 65536);
	test_cert_der(&der, cert);
	buf_byte(&der, 0);
	for (size_t less = 0; less < 3; less++) {
		struct view v = view_of(der.p,
		    less == 0       ? der.len
			: less == 1 ? der.len - 2
				    : 1);

		assert_int_equal(publish_certificate(&test_store, &config, id,
				     v, &ann, NOW, &f),
		    PUBLISH_REFUSED);
		assert_non_null(strstr(f.msg, "malformed"));
	}
	test_is_in_state(id, "APPROVED");
	buf_free(&der);
	X509_free(cert);
}

/* Certificates that were issued elsewhere. */

static void
what_is_taken_over_is_the_ca_s(void **state)
{
	static const struct {
		void (*spoil)(X509 *);
		const char *says;
	} rows[] = {
	    {by_a_namesake, "was not issued by the CA of list 'doorman'"},
	    {by_itself, "was not issued by"},
	    {by_the_root, "was not issued by"},
	    {in_the_root_s_name, "was not issued by"},
	    {changed_after, "was not issued by"},
	    {without_a_name, ""},
	    {as_it_should_be, NULL},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f = {""};
		X509 *cert = answer_of(ISSUE_PEER);
		enum publish rc;

		rows[i].spoil(cert);
		rc = publish_known(&test_store, "doorman", ca.cert, cert, &f);
		if (rc !=
			(rows[i].says == NULL ? PUBLISH_DONE
					      : PUBLISH_REFUSED) ||
		    (rc != PUBLISH_DONE && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		assert_int_equal(
		    test_count("certificate"), rows[i].says == NULL);
		if (rc == PUBLISH_DONE) {
			rc = publish_known(
			    &test_store, "doorman", ca.cert, cert, &f);
			assert_int_equal(rc, PUBLISH_REFUSED);
			assert_non_null(strstr(f.msg, "is known already"));
		}
		X509_free(cert);
	}
}

/* A request to become a CA, approved. */
static void
approved_ca_csr(test_id id)
{
	X509_REQ *req = test_csr(peer, "Alice");
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	struct buf der;

	sk_X509_EXTENSION_push(list,
	    X509V3_EXT_conf_nid(
		NULL, NULL, NID_basic_constraints, "critical,CA:TRUE"));
	assert_int_equal(X509_REQ_add_extensions(req, list), 1);
	assert_true(X509_REQ_sign(req, peer, EVP_sha256()) > 0);
	buf_init(&der, 65536);
	test_csr_der(&der, req);
	test_put_csr(id, "O=Alice", buf_view(&der));
	buf_free(&der);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_REQ_free(req);
}

static void
a_ca_answers_who_asked_to_be_one(void **state)
{
	static const struct {
		const char *policy;
		enum issue_kind kind;
		long path_len;
		void (*spoil)(X509 *);
		const char *says; /* NULL: it is taken */
	} rows[] = {
	    {"refuse", ISSUE_NODE_CA, 1, as_it_should_be,
		"asks to become a CA"},
	    {"allow", ISSUE_PEER, 0, as_it_should_be, "of path length 1"},
	    {"allow", ISSUE_NODE_CA, 2, as_it_should_be, "of path length 1"},
	    {"allow", ISSUE_CA, 1, as_it_should_be, "beyond its own name"},
	    {"allow", ISSUE_NODE_CA, 1, by_a_namesake,
		"not signed by the doorman CA"},
	    {"allow", ISSUE_NODE_CA, 1, as_it_should_be, NULL},
	};
	test_id id;

	(void)state;
	approved_ca_csr(id);
	config.ca_path_length = 1;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct issue_order o = {.kind = rows[i].kind,
		    .subject = "O=Alice",
		    .public_key = peer,
		    .issuer = ca.cert,
		    .path_len = rows[i].path_len,
		    .now = NOW,
		    .days = 30};
		struct fault f = {""};
		X509 *cert = issue_certificate(&o, ca.seal, &f);
		enum publish rc;

		rows[i].spoil(cert);
		snprintf(config.ca_requests, sizeof(config.ca_requests), "%s",
		    rows[i].policy);
		rc = submit(id, cert, &f);
		if (rc !=
			(rows[i].says == NULL ? PUBLISH_DONE
					      : PUBLISH_REFUSED) ||
		    (rows[i].says != NULL &&
			strstr(f.msg, rows[i].says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		X509_free(cert);
	}
	config.ca_requests[0] = '\0';
	/* As such it is kept: its reason will be CA_COMPROMISE. */
	assert_int_equal(test_count("certificate WHERE is_ca=1"), 1);
}

static void
a_revoked_ca_publishes_nothing(void **state)
{
	struct fault f = {""};
	X509 *cert = answer_of(ISSUE_PEER);
	test_id id, revocation;
	char serial[64];

	(void)state;
	approved_csr(id);
	cert_serial(serial, ca.cert);
	test_put_revocation(revocation, "root", serial, 2, NOW);
	assert_int_equal(submit(id, cert, &f), PUBLISH_REFUSED);
	assert_non_null(strstr(f.msg, "it issues nothing"));
	test_set_state(revocation, "WITHDRAWN");
	assert_int_equal(submit(id, cert, &f), PUBLISH_DONE);
	X509_free(cert);
}

int
main(void)
{
#define WITH_STORE(test)                 \
	cmocka_unit_test_setup_teardown( \
	    test, test_store_setup, test_store_teardown)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(a_certificate_answers_its_request),
	    WITH_STORE(a_ca_answers_who_asked_to_be_one),
	    WITH_STORE(a_revoked_ca_publishes_nothing),
	    WITH_STORE(a_certificate_says_no_more),
	    WITH_STORE(names_are_not_added),
	    WITH_STORE(a_right_one_is_handed_out_once),
	    WITH_STORE(a_serial_is_used_once),
	    WITH_STORE(only_an_approved_request_is_answered),
	    WITH_STORE(a_certificate_is_der_and_nothing_else),
	    WITH_STORE(what_is_taken_over_is_the_ca_s),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
