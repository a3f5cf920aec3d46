/*
 * allow: which names hold under which rules, as a table; which rules are
 * refused at the start, and with which words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/x509v3.h>

#include "gateway/base/name_pattern.h"
#include "gateway/conf/conf.h"
#include "gateway/tls/allow.h"
#include "tests/lib/pkimake.h"

static char dir[] = "/tmp/test-allow-XXXXXX";
static char chain[64], key[64], file[64];

static int
setup(void **state)
{
	struct pki_ca ca;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(chain, sizeof(chain), "%s/chain.pem", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	snprintf(file, sizeof(file), "%s/gateway.json", dir);
	pki_ca_init(&ca, "allow");
	pki_write(chain, ca.cert, NULL);
	pki_write(key, NULL, ca.key);
	pki_ca_cleanup(&ca);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(chain);
	unlink(key);
	return rmdir(dir);
}

/* allow: JSON, or NULL for none. */
static int
parse(struct conf **out, const char *allow, const char *more, struct err *err)
{
	char text[4096];
	int n = snprintf(text, sizeof(text),
	    "{\"listen\":[\"127.0.0.1:8443\",\"unix:/tmp/x\",\"[::1]:0\"],"
	    "\"node\":{\"addresses\":\"127.0.0.1:1\"},"
	    "\"identities\":{\"name\":\"i\",\"certificate\":\"%s\","
	    "\"key\":\"%s\"},\"trust\":{\"group\":\"g\",\"anchors\":\"%s\"}%s"
	    "%s%s}",
	    chain, key, chain, more, allow != NULL ? ",\"allow\":" : "",
	    allow != NULL ? allow : "");

	assert_true(n > 0 && (size_t)n < sizeof(text));
	return conf_parse(out, text, (size_t)n, file, NULL, err);
}

/* Certificates. They need no signature: the path has been verified. */

static void
add_name(X509_NAME *name, int nid, const char *value)
{
	assert_int_equal(X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
			     (const unsigned char *)value, -1, -1, 0),
	    1);
}

static void
add_san(GENERAL_NAMES *list, int type, const char *value, int len)
{
	GENERAL_NAME *n = GENERAL_NAME_new();
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();

	assert_int_equal(ASN1_STRING_set(s, value, len), 1);
	GENERAL_NAME_set0_value(n, type, s);
	assert_true(sk_GENERAL_NAME_push(list, n) > 0);
}

/* Of alice, with the names below; nul: one of them is cut short. */
static X509 *
make(int type, const char *value, int len)
{
	X509 *x = X509_new();
	GENERAL_NAMES *san = sk_GENERAL_NAME_new_null();
	X509_NAME *issuer = X509_NAME_new();
	BIGNUM *serial = NULL;

	assert_true(BN_hex2bn(&serial, "00A1B2C3D4E5F60718") > 0);
	assert_non_null(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x)));
	BN_free(serial);
	add_name(X509_get_subject_name(x), NID_organizationName, "Alice, Inc");
	add_name(X509_get_subject_name(x), NID_organizationalUnitName, "nodes");
	add_name(X509_get_subject_name(x), NID_organizationalUnitName,
	    "Z\xc3\xbcrich");
	add_name(X509_get_subject_name(x), NID_commonName, "alice");
	add_name(issuer, NID_organizationName, "Network");
	add_name(issuer, NID_commonName, "CA, the first");
	assert_int_equal(X509_set_issuer_name(x, issuer), 1);
	if (value != NULL)
		add_san(san, type, value, len);
	add_san(san, GEN_DNS, "Node.Alice.example", 18);
	add_san(san, GEN_URI, "SPIFFE://Network/peer/Alice", 27);
	add_san(san, GEN_EMAIL, "Ops@Alice.example", 17);
	if (len >= 0)
		assert_int_equal(
		    X509_add1_ext_i2d(x, NID_subject_alt_name, san, 0, 0), 1);
	GENERAL_NAMES_free(san);
	X509_NAME_free(issuer);
	return x;
}

