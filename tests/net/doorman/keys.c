/*
 * Every kind of CA key, in an encrypted file and in a token: a network is
 * made with it, a certificate issued, a list signed, and what was signed is
 * verified by the openssl program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "tests/doorman/doorman_net.h"
#include "tests/lib/softtoken.h"

#define OPENSSL "/usr/bin/openssl"
#define MODULE  SOFTTOKEN_MODULE
#define PIN     SOFTTOKEN_PIN
#define WORDS   "open sesame"

static void
openssl_says(const char *const *argv, const char *want)
{
	char *out;

	if (proc_run(argv, "openssl.log", WAIT_MS, &out) != 0 ||
	    strstr(out, want) == NULL)
		fail_msg("openssl %s: no '%s' in: %s", argv[1], want, out);
	free(out);
}

/* The published list: signed by that CA, with that algorithm. */
static void
list_verifies(const struct doorman_net *o, const char *list, const char *ca,
    const char *algorithm)
{
	char *url =
	    xasprintf("%s/certificate-revocation-list/%s", o->url, list);
	char *path = xasprintf("%s/%s.crl", o->dir, list);
	char *ca_path = xasprintf("%s/ca/%s.pem", o->dir, ca);
	const char *verify[] = {OPENSSL, "crl", "-inform", "DER", "-in", path,
	    "-CAfile", ca_path, "-noout", "-text", NULL};
	struct web w;

	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	file_write(path, w.body, w.len);
	web_free(&w);
	/* crl succeeds whatever the signature is: what it says counts. */
	openssl_says(verify, "verify OK");
	openssl_says(verify, algorithm);
	free(ca_path);
	free(path);
	free(url);
}

static void
chain_verifies(const struct doorman_net *o, const char *name)
{
	char *root = xasprintf("%s/ca/root.pem", o->dir);
	char *middle = xasprintf("%s/ca/doorman.pem", o->dir);
	char *leaf = xasprintf("%s/%s.pem", o->dir, name);
	const char *verify[] = {OPENSSL, "verify", "-x509_strict", "-CAfile",
	    root, "-untrusted", middle, leaf, NULL};

	openssl_says(verify, ": OK");
	free(leaf);
	free(middle);
	free(root);
}

static void
sign_list(struct doorman_net *o, const char *list, int number, int added,
    const char *secret)
{
	char *input =
	    xasprintf("sign %s %d +%d\n%s\n", list, number, added, secret);
	char *out;

	if (doorman_net_sign(o, input, &out, "crl", list) != 0)
		fail_msg("%s", out);
	free(out);
	free(input);
}

/* A life of one certificate under these keys. */
static void
keys_work(struct doorman_net *o, const char *secret, const char *algorithm)
{
	char *id, *revocation, *body;

	doorman_net_start(o);
	id = doorman_net_enrol(o, "alice", "/O=Alice/C=FR", secret);
	chain_verifies(o, "alice");
	body = xasprintf("{\"csrRequestId\":\"%s\",\"reason\":"
			 "\"KEY_COMPROMISE\",\"reporter\":\"ann\"}",
	    id);
	assert_int_equal(doorman_net_post(o, body, &revocation), 200);
	doorman_net_do(o, "tickets", "approve", revocation);
	sign_list(o, "doorman", 2, 1, secret);
	sign_list(o, "root", 2, 0, secret);
	assert_int_equal(doorman_net_crl_number(o, "doorman"), 2);
	list_verifies(o, "doorman", "doorman", algorithm);
	list_verifies(o, "root", "root", algorithm);
	list_verifies(o, "empty", "root", algorithm);
	free(body);
	free(revocation);
	free(id);
}

/* OpenSSL's older encrypted form, as CAs that exist already have it. */
static void
traditional_form_works(struct doorman_net *o)
{
	char *path = xasprintf("%s/ca/doorman-key.pem", o->dir), *pem;
	char *old = xasprintf("%s.pkcs8", path);
	const char *rewrite[] = {OPENSSL, "pkey", "-traditional", "-aes256",
	    "-passin", ("pass:" WORDS), "-passout", ("pass:" WORDS), "-in", old,
	    "-out", path, NULL};

	assert_int_equal(rename(path, old), 0);
	assert_int_equal(proc_run(rewrite, "openssl.log", WAIT_MS, NULL), 0);
	pem = file_need(path, NULL);
	assert_non_null(strstr(pem, "Proc-Type: 4,ENCRYPTED"));
	sign_list(o, "doorman", 3, 0, WORDS);
	free(pem);
	free(old);
	free(path);
}

