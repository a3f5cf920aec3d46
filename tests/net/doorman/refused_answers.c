/*
 * A signer that answers wrongly, with the CAs' true keys: certificates for
 * other names and keys, CA certificates, lists of another CA with the
 * approvals of this one. The real service refuses each, keeps the request
 * open, hands nothing out, and takes the right answer afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <openssl/pem.h>

#include "fixtures/doorman/base/issue.h"
#include "tests/doorman/signer_client.h"
#include "tests/doorman/test_ca.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct doorman_net net;
static struct signer_client client;
static struct test_ca ca, root, namesake;
static EVP_PKEY *alice, *stranger;

static int
setup(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	doorman_net_start(&net);
	test_ca_read(&ca, "doorman");
	test_ca_read(&root, "root");
	test_ca_make(&namesake, "Namesake", NULL, time(NULL));
	/* It goes by the CA's name. */
	assert_int_equal(X509_set_subject_name(
			     namesake.cert, X509_get_subject_name(ca.cert)),
	    1);
	stranger = EVP_EC_gen("P-256");
	assert_non_null(stranger);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	doorman_net_free(&net);
	test_ca_free(&ca);
	test_ca_free(&root);
	test_ca_free(&namesake);
	EVP_PKEY_free(alice);
	EVP_PKEY_free(stranger);
	return 0;
}

/* Certificates. */

struct answer {
	const char *subject;
	enum issue_kind kind;
	const struct test_ca *by;
	bool stranger_s; /* the key */
	long age_days;   /* issued so long ago, for 30 days */
	const char *dns; /* NULL: the request's */
	const char *says;
};

static void
submit(const char *id, const struct answer *a)
{
	struct issue_order o = {.kind = a->kind,
	    .subject = a->subject,
	    .public_key = a->stranger_s ? stranger : alice,
	    .issuer = a->by->cert,
	    .dns = a->dns != NULL ? a->dns : "alice.example",
	    .now = time(NULL) - 86400 * a->age_days,
	    .days = 30};
	struct fault f = {""};
	X509 *cert = issue_certificate(&o, a->by->seal, &f);
	struct buf ask, der;

	if (cert == NULL)
		fail_msg("%s", f.msg);
	buf_init(&der, 65536);
	test_cert_der(&der, cert);
	buf_init(&ask, 65536);
	wire_begin(&ask, WIRE_SUBMIT_CERT);
	wire_text(&ask, id);
	wire_bytes(&ask, buf_view(&der));
	wire_end(&ask, 0);
	signer_client_ask(&client, &ask);
	buf_free(&der);
	X509_free(cert);
}

/* How many requests a signer is given to answer. */
static unsigned
num_given(void)
{
	struct wire_in in;
	struct buf ask;

	buf_init(&ask, 256);
	wire_begin(&ask, WIRE_GET_CSRS);
	wire_u64(&ask, 0);
	wire_end(&ask, 0);
	signer_client_ask(&client, &ask);
	assert_int_equal(
	    signer_client_answer(&client, &in), WIRE_GET_CSRS | WIRE_ANSWER);
	return wire_get_u32(&in);
}

static const struct answer wrong[] = {
    {.subject = "O=Mallory",
	.kind = ISSUE_PEER,
	.by = &ca,
	.says = "is for 'O=Mallory' and not for 'O=Alice'"},
    {.subject = "O=Alice",
	.kind = ISSUE_PEER,
	.by = &ca,
	.stranger_s = true,
	.says = "key is not the request's"},
    {.subject = "O=Alice",
	.kind = ISSUE_PEER,
	.by = &namesake,
	.says = "not signed by the doorman CA"},
    {.subject = "O=Alice",
	.kind = ISSUE_PEER,
	.by = &root,
	.says = "not signed by the doorman CA"},
    {.subject = "O=Alice",
	.kind = ISSUE_CA,
	.by = &ca,
	.says = "the certificate is a CA's"},
    {.subject = "O=Alice",
	.kind = ISSUE_PEER,
	.by = &ca,
	.age_days = 31,
	.says = "has expired"},
    {.subject = "O=Alice",
	.kind = ISSUE_PEER,
	.by = &ca,
	.dns = "bank.example",
	.says = "names are not those of the request"},
    {.subject = "O=Alice",
	.kind = ISSUE_TLS_SERVER,
	.by = &ca,
	.says = "extendedKeyUsage is not"},
};

static void
wrong_certificates_are_refused(void **state)
{
	const struct answer right = {
	    .subject = "O=Alice", .kind = ISSUE_PEER, .by = &ca};
	char *id = doorman_net_csr(&net, "alice", "/O=Alice"), *url;
	BIO *in = BIO_new_file("dm/alice.key", "r");
	struct wire_in body;
	struct web w;

	(void)state;
	alice = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	assert_non_null(alice);
	BIO_free(in);
	url = xasprintf("%s/certificate/%s", net.url, id);
	signer_client_open(&client, &net);
	signer_client_hello(&client);
	/* Nobody has approved it: not given, and not taken. */
	assert_int_equal(num_given(), 0);
	submit(id, &right);
	assert_non_null(strstr(signer_client_refused(&client, WIRE_E_REFUSED),
	    "is not an approved certificate request"));
	doorman_net_do(&net, "tickets", "approve", id);
	assert_int_equal(num_given(), 1);
	for (size_t i = 0; i < NUM(wrong); i++) {
		const char *text;

		submit(id, &wrong[i]);
		text = signer_client_refused(&client, WIRE_E_REFUSED);
		if (strstr(text, wrong[i].says) == NULL)
			fail_msg("no '%s' in: %s", wrong[i].says, text);
		/* A refusal is an answer: the signer may go on. */
		signer_client_ping(&client);
		web_request(&w, "GET", url, NULL, NULL, NULL);
		assert_int_not_equal(w.status, 200);
		web_free(&w);
	}
	submit(id, &right);
	assert_int_equal(signer_client_answer(&client, &body),
	    WIRE_SUBMIT_CERT | WIRE_ANSWER);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	assert_non_null(strstr(w.body, "BEGIN CERT"));
	file_write("dm/alice.pem", w.body, w.len);
	web_free(&w);
	/* Once. */
	assert_int_equal(num_given(), 0);
	submit(id, &right);
	assert_non_null(strstr(signer_client_refused(&client, WIRE_E_CHANGED),
	    "is not an approved certificate request: it is DONE by now"));
	signer_client_leave(&client);
	free(url);
	free(id);
}

