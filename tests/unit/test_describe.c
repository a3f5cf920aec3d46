/* describe: times by hand agree with the C library's; names are cut to fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cache/base/text.h"
#include "cache/base/subject.h"
#include "revcheck/x509/describe.h"

static void
times_agree_with_gmtime(void **state)
{
	char ours[TEXT_TIME_LEN], theirs[96];

	(void)state;
	/* Steps that meet every month, leap day and hour sooner or later. */
	for (time_t t = -62135596800; t < 253402300799;
	     t += 86400 * 17 + 3671) {
		struct tm tm;

		if (t == 0)
			continue;
		gmtime_r(&t, &tm);
		snprintf(theirs, sizeof(theirs),
		    "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		    tm.tm_sec);
		text_time(ours, t);
		assert_string_equal(ours, theirs);
	}
	text_time(ours, 0);
	assert_string_equal(ours, "-");
	text_time(ours, 253402300799);
	assert_string_equal(ours, "9999-12-31T23:59:59Z");
	text_time(ours, 253402300800);
	assert_string_equal(ours, "-");
}

static void
names_are_escaped_and_cut(void **state)
{
	X509_NAME *name = X509_NAME_new();
	char out[16], whole[64];

	(void)state;
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)"a\nb\xc3\xa9", -1, -1, 0);
	subject_show_name(whole, sizeof(whole), name);
	assert_null(strchr(whole, '\n'));
	for (const char *p = whole; *p != '\0'; p++)
		assert_true(*p >= 0x20 && *p < 0x7f);
	subject_show_name(out, 5, name);
	assert_int_equal(strlen(out), 4);
	subject_show_name(out, sizeof(out), NULL);
	assert_string_equal(out, "");
	X509_NAME_free(name);
}

static void
serials_are_hexadecimal(void **state)
{
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	char out[16];

	(void)state;
	ASN1_INTEGER_set(n, 0);
	describe_serial(out, sizeof(out), n);
	assert_string_equal(out, "00");
	ASN1_INTEGER_set(n, -255);
	describe_serial(out, sizeof(out), n);
	assert_string_equal(out, "-FF");
	ASN1_INTEGER_set(n, 0x0102);
	describe_serial(out, 4, n);
	assert_string_equal(out, "01");
	ASN1_INTEGER_free(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times_agree_with_gmtime),
	    cmocka_unit_test(names_are_escaped_and_cut),
	    cmocka_unit_test(serials_are_hexadecimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
