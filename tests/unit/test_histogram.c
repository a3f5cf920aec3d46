/* histogram: each duration in its bucket, and as Prometheus reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache/engine/archive.h"
#include "gateway/observe/histogram.h"
#include "revcheck/revcheck.h"

static void
each_in_its_bucket(void **state)
{
	struct histogram one = {0}, other = {0};
	struct histogram_sum sum = {0};

	(void)state;
	histogram_add(&one, 0);
	histogram_add(&one, 1000);
	histogram_add(&one, 1001);
	histogram_add(&one, 30000000);
	histogram_add(&other, 30000001);
	histogram_add(&other, UINT32_MAX * 1000ULL);
	histogram_read(&sum, &one);
	histogram_read(&sum, &other);
	assert_int_equal(sum.num[0], 2);
	assert_int_equal(sum.num[1], 1);
	assert_int_equal(sum.num[HISTOGRAM_NUM_BOUNDS - 1], 1);
	assert_int_equal(sum.num[HISTOGRAM_NUM_BOUNDS], 2);
	assert_true(sum.sum_us == 2001 + 60000001ULL + UINT32_MAX * 1000ULL);
	for (size_t i = 1; i < HISTOGRAM_NUM_BOUNDS; i++)
		assert_true(
		    histogram_bounds_us[i] > histogram_bounds_us[i - 1]);
}

static void
written_cumulative(void **state)
{
	static const double bounds[] = {0.5, 10};
	static const uint64_t num[] = {3, 0, 4};
	struct histogram_lines l = {.name = "h",
	    .label = "kind=\"crl\"",
	    .bounds = bounds,
	    .num_bounds = 2,
	    .num = num,
	    .sum_sec = 12.25};
	struct prometheus t;
	char *text;

	(void)state;
	prometheus_init(&t);
	histogram_put(&t, &l);
	l.label = "";
	histogram_put(&t, &l);
	text = prometheus_finish(&t);
	assert_string_equal(text,
	    "h_bucket{kind=\"crl\",le=\"0.5\"} 3\n"
	    "h_bucket{kind=\"crl\",le=\"10\"} 3\n"
	    "h_bucket{kind=\"crl\",le=\"+Inf\"} 7\n"
	    "h_sum{kind=\"crl\"} 12.25\n"
	    "h_count{kind=\"crl\"} 7\n"
	    "h_bucket{le=\"0.5\"} 3\n"
	    "h_bucket{le=\"10\"} 3\n"
	    "h_bucket{le=\"+Inf\"} 7\n"
	    "h_sum 12.25\n"
	    "h_count 7\n");
	free(text);
}

/* What the library's header says of its buckets is what is counted by. */
static void
the_library_has_the_bounds_of_its_archive(void **state)
{
	static const uint32_t told[] = REVCHECK_FETCH_TIME_BOUNDS_MS;

	(void)state;
	assert_int_equal(
	    sizeof(told) / sizeof(told[0]), REVCHECK_NUM_FETCH_TIMES - 1);
	assert_memory_equal(told, archive_fetch_bounds_ms, sizeof(told));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_in_its_bucket),
	    cmocka_unit_test(written_cumulative),
	    cmocka_unit_test(the_library_has_the_bounds_of_its_archive),
	};

	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
