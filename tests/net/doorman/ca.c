/*
 * The life of the CAs: a root that is kept outside, by the real openssl; what
 * is refused of what comes back from there; renewals; ends; a CA that is
 * revoked.
 */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "tests/doorman/doorman_net.h"
#include "tests/doorman/openssl_ca.h"

#define SUBJECT   "/CN=Outside Root/O=Elsewhere/C=CH"
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static void
sign_says(struct doorman_net *o, const char *input, int status,
    const char *want, const char *command, const char *list)
{
	char *out;
	int rc = doorman_net_sign(o, input, &out, command, list);

	if (rc != status || strstr(out, want) == NULL)
		fail_msg("doorman-sign %s: %d and not %d, no '%s' in: %s",
		    command, rc, status, want, out);
	free(out);
}

/* init --outside-root, which starts nothing yet. */
static void
begin_outside(struct doorman_net *o, const char *dir)
{
	char *csr = xasprintf("%s/ca/doorman.csr", dir);

	doorman_net_init(
	    o, dir, NULL, (const char *const[]){"--outside-root", NULL});
	openssl("CA:TRUE, pathlen:0", "req", "-in", csr, "-noout", "-text",
	    "-verify");
	free(csr);
}

/* The list of the root as the world sees it. */
static void
root_list_is(struct doorman_net *o, long number)
{
	assert_int_equal(doorman_net_crl_number(o, "root"), number);
}

/* A request for a certificate is answered with this status. */
static void
enrolment_answers(struct doorman_net *o, long status, const char *says)
{
	char *url = xasprintf("%s/certificate", o->url), *csr;
	struct web w;

	openssl(NULL, "req", "-new", "-newkey", "ec", "-pkeyopt",
	    "ec_paramgen_curve:P-256", "-nodes", "-keyout", "new.key", "-subj",
	    "/O=New/C=FR", "-out", "new.csr");
	csr = file_need("new.csr", NULL);
	web_request(&w, "POST", url, NULL, csr, "application/pkcs10");
	if (w.status != status || strstr(w.body, says) == NULL)
		fail_msg("%ld %s", w.status, w.body);
	web_free(&w);
	free(csr);
	free(url);
}

