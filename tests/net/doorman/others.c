/*
 * What others make of it: lists read by openssl, certtool and Java, OCSP
 * answers by openssl and Java, from our own responder and from the real
 * `openssl ocsp` fed with the index.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "tests/doorman/doorman_net.h"

#define REST "\"reason\":\"PRIVILEGE_WITHDRAWN\",\"reporter\":\"ann\""

static struct doorman_net net;
static struct proc builtin, real;
static char *builtin_url, *real_url, *serial;

static char *
ocsp_start(struct proc *p, const char *conf, const char *log)
{
	char *path = fixture_path("doorman"), *line, *where, *url;
	const char *argv[] = {path, "ocsp", "-c", conf, NULL};

	proc_start(p, "ocsp", log, argv);
	line = proc_await(p, "ready ocsp=", WAIT_MS);
	if (line == NULL)
		fail_msg("%s", proc_log_end(p));
	where = line_value(line, "ocsp");
	url = xasprintf("http://%s", where);
	free(where);
	free(line);
	free(path);
	return url;
}

static int
setup(void **state)
{
	char *conf, *copy, *id;

	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	doorman_net_start(&net);
	id = doorman_net_enrol(&net, "alice", "/O=Alice/C=FR", "");
	free(id);
	serial = doorman_net_serial(&net, "alice");
	conf = file_need(net.conf, NULL);
	copy = xasprintf("%socsp_engine = openssl\nocsp_index = index\n", conf);
	file_write("dm/real.conf", copy, strlen(copy));
	free(copy);
	free(conf);
	builtin_url = ocsp_start(&builtin, net.conf, "builtin.log");
	real_url = ocsp_start(&real, "dm/real.conf", "real.log");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(proc_stop(&builtin, WAIT_MS), 0);
	assert_int_equal(proc_stop(&real, WAIT_MS), 0);
	proc_cleanup(&builtin);
	proc_cleanup(&real);
	free(builtin_url);
	free(real_url);
	free(serial);
	doorman_net_free(&net);
	return 0;
}

/* What `openssl ocsp` as a client says; it must also verify. */
static void
openssl_says(const char *url, const char *issuer, const char *cert,
    const char *hash, const char *want)
{
	const char *argv[] = {"/usr/bin/openssl", "ocsp", hash, "-issuer",
	    issuer, cert[0] == '0' ? "-serial" : "-cert", cert, "-url", url,
	    "-CAfile", "dm/ca/root.pem", "-verify_other", "dm/ca/doorman.pem",
	    NULL};
	char *out, *line = xasprintf("%s: %s", cert, want);

	remove("ask.log");
	if (proc_run(argv, "ask.log", WAIT_MS, &out) != 0 ||
	    strstr(out, "Response verify OK") == NULL ||
	    strstr(out, line) == NULL)
		fail_msg("%s: not '%s': %s", url, line, out);
	free(line);
	free(out);
}

static void
fetch(const char *list, const char *path)
{
	char *url =
	    xasprintf("%s/certificate-revocation-list/%s", net.url, list);
	struct web w;

	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	file_write(path, w.body, w.len);
	web_free(&w);
	free(url);
}

static void
good_before(void **state)
{
	(void)state;
	openssl_says(
	    builtin_url, "dm/ca/doorman.pem", "dm/alice.pem", "-sha1", "good");
	openssl_says(builtin_url, "dm/ca/doorman.pem", "dm/alice.pem",
	    "-sha256", "good");
	openssl_says(builtin_url, "dm/ca/root.pem", "dm/ca/doorman.pem",
	    "-sha1", "good");
	openssl_says(
	    real_url, "dm/ca/doorman.pem", "dm/alice.pem", "-sha1", "good");
	openssl_says(
	    real_url, "dm/ca/root.pem", "dm/ca/doorman.pem", "-sha1", "good");
	/* Never issued. */
	openssl_says(
	    builtin_url, "dm/ca/doorman.pem", "0x1234", "-sha1", "unknown");
	openssl_says(
	    real_url, "dm/ca/doorman.pem", "0x1234", "-sha1", "unknown");
}

