/*
 * Taking over: a CA that `openssl ca` has run, with its certificates and its
 * last list, goes on as a doorman's. Each form of list that other software
 * writes; and certtool's.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "tests/doorman/doorman_net.h"
#include "tests/doorman/openssl_ca.h"

#define ALICE "/CN=Alice/O=Alice/C=GB"

static struct openssl_ca root, old;

/* The CA before: three certificates, of which two are revoked. */
static int
setup(void **state)
{
	const char *csr = "old.csr";

	(void)state;
	openssl_ca_make(&root, "root", "/CN=Old Root/O=Net/C=GB", "rsa", NULL);
	openssl_ca_make(&old, "old", "/CN=Old Doorman/O=Net/C=GB", "ec", NULL);
	openssl(NULL, "req", "-new", "-key", "old/ca.key", "-subj",
	    "/CN=Old Doorman/O=Net/C=GB", "-addext",
	    "basicConstraints=critical,CA:TRUE", "-addext",
	    "keyUsage=critical,keyCertSign,cRLSign", "-out", csr);
	openssl_ca_sign(&root, csr, "old/ca.pem", "sub_ca", "1000");
	openssl_ca_issue(&old, ALICE, "alice.pem");
	openssl_ca_issue(&old, "/CN=Bob/O=Bob/C=GB", "bob.pem");
	openssl_ca_issue(&old, "/CN=Carol/O=Carol/C=GB", "carol.pem");
	openssl("Database updated", "ca", "-config", "old/ca.cnf", "-revoke",
	    "bob.pem", "-crl_compromise", "20260101000000Z");
	openssl("Database updated", "ca", "-config", "old/ca.cnf", "-revoke",
	    "carol.pem");
	openssl_ca_list(&root, "root.crl", "plain");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	openssl_ca_free(&root);
	openssl_ca_free(&old);
	return 0;
}

static void
take_over(struct doorman_net *o, const char *dir)
{
	doorman_net_init(o, dir, NULL,
	    (const char *const[]){"--root", "root/ca.pem", "--doorman",
		"old/ca.pem", "--doorman-key", "file:old/ca.key", "--delta",
		"--name", "O=Net, C=GB", NULL});
	doorman_net_says(o, 0, "list root number", "import-crl", "root",
	    "root.crl", "-c", o->conf);
}

static void
fetch(const struct doorman_net *o, const char *what, long status,
    const char *path)
{
	char *url =
	    xasprintf("%s/certificate-revocation-list/%s", o->url, what);
	struct web w;

	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, status);
	if (path != NULL)
		file_write(path, w.body, w.len);
	web_free(&w);
	free(url);
}

/* What openssl prints of a list's entries; free it. */
static char *
entries_of(const char *path, const char *form)
{
	const char *argv[] = {"/usr/bin/openssl", "crl", "-inform", form, "-in",
	    path, "-noout", "-text", NULL};
	char *out, *from, *to, *copy;

	remove("entries.log");
	assert_int_equal(proc_run(argv, "entries.log", WAIT_MS, &out), 0);
	from = strstr(out, "Revoked Certificates:");
	assert_non_null(from);
	to = strstr(from, "    Signature Algorithm:");
	assert_non_null(to);
	copy = xasprintf("%.*s", (int)(to - from), from);
	free(out);
	return copy;
}

static void
sign_list(struct doorman_net *o, int number, int added)
{
	char *input = xasprintf("sign doorman %d +%d\n", number, added);
	char *want = xasprintf("number %d, %d revoked", number, added), *out;

	if (doorman_net_sign(o, input, &out, "crl") != 0 ||
	    strstr(out, want) == NULL)
		fail_msg("no '%s' in: %s", want, out);
	free(out);
	free(want);
	free(input);
}

