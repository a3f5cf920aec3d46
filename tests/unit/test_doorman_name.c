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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_certificate_s_name_is_read_whole),
	    cmocka_unit_test(a_name_as_text_is_read_whole),
	    cmocka_unit_test(values_have_a_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