static bool
holds_at(const char *allow, X509 *x, const struct allow_place *place)
{
	struct conf *c;
	struct err err;
	bool holds;

	if (parse(&c, allow, ",\"http\":{}", &err) != 0)
		fail_msg("%s: %s", allow, err.msg);
	holds = allow_holds(c, x, place);
	conf_free(c);
	return holds;
}

static bool
holds(const char *allow, X509 *x)
{
	const struct allow_place place = {.listen = "127.0.0.1:8443"};

	return holds_at(allow, x, &place);
}

static const struct {
	bool holds;
	const char *allow;
} rules[] = {
    {true, NULL},
    {false, "[]"},
    {false, "[{\"dns\":\"bob\"}]"},
    /* DNS: any case, a wildcard is one label, and a whole one. */
    {true, "[{\"dns\":\"node.alice.example\"}]"},
    {true, "{\"dns\":\"NODE.ALICE.EXAMPLE\"}"},
    {true, "[{\"dns\":\"*.alice.example\"}]"},
    {false, "[{\"dns\":\"*.example\"}]"},
    {false, "[{\"dns\":\"*.node.alice.example\"}]"},
    {false, "[{\"dns\":\"alice.example\"}]"},
    {false, "[{\"dns\":\"lice.example\"}]"},
    {false, "[{\"dns\":\"alice\"}]"}, /* that is the common name */
    /* URI: scheme and host in any case, the path in its own. */
    {true, "[{\"uri\":\"spiffe://network/peer/Alice\"}]"},
    {true, "[{\"uri\":\"Spiffe://NETWORK/peer/Alice\"}]"},
    {false, "[{\"uri\":\"spiffe://network/peer/alice\"}]"},
    {false, "[{\"uri\":\"spiffe://network/Peer/Alice\"}]"},
    {true, "[{\"uri\":\"spiffe://network/peer/*\"}]"},
    {true, "[{\"uri\":\"spiffe://network/*/Alice\"}]"},
    {true, "[{\"uri\":\"spiffe://network/*/*\"}]"},
    {true, "[{\"uri\":\"spiffe://network/**\"}]"},
    {true, "[{\"uri\":\"spiffe://network/peer/**\"}]"},
    {false, "[{\"uri\":\"spiffe://network/*\"}]"},
    {false, "[{\"uri\":\"spiffe://network/peer/Alice/*\"}]"},
    {false, "[{\"uri\":\"spiffe://network/peer/Alice/**\"}]"},
    {false, "[{\"uri\":\"spiffe://network/peer\"}]"},
    {false, "[{\"uri\":\"spiffe://network/peer/Alice/\"}]"},
    {false, "[{\"uri\":\"spiffe://networ/peer/Alice\"}]"},
    {false, "[{\"uri\":\"https://network/peer/Alice\"}]"},
    /* E-mail: the user in its case, the host in any. */
    {true, "[{\"email\":\"Ops@alice.EXAMPLE\"}]"},
    {false, "[{\"email\":\"ops@alice.example\"}]"},
    {true, "[{\"email\":\"*@alice.example\"}]"},
    {false, "[{\"email\":\"*@example\"}]"},
    /* The subject, exactly. */
    {true, "[{\"cn\":\"alice\"}]"},
    {false, "[{\"cn\":\"Alice\"}]"},
    {false, "[{\"cn\":\"alic\"}]"},
    {false, "[{\"cn\":\"alicex\"}]"},
    {false, "[{\"cn\":\"*\"}]"},
    {true, "[{\"ou\":\"nodes\"}]"},
    {true, "[{\"ou\":\"Z\xc3\xbcrich\"}]"},
    {false, "[{\"ou\":\"alice\"}]"},
    {true, "[{\"o\":\"Alice, Inc\"}]"},
    {false, "[{\"o\":\"Alice\"}]"},
    /* Its issuer, and its number. */
    {true, "[{\"issuer\":\"CN=CA\\\\, the first,O=Network\"}]"},
    {true, "[{\"issuer\":\"CN=CA\\\\, the first, O=Network\"}]"},
    {false, "[{\"issuer\":\"O=Network,CN=CA\\\\, the first\"}]"},
    {false, "[{\"issuer\":\"O=Network\"}]"},
    {false, "[{\"issuer\":\"CN=alice\"}]"},
    {true, "[{\"serial\":\"A1B2C3D4E5F60718\"}]"},
    {true, "[{\"serial\":\"00:a1:b2:c3:d4:e5:f6:07:18\"}]"},
    {false, "[{\"serial\":\"A1B2C3D4E5F60719\"}]"},
    {false, "[{\"serial\":\"0718\"}]"},
    /* Of several values one, of several conditions all, of rules one. */
    {true, "[{\"cn\":[\"bob\",\"alice\"]}]"},
    {true, "[{\"cn\":\"alice\",\"dns\":\"*.alice.example\"}]"},
    {false, "[{\"cn\":\"alice\",\"dns\":\"*.bob.example\"}]"},
    {false, "[{\"cn\":\"alice\",\"serial\":\"1\"}]"},
    {true, "[{\"cn\":\"bob\"},{\"cn\":\"alice\"}]"},
    {false,
	"[{\"cn\":\"bob\",\"ou\":\"nodes\"},"
	"{\"cn\":\"alice\",\"ou\":\"x\"}]"},
    /* Where it comes. */
    {true, "[{\"listen\":\"127.0.0.1:8443\"}]"},
    {true, "[{\"listen\":\"8443\"}]"},
    {true, "[{\"listen\":\"listen\"}]"},
    {false, "[{\"listen\":\"listen-2\"}]"},
    {false, "[{\"listen\":[\"unix:/tmp/x\",\"[::1]:0\"]}]"},
    {false, "[{\"listen\":\"8443\",\"cn\":\"bob\"}]"},
    /* There are no requests there. */
    {false, "[{\"path\":\"/\",\"cn\":\"alice\"}]"},
};