static void
an_outside_root_signs(void **state)
{
	struct openssl_ca root;
	struct doorman_net o;
	char *id, *out, *late;

	(void)state;
	openssl_ca_make(&root, "root", SUBJECT, "ec", NULL);
	begin_outside(&o, "outside");
	/* Without its certificate it serves nothing. */
	doorman_net_says(&o, 1, "ca/root.pem", "serve", "-c", o.conf);
	openssl_ca_sign(
	    &root, "outside/ca/doorman.csr", "dm.pem", "sub_ca", "1000");
	doorman_net_says(&o, 0, "adopted", "adopt-ca", "outside", "--root",
	    "root/ca.pem", "--doorman", "dm.pem");
	/* Once more is no harm: what was interrupted is run again. */
	doorman_net_says(&o, 0, "adopted", "adopt-ca", "outside", "--root",
	    "root/ca.pem", "--doorman", "dm.pem");
	doorman_net_start(&o);
	root_list_is(&o, 0);
	/* Without the root's list nobody knows whether the CA is revoked. */
	id = doorman_net_csr(&o, "early", "/O=Early/C=FR");
	doorman_net_do(&o, "tickets", "approve", id);
	sign_says(&o, "sign certificates +1\n", 1, "the root has no list here",
	    "certificates", NULL);
	free(id);
	openssl_ca_list(&root, "root.crl", "plain");
	doorman_net_says(&o, 0, "list root number 7, 0 entries", "import-crl",
	    "root", "root.crl", "-c", o.conf);
	doorman_net_says(&o, 1, "is at number 7 already", "import-crl", "root",
	    "root.crl", "-c", o.conf);
	doorman_net_says(&o, 1, "another issuer", "import-crl", "doorman",
	    "root.crl", "-c", o.conf);
	root_list_is(&o, 7);
	sign_says(&o, "sign root 8 +0\n", 1,
	    "Who holds it signs the list; then: doorman import-crl root", "crl",
	    "root");
	sign_says(
	    &o, "sign certificates +1\n", 0, "Issued", "certificates", NULL);
	id = doorman_net_enrol(&o, "alice", "/O=Alice/C=FR", "");
	late = doorman_net_csr(&o, "late", "/O=Late/C=FR");
	doorman_net_do(&o, "tickets", "approve", late);
	sign_says(&o, "sign doorman 2 +0\n", 0, "number 2", "crl", "doorman");
	/* The whole way up, with both lists. */
	free(id);
	openssl("OK", "verify", "-CAfile", "root/ca.pem", "-untrusted",
	    "outside/ca/doorman.pem", "outside/alice.pem");
	/* The doorman CA itself is revoked: at the root. */
	assert_int_equal(
	    doorman_net_post(&o,
		"{\"legalName\":\"CN=Doorman CA, O=Private Network, C=GB\","
		"\"reason\":\"CA_COMPROMISE\",\"reporter\":\"ann\"}",
		&id),
	    200);
	enrolment_answers(&o, 200, "");
	doorman_net_do(&o, "tickets", "approve", id);
	enrolment_answers(&o, 403, "the revocation of the doorman CA");
	sign_says(&o, "sign certificates +1\n", 1, "is approved",
	    "certificates", NULL);
	openssl_ca_revoke(&root, "dm.pem", "CACompromise");
	openssl_ca_list(&root, "root8.crl", "plain");
	doorman_net_says(&o, 0, "1 entries", "import-crl", "root", "root8.crl",
	    "-c", o.conf);
	out = doorman_net_state(&o, "certificate-revocation-request", id);
	assert_string_equal(out, "DONE");
	free(out);
	root_list_is(&o, 8);
	enrolment_answers(&o, 403, "is revoked by CRL number 8 of its root");
	/* The signer says so before it shows anything to sign. */
	assert_int_equal(doorman_net_sign(&o, "sign certificates +1\n", &out,
			     "certificates"),
	    1);
	assert_non_null(strstr(out, "is revoked by CRL number 8 of its root"));
	assert_null(strstr(out, "LEGAL NAME"));
	free(out);
	free(late);
	/* What it issued can still be revoked. */
	sign_says(&o, "sign doorman 3 +0\n", 0, "number 3", "crl", "doorman");
	free(id);
	doorman_net_free(&o);
	openssl_ca_free(&root);
}

