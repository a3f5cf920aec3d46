/* What a signature proves about who asks, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/service/conf/officers.h"
#include "fixtures/doorman/service/desk/publish.h"
#include "fixtures/doorman/service/requests/enrolment.h"
#include "fixtures/doorman/service/requests/intake.h"
#include "fixtures/doorman/service/requests/proof.h"
#include "tests/doorman/test_ca.h"
#include "tests/doorman/test_store.h"

#define NOW       1800000000
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct test_ca root, ca, stranger;
static struct config config = {.name_rules = "any",
    .max_open_requests = 100,
    .max_open_certificate_requests = 100,
    .max_open_per_address = 100,
    .proof_max_age_sec = 900};
static EVP_PKEY *alice_key, *bob_key, *officer_key, *new_key;
static X509 *alice, *bob, *officer, *old_officer;

static X509 *
issue(struct test_ca *by, EVP_PKEY *k, const char *subject, time_t from,
    long days)
{
	struct issue_order o = {.kind = ISSUE_PEER,
	    .subject = subject,
	    .public_key = k,
	    .issuer = by->cert,
	    .now = from,
	    .days = days};
	struct fault f = {""};
	X509 *cert = issue_certificate(&o, by->seal, &f);

	if (cert == NULL)
		fail_msg("%s", f.msg);
	return cert;
}

static int
setup(void **state)
{
	(void)state;
	test_ca_make(&root, "Root", NULL, NOW);
	test_ca_make(&ca, "Doorman", &root, NOW);
	test_ca_make(&stranger, "Doorman", NULL, NOW);
	config.root = root.cert;
	config.doorman = ca.cert;
	alice_key = EVP_EC_gen("P-256");
	bob_key = EVP_RSA_gen(2048);
	officer_key = EVP_EC_gen("P-384");
	new_key = EVP_EC_gen("P-256");
	alice = issue(&ca, alice_key, "O=Alice", NOW, 365);
	bob = issue(&ca, bob_key, "O=Bob", NOW, 365);
	/* Whoever issued them. */
	officer = issue(&stranger, officer_key, "CN=Ann, O=Sec", NOW, 365);
	old_officer =
	    issue(&stranger, new_key, "CN=Tom, O=Sec", NOW - 99999999, 1);
	config.officers = sk_X509_new_null();
	sk_X509_push(config.officers, old_officer);
	sk_X509_push(config.officers, officer);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sk_X509_pop_free(config.officers, X509_free);
	X509_free(alice);
	X509_free(bob);
	EVP_PKEY_free(alice_key);
	EVP_PKEY_free(bob_key);
	EVP_PKEY_free(officer_key);
	EVP_PKEY_free(new_key);
	test_ca_free(&root);
	test_ca_free(&ca);
	test_ca_free(&stranger);
	return 0;
}

/* A doorman that knows Alice's and Bob's certificates. */
static int
store_setup(void **state)
{
	struct fault f = {""};

	test_store_setup(state);
	if (publish_known(&test_store, "doorman", ca.cert, alice, &f) !=
		PUBLISH_DONE ||
	    publish_known(&test_store, "doorman", ca.cert, bob, &f) !=
		PUBLISH_DONE)
		fail_msg("%s", f.msg);
	return 0;
}

/* How a message is signed. */
struct wish {
	X509 *cert;
	EVP_PKEY *key;
	const char *content; /* NULL: Alice's revocation */
	struct view bytes;   /* or these */
	const EVP_MD *md;    /* NULL: SHA-256 */
	time_t at;           /* 0: NOW */
	unsigned flags;      /* more of them */
	bool two_signers, other_type;
};

#define ALICE                                                       \
	"{\"legalName\":\"O=Alice\",\"reason\":\"KEY_COMPROMISE\"," \
	"\"reporter\":\"me\"}"