static void
who_comes_in(void **state)
{
	X509 *x = make(0, NULL, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (holds(rules[i].allow, x) != rules[i].holds)
			fail_msg("%s", rules[i].allow);
	X509_free(x);
}

/* Who has shown nothing is under rules that ask for nothing. */
static void
nobody_in_particular(void **state)
{
	(void)state;
	assert_true(holds(NULL, NULL));
	assert_false(holds("[]", NULL));
	assert_true(holds("[{\"listen\":\"8443\"}]", NULL));
	assert_false(holds("[{\"listen\":\"8443\",\"cn\":\"alice\"}]", NULL));
	assert_false(holds("[{\"dns\":\"*.alice.example\"}]", NULL));
	assert_false(holds("[{\"issuer\":\"CN=x\"}]", NULL));
	assert_false(holds("[{\"serial\":\"0\"}]", NULL));
}

/* One bad name, and no rule holds, not even of the others. */
static void
names_nobody_can_read(void **state)
{
	static const struct {
		int type;
		const char *value;
		int len;
	} rows[] = {
	    {GEN_DNS, "a.example\0.evil.example", 23},
	    {GEN_DNS, "\0", 1},
	    {GEN_URI, "spiffe://network/peer/bob\0x", 27},
	    {GEN_EMAIL, "a@b\0c", 5},
	    {GEN_DNS, "\xc3\xbc.example", 10},
	};
	static const char *const all =
	    "[{\"cn\":\"alice\"},{\"listen\":\"8443\"},"
	    "{\"dns\":\"*.alice.example\"}]";
	static const unsigned char torn[] = {0x30, 0x05, 0x82, 0x09, 'a'};
	ASN1_OCTET_STRING *bytes = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;
	X509 *x;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		x = make(rows[i].type, rows[i].value, rows[i].len);
		if (holds(all, x))
			fail_msg("row %zu", i);
		X509_free(x);
	}
	/* Not encoded as it should be; twice. */
	x = make(0, NULL, -1);
	assert_true(holds(all, x));
	assert_int_equal(ASN1_OCTET_STRING_set(bytes, torn, sizeof(torn)), 1);
	e = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, bytes);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	assert_false(holds(all, x));
	X509_EXTENSION_free(e);
	X509_free(x);
	x = make(0, NULL, 0);
	assert_true(holds(all, x));
	e = X509_EXTENSION_dup(X509_get_ext(x, 0));
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	assert_false(holds(all, x));
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(bytes);
	X509_free(x);
}

