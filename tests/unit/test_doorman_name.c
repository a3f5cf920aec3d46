/* Names: of one kind of attribute one, and none that is passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509.h>

#include "fixtures/doorman/base/name.h"
#include "fixtures/doorman/base/name_rules.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

/* As a certificate has it: type, value, type, value ... */
struct name {
	const char *part[6];
	const char *canonical, *says;
};

static X509_NAME *
name_of(const struct name *n)
{
	X509_NAME *name = X509_NAME_new();

	for (int i = 0; i < 6 && n->part[i] != NULL; i += 2)
		assert_int_equal(
		    X509_NAME_add_entry_by_txt(name, n->part[i], MBSTRING_UTF8,
			(const unsigned char *)n->part[i + 1], -1, -1, 0),
		    1);
	return name;
}

static void
a_certificate_s_name_is_read_whole(void **state)
{
	static const struct name rows[] = {
	    {{"C", "FR", "O", "Alice"}, "O=Alice, C=FR", NULL},
	    {{"CN", "x", "O", "A, B"}, "CN=x, O=A\\, B", NULL},
	    {{"O", "Alice, C=FR"}, "O=Alice\\, C\\=FR", NULL},
	    {{"O", "Alice", "O", "Bob"}, NULL, "more than one O"},
	    {{"O", "Alice", "emailAddress", "a@b"}, NULL, "has 'emailAddress'"},
	    {{"O", "Alice", "serialNumber", "1"}, NULL, "has 'serialNumber'"},
	    {{"O", "Alice", "UID", "root"}, NULL, "has 'UID'"},
	    {{"O", "Alice", "1.2.3.4", "x"}, NULL, "an unknown attribute"},
	    {{"O", "a\tb"}, NULL, "control character"},
	    {{"O", "a\x7f"}, NULL, "control character"},
	    {{NULL}, NULL, "the name is empty"},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		char text[NAME_TEXT_MAX];
		struct fault f = {""};
		X509_NAME *name = name_of(&rows[i]), *back;
		int rc = name_of_x509(text, name, &f);

		if ((rc == 0) != (rows[i].says == NULL) ||
		    (rc != 0 && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		if (rc == 0) {
			assert_string_equal(text, rows[i].canonical);
			/* And back, to a name that reads the same. */
			back = name_to_x509(text, &f);
			assert_non_null(back);
			assert_int_equal(name_of_x509(text, back, &f), 0);
			assert_string_equal(text, rows[i].canonical);
			X509_NAME_free(back);
		}
		X509_NAME_free(name);
	}
}

static void
a_name_as_text_is_read_whole(void **state)
{
	static const struct {
		const char *text, *canonical, *says;
	} rows[] = {
	    {"O=Alice,C=FR", "O=Alice, C=FR", NULL},
	    {"O=Alice, C=F", NULL, "two capitals"},
	    {"O=Alice, C=", NULL, "C is empty"},
	    {"O=Alice, C=fr", NULL, "two capitals"},
	    {"O=Alice, C=FRA", NULL, "two capitals"},
	    {"O=Alice, O=Bob", NULL, "more than one O"},
	    {"O=Alice, X=y", NULL, "has 'X'"},
	    {"O=Alice+CN=Bob", NULL, "not escaped"},
	    {"O=Alice,", NULL, "is not of the form"},
	    {"O=Alice\\", NULL, "ends in a backslash"},
	    {"", NULL, "is not of the form"},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		char text[NAME_TEXT_MAX];
		struct fault f = {""};
		int rc = name_canonical(text, rows[i].text, &f);

		if ((rc == 0) != (rows[i].says == NULL) ||
		    (rc != 0 && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		if (rc == 0)
			assert_string_equal(text, rows[i].canonical);
	}
}

/* 128 bytes of a value are taken, one more is not. */
static void
values_have_a_length(void **state)
{
	char value[132], text[NAME_TEXT_MAX], wish[140];
	struct fault f;

	(void)state;
	for (size_t len = 127; len <= 130; len++) {
		memset(value, 'x', len);
		value[len] = '\0';
		snprintf(wish, sizeof(wish), "O=%s", value);
		assert_int_equal(
		    name_canonical(text, wish, &f), len <= 128 ? 0 : -1);
		if (len <= 128)
			assert_string_equal(text, wish);
	}
}

/* Corda's longest organisation, in letters of one to four bytes, there and
 * back; X.520 would have 64. */
static void
long_values_become_names(void **state)
{
	static const char *const letters[] = {
	    "x", "\xc3\xa9", "\xe6\x9d\xb1", "\xf0\xa0\x80\x80", "+"};

	(void)state;
	for (size_t i = 0; i < NUM(letters); i++) {
		char value[600] = "", more[700], text[NAME_TEXT_MAX],
		     back[NAME_TEXT_MAX], one[NAME_VALUE_MAX];
		struct fault f = {""};
		X509_NAME *name;

		for (int n = 0; n < 128; n++)
			strcat(value, letters[i]);
		if (name_of_fields(text,
			&(struct name_fields){
			    value, value, value, value, value, "GB"},
			&f) != 0)
			fail_msg("%s", f.msg);
		name = name_to_x509(text, &f);
		if (name == NULL)
			fail_msg("%s", f.msg);
		assert_int_equal(name_of_x509(back, name, &f), 0);
		assert_string_equal(back, text);
		assert_int_equal(name_canonical(back, text, &f), 0);
		assert_string_equal(back, text);
		assert_true(name_value(one, text, "L"));
		assert_string_equal(one, value);
		X509_NAME_free(name);
		snprintf(more, sizeof(more), "%s%s", value, letters[i]);
		assert_int_equal(
		    name_of_fields(
			text, &(struct name_fields){.organisation = more}, &f),
		    -1);
		assert_non_null(strstr(f.msg, "longer than 128 letters"));
	}
}

static void
values_are_found(void **state)
{
	char v[NAME_VALUE_MAX];

	(void)state;
	assert_true(name_value(v, "CN=x, O=A\\, C\\=FR, C=GB", "O"));
	assert_string_equal(v, "A, C=FR");
	assert_true(name_value(v, "CN=x, O=A\\, C\\=FR, C=GB", "C"));
	assert_string_equal(v, "GB");
	assert_false(name_value(v, "CN=x, O=A\\, C\\=FR, C=GB", "L"));
	assert_true(name_value(v, "O=\\ A\\ , C=GB", "O"));
	assert_string_equal(v, " A ");
}

/* RFC 4514 2.4; once it was lost on the way to the certificate. */
static void
outer_blanks_are_kept(void **state)
{
	static const char *const values[] = {"Poison ", " Poison", " ", "  "};

	(void)state;
	for (size_t i = 0; i < NUM(values); i++) {
		char text[NAME_TEXT_MAX], back[NAME_TEXT_MAX];
		struct fault f;
		X509_NAME *name;

		assert_int_equal(
		    name_of_fields(text,
			&(struct name_fields){
			    .organisation = values[i], .country = "GB"},
			&f),
		    0);
		name = name_to_x509(text, &f);
		assert_non_null(name);
		assert_int_equal(name_of_x509(back, name, &f), 0);
		assert_string_equal(back, text);
		assert_int_equal(name_canonical(back, text, &f), 0);
		assert_string_equal(back, text);
		X509_NAME_free(name);
	}
}

/* The network's rules. */
static void
corda_s_rules(void **state)
{
	static const struct {
		const char *name, *says; /* NULL: taken */
	} rows[] = {
	    {"O=Alice, C=GB", NULL},
	    {"CN=x, OU=y, O=Alice, L=London, ST=z, C=GB", NULL},
	    {"O=Soci\xc3\xa9t\xc3\xa9 G\xc3\xa9n\xc3\xa9rale, C=FR", NULL},
	    {"O=\xe6\x9d\xb1\xe4\xba\xac, C=JP", NULL},
	    {"O=Alice, C=ZZ", NULL},
	    {"O=AT&T\\; (Holdings) No. 7/8, C=US", NULL},
	    {"O=Alice", "has no C; this network requires O,C"},
	    {"C=GB", "has no O"},
	    {"CN=Alice, C=GB", "has no O"},
	    {"O=Alice, C=XX", "not a country"},
	    {"O=Alice, C=EU", "not a country"},
	    {"O=A, C=GB", "O has 1 letters; 2 to 128"},
	    {"O=\\ Alice, C=GB", "begins or ends with a blank"},
	    {"O=Alice\\ , C=GB", "begins or ends with a blank"},
	    {"O=Alice  Ltd, C=GB", "has two blanks"},
	    {"O=Alice, L=a  b, C=GB", "L 'a  b' has two blanks"},
	    {"O=A\\, B, C=GB", "has a ','"},
	    {"O=A\\=B, C=GB", "has a '='"},
	    {"O=A$, C=GB", "has a '$'"},
	    {"O=\\\"A\\\", C=GB", "has a '\"'"},
	    {"O=O'Neil, C=GB", "has a '''"},
	    {"O=a\\\\b, C=GB", "has a '\\'"},
	    {"O=Socie\xcc\x81t\xc3\xa9, C=FR", "normal form NFKC"},
	    {"O=\xef\xbc\xa1lice, C=GB", "normal form NFKC"},
	    {"O=\xef\xac\x81x, C=GB", "normal form NFKC"},
	    {"O=B\xd0\xb0nk, C=GB", "mixes scripts"},
	    {"O=Bank, L=L\xce\xbfndon, C=GB", "L 'L\xce\xbfndon' mixes"},
	};
	char text[NAME_TEXT_MAX], wide[200];
	struct fault f;

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		int rc;

		f.msg[0] = '\0';
		assert_int_equal(name_canonical(text, rows[i].name, &f), 0);
		rc = name_rules_check(NAME_RULES_CORDA, "O,C", text, &f);
		if ((rc == 0) != (rows[i].says == NULL) ||
		    (rc != 0 && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("%s: %d '%s'", rows[i].name, rc, f.msg);
		assert_int_equal(
		    name_rules_check(NAME_RULES_ANY, "O,C", text, &f), 0);
	}
	assert_int_equal(
	    name_rules_check(NAME_RULES_CORDA, "O,L,C", "O=Alice, C=GB", &f),
	    -1);
	assert_non_null(strstr(f.msg, "has no L"));
	for (size_t len = 127; len <= 128; len++) {
		snprintf(wide, sizeof(wide), "O=%0*d, C=GB", (int)len, 1);
		assert_int_equal(
		    name_rules_check(NAME_RULES_CORDA, "O", wide, &f), 0);
	}
	for (size_t len = 64; len <= 65; len++) {
		snprintf(
		    wide, sizeof(wide), "O=Alice, L=%0*d, C=GB", (int)len, 1);
		assert_int_equal(
		    name_rules_check(NAME_RULES_CORDA, "O", wide, &f),
		    len == 64 ? 0 : -1);
	}
	assert_int_equal(name_require_check("O,L,C", &f), 0);
	assert_int_equal(name_require_check("", &f), -1);
	assert_int_equal(name_require_check(" ,", &f), -1);
	assert_int_equal(name_require_check("O,X", &f), -1);
}

static void
names_that_look_alike(void **state)
{
	static const struct {
		const char *a, *b;
		bool alike;
	} rows[] = {
	    {"O=Alice, C=GB", "O=Alice, C=GB", false},
	    {"O=Alice, C=GB", "O=AIice, C=GB", true},
	    {"O=Alice, C=GB", "O=ALICE, C=GB", true},
	    {"O=Alice, L=Paris, C=FR", "O=A1ice, C=GB", true},
	    /* A member with several names. */
	    {"O=Alice, L=Paris, C=FR", "O=Alice, C=GB", false},
	    {"CN=a, O=Alice, C=GB", "CN=b, O=Alice, C=GB", false},
	    {"CN=l, O=Alice, C=GB", "CN=1, O=Alice, C=GB", true},
	    {"O=Alice, C=GB", "O=Bob, C=GB", false},
	    {"CN=Alice", "CN=AIice", true},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		if (name_looks_like(rows[i].a, rows[i].b) != rows[i].alike ||
		    name_looks_like(rows[i].b, rows[i].a) != rows[i].alike)
			fail_msg("%s %s", rows[i].a, rows[i].b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_certificate_s_name_is_read_whole),
	    cmocka_unit_test(a_name_as_text_is_read_whole),
	    cmocka_unit_test(values_have_a_length),
	    cmocka_unit_test(long_values_become_names),
	    cmocka_unit_test(values_are_found),
	    cmocka_unit_test(outer_blanks_are_kept),
	    cmocka_unit_test(corda_s_rules),
	    cmocka_unit_test(names_that_look_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