static void
a_list_of_any_form_goes_on(void **state)
{
	static const char *const forms[] = {"plain", "point", "no_extensions"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct doorman_net o;
		char *dir = xasprintf("taken%d", i), *before, *after;
		char *want =
		    xasprintf("list doorman number %d, 2 entries", 7 + i);

		openssl_ca_list(&old, "old.crl", forms[i]);
		take_over(&o, dir);
		doorman_net_says(&o, 0, want, "import-crl", "doorman",
		    "old.crl", "-c", o.conf);
		doorman_net_start(&o);
		/* As it is, until the next one is signed. */
		assert_int_equal(doorman_net_crl_number(&o, "doorman"), 7 + i);
		sign_list(&o, 8 + i, 0);
		fetch(&o, "doorman", 200, "new.crl");
		before = entries_of("old.crl", "PEM");
		after = entries_of("new.crl", "DER");
		assert_string_equal(before, after);
		openssl("X509v3 Issuing Distribution Point: critical", "crl",
		    "-inform", "DER", "-in", "new.crl", "-noout", "-text",
		    "-CAfile", "old/ca.pem");
		/* RFC 5280 5.2.4: one scope; so the second has the first
		 * delta. */
		fetch(&o, "doorman/delta", 404, NULL);
		sign_list(&o, 9 + i, 0);
		fetch(&o, "doorman/delta", 200, NULL);
		doorman_net_free(&o);
		free(after);
		free(before);
		free(want);
		free(dir);
	}
}

static void
its_certificates_are_known(void **state)
{
	struct doorman_net o;
	char *id, *body, *all, *more;

	(void)state;
	openssl_ca_list(&old, "old.crl", "plain");
	take_over(&o, "known");
	doorman_net_says(&o, 0, "2 entries", "import-crl", "doorman", "old.crl",
	    "-c", o.conf);
	/* A bundle with one that is not this CA's, then the whole folder. */
	all = file_need("alice.pem", NULL);
	more = file_need("root/ca.pem", NULL);
	body = xasprintf("%s%s", all, more);
	file_write("bundle.pem", body, strlen(body));
	free(body);
	free(more);
	free(all);
	doorman_net_says(&o, 1,
	    "imported 1 certificates of list doorman, 0 were known already, 1 "
	    "refused",
	    "import-cert", "doorman", "bundle.pem", "-c", o.conf);
	doorman_net_says(&o, 0,
	    "imported 2 certificates of list doorman, 1 were known already, 0 "
	    "refused",
	    "import-cert", "doorman", "old/certs", "-c", o.conf);
	doorman_net_says(&o, 1, "1 refused", "import-cert", "doorman",
	    "old.crl", "-c", o.conf);
	doorman_net_says(&o, 1, "neither doorman nor root", "import-cert",
	    "empty", "alice.pem", "-c", o.conf);
	/* The names that they hold are known: no stranger waits for that. */
	doorman_net_sql(&o,
	    "CREATE TEMP TABLE t(n INTEGER CHECK(n >= 3));"
	    "INSERT INTO t SELECT count(DISTINCT h.certificate) FROM held_name"
	    " h JOIN certificate c ON c.seq=h.certificate WHERE"
	    " c.list='doorman' AND NOT c.is_ca");
	doorman_net_start(&o);
	assert_int_equal(doorman_net_post(&o,
			     "{\"legalName\":\"CN=Bob, O=Bob, C=GB\","
			     "\"reason\":\"SUPERSEDED\",\"reporter\":\"x\"}",
			     &body),
	    400);
	assert_non_null(strstr(body, "already revoked by CRL number"));
	free(body);
	assert_int_equal(
	    doorman_net_post(&o,
		"{\"legalName\":\"CN=Alice, O=Alice, C=GB\","
		"\"reason\":\"KEY_COMPROMISE\",\"reporter\":\"x\"}",
		&id),
	    200);
	doorman_net_do(&o, "tickets", "approve", id);
	sign_list(&o, (int)doorman_net_crl_number(&o, "doorman") + 1, 1);
	free(id);
	/* And it issues, in the name that it always had. */
	id = doorman_net_enrol(&o, "dora", "/O=Dora/C=GB", "");
	free(id);
	openssl("OK", "verify", "-CAfile", "root/ca.pem", "-untrusted",
	    "old/ca.pem", "known/dora.pem");
	doorman_net_free(&o);
}

