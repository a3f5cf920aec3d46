/* What the two CAs answer: revoked by the list, good by the record, or no. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/ocsp.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/service/desk/publish.h"
#include "fixtures/doorman/service/ocsp/responder.h"
#include "tests/doorman/test_ca.h"
#include "tests/doorman/test_store.h"

#define NOW       1800000000
#define DAY       86400
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct test_ca root, ca, stranger;
static struct config config;
static X509 *alice, *bob;
static EVP_PKEY *key;

static X509 *
issued(enum issue_kind kind, const char *subject, EVP_PKEY *k,
    const struct test_ca *by)
{
	struct issue_order o = {.kind = kind,
	    .subject = subject,
	    .public_key = k,
	    .issuer = by->cert,
	    .now = NOW,
	    .days = 30};
	struct fault f = {""};
	X509 *cert = issue_certificate(&o, by->seal, &f);

	if (cert == NULL)
		fail_msg("%s", f.msg);
	return cert;
}

/* NAME.pem and NAME.key of a responder. */
static void
delegate(const char *name, const struct test_ca *by)
{
	struct secret none = {.fd = 0};
	struct fault f = {""};
	char path[64], spec[80];
	EVP_PKEY *pub;
	X509 *cert;

	snprintf(spec, sizeof(spec), "file:%s.key", name);
	assert_int_equal(
	    signing_key_create(&pub, KEY_P256, spec, &none, false, &f), 0);
	cert = issued(ISSUE_OCSP, "CN=Responder", pub, by);
	snprintf(path, sizeof(path), "%s.pem", name);
	assert_int_equal(cert_write_file(path, &cert, 1, &f), 0);
	X509_free(cert);
	EVP_PKEY_free(pub);
}

static int
setup(void **state)
{
	(void)state;
	test_ca_make(&root, "Root", NULL, NOW);
	test_ca_make(&ca, "Doorman", &root, NOW);
	test_ca_make(&stranger, "Stranger", NULL, NOW);
	key = EVP_EC_gen("P-256");
	alice = issued(ISSUE_PEER, "O=Alice", key, &ca);
	bob = issued(ISSUE_PEER, "O=Bob", key, &ca);
	delegate("ocsp-doorman", &ca);
	delegate("ocsp-root", &root);
	delegate("ocsp-stranger", &stranger);
	config.root = root.cert;
	config.doorman = ca.cert;
	config.ocsp_next_update_sec = 300;
	snprintf(config.database, sizeof(config.database), TEST_STORE_FILE);
	snprintf(config.public_url, sizeof(config.public_url), "http://a");
	snprintf(config.ocsp_engine, sizeof(config.ocsp_engine), "builtin");
	snprintf(config.ocsp_doorman_cert, sizeof(config.ocsp_doorman_cert),
	    "ocsp-doorman.pem");
	snprintf(config.ocsp_doorman_key, sizeof(config.ocsp_doorman_key),
	    "ocsp-doorman.key");
	snprintf(config.ocsp_root_cert, sizeof(config.ocsp_root_cert),
	    "ocsp-root.pem");
	snprintf(config.ocsp_root_key, sizeof(config.ocsp_root_key),
	    "ocsp-root.key");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	test_ca_free(&root);
	test_ca_free(&ca);
	test_ca_free(&stranger);
	X509_free(alice);
	X509_free(bob);
	EVP_PKEY_free(key);
	return 0;
}

/* Alice, Bob and the doorman CA were issued. */
static void
record_issued(void)
{
	struct fault f = {""};

	assert_int_equal(
	    publish_known(&test_store, "doorman", ca.cert, alice, &f),
	    PUBLISH_DONE);
	assert_int_equal(
	    publish_known(&test_store, "doorman", ca.cert, bob, &f),
	    PUBLISH_DONE);
	assert_int_equal(
	    publish_known(&test_store, "root", root.cert, ca.cert, &f),
	    PUBLISH_DONE);
}