/* What is no name is none, were the same written in a rule. */
static void
names_that_are_none(void **state)
{
	static const struct {
		bool (*match)(
		    const char *pattern, const char *name, size_t len);
		const char *pattern, *name;
	} rows[] = {
	    {name_pattern_dns, "*.a.example", "*.a.example"},
	    {name_pattern_dns, "*.a.example", ".a.example"},
	    {name_pattern_dns, "a.example", "a.example."},
	    {name_pattern_dns, "*.a.example", "x y.a.example"},
	    {name_pattern_uri, "spiffe://n/*", "spiffe://n/"},
	    {name_pattern_uri, "spiffe://n/*", "spiffe://n/.."},
	    {name_pattern_uri, "spiffe://n/*/a", "spiffe://n//a"},
	    {name_pattern_uri, "spiffe://n/**", "spiffe://n/a/../b"},
	    {name_pattern_uri, "spiffe://n/**", "spiffe://n/a//b"},
	    {name_pattern_uri, "spiffe://n/**", "spiffe://n/a/"},
	    {name_pattern_uri, "spiffe://n/**", "spiffe://n"},
	    {name_pattern_uri, "spiffe://n/*", "spiffe://n/a?b"},
	    {name_pattern_uri, "spiffe://n/*", "spiffe://n/a#b"},
	    {name_pattern_uri, "spiffe://n/*", "spiffe://n/a%2fb"},
	    {name_pattern_uri, "spiffe://n/*", "spiffe://u@n/a"},
	    {name_pattern_uri, "spiffe://n/*", "spiffe:/n/a"},
	    {name_pattern_uri, "spiffe://n/*", "n/a"},
	    {name_pattern_email, "*@a.example", "@a.example"},
	    {name_pattern_email, "*@a.example", "x@y@b.example"},
	    {name_pattern_email, "*@a.example", "a.example"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].match(
			rows[i].pattern, rows[i].name, strlen(rows[i].name)))
			fail_msg("%s: %s", rows[i].pattern, rows[i].name);
	assert_true(name_pattern_uri("urn:x:Y", "URN:x:Y", 7));
	assert_false(name_pattern_uri("urn:x:Y", "urn:x:y", 7));
	assert_true(name_pattern_uri("spiffe://n", "spiffe://N", 10));
	assert_true(name_pattern_uri("https://a/b?c=d", "https://A/b?c=d", 15));
}

static void
paths(void **state)
{
	static const struct {
		const char *path;
		bool holds;
	} rows[] = {{"/a", true}, {"/a/", true}, {"/a/b", true}, {"/ab", false},
	    {"/A", false}, {"/", false}, {"/b", false}, {"/c", false},
	    {"/c/", true}, {"/c/d", true}};
	static const char *const allow = "[{\"cn\":\"alice\","
					 "\"path\":[\"/a\",\"/c/\"]}]";
	struct allow_place place = {.http = true};
	X509 *x = make(0, NULL, 0);

	(void)state;
	/* In a handshake: there is a path for it. */
	assert_true(holds_at(allow, x, &place));
	assert_false(holds_at(allow, NULL, &place));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		place.path = rows[i].path;
		place.path_len = strlen(rows[i].path);
		if (holds_at(allow, x, &place) != rows[i].holds)
			fail_msg("%s", rows[i].path);
		/* A rule without one is of all paths. */
		assert_true(holds_at("[{\"cn\":\"alice\"}]", x, &place));
	}
	X509_free(x);
}

