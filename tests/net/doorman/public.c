/*
 * The doorman's public side: every combination of identifiers, every message
 * a person may read, the life cycle as it is told, and lists over HTTP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "tests/doorman/doorman_net.h"

#define REST "\"reason\":\"SUPERSEDED\",\"reporter\":\"ann\""

static struct doorman_net net;
static char *alice, *bob, *alice_serial, *bob_serial; /* requests' ids */

static int
setup(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	doorman_net_conf(&net, "max_open_certificate_requests = 3\n");
	doorman_net_start(&net);
	alice = doorman_net_enrol(&net, "alice", "/O=Alice/L=Paris/C=FR", "");
	bob = doorman_net_enrol(&net, "bob", "/O=Bob/L=London/C=GB", "");
	alice_serial = doorman_net_serial(&net, "alice");
	bob_serial = doorman_net_serial(&net, "bob");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	doorman_net_free(&net);
	free(alice);
	free(bob);
	free(alice_serial);
	free(bob_serial);
	return 0;
}

/* %A %B: serials; %a %b: request ids; %N %M: names. */
static char *
filled(const char *text)
{
	char *out = xcalloc(1, 4096), *o = out;

	for (const char *p = text; *p != '\0'; p++) {
		const char *v = NULL;

		if (*p == '%')
			switch (*++p) {
			case 'A':
				v = alice_serial;
				break;
			case 'B':
				v = bob_serial;
				break;
			case 'a':
				v = alice;
				break;
			case 'b':
				v = bob;
				break;
			case 'N':
				v = "C=FR, L=Paris, O=Alice";
				break;
			case 'M':
				v = "O=Bob, L=London, C=GB";
				break;
			}
		if (v != NULL)
			o += sprintf(o, "%s", v);
		else
			*o++ = *p;
	}
	return out;
}

static void
identifiers_must_agree(void **state)
{
	/* NULL: taken. All of the first block name Alice, so one id. */
	static const struct {
		const char *body, *says;
	} rows[] = {
	    {"{\"certificateSerialNumber\":\"0x%A\"," REST "}", NULL},
	    {"{\"csrRequestId\":\"%a\"," REST "}", NULL},
	    {"{\"legalName\":\"%N\"," REST "}", NULL},
	    {"{\"certificateSerialNumber\":\"0x%A\",\"csrRequestId\":\"%"
	     "a\"," REST "}",
		NULL},
	    {"{\"certificateSerialNumber\":\"0x%A\",\"legalName\":\"%N\"," REST
	     "}",
		NULL},
	    {"{\"csrRequestId\":\"%a\",\"legalName\":\"%N\"," REST "}", NULL},
	    {"{\"certificateSerialNumber\":\"0x%A\",\"csrRequestId\":\"%a\","
	     "\"legalName\":\"%N\"," REST "}",
		NULL},
	    {"{" REST "}", "which certificate?"},
	    {"{\"certificateSerialNumber\":\"0x%A\",\"csrRequestId\":\"%"
	     "b\"," REST "}",
		"do not agree"},
	    {"{\"certificateSerialNumber\":\"0x%A\",\"legalName\":\"%M\"," REST
	     "}",
		"do not agree"},
	    {"{\"csrRequestId\":\"%b\",\"legalName\":\"%N\"," REST "}",
		"do not agree"},
	    {"{\"certificateSerialNumber\":\"0x%A\",\"csrRequestId\":\"%a\","
	     "\"legalName\":\"%M\"," REST "}",
		"do not agree"},
	    {"{\"certificateSerialNumber\":\"12345\"," REST "}",
		"no certificate has the serial number 0x3039"},
	    {"{\"csrRequestId\":\"00000000000000000000000000000000"
	     "00000000000000000000000000000000\"," REST "}",
		"there is no certificate request 0000"},
	    {"{\"legalName\":\"O=Nobody\"," REST "}",
		"no certificate was issued to 'O=Nobody'"},
	    {"{\"legalName\":\"%M\",\"reason\":\"CA_COMPROMISE\","
	     "\"reporter\":\"x\"}",
		"use KEY_COMPROMISE"},
	    {"{\"legalName\":\"CN=Doorman CA, O=Private Network, C=GB\","
	     "\"reason\":\"KEY_COMPROMISE\",\"reporter\":\"x\"}",
		"use CA_COMPROMISE"},
	    {"{\"legalName\":\"%M\",\"reason\":\"CERTIFICATE_HOLD\","
	     "\"reporter\":\"x\"}",
		"'CERTIFICATE_HOLD' is not one of"},
	    {"{\"legalName\":\"%M\",\"reason\":\"SUPERSEDED\"}",
		"reporter is missing"},
	    {"not json", "not JSON"},
	};
	char *first = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *body = filled(rows[i].body), *text;
		long status = doorman_net_post(&net, body, &text);

		if (status != (rows[i].says == NULL ? 200 : 400))
			fail_msg("%s: %ld %s", body, status, text);
		if (rows[i].says != NULL && strstr(text, rows[i].says) == NULL)
			fail_msg("%s: %s", body, text);
		if (rows[i].says == NULL) {
			assert_int_equal(strlen(text), 64);
			assert_int_equal(strspn(text, "0123456789ABCDEF"), 64);
			if (first == NULL)
				first = xstrdup(text);
			/* Another request for a live one is that one. */
			assert_string_equal(text, first);
		}
		free(text);
		free(body);
	}
	free(first);
}