/* What comes back from elsewhere may be wrong in each of these ways. */
static void
what_is_adopted_is_judged(void **state)
{
	static const struct {
		const char *section, *days, *text, *says;
	} rows[] = {
	    {"no_ca", "100", "basicConstraints = critical,CA:FALSE\n",
		"is no CA's"},
	    {"no_usage", "100",
		"basicConstraints = critical,CA:TRUE,pathlen:0\n"
		"keyUsage = critical,digitalSignature\n",
		"keyCertSign and cRLSign"},
	    {"no_lists", "100",
		"basicConstraints = critical,CA:TRUE\n"
		"keyUsage = critical,keyCertSign\n",
		"keyCertSign and cRLSign"},
	    {"any_usage", "100", "basicConstraints = critical,CA:TRUE\n",
		"keyCertSign and cRLSign"},
	    {"no_key_id", "100",
		"basicConstraints = critical,CA:TRUE\n"
		"keyUsage = critical,keyCertSign,cRLSign\n"
		"subjectKeyIdentifier = none\n",
		"no subject key identifier"},
	};
	struct openssl_ca root, other, shallow;
	struct doorman_net o;
	char *text;

	(void)state;
	openssl_ca_make(&root, "r2", SUBJECT, "ec", NULL);
	openssl_ca_make(&other, "r3", SUBJECT, "rsa", NULL);
	openssl_ca_make(&shallow, "r4", "/CN=Shallow/O=E/C=CH", "ec",
	    (const char *const[]){
		"basicConstraints=critical,CA:TRUE,pathlen:0", NULL});
	begin_outside(&o, "judged");
	openssl_ca_conf(&root, "[d]\ncopy_extensions = none\n");
	for (size_t i = 0; i < NUM(rows); i++) {
		text = xasprintf("[%s]\n%s", rows[i].section, rows[i].text);
		openssl_ca_conf(&root, text);
		openssl_ca_sign(&root, "judged/ca/doorman.csr", "bad.pem",
		    rows[i].section, rows[i].days);
		doorman_net_says(&o, 1, rows[i].says, "adopt-ca", "judged",
		    "--root", "r2/ca.pem", "--doorman", "bad.pem");
		free(text);
	}
	/* Another key, another root, its namesake, too short a path. */
	openssl_ca_issue(&other, "/O=Somebody/C=CH", "else.pem");
	doorman_net_says(&o, 1, "is for another key", "adopt-ca", "judged",
	    "--root", "r3/ca.pem", "--doorman", "else.pem");
	openssl_ca_sign(
	    &other, "judged/ca/doorman.csr", "dm3.pem", "sub_ca", "100");
	doorman_net_says(&o, 1, "does not lead to the root", "adopt-ca",
	    "judged", "--root", "r2/ca.pem", "--doorman", "dm3.pem");
	openssl_ca_sign(
	    &shallow, "judged/ca/doorman.csr", "dm4.pem", "sub_ca", "100");
	doorman_net_says(&o, 1, "path length", "adopt-ca", "judged", "--root",
	    "r4/ca.pem", "--doorman", "dm4.pem");
	/* Nothing was put in place; what is right still is. */
	assert_int_equal(access("judged/ca/doorman.pem", F_OK), -1);
	assert_int_equal(access("judged/ca/root.pem", F_OK), -1);
	doorman_net_says(&o, 0, "adopted", "adopt-ca", "judged", "--root",
	    "r3/ca.pem", "--doorman", "dm3.pem");
	doorman_net_free(&o);
	openssl_ca_free(&root);
	openssl_ca_free(&other);
	openssl_ca_free(&shallow);
}

/* The end of a certificate in a file, as openssl prints it; free it. */
static char *
end_of(const char *path)
{
	const char *argv[] = {"/usr/bin/openssl", "x509", "-in", path, "-noout",
	    "-enddate", NULL};
	char *out;

	remove("end.log");
	assert_int_equal(proc_run(argv, "end.log", WAIT_MS, &out), 0);
	return out;
}

/* Files beside path that begin with its name: the certificates before. */
static int
kept_beside(const char *dir, const char *name)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int num = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, name, strlen(name)) == 0 &&
		    e->d_name[strlen(name)] == '.')
			num++;
	closedir(d);
	return num;
}

/* "renew WHAT until DATE": the date that the tool shows, then typed. */
static void
renew(struct doorman_net *o, const char *command, const char *ca,
    const char *what, const char *days, const char *says)
{
	const char *argv[] = {
	    "-c", o->sign_conf, "-y", "0", command, ca, "--days", days, NULL};
	char *out, *p, *input;

	/* Declined, and told what would have been right. */
	assert_int_equal(
	    doorman_net_run(o, "doorman-sign", "no\n", &out, argv), 4);
	p = strstr(out, "renew ");
	assert_non_null(p);
	assert_true(strncmp(p + 6, what, strlen(what)) == 0);
	input = xasprintf("%.*s\n", (int)strcspn(p, "'"), p);
	free(out);
	if (doorman_net_run(o, "doorman-sign", input, &out, argv) != 0 ||
	    strstr(out, says) == NULL)
		fail_msg("%s %s: no '%s' in: %s", command, ca, says, out);
	free(out);
	free(input);
}

static void
await_log(struct doorman_net *o, const char *text)
{
	char *line = proc_await(&o->serve, text, WAIT_MS);

	if (line == NULL)
		fail_msg("no '%s' in the log", text);
	free(line);
}

