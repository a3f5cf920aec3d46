/*
 * How the bootstrap file may be written: with comments and a comma too many,
 * in several files, one value in place of a list of one, secrets and keys in
 * files of their own; and that mistakes are named with their file and line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "gateway/base/nearest.h"
#include "gateway/base/password_hash.h"
#include "gateway/conf/conf.h"
#include "tests/lib/pkimake.h"

static char dir[] = "/tmp/test-conf-written-XXXXXX";
static struct pki_ca ca;

static const char *
at(const char *name)
{
	static char path[4][128];
	static unsigned next;
	char *out = path[next++ % 4];

	snprintf(out, 128, "%s/%s", dir, name);
	return out;
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

#define NODE  "\"node\": {\"addresses\": [\"127.0.0.1:1\"]}"
#define OWN   "{\"name\": \"i\", \"certificate\": \"c.pem\", \"key\": \"k.pem\"}"
#define TRUST "\"trust\": [{\"group\": \"g\", \"anchors\": \"c.pem\"}]"
#define WHOLE                                                          \
	"\"listen\": \"127.0.0.1:0\", " NODE ", \"identities\": [" OWN \
	"], " TRUST

static struct conf *
taken(const char *text)
{
	struct conf *c = NULL;
	struct err err;

	put("gateway.json", text);
	if (conf_load(&c, at("gateway.json"), NULL, &err) != 0)
		fail_msg("%s\n%s", text, err.msg);
	return c;
}

/* The sentence begins with the file, and holds what is expected of it. */
static void
refused(const char *text, const char *file_line, const char *says)
{
	struct conf *c = NULL;
	struct err err;
	char begins[200];

	put("gateway.json", text);
	if (conf_load(&c, at("gateway.json"), NULL, &err) == 0) {
		conf_free(c);
		fail_msg("taken: %s", text);
	}
	snprintf(begins, sizeof(begins), "%s/%s", dir, file_line);
	if (strncmp(err.msg, begins, strlen(begins)) != 0 ||
	    strstr(err.msg, says) == NULL)
		fail_msg(
		    "%s\n%s\nexpected %s ... %s", text, err.msg, begins, says);
}

static int
setup(void **state)
{
	assert_non_null(mkdtemp(dir));
	pki_ca_init(&ca, "written");
	pki_write(at("c.pem"), ca.cert, NULL);
	pki_write(at("k.pem"), NULL, ca.key);
	pki_write(at("both.pem"), ca.cert, ca.key);
	assert_int_equal(mkdir(at("conf.d"), 0700), 0);
	return 0;
}