/* A list that revokes that certificate, or none; as the one in force. */
static void
publish(const char *list, uint64_t number, X509 *revoked)
{
	const struct test_ca *by = strcmp(list, "root") == 0 ? &root : &ca;
	char url[CONF_TEXT + 64], serial[64];
	struct crl_add add;
	struct crl_plan plan = {.ca = by->cert,
	    .number = number,
	    .url = url,
	    .this_update = NOW,
	    .next_update = NOW + DAY,
	    .add = &add};
	struct fault f = {""};
	struct test_crl made;

	config_list_url(url, config.public_url, list, 0);
	if (revoked != NULL) {
		cert_serial(serial, revoked);
		add = test_crl_add(serial, 4, NOW - DAY);
		plan.num_add = 1;
	}
	test_crl_make(&made, &plan, by->seal);
	if (publish_import(&test_store, &config, list, buf_view(&made.der),
		"ann", NOW, &f) != PUBLISH_DONE)
		fail_msg("%s", f.msg);
	buf_free(&made.der);
}

static struct responder *
responder(void)
{
	struct responder *r;
	struct fault f = {""};

	if (responder_new(&r, &config, &f) != 0 ||
	    responder_refresh(r, &f) != 1)
		fail_msg("%s", f.msg);
	return r;
}

/* That serial of that issuer, whoever signed the certificate. */
static OCSP_CERTID *
id_of(const X509 *cert, const X509 *issuer)
{
	return OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(issuer),
	    X509_get0_pubkey_bitstr(issuer), X509_get0_serialNumber(cert));
}

/* The answer to these ids, which it takes; NULL: only its status. */
static OCSP_BASICRESP *
asked(struct responder *r, OCSP_CERTID **ids, int num, int *status)
{
	OCSP_REQUEST *req = OCSP_REQUEST_new();
	OCSP_BASICRESP *basic;
	OCSP_RESPONSE *resp;
	uint8_t *der = NULL;
	const uint8_t *p;
	struct response_life life;
	struct buf out;
	int len;

	for (int i = 0; i < num; i++)
		assert_non_null(OCSP_request_add0_id(req, ids[i]));
	len = i2d_OCSP_REQUEST(req, &der);
	assert_true(len > 0);
	buf_init(&out, 1 << 20);
	responder_answer(r, view_of(der, (size_t)len), NOW, &out, &life);
	p = out.p;
	resp = d2i_OCSP_RESPONSE(NULL, &p, (long)out.len);
	assert_non_null(resp);
	*status = OCSP_response_status(resp);
	basic = OCSP_response_get1_basic(resp);
	OCSP_RESPONSE_free(resp);
	OPENSSL_free(der);
	OCSP_REQUEST_free(req);
	buf_free(&out);
	return basic;
}

/* The status of the i-th answer; -1 with another response status. */
static int
status_of(struct responder *r, OCSP_CERTID **ids, int num, int i, int *reason)
{
	ASN1_GENERALIZEDTIME *when, *from, *until;
	OCSP_BASICRESP *basic;
	int status, s;

	basic = asked(r, ids, num, &status);
	if (basic == NULL)
		return -1;
	assert_int_equal(status, OCSP_RESPONSE_STATUS_SUCCESSFUL);
	assert_int_equal(OCSP_resp_count(basic), num);
	s = OCSP_single_get0_status(
	    OCSP_resp_get0(basic, i), reason, &when, &from, &until);
	if (s == V_OCSP_CERTSTATUS_REVOKED)
		assert_int_equal(ASN1_TIME_cmp_time_t(when, NOW - DAY), 0);
	assert_int_equal(ASN1_TIME_cmp_time_t(from, NOW), 0);
	assert_int_equal(ASN1_TIME_cmp_time_t(until, NOW + 300), 0);
	OCSP_BASICRESP_free(basic);
	return s;
}

static int
status_of_one(struct responder *r, X509 *cert, X509 *issuer)
{
	OCSP_CERTID *id = id_of(cert, issuer);
	int reason;

	return status_of(r, &id, 1, 0, &reason);
}

