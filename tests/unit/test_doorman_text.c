/* Text of strangers: what is acceptable, and how all of it is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixtures/doorman/base/text.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct {
	const char *text, *says; /* NULL: acceptable */
	const char *shown;       /* NULL: as it is */
} rows[] = {
    {"", NULL, NULL},
    {"night shift, O'Neil & S\xc3\xb8n <a@b>", NULL, NULL},
    {"\xe6\x9d\xb1\xe4\xba\xac 7\xe2\x82\xac", NULL, NULL},
    /* e and a combining acute: a letter that is written in two. */
    {"e\xcc\x81t\xc3\xa9", NULL, NULL},
    {"\xf0\x9f\x94\x91", NULL, NULL},
    /* Controls. */
    {"a\x1b[2J", "has a control character (U+001B) at byte 2", "a\\u{1B}[2J"},
    {"a\n", "has a control character (U+000A)", "a\\u{0A}"},
    {"a\t", "has a control character (U+0009)", "a\\u{09}"},
    {"\x7f", "has a control character (U+007F)", "\\u{7F}"},
    {"\xc2\x80", "has a control character (U+0080)", "\\u{80}"},
    {"A\xc2\x9b"
     "2K",
	"has a control character (U+009B) at byte 2", "A\\u{9B}2K"},
    {"\xc2\x9f", "has a control character (U+009F)", "\\u{9F}"},
    /* What changes the order of what is read. */
    {"Foo\xe2\x80\xaegnp.exe", "a bidirectional control (U+202E) at byte 4",
	"Foo\\u{202E}gnp.exe"},
    {"\xe2\x80\xaa", "bidirectional control (U+202A)", "\\u{202A}"},
    {"\xe2\x81\xa6", "bidirectional control (U+2066)", "\\u{2066}"},
    {"\xe2\x81\xa9", "bidirectional control (U+2069)", "\\u{2069}"},
    {"\xe2\x80\x8f", "bidirectional control (U+200F)", "\\u{200F}"},
    {"\xd8\x9c", "bidirectional control (U+061C)", "\\u{61C}"},
    /* What is not seen. */
    {"a\xe2\x80\x8b", "an invisible character (U+200B)", "a\\u{200B}"},
    {"a\xe2\x80\x8d", "an invisible character (U+200D)", "a\\u{200D}"},
    {"\xef\xbb\xbf"
     "a",
	"an invisible character (U+FEFF)", "\\u{FEFF}a"},
    {"\xc2\xad", "an invisible character (U+00AD)", "\\u{AD}"},
    {"\xe3\x85\xa4", "an invisible character (U+3164)", "\\u{3164}"},
    {"\xe2\xa0\x80", "an invisible character (U+2800)", "\\u{2800}"},
    {"a\xef\xb8\x8f", "an invisible character (U+FE0F)", "a\\u{FE0F}"},
    {"\xf3\xa0\x81\x81", "an invisible character (U+E0041)", "\\u{E0041}"},
    {"a\xc2\xa0", "a blank that is not U+0020 (U+00A0)", "a\\u{A0}"},
    {"\xe3\x80\x80", "a blank that is not U+0020 (U+3000)", "\\u{3000}"},
    {"\xe2\x80\xa8", "a line separator (U+2028)", "\\u{2028}"},
    {"\xe2\x80\xa9", "a line separator (U+2029)", "\\u{2029}"},
    /* What nobody knows. */
    {"\xee\x80\x80", "a private character (U+E000)", "\\u{E000}"},
    {"\xef\xbf\xbf", "an unassigned character (U+FFFF)", "\\u{FFFF}"},
    {"\xef\xb7\x90", "an unassigned character (U+FDD0)", "\\u{FDD0}"},
    {"\xcd\xb8", "an unassigned character (U+0378)", "\\u{378}"},
    /* Marks that would be drawn over what is ours. */
    {"\xcc\x81"
     "a",
	"a combining mark out of place (U+0301) at byte 1", "\\u{301}a"},
    {"a \xcc\x81", "a combining mark out of place", "a \\u{301}"},
    {"a\xcc\x81\xcc\x81\xcc\x81\xcc\x81", NULL, NULL},
    {"a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81",
	"a combining mark out of place (U+0301) at byte 10",
	"a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\\u{301}"},
    /* No UTF-8: bare, cut, overlong, a surrogate, beyond U+10FFFF. */
    {"a\x9b[2J\xff", "is not UTF-8 at byte 2", "a\\x9B[2J\\xFF"},
    {"\xc3", "is not UTF-8 at byte 1", "\\xC3"},
    {"\xe2\x82", "is not UTF-8", "\\xE2\\x82"},
    {"\xc0\xaf", "is not UTF-8", "\\xC0\\xAF"},
    {"\xe0\x80\xaf", "is not UTF-8", "\\xE0\\x80\\xAF"},
    {"\xed\xa0\x80", "is not UTF-8", "\\xED\\xA0\\x80"},
    {"\xf4\x90\x80\x80", "is not UTF-8", "\\xF4\\x90\\x80\\x80"},
    {"\xf8\x88\x80\x80\x80", "is not UTF-8", "\\xF8\\x88\\x80\\x80\\x80"},
};

