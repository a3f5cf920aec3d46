/* subject, dn: what is shown of any name, and what lists are asked about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "cache/base/subject.h"
#include "cache/base/text.h"
#include "gateway/base/dn.h"
#include "tests/lib/selfcert.h"

static const char *const nobody[] = {NULL};
static const char *const alice[] = {
    "C", "GB", "L", "London", "O", "Alice Corp", NULL};

static X509 *
cert_make(const char *const *subject, const char *san)
{
	EVP_PKEY *key;
	X509 *x = selfcert_new(&key, subject);
	X509_EXTENSION *e;

	if (san != NULL) {
		e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
		assert_non_null(e);
		assert_int_equal(X509_add_ext(x, e, -1), 1);
		X509_EXTENSION_free(e);
		assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	}
	EVP_PKEY_free(key);
	return x;
}

static void
without_subject_by_the_alternative_name(void **state)
{
	static const struct {
		const char *san, *shown;
	} rows[] = {
	    {"DNS:alice.example", "DNS:alice.example"},
	    {"DNS:a'b c\n\\\"x", "DNS:a\\27b\\20c\\0A\\5C\\22x"},
	    {"IP:192.0.2.7", "IP:192.0.2.7"},
	    {"IP:2001:db8::1", "IP:2001:db8::1"},
	    {"URI:spiffe://a/b?CN=x", "URI:spiffe://a/b?CN=x"},
	    {"email:a@b.example", "email:a@b.example"},
	    {"RID:1.2.3,DNS:second.example", "DNS:second.example"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* \ in a value of OpenSSL's configuration stands for itself. */
		X509 *x = cert_make(nobody, rows[i].san);
		char shown[DN_MAX], exact[DN_MAX] = "x";

		subject_show(shown, sizeof(shown), x);
		assert_string_equal(shown, rows[i].shown);
		/* No list of subjects has it. */
		assert_false(dn_text(exact, x));
		assert_string_equal(exact, "");
		X509_free(x);
	}
}

static void
with_neither_by_its_hash(void **state)
{
	static const char *const sans[] = {NULL, "RID:1.2.3"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		X509 *x = cert_make(nobody, sans[i]);
		char shown[DN_MAX], want[DN_MAX] = "<sha256=";
		unsigned char md[32];

		X509_digest(x, EVP_sha256(), md, NULL);
		text_hex(want + 8, md, 32);
		strcat(want, ">");
		subject_show(shown, sizeof(shown), x);
		assert_string_equal(shown, want);
		X509_free(x);
	}
}

static void
a_subject_comes_first(void **state)
{
	X509 *x = cert_make(alice, "DNS:alice.example");
	char shown[DN_MAX], exact[DN_MAX];

	(void)state;
	subject_show(shown, sizeof(shown), x);
	assert_string_equal(shown, "O=Alice Corp,L=London,C=GB");
	assert_true(dn_text(exact, x));
	assert_string_equal(exact, shown);
	X509_free(x);
}

/* CN=, and a value that takes len - 3 bytes of text. */
static X509_NAME *
name_make(size_t len, const char *last)
{
	X509_NAME *name = X509_NAME_new();
	char *value = calloc(1, len + 1);

	memset(value, 'v', len - 3);
	memcpy(value + len - 3 - strlen(last), last, strlen(last));
	/* By hand: OpenSSL has a bound for common names when it knows them. */
	assert_int_equal(
	    X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
		(unsigned char *)value, (int)(len - 3), -1, 0),
	    1);
	free(value);
	return name;
}

static void
long_names_are_cut_with_their_hash(void **state)
{
	static const size_t lens[] = {10, 510, 511, 512, 513, 1000, 70000};

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		X509_NAME *name = name_make(lens[i], "e");
		char shown[DN_MAX], exact[DN_MAX], hash[80] = "...<sha256=";
		unsigned char md[32];

		subject_show_name(shown, sizeof(shown), name);
		assert_memory_equal(shown, "CN=vvvv", 7);
		if (lens[i] < DN_MAX) {
			assert_int_equal(strlen(shown), lens[i]);
			assert_true(dn_name_text(exact, name));
			assert_string_equal(exact, shown);
		} else {
			X509_NAME_digest(name, EVP_sha256(), md, NULL);
			text_hex(hash + 11, md, 32);
			strcat(hash, ">");
			assert_int_equal(strlen(shown), DN_MAX - 1);
			assert_string_equal(
			    shown + DN_MAX - 1 - strlen(hash), hash);
			/* Cut, it could pass for another's. */
			assert_false(dn_name_text(exact, name));
		}
		X509_NAME_free(name);
	}
}