static void
each_is_renewed(void **state)
{
	struct doorman_net o;
	char *before, *after, *id, *old_serial, *out;

	(void)state;
	doorman_net_init(&o, "renewed", NULL,
	    (const char *const[]){"--sign-listen", "127.0.0.1:0", NULL});
	doorman_net_start(&o);
	id = doorman_net_enrol(&o, "before", "/O=Before/C=FR", "");
	free(id);
	/* The root ends when the doorman CA does: it comes first. */
	sign_says(&o, "", 1, "its issuer's is to be renewed first", "renew-ca",
	    "doorman");
	before = end_of("renewed/ca/root.pem");
	renew(&o, "renew-ca", "root", "root", "7300", "Renewed     root");
	after = end_of("renewed/ca/root.pem");
	assert_string_not_equal(before, after);
	free(before);
	free(after);
	renew(&o, "renew-ca", "doorman", "doorman", "5000",
	    "Renewed     doorman");
	renew(&o, "renew-ocsp", "doorman", "ocsp-doorman", "900",
	    "Renewed     ocsp-doorman");
	renew(&o, "renew-ocsp", "root", "ocsp-root", "900",
	    "Renewed     ocsp-root");
	assert_int_equal(kept_beside("renewed/ca", "root.pem"), 1);
	assert_int_equal(kept_beside("renewed/ca", "doorman.pem"), 1);
	assert_int_equal(kept_beside("renewed/ocsp", "doorman.pem"), 1);
	assert_int_equal(kept_beside("renewed/ocsp", "root.pem"), 1);
	/* What was issued before leads to the new ones, and the old. */
	openssl("OK", "verify", "-CAfile", "renewed/ca/root.pem", "-untrusted",
	    "renewed/ca/doorman.pem", "renewed/before.pem");
	kill(o.serve.pid, SIGHUP);
	await_log(&o, "the configuration was read anew");
	/* Lists go on, certificates are issued; the new serial is known. */
	sign_says(&o, "sign doorman 2 +0\n", 0, "number 2", "crl", "doorman");
	sign_says(&o, "sign root 2 +0\n", 0, "number 2", "crl", "root");
	id = doorman_net_enrol(&o, "after", "/O=After/C=FR", "");
	free(id);
	openssl("OK", "verify", "-CAfile", "renewed/ca/root.pem", "-untrusted",
	    "renewed/ca/doorman.pem", "renewed/after.pem");
	assert_int_equal(
	    rename("renewed/ca/doorman.pem", "renewed/ca-doorman.pem"), 0);
	assert_int_equal(
	    link("renewed/ca-doorman.pem", "renewed/ca/doorman.pem"), 0);
	old_serial = doorman_net_serial(&o, "ca-doorman");
	out = xasprintf("{\"certificateSerialNumber\":\"0x%s\","
			"\"reason\":\"SUPERSEDED\",\"reporter\":\"ann\"}",
	    old_serial);
	assert_int_equal(doorman_net_post(&o, out, &id), 200);
	free(id);
	free(out);
	free(old_serial);
	doorman_net_free(&o);
}

/* With the root elsewhere a request goes there, and what comes back goes on. */
static void
an_outside_root_renews(void **state)
{
	struct openssl_ca root;
	struct doorman_net o;
	char *before, *after;

	(void)state;
	openssl_ca_make(&root, "r5", SUBJECT, "ec", NULL);
	begin_outside(&o, "again");
	openssl_ca_sign(
	    &root, "again/ca/doorman.csr", "dm5.pem", "sub_ca", "100");
	doorman_net_says(&o, 0, "adopted", "adopt-ca", "again", "--root",
	    "r5/ca.pem", "--doorman", "dm5.pem");
	openssl_ca_list(&root, "r5.crl", "plain");
	doorman_net_says(
	    &o, 0, "list root", "import-crl", "root", "r5.crl", "-c", o.conf);
	before = end_of("again/ca/doorman.pem");
	remove("again/ca/doorman.csr");
	sign_says(&o, "no\n", 4, "declined", "renew-ca", "doorman");
	assert_int_equal(access("again/ca/doorman.csr", F_OK), -1);
	sign_says(&o, "request doorman\n", 0, "have the root's holder sign it",
	    "renew-ca", "doorman");
	sign_says(&o, "", 1, "root_key is empty", "renew-ca", "root");
	sign_says(&o, "", 1, "root_key is empty", "renew-ocsp", "root");
	/* Lists in force name the CA by its name and key identifier. */
	openssl_ca_conf(&root,
	    "[other_id]\nsubjectKeyIdentifier = 0102030405\n"
	    "authorityKeyIdentifier = keyid\n");
	openssl_ca_sign(
	    &root, "again/ca/doorman.csr", "dm6.pem", "other_id", "500");
	doorman_net_says(&o, 1, "another subject key identifier", "adopt-ca",
	    "again", "--root", "r5/ca.pem", "--doorman", "dm6.pem");
	openssl_ca_sign(
	    &root, "again/ca/doorman.csr", "dm7.pem", "sub_ca", "500");
	doorman_net_says(&o, 0, "before: ", "adopt-ca", "again", "--root",
	    "r5/ca.pem", "--doorman", "dm7.pem");
	after = end_of("again/ca/doorman.pem");
	assert_string_not_equal(before, after);
	assert_int_equal(kept_beside("again/ca", "doorman.pem"), 1);
	doorman_net_start(&o);
	sign_says(&o, "sign doorman 2 +0\n", 0, "number 2", "crl", "doorman");
	free(before);
	free(after);
	doorman_net_free(&o);
	openssl_ca_free(&root);
}