static void
some_text_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		size_t len = strlen(rows[i].text);
		/* Exactly as long as it is: a read beyond the end shows. */
		char *copy = malloc(len + 1);
		struct fault f = {""};
		int rc;

		memcpy(copy, rows[i].text, len);
		copy = realloc(copy, len > 0 ? len : 1);
		rc = text_check("it", view_of(copy, len), &f);
		if ((rc == 0) != (rows[i].says == NULL) ||
		    (rc != 0 && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		assert_int_equal(text_is_utf8(view_of(copy, len)),
		    rc == 0 || strstr(f.msg, "UTF-8") == NULL);
		free(copy);
	}
}

static void
all_text_can_be_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		const char *wish =
		    rows[i].shown != NULL ? rows[i].shown : rows[i].text;
		char line[256], tight[256];
		struct fault f = {""};
		struct buf out;

		buf_init(&out, 4096);
		text_shown(&out, view_of(rows[i].text, strlen(rows[i].text)),
		    TEXT_LINE);
		assert_string_equal(buf_str(&out), wish);
		assert_string_equal(
		    text_shown_in(line, sizeof(line), rows[i].text, TEXT_LINE),
		    wish);
		/* What is shown is plain, and shown as it is. */
		assert_int_equal(
		    text_check("shown", view_of(line, strlen(line)), &f), 0);
		assert_true(
		    strlen(line) <= TEXT_SHOWN_MAX * strlen(rows[i].text) + 2);
		/* Cut where it does not fit, but never inside a character. */
		for (size_t size = 1; size <= strlen(wish); size++) {
			text_shown_in(tight, size, rows[i].text, TEXT_LINE);
			assert_true(strlen(tight) < size);
			assert_int_equal(text_check("cut",
					     view_of(tight, strlen(tight)), &f),
			    0);
			assert_memory_equal(tight, wish, strlen(tight));
		}
		/* The sentences about it, too. */
		fault_set(&f, "'%s' is wrong", rows[i].text);
		assert_int_equal(
		    text_check("fault", view_of(f.msg, strlen(f.msg)), NULL),
		    0);
		buf_free(&out);
	}
}

/* A value cannot look like the columns after it. */
static void
values_stay_in_their_column(void **state)
{
	static const struct {
		const char *text, *cell, *quoted;
	} cells[] = {
	    {"troll; approved by carol", "troll\\u{3B} approved by carol",
		"\"troll\\u{3B} approved by carol\""},
	    {"a\xcd\xbe"
	     "b",
		"a\\u{37E}b", "\"a\\u{37E}b\""},
	    {"a\xef\xbc\x9b", "a\\u{FF1B}", "\"a\\u{FF1B}\""},
	    {"a\"; \"b", "a\"\\u{3B} \"b", "\"a\\\"\\u{3B} \\\"b\""},
	    {"O=A\\, B", "O=A\\, B", "\"O=A\\\\, B\""},
	    {"a\x1b", "a\\u{1B}", "\"a\\u{1B}\""},
	    {"", "", "\"\""},
	    {"ann", "ann", "ann"},
	    {"night shift, O'Neil (uid 7)", "night shift, O'Neil (uid 7)",
		"night shift, O'Neil (uid 7)"},
	    {"ann ", "ann ", "\"ann \""},
	};

	(void)state;
	for (size_t i = 0; i < NUM(cells); i++) {
		char out[128];

		assert_string_equal(
		    text_shown_in(out, sizeof(out), cells[i].text, TEXT_CELL),
		    cells[i].cell);
		assert_string_equal(
		    text_shown_in(out, sizeof(out), cells[i].text, TEXT_QUOTED),
		    cells[i].quoted);
		/* A quote that was opened is closed. */
		if (cells[i].quoted[0] != '"')
			continue;
		for (size_t size = 3; size < strlen(cells[i].quoted); size++) {
			text_shown_in(out, size, cells[i].text, TEXT_QUOTED);
			assert_int_equal(out[0], '"');
			assert_int_equal(out[strlen(out) - 1], '"');
		}
	}
}

static void
letters_are_counted(void **state)
{
	(void)state;
	assert_int_equal(text_letters(view_of("abc", 3)), 3);
	assert_int_equal(
	    text_letters(view_of("\xe6\x9d\xb1\xf0\x9f\x94\x91", 7)), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(some_text_is_refused),
	    cmocka_unit_test(all_text_can_be_shown),
	    cmocka_unit_test(values_stay_in_their_column),
	    cmocka_unit_test(letters_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