/*
 * Asks until the answer is revoked. The second is the promise; that a busy
 * machine may keep one question waiting longer is no failure, so the time is
 * told and only a responder that never learns fails.
 */
static void
revoked_soon(const char *url, const struct timespec *from)
{
	const char *argv[] = {"/usr/bin/openssl", "ocsp", "-issuer",
	    "dm/ca/doorman.pem", "-cert", "dm/alice.pem", "-url", url,
	    "-noverify", NULL};
	struct timespec now;
	char *out;
	bool revoked = false;

	while (!revoked) {
		remove("soon.log");
		assert_int_equal(proc_run(argv, "soon.log", WAIT_MS, &out), 0);
		revoked = strstr(out, "dm/alice.pem: revoked") != NULL;
		free(out);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - from->tv_sec > WAIT_MS / 1000)
			fail_msg("never revoked at %s", url);
	}
	fprintf(stderr, "revoked at %s after %.3f s\n", url,
	    (double)(now.tv_sec - from->tv_sec) +
		(double)(now.tv_nsec - from->tv_nsec) / 1e9);
}

static void
revoked_within_a_second(void **state)
{
	struct timespec from;
	char *id, *out;

	(void)state;
	assert_int_equal(doorman_net_post(&net,
			     "{\"legalName\":\"O=Alice, C=FR\"," REST "}", &id),
	    200);
	doorman_net_do(&net, "tickets", "approve", id);
	assert_int_equal(
	    doorman_net_sign(&net, "sign doorman 2 +1\n", &out, "crl"), 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	revoked_soon(builtin_url, &from);
	revoked_soon(real_url, &from);
	openssl_says(builtin_url, "dm/ca/doorman.pem", "dm/alice.pem", "-sha1",
	    "revoked");
	openssl_says(
	    real_url, "dm/ca/doorman.pem", "dm/alice.pem", "-sha1", "revoked");
	free(out);
	free(id);
}

static void
openssl_and_certtool_read_the_list(void **state)
{
	const char *openssl[] = {"/usr/bin/openssl", "crl", "-inform", "DER",
	    "-in", "list.der", "-noout", "-text", "-CAfile",
	    "dm/ca/doorman.pem", NULL};
	const char *certtool[] = {"/usr/bin/certtool", "--inder", "--crl-info",
	    "--infile", "list.der", NULL};
	const char *pem[] = {"/usr/bin/openssl", "crl", "-inform", "DER", "-in",
	    "list.der", "-out", "list.pem", NULL};
	const char *verify[] = {"/usr/bin/certtool", "--verify-crl",
	    "--load-ca-certificate", "dm/ca/doorman.pem", "--infile",
	    "list.pem", NULL};
	char *out;

	(void)state;
	fetch("doorman", "list.der");
	assert_int_equal(proc_run(openssl, "crl.log", WAIT_MS, &out), 0);
	assert_non_null(strstr(out, "verify OK"));
	assert_non_null(strstr(out, "Privilege Withdrawn"));
	assert_non_null(strstr(out, serial));
	assert_non_null(
	    strstr(out, "X509v3 Issuing Distribution Point: critical"));
	free(out);
	assert_int_equal(proc_run(certtool, "certtool.log", WAIT_MS, &out), 0);
	assert_non_null(strstr(out, "Revoked certificates (1)"));
	free(out);
	assert_int_equal(proc_run(pem, "pem.log", WAIT_MS, NULL), 0);
	assert_int_equal(proc_run(verify, "verify.log", WAIT_MS, &out), 0);
	assert_non_null(strstr(out, "Verified"));
	free(out);
}

static void
java_reads_the_list(void **state)
{
	(void)state;
	if (!have_java()) {
		print_message("# skip: no java here\n");
		skip();
	}
	fetch("doorman", "list.der");
	java_says((const char *const[]){"crl", "list.der", "dm/ca/doorman.pem",
	    serial, "PRIVILEGE_WITHDRAWN", NULL});
}

static void
java_believes_the_answers(void **state)
{
	char *id;

	(void)state;
	if (!have_java()) {
		print_message("# skip: no java here\n");
		skip();
	}
	id = doorman_net_enrol(&net, "bob", "/O=Bob/C=FR", "");
	java_says((const char *const[]){"ocsp", builtin_url, "dm/bob.pem",
	    "dm/ca/doorman.pem", "dm/ca/root.pem", "good", NULL});
	java_says((const char *const[]){"ocsp", builtin_url, "dm/alice.pem",
	    "dm/ca/doorman.pem", "dm/ca/root.pem", "revoked", NULL});
	java_says((const char *const[]){"ocsp", real_url, "dm/alice.pem",
	    "dm/ca/doorman.pem", "dm/ca/root.pem", "revoked", NULL});
	free(id);
}

static void
nonsense_is_answered(void **state)
{
	struct web w;
	char *url = xasprintf("%s/AAAA", builtin_url);

	(void)state;
	web_request(&w, "POST", builtin_url, NULL, "nonsense",
	    "application/ocsp-request");
	assert_int_equal(w.status, 200);
	/* OCSPResponse { malformedRequest } */
	assert_int_equal(w.len, 5);
	assert_memory_equal(w.body, "\x30\x03\x0a\x01\x01", 5);
	web_free(&w);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.len, 5);
	web_free(&w);
	free(url);
}