static void
sign(struct buf *out, const struct wish *w)
{
	struct view content = w->bytes.p != NULL
	    ? w->bytes
	    : view_of(w->content != NULL ? w->content : ALICE,
		  strlen(w->content != NULL ? w->content : ALICE));
	BIO *in = BIO_new_mem_buf(content.p, (int)content.len);
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, in,
	    CMS_BINARY | CMS_PARTIAL | (w->flags & CMS_DETACHED));
	CMS_SignerInfo *si;
	uint8_t *der = NULL;
	int len;

	assert_non_null(cms);
	if (w->other_type)
		assert_int_equal(CMS_set1_eContentType(
				     cms, OBJ_nid2obj(NID_id_smime_ct_TSTInfo)),
		    1);
	si = CMS_add1_signer(cms, w->cert, w->key,
	    w->md != NULL ? w->md : EVP_sha256(),
	    CMS_BINARY | CMS_PARTIAL | w->flags);
	assert_non_null(si);
	if ((w->flags & CMS_NOATTR) == 0) {
		ASN1_TIME *t = ASN1_TIME_set(NULL, w->at != 0 ? w->at : NOW);

		assert_int_equal(CMS_signed_add1_attr_by_NID(
				     si, NID_pkcs9_signingTime, t->type, t, -1),
		    1);
		ASN1_TIME_free(t);
	}
	if (w->two_signers)
		assert_non_null(CMS_add1_signer(
		    cms, bob, bob_key, EVP_sha256(), CMS_BINARY));
	assert_int_equal(
	    CMS_final(cms, in, NULL, CMS_BINARY | (w->flags & CMS_DETACHED)),
	    1);
	len = i2d_CMS_ContentInfo(cms, &der);
	assert_true(len > 0);
	buf_init(out, FORM_BODY_MAX);
	buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
}

static enum intake
say(const struct buf *message, test_id id, struct fault *f)
{
	struct posted p = {
	    "application/pkcs7-mime", buf_view(message), "192.0.2.1"};

	f->msg[0] = '\0';
	return intake_post_revocation(&test_store, &config, &p, NOW, id, f);
}

static void
is_refused(enum intake rc, const struct fault *f, const char *says)
{
	if (rc != INTAKE_REFUSED || strstr(f->msg, says) == NULL)
		fail_msg("%d and not '%s': '%s'", rc, says, f->msg);
}

static void
proof_is(const char *id, const char *want)
{
	sqlite3_stmt *q = store_query(
	    &test_store, NULL, "SELECT proof FROM request WHERE id=?", "t", id);

	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	assert_string_equal(store_text(q, 0), want);
	sqlite3_finalize(q);
}

static void
who_signs_is_known(void **state)
{
	struct fault f;
	test_id id, again;
	struct buf m;

	(void)state;
	sign(&m, &(struct wish){.cert = alice, .key = alice_key});
	assert_int_equal(say(&m, id, &f), INTAKE_TAKEN);
	proof_is(id, "holder");
	/* Once more is the same. */
	assert_int_equal(say(&m, again, &f), INTAKE_TAKEN);
	assert_string_equal(again, id);
	buf_free(&m);
	sign(&m, &(struct wish){.cert = officer, .key = officer_key});
	assert_int_equal(say(&m, again, &f), INTAKE_TAKEN);
	assert_string_equal(again, id);
	proof_is(id, "officer CN=Ann, O=Sec");
	assert_int_equal(test_count("report"), 2);
	buf_free(&m);
	/* RSA; named by its key; without the certificate; other digests. */
	sign(&m,
	    &(struct wish){.cert = bob,
		.key = bob_key,
		.content = "{\"legalName\":\"O=Bob\",\"reason\":\"SUPERSEDED\","
			   "\"reporter\":\"me\"}",
		.md = EVP_sha512(),
		.flags = CMS_USE_KEYID});
	assert_int_equal(say(&m, id, &f), INTAKE_TAKEN);
	proof_is(id, "holder");
	buf_free(&m);
	sign(&m,
	    &(struct wish){.cert = officer,
		.key = officer_key,
		.md = EVP_sha384(),
		.flags = CMS_NOCERTS});
	assert_int_equal(say(&m, id, &f), INTAKE_TAKEN);
	buf_free(&m);
}