static int
teardown(void **state)
{
	char command[160];

	pki_ca_cleanup(&ca);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static void
comments_and_a_comma_too_many(void **state)
{
	struct conf *c =
	    taken("\xef\xbb\xbf// the front\n{" WHOLE
		  ", /* more\n * than a line */ \"workers\": 3,"
		  " \"state_dir\": \"//no/*comment*/\",\n}\n// end");

	assert_int_equal(c->workers, 3);
	assert_string_equal(c->state_dir, "//no/*comment*/");
	conf_free(c);
	c = taken("{\"listen\": [\"127.0.0.1:0\", /* , */ ], " NODE
		  ", \"identities\": [" OWN ",], " TRUST "}");
	assert_int_equal(c->num_listeners, 1);
	conf_free(c);
	c = taken("{" WHOLE ", \"state_dir\": \"/a\\\"//b,]\"}");
	assert_string_equal(c->state_dir, "/a\"//b,]");
	conf_free(c);
}

/* What is forgiven has not moved what stands behind it. */
static void
mistakes_are_named_by_line(void **state)
{
	refused("{ /* a\n b */\n" WHOLE ",\n\"workers\": 0}",
	    "gateway.json:4: $.workers is 0", "from 1 to 256");
	refused("{\n/* no end", "gateway.json: the comment", "line 2");
	refused("{" WHOLE ", /}", "gateway.json: ", "line 1");
	refused("{\n,}", "gateway.json: ", "line 2");
	refused("{" WHOLE ",,}", "gateway.json: ", "double quotes");
	refused(
	    "{\"listen\": [,], " NODE "}", "gateway.json: ", "a JSON value");
	refused("{\"listen\":, }", "gateway.json: ", "a JSON value");
	refused(
	    "# front\n{" WHOLE "}", "gateway.json: ", "comments begin with //");
	refused("{\n" WHOLE ",\n\"log\": {\"level\": \"info\",\n\n"
		"\"level\": \"warn\"}}",
	    "gateway.json: ",
	    "a name is used twice in one object, in line 3 "
	    "and in line 5");
	refused("{\n" WHOLE ",\n\"l\\u0069sten\": 1}",
	    "gateway.json: ", "in line 2 and in line 3");
}

static void
names_that_were_meant(void **state)
{
	refused("{" WHOLE ", \"wokers\": 2}", "gateway.json:1: $.wokers",
	    "did you mean 'workers'?");
	refused("{" WHOLE ", \"rest\": {\"listne\": \"127.0.0.1:0\"}}",
	    "gateway.json:1: $.rest.listne", "did you mean 'listen'?");
	refused("{" WHOLE ", \"mode\": \"OFF\"}", "gateway.json:1: $.mode",
	    "did you mean 'revocation.mode'?");
	refused("{" WHOLE ", \"trsut\": []}", "gateway.json:1: $.trsut",
	    "did you mean 'trust'?");
	refused("{" WHOLE ", \"xyzzy\": []}", "gateway.json:1: $.xyzzy",
	    "for those there are)");
	assert_int_equal(nearest_distance("kitten", "sitting"), 3);
	assert_int_equal(nearest_distance("ab", "ba"), 1);
	assert_int_equal(nearest_distance("", "abc"), 3);
	assert_int_equal(nearest_distance("Listen", "listen"), 0);
}

static void
one_stands_for_a_list_of_one(void **state)
{
	struct conf *c = taken(
	    "{\"listen\": 0, \"node\": {\"addresses\": \"127.0.0.1:1\"},"
	    "\"identities\": " OWN
	    ", \"trust\": {\"group\": \"g\", \"anchors\": "
	    "\"c.pem\"}, \"tls\": {\"allowed_subjects\": \"CN=a\"}, \"rest\": "
	    "{\"listen\": \":8889\", \"users\": {\"name\": \"u\", "
	    "\"password\": "
	    "\"p\", \"roles\": \"read\"}}, \"revocation\": {\"ports\": 8080, "
	    "\"allow_addresses\": \"127.0.0.1\", \"crl_paths\": \"crls\"}}");

	assert_string_equal(c->listeners[0].address.text, "0.0.0.0:0");
	assert_int_equal(c->node.num_addresses, 1);
	assert_int_equal(c->num_identities, 1);
	assert_int_equal(c->num_trusts, 1);
	assert_true(c->tls.allowed_subjects_enforced);
	/* What the node and operators use is not open to the world. */
	assert_string_equal(c->rest.listen.text, "127.0.0.1:8889");
	assert_int_equal(c->rest.users[0].roles, CONF_ROLE_READ);
	assert_int_equal(c->revocation.ports[0], 8080);
	assert_int_equal(c->revocation.ports[1], 0);
	assert_string_equal(c->revocation.crl_paths[0], at("crls"));
	conf_free(c);
	refused("{\"listen\": 65536, " NODE "}", "gateway.json:1: $.listen",
	    "ADDRESS:PORT");
	refused("{\"listen\": \"8080x\", " NODE "}", "gateway.json:1: $.listen",
	    "ADDRESS:PORT");
	refused("{" WHOLE ", \"revocation\": {\"ports\": 0}}",
	    "gateway.json:1: $.revocation.ports", "a port from 1");
}

static void
several_files(void **state)
{
	struct conf *c;

	put("conf.d/10-alice.json",
	    "{\"trust\": [{\"group\": \"alice\", \"anchors\": \"../c.pem\"}],"
	    " // hers\n \"rest\": {\"users\": [{\"name\": \"a\", \"password\": "
	    "\"p\", \"roles\": [\"read\"],},]}}");
	put("conf.d/20-bob.json",
	    "{\"trust\": [{\"group\": \"bob\", \"anchors\": \"../c.pem\"}],"
	    "\"limits\": {\"max_chain\": 5},"
	    "\"revocation\": {\"crl_paths\": [\"crls\"]}}");
	put("conf.d/README", "not a configuration");
	c = taken("{" WHOLE ", \"include\": \"conf.d/*.json\","
		  "\"limits\": {\"max_paused\": 7}}");
	assert_int_equal(c->num_trusts, 3);
	assert_string_equal(c->trusts[0].group, "g");
	assert_string_equal(c->trusts[1].group, "alice");
	assert_string_equal(c->trusts[2].group, "bob");
	assert_int_equal(c->rest.num_users, 1);
	assert_int_equal(c->limits.max_chain, 5);
	assert_int_equal(c->limits.max_paused, 7);
	assert_string_equal(c->revocation.crl_paths[0], at("conf.d/crls"));
	conf_free(c);
	/* What is required may come from any of them. */
	put("node.json", "{" NODE ", \"identities\": [" OWN "]}");
	c = taken("{\"include\": [\"node.json\", \"conf.d/3*.json\"],"
		  "\"listen\": 0, " TRUST "}");
	assert_int_equal(c->node.num_addresses, 1);
	conf_free(c);
}

static void
mistakes_in_included_files(void **state)
{
#define INCLUDE(name) "{\n\n" WHOLE ", \"include\": \"" name "\"}"
	put("bad.json", "{\n\"workers\": 0}");
	refused(INCLUDE("bad.json"), "bad.json:2: $.workers is 0", "1 to 256");
	put("bad.json",
	    "{\"trust\": [\n{\"group\": \"x\", \"anchors\": "
	    "\"c.pem\"},\n{\"group\": \"y\", \"anchors\": 7}]}");
	refused(INCLUDE("bad.json"), "bad.json:3: $.trust[1].anchors is 7",
	    "a string");
	put("bad.json", "{\"trust\": [\n{\"group\": \"x\"}]}");
	refused(
	    INCLUDE("bad.json"), "bad.json:2: $.trust[0].anchors", "required");
	/* What concerns several keys is known by the file of the wrong one. */
	put("bad.json",
	    "{\"links\": [\n{\"name\": \"l\", \"listen\": 0, "
	    "\"peers\": [\"a:1\"],\n \"identity\": \"who\"}]}");
	refused(INCLUDE("bad.json"), "bad.json:3: $.links[0].identity",
	    "one of $.identities");
	put("bad.json", "{\n\"listen\": 1}");
	refused(INCLUDE("bad.json"), "bad.json:2: $.listen is set in ",
	    "gateway.json, too");
	put("bad.json", "{\n\"node\": {\n\"addresses\": \"a:1\"}}");
	refused(INCLUDE("bad.json"), "bad.json:3: $.node.addresses is set in ",
	    "gateway.json, too");
	put("bad.json", "{\n\"include\": \"c.json\"}");
	refused(INCLUDE("bad.json"), "bad.json:2: $.include",
	    "only in the first file");
	put("bad.json", "[]");
	refused(INCLUDE("bad.json"), "bad.json: $", "an object");
	put("bad.json", "{\n\"a\":}");
	refused(INCLUDE("bad.json"), "bad.json: not valid JSON", "line 2");
	put("bad.json", "{\"log\": {\"levle\": \"info\"}}");
	refused(INCLUDE("bad.json"), "bad.json:1: $.log.levle",
	    "did you mean 'level'?");
	refused("{\n\n\"include\": 7, " WHOLE "}", "gateway.json:3: $.include",
	    "a path or pattern");
}

/* An included file that is not there is a mistake: what it would have kept
 * out is not let in. */
static void
missing_files_are_named(void **state)
{
	struct conf *c;
	struct err err;

	put("gateway.json", INCLUDE("none.json"));
	assert_int_not_equal(conf_load(&c, at("gateway.json"), NULL, &err), 0);
	assert_non_null(strstr(err.msg, "none.json"));
	put("gateway.json", INCLUDE("none.d/*.json"));
	assert_int_not_equal(conf_load(&c, at("gateway.json"), NULL, &err), 0);
	assert_non_null(strstr(err.msg, "none.d"));
}

static void
certificate_and_key_in_one_file(void **state)
{
	struct conf *c =
	    taken("{\"listen\": 0, " NODE ", \"identities\": [{\"name\": \"i\","
		  "\"certificate\": \"both.pem\"}], " TRUST
		  ", \"rest\": {\"certificate\": \"both.pem\"}}");

	assert_int_equal(EVP_PKEY_eq(c->identities[0].key, ca.key), 1);
	assert_int_equal(c->identities[0].num_chain, 1);
	assert_int_equal(EVP_PKEY_eq(c->rest.key, ca.key), 1);
	conf_free(c);
	refused("{\"listen\": 0, " NODE ", \"identities\": [{\"name\": \"i\","
		"\n\"certificate\": \"c.pem\"}], " TRUST "}",
	    "gateway.json:2: $.identities[0].certificate", "no private key");
	refused("{" WHOLE ", \"rest\": {\"key\": \"k.pem\"}}",
	    "gateway.json:1: $.rest", "a certificate beside it");
}

static void
encrypted_keys(void **state)
{
	BIO *out = BIO_new_file(at("secret.pem"), "w");

	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, ca.key,
			     EVP_aes_256_cbc(), "open sesame", 11, NULL, NULL),
	    1);
	BIO_free(out);
	put("password", "open sesame\n");
	put("wrong", "open barley\n");
	put("empty", "\n");
