/* multipart: what is a form and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/rest/multipart.h"

#define TYPE "multipart/form-data; boundary=xx"
#define PART(name, data)                                                \
	"--xx\r\nContent-Disposition: form-data; name=\"" name "\"\r\n" \
	"\r\n" data "\r\n"

static struct multipart_part parts[MULTIPART_MAX_PARTS];
static size_t num;

static int
parse(const char *type, const char *body, struct err *err)
{
	return multipart_parse(parts, &num, type, body, strlen(body), err);
}

static void
good_forms(void **state)
{
	assert_int_equal(
	    parse(TYPE, PART("a", "1") PART("b", "") "--xx--\r\n", NULL), 0);
	assert_int_equal(num, 2);
	assert_string_equal(parts[0].name, "a");
	assert_memory_equal(parts[0].data, "1", 1);
	assert_int_equal(parts[0].len, 1);
	assert_int_equal(parts[1].len, 0);
	assert_int_equal(
	    parse("Multipart/Form-Data;charset=x; boundary=\"xx\"",
		"--xx\r\ncontent-disposition: form-data; "
		"filename=\"a;b\\\"c\"; name=n\r\n"
		"Content-Type: text/plain\r\n\r\nl\r\n--y\r\n--xx--",
		NULL),
	    0);
	assert_int_equal(num, 1);
	assert_string_equal(parts[0].name, "n");
	assert_int_equal(parts[0].len, 6);
	/* Nothing at all between headers and the mark. */
	assert_int_equal(
	    parse(TYPE,
		"--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
		"--xx--",
		NULL),
	    0);
	assert_int_equal(parts[0].len, 0);
	assert_int_equal(parse(TYPE, "--xx--\r\n", NULL), 0);
	assert_int_equal(num, 0);
}

static void
bad_forms(void **state)
{
	static const struct {
		const char *type, *body, *why;
	} rows[] = {
	    {NULL, "", "expected multipart/form-data"},
	    {"application/json", "", "expected multipart/form-data"},
	    {"multipart/form-data", "", "names no boundary"},
	    {"multipart/form-data; boundary=", "", "boundary"},
	    {"multipart/form-data; boundary=a\"b", "", "boundary"},
	    {"multipart/form-data; boundary=\"a", "", "boundary"},
	    {TYPE, "", "does not begin"},
	    {TYPE, "hello\r\n" PART("a", "1") "--xx--", "does not begin"},
	    {TYPE, "--xxy\r\n", "followed by something else"},
	    {TYPE, PART("a", "1"), "does not end with the"},
	    {TYPE, "--xx\r\n\r\n1\r\n--xx--", "has no name"},
	    {TYPE, "--xx\r\nnothing\r\n\r\n1\r\n--xx--", "not a header"},
	    {TYPE, "--xx\r\nA : b\r\n\r\n1\r\n--xx--", "not a header"},
	    {TYPE,
		"--xx\r\nContent-Disposition: attachment; name=a\r\n\r\n1"
		"\r\n--xx--",
		"Content-Disposition"},
	    {TYPE,
		"--xx\r\nContent-Disposition: form-data; name=a; name=b\r\n"
		"\r\n1\r\n--xx--",
		"Content-Disposition"},
	    {TYPE,
		"--xx\r\nContent-Disposition: form-data; name=a\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n1\r\n--xx--",
		"transfer encoding"},
	    {TYPE, "--xx\r\nContent-Disposition: form-data; name=a\r\n\r\n1",
		"does not end with the boundary"},
	    {TYPE, PART("a", "1") "--xx--\r\nmore", "follows the last"},
	};
	struct err err;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&err, 0, sizeof(err));
		if (parse(rows[i].type, rows[i].body, &err) != E_PARSE ||
		    strstr(err.msg, rows[i].why) == NULL)
			fail_msg("row %zu: %s", i, err.msg);
	}
}

static void
bounds_hold(void **state)
{
	char body[8192] = "", *p = body;
	struct err err;

	for (int i = 0; i < MULTIPART_MAX_PARTS + 1; i++)
		p += sprintf(p, PART("a", "1"));
	assert_int_equal(parse(TYPE, body, &err), E_LIMIT);
	memset(body, 'a', sizeof(body) - 1);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): goes on */
	memcpy(body, "--xx\r\n", 6);
	assert_int_equal(parse(TYPE, body, &err), E_PARSE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_forms),
	    cmocka_unit_test(bad_forms),
	    cmocka_unit_test(bounds_hold),
	};

	return cmocka_run_group_tests_name("multipart", tests, NULL, NULL);
}
