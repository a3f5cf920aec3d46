/*
 * Signing with a person: at a terminal, with a key in a token; what is shown,
 * what must be typed, what never appears. And who else may sit at the desk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/doorman/screen.h"
#include "tests/lib/softtoken.h"

#define PIN  SOFTTOKEN_PIN
#define REST "\"reason\":\"KEY_COMPROMISE\",\"reporter\":\"ann\""

static struct doorman_net net;

static int
setup(void **state)
{
	(void)state;
	softtoken_make("vault");
	doorman_net_init(&net, "dm", PIN "\n",
	    (const char *const[]){"--hsm",
		("module=" SOFTTOKEN_MODULE ";token=vault"), "--pin-fd", "0",
		"--delta", "--sign-listen", "127.0.0.1:0", NULL});
	doorman_net_start(&net);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	doorman_net_free(&net);
	return 0;
}

static void
a_person_signs_with_a_token(void **state)
{
	struct screen s;
	char *id, *revocation, *serial, *log, *row;

	(void)state;
	id = doorman_net_enrol(&net, "alice", "/O=Alice/C=FR", PIN);
	serial = doorman_net_serial(&net, "alice");
	assert_int_equal(
	    doorman_net_post(&net, "{\"legalName\":\"O=Alice, C=FR\"," REST "}",
		&revocation),
	    200);
	doorman_net_do(&net, "tickets", "approve", revocation, "--by", "carol");
	screen_open(&s, &net, (const char *const[]){"crl", NULL});
	assert_int_equal(screen_until(&s, "to sign: "), 1);
	/* What would be signed, before anything is asked for. */
	assert_non_null(strstr(s.text, "Current     number 1, 0 entries"));
	assert_non_null(strstr(s.text, "To sign     number 2, 1 entries"));
	assert_non_null(strstr(s.text, "Delta       base 1, 1 entries"));
	assert_non_null(strstr(s.text, "Difference  1 added, 0 removed"));
	row = strstr(s.text, serial);
	assert_non_null(row);
	assert_non_null(strstr(row, "KEY_COMPROMISE"));
	assert_non_null(strstr(row, "O=Alice, C=FR; ann; carol"));
	assert_non_null(strstr(s.text, "Type 'sign doorman 2 +1'"));
	screen_type(&s, "sign doorman 2 +1");
	assert_int_equal(screen_until(&s, "PIN of token 'vault': "), 1);
	screen_type(&s, PIN);
	assert_int_equal(screen_end(&s), 0);
	assert_non_null(strstr(s.text, "Published   list doorman number 2"));
	/* The PIN is nowhere: not on the screen, not in a log. */
	assert_null(strstr(s.text, PIN));
	log = proc_log(&net.serve);
	assert_null(strstr(log, PIN));
	free(log);
	doorman_net_await(
	    &net, "certificate-revocation-request", revocation, "DONE");
	assert_int_equal(doorman_net_crl_number(&net, "doorman"), 2);
	free(id);
	free(revocation);
	free(serial);
}

static void
anything_else_typed_signs_nothing(void **state)
{
	static const char *const wrong[] = {"yes", "", "sign doorman 3",
	    "sign doorman 2 +0", "sign doorman 3 +1", "SIGN DOORMAN 3 +0",
	    "sign doorman 3 +0 "};
	char *out;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char *input = xasprintf("%s\n" PIN "\n", wrong[i]);

		assert_int_equal(doorman_net_sign(&net, input, &out, "crl"), 4);
		assert_non_null(strstr(out, "was not typed"));
		free(out);
		free(input);
	}
	assert_int_equal(doorman_net_crl_number(&net, "doorman"), 2);
}

static void
a_wrong_pin_signs_nothing(void **state)
{
	char *out;

	(void)state;
	assert_int_equal(doorman_net_sign(&net, "sign doorman 3 +0\n00000000\n",
			     &out, "crl"),
	    1);
	assert_non_null(strstr(out, "the PIN is wrong"));
	assert_null(strstr(out, "00000000"));
	free(out);
	assert_int_equal(doorman_net_crl_number(&net, "doorman"), 2);
}

/* Nobody to ask, nothing asked explicitly: nothing is signed. */
static void
without_a_terminal_there_is_no_signature(void **state)
{
	const char *argv[] = {"/usr/bin/setsid", "--wait", NULL, "-c",
	    net.sign_conf, "crl", NULL};
	char *path = fixture_path("doorman-sign"), *out;

	(void)state;
	argv[2] = path;
	assert_int_equal(proc_run(argv, "setsid.log", WAIT_MS, &out), 4);
	assert_non_null(strstr(out, "there is no terminal to ask on"));
	free(out);
	free(path);
}

