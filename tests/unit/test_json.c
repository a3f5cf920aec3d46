/* json: what RFC 8259 allows passes, what cJSON would let slip does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/json.h"

static const char *const good[] = {"{}", "[]", " 1 ", "-0", "0.5e-3",
    "\"\\ud83d\\ude00\"", "\"\xc3\xa9\"", "{\"a\":[true,false,null]}",
    "[[[[]]]]", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "1E+2"};

static const struct {
	const char *text, *says;
} bad[] = {
    {"", "a JSON value"},
    {"{", "a string in double quotes"},
    {"{\"a\":1,}", "a string in double quotes"},
    {"[1,]", "a JSON value"},
    {"01", "the end of the text"},
    {"+1", "a JSON value"},
    {"1.", "a digit"},
    {".5", "a JSON value"},
    {"-", "a digit"},
    {"1e", "a digit"},
    {"tru", "a JSON value"},
    {"{} {}", "the end of the text"},
    {"\"\\u0000\"", "other than NUL"},
    {"\"\\ud800\"", "a low surrogate"},
    {"\"\\udc00\"", "a high surrogate"},
    {"\"\\x\"", "an escape"},
    {"\"\xff\"", "valid UTF-8"},
    {"\"\xc0\x80\"", "valid UTF-8"},
    {"\"\xed\xa0\x80\"", "valid UTF-8"},
    {"\"a\nb\"", "no control character"},
    {"\"abc", "the closing quote"},
    {"\"abc\\", "an escape"},
    {"\"abc\\u12", "four hexadecimal"},
    {"\xef\xbb\xbf{}", "not a byte order mark"},
    {"// x\n1", "not a comment"},
    {"# x\n1", "comments begin with //"},
    {"{'a':1}", "a string in double quotes"},
    {"{\"a\" 1}", "':'"},
    {"[1 2]", "',' or ']'"},
    {"{\"a\":1,\"a\":2}", "used twice"},
    {"1e999", "out of range"},
    {"// x\n1", "a JSON value"},
    {"NaN", "a JSON value"},
};

static void
good_text_passes(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct err err;
		cJSON *o;

		if (json_parse(&o, good[i], strlen(good[i]), &err) != 0)
			fail_msg("'%s': %s", good[i], err.msg);
		cJSON_Delete(o);
	}
}

static void
bad_text_is_named(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err;
		cJSON *o;

		if (json_parse(&o, bad[i].text, strlen(bad[i].text), &err) !=
		    E_PARSE)
			fail_msg("'%s' passes", bad[i].text);
		assert_null(o);
		if (strstr(err.msg, bad[i].says) == NULL)
			fail_msg("'%s': %s", bad[i].text, err.msg);
	}
}

static void
embedded_nul_is_refused(void **state)
{
	struct err err;
	cJSON *o;

	assert_int_equal(json_parse(&o,
			     "1\0"
			     "1",
			     3, &err),
	    E_PARSE);
	assert_int_equal(json_parse(&o, "\"a\0b\"", 5, &err), E_PARSE);
}

static void
depth_is_bounded(void **state)
{
	char text[2 * JSON_MAX_DEPTH + 4];
	struct err err;
	cJSON *o;

	memset(text, '[', JSON_MAX_DEPTH);
	memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
	assert_int_equal(json_parse(&o, text, 2 * JSON_MAX_DEPTH, &err), 0);
	cJSON_Delete(o);
	memset(text, '[', JSON_MAX_DEPTH + 1);
	memset(text + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
	assert_int_equal(
	    json_parse(&o, text, 2 * JSON_MAX_DEPTH + 2, &err), E_PARSE);
}

static void
errors_name_line_and_column(void **state)
{
	struct err err;

	assert_int_equal(json_check("{\n \"a\": x}", 10, &err), E_PARSE);
	assert_non_null(strstr(err.msg, "line 2, column 7"));
}

static void
whole_numbers_only(void **state)
{
	static const struct {
		const char *text;
		int rc;
		int64_t v;
	} rows[] = {{"1", 0, 1}, {"1.0", 0, 1}, {"1e2", 0, 100},
	    {"1.5", E_PARSE, 0}, {"101", E_PARSE, 0}, {"-1", E_PARSE, 0},
	    {"\"1\"", E_PARSE, 0}, {"9007199254740993e10", E_PARSE, 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cJSON *o = cJSON_Parse(rows[i].text);
		int64_t v = 0;

		assert_int_equal(json_to_int(o, 0, 100, &v), rows[i].rc);
		assert_int_equal(v, rows[i].v);
		cJSON_Delete(o);
	}
}

static void
lines_of_values(void **state)
{
	static const char text[] =
	    "\n{\"a\": 1,\n \"b\": {\"c\":\n  [1,\n   {\"d\": \"}\\\"]\"},\n"
	    "   3],\n  \"e\": 2}}\n";
	static const struct {
		const char *path;
		size_t line;
	} rows[] = {{"$", 2}, {"$.a", 2}, {"$.b", 3}, {"$.b.c", 4},
	    {"$.b.c[0]", 4}, {"$.b.c[1]", 5}, {"$.b.c[1].d", 5},
	    {"$.b.c[2]", 6}, {"$.b.e", 7},
	    /* Not there: where it would be. */
	    {"$.x", 2}, {"$.b.x", 3}, {"$.b.c[3]", 4}, {"$.b.c[1].x.y[7]", 5},
	    {"$.a.x", 2}, {"$.a[0]", 2}, {"$.b[0]", 3}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    json_line(text, sizeof(text) - 1, rows[i].path),
		    rows[i].line);
	assert_int_equal(json_line("[]", 2, "$[0]"), 1);
	assert_int_equal(json_line("{}", 2, "$.a"), 1);
}

static void
short_form_is_cut_between_characters(void **state)
{
	cJSON *o = cJSON_CreateString("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9");
	char buf[10];

	json_print_short(o, buf, sizeof(buf));
	assert_string_equal(buf, "\"\xc3\xa9\xc3\xa9...");
	json_print_short(NULL, buf, sizeof(buf));
	assert_string_equal(buf, "nothing");
	cJSON_Delete(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_text_passes),
	    cmocka_unit_test(bad_text_is_named),
	    cmocka_unit_test(embedded_nul_is_refused),
	    cmocka_unit_test(depth_is_bounded),
	    cmocka_unit_test(errors_name_line_and_column),
	    cmocka_unit_test(whole_numbers_only),
	    cmocka_unit_test(lines_of_values),
	    cmocka_unit_test(short_form_is_cut_between_characters),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
