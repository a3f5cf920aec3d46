/*
 * Who else says something about a certificate is heard, and who asks for
 * certificates takes nobody's place who asks for a revocation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/doorman/doorman_net.h"

#define ALICE "\"legalName\":\"O=Alice, C=GB\""

static struct doorman_net net;

static void
make_officer(void)
{
	char *cert = xasprintf("%s/officers.pem", net.dir);
	const char *argv[] = {"/usr/bin/openssl", "req", "-x509", "-newkey",
	    "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
	    "/CN=Ann/O=Security/C=GB", "-keyout", "officer.key", "-out", cert,
	    NULL};

	assert_int_equal(proc_run(argv, "officer.log", WAIT_MS, NULL), 0);
	free(cert);
}

static int
setup(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	doorman_net_conf(&net,
	    "max_open_requests = 2\nmax_open_certificate_requests = 3\n"
	    "officers = officers.pem\n");
	make_officer();
	doorman_net_start(&net);
	free(doorman_net_enrol(&net, "carol", "/O=Carol/C=GB", ""));
	free(doorman_net_enrol(&net, "dora", "/O=Dora/C=GB", ""));
	free(doorman_net_enrol(&net, "alice", "/O=Alice/C=GB", ""));
	free(doorman_net_enrol(&net, "bob", "/O=Bob/C=GB", ""));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	doorman_net_free(&net);
	return 0;
}

static char *
post(const char *body)
{
	char *text;
	long status = doorman_net_post(&net, body, &text);

	if (status != 200)
		fail_msg("%s: %ld %s", body, status, text);
	return text;
}

static struct web
get(const char *id)
{
	char *url =
	    xasprintf("%s/certificate-revocation-request/%s", net.url, id);
	struct web w;

	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	assert_non_null(w.json);
	free(url);
	return w;
}

static void
a_troll_swallows_nothing(void **state)
{
	char *id = post("{" ALICE ",\"reason\":\"UNSPECIFIED\","
			"\"reporter\":\"troll; approved by carol\"}");
	char *again = post("{" ALICE ",\"reason\":\"KEY_COMPROMISE\","
			   "\"reporter\":\"security officer\"}");
	const char *list[] = {"tickets", "list", "-c", net.conf, NULL};
	const char *approve[] = {"tickets", "approve", id, "--note",
	    "seen by phone", "-c", net.conf, NULL};
	const cJSON *reports;
	struct web w = get(id);
	char *out;

	(void)state;
	assert_string_equal(again, id);
	assert_string_equal(json_text(w.json, "reason"), "KEY_COMPROMISE");
	assert_string_equal(json_text(w.json, "reporter"), "security officer");
	reports = json_at(w.json, "reports");
	assert_int_equal(cJSON_GetArraySize(reports), 2);
	assert_string_equal(
	    json_text(cJSON_GetArrayItem(reports, 0), "reporter"),
	    "troll; approved by carol");
	assert_string_equal(
	    json_text(cJSON_GetArrayItem(reports, 1), "reporter"),
	    "security officer");
	assert_null(strstr(w.body, "127.0.0.1"));
	web_free(&w);
	assert_int_equal(doorman_net_run(&net, "doorman", NULL, &out, list), 0);
	assert_non_null(strstr(out,
	    "; reported: KEY_COMPROMISE by \"security "
	    "officer\", UNSPECIFIED by \"troll\\u{3B} "
	    "approved by carol\";"));
	free(out);
	assert_int_equal(
	    doorman_net_run(&net, "doorman", NULL, &out, approve), 0);
	free(out);
	/* What approvers write to each other is not told to the world. */
	w = get(id);
	assert_string_equal(json_text(w.json, "state"), "APPROVED");
	assert_null(strstr(w.body, "seen by phone"));
	web_free(&w);
	/* Approved is approved; what is said later is on record. */
	free(again);
	again = post("{" ALICE ",\"reason\":\"SUPERSEDED\","
		     "\"reporter\":\"late\"}");
	assert_string_equal(again, id);
	w = get(id);
	assert_string_equal(json_text(w.json, "reason"), "KEY_COMPROMISE");
	assert_int_equal(cJSON_GetArraySize(json_at(w.json, "reports")), 3);
	web_free(&w);
	assert_int_equal(
	    doorman_net_sign(&net, "sign doorman 2 +1\n", &out, "crl"), 0);
	free(out);
	w = get(id);
	assert_string_equal(json_text(w.json, "state"), "DONE");
	assert_non_null(strstr(w.body, "CRL number 2"));
	web_free(&w);
	free(again);
	free(id);
}