static void
each_certificate_has_its_status(void **state)
{
	X509 *unknown = issued(ISSUE_PEER, "O=Carol", key, &ca);
	struct responder *r;
	OCSP_CERTID *id;
	int reason = -1;

	(void)state;
	record_issued();
	publish("doorman", 1, alice);
	publish("root", 1, NULL);
	r = responder();
	id = id_of(alice, ca.cert);
	assert_int_equal(
	    status_of(r, &id, 1, 0, &reason), V_OCSP_CERTSTATUS_REVOKED);
	assert_int_equal(reason, 4);
	assert_int_equal(
	    status_of_one(r, bob, ca.cert), V_OCSP_CERTSTATUS_GOOD);
	/* Never issued: not good. */
	assert_int_equal(
	    status_of_one(r, unknown, ca.cert), V_OCSP_CERTSTATUS_UNKNOWN);
	/* By the serial alone nobody is revoked or good. */
	assert_int_equal(
	    status_of_one(r, alice, root.cert), V_OCSP_CERTSTATUS_UNKNOWN);
	assert_int_equal(
	    status_of_one(r, bob, root.cert), V_OCSP_CERTSTATUS_UNKNOWN);
	assert_int_equal(
	    status_of_one(r, ca.cert, root.cert), V_OCSP_CERTSTATUS_GOOD);
	responder_free(r);
	X509_free(unknown);
}

/* A serial of the same digits, and less than nothing. */
static void
a_negative_serial_is_nobody_s(void **state)
{
	OCSP_CERTID *id;
	ASN1_INTEGER *serial;
	struct responder *r;
	int reason;

	(void)state;
	record_issued();
	publish("doorman", 1, alice);
	publish("root", 1, NULL);
	r = responder();
	for (int i = 0; i < 2; i++) {
		id = id_of(i == 0 ? alice : bob, ca.cert);
		OCSP_id_get0_info(NULL, NULL, NULL, &serial, id);
		serial->type = V_ASN1_NEG_INTEGER;
		assert_int_equal(status_of(r, &id, 1, 0, &reason),
		    V_OCSP_CERTSTATUS_UNKNOWN);
	}
	responder_free(r);
}

/* Two CAs in one request: the first signs, and says nothing of the other's. */
static void
one_ca_answers_for_its_own(void **state)
{
	OCSP_CERTID *ids[2];
	struct responder *r;
	int reason;

	(void)state;
	record_issued();
	publish("doorman", 1, alice);
	publish("root", 1, ca.cert);
	r = responder();
	for (int i = 0; i < 2; i++) {
		X509 *its[] = {bob, alice};

		ids[0] = id_of(bob, ca.cert);
		ids[1] = id_of(ca.cert, root.cert);
		assert_int_equal(status_of(r, ids, 2, 1, &reason),
		    V_OCSP_CERTSTATUS_UNKNOWN);
		/* A serial that the first knows, under the other's name. */
		ids[0] = id_of(bob, ca.cert);
		ids[1] = id_of(its[i], root.cert);
		assert_int_equal(status_of(r, ids, 2, 1, &reason),
		    V_OCSP_CERTSTATUS_UNKNOWN);
	}
	responder_free(r);
}

/* The answer's bytes about one of ours at a time; free them. */
static struct buf
bytes_at(struct responder *r, X509 *cert, bool nonce, time_t now,
    struct response_life *life)
{
	OCSP_REQUEST *req = OCSP_REQUEST_new();
	uint8_t *der = NULL;
	struct buf out;
	int len;

	assert_non_null(OCSP_request_add0_id(req, id_of(cert, ca.cert)));
	if (nonce)
		assert_int_equal(OCSP_request_add1_nonce(req, NULL, -1), 1);
	len = i2d_OCSP_REQUEST(req, &der);
	buf_init(&out, 1 << 20);
	responder_answer(r, view_of(der, (size_t)len), now, &out, life);
	OPENSSL_free(der);
	OCSP_REQUEST_free(req);
	return out;
}