/* A CA between the root and the doorman's is handed out, too. */
static void
a_ca_may_stand_between(void **state)
{
	struct openssl_ca root, between;
	struct doorman_net o;
	char *id;

	(void)state;
	openssl_ca_make(&root, "r6", SUBJECT, "ec", NULL);
	openssl_ca_make(&between, "r7", "/CN=Between/O=E/C=CH", "ec", NULL);
	openssl(NULL, "req", "-new", "-key", "r7/ca.key", "-subj",
	    "/CN=Between/O=E/C=CH", "-addext",
	    "basicConstraints=critical,CA:TRUE", "-addext",
	    "keyUsage=critical,keyCertSign,cRLSign", "-out", "r7.csr");
	openssl_ca_sign(&root, "r7.csr", "r7/ca.pem", "sub_ca", "2000");
	begin_outside(&o, "between");
	openssl_ca_sign(
	    &between, "between/ca/doorman.csr", "dm8.pem", "sub_ca", "100");
	doorman_net_says(&o, 1, "does not lead to the root", "adopt-ca",
	    "between", "--root", "r6/ca.pem", "--doorman", "dm8.pem");
	doorman_net_says(&o, 0, "adopted", "adopt-ca", "between", "--root",
	    "r6/ca.pem", "--doorman", "dm8.pem", "--chain", "r7/ca.pem");
	openssl_ca_list(&between, "r7.crl", "plain");
	doorman_net_says(
	    &o, 0, "list root", "import-crl", "root", "r7.crl", "-c", o.conf);
	doorman_net_start(&o);
	id = doorman_net_enrol(&o, "alice", "/O=Alice/C=FR", "");
	/* The answer alone leads from the certificate to the root. */
	openssl("OK", "verify", "-CAfile", "r6/ca.pem", "-untrusted",
	    "between/alice.pem", "between/alice.pem");
	free(id);
	doorman_net_free(&o);
	openssl_ca_free(&root);
	openssl_ca_free(&between);
}

/* The internal CA, the service's and the signer's, and both still talk. */
static void
the_internal_ones_are_renewed(void **state)
{
	static const char *const names[] = {
	    "ca.pem", "service.pem", "signer.pem"};
	struct doorman_net o;
	char *line, *where, *conf, *out;

	(void)state;
	doorman_net_init(&o, "internal", NULL,
	    (const char *const[]){"--sign-listen", "127.0.0.1:0", NULL});
	out = end_of("internal/internal/service.pem");
	doorman_net_says(&o, 0, "renewed", "renew-internal", "-c", o.conf);
	line = end_of("internal/internal/service.pem");
	assert_string_not_equal(out, line);
	free(line);
	free(out);
	for (int i = 0; i < 3; i++)
		assert_int_equal(kept_beside("internal/internal", names[i]), 1);
	doorman_net_start(&o);
	line = proc_log(&o.serve);
	where = line_value(line, "sign-tls");
	assert_non_null(where);
	out = file_need(o.sign_conf, NULL);
	conf = strstr(out, "public_url");
	assert_non_null(conf);
	conf = xasprintf("service = tls:%s\n%s", where, conf);
	file_write(o.sign_conf, conf, strlen(conf));
	sign_says(&o, "sign doorman 2 +0\n", 0, "number 2", "crl", "doorman");
	free(conf);
	free(out);
	free(where);
	free(line);
	doorman_net_free(&o);
}