static void
is_full(const char *path, const char *body, const char *says)
{
	char *url = xasprintf("%s%s", net.url, path), *after;
	struct web w;

	web_request(&w, "POST", url, NULL, body, "application/json");
	if (w.status != 503 || strstr(w.body, says) == NULL)
		fail_msg("%ld %s", w.status, w.body);
	after = web_header(&w, "Retry-After");
	assert_non_null(after);
	free(after);
	web_free(&w);
	free(url);
}

static void
certificates_leave_room_for_revocations(void **state)
{
	char *one, *two;

	(void)state;
	for (int i = 0; i < 3; i++) {
		char name[16], subject[32];

		snprintf(name, sizeof(name), "f%d", i);
		snprintf(subject, sizeof(subject), "/O=Flood %d/C=GB", i);
		free(doorman_net_csr(&net, name, subject));
	}
	one = post("{\"legalName\":\"CN=Doorman CA, O=Private Network, C=GB\","
		   "\"reason\":\"CA_COMPROMISE\",\"reporter\":\"sec\"}");
	two = post("{\"legalName\":\"O=Bob, C=GB\",\"reason\":\"UNSPECIFIED\","
		   "\"reporter\":\"x\"}");
	is_full("/certificate-revocation-request",
	    "{\"legalName\":\"CN=Doorman OCSP, O=Private Network, C=GB\","
	    "\"reason\":\"SUPERSEDED\",\"reporter\":\"x\"}",
	    "for revocations (max_open_requests)");
	free(two);
	free(one);
}

/* FILE signed by the real openssl and posted by the real curl. */
static long
post_signed(const char *path, const char *file, const char *cert,
    const char *key, char **text)
{
	char *url = xasprintf("%s%s", net.url, path);
	const char *sign[] = {"/usr/bin/openssl", "cms", "-sign", "-nodetach",
	    "-binary", "-outform", "DER", "-signer", cert, "-inkey", key, "-in",
	    file, "-out", "signed.der", NULL};
	const char *post[] = {"/usr/bin/curl", "-s", "-o", "answer", "-w",
	    "%{http_code}", "-H", "Content-Type: application/pkcs7-mime",
	    "--data-binary", "@signed.der", url, NULL};
	char *status;
	long rc;

	assert_int_equal(proc_run(sign, "sign.log", WAIT_MS, NULL), 0);
	assert_int_equal(proc_run(post, "curl.log", WAIT_MS, NULL), 0);
	status = file_need("curl.log", NULL);
	rc = strtol(status, NULL, 10);
	free(status);
	*text = file_need("answer", NULL);
	free(url);
	return rc;
}

static void
put_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* The pots are full; what proves itself passes by. */
static void
a_proof_passes_ahead(void **state)
{
	static const char carol[] =
	    "{\"legalName\":\"O=Carol, C=GB\",\"reason\":\"KEY_COMPROMISE\","
	    "\"reporter\":\"carol\"}";
	char *cert = xasprintf("%s/carol.pem", net.dir);
	char *key = xasprintf("%s/carol.key", net.dir);
	char *officer = xasprintf("%s/officers.pem", net.dir);
	char *id, *again, *text;
	struct web w;

	(void)state;
	is_full("/certificate-revocation-request", carol, "max_open_requests");
	put_file("carol.json", carol);
	if (post_signed("/certificate-revocation-request", "carol.json", cert,
		key, &id) != 200)
		fail_msg("%s", id);
	w = get(id);
	assert_string_equal(
	    json_text(
		cJSON_GetArrayItem(json_at(w.json, "reports"), 0), "proof"),
	    "holder");
	web_free(&w);
	assert_int_equal(post_signed("/certificate-revocation-request",
			     "carol.json", officer, "officer.key", &again),
	    200);
	assert_string_equal(again, id);
	w = get(id);
	assert_string_equal(
	    json_text(
		cJSON_GetArrayItem(json_at(w.json, "reports"), 1), "proof"),
	    "officer CN=Ann, O=Security, C=GB");
	web_free(&w);
	/* Carol speaks for herself; a broken signature is no anonymous one. */
	put_file("dora.json",
	    "{\"legalName\":\"O=Dora, C=GB\",\"reason\":\"SUPERSEDED\","
	    "\"reporter\":\"carol\"}");
	assert_int_equal(post_signed("/certificate-revocation-request",
			     "dora.json", cert, key, &text),
	    400);
	assert_non_null(strstr(text, "signed with certificate 0x"));
	free(text);
	free(again);
	free(id);
	free(cert);
	free(key);
	free(officer);
}