/* `empty` as an indirect list, as Corda's nodes name it in certificates. */
static void
the_empty_list_is_indirect(void **state)
{
	static const char conf[] = "empty_indirect = yes\n";
	const char *text[] = {"/usr/bin/openssl", "crl", "-inform", "DER",
	    "-in", "empty.der", "-noout", "-text", "-CAfile", "dm/ca/root.pem",
	    NULL};
	const char *certtool[] = {"/usr/bin/certtool", "--inder", "--crl-info",
	    "--infile", "empty.der", NULL};
	char *out;

	(void)state;
	doorman_net_sign_conf(&net, conf);
	/* Both must say so. */
	assert_int_equal(
	    doorman_net_sign(&net, "sign empty 2 +0\n", &out, "crl", "empty"),
	    1);
	assert_non_null(strstr(out, "the CRL is an indirect one"));
	free(out);
	doorman_net_stop(&net);
	doorman_net_conf(&net, conf);
	doorman_net_start(&net);
	assert_int_equal(
	    doorman_net_sign(&net, "sign empty 2 +0\n", &out, "crl", "empty"),
	    0);
	free(out);
	fetch("empty", "empty.der");
	assert_int_equal(proc_run(text, "empty.log", WAIT_MS, &out), 0);
	assert_non_null(strstr(out, "verify OK"));
	assert_non_null(strstr(out, "Indirect CRL"));
	assert_non_null(strstr(out, "No Revoked Certificates"));
	free(out);
	assert_int_equal(proc_run(certtool, "empty2.log", WAIT_MS, &out), 0);
	assert_non_null(strstr(out, "No revoked certificates"));
	free(out);
	/* The others are as they were. */
	assert_int_equal(
	    doorman_net_sign(&net, "sign root 2 +0\n", &out, "crl", "root"), 0);
	free(out);
	if (have_java())
		java_says((const char *const[]){
		    "indirect", "empty.der", "dm/ca/root.pem", NULL});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_before),
	    cmocka_unit_test(revoked_within_a_second),
	    cmocka_unit_test(openssl_and_certtool_read_the_list),
	    cmocka_unit_test(java_reads_the_list),
	    cmocka_unit_test(java_believes_the_answers),
	    cmocka_unit_test(nonsense_is_answered),
	    cmocka_unit_test(the_empty_list_is_indirect),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