static void
in_encrypted_files(void **state)
{
	static const struct {
		const char *kind, *algorithm;
		int traditional;
	} rows[] = {
	    {"p384", "ecdsa-with-SHA384", 1},
	    {"rsa2048", "sha256WithRSAEncryption", 1},
	    {"rsa3072", "sha256WithRSAEncryption", 0},
	    {"ed25519", "ED25519", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct doorman_net o;
		char *path, *pem;

		doorman_net_init(&o, rows[i].kind, WORDS "\n",
		    (const char *const[]){"--encrypt", "--ca-keys",
			rows[i].kind, "--pin-fd", "0", NULL});
		path = xasprintf("%s/ca/doorman-key.pem", o.dir);
		pem = file_need(path, NULL);
		assert_non_null(strstr(pem, "BEGIN ENCRYPTED PRIVATE KEY"));
		keys_work(&o, WORDS, rows[i].algorithm);
		if (rows[i].traditional != 0)
			traditional_form_works(&o);
		doorman_net_free(&o);
		free(pem);
		free(path);
	}
}

static void
in_a_token(void **state)
{
	static const struct {
		const char *kind, *algorithm;
	} rows[] = {
	    {"p384", "ecdsa-with-SHA384"},
	    {"rsa2048", "sha256WithRSAEncryption"},
	    {"rsa3072", "sha256WithRSAEncryption"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *dir = xasprintf("token-%s", rows[i].kind);
		char *hsm =
		    xasprintf("module=" MODULE ";token=%s", rows[i].kind);
		char *path = xasprintf("%s/ca/doorman-key.pem", dir);
		struct doorman_net o;

		softtoken_make(rows[i].kind);
		doorman_net_init(&o, dir, PIN "\n",
		    (const char *const[]){"--hsm", hsm, "--ca-keys",
			rows[i].kind, "--pin-fd", "0", NULL});
		assert_int_equal(access(path, F_OK), -1);
		keys_work(&o, PIN, rows[i].algorithm);
		doorman_net_free(&o);
		free(path);
		free(hsm);
		free(dir);
	}
}

/* A network in the token "shared"; its signer signs with its own keys. */
static void
network_in_shared(struct doorman_net *o, const char *dir, const char *name,
    const char *prefix)
{
	doorman_net_init(o, dir, PIN "\n",
	    (const char *const[]){"--hsm", "module=" MODULE ";token=shared",
		"--pin-fd", "0", "--name", name,
		prefix != NULL ? "--label-prefix" : NULL, prefix, NULL});
}

static void
init_says(const char *want, const char *const *argv)
{
	struct doorman_net o = {.dir = xstrdup(".")};
	char *out;

	assert_int_equal(
	    doorman_net_run(&o, "doorman", PIN "\n", &out, argv), 1);
	if (strstr(out, want) == NULL)
		fail_msg("no '%s' in: %s", want, out);
	free(out);
	free(o.dir);
}

static void
has_label(const struct doorman_net *o, const char *label)
{
	char *conf = file_need(o->sign_conf, NULL);
	char *want = xasprintf(";object=%s\n", label);

	if (strstr(conf, want) == NULL)
		fail_msg("no '%s' in: %s", want, conf);
	free(want);
	free(conf);
}

#define SHARED "pkcs11:module=" MODULE ";token=shared;object="

static void
networks_share_a_token(void **state)
{
	struct doorman_net a, b, c;

	(void)state;
	softtoken_make("shared");
	network_in_shared(&a, "net-a", "O=First Net, C=GB", NULL);
	network_in_shared(&b, "net-b", "O=Zweites Netz AG, C=DE", "second.1");
	has_label(&a, "first-net-doorman");
	has_label(&a, "first-net-root");
	has_label(&b, "second.1-doorman");
	keys_work(&a, PIN, "ecdsa-with-SHA256");
	keys_work(&b, PIN, "ecdsa-with-SHA256");
	/* A name that is taken, and labels that are none. */
	init_says("already has a key 'first-net-doorman': choose another "
		  "--label-prefix, or use that key with --doorman-key",
	    (const char *const[]){"init", "net-x", "--hsm",
		"module=" MODULE ";token=shared", "--pin-fd", "0", "--name",
		"O=First Net, C=FR", NULL});
	assert_int_equal(access("net-x/ca/root.pem", F_OK), -1);
	init_says("--label-prefix: 'a;b'",
	    (const char *const[]){"init", "net-x", "--hsm",
		"module=" MODULE ";token=shared", "--pin-fd", "0",
		"--label-prefix", "a;b", NULL});
	init_says("no label can be made of",
	    (const char *const[]){"init", "net-x", "--hsm",
		"module=" MODULE ";token=shared", "--pin-fd", "0", "--name",
		"O=\xc3\x96\xc3\x84, C=DE", NULL});
	/* Keys that are there are used when they are named. */
	doorman_net_init(&c, "net-c", PIN "\n",
	    (const char *const[]){"--root-key", SHARED "first-net-root",
		"--doorman-key", SHARED "first-net-doorman", "--pin-fd", "0",
		"--name", "O=Third, C=GB", NULL});
	has_label(&c, "first-net-root");
	assert_int_equal(access("net-c/ca/root-key.pem", F_OK), -1);
	keys_work(&c, PIN, "ecdsa-with-SHA256");
	init_says("has no private key 'nobody'",
	    (const char *const[]){"init", "net-y", "--root-key",
		SHARED "nobody", "--pin-fd", "0", NULL});
	doorman_net_free(&a);
	doorman_net_free(&b);
	doorman_net_free(&c);
	/* A request for a root elsewhere, signed by a key in the token. */
	doorman_net_init(&c, "net-d", PIN "\n",
	    (const char *const[]){"--outside-root", "--hsm",
		"module=" MODULE ";token=shared", "--pin-fd", "0",
		"--label-prefix", "fourth", NULL});
	has_label(&c, "fourth-doorman");
	openssl_says((const char *const[]){OPENSSL, "req", "-in",
			 "net-d/ca/doorman.csr", "-noout", "-verify", NULL},
	    "OK");
	doorman_net_free(&c);
}

/* A file that is there is no place for a new key. */
static void
no_key_file_is_overwritten(void **state)
{
	const char *argv[] = {"init", "kept", "--unencrypted", NULL};
	char *key;

	(void)state;
	dir_make("kept");
	dir_make("kept/ca");
	file_write("kept/ca/root-key.pem", "mine", 4);
	init_says("no key is overwritten", argv);
	key = file_need("kept/ca/root-key.pem", NULL);
	assert_string_equal(key, "mine");
	free(key);
}

/* By default they are, where somebody can give a passphrase. */
static void
files_are_encrypted_or_it_is_said(void **state)
{
	static const struct {
		const char *option, *says;
		int encrypted;
	} rows[] = {
	    {"--pin-fd", NULL, 1},
	    {"--delta", "the CAs' keys lie unencrypted in", 0},
	    {"--unencrypted", NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *dir = xasprintf("open%zu", i);
		struct doorman_net o = {.dir = xstrdup(dir)};
		char *path = xasprintf("%s/ca/doorman-key.pem", dir);
		const char *argv[] = {"init", dir, rows[i].option,
		    rows[i].encrypted ? "0" : NULL, NULL};
		char *out, *pem;

		assert_int_equal(
		    doorman_net_run(&o, "doorman",
			rows[i].encrypted ? WORDS "\n" : NULL, &out, argv),
		    0);
		assert_int_equal(
		    rows[i].says != NULL, strstr(out, "unencrypted") != NULL);
		if (rows[i].says != NULL)
			assert_non_null(strstr(out, rows[i].says));
		pem = file_need(path, NULL);
		assert_int_equal(rows[i].encrypted,
		    strstr(pem, "BEGIN ENCRYPTED PRIVATE KEY") != NULL);
		free(pem);
		free(out);
		free(path);
		free(dir);
		free(o.dir);
	}
}

static void
init_fails(const char *dir, const char *kind, const char *hsm, int status,
    const char *want)
{
	struct doorman_net o = {.dir = xstrdup(".")};
	const char *argv[] = {"init", dir, "--ca-keys", kind, "--pin-fd", "0",
	    hsm != NULL ? "--hsm" : NULL, hsm, NULL};
	char *out;

	assert_int_equal(
	    doorman_net_run(&o, "doorman", PIN "\n", &out, argv), status);
	if (strstr(out, want) == NULL)
		fail_msg("no '%s' in: %s", want, out);
	free(out);
	free(o.dir);
}

static void
what_cannot_be_is_said(void **state)
{
	struct doorman_net o;
	char *conf, *p, *out;

	(void)state;
	init_fails("no1", "dsa", NULL, 2, "unknown kind of key 'dsa'");
	softtoken_make("plain");
	init_fails("no2", "ed25519", "module=" MODULE ";token=plain", 1,
	    "a token makes no ed25519 keys");
	/* And a configuration that says so all the same. */
	doorman_net_init(&o, "ed-token", NULL,
	    (const char *const[]){"--ca-keys", "ed25519", NULL});
	doorman_net_start(&o);
	conf = file_need(o.sign_conf, NULL);
	p = strstr(conf, "doorman_key = ");
	assert_non_null(p);
	out = xasprintf("%.*sdoorman_key = pkcs11:module=" MODULE
			";token=plain;object=doorman\n%s",
	    (int)(p - conf), conf, strchr(p, '\n') + 1);
	file_write(o.sign_conf, out, strlen(out));
	free(out);
	free(conf);
	assert_int_equal(
	    doorman_net_sign(&o, "sign doorman 2 +0\n" PIN "\n", &out, "crl"),
	    1);
	if (strstr(out, "an Ed25519 key must be in a file") == NULL)
		fail_msg("%s", out);
	free(out);
	assert_int_equal(doorman_net_crl_number(&o, "doorman"), 1);
	doorman_net_free(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(in_encrypted_files),
	    cmocka_unit_test(in_a_token),
	    cmocka_unit_test(networks_share_a_token),
	    cmocka_unit_test(no_key_file_is_overwritten),
	    cmocka_unit_test(files_are_encrypted_or_it_is_said),
	    cmocka_unit_test(what_cannot_be_is_said),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