/* GnuTLS writes lists of its own form. */
static void
certtool_s_list_goes_on(void **state)
{
	static const char template[] =
	    "crl_next_update = 43\ncrl_number = 77\n";
	const char *argv[] = {"/usr/bin/certtool", "--generate-crl",
	    "--load-ca-privkey", "old/ca.key", "--load-ca-certificate",
	    "old/ca.pem", "--load-certificate", "carol.pem", "--template",
	    "crl.tmpl", "--outfile", "gnutls.crl", NULL};
	struct doorman_net o;
	char *before, *after;

	(void)state;
	file_write("crl.tmpl", template, strlen(template));
	assert_int_equal(proc_run(argv, "certtool.log", WAIT_MS, NULL), 0);
	take_over(&o, "gnutls");
	doorman_net_says(&o, 0, "list doorman number 77, 1 entries",
	    "import-crl", "doorman", "gnutls.crl", "-c", o.conf);
	doorman_net_start(&o);
	sign_list(&o, 78, 0);
	fetch(&o, "doorman", 200, "new.crl");
	before = entries_of("gnutls.crl", "PEM");
	after = entries_of("new.crl", "DER");
	assert_string_equal(before, after);
	free(before);
	free(after);
	doorman_net_free(&o);
}

/* A root that is there, with its key: a doorman CA is made below it. */
static void
a_root_gets_a_doorman(void **state)
{
	struct doorman_net o;
	char *id, *out;

	(void)state;
	doorman_net_init(&o, "below", NULL,
	    (const char *const[]){"--root", "root/ca.pem", "--root-key",
		"file:root/ca.key", "--name", "O=Net, C=GB", NULL});
	doorman_net_start(&o);
	/* Its number goes on from the last: none was signed here. */
	assert_int_equal(doorman_net_crl_number(&o, "root"), 0);
	assert_int_equal(doorman_net_crl_number(&o, "doorman"), 1);
	doorman_net_says(&o, 0, "list root number", "import-crl", "root",
	    "root.crl", "-c", o.conf);
	assert_int_equal(
	    doorman_net_sign(&o, "sign root 8 +0\n", &out, "crl", "root"), 0);
	free(out);
	id = doorman_net_enrol(&o, "alice", "/O=Alice/C=GB", "");
	openssl("OK", "verify", "-CAfile", "root/ca.pem", "-untrusted",
	    "below/ca/doorman.pem", "below/alice.pem");
	free(id);
	doorman_net_free(&o);
}

/* What is given must fit together. */
static void
what_does_not_fit_is_refused(void **state)
{
	struct doorman_net o = {.dir = xstrdup("unfit")};

	(void)state;
	doorman_net_says(&o, 1, "--doorman needs --root", "init", "u1",
	    "--doorman", "old/ca.pem", "--doorman-key", "file:old/ca.key");
	doorman_net_says(&o, 1, "is not that of the CA certificate", "init",
	    "u2", "--root", "root/ca.pem", "--doorman", "old/ca.pem",
	    "--doorman-key", "file:alice.pem.key");
	doorman_net_says(&o, 1, "does not lead to the root", "init", "u3",
	    "--root", "old/ca.pem", "--doorman", "root/ca.pem", "--doorman-key",
	    "file:root/ca.key");
	doorman_net_says(&o, 1, "is no CA's", "init", "u4", "--root",
	    "root/ca.pem", "--doorman", "alice.pem", "--doorman-key",
	    "file:alice.pem.key");
	doorman_net_says(&o, 1, "--root needs --root-key", "init", "u5",
	    "--root", "root/ca.pem");
	free(o.dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_list_of_any_form_goes_on),
	    cmocka_unit_test(its_certificates_are_known),
	    cmocka_unit_test(certtool_s_list_goes_on),
	    cmocka_unit_test(a_root_gets_a_doorman),
	    cmocka_unit_test(what_does_not_fit_is_refused),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