static void
what_proves_nothing_is_refused(void **state)
{
	X509 *fake, *other = issue(&ca, new_key, "O=Alice", NOW, 365);
	const struct {
		struct wish w;
		const char *says;
	} rows[] = {
	    {{.cert = alice, .key = alice_key, .at = NOW - 901},
		"901 seconds before now"},
	    {{.cert = alice, .key = alice_key, .at = NOW + 901},
		"901 seconds after now"},
	    {{.cert = alice, .key = alice_key, .flags = CMS_NOATTR},
		"no signing time"},
	    {{.cert = alice, .key = alice_key, .md = EVP_sha1()},
		"none of SHA-256"},
	    {{.cert = bob, .key = bob_key, .md = EVP_md5()}, "none of SHA-256"},
	    {{.cert = alice, .key = alice_key, .flags = CMS_DETACHED},
		"no content"},
	    {{.cert = alice, .key = alice_key, .two_signers = true},
		"one signer"},
	    {{.cert = alice, .key = alice_key, .other_type = true},
		"no content"},
	    /* Of our CA, but none that we know. */
	    {{.cert = other, .key = new_key}, "neither by a certificate"},
	    {{.cert = ca.cert, .key = ca.key}, "neither by a certificate"},
	    {{.cert = old_officer, .key = new_key}, "not valid now"},
	    /* Bob speaks for Bob. */
	    {{.cert = bob, .key = bob_key}, "signed with certificate 0x"},
	    {{.cert = alice, .key = alice_key, .content = "{}"},
		"which certificate?"},
	    {{.cert = alice, .key = alice_key, .content = "corda"}, "corda"},
	    {{.cert = alice, .key = alice_key, .content = ""}, "empty"},
	};
	struct fault f;
	struct buf m;
	test_id id;

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		sign(&m, &rows[i].w);
		is_refused(say(&m, id, &f), &f, rows[i].says);
		buf_free(&m);
	}
	/* A certificate with Alice's issuer and serial, and another's key. */
	fake = X509_dup(alice);
	assert_int_equal(X509_set_pubkey(fake, new_key), 1);
	assert_true(X509_sign(fake, new_key, EVP_sha256()) > 0);
	for (int by_key = 0; by_key < 2; by_key++) {
		sign(&m,
		    &(struct wish){.cert = fake,
			.key = new_key,
			.flags = by_key ? CMS_USE_KEYID : 0});
		is_refused(say(&m, id, &f), &f, "does not verify");
		buf_free(&m);
	}
	X509_free(fake);
	X509_free(other);
	assert_int_equal(test_count("request"), 0);
	assert_int_equal(ERR_peek_error(), 0);
}

/* The ends of what is taken are taken. */
static void
the_time_is_taken_to_the_second(void **state)
{
	static const time_t at[] = {NOW - 900, NOW + 900};
	struct fault f;
	struct buf m;
	test_id id;

	(void)state;
	for (size_t i = 0; i < NUM(at); i++) {
		sign(&m,
		    &(struct wish){
			.cert = alice, .key = alice_key, .at = at[i]});
		assert_int_equal(say(&m, id, &f), INTAKE_TAKEN);
		buf_free(&m);
	}
}

/* Each byte of a message counts; none of them makes it anonymous. */
static void
a_changed_message_is_refused(void **state)
{
	struct fault f;
	struct buf m;
	test_id id;
	size_t taken = 0;

	(void)state;
	sign(&m,
	    &(struct wish){
		.cert = alice, .key = alice_key, .flags = CMS_NOCERTS});
	for (size_t i = 0; i < m.len; i++) {
		enum intake rc;

		m.p[i] ^= 1;
		rc = say(&m, id, &f);
		m.p[i] ^= 1;
		if (rc == INTAKE_TAKEN)
			taken++;
		else if (rc != INTAKE_REFUSED || f.msg[0] == '\0')
			fail_msg("byte %zu: %d '%s'", i, rc, f.msg);
	}
	/* Versions and the list of digests are nothing that was signed. */
	assert_in_range(taken, 0, 20);
	assert_int_equal(test_count("report WHERE proof=''"), 0);
	for (size_t i = 0; i < m.len; i++) {
		struct buf part = m;

		part.len = i;
		assert_int_equal(say(&part, id, &f), INTAKE_REFUSED);
	}
	buf_add(&m, "x", 1);
	is_refused(say(&m, id, &f), &f, "bytes follow");
	buf_free(&m);
}

