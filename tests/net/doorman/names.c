/*
 * A doorman as init made it, and what strangers wish to be called: what is
 * refused at the door, and that what is not is seen by approver and signer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/doorman/doorman_net.h"

static struct doorman_net net;

static int
setup(void **state)
{
	(void)state;
	doorman_net_init_corda(&net, "dm", NULL, NULL);
	doorman_net_conf(&net, "allow_names = names.txt\n");
	file_write("dm/names.txt", "", 0);
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

/* The operator writes the file, and has the service started anew. */
static void
allow(const char *lines)
{
	file_write("dm/names.txt", lines, strlen(lines));
	doorman_net_stop(&net);
	doorman_net_start(&net);
}

/* Requests. */

/* PEM of a request of a new key for O in C=GB: any bytes, any length. */
static char *
csr_of(const char *organisation, const char *names)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = X509_NAME_new();
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	BIO *mem = BIO_new(BIO_s_mem());
	char *data, *pem;
	long len;

	X509_NAME_add_entry_by_NID(name, NID_countryName,
	    V_ASN1_PRINTABLESTRING, (const unsigned char *)"GB", 2, -1, 0);
	X509_NAME_add_entry_by_NID(name, NID_organizationName,
	    V_ASN1_UTF8STRING, (const unsigned char *)organisation, -1, -1, 0);
	X509_REQ_set_subject_name(req, name);
	X509_REQ_set_pubkey(req, key);
	if (names != NULL) {
		X509_EXTENSION *e = X509V3_EXT_conf_nid(
		    NULL, NULL, NID_subject_alt_name, names);

		assert_non_null(e);
		sk_X509_EXTENSION_push(list, e);
		assert_int_equal(X509_REQ_add_extensions(req, list), 1);
	}
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509_REQ(mem, req), 1);
	len = BIO_get_mem_data(mem, &data);
	pem = xasprintf("%.*s", (int)len, data);
	BIO_free(mem);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_NAME_free(name);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	return pem;
}

/* The answer to a request: an id with 200, a sentence with 400. */
static char *
asked(const char *organisation, const char *names, long status)
{
	char *url = xasprintf("%s/certificate", net.url);
	char *pem = csr_of(organisation, names), *text;
	struct web w;

	web_request(&w, "POST", url, NULL, pem, "application/pkcs10");
	if (w.status != status)
		fail_msg("%s %s: %ld %s", organisation,
		    names != NULL ? names : "-", w.status, w.body);
	text = xstrdup(w.body);
	web_free(&w);
	free(pem);
	free(url);
	return text;
}

static void
is_refused(const char *organisation, const char *names, const char *says)
{
	char *text = asked(organisation, names, 400);

	if (strstr(text, says) == NULL)
		fail_msg("no '%s' in: %s", says, text);
	free(text);
}

static char *
listed(void)
{
	const char *argv[] = {"tickets", "list", "-c", net.conf, NULL};
	char *out;

	assert_int_equal(doorman_net_run(&net, "doorman", NULL, &out, argv), 0);
	return out;
}

/* Approved, signed, and handed out. */
static X509 *
issued(const char *id, char **shown)
{
	char *url = xasprintf("%s/certificate/%s", net.url, id);
	struct web w;
	X509 *cert;
	BIO *in;

	doorman_net_do(&net, "tickets", "approve", id);
	if (doorman_net_sign(
		&net, "sign certificates +1\n", shown, "certificates") != 0)
		fail_msg("%s", *shown);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	in = BIO_new_mem_buf(w.body, (int)w.len);
	cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
	assert_non_null(cert);
	BIO_free(in);
	web_free(&w);
	free(url);
	return cert;
}

/* The tests. */