static void
a_rejected_request_may_be_made_again(void **state)
{
	char *one, *two, *three, *out;
	const char *body = "{\"legalName\":\"O=Bob, L=London, C=GB\"," REST "}";
	const char *again[] = {
	    "tickets", "approve", NULL, "-c", net.conf, NULL};

	(void)state;
	assert_int_equal(doorman_net_post(&net, body, &one), 200);
	doorman_net_do(&net, "tickets", "reject", one, "--by", "carol",
	    "--note", "not today");
	doorman_net_await(
	    &net, "certificate-revocation-request", one, "REJECTED");
	again[2] = one;
	doorman_net_says_args(
	    &net, 1, "awaits no decision: it is REJECTED", again);
	assert_int_equal(doorman_net_post(&net, body, &two), 200);
	assert_string_not_equal(one, two);
	doorman_net_do(&net, "tickets", "approve", two);
	doorman_net_await(
	    &net, "certificate-revocation-request", two, "APPROVED");
	/* Once signed it is still the same one, for ever. */
	assert_int_equal(
	    doorman_net_sign(&net, "sign doorman 2 +1\n", &out, "crl"), 0);
	free(out);
	doorman_net_await(&net, "certificate-revocation-request", two, "DONE");
	assert_int_equal(doorman_net_post(&net, body, &three), 200);
	assert_string_equal(two, three);
	free(one);
	free(two);
	free(three);
}

static void
history_is_told(void **state)
{
	static const char *const want[] = {
	    "NEW", "TICKET_CREATED", "APPROVED", "DONE"};
	char *id, *url;
	const cJSON *step;
	struct web w;
	int i = 0;

	(void)state;
	assert_int_equal(
	    doorman_net_post(&net,
		"{\"legalName\":\"O=Bob, L=London, C=GB\"," REST "}", &id),
	    200);
	url = xasprintf("%s/certificate-revocation-request/%s", net.url, id);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	assert_string_equal(json_text(w.json, "state"), "DONE");
	assert_string_equal(json_text(w.json, "reason"), "SUPERSEDED");
	assert_string_equal(json_text(w.json, "reporter"), "ann");
	assert_string_equal(json_text(w.json, "list"), "doorman");
	assert_int_equal(json_number(w.json, "crlNumber"), 2);
	cJSON_ArrayForEach(step, json_at(w.json, "history"))
	{
		assert_true(i < 4);
		assert_string_equal(json_text(step, "to"), want[i++]);
		assert_non_null(json_text(step, "at"));
		assert_true(strlen(json_text(step, "by")) > 0);
	}
	assert_int_equal(i, 4);
	web_free(&w);
	free(url);
	free(id);
}

static void
expect(const char *method, const char *path, const char *body, const char *type,
    long status, const char *says)
{
	char *url = xasprintf("%s%s", net.url, path);
	struct web w;

	web_request(&w, method, url, NULL, body, type);
	if (w.status != status || strstr(w.body, says) == NULL)
		fail_msg("%s %s: %ld '%s' %s", method, path, w.status, w.body,
		    w.error);
	web_free(&w);
	free(url);
}

static void
everything_else_is_answered_too(void **state)
{
	(void)state;
	expect("GET", "/", NULL, NULL, 404, "nothing here");
	expect("GET", "/certificate-revocation-request", NULL, NULL, 405,
	    "use POST");
	expect("POST", "/certificate-revocation-list/doorman", "x", NULL, 405,
	    "use GET");
	expect("GET", "/certificate-revocation-list/other", NULL, NULL, 404,
	    "no such list");
	expect("GET", "/certificate-revocation-list/doorman/delta", NULL, NULL,
	    404, "not been signed");
	expect("GET", "/certificate-revocation-request/zz", NULL, NULL, 400,
	    "64 hexadecimal digits");
	expect("GET",
	    "/certificate/00000000000000000000000000000000"
	    "00000000000000000000000000000000",
	    NULL, NULL, 404, "no such request");
	expect("POST", "/certificate-revocation-request", "{}", "text/html",
	    415, "application/json");
	expect("POST", "/certificate-revocation-request", "corda",
	    "application/octet-stream", 400, "does not begin with 'corda'");
	expect("POST", "/certificate-revocation-request",
	    "{\"legalName\":\"O=Nobody\"," REST "}",
	    "application/x-www-form-urlencoded", 400, "O=Nobody");
	expect("POST", "/certificate", "garbage", NULL, 400, "PKCS#10");
	expect("POST", "/certificate", "", NULL, 400, "PKCS#10");
}