/* Who overheard it may say it again, and it is what it was. */
static void
one_message_is_one_request(void **state)
{
	static const char *const states[] = {"REJECTED", "WITHDRAWN", "DONE"};
	struct fault f;
	test_id id, again;
	struct buf one, two;

	(void)state;
	sign(&one, &(struct wish){.cert = alice, .key = alice_key});
	sign(&two,
	    &(struct wish){.cert = alice, .key = alice_key, .at = NOW - 1});
	assert_int_equal(say(&one, id, &f), INTAKE_TAKEN);
	assert_int_equal(say(&two, again, &f), INTAKE_TAKEN);
	assert_string_equal(again, id);
	for (size_t i = 0; i < NUM(states); i++) {
		test_set_state(id, states[i]);
		assert_int_equal(say(&one, again, &f), INTAKE_TAKEN);
		assert_string_equal(again, id);
		assert_int_equal(say(&two, again, &f), INTAKE_TAKEN);
		assert_string_equal(again, id);
	}
	assert_int_equal(test_count("request"), 1);
	buf_free(&one);
	/* The same words at another time are another message. */
	test_set_state(id, "REJECTED");
	sign(&one,
	    &(struct wish){.cert = alice, .key = alice_key, .at = NOW - 2});
	assert_int_equal(say(&one, again, &f), INTAKE_TAKEN);
	assert_string_not_equal(again, id);
	buf_free(&one);
	/* Another signature over the same words and time is the same. */
	sign(&one, &(struct wish){.cert = alice, .key = alice_key});
	assert_int_equal(say(&one, again, &f), INTAKE_TAKEN);
	assert_string_equal(again, id);
	buf_free(&one);
	buf_free(&two);
	/* What is too old to be taken need not be remembered. */
	assert_int_equal(test_count("said"), 3);
	assert_int_equal(
	    store_run(&test_store, &f, "UPDATE said SET at=at-1801", ""), 0);
	sign(&one,
	    &(struct wish){.cert = alice, .key = alice_key, .at = NOW - 3});
	assert_int_equal(say(&one, again, &f), INTAKE_TAKEN);
	assert_int_equal(test_count("said"), 1);
	buf_free(&one);
}

static void
an_officer_of_ours_can_be_revoked(void **state)
{
	struct fault f = {""};
	test_id id, revocation;
	struct buf m;
	char serial[64];

	(void)state;
	sk_X509_push(config.officers, bob);
	sign(&m, &(struct wish){.cert = bob, .key = bob_key});
	assert_int_equal(say(&m, id, &f), INTAKE_TAKEN);
	proof_is(id, "officer O=Bob");
	cert_serial(serial, bob);
	test_put_revocation(revocation, "doorman", serial, 1, NOW);
	test_set_state(revocation, "TICKET_CREATED");
	assert_int_equal(say(&m, id, &f), INTAKE_TAKEN);
	test_set_state(revocation, "APPROVED");
	is_refused(say(&m, id, &f), &f, "was revoked");
	sk_X509_pop(config.officers);
	buf_free(&m);
}

/* Certificates. */

static enum intake
renew(EVP_PKEY *k, const char *name, const struct wish *how, test_id id,
    struct fault *f)
{
	struct posted p = {NULL, {NULL, 0}, "192.0.2.1"};
	X509_REQ *req = test_csr(k, name);
	struct buf der, m;
	enum intake rc;

	buf_init(&der, 65536);
	test_csr_der(&der, req);
	f->msg[0] = '\0';
	if (how != NULL) {
		struct wish w = *how;

		w.bytes = buf_view(&der);
		sign(&m, &w);
		p.type = "application/cms";
		p.body = buf_view(&m);
		rc = intake_post_csr(&test_store, &config, &p, NOW, id, f);
		buf_free(&m);
	} else {
		p.type = "application/pkcs10";
		p.body = buf_view(&der);
		rc = intake_post_csr(&test_store, &config, &p, NOW, id, f);
	}
	buf_free(&der);
	X509_REQ_free(req);
	return rc;
}

static enum intake
approvable(const char *id, struct fault *f)
{
	enum intake rc;

	f->msg[0] = '\0';
	assert_int_equal(store_begin(&test_store, f), 0);
	rc = enrolment_approvable(&test_store, &config, id, NOW, f);
	store_rollback(&test_store);
	return rc;
}