static void
names_are_shown_before_they_are_signed(void **state)
{
	static const char names[] =
	    "DNS:bank.example,DNS:xn--bnk-sra.example,IP:10.0.0.1";
	static const char row[] =
	    "O=Mallory, C=GB; DNS bank.example, DNS xn--bnk-sra.example "
	    "(b\xc4\x99nk.example), IP 10.0.0.1; EC P-256; ";
	char *id, *out, *url;
	const cJSON *list;
	struct web w;
	X509 *cert;

	(void)state;
	is_refused("Mallory", "DNS:bank.example,DNS:*.corda.net,IP:10.0.0.1",
	    "DNS *.corda.net is a wildcard");
	/* What was tried is seen, and cannot be approved. */
	out = listed();
	if (strstr(out,
		"O=Mallory, C=GB; DNS bank.example, DNS *.corda.net, "
		"IP 10.0.0.1; EC P-256; 127.0.0.1; DNS *.corda.net") == NULL)
		fail_msg("%s", out);
	free(out);
	id = asked("Mallory", names, 200);
	out = listed();
	if (strstr(out, row) == NULL)
		fail_msg("%s", out);
	free(out);
	url = xasprintf("%s/certificate-request/%s", net.url, id);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	list = json_at(w.json, "names");
	assert_int_equal(cJSON_GetArraySize(list), 3);
	assert_string_equal(
	    json_text(cJSON_GetArrayItem(list, 0), "type"), "DNS");
	assert_string_equal(
	    json_text(cJSON_GetArrayItem(list, 0), "value"), "bank.example");
	assert_string_equal(
	    json_text(cJSON_GetArrayItem(list, 2), "type"), "IP");
	assert_string_equal(
	    json_text(cJSON_GetArrayItem(list, 2), "value"), "10.0.0.1");
	assert_string_equal(json_text(w.json, "key"), "EC P-256");
	assert_string_equal(
	    json_text(w.json, "signature"), "ecdsa-with-SHA256");
	web_free(&w);
	cert = issued(id, &out);
	if (strstr(out, "DNS bank.example") == NULL ||
	    strstr(out, "IP 10.0.0.1") == NULL)
		fail_msg("%s", out);
	assert_int_equal(X509_check_host(cert, "bank.example", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(cert, "10.0.0.1", 0), 1);
	X509_free(cert);
	free(out);
	free(url);
	free(id);
}

static void
what_is_special_needs_a_word(void **state)
{
	static const struct {
		const char *names, *says;
	} rows[] = {
	    {"DNS:*.example.com", "wildcard"},
	    {"DNS:*.*", "no DNS name"},
	    {"DNS:a..b", "no DNS name"},
	    {"DNS:a b", "no DNS name"},
	    {"DNS:localhost", "loopback"},
	    {"DNS:x.localhost", "loopback"},
	    {"DNS:printer", "single label"},
	    {"DNS:127.0.0.1", "no DNS name"},
	    {"IP:0.0.0.0", "unspecified"},
	    {"IP:127.0.0.1", "loopback"},
	    {"IP:::1", "loopback"},
	    {"IP:::ffff:127.0.0.1", "written as IPv6"},
	    {"IP:169.254.169.254", "link-local"},
	    {"IP:255.255.255.255", "broadcast"},
	};
	char *id;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_refused("Carol", rows[i].names, rows[i].says);
	/* No word helps what is no name. */
	allow("O=Carol, C=GB | *.example.com localhost 127.0.0.0/8\n");
	id =
	    asked("Carol", "DNS:*.example.com,DNS:localhost,IP:127.0.0.1", 200);
	free(id);
	is_refused("Dave", "DNS:localhost", "loopback");
	is_refused("Carol", "DNS:a..b", "no DNS name");
}

/* A member's host is a member's; asking for it first makes nobody one. */
static void
a_host_has_one_holder(void **state)
{
	char *squatter = asked("Squatter", "DNS:frank.example", 200), *frank;
	const char *approve[] = {
	    "tickets", "approve", squatter, "-c", net.conf, NULL};
	char *out;

	(void)state;
	frank = asked("Frank", "DNS:frank.example", 200);
	X509_free(issued(frank, &out));
	free(out);
	doorman_net_says_args(
	    &net, 1, "a name that another member holds", approve);
	is_refused("Eve", "DNS:FRANK.example", "that another member holds");
	is_refused("FRANK", NULL, "looks like that of a member");
	allow("O=Eve, C=GB | frank.example\n");
	free(asked("Eve", "DNS:frank.example", 200));
	free(squatter);
	free(frank);
}

static void
the_network_s_names_are_its_own(void **state)
{
	(void)state;
	is_refused("Private Network", NULL, "is reserved");
	is_refused("PRIVATE Network", NULL, "is reserved");
	is_refused("Private Netw0rk", NULL, "is reserved");
}

static void
text_that_is_not_plain_is_refused(void **state)
{
	char *url = xasprintf("%s/certificate-revocation-request", net.url);
	struct web w;

	(void)state;
	is_refused("Good\xc2\x9b"
		   "1A\xc2\x9b"
		   "2K",
	    NULL, "control character (U+009B)");
	is_refused(
	    "Foo\xe2\x80\xaegnp.exe", NULL, "bidirectional control (U+202E)");
	is_refused(
	    "Zero\xe2\x80\x8bWidth", NULL, "invisible character (U+200B)");
	is_refused("B\xd0\xb0nk", NULL, "mixes scripts");
	web_request(&w, "POST", url, NULL,
	    "{\"legalName\":\"CN=Doorman OCSP, O=Private Network, C=GB\","
	    "\"reason\":\"SUPERSEDED\",\"reporter\":\"a\233[2J\377\"}",
	    "application/json");
	assert_int_equal(w.status, 400);
	assert_string_equal(w.body, "the body is not UTF-8");
	web_free(&w);
	free(url);
}

/* It was taken, approved, and then stopped the signer for good. */
static void
what_cannot_be_signed_is_not_taken(void **state)
{
	char *id, *out;

	(void)state;
	is_refused("Poison ", NULL, "begins or ends with a blank");
	is_refused(" Poison", NULL, "begins or ends with a blank");
	is_refused("Two  blanks", NULL, "has two blanks");
	id = asked("Gina", NULL, 200);
	X509_free(issued(id, &out));
	free(out);
	free(id);
}

/* Corda's longest organisation, from the request to the list. */
static void
a_long_name_lives(void **state)
{
	static const char *const letters[] = {"x", "\xe6\x9d\xb1"};

	(void)state;
	is_refused("x", NULL, "O has 1 letters; 2 to 128 are taken");
	for (size_t i = 0; i < 2; i++) {
		char o[400] = "", *id, *out, *json, *text, *confirm;
		X509_NAME *name;
		X509 *cert;

		for (int n = 0; n < 128; n++)
			strcat(o, letters[i]);
		id = asked(o, NULL, 200);
		cert = issued(id, &out);
		free(out);
		name = X509_get_subject_name(cert);
		assert_int_equal(ASN1_STRING_length(X509_NAME_ENTRY_get_data(
				     X509_NAME_get_entry(name, 0))),
		    strlen(o));
		X509_free(cert);
		json = xasprintf("{\"legalName\":\"O=%s, C=GB\","
				 "\"reason\":\"SUPERSEDED\",\"reporter\":"
				 "\"troll; approved by carol\"}",
		    o);
		if (doorman_net_post(&net, json, &text) != 200)
			fail_msg("%s", text);
		doorman_net_do(&net, "tickets", "approve", text);
		confirm = xasprintf("sign doorman %zu +1\n", i + 2);
		if (doorman_net_sign(&net, confirm, &out, "crl") != 0)
			fail_msg("%s", out);
		/* The name is whole, and the reporter fills one column. */
		assert_non_null(strstr(out, o));
		if (strstr(out, "; \"troll\\u{3B} approved by carol\"") == NULL)
			fail_msg("%s", out);
		free(out);
		doorman_net_await(
		    &net, "certificate-revocation-request", text, "DONE");
		free(confirm);
		free(text);
		free(json);
		free(id);
	}
}

/* A person cannot sign for what is not shown: no row is left out. */
static void
the_table_is_whole(void **state)
{
	const char *argv[] = {"-c", net.sign_conf, "show", NULL};
	char *out, *p;
	int rows = 0;

	(void)state;
	doorman_net_sql(&net,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n"
	    " WHERE i<1234) INSERT INTO request(id, kind, state, subject,"
	    " created_at, approved_at, approved_by, list, serial, reason,"
	    " reporter) SELECT printf('%064X', i), 'revocation', 'APPROVED',"
	    " 'O=Row '||i||', C=GB', 1, 1700000000, 'carol', 'doorman',"
	    " printf('AB%04X', i), 1, 'ann' FROM n");
	if (doorman_net_run(&net, "doorman-sign", NULL, &out, argv) != 0)
		fail_msg("%s", out);
	for (p = out; (p = strstr(p, "\n+ AB")) != NULL; p++)
		rows++;
	if (rows != 1234 || strstr(out, "O=Row 1234, C=GB; ann; carol") == NULL)
		fail_msg("%d rows: %.2000s", rows, out);
	free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_shown_before_they_are_signed),
	    cmocka_unit_test(what_is_special_needs_a_word),
	    cmocka_unit_test(a_host_has_one_holder),
	    cmocka_unit_test(the_network_s_names_are_its_own),
	    cmocka_unit_test(text_that_is_not_plain_is_refused),
	    cmocka_unit_test(what_cannot_be_signed_is_not_taken),
	    cmocka_unit_test(a_long_name_lives),
	    cmocka_unit_test(the_table_is_whole),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