/* The text is all that there is room for, and no escape is cut. */
static void
every_room(void **state)
{
	X509_NAME *name = name_make(700, "e");
	X509_NAME *hard = X509_NAME_new();
	unsigned char value[300];

	(void)state;
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = i % 3 == 0 ? '\n' : i % 3 == 1 ? '<' : 'x';
	assert_int_equal(X509_NAME_add_entry_by_NID(hard, NID_commonName,
			     V_ASN1_UTF8STRING, value, sizeof(value), -1, 0),
	    1);
	for (size_t room = 1; room < 600; room++) {
		char *out = malloc(room); /* exactly: the sanitizer looks on */
		const char *end;

		subject_show_name(out, room, name);
		assert_int_equal(strlen(out), room - 1);
		subject_show_name(out, room, hard);
		assert_in_range(strlen(out), room < 4 ? 0 : room - 3, room - 1);
		end = room < SUBJECT_ROOM_HASH ? out + strlen(out)
					       : strstr(out, "...<sha256=");
		assert_non_null(end);
		for (const char *p = out; p < end; p++) {
			if (*p != '\\')
				continue;
			assert_true(p[1] == '<' ? p + 1 < end : p + 2 < end);
			p++;
		}
		free(out);
	}
	X509_NAME_free(name);
	X509_NAME_free(hard);
}

static void
the_empty_name(void **state)
{
	X509_NAME *name = X509_NAME_new();
	char out[DN_MAX] = "x";

	(void)state;
	subject_show_name(out, sizeof(out), name);
	assert_string_equal(out, "");
	subject_show_name(out, sizeof(out), NULL);
	assert_string_equal(out, "");
	strcpy(out, "x");
	assert_false(dn_name_text(out, name));
	assert_string_equal(out, "");
	X509_NAME_free(name);
}

/* RFC 2253: several values in one RDN, and what has no name in hexadecimal. */
static void
every_form_comes_back(void **state)
{
	static const struct {
		const char *text, *exact; /* NULL: none */
	} rows[] = {
	    {"2.4.4.97=#0C0141,C=GB", "2.4.4.97=#0C0141,C=GB"},
	    {"OU=b+CN=a, O=c", "OU=b+CN=a,O=c"},
	    {"OU=b + CN=a+ DC=d,O=c", "OU=b+CN=a+DC=d,O=c"},
	    {"CN=a\\+OU=b,O=c", "CN=a\\+OU=b,O=c"}, {"CN=a+b,O=c", NULL},
	    {"CN=a+,O=c", NULL}, {"2.4.4.97=#130141", "2.4.4.97=#130141"},
	    {"2.4.4.97=#160141", "2.4.4.97=#160141"},
	    {"O=#0c05416c696365", "O=Alice"}, {"O=\\#0c0141", "O=\\#0c0141"},
	    {"O=#", NULL}, {"O=#0", NULL}, {"O=#0c014", NULL},
	    {"O=#0c0241", NULL}, {"O=#0c014100", NULL}, {"O=#0c01zz", NULL},
	    {"O=#3000", NULL}, {"O=#0101ff", NULL}, {"O=#0500", NULL},
	    {"2.4.4.97=#0c0182", NULL}, /* no UTF-8 */
	    {"C=#0c0141", NULL},        /* as C=A is */
	};
	char exact[DN_MAX], text[2 * DN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		X509_NAME *name = dn_parse(rows[i].text);

		assert_int_equal(name != NULL, rows[i].exact != NULL);
		if (name == NULL)
			continue;
		assert_true(dn_name_text(exact, name));
		assert_string_equal(exact, rows[i].exact);
		X509_NAME_free(name);
	}
	/* A value that is cut would be another's. */
	memset(text, 'x', sizeof(text));
	memcpy(text, "2.4.4.97=", 9);
	text[9 + DN_MAX + 1] = '\0';
	assert_null(dn_parse(text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_subject_by_the_alternative_name),
	    cmocka_unit_test(with_neither_by_its_hash),
	    cmocka_unit_test(a_subject_comes_first),
	    cmocka_unit_test(long_names_are_cut_with_their_hash),
	    cmocka_unit_test(every_room),
	    cmocka_unit_test(the_empty_name),
	    cmocka_unit_test(every_form_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
