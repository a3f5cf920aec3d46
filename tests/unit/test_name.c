/* name: RFC 5280 7.1 comparison, and what is never equal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "revcheck/x509/name.h"
#include "tests/lib/crlmake.h"

enum {
	CN = 3,
	OU = 11
}; /* id-at, 2.5.4 */

/* One AttributeTypeAndValue appended to o. */
static void
attribute(struct octets *o, int type, int tag, const void *value, size_t len)
{
	size_t from = o->len;
	uint8_t oid[] = {0x55, 0x04, (uint8_t)type};

	octets_tlv(o, 0x06, oid, sizeof(oid));
	octets_tlv(o, tag, value, len);
	octets_wrap(o, from, 0x30);
}

/* A Name of one RDN of one attribute. */
static struct octets
name_of(int tag, const void *value, size_t len)
{
	struct octets o = {0};

	attribute(&o, CN, tag, value, len);
	octets_wrap(&o, 0, 0x31);
	octets_wrap(&o, 0, 0x30);
	return o;
}

static struct span
span(const struct octets *o)
{
	return span_of(o->p, o->len);
}

static bool
equal(int tag_a, const void *a, size_t len_a, int tag_b, const void *b,
    size_t len_b)
{
	struct octets x = name_of(tag_a, a, len_a);
	struct octets y = name_of(tag_b, b, len_b);
	bool same = name_equal(span(&x), span(&y));

	assert_int_equal(same, name_equal(span(&y), span(&x)));
	assert_true(name_equal(span(&x), span(&x)));
	if (same)
		assert_int_equal(name_hash(span(&x)), name_hash(span(&y)));
	octets_free(&x);
	octets_free(&y);
	return same;
}

#define UTF8      0x0c
#define PRINTABLE 0x13
#define T61       0x14
#define IA5       0x16
#define UNIVERSAL 0x1c
#define BMP       0x1e
#define TEXT(s)   (s), sizeof(s) - 1