/* A member's request to become a CA, as Corda's nodes make it. */
static void
ca_request(const char *name)
{
	char *key = xasprintf("%s.key", name), *csr = xasprintf("%s.csr", name);
	char *subject = xasprintf("/O=%s/L=London/C=GB", name);

	openssl(NULL, "req", "-new", "-newkey", "ec", "-pkeyopt",
	    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-subj",
	    subject, "-addext", "basicConstraints=critical,CA:TRUE", "-out",
	    csr);
	free(subject);
	free(csr);
	free(key);
}

static long
post_csr(struct doorman_net *o, const char *path, char **text)
{
	char *url = xasprintf("%s/certificate", o->url);
	char *csr = file_need(path, NULL);
	struct web w;
	long status;

	web_request(&w, "POST", url, NULL, csr, "application/pkcs10");
	status = w.status;
	*text = xstrdup(w.body);
	web_free(&w);
	free(csr);
	free(url);
	return status;
}

/* Signed by the node's own key: within its name, or not. */
static void
node_issues(const char *subject, const char *out)
{
	char *key = xasprintf("%s.key", out), *csr = xasprintf("%s.csr", out);

	openssl(NULL, "req", "-new", "-newkey", "ec", "-pkeyopt",
	    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-subj",
	    subject, "-out", csr);
	openssl(NULL, "x509", "-req", "-in", csr, "-CA", "node.pem", "-CAkey",
	    "Node.key", "-days", "30", "-CAcreateserial", "-out", out);
	free(csr);
	free(key);
}

/*
 * A certificate that the node issued names `empty`, of the root, as where its
 * revocation is told: that list must say that it is an indirect one.
 */
static void
empty_serves_what_nodes_issue(struct doorman_net *o)
{
	char *conf = xasprintf(
	    "[x]\ncrlDistributionPoints = cdp\n"
	    "authorityKeyIdentifier = keyid\n[cdp]\nfullname = URI:"
	    "%s/certificate-revocation-list/empty\nCRLissuer = dirName:iss\n"
	    "[iss]\nCN = Root CA\nO = Private Network\nC = GB\n",
	    o->url);
	char *url = xasprintf("%s/certificate-revocation-list/empty", o->url);
	const char *verify[] = {"/usr/bin/openssl", "verify", "-crl_check",
	    "-extended_crl", "-CRLfile", "empty.pem", "-CAfile",
	    "nodes/ca/root.pem", "-untrusted", "nodes/ca/doorman.pem",
	    "-untrusted", "node.pem", "tls.pem", NULL};

	file_write("tls.cnf", conf, strlen(conf));
	free(conf);
	openssl(NULL, "req", "-new", "-newkey", "ec", "-pkeyopt",
	    "ec_paramgen_curve:P-256", "-nodes", "-keyout", "tls.key", "-subj",
	    "/O=Node/L=London/C=GB/CN=TLS", "-out", "tls.csr");
	openssl(NULL, "x509", "-req", "-in", "tls.csr", "-CA", "node.pem",
	    "-CAkey", "Node.key", "-days", "30", "-extfile", "tls.cnf",
	    "-extensions", "x", "-CAcreateserial", "-out", "tls.pem");
	for (int indirect = 0; indirect < 2; indirect++) {
		struct web w;
		char *out;

		if (indirect != 0) {
			doorman_net_stop(o);
			doorman_net_conf(o, "empty_indirect = yes\n");
			doorman_net_sign_conf(o, "empty_indirect = yes\n");
			doorman_net_start(o);
			sign_says(o, "sign empty 2 +0\n", 0, "number 2", "crl",
			    "empty");
		}
		web_request(&w, "GET", url, NULL, NULL, NULL);
		assert_int_equal(w.status, 200);
		file_write("empty.der", w.body, w.len);
		web_free(&w);
		openssl(NULL, "crl", "-inform", "DER", "-in", "empty.der",
		    "-out", "empty.pem");
		remove("empty.log");
		if ((proc_run(verify, "empty.log", WAIT_MS, &out) == 0) !=
		    (indirect != 0))
			fail_msg("indirect %d: %s", indirect, out);
		free(out);
	}
	free(url);
}