/* A member's new key, long before the end and with the pot full. */
static void
a_member_renews(void **state)
{
	char *cert = xasprintf("%s/dora.pem", net.dir);
	char *key = xasprintf("%s/dora.key", net.dir), *id, *out;
	const char *argv[] = {"/usr/bin/openssl", "req", "-new", "-newkey",
	    "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
	    "renew.key", "-subj", "/O=Dora/C=GB", "-out", "renew.csr", NULL};
	struct web w;
	char *url;

	(void)state;
	assert_int_equal(proc_run(argv, "req.log", WAIT_MS, NULL), 0);
	if (post_signed("/certificate", "renew.csr", cert, key, &id) != 200)
		fail_msg("%s", id);
	doorman_net_await(&net, "certificate-request", id, "TICKET_CREATED");
	url = xasprintf("%s/certificate-request/%s", net.url, id);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_string_equal(json_text(w.json, "proof"), "holder");
	assert_null(strstr(w.body, "127.0.0.1"));
	web_free(&w);
	free(url);
	doorman_net_do(&net, "tickets", "approve", id);
	assert_int_equal(doorman_net_sign(&net, "sign certificates +1\n", &out,
			     "certificates"),
	    0);
	free(out);
	doorman_net_await(&net, "certificate-request", id, "DONE");
	free(id);
	free(cert);
	free(key);
}

/* A file of officers that is not there lets nobody start. */
static void
officers_must_be_there(void **state)
{
	struct doorman_net other;
	const char *argv[] = {"serve", "-c", NULL, NULL};

	(void)state;
	doorman_net_init(&other, "other", NULL, NULL);
	doorman_net_conf(&other, "officers = missing.pem\n");
	argv[2] = other.conf;
	doorman_net_says_args(&other, 1, "officers", argv);
	doorman_net_free(&other);
}

/* Approved for less than what is said then: shown, and approved again. */
static void
worse_news_are_approved_again(void **state)
{
	char *id = post("{\"legalName\":\"O=Bob, C=GB\",\"reason\":"
			"\"UNSPECIFIED\",\"reporter\":\"x\"}");
	const char *list[] = {"tickets", "list", "-c", net.conf, NULL};
	struct web w;
	char *out;

	(void)state;
	doorman_net_await(
	    &net, "certificate-revocation-request", id, "TICKET_CREATED");
	doorman_net_do(&net, "tickets", "approve", id);
	free(post("{\"legalName\":\"O=Bob, C=GB\",\"reason\":"
		  "\"KEY_COMPROMISE\",\"reporter\":\"bob\"}"));
	w = get(id);
	assert_string_equal(json_text(w.json, "reason"), "UNSPECIFIED");
	assert_true(cJSON_IsTrue(json_at(w.json, "worseReported")));
	web_free(&w);
	assert_int_equal(doorman_net_run(&net, "doorman", NULL, &out, list), 0);
	assert_non_null(strstr(out, "WORSE WAS REPORTED"));
	assert_non_null(strstr(out, id));
	free(out);
	doorman_net_do(&net, "tickets", "approve", id);
	w = get(id);
	assert_string_equal(json_text(w.json, "state"), "APPROVED");
	assert_string_equal(json_text(w.json, "reason"), "KEY_COMPROMISE");
	assert_null(cJSON_GetObjectItem(w.json, "worseReported"));
	web_free(&w);
	assert_int_equal(doorman_net_run(&net, "doorman", NULL, &out, list), 0);
	assert_null(strstr(out, id));
	free(out);
	assert_int_equal(
	    doorman_net_sign(&net, "sign doorman 3 +1\n", &out, "crl"), 0);
	free(out);
	doorman_net_await(&net, "certificate-revocation-request", id, "DONE");
	free(id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_troll_swallows_nothing),
	    cmocka_unit_test(certificates_leave_room_for_revocations),
	    cmocka_unit_test(a_proof_passes_ahead),
	    cmocka_unit_test(a_member_renews),
	    cmocka_unit_test(worse_news_are_approved_again),
	    cmocka_unit_test(officers_must_be_there),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