static void
a_rejected_one_is_told(const char *id)
{
	struct web w;
	char *url;

	/* Nobody need wait for it; and it is told under its own kind only. */
	url = xasprintf("%s/certificate/%s", net.url, id);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 403);
	web_free(&w);
	free(url);
	url = xasprintf("%s/certificate-revocation-request/%s", net.url, id);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 404);
	web_free(&w);
	free(url);
	url = xasprintf("%s/certificate-request/%s", net.url, id);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	web_free(&w);
	free(url);
}

static void
certificate_requests_are_judged(void **state)
{
	char *csr = xasprintf("%s/alice.csr", net.dir);
	char *body, *id = doorman_net_csr(&net, "dora", "/O=Dora"), *out;
	char *revocation;
	char *url = xasprintf("%s/certificate", net.url);
	const char *argv[] = {"/usr/bin/openssl", "req", "-new", "-newkey",
	    "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
	    "x.key", "-subj", "/O=X", "-addext",
	    "basicConstraints=critical,CA:TRUE", "-out", "x.csr", NULL};
	struct web w;

	(void)state;
	/* Somebody asks for her revocation: anybody can. */
	body = file_need(csr, NULL);
	web_request(&w, "POST", url, NULL, body, NULL);
	assert_int_equal(w.status, 200);
	assert_string_equal(w.body, alice);
	web_free(&w);
	/* Her certificate is about to be revoked, and with it her key. */
	assert_int_equal(
	    doorman_net_post(&net,
		"{\"legalName\":\"O=Alice, L=Paris, C=FR\"," REST "}",
		&revocation),
	    200);
	doorman_net_do(&net, "tickets", "approve", revocation);
	free(revocation);
	web_request(&w, "POST", url, NULL, body, NULL);
	assert_int_equal(w.status, 400);
	assert_non_null(strstr(w.body, "make a new key"));
	web_free(&w);
	free(body);
	free(csr);
	/* The same request again is the same request. */
	csr = xasprintf("%s/dora.csr", net.dir);
	body = file_need(csr, NULL);
	web_request(&w, "POST", url, NULL, body, NULL);
	assert_int_equal(w.status, 200);
	assert_string_equal(w.body, id);
	web_free(&w);
	doorman_net_do(&net, "tickets", "reject", id);
	free(id);
	/* Changed after it was signed. */
	body[200] = body[200] == 'A' ? 'B' : 'A';
	web_request(&w, "POST", url, NULL, body, NULL);
	assert_int_equal(w.status, 400);
	web_free(&w);
	free(body);
	assert_int_equal(proc_run(argv, "x.log", WAIT_MS, NULL), 0);
	body = file_need("x.csr", NULL);
	web_request(&w, "POST", url, NULL, body, NULL);
	assert_int_equal(w.status, 400);
	assert_non_null(strstr(w.body, "asks to become a CA"));
	web_free(&w);
	free(body);
	/* Bob was revoked: he may come again, with a new key. */
	id = doorman_net_csr(&net, "bob2", "/O=Bob/L=London/C=GB");
	out = doorman_net_state(&net, "certificate", id);
	assert_true(
	    strcmp(out, "NEW") == 0 || strcmp(out, "TICKET_CREATED") == 0);
	free(out);
	doorman_net_do(&net, "tickets", "reject", id);
	out = doorman_net_state(&net, "certificate", id);
	assert_string_equal(out, "REJECTED");
	free(out);
	free(url);
	a_rejected_one_is_told(id);
	free(id);
	free(csr);
}

static void
too_many_open_requests_wait_outside(void **state)
{
	char *ids[4], *url = xasprintf("%s/certificate", net.url), *body;
	char name[32], subject[32];
	int n = 0;
	struct web w;

	(void)state;
	for (; n < 3; n++) {
		snprintf(name, sizeof(name), "many%d", n);
		snprintf(subject, sizeof(subject), "/O=Many %d", n);
		ids[n] = doorman_net_csr(&net, name, subject);
	}
	{
		const char *argv[] = {"/usr/bin/openssl", "req", "-new",
		    "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
		    "-nodes", "-keyout", "y.key", "-subj", "/O=Y", "-out",
		    "y.csr", NULL};

		assert_int_equal(proc_run(argv, "y.log", WAIT_MS, NULL), 0);
	}
	body = file_need("y.csr", NULL);
	web_request(&w, "POST", url, NULL, body, NULL);
	assert_int_equal(w.status, 503);
	assert_non_null(strstr(w.body, "3 requests are open"));
	web_free(&w);
	doorman_net_do(&net, "tickets", "reject", ids[0]);
	web_request(&w, "POST", url, NULL, body, NULL);
	assert_int_equal(w.status, 200);
	doorman_net_do(&net, "tickets", "reject", w.body);
	web_free(&w);
	for (int i = 1; i < n; i++)
		doorman_net_do(&net, "tickets", "reject", ids[i]);
	for (int i = 0; i < n; i++)
		free(ids[i]);
	free(body);
	free(url);
}