static void
a_holder_renews_at_any_time(void **state)
{
	struct wish by_alice = {.cert = alice, .key = alice_key};
	struct wish by_bob = {.cert = bob, .key = bob_key};
	struct wish by_officer = {.cert = officer, .key = officer_key};
	EVP_PKEY *third = EVP_EC_gen("P-256");
	struct fault f;
	test_id id, again, revocation;
	char serial[64];

	(void)state;
	is_refused(renew(new_key, "Alice", NULL, id, &f), &f,
	    "neither revoked nor near its end");
	is_refused(renew(new_key, "Alice", &by_bob, id, &f), &f,
	    "not a valid one of 'O=Alice'");
	/* An officer speaks for reports, and is no member. */
	is_refused(renew(new_key, "Alice", &by_officer, id, &f), &f,
	    "neither revoked nor near its end");
	/* Somebody else's request, revocation included, changes nothing. */
	cert_serial(serial, alice);
	test_put_revocation(revocation, "doorman", serial, 1, NOW);
	test_set_state(revocation, "NEW");
	assert_int_equal(
	    renew(new_key, "Alice", &by_alice, id, &f), INTAKE_TAKEN);
	proof_is(id, "holder");
	assert_int_equal(approvable(id, &f), INTAKE_TAKEN);
	assert_int_equal(
	    renew(new_key, "Alice", &by_alice, again, &f), INTAKE_TAKEN);
	assert_string_equal(again, id);
	is_refused(
	    renew(third, "Alice", &by_alice, again, &f), &f, "open already");
	/* The thief's signature is worth nothing once it is approved. */
	test_set_state(revocation, "APPROVED");
	is_refused(approvable(id, &f), &f, "is being or was revoked");
	is_refused(renew(third, "Alice", &by_alice, again, &f), &f,
	    "is being or was revoked");
	EVP_PKEY_free(third);
}

/* A stranger who saw it sends it on: that takes nothing from it. */
static void
one_sent_on_by_a_stranger_is_proven_later(void **state)
{
	struct wish by_alice = {.cert = alice, .key = alice_key};
	X509 *ending = issue(&ca, alice_key, "O=Alice", NOW, 10);
	struct fault f = {""};
	test_id id, again;

	(void)state;
	/* Near its end anybody may. */
	assert_int_equal(
	    store_run(&test_store, &f, "DELETE FROM certificate", ""), 0);
	assert_int_equal(
	    publish_known(&test_store, "doorman", ca.cert, ending, &f),
	    PUBLISH_DONE);
	assert_int_equal(renew(new_key, "Alice", NULL, id, &f), INTAKE_TAKEN);
	proof_is(id, "");
	by_alice.cert = ending;
	assert_int_equal(
	    renew(new_key, "Alice", &by_alice, again, &f), INTAKE_TAKEN);
	assert_string_equal(again, id);
	proof_is(id, "holder");
	assert_int_equal(
	    renew(new_key, "Alice", NULL, again, &f), INTAKE_TAKEN);
	proof_is(id, "holder");
	X509_free(ending);
}

/* The file of officers. */

static void
officers_are_read_or_refused(void **state)
{
	static const struct {
		const char *more;
		int num;
		const char *says;
	} rows[] = {
	    {"", 2, NULL},
	    {"text between\n", 2, NULL},
	    {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		2, "something else than PEM certificates"},
	    {"", 0, "no certificate in"},
	    {"nothing\n", 0, "no certificate in"},
	    {"", 3, "stands there twice"},
	    {"", -1, "officers"},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct findings wrong;
		STACK_OF(X509) * all;
		FILE *out =
		    rows[i].num >= 0 ? fopen("officers.pem", "w") : NULL;

		for (int n = 0; n < rows[i].num; n++)
			PEM_write_X509(out, n == 1 ? old_officer : officer);
		if (out != NULL) {
			fputs(rows[i].more, out);
			fclose(out);
		}
		findings_init(&wrong, NULL);
		all = officers_read("officers.pem", &wrong);
		if (rows[i].says == NULL) {
			assert_int_equal(sk_X509_num(all), 2);
			assert_int_equal(wrong.num_errors, 0);
			assert_int_equal(wrong.num, 1);
		} else if (all != NULL || wrong.num == 0 ||
		    strstr(wrong.rows[wrong.num - 1].text.msg, rows[i].says) ==
			NULL)
			fail_msg("%zu: no '%s'", i, rows[i].says);
		sk_X509_pop_free(all, X509_free);
		remove("officers.pem");
	}
	assert_int_equal(ERR_peek_error(), 0);
}

int
main(void)
{
#define WITH_STORE(test) \
	cmocka_unit_test_setup_teardown(test, store_setup, test_store_teardown)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(who_signs_is_known),
	    WITH_STORE(what_proves_nothing_is_refused),
	    WITH_STORE(the_time_is_taken_to_the_second),
	    WITH_STORE(a_changed_message_is_refused),
	    WITH_STORE(one_message_is_one_request),
	    WITH_STORE(an_officer_of_ours_can_be_revoked),
	    WITH_STORE(a_holder_renews_at_any_time),
	    WITH_STORE(one_sent_on_by_a_stranger_is_proven_later),
	    cmocka_unit_test(officers_are_read_or_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