static void
unattended_reissues_and_revokes_nothing(void **state)
{
	char *id, *revocation, *out;

	(void)state;
	id = doorman_net_enrol(&net, "bob", "/O=Bob/C=GB", PIN);
	assert_int_equal(
	    doorman_net_post(&net, "{\"csrRequestId\":\"x\"," REST "}", &out),
	    400);
	free(out);
	assert_int_equal(
	    doorman_net_post(
		&net, "{\"legalName\":\"O=Bob, C=GB\"," REST "}", &revocation),
	    200);
	doorman_net_do(&net, "tickets", "approve", revocation);
	/* Not yet near its end. */
	assert_int_equal(doorman_net_sign(&net, PIN "\n", &out, "--unattended",
			     "--within", "10", "crl"),
	    3);
	free(out);
	assert_int_equal(
	    doorman_net_sign(&net, PIN "\n", &out, "--unattended", "crl"), 0);
	assert_non_null(strstr(out, "number 3, 0 revoked"));
	free(out);
	doorman_net_await(
	    &net, "certificate-revocation-request", revocation, "APPROVED");
	assert_int_equal(doorman_net_sign(&net, PIN "\n", &out, "--unattended",
			     "certificates"),
	    1);
	free(out);
	assert_int_equal(
	    doorman_net_sign(&net, "sign doorman 4 +1\n" PIN "\n", &out, "crl"),
	    0);
	free(out);
	free(revocation);
	free(id);
}

static X509_CRL *
get_list(const char *list)
{
	char *url =
	    xasprintf("%s/certificate-revocation-list/%s", net.url, list);
	const unsigned char *p;
	X509_CRL *crl;
	struct web w;

	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	p = (unsigned char *)w.body;
	crl = d2i_X509_CRL(NULL, &p, (long)w.len);
	assert_non_null(crl);
	web_free(&w);
	free(url);
	return crl;
}

/* Both kept, the delta goes on from its base: number 1. */
static void
deltas_are_published_beside(void **state)
{
	X509_CRL *full = get_list("doorman"),
		 *delta = get_list("doorman/delta");
	ASN1_INTEGER *base, *a, *b;
	ISSUING_DIST_POINT *idp;
	int critical;

	(void)state;
	base = X509_CRL_get_ext_d2i(delta, NID_delta_crl, &critical, NULL);
	a = X509_CRL_get_ext_d2i(full, NID_crl_number, NULL, NULL);
	b = X509_CRL_get_ext_d2i(delta, NID_crl_number, NULL, NULL);
	idp = X509_CRL_get_ext_d2i(
	    full, NID_issuing_distribution_point, NULL, NULL);
	assert_int_equal(ASN1_INTEGER_get(base), 1);
	assert_int_equal(critical, 1);
	assert_int_equal(ASN1_INTEGER_get(a), 4);
	assert_int_equal(ASN1_INTEGER_get(b), 4);
	assert_non_null(idp);
	assert_true(X509_CRL_get_ext_by_NID(full, NID_freshest_crl, -1) >= 0);
	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(full)), 2);
	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(delta)), 2);
	ASN1_INTEGER_free(base);
	ASN1_INTEGER_free(a);
	ASN1_INTEGER_free(b);
	ISSUING_DIST_POINT_free(idp);
	X509_CRL_free(full);
	X509_CRL_free(delta);
}

/* The root's list, and with it the doorman CA itself. */
static void
a_ca_is_revoked_by_the_root(void **state)
{
	char *id, *out;
	X509_CRL *crl;

	(void)state;
	assert_int_equal(
	    doorman_net_post(&net,
		"{\"legalName\":\"CN=Doorman CA, O=Private Network, C=GB\","
		"\"reason\":\"CA_COMPROMISE\",\"reporter\":\"ann\"}",
		&id),
	    200);
	doorman_net_do(&net, "tickets", "approve", id);
	assert_int_equal(doorman_net_sign(&net, "sign root 2 +1\n" PIN "\n",
			     &out, "crl", "root"),
	    0);
	free(out);
	crl = get_list("root");
	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 1);
	X509_CRL_free(crl);
	crl = get_list("empty");
	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), -1);
	X509_CRL_free(crl);
	free(id);
}

/* The desk. */

/* Who thinks keeps nobody waiting; who signs second comes too late. */
static void
a_prompt_does_not_hold_the_desk(void **state)
{
	struct screen s;
	char *out;

	(void)state;
	screen_open(&s, &net, (const char *const[]){"crl", NULL});
	assert_int_equal(screen_until(&s, "Type 'sign doorman 5 +0'"), 1);
	assert_int_equal(doorman_net_sign(&net, "", &out, "ping"), 0);
	free(out);
	assert_int_equal(
	    doorman_net_sign(&net, "sign doorman 5 +0\n" PIN "\n", &out, "crl"),
	    0);
	free(out);
	screen_type(&s, "sign doorman 5 +0");
	assert_int_equal(screen_until(&s, "PIN of token 'vault': "), 1);
	screen_type(&s, PIN);
	assert_int_equal(screen_end(&s), 1);
	assert_non_null(strstr(s.text, "CRL number 5 is not newer than 5"));
}

