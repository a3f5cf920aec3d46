/* Which requests are taken, which are one that there is, which are neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/service/requests/enrolment.h"
#include "fixtures/doorman/service/requests/intake.h"
#include "fixtures/doorman/service/desk/publish.h"
#include "tests/doorman/test_ca.h"
#include "tests/doorman/test_store.h"

#define NOW 1800000000
#define DAY 86400
static const struct signer at_desk = {"ann", "", -1};

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct test_ca root, ca;
static struct config config = {.max_open_requests = 100,
    .max_open_certificate_requests = 100,
    .max_open_per_address = 100,
    .name_rules = "any"};
static const struct asker ann = {.origin = "192.0.2.1"};
static EVP_PKEY *key, *other_key;

static int
setup(void **state)
{
	(void)state;
	test_ca_make(&root, "Root", NULL, NOW);
	test_ca_make(&ca, "Doorman", &root, NOW);
	config.root = root.cert;
	config.doorman = ca.cert;
	key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	assert_non_null(key);
	assert_non_null(other_key);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	test_ca_free(&root);
	test_ca_free(&ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	return 0;
}

/* Requests of certificates. */

static enum intake
ask(EVP_PKEY *k, const char *name, test_id id, struct fault *f)
{
	X509_REQ *req = test_csr(k, name);
	struct buf der;
	enum intake rc;

	buf_init(&der, 65536);
	test_csr_der(&der, req);
	f->msg[0] = '\0';
	rc = intake_csr(&test_store, &config, buf_view(&der), &ann, NOW, id, f);
	buf_free(&der);
	X509_REQ_free(req);
	return rc;
}

static void
is_refused(enum intake rc, const struct fault *f, const char *says)
{
	if (rc != INTAKE_REFUSED || strstr(f->msg, says) == NULL)
		fail_msg("%d and not '%s': '%s'", rc, says, f->msg);
}

/* The certificate that request `id` is answered with, valid for some days. */
static void
answered(const char *id, EVP_PKEY *k, const char *subject, long days)
{
	struct issue_order o = {.kind = ISSUE_PEER,
	    .subject = subject,
	    .public_key = k,
	    .issuer = ca.cert,
	    .now = NOW,
	    .days = days};
	struct fault f = {""};
	X509 *cert = issue_certificate(&o, ca.seal, &f);
	struct buf der;

	assert_non_null(cert);
	buf_init(&der, 65536);
	test_cert_der(&der, cert);
	test_set_state(id, "APPROVED");
	if (publish_certificate(&test_store, &config, id, buf_view(&der),
		&at_desk, NOW, &f) != PUBLISH_DONE)
		fail_msg("%s", f.msg);
	buf_free(&der);
	X509_free(cert);
}