/* Lists. */

static void
submit_list(const char *list, const struct test_ca *by, uint64_t number,
    const char *serial, time_t revoked_at, const char *request)
{
	char *url =
	    xasprintf("%s/certificate-revocation-list/%s", net.url, list);
	struct crl_add add = test_crl_add(serial, 1, revoked_at);
	struct crl_plan plan = {.ca = by->cert,
	    .number = number,
	    .url = url,
	    .this_update = time(NULL),
	    .next_update = time(NULL) + 86400,
	    .add = &add,
	    .num_add = 1};
	struct test_crl made;
	struct buf ask;

	test_crl_make(&made, &plan, by->seal);
	buf_init(&ask, 1 << 20);
	wire_begin(&ask, WIRE_SUBMIT_CRL);
	wire_text(&ask, list);
	wire_u32(&ask, 0);
	wire_u32(&ask, 1);
	wire_text(&ask, request);
	wire_bytes(&ask, buf_view(&made.der));
	wire_bytes(&ask, view_of(NULL, 0));
	wire_end(&ask, 0);
	signer_client_ask(&client, &ask);
	buf_free(&made.der);
	free(url);
}

/* When a request was approved, as the signer is told. */
static time_t
approved_at(const char *list)
{
	struct wire_approved a;
	struct wire_in in;
	struct buf ask;

	buf_init(&ask, 256);
	wire_begin(&ask, WIRE_GET_APPROVED);
	wire_text(&ask, list);
	wire_u64(&ask, 0);
	wire_end(&ask, 0);
	signer_client_ask(&client, &ask);
	assert_int_equal(signer_client_answer(&client, &in),
	    WIRE_GET_APPROVED | WIRE_ANSWER);
	assert_int_equal(wire_get_u32(&in), 1);
	assert_int_equal(wire_get_u8(&in), 0);
	wire_get_approved(&in, &a);
	assert_true(wire_done(&in));
	return (time_t)a.approved_at;
}

/*
 * The approval would be done, and the peer on no list that it is judged by:
 * nobody would notice.
 */
static void
an_approval_is_of_one_list(void **state)
{
	char *serial = doorman_net_serial(&net, "alice"), *revocation;
	struct wire_in in;
	time_t when;

	(void)state;
	assert_int_equal(
	    doorman_net_post(&net,
		"{\"legalName\":\"O=Alice\",\"reason\":\"KEY_COMPROMISE\","
		"\"reporter\":\"ann\"}",
		&revocation),
	    200);
	doorman_net_do(&net, "tickets", "approve", revocation);
	signer_client_open(&client, &net);
	signer_client_hello(&client);
	when = approved_at("doorman");
	submit_list("root", &root, 2, serial, when, revocation);
	assert_non_null(strstr(signer_client_refused(&client, WIRE_E_REFUSED),
	    "is not an approved revocation of list 'root'"));
	submit_list("empty", &root, 2, serial, when, revocation);
	assert_non_null(strstr(signer_client_refused(&client, WIRE_E_REFUSED),
	    "is not an approved revocation of list 'empty'"));
	submit_list("doorman", &root, 2, serial, when, revocation);
	assert_non_null(strstr(signer_client_refused(&client, WIRE_E_REFUSED),
	    "another issuer than the CA"));
	submit_list("doorman", &ca, 2, serial, when + 1, revocation);
	assert_non_null(strstr(signer_client_refused(&client, WIRE_E_REFUSED),
	    "another reason or date"));
	submit_list("doorman", &ca, 2, "4242", when, revocation);
	assert_non_null(strstr(signer_client_refused(&client, WIRE_E_REFUSED),
	    "is not in the CRL"));
	doorman_net_await(
	    &net, "certificate-revocation-request", revocation, "APPROVED");
	assert_int_equal(doorman_net_crl_number(&net, "root"), 1);
	assert_int_equal(doorman_net_crl_number(&net, "doorman"), 1);
	submit_list("doorman", &ca, 2, serial, when, revocation);
	assert_int_equal(
	    signer_client_answer(&client, &in), WIRE_SUBMIT_CRL | WIRE_ANSWER);
	signer_client_leave(&client);
	doorman_net_await(
	    &net, "certificate-revocation-request", revocation, "DONE");
	assert_int_equal(doorman_net_crl_number(&net, "doorman"), 2);
	free(revocation);
	free(serial);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wrong_certificates_are_refused),
	    cmocka_unit_test(an_approval_is_of_one_list),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