static char *
sign_port(void)
{
	char *log = proc_log(&net.serve);
	char *p = strstr(log, "sign-tls="), *port;

	assert_non_null(p);
	p += strlen("sign-tls=");
	port = xasprintf("%.*s", (int)strcspn(p, " \n"), p);
	free(log);
	return port;
}

static int
sign_over_tls(const char *more, char **out)
{
	char *conf = file_need(net.sign_conf, NULL), *p, *copy;
	char *where = sign_port(), *path = fixture_path("doorman-sign");
	const char *argv[] = {path, "-c", "dm/tls.conf", "ping", NULL};
	int rc;

	p = strchr(strstr(conf, "service = "), '\n');
	copy = xasprintf("service = tls:%s\n%s%s", where, more, p + 1);
	file_write("dm/tls.conf", copy, strlen(copy));
	rc = proc_run(argv, "tls.log", WAIT_MS, out);
	free(copy);
	free(conf);
	free(where);
	free(path);
	return rc;
}

static void
over_tls_both_sides_are_known(void **state)
{
	char *out, *line;

	(void)state;
	if (sign_over_tls("", &out) != 0)
		fail_msg("%s", out);
	free(out);
	/* A certificate of the public CAs, or the service's own: no. */
	proc_mark(&net.serve);
	assert_int_equal(sign_over_tls("tls_cert = alice.pem\n"
				       "tls_key = alice.key\n",
			     &out),
	    1);
	free(out);
	line = proc_await(&net.serve, "signer refused", WAIT_MS);
	assert_non_null(line);
	free(line);
	assert_int_equal(sign_over_tls("tls_cert = internal/service.pem\n"
				       "tls_key = internal/service-key.pem\n",
			     &out),
	    1);
	free(out);
	line = proc_await(&net.serve, "signer refused", WAIT_MS);
	assert_non_null(line);
	free(line);
	/* A service that is somebody else: the signer says no. */
	assert_int_equal(sign_over_tls("tls_peer = another\n", &out), 1);
	assert_non_null(strstr(out, "handshake with the doorman failed"));
	free(out);
	assert_int_equal(sign_over_tls("tls_ca = ca/root.pem\n", &out), 1);
	free(out);
}

static void
a_key_file_may_be_encrypted(void **state)
{
	struct doorman_net o;
	struct screen s;
	char *out, *keep = net.sign_conf, *pem;

	(void)state;
	doorman_net_init(&o, "enc", "open sesame\n",
	    (const char *const[]){"--encrypt", "--pin-fd", "0", NULL});
	pem = file_need("enc/ca/doorman-key.pem", NULL);
	assert_non_null(strstr(pem, "BEGIN ENCRYPTED PRIVATE KEY"));
	free(pem);
	doorman_net_start(&o);
	assert_int_equal(doorman_net_sign(&o,
			     "sign doorman 2 +0\nwrong words\n", &out, "crl"),
	    1);
	assert_non_null(strstr(out, "the passphrase is wrong"));
	free(out);
	net.sign_conf = o.sign_conf;
	screen_open(&s, &net, (const char *const[]){"crl", NULL});
	net.sign_conf = keep;
	assert_int_equal(screen_until(&s, "to sign: "), 1);
	screen_type(&s, "sign doorman 2 +0");
	assert_int_equal(screen_until(&s, "Passphrase of "), 1);
	screen_type(&s, "open sesame");
	assert_int_equal(screen_end(&s), 0);
	assert_null(strstr(s.text, "open sesame"));
	assert_int_equal(doorman_net_crl_number(&o, "doorman"), 2);
	doorman_net_free(&o);
}

/* Another CA's key in the configuration never gets as far as the service. */
static void
the_key_must_be_the_ca_s(void **state)
{
	struct doorman_net o;
	char *out;

	(void)state;
	doorman_net_init(&o, "keys", NULL, NULL);
	doorman_net_start(&o);
	{
		const char *argv[] = {"/bin/cp", "keys/ca/root-key.pem",
		    "keys/ca/doorman-key.pem", NULL};

		assert_int_equal(proc_run(argv, "cp.log", WAIT_MS, NULL), 0);
	}
	assert_int_equal(
	    doorman_net_sign(&o, "sign doorman 2 +0\n", &out, "crl"), 1);
	assert_non_null(strstr(out, "is not that of the CA certificate"));
	free(out);
	doorman_net_free(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_person_signs_with_a_token),
	    cmocka_unit_test(anything_else_typed_signs_nothing),
	    cmocka_unit_test(a_wrong_pin_signs_nothing),
	    cmocka_unit_test(without_a_terminal_there_is_no_signature),
	    cmocka_unit_test(unattended_reissues_and_revokes_nothing),
	    cmocka_unit_test(deltas_are_published_beside),
	    cmocka_unit_test(a_ca_is_revoked_by_the_root),
	    cmocka_unit_test(a_prompt_does_not_hold_the_desk),
	    cmocka_unit_test(over_tls_both_sides_are_known),
	    cmocka_unit_test(a_key_file_may_be_encrypted),
	    cmocka_unit_test(the_key_must_be_the_ca_s),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