/* What was approved or issued binds a key to its name; a wish does not. */
static void
one_key_has_one_name(void **state)
{
	static const struct {
		const char *state;
		bool binds;
	} rows[] = {{"NEW", false}, {"TICKET_CREATED", false},
	    {"APPROVED", true}, {"FAILED", true}, {"DONE", true}};
	test_id id, again;
	struct fault f;

	(void)state;
	assert_int_equal(ask(key, "Alice", id, &f), INTAKE_TAKEN);
	for (size_t i = 0; i < NUM(rows); i++) {
		enum intake rc;

		test_set_state(id, rows[i].state);
		/* Its own name: the same request, and no second one. */
		assert_int_equal(ask(key, "Alice", again, &f), INTAKE_TAKEN);
		assert_string_equal(again, id);
		rc = ask(key, "Mallory", again, &f);
		if (rows[i].binds)
			is_refused(rc, &f, "in use under another name");
		else
			assert_int_equal(rc, INTAKE_TAKEN);
	}
	assert_int_equal(test_count("request"), 2);
	/* What was rejected or withdrawn is made anew, and binds nobody. */
	for (int i = 0; i < 2; i++) {
		char old[sizeof(test_id)];

		memcpy(old, id, sizeof(old));
		test_set_state(id, i == 0 ? "REJECTED" : "WITHDRAWN");
		assert_int_equal(ask(key, "Alice", id, &f), INTAKE_TAKEN);
		assert_string_not_equal(id, old);
		assert_int_equal(ask(key, "Mallory", again, &f), INTAKE_TAKEN);
	}
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

/* Strangers ask for Alice's name before she does: she may as well. */
static void
a_name_is_asked_for_by_anybody(void **state)
{
	test_id strangers, hers, third;
	EVP_PKEY *third_key = EVP_EC_gen("P-256");
	struct fault f;

	(void)state;
	assert_int_equal(ask(other_key, "Alice", strangers, &f), INTAKE_TAKEN);
	assert_int_equal(ask(key, "Alice", hers, &f), INTAKE_TAKEN);
	assert_string_not_equal(strangers, hers);
	assert_int_equal(approvable(strangers, &f), INTAKE_TAKEN);
	test_set_state(hers, "APPROVED");
	is_refused(approvable(strangers, &f), &f,
	    "for the same name 'O=Alice' is approved already");
	assert_non_null(strstr(f.msg, hers));
	/* One more may ask, and the database has the last word. */
	assert_int_equal(ask(third_key, "Alice", third, &f), INTAKE_TAKEN);
	assert_int_not_equal(
	    store_run(&test_store, &f,
		"UPDATE request SET state='APPROVED' WHERE id=?", "t",
		strangers),
	    0);
	answered(hers, key, "O=Alice", 365);
	is_refused(
	    approvable(strangers, &f), &f, "neither revoked nor near its end");
	/* Asked for before, it is still that one. */
	assert_int_equal(ask(other_key, "Alice", third, &f), INTAKE_TAKEN);
	assert_string_equal(third, strangers);
	EVP_PKEY_free(third_key);
}

/* A new key for a name: not beside a certificate that goes on to be good. */
static void
a_name_is_renewed_near_its_end(void **state)
{
	static const struct {
		long days;
		const char *says;
	} rows[] = {
	    {365, "neither revoked nor near its end"},
	    {31, "neither revoked nor near its end"},
	    {30, NULL},
	    {1, NULL},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		test_id id, again;
		struct fault f;
		enum intake rc;

		test_store_teardown(state);
		test_store_setup(state);
		assert_int_equal(ask(key, "Alice", id, &f), INTAKE_TAKEN);
		answered(id, key, "O=Alice", rows[i].days);
		rc = ask(other_key, "Alice", again, &f);
		if (rows[i].says != NULL)
			is_refused(rc, &f, rows[i].says);
		else
			assert_int_equal(rc, INTAKE_TAKEN);
	}
}

static enum intake
revoke(const struct form *wish, test_id id, struct fault *f)
{
	struct form form = *wish;

	snprintf(form.reporter, sizeof(form.reporter), "ann");
	form.has_reason = form.has_reporter = true;
	f->msg[0] = '\0';
	return intake_revocation(&test_store, &config, &form, &ann, NOW, id, f);
}

static void
a_revoked_key_is_not_used_again(void **state)
{
	static const char *const approved[] = {"APPROVED", "FAILED", "DONE"};
	static const char *const open[] = {
	    "NEW", "TICKET_CREATED", "REJECTED", "WITHDRAWN"};
	struct form form = {.legal_name = "O=Alice", .reason = 1};
	test_id id, again, revocation;
	struct fault f;

	(void)state;
	assert_int_equal(ask(key, "Alice", id, &f), INTAKE_TAKEN);
	answered(id, key, "O=Alice", 365);
	assert_int_equal(revoke(&form, revocation, &f), INTAKE_TAKEN);
	/* Anybody can ask: nothing changes for Alice until it is approved. */
	for (size_t i = 0; i < NUM(open); i++) {
		test_set_state(revocation, open[i]);
		assert_int_equal(ask(key, "Alice", again, &f), INTAKE_TAKEN);
		assert_string_equal(again, id);
		is_refused(ask(other_key, "Alice", again, &f), &f,
		    "neither revoked nor near its end");
	}
	for (size_t i = 0; i < NUM(approved); i++) {
		test_set_state(revocation, approved[i]);
		is_refused(ask(key, "Alice", again, &f), &f, "make a new key");
		is_refused(
		    ask(key, "Mallory", again, &f), &f, "make a new key");
		assert_int_equal(
		    ask(other_key, "Alice", again, &f), INTAKE_TAKEN);
		assert_int_equal(approvable(again, &f), INTAKE_TAKEN);
	}
	/* It was approved while the certificate request waited. */
	is_refused(approvable(id, &f), &f, "make a new key");
}

/* Revocations. */

static char *
serial_of(const char *csr)
{
	static char serial[64];
	sqlite3_stmt *q = store_query(&test_store, NULL,
	    "SELECT serial FROM certificate WHERE csr_id=?", "t", csr);

	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	snprintf(serial, sizeof(serial), "%s", store_text(q, 0));
	sqlite3_finalize(q);
	return serial;
}

/*
 * A list from elsewhere revokes a serial without a request of ours: one more
 * could never be signed, and would stand in the way of all others.
 */
static void
what_a_list_revokes_is_not_asked_again(void **state)
{
	struct crl_add add[3];
	struct crl_plan plan = {.ca = ca.cert,
	    .number = 7,
	    .url = "http://elsewhere/",
	    .this_update = NOW,
	    .next_update = NOW + DAY,
	    .add = add,
	    .num_add = 3};
	struct form form = {.legal_name = "O=Alice", .reason = 1};
	struct form bob = {.legal_name = "O=Bob", .reason = 1};
	test_id alice_csr, bob_csr, id;
	struct test_crl list;
	struct fault f = {""};

	(void)state;
	assert_int_equal(ask(key, "Alice", alice_csr, &f), INTAKE_TAKEN);
	answered(alice_csr, key, "O=Alice", 365);
	assert_int_equal(ask(other_key, "Bob", bob_csr, &f), INTAKE_TAKEN);
	answered(bob_csr, other_key, "O=Bob", 365);
	add[0] = test_crl_add("1111", 1, NOW - DAY);
	add[1] = test_crl_add(serial_of(alice_csr), 1, NOW - DAY);
	add[2] = test_crl_add("2222", 1, NOW - DAY);
	test_crl_make(&list, &plan, ca.seal);
	if (publish_import(&test_store, &config, "doorman", buf_view(&list.der),
		"ann", NOW, &f) != PUBLISH_DONE)
		fail_msg("%s", f.msg);
	is_refused(
	    revoke(&form, id, &f), &f, "is already revoked by CRL number 7");
	assert_int_equal(test_count("request WHERE kind='revocation'"), 0);
	assert_int_equal(revoke(&bob, id, &f), INTAKE_TAKEN);
	buf_free(&list.der);
}

static void
a_reason_fits_what_is_revoked(void **state)
{
	struct form peer = {.legal_name = "O=Alice", .reason = 2};
	struct form authority = {.legal_name = "CN=Doorman", .reason = 1};
	test_id csr, id, again;
	struct fault f = {""};

	(void)state;
	assert_int_equal(ask(key, "Alice", csr, &f), INTAKE_TAKEN);
	answered(csr, key, "O=Alice", 365);
	if (publish_known(&test_store, "root", root.cert, ca.cert, &f) !=
	    PUBLISH_DONE)
		fail_msg("%s", f.msg);
	is_refused(revoke(&peer, id, &f), &f, "use KEY_COMPROMISE");
	is_refused(revoke(&authority, id, &f), &f, "use CA_COMPROMISE");
	peer.reason = 1;
	authority.reason = 2;
	assert_int_equal(revoke(&peer, id, &f), INTAKE_TAKEN);
	assert_int_equal(revoke(&authority, again, &f), INTAKE_TAKEN);
	assert_string_not_equal(again, id);
	/* Asked again it is the same one, for any reason that fits. */
	peer.reason = 4;
	assert_int_equal(revoke(&peer, again, &f), INTAKE_TAKEN);
	assert_string_equal(again, id);
	peer.reason = 2;
	is_refused(revoke(&peer, again, &f), &f, "use KEY_COMPROMISE");
}

/* All that is said must name one certificate; no part is passed over. */
static void
identifiers_name_one_certificate(void **state)
{
	struct form form;
	test_id alice_csr, bob_csr, open_csr, id;
	EVP_PKEY *third = EVP_EC_gen("P-256");
	struct fault f;

	(void)state;
	assert_int_equal(ask(key, "Alice", alice_csr, &f), INTAKE_TAKEN);
	answered(alice_csr, key, "O=Alice", 365);
	assert_int_equal(ask(other_key, "Bob", bob_csr, &f), INTAKE_TAKEN);
	answered(bob_csr, other_key, "O=Bob", 365);
	assert_int_equal(ask(third, "Carol", open_csr, &f), INTAKE_TAKEN);
	form = (struct form){.legal_name = "O=Alice", .reason = 1};
	memcpy(form.csr_id, bob_csr, sizeof(form.csr_id));
	is_refused(revoke(&form, id, &f), &f, "they name different");
	form = (struct form){.legal_name = "O=Alice", .reason = 1};
	snprintf(form.serial, sizeof(form.serial), "%s", serial_of(bob_csr));
	is_refused(revoke(&form, id, &f), &f, "they name different");
	form = (struct form){.serial = "1234", .reason = 1};
	is_refused(revoke(&form, id, &f), &f, "no certificate has the serial");
	form = (struct form){.legal_name = "O=Carol", .reason = 1};
	is_refused(revoke(&form, id, &f), &f, "no certificate was issued");
	form = (struct form){.reason = 1};
	memcpy(form.csr_id, open_csr, sizeof(form.csr_id));
	is_refused(revoke(&form, id, &f), &f, "has no certificate: it is NEW");
	assert_int_equal(test_count("request WHERE kind='revocation'"), 0);
	form = (struct form){.legal_name = "O=Alice", .reason = 1};
	memcpy(form.csr_id, alice_csr, sizeof(form.csr_id));
	snprintf(form.serial, sizeof(form.serial), "%s", serial_of(alice_csr));
	assert_int_equal(revoke(&form, id, &f), INTAKE_TAKEN);
	EVP_PKEY_free(third);
}

/* Of two that would fit, only the one that is live; else it must be said. */
static void
one_of_two_is_said(void **state)
{
	struct form form = {.legal_name = "O=Alice", .reason = 1};
	test_id first, second, id, again;
	struct fault f;

	(void)state;
	assert_int_equal(ask(key, "Alice", first, &f), INTAKE_TAKEN);
	answered(first, key, "O=Alice", 20);
	assert_int_equal(ask(other_key, "Alice", second, &f), INTAKE_TAKEN);
	answered(second, other_key, "O=Alice", 365);
	is_refused(revoke(&form, id, &f), &f, "2 certificates fit");
	memcpy(form.csr_id, first, sizeof(form.csr_id));
	assert_int_equal(revoke(&form, id, &f), INTAKE_TAKEN);
	/* What nobody approved does not choose. */
	form.csr_id[0] = '\0';
	is_refused(revoke(&form, again, &f), &f, "2 certificates fit");
	test_set_state(id, "APPROVED");
	assert_int_equal(revoke(&form, again, &f), INTAKE_TAKEN);
	assert_string_not_equal(again, id);
	assert_int_equal(
	    store_number(&test_store, 0,
		"SELECT count(*) FROM request WHERE id=? AND csr_id=?", "tt",
		again, second),
	    1);
}

int
main(void)
{
#define WITH_STORE(test)                 \
	cmocka_unit_test_setup_teardown( \
	    test, test_store_setup, test_store_teardown)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(one_key_has_one_name),
	    WITH_STORE(a_name_is_asked_for_by_anybody),
	    WITH_STORE(a_name_is_renewed_near_its_end),
	    WITH_STORE(a_revoked_key_is_not_used_again),
	    WITH_STORE(what_a_list_revokes_is_not_asked_again),
	    WITH_STORE(a_reason_fits_what_is_revoked),
	    WITH_STORE(identifiers_name_one_certificate),
	    WITH_STORE(one_of_two_is_said),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
