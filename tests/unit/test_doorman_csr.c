/* A request from outside: which names are taken, and what is seen of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fixtures/doorman/base/issue.h"
#include "tests/doorman/judged.h"
#include "tests/doorman/test_ca.h"

static EVP_PKEY *ours, *other;

static int
setup(void **state)
{
	(void)state;
	ours = EVP_EC_gen("P-256");
	other = EVP_EC_gen("P-256");
	assert_non_null(ours);
	assert_non_null(other);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(ours);
	EVP_PKEY_free(other);
	return 0;
}

/* Extensions. */

static X509_REQ *
with_extensions(STACK_OF(X509_EXTENSION) * list)
{
	X509_REQ *req = test_csr(ours, "Alice");

	assert_int_equal(X509_REQ_add_extensions(req, list), 1);
	assert_true(X509_REQ_sign(req, ours, EVP_sha256()) > 0);
	return req;
}

struct wish {
	int nid;
	const char *value; /* in the words of x509v3.cnf; "!...": raw bytes */
};

static const struct {
	struct wish wish[2];
	const char *says;
} wishes[] = {
    {{{NID_subject_alt_name, "DNS:a.example"}}, NULL},
    {{{NID_subject_alt_name, "IP:192.0.2.1"}}, NULL},
    {{{NID_subject_alt_name, "IP:2001:db8::1"}}, NULL},
    {{{NID_subject_alt_name, "critical,DNS:a,DNS:*.b,IP:192.0.2.1"}}, NULL},
    {{{NID_subject_alt_name, "URI:spiffe://a/b"}}, "neither DNS nor"},
    {{{NID_subject_alt_name, "email:a@b.example"}}, "neither DNS nor"},
    {{{NID_subject_alt_name, "RID:1.2.3"}}, "neither DNS nor IP"},
    {{{NID_subject_alt_name, "otherName:1.2.3;UTF8:x"}}, "neither DNS nor IP"},
    {{{NID_subject_alt_name, "DNS:a,DNS:b,URI:http://c"}},
	"neither DNS nor IP"},
    {{{NID_subject_alt_name, "DNS:a"}, {NID_subject_alt_name, "DNS:b"}},
	"two subjectAltNames"},
    {{{NID_subject_alt_name, "!\x04\x01x"}}, "malformed"},
    {{{NID_subject_alt_name, "!"}}, "malformed"},
    {{{NID_subject_alt_name, "!\x30"}}, "malformed"},
    {{{NID_basic_constraints, "CA:FALSE"}}, NULL},
    {{{NID_basic_constraints, "CA:TRUE"}}, "to become a CA"},
    {{{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"}}, "to become a CA"},
    {{{NID_basic_constraints, "!\x02\x01\x01"}}, "to become a CA"},
    {{{NID_subject_alt_name, "DNS:a"}, {NID_basic_constraints, "CA:TRUE"}},
	"to become a CA"},
    {{{NID_basic_constraints, "CA:FALSE"}, {NID_basic_constraints, "CA:TRUE"}},
	"to become a CA"},
    /* This CA's to decide: taken, and not issued. */
    {{{NID_key_usage, "critical,keyCertSign,cRLSign"},
	 {NID_ext_key_usage, "OCSPSigning"}},
	NULL},
};

static void
extensions_are_names(void **state)
{
	X509V3_CTX ctx;

	(void)state;
	X509V3_set_ctx(&ctx, NULL, NULL, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
		const struct wish *w = wishes[i].wish;
		X509_REQ *req;
		char row[24];

		for (int n = 0; n < 2 && w[n].value != NULL; n++) {
			X509_EXTENSION *e = w[n].value[0] == '!'
			    ? test_extension(w[n].nid, 0, w[n].value + 1)
			    : X509V3_EXT_conf_nid(
				  NULL, &ctx, w[n].nid, w[n].value);

			assert_non_null(e);
			sk_X509_EXTENSION_push(list, e);
		}
		snprintf(row, sizeof(row), "row %zu", i);
		req = with_extensions(list);
		test_judged_request(row, req, wishes[i].says);
		X509_REQ_free(req);
		sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	}
}

/* A subjectAltName of these names, in a request. */
static void
judged_names(const char *row, GENERAL_NAMES *names, const char *says)
{
	STACK_OF(X509_EXTENSION) *list = NULL;
	X509_REQ *req;

	assert_int_equal(
	    X509V3_add1_i2d(&list, NID_subject_alt_name, names, 0, 0), 1);
	req = with_extensions(list);
	test_judged_request(row, req, says);
	X509_REQ_free(req);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

static void
add_name(GENERAL_NAMES *names, int type, const void *bytes, size_t len)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = ASN1_STRING_type_new(
	    type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);

	assert_int_equal(ASN1_STRING_set(value, bytes, (int)len), 1);
	GENERAL_NAME_set0_value(name, type, value);
	sk_GENERAL_NAME_push(names, name);
}

static void
names_are_counted(void **state)
{
	static const struct {
		int num;
		const char *says;
	} rows[] = {{1, NULL}, {16, NULL}, {17, "more than 16 names"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		GENERAL_NAMES *names = GENERAL_NAMES_new();

		for (int n = 0; n < rows[i].num; n++)
			add_name(names, GEN_DNS, "a", 1);
		judged_names("count", names, rows[i].says);
		GENERAL_NAMES_free(names);
	}
}

/* What stands in a certificate is read by others, each in its own way. */
static void
names_are_names(void **state)
{
	static const struct {
		int type;
		const char *bytes;
		size_t len;
		const char *says;
	} rows[] = {
	    {GEN_DNS, "good.example\0.evil", 18, "name 2 of the"},
	    {GEN_DNS, "a b", 3, "is no DNS name"},
	    {GEN_DNS, "a\n", 2, "is no DNS name"},
	    {GEN_DNS, "a\x7f", 2, "is no DNS name"},
	    {GEN_DNS, "\xc3\xa4", 2, "is no DNS name"},
	    {GEN_DNS, "", 0, "is no DNS name"},
	    {GEN_DNS, "!~", 2, "is no DNS name"},
	    {GEN_DNS, "b", 1, NULL},
	    {GEN_DNS, "A", 1, NULL},
	    {GEN_DNS, "*.a.example", 11, NULL},
	    {GEN_DNS, "*.*", 3, "is no DNS name"},
	    {GEN_DNS, "a..b", 4, "is no DNS name: 'a..b' has an empty label"},
	    {GEN_IPADD, "\0\0\0\0", 4, NULL},
	    {GEN_IPADD, "\0\0\0", 3, "is no IP address"},
	    {GEN_IPADD, "\0\0\0\0\0", 5, "is no IP address"},
	    {GEN_IPADD, "\0\0\0\0\0\0\0\0", 8, "is no IP address"},
	    {GEN_IPADD, "0123456789abcdef", 16, NULL},
	    {GEN_IPADD, "0123456789abcdefg", 17, "is no IP address"},
	};
	GENERAL_NAMES *names;
	char row[24];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		names = GENERAL_NAMES_new();
		add_name(names, GEN_DNS, "a", 1);
		add_name(names, rows[i].type, rows[i].bytes, rows[i].len);
		snprintf(row, sizeof(row), "name, row %zu", i);
		judged_names(row, names, rows[i].says);
		GENERAL_NAMES_free(names);
	}
	names = GENERAL_NAMES_new();
	judged_names("no name", names, "subjectAltName is empty");
	GENERAL_NAMES_free(names);
}

/* Nobody's wish may be passed over because it cannot be read. */
static void
unreadable_extensions_are_refused(void **state)
{
	static const int nids[] = {NID_ext_req, NID_ms_ext_req};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		X509_REQ *req = test_csr(ours, "Alice");

		assert_int_equal(
		    X509_REQ_add1_attr_by_NID(req, nids[i], V_ASN1_SEQUENCE,
			(const unsigned char *)"\x30\x02\x05\x00", 4),
		    1);
		assert_true(X509_REQ_sign(req, ours, EVP_sha256()) > 0);
		test_judged_request(
		    "no list of extensions", req, "extensions are malformed");
		X509_REQ_free(req);
	}
}

static void
a_directory_name_is_refused(void **state)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	X509_NAME *dn = X509_NAME_new();

	(void)state;
	X509_NAME_add_entry_by_txt(
	    dn, "O", MBSTRING_ASC, (const unsigned char *)"Bob", -1, -1, 0);
	GENERAL_NAME_set0_value(name, GEN_DIRNAME, dn);
	sk_GENERAL_NAME_push(names, name);
	judged_names("directoryName", names, "neither DNS nor IP");
	GENERAL_NAMES_free(names);
}

/* What a person sees of it. */
static void
facts_are_whole(void **state)
{
	static const char *const wish =
	    "Legal name: O=Alice\n"
	    "Name 1 of 3: DNS bank.example\n"
	    "Name 2 of 3: DNS *.corda.net (is a wildcard)\n"
	    "Name 3 of 3: IP 10.0.0.1\n"
	    "Certificate authority: no\n"
	    "Key: EC P-256\n"
	    "Key (SHA-256): ";
	static const char *const rest =
	    "\nSignature: ecdsa-with-SHA256\n"
	    "Usages asked for, not given: keyCertSign, cRLSign, OCSPSigning\n"
	    "Extensions asked for, not given: nsComment\n";
	static const struct wish wanted[] = {
	    {NID_subject_alt_name,
		"DNS:bank.example,DNS:*.corda.net,IP:10.0.0.1,"
		"DNS:BANK.example"},
	    {NID_key_usage, "critical,keyCertSign,cRLSign"},
	    {NID_ext_key_usage, "OCSPSigning"},
	    {NID_netscape_comment, "hello"},
	};
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	struct buf der, text;
	struct fault f = {""};
	struct csr csr;
	X509V3_CTX ctx;
	X509_REQ *req;

	(void)state;
	X509V3_set_ctx(&ctx, NULL, NULL, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	for (size_t i = 0; i < 4; i++)
		sk_X509_EXTENSION_push(list,
		    X509V3_EXT_conf_nid(
			NULL, &ctx, wanted[i].nid, wanted[i].value));
	req = with_extensions(list);
	buf_init(&der, 65536);
	buf_init(&text, 65536);
	test_csr_der(&der, req);
	if (csr_read(&csr, buf_view(&der), &f) != 0)
		fail_msg("%s", f.msg);
	csr_facts_of(&text, buf_view(&der), csr_facts);
	assert_memory_equal(buf_str(&text), wish, strlen(wish));
	assert_string_equal(buf_str(&text) + strlen(wish) + 64, rest);
	text.len = 0;
	csr_facts_short(&text, &csr);
	assert_string_equal(buf_str(&text),
	    "DNS bank.example, DNS *.corda.net, IP 10.0.0.1; EC P-256");
	csr_cleanup(&csr);
	buf_free(&der);
	buf_free(&text);
	X509_REQ_free(req);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

/* The rest. */

static void
a_body_is_one_request(void **state)
{
	X509_REQ *req = test_csr(ours, "Alice"), *other_req;
	BIO *mem = BIO_new(BIO_s_mem());
	struct buf der;
	char *pem;
	long len;

	(void)state;
	buf_init(&der, 65536);
	test_csr_der(&der, req);
	test_judged("DER", der.p, der.len, NULL);
	buf_byte(&der, 0);
	test_judged("a byte behind", der.p, der.len, "bytes follow");
	test_judged("a byte less", der.p, der.len - 2, "not a PKCS#10");
	test_judged("nothing", "", 0, "not a PKCS#10");
	test_judged("text", "hello", 5, "not a PKCS#10");
	assert_int_equal(PEM_write_bio_X509_REQ(mem, req), 1);
	len = BIO_get_mem_data(mem, &pem);
	test_judged("PEM", pem, (size_t)len, NULL);
	BIO_free(mem);
	buf_free(&der);
	X509_REQ_free(req);
	/* The name's own rules are tested elsewhere; that they are asked, here.
	 */
	other_req = test_csr(ours, "a\nb");
	test_judged_request("a name", other_req, "the request's subject");
	X509_REQ_free(other_req);
}

/* The hash stands for the key: no two keys share one, one key has one. */
static void
the_hash_is_of_the_key(void **state)
{
	EVP_PKEY *const keys[] = {ours, ours, other};
	static const char *const name[] = {"Alice", "Bob", "Alice"};
	struct csr csr[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		X509_REQ *req = test_csr(keys[i], name[i]);
		struct buf der;
		struct fault f;

		buf_init(&der, 65536);
		test_csr_der(&der, req);
		assert_int_equal(csr_read(&csr[i], buf_view(&der), &f), 0);
		assert_int_equal(strlen(csr[i].key_hash), 64);
		buf_free(&der);
		X509_REQ_free(req);
	}
	assert_string_equal(csr[0].subject, "O=Alice");
	assert_string_equal(csr[1].subject, "O=Bob");
	assert_string_equal(csr[0].key_hash, csr[1].key_hash);
	assert_string_not_equal(csr[0].key_hash, csr[2].key_hash);
	for (int i = 0; i < 3; i++)
		csr_cleanup(&csr[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(extensions_are_names),
	    cmocka_unit_test(names_are_counted),
	    cmocka_unit_test(names_are_names),
	    cmocka_unit_test(unreadable_extensions_are_refused),
	    cmocka_unit_test(a_directory_name_is_refused),
	    cmocka_unit_test(facts_are_whole),
	    cmocka_unit_test(a_body_is_one_request),
	    cmocka_unit_test(the_hash_is_of_the_key),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