#define ENCRYPTED(file)                                                \
	"{\"listen\": 0, " NODE ", \"identities\": [{\"name\": \"i\"," \
	"\"certificate\": \"c.pem\", \"key\": \"secret.pem\"" file     \
	"}], " TRUST "}"
	conf_free(taken(ENCRYPTED(", \"password_file\": \"password\"")));
	refused(ENCRYPTED(""), "gateway.json:1: $.identities[0].key",
	    "expected its password in a password_file");
	refused(ENCRYPTED(", \"password_file\": \"wrong\""),
	    "gateway.json:1: $.identities[0].key", "does not open");
	refused(ENCRYPTED(", \"password_file\": \"empty\""),
	    "gateway.json:1: $.identities[0].key", "it has nothing");
	refused(ENCRYPTED(", \"password_file\": \"none\""),
	    "gateway.json:1: $.identities[0].key", "cannot be opened");
}

static void
passwords_in_files(void **state)
{
	char hash[PASSWORD_HASH_SIZE], text[PASSWORD_HASH_SIZE + 2];
	struct conf *c;
	struct err err;

	put("word", "hunter2\r\n");
	assert_int_equal(
	    password_hash(hash, "hunter3", PASSWORD_COST_MIN, &err), 0);
	snprintf(text, sizeof(text), "%s\n", hash);
	put("hash", text);
#define USER(how)                                                          \
	"{" WHOLE ", \"rest\": {\"users\": [{\"name\": \"u\", \"roles\": " \
	"[\"read\"], " how "}]}}"
	c = taken(USER("\"password_file\": \"word\""));
	assert_true(password_verify(c->rest.users[0].password_hash, "hunter2"));
	assert_false(
	    password_verify(c->rest.users[0].password_hash, "hunter2\r"));
	conf_free(c);
	c = taken(USER("\"password_file\": \"hash\""));
	assert_true(password_verify(c->rest.users[0].password_hash, "hunter3"));
	conf_free(c);
	refused(USER("\"password_file\": \"word\", \"password\": \"x\""),
	    "gateway.json:1: $.rest.users[0]", "one of password");
	refused(USER("\"password_file\": \"none\""),
	    "gateway.json:1: $.rest.users[0]", "cannot be opened");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comments_and_a_comma_too_many),
	    cmocka_unit_test(mistakes_are_named_by_line),
	    cmocka_unit_test(names_that_were_meant),
	    cmocka_unit_test(one_stands_for_a_list_of_one),
	    cmocka_unit_test(several_files),
	    cmocka_unit_test(mistakes_in_included_files),
	    cmocka_unit_test(missing_files_are_named),
	    cmocka_unit_test(certificate_and_key_in_one_file),
	    cmocka_unit_test(encrypted_keys),
	    cmocka_unit_test(passwords_in_files),
	};

	return cmocka_run_group_tests_name("written", tests, setup, teardown);
}