static void
members_are_cas_where_it_is_allowed(void **state)
{
	const char *beyond[] = {"/usr/bin/openssl", "verify", "-CAfile",
	    "nodes/ca/root.pem", "-untrusted", "nodes/ca/doorman.pem",
	    "-untrusted", "node.pem", "beyond.pem", NULL};
	struct doorman_net o;
	char *id, *out, *url, *serial;
	struct web w;

	(void)state;
	ca_request("Node");
	/* Not by default. */
	doorman_net_init(&o, "no-nodes", NULL, NULL);
	doorman_net_start(&o);
	assert_int_equal(post_csr(&o, "Node.csr", &out), 400);
	assert_non_null(strstr(out, "asks to become a CA"));
	free(out);
	doorman_net_stop(&o);
	/* Nor below a CA whose path is too short. */
	doorman_net_conf(&o, "ca_requests = allow\n");
	doorman_net_says(&o, 1, "--node-cas", "serve", "-c", o.conf);
	doorman_net_free(&o);
	doorman_net_init(
	    &o, "nodes", NULL, (const char *const[]){"--node-cas", NULL});
	openssl("CA:TRUE, pathlen:2", "x509", "-in", "nodes/ca/doorman.pem",
	    "-noout", "-text");
	doorman_net_start(&o);
	assert_int_equal(post_csr(&o, "Node.csr", &id), 200);
	/* Approver and signer see what it asks for. */
	doorman_net_says(
	    &o, 0, "uthority: YES", "tickets", "show", id, "-c", o.conf);
	url = xasprintf("%s/certificate-request/%s", o.url, id);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_true(cJSON_IsTrue(json_at(w.json, "certificateAuthority")));
	web_free(&w);
	free(url);
	doorman_net_do(&o, "tickets", "approve", id);
	sign_says(
	    &o, "sign certificates +1\n", 0, "A CA; ", "certificates", NULL);
	url = xasprintf("%s/certificate/%s", o.url, id);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	file_write("node.pem", w.body, w.len);
	file_write("nodes/node.pem", w.body, w.len);
	web_free(&w);
	openssl(
	    "CA:TRUE, pathlen:1", "x509", "-in", "node.pem", "-noout", "-text");
	openssl("X509v3 Name Constraints: critical", "x509", "-in", "node.pem",
	    "-noout", "-text");
	/* It may issue within its name, and nowhere else. */
	node_issues("/O=Node/L=London/C=GB/CN=Identity", "within.pem");
	node_issues("/O=Alice/L=London/C=GB", "beyond.pem");
	openssl("within.pem: OK", "verify", "-CAfile", "nodes/ca/root.pem",
	    "-untrusted", "nodes/ca/doorman.pem", "-untrusted", "node.pem",
	    "within.pem");
	assert_int_not_equal(proc_run(beyond, "beyond.log", WAIT_MS, &out), 0);
	assert_non_null(strstr(out, "permitted subtree violation"));
	free(out);
	empty_serves_what_nodes_issue(&o);
	/* Its key is a CA's: so is the reason. */
	serial = doorman_net_serial(&o, "node");
	free(id);
	out = xasprintf("{\"certificateSerialNumber\":\"0x%s\",\"reason\":"
			"\"CA_COMPROMISE\",\"reporter\":\"ann\"}",
	    serial);
	assert_int_equal(doorman_net_post(&o, out, &id), 200);
	free(out);
	free(id);
	free(serial);
	free(url);
	doorman_net_free(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_outside_root_signs),
	    cmocka_unit_test(what_is_adopted_is_judged),
	    cmocka_unit_test(each_is_renewed),
	    cmocka_unit_test(an_outside_root_renews),
	    cmocka_unit_test(a_ca_may_stand_between),
	    cmocka_unit_test(members_are_cas_where_it_is_allowed),
	    cmocka_unit_test(the_internal_ones_are_renewed),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
