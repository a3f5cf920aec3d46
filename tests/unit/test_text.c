/* Sentences, hexadecimal digits and RFC 3339 times, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache/base/text.h"

static void
digits_of_either_case(void **state)
{
	static const uint8_t octets[] = {0x00, 0x0f, 0xa5, 0xff};
	char text[2 * sizeof(octets) + 1];
	uint8_t back[sizeof(octets)];

	(void)state;
	text_hex(text, octets, sizeof(octets));
	assert_string_equal(text, "000fa5ff");
	assert_true(text_unhex(back, text, sizeof(back)));
	assert_memory_equal(back, octets, sizeof(octets));
	text_hex_upper(text, octets, sizeof(octets));
	assert_string_equal(text, "000FA5FF");
	assert_true(text_unhex(back, text, sizeof(back)));
	assert_memory_equal(back, octets, sizeof(octets));
	text_hex(text, octets, 0);
	assert_string_equal(text, "");
	for (int c = 0; c < 256; c++) {
		const char digit[] = {(char)c, '\0'};
		char *end;
		long v = strtol(digit, &end, 16);

		assert_int_equal(text_hex_value((char)c),
		    end != digit && *end == '\0' ? v : -1);
	}
}

static void
no_other_length_and_no_other_digit(void **state)
{
	static const char *const bad[] = {"", "0", "00", "000", "00000", "000g",
	    "0x00", " 000", "000 ", "-000", "000000"};
	uint8_t out[2];

	(void)state;
	assert_true(text_unhex(out, "0000", 2));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(text_unhex(out, bad[i], 2));
}

static void
times_come_back(void **state)
{
	char text[TEXT_TIME_LEN];
	time_t t;

	(void)state;
	for (time_t want = -62135596800; want <= 253402300799;
	     want += 86399 * 97) {
		if (want == 0)
			continue;
		text_time(text, want);
		assert_true(text_time_parse(&t, text));
		assert_int_equal(t, want);
	}
	assert_true(text_time_parse(&t, "1970-01-01T00:00:00Z"));
	assert_int_equal(t, 0);
	assert_true(text_time_parse(&t, "2024-02-29T23:59:59Z"));
	assert_int_equal(t, 1709251199);
	text_time(text, 253402300800);
	assert_string_equal(text, "-");
	text_time(text, -62135596801);
	assert_string_equal(text, "-");
}

static void
no_time_that_is_none(void **state)
{
	static const char *const bad[] = {"", "-", "2023-02-29T00:00:00Z",
	    "2024-02-30T00:00:00Z", "2024-13-01T00:00:00Z",
	    "2024-01-00T00:00:00Z", "2024-01-01T24:00:00Z",
	    "2024-01-01T00:60:00Z", "2024-01-01T00:00:60Z",
	    "2024-01-01T00:00:00", "2024-01-01T00:00:00+00:00",
	    "2024-01-01T00:00:00.0Z", "2024-01-01T00:00:00Z ",
	    " 2024-01-01T00:00:00Z", "2024-1-01T00:00:00Z",
	    "024-01-01T00:00:00Z", "2024-01-01 00:00:00Z",
	    "2024-01-01T00:00:00z", "0000-01-01T00:00:00Z",
	    "10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z"};
	time_t t = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (text_time_parse(&t, bad[i]))
			fail_msg("'%s' was taken for a time", bad[i]);
	assert_int_equal(t, 7);
}

/* Not checked by the compiler, which knows the formats of the others. */
static void
format_nonliteral(char *out, size_t room, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vformat(out, room, fmt, ap);
	va_end(ap);
}

/* Nobody ends a quote of ours with a quote of theirs. */
static void
quotes_within_quotes(void **state)
{
	char out[64], end[40], longest[400] = "%s";
	const char *evil = "x' (why=none)";

	(void)state;
	text_format(out, sizeof(out), "peer '%s': %s", evil, "no");
	assert_string_equal(out, "peer 'x\\x27 (why=none)': no");
	text_format(
	    out, sizeof(out), "a peer's '%.3s', is '%d%s'", "''''", 7, "'");
	assert_string_equal(out, "a peer's '\\x27\\x27\\x27', is '7\\x27'");
	/* A sentence that was made before keeps its quotes. */
	text_format(out, sizeof(out), "%s: it isn't", "cannot read 'f'");
	assert_string_equal(out, "cannot read 'f': it isn't");
	text_format(out, sizeof(out), "%s'%s'", "'", "\x01\x02'");
	assert_string_equal(out, "''\x01\x02\\x27'");
	text_format(out, sizeof(out), "'list %s' %s", "'", "'");
	assert_string_equal(out, "'list \\x27' '");
	/* No room, and no half of an escape. */
	for (size_t room = 1; room < sizeof(end); room++) {
		size_t n = text_format(end, room, "a '%s'", "'''''");

		assert_int_equal(n, strlen(end));
		assert_true(n < room);
		assert_true(n < 4 || (n - 3) % 4 == 0 || n == 24);
	}
	/* A format that is too long for its quotes to be found has none. */
	memset(longest + 2, 'x', 300);
	format_nonliteral(out, sizeof(out), longest, "'");
	assert_memory_equal(out, "\\x27xxx", 7);
}

/* Piece by piece as in one go, at every length that there is room for. */
static void
test_lines_are_as_formatted(void **state)
{
	static const char *const names[] = {
	    "", "CN=x", "CN='; status=good", "''", "a'b'c", "'"};
	char want[80], got[80];
	struct text_line l;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t room = 1; room <= sizeof(got); room++) {
			text_format(
			    want, room, "the CRL of '%.6s' is", names[i]);
			memset(got, '#', sizeof(got));
			text_line_init(&l, got, room);
			text_line_put(&l, "the CRL of ");
			text_line_put_quoted(&l, names[i], 6);
			text_line_put(&l, " is");
			assert_string_equal(got, want);
			if (room < sizeof(got))
				assert_int_equal(got[room], '#');
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines_are_as_formatted),
	    cmocka_unit_test(digits_of_either_case),
	    cmocka_unit_test(no_other_length_and_no_other_digit),
	    cmocka_unit_test(quotes_within_quotes),
	    cmocka_unit_test(times_come_back),
	    cmocka_unit_test(no_time_that_is_none),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