/* What is no text in its type is equal to its own octets and nothing else. */
static void
broken_strings_are_equal_to_nothing(void **state)
{
	static const struct {
		int tag;
		const char *a, *b;
		size_t len;
	} rows[] = {
	    {UTF8, "x\xff", "x\xfe", 2},
	    {UTF8, "x\xc3", "x\xc4", 2},
	    {UTF8, "\xc0\x80", "\xc1\x80", 2},
	    {UTF8, "\xed\xa0\x80", "\xed\xa0\x81", 3},
	    {PRINTABLE, "x\x80", "x\x81", 2},
	    {BMP, "\0x\0", "\0x\1", 3},
	    {UNIVERSAL, "\0\x11\0\0", "\0\x12\0\0", 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_false(equal(rows[i].tag, rows[i].a, rows[i].len,
		    rows[i].tag, rows[i].b, rows[i].len));
	/* Written in more octets than it takes (RFC 3629 3). */
	assert_false(equal(UTF8, TEXT("\xc1\x81"), UTF8, TEXT("A")));
	assert_false(equal(UTF8, TEXT("\xe0\x81\x81"), UTF8, TEXT("A")));
	/* A NUL is a character, behind white space, too. */
	assert_false(equal(UTF8, TEXT("a \0b"), UTF8, TEXT("a b")));
	assert_false(equal(UTF8, TEXT("a\0b"), UTF8, TEXT("ab")));
	assert_false(equal(UTF8, TEXT("a\0"), UTF8, TEXT("a")));
}

static void
strings_compare_whatever_their_type(void **state)
{
	(void)state;
	assert_true(equal(PRINTABLE, TEXT("Test CA"), UTF8, TEXT("Test CA")));
	assert_true(equal(PRINTABLE, TEXT("Test CA"), UTF8, TEXT("test ca")));
	assert_true(equal(IA5, TEXT("A@B"), UTF8, TEXT("a@b")));
	assert_true(equal(BMP, TEXT("\0T\0e"), UTF8, TEXT("te")));
	assert_true(
	    equal(UNIVERSAL, TEXT("\0\0\0T\0\0\0e"), BMP, TEXT("\0t\0E")));
	assert_true(equal(T61, TEXT("\xc9"), UTF8, TEXT("\xc3\xa9")));
	assert_true(equal(UTF8, TEXT("\xd0\x94"), UTF8, TEXT("\xd0\xb4")));
	assert_true(equal(UTF8, TEXT("\xce\xa9"), BMP, TEXT("\x03\xc9")));
	assert_false(equal(PRINTABLE, TEXT("Test"), UTF8, TEXT("Tests")));
	assert_false(equal(PRINTABLE, TEXT("Test"), UTF8, TEXT("Tesu")));
	/* Multiplication and division signs are no letters. */
	assert_false(equal(T61, TEXT("\xd7"), T61, TEXT("\xf7")));
	/* A string is not an octet string of the same content. */
	assert_false(equal(PRINTABLE, TEXT("Test"), 0x04, TEXT("Test")));
}

static void
white_space_is_folded(void **state)
{
	(void)state;
	assert_true(equal(UTF8, TEXT("  a   b  "), UTF8, TEXT("A B")));
	assert_true(equal(UTF8, TEXT("a\tb"), UTF8, TEXT("a b")));
	assert_true(equal(UTF8, TEXT("a\xc2\xa0 b"), UTF8, TEXT("a b")));
	assert_true(equal(UTF8, TEXT("   "), UTF8, TEXT("")));
	assert_false(equal(UTF8, TEXT("a b"), UTF8, TEXT("ab")));
	assert_false(equal(UTF8, TEXT(" ab"), UTF8, TEXT("a b")));
}

static void
broken_strings_equal_only_their_own_bytes(void **state)
{
	static const char *const bad[] = {"\xc3", "\xff", "\xc0\x80",
	    "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\x80"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t len = strlen(bad[i]);

		/* `equal` has asserted that it equals itself. */
		assert_false(equal(UTF8, bad[i], len, T61, bad[i], len));
		assert_false(equal(UTF8, bad[i], len, UTF8, TEXT("")));
	}
	assert_false(equal(BMP, TEXT("\0a\0"), UTF8, TEXT("a")));
	assert_false(
	    equal(UNIVERSAL, TEXT("\0\x11\0\0"), UNIVERSAL, TEXT("\0\0\0a")));
	assert_false(equal(PRINTABLE, TEXT("\x80"), T61, TEXT("\x80")));
}

/* A Name of one RDN of two attributes. */
static struct octets
pair_of(int first, const char *a, int second, const char *b)
{
	struct octets o = {0};

	attribute(&o, first, UTF8, a, strlen(a));
	attribute(&o, second, UTF8, b, strlen(b));
	octets_wrap(&o, 0, 0x31);
	octets_wrap(&o, 0, 0x30);
	return o;
}

static void
values_of_one_rdn_come_in_any_order(void **state)
{
	struct octets a = pair_of(CN, "x", OU, "y");
	struct octets b = pair_of(OU, "Y", CN, "X");
	struct octets c = pair_of(CN, "x", CN, "x");
	struct octets d = pair_of(CN, "x", CN, "z");
	struct octets e = pair_of(CN, "y", OU, "x");

	(void)state;
	assert_true(name_equal(span(&a), span(&b)));
	assert_int_equal(name_hash(span(&a)), name_hash(span(&b)));
	assert_false(name_equal(span(&a), span(&e)));
	/* Each value has its own: two of x are not x and z. */
	assert_false(name_equal(span(&c), span(&d)));
	assert_false(name_equal(span(&d), span(&c)));
	octets_free(&a);
	octets_free(&b);
	octets_free(&c);
	octets_free(&d);
	octets_free(&e);
}

static void
too_many_values_are_compared_by_bytes_only(void **state)
{
	struct octets a = {0}, b = {0};

	(void)state;
	for (int i = 0; i < 17; i++) {
		attribute(&a, CN, UTF8, "x", 1);
		attribute(&b, CN, UTF8, "X", 1);
	}
	octets_wrap(&a, 0, 0x31);
	octets_wrap(&a, 0, 0x30);
	octets_wrap(&b, 0, 0x31);
	octets_wrap(&b, 0, 0x30);
	assert_true(name_equal(span(&a), span(&a)));
	assert_false(name_equal(span(&a), span(&b)));
	octets_free(&a);
	octets_free(&b);
}

static void
garbage_is_never_equal(void **state)
{
	static const struct {
		uint8_t b[8];
		size_t len;
	} bad[] = {{{0x30, 0x01}, 2}, {{0x31, 0x00}, 2}, {{0x30, 0x00, 0}, 3},
	    {{0x30, 0x02, 0x31, 0x00}, 4}, {{0x30, 0x02, 0x30, 0x00}, 4}};
	struct octets good = name_of(UTF8, "x", 1);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct span s = span_of(bad[i].b, bad[i].len);

		assert_false(name_equal(s, span(&good)));
		assert_false(name_equal(span(&good), s));
	}
	assert_false(name_equal(span_of(NULL, 0), span_of(NULL, 0)));
	octets_free(&good);
}

static bool
general_equal(const char *hex_a, const char *hex_b)
{
	struct octets a = {0}, b = {0};
	struct general_name x, y;
	struct der da, db;
	bool same;

	octets_hex(&a, hex_a);
	octets_hex(&b, hex_b);
	der_init(&da, span(&a));
	der_init(&db, span(&b));
	assert_true(general_name_next(&da, &x));
	assert_true(general_name_next(&db, &y));
	same = general_name_equal(&x, &y);
	octets_free(&a);
	octets_free(&b);
	return same;
}

static void
general_names_compare_by_kind(void **state)
{
	(void)state;
	/* URI: http://H/p */
	assert_true(general_equal(
	    "860a 687474703a2f2f482f70", "860a 485454503a2f2f682f70"));
	assert_false(general_equal(
	    "860a 687474703a2f2f482f70", "860a 687474703a2f2f482f50"));
	/* dNSName and rfc822Name of the same text are different names. */
	assert_true(general_equal("8201 61", "8201 41"));
	assert_false(general_equal("8201 61", "8101 61"));
	assert_true(general_equal("8704 7f000001", "8704 7f000001"));
	assert_false(general_equal("8704 7f000001", "8704 7f000002"));
	assert_true(general_equal("8802 2a03", "8802 2a03"));
	/* directoryName, by name_equal */
	assert_true(general_equal("a40e 300c 310a 3008 0603 550403 0c01 61 "
	    /* CN=a */,
	    "a40e 300c 310a 3008 0603 550403 1301 41 "));
}

static void
unusual_general_names_are_never_equal(void **state)
{
	(void)state;
	assert_false(general_equal("a000", "a000"));
	assert_false(general_equal("a300", "a300"));
	assert_false(general_equal("a500", "a500"));
}

static void
malformed_general_names_are_refused(void **state)
{
	static const char *const bad[] = {"8400", "a400", "a402 3100",
	    "a404 3000 3000", "8900", "3000", "a600", "a100", "86"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct octets o = {0};
		struct general_name n;
		struct der d;

		octets_hex(&o, bad[i]);
		der_init(&d, span(&o));
		assert_false(general_name_next(&d, &n));
		assert_true(d.failed);
		octets_free(&o);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(strings_compare_whatever_their_type),
	    cmocka_unit_test(broken_strings_are_equal_to_nothing),
	    cmocka_unit_test(white_space_is_folded),
	    cmocka_unit_test(broken_strings_equal_only_their_own_bytes),
	    cmocka_unit_test(values_of_one_rdn_come_in_any_order),
	    cmocka_unit_test(too_many_values_are_compared_by_bytes_only),
	    cmocka_unit_test(garbage_is_never_equal),
	    cmocka_unit_test(general_names_compare_by_kind),
	    cmocka_unit_test(unusual_general_names_are_never_equal),
	    cmocka_unit_test(malformed_general_names_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
