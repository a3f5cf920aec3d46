/* der: what the strict reader takes and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/der/der.h"

#define BYTES(...)                              \
	span_of((const uint8_t[]){__VA_ARGS__}, \
	    sizeof((const uint8_t[]){__VA_ARGS__}))

static void
reads_nested_and_notices_leftovers(void **state)
{
	struct der d, in;
	uint64_t v = 0;

	(void)state;
	der_init(&d, BYTES(0x30, 0x03, 0x02, 0x01, 0x2a));
	assert_true(der_enter(&d, DER_SEQUENCE, &in));
	assert_true(der_done(&d));
	assert_false(der_done(&in));
	assert_true(der_uint(&in, &v));
	assert_int_equal(v, 42);
	assert_true(der_done(&in));
	assert_int_equal(der_peek(&in), -1);
}

static void
refuses_bad_lengths(void **state)
{
	static const struct {
		uint8_t b[12];
		size_t n;
	} bad[] = {
	    {{0x30, 0x80, 0, 0}, 4},       /* indefinite */
	    {{0x30, 0x81, 0x01, 0x00}, 4}, /* not minimal */
	    {{0x30, 0x82, 0x00, 0x80}, 4}, /* leading zero */
	    {{0x30, 0x05, 0x00}, 3},       /* beyond the end */
	    {{0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 10},
	    {{0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 11},
	    {{0x1f, 0x81, 0x00, 0x00}, 4}, /* high tag number */
	    {{0x30}, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct der d;

		der_init(&d, span_of(bad[i].b, bad[i].n));
		assert_false(der_any(&d, NULL, NULL, NULL));
		assert_false(der_done(&d));
		/* failure is sticky */
		assert_false(der_any(&d, NULL, NULL, NULL));
	}
}

static void
integers_are_minimal_and_bounded(void **state)
{
	struct der d;
	struct span c;
	uint64_t v;

	(void)state;
	der_init(&d, BYTES(0x02, 0x02, 0x00, 0x7f));
	assert_false(der_integer(&d, &c));
	der_init(&d, BYTES(0x02, 0x02, 0xff, 0x80));
	assert_false(der_integer(&d, &c));
	der_init(&d, BYTES(0x02, 0x00));
	assert_false(der_integer(&d, &c));
	der_init(&d, BYTES(0x02, 0x01, 0xff));
	assert_false(der_uint(&d, &v));
	der_init(&d,
	    BYTES(0x02, 0x09, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff));
	assert_true(der_uint(&d, &v));
	assert_true(v == UINT64_MAX);
	der_init(&d, BYTES(0x02, 0x09, 0x01, 0, 0, 0, 0, 0, 0, 0, 0));
	assert_false(der_uint(&d, &v));
	der_init(&d, BYTES(0x02, 0x0a, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0));
	assert_false(der_uint(&d, &v));
	c = der_serial_trim(BYTES(0x00, 0x00, 0x80));
	assert_int_equal(c.len, 2);
	c = der_serial_trim(BYTES(0xff, 0xff, 0x7f));
	assert_int_equal(c.len, 2);
}

/* A reader of one time; good until the next call. */
static struct der
time_of(const char *s, int tag)
{
	static uint8_t buf[32];
	struct der d;

	buf[0] = (uint8_t)tag;
	buf[1] = (uint8_t)strlen(s);
	/* The content of a DER time, no string. */
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(buf + 2, s, strlen(s));
	der_init(&d, span_of(buf, 2 + strlen(s)));
	return d;
}

static bool
time_is(const char *s, int tag, time_t want)
{
	struct der d = time_of(s, tag);
	time_t t;

	return der_time(&d, &t) && t == want;
}

static void
loose_times_name_one_moment(void **state)
{
	static const struct {
		const char *s;
		int tag;
		unsigned odd;
		time_t want;
	} rows[] = {
	    {"700101000001Z", DER_UTC_TIME, 0, 1},
	    {"7001010001Z", DER_UTC_TIME, DER_TIME_SHORT, 60},
	    {"700101000001.999Z", DER_UTC_TIME, DER_TIME_FRACTION, 1},
	    {"19700101000001,5Z", DER_GENERAL_TIME, DER_TIME_FRACTION, 1},
	    {"700101010000+0100", DER_UTC_TIME, DER_TIME_OFFSET, 0},
	    {"700101000000-0130", DER_UTC_TIME, DER_TIME_OFFSET, 5400},
	    {"197001010100.5Z", DER_GENERAL_TIME, 0, -1},
	    {"19700101000001.9-0001", DER_GENERAL_TIME,
		DER_TIME_FRACTION | DER_TIME_OFFSET, 61},
	    {"197001010001+0000", DER_GENERAL_TIME,
		DER_TIME_SHORT | DER_TIME_OFFSET, 60},
	};
	static const char *const none[] = {"", "Z", "19700101000001",
	    "19700101000001.Z", "19700101000001.5", "19700101000001.5x",
	    "19700101000001+01", "19700101000001+2400", "19700101000001+0060",
	    "19700101000060Z", "1970010100Z", "19700101000001ZZ",
	    "19700101000001 Z", "x9700101000001Z", "19x00101000001Z"};
	unsigned odd;
	struct der d;
	time_t t;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		d = time_of(rows[i].s, rows[i].tag);
		assert_int_equal(
		    der_time_loose(&d, &t, &odd), rows[i].want >= 0);
		if (rows[i].want < 0)
			continue;
		assert_int_equal(t, rows[i].want);
		assert_int_equal(odd, rows[i].odd);
		d = time_of(rows[i].s, rows[i].tag);
		assert_int_equal(der_time(&d, &t), rows[i].odd == 0);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		d = time_of(none[i], DER_GENERAL_TIME);
		assert_false(der_time_loose(&d, &t, &odd));
		assert_int_equal(der_peek(&d), -1);
	}
}

static void
times_of_rfc5280_only(void **state)
{
	(void)state;
	assert_true(time_is("700101000000Z", DER_UTC_TIME, 0));
	assert_true(time_is("491231235959Z", DER_UTC_TIME, 2524607999));
	assert_true(time_is("500101000000Z", DER_UTC_TIME, -631152000));
	assert_true(time_is("20240229120000Z", DER_GENERAL_TIME, 1709208000));
	assert_true(time_is("99991231235959Z", DER_GENERAL_TIME, 253402300799));
	assert_false(time_is("20230229120000Z", DER_GENERAL_TIME, 1677672000));
	assert_false(time_is("7001010000Z", DER_UTC_TIME, 0));
	assert_false(time_is("700101000000+0000", DER_UTC_TIME, 0));
	assert_false(time_is("19700101000000.0Z", DER_GENERAL_TIME, 0));
	assert_false(time_is("701301000000Z", DER_UTC_TIME, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_nested_and_notices_leftovers),
	    cmocka_unit_test(refuses_bad_lengths),
	    cmocka_unit_test(integers_are_minimal_and_bounded),
	    cmocka_unit_test(times_of_rfc5280_only),
	    cmocka_unit_test(loose_times_name_one_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