static bool
same_bytes(struct responder *r, X509 *cert, time_t one, time_t two)
{
	struct response_life life;
	struct buf a = bytes_at(r, cert, false, one, &life);
	struct buf b = bytes_at(r, cert, false, two, &life);
	bool same = view_eq(buf_view(&a), buf_view(&b));

	buf_free(&a);
	buf_free(&b);
	return same;
}

static void
an_answer_is_the_same_for_a_while(void **state)
{
	X509 *unknown = issued(ISSUE_PEER, "O=Carol", key, &ca);
	struct response_life life;
	struct responder *r;
	struct fault f;
	struct buf b;

	(void)state;
	record_issued();
	publish("doorman", 1, NULL);
	publish("root", 1, NULL);
	r = responder();
	assert_true(same_bytes(r, bob, NOW, NOW + 149));
	assert_false(same_bytes(r, bob, NOW + 149, NOW + 150));
	/* A clock that was set back. */
	assert_false(same_bytes(r, bob, NOW + 150, NOW + 149));
	assert_false(same_bytes(r, alice, NOW, NOW - 1));
	b = bytes_at(r, alice, false, NOW + 100, &life);
	assert_int_equal(life.next_update - life.this_update, 300);
	buf_free(&b);
	/* With another list it is another, for the good as well. */
	b = bytes_at(r, bob, false, NOW, &life);
	publish("doorman", 2, alice);
	assert_int_equal(responder_refresh(r, &f), 1);
	assert_int_equal(
	    status_of_one(r, alice, ca.cert), V_OCSP_CERTSTATUS_REVOKED);
	{
		struct buf c = bytes_at(r, bob, false, NOW, &life);

		assert_false(view_eq(buf_view(&b), buf_view(&c)));
		assert_int_equal(life.this_update, NOW);
		buf_free(&c);
	}
	buf_free(&b);
	/* What was asked for once, or may be known soon, nobody keeps. */
	b = bytes_at(r, bob, true, NOW, &life);
	assert_int_equal(life.next_update, 0);
	buf_free(&b);
	b = bytes_at(r, unknown, false, NOW, &life);
	assert_int_equal(life.next_update, 0);
	buf_free(&b);
	responder_free(r);
	X509_free(unknown);
}

/* The signers of these tests have 30 days. */
static void
no_answer_outlives_its_signer(void **state)
{
	/* OCSPResponse { tryLater } */
	static const uint8_t try_later[] = {0x30, 0x03, 0x0a, 0x01, 0x03};
	time_t end = NOW + 30L * DAY;
	struct response_life life;
	struct responder *r;
	struct buf b;

	(void)state;
	record_issued();
	publish("doorman", 1, NULL);
	publish("root", 1, NULL);
	r = responder();
	b = bytes_at(r, bob, false, end - 301, &life);
	assert_true(life.next_update == end - 1);
	buf_free(&b);
	b = bytes_at(r, alice, false, end - 100, &life);
	assert_true(life.next_update == end);
	buf_free(&b);
	b = bytes_at(r, alice, false, end, &life);
	assert_true(
	    view_eq(buf_view(&b), view_of(try_later, sizeof(try_later))));
	buf_free(&b);
	responder_free(r);
}