/* curl with one more header; the answer's head in *head. */
static long
with_header(const char *list, const char *line, char **type, char **etag,
    char **modified, size_t *len)
{
	char *url =
	    xasprintf("%s/certificate-revocation-list/%s", net.url, list);
	const char *argv[] = {"/usr/bin/curl", "-s", "-D", "head", "-o", "body",
	    "-H", line, url, NULL};
	char *head, *body;
	struct web w = {0};
	long status;

	assert_int_equal(proc_run(argv, "curl.log", WAIT_MS, NULL), 0);
	head = file_need("head", NULL);
	body = file_read("body", len);
	status = strtol(strchr(head, ' '), NULL, 10);
	w.head = head;
	*type = web_header(&w, "Content-Type");
	*etag = web_header(&w, "ETag");
	*modified = web_header(&w, "Last-Modified");
	if (body == NULL)
		*len = 0;
	free(body);
	remove("body");
	free(head);
	free(url);
	return status;
}

static void
lists_are_http(void **state)
{
	static const char *const lists[] = {"doorman", "root", "empty"};
	char *type, *etag, *modified, *line, *t2, *e2, *m2;
	size_t len;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(with_header(lists[i], "X: y", &type, &etag,
				     &modified, &len),
		    200);
		assert_string_equal(type, "application/pkcs7-crl");
		assert_true(len > 100);
		line = xasprintf("If-None-Match: %s", etag);
		assert_int_equal(
		    with_header(lists[i], line, &t2, &e2, &m2, &len), 304);
		assert_int_equal(len, 0);
		assert_string_equal(e2, etag);
		free(line);
		free(t2);
		free(e2);
		free(m2);
		line = xasprintf("If-Modified-Since: %s", modified);
		assert_int_equal(
		    with_header(lists[i], line, &t2, &e2, &m2, &len), 304);
		free(line);
		free(t2);
		free(e2);
		free(m2);
		assert_int_equal(
		    with_header(lists[i], "If-None-Match: \"other\"", &t2, &e2,
			&m2, &len),
		    200);
		free(t2);
		free(e2);
		free(m2);
		assert_int_equal(
		    with_header(lists[i], "Accept: application/pkix-crl", &t2,
			&e2, &m2, &len),
		    200);
		assert_string_equal(t2, "application/pkix-crl");
		free(t2);
		free(e2);
		free(m2);
		free(type);
		free(etag);
		free(modified);
	}
}

static void
before_the_first_there_is_none(void **state)
{
	struct doorman_net o;
	char *out;

	(void)state;
	doorman_net_init(
	    &o, "first", NULL, (const char *const[]){"--without-crl", NULL});
	doorman_net_start(&o);
	assert_int_equal(doorman_net_crl_number(&o, "doorman"), 0);
	assert_int_equal(
	    doorman_net_sign(&o, "", &out, "--unattended", "crl"), 1);
	assert_non_null(strstr(out, "signed by a person"));
	free(out);
	assert_int_equal(
	    doorman_net_sign(&o, "sign doorman 1 +0\n", &out, "crl"), 0);
	free(out);
	assert_int_equal(doorman_net_crl_number(&o, "doorman"), 1);
	doorman_net_free(&o);
}

/* A second service, or a second init, would do harm. */
static void
one_doorman_to_a_door(void **state)
{
	const char *serve[] = {"serve", "-c", net.conf, NULL};
	const char *init[] = {"init", "dm", NULL};

	(void)state;
	doorman_net_says_args(&net, 1, "serving", serve);
	doorman_net_says_args(&net, 1, "nothing is overwritten", init);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(identifiers_must_agree),
	    cmocka_unit_test(a_rejected_request_may_be_made_again),
	    cmocka_unit_test(history_is_told),
	    cmocka_unit_test(everything_else_is_answered_too),
	    cmocka_unit_test(certificate_requests_are_judged),
	    cmocka_unit_test(too_many_open_requests_wait_outside),
	    cmocka_unit_test(lists_are_http),
	    cmocka_unit_test(before_the_first_there_is_none),
	    cmocka_unit_test(one_doorman_to_a_door),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