static const struct {
	const char *allow, *words[2];
} bad[] = {
    {"1", {"$.allow", "an object"}},
    {"null", {"$.allow", "an object"}},
    {"[{}]", {"$.allow[0]", "at least one condition"}},
    {"[{\"cn\":\"a\"},{}]", {"$.allow[1]", "at least one condition"}},
    {"[{\"dns\":[]}]", {"$.allow[0].dns", "1 to"}},
    {"[{\"dns\":\"\"}]", {"$.allow[0].dns", "not empty"}},
    {"[{\"dns\":[1]}]", {"$.allow[0].dns[0]", "a string"}},
    {"[{\"dns\":null}]", {"$.allow[0].dns", "a string"}},
    {"[{\"san\":\"a\"}]", {"$.allow[0].san", "no such key"}},
    {"[{\"dns\":\"*\"}]", {"$.allow[0].dns", "a DNS name"}},
    {"[{\"dns\":\"a*.b\"}]", {"$.allow[0].dns", "a DNS name"}},
    {"[{\"dns\":\"a.*.b\"}]", {"$.allow[0].dns", "a DNS name"}},
    {"[{\"dns\":\"*.*.b\"}]", {"$.allow[0].dns", "a DNS name"}},
    {"[{\"dns\":\"a..b\"}]", {"$.allow[0].dns", "a DNS name"}},
    {"[{\"dns\":\"a.b.\"}]", {"$.allow[0].dns", "a DNS name"}},
    {"[{\"dns\":[\"a\",\"\xc3\xbc.b\"]}]", {"$.allow[0].dns[1]", "a DNS name"}},
    {"[{\"uri\":\"network\"}]", {"$.allow[0].uri", "a URI"}},
    {"[{\"uri\":\"spiffe://\"}]", {"$.allow[0].uri", "a URI"}},
    {"[{\"uri\":\"spiffe://*/a\"}]", {"$.allow[0].uri", "a URI"}},
    {"[{\"uri\":\"spiffe://n/a*\"}]", {"$.allow[0].uri", "a URI"}},
    {"[{\"uri\":\"spiffe://n/**/a\"}]", {"$.allow[0].uri", "a URI"}},
    {"[{\"uri\":\"spiffe://u@n/a\"}]", {"$.allow[0].uri", "a URI"}},
    {"[{\"uri\":\"urn:*\"}]", {"$.allow[0].uri", "a URI"}},
    {"[{\"email\":\"host\"}]", {"$.allow[0].email", "user@host"}},
    {"[{\"email\":\"a*@host\"}]", {"$.allow[0].email", "user@host"}},
    {"[{\"email\":\"a@*.host\"}]", {"$.allow[0].email", "user@host"}},
    {"[{\"issuer\":\"Alice\"}]", {"$.allow[0].issuer", "RFC 2253"}},
    {"[{\"serial\":\"0x1\"}]", {"$.allow[0].serial", "hexadecimal"}},
    {"[{\"serial\":\"-1\"}]", {"$.allow[0].serial", "hexadecimal"}},
    {"[{\"serial\":\":1\"}]", {"$.allow[0].serial", "hexadecimal"}},
    {"[{\"path\":\"a\"}]", {"$.allow[0].path", "a path"}},
    {"[{\"path\":\"/a?b\"}]", {"$.allow[0].path", "a path"}},
    {"[{\"path\":\"/a\"}]", {"$.allow[0].path", "$.http"}},
    {"[{\"listen\":\"9\"}]", {"$.allow[0].listen", "a listener"}},
    {"[{\"listen\":\"listen-4\"}]", {"$.allow[0].listen", "a listener"}},
    {"[{\"listen\":\"127.0.0.1:1\"}]", {"$.allow[0].listen", "a listener"}},
};

static void
bad_rules(void **state)
{
	struct conf *c;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(&c, bad[i].allow, "", &err) == 0)
			fail_msg("taken: %s", bad[i].allow);
		for (size_t k = 0; k < 2; k++)
			if (strstr(err.msg, bad[i].words[k]) == NULL)
				fail_msg("%s: %s", bad[i].allow, err.msg);
	}
	/* A path, where a listener relays bytes. */
	assert_int_not_equal(
	    parse(&c, "[{\"listen\":\"8443\",\"path\":\"/a\"}]",
		",\"http\":{\"listen\":\"127.0.0.1:8444\"}", &err),
	    0);
	assert_non_null(strstr(err.msg, "reads requests"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_comes_in),
	    cmocka_unit_test(nobody_in_particular),
	    cmocka_unit_test(names_nobody_can_read),
	    cmocka_unit_test(names_that_are_none),
	    cmocka_unit_test(paths),
	    cmocka_unit_test(bad_rules),
	};

	return cmocka_run_group_tests_name("allow", tests, setup, teardown);
}