static void
before_and_beside_its_lists_it_says_no(void **state)
{
	struct responder *r;
	OCSP_CERTID *ids[17];
	int status;
	struct fault f;

	(void)state;
	record_issued();
	r = responder();
	/* Before the first list there is nobody good. */
	ids[0] = id_of(bob, ca.cert);
	assert_null(asked(r, ids, 1, &status));
	assert_int_equal(status, OCSP_RESPONSE_STATUS_TRYLATER);
	publish("doorman", 1, NULL);
	assert_int_equal(responder_refresh(r, &f), 1);
	assert_int_equal(
	    status_of_one(r, bob, ca.cert), V_OCSP_CERTSTATUS_GOOD);
	ids[0] = id_of(bob, stranger.cert);
	assert_null(asked(r, ids, 1, &status));
	assert_int_equal(status, OCSP_RESPONSE_STATUS_UNAUTHORIZED);
	/* The name of one CA, the key of another. */
	ids[0] = OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(ca.cert),
	    X509_get0_pubkey_bitstr(root.cert), X509_get0_serialNumber(bob));
	assert_null(asked(r, ids, 1, &status));
	assert_int_equal(status, OCSP_RESPONSE_STATUS_UNAUTHORIZED);
	assert_null(asked(r, ids, 0, &status));
	assert_int_equal(status, OCSP_RESPONSE_STATUS_MALFORMEDREQUEST);
	for (int num = 16; num <= 17; num++) {
		OCSP_BASICRESP *basic;

		for (int i = 0; i < num; i++)
			ids[i] = id_of(bob, ca.cert);
		basic = asked(r, ids, num, &status);
		assert_int_equal(status,
		    num == 16 ? OCSP_RESPONSE_STATUS_SUCCESSFUL
			      : OCSP_RESPONSE_STATUS_MALFORMEDREQUEST);
		OCSP_BASICRESP_free(basic);
	}
	responder_free(r);
}

/* A list that cannot be read leaves the one before: nobody becomes good. */
static void
an_unreadable_list_revokes_nobody_less(void **state)
{
	struct responder *r;
	struct fault f = {""};

	(void)state;
	record_issued();
	publish("doorman", 1, alice);
	publish("root", 1, NULL);
	r = responder();
	publish("doorman", 2, alice);
	assert_int_equal(
	    store_run(&test_store, &f,
		"UPDATE crl SET full_der=x'3000' WHERE number=2", ""),
	    0);
	assert_int_equal(responder_refresh(r, &f), -1);
	assert_int_equal(
	    status_of_one(r, alice, ca.cert), V_OCSP_CERTSTATUS_REVOKED);
	assert_int_equal(
	    status_of_one(r, bob, ca.cert), V_OCSP_CERTSTATUS_GOOD);
	/* And the next that can be read is taken. */
	assert_int_equal(
	    store_run(&test_store, &f, "DELETE FROM crl WHERE number=2", ""),
	    0);
	publish("doorman", 3, alice);
	assert_int_equal(responder_refresh(r, &f), 1);
	assert_int_equal(
	    status_of_one(r, alice, ca.cert), V_OCSP_CERTSTATUS_REVOKED);
	responder_free(r);
}

/* RFC 6960 4.2.2.2: delegated by that CA, and with that key. */
static void
who_answers_is_delegated(void **state)
{
	static const struct {
		const char *cert, *key, *says;
	} rows[] = {
	    {"ocsp-stranger.pem", "ocsp-stranger.key", "is not signed by"},
	    {"ocsp-root.pem", "ocsp-root.key", "is not signed by"},
	    {"ocsp-doorman.pem", "ocsp-root.key", "is not the key of"},
	};
	struct config c = config;
	struct responder *r;

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f = {""};

		snprintf(c.ocsp_doorman_cert, sizeof(c.ocsp_doorman_cert), "%s",
		    rows[i].cert);
		snprintf(c.ocsp_doorman_key, sizeof(c.ocsp_doorman_key), "%s",
		    rows[i].key);
		assert_int_equal(responder_new(&r, &c, &f), -1);
		if (strstr(f.msg, rows[i].says) == NULL)
			fail_msg("row %zu: %s", i, f.msg);
	}
}

int
main(void)
{
#define WITH_STORE(test)                 \
	cmocka_unit_test_setup_teardown( \
	    test, test_store_setup, test_store_teardown)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(each_certificate_has_its_status),
	    WITH_STORE(a_negative_serial_is_nobody_s),
	    WITH_STORE(one_ca_answers_for_its_own),
	    WITH_STORE(an_answer_is_the_same_for_a_while),
	    WITH_STORE(no_answer_outlives_its_signer),
	    WITH_STORE(before_and_beside_its_lists_it_says_no),
	    WITH_STORE(an_unreadable_list_revokes_nobody_less),
	    WITH_STORE(who_answers_is_delegated),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
