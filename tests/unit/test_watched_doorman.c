/* What a doorman says of itself, and what somebody in its place might say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/doorman/doorman_text.h"

#define NOW 1800000000

static const char metrics[] =
    "# HELP doorman_build_info What is running.\n"
    "# TYPE doorman_build_info gauge\n"
    "doorman_build_info{version=\"1.2\"} 1\n"
    "doorman_start_time_seconds 1799990000\n"
    "doorman_crl_seconds_to_next_update{list=\"doorman\"} 3600\n"
    "doorman_crl_seconds_to_next_update{list=\"root\"} -60\n"
    "doorman_crl_seconds_to_next_update{list=\"empty\"} 0\n"
    "doorman_crl_this_update_timestamp_seconds{list=\"doorman\"} 1799999000\n"
    "doorman_crl_number{list=\"doorman\"} 41\n"
    "doorman_crl_number{list=\"root\"} 2\n"
    "doorman_crl_number{list=\"empty\"} 0\n"
    "doorman_crl_entries{list=\"doorman\"} 12\n"
    "doorman_requests{kind=\"certificate\",state=\"TICKET_CREATED\"} 3\n"
    "doorman_requests{kind=\"revocation\",state=\"TICKET_CREATED\"} 1\n"
    "doorman_requests{kind=\"certificate\",state=\"DONE\"} 900\n"
    "doorman_oldest_request_seconds{kind=\"certificate\",state="
    "\"TICKET_CREATED\"} 50\n"
    "doorman_oldest_request_seconds{kind=\"revocation\",state="
    "\"TICKET_CREATED\"} 70\n"
    "doorman_ticket_tool_up 1\n"
    "doorman_certificate_seconds_to_end{certificate=\"root\"} NaN\n"
    "other_requests{kind=\"certificate\",state=\"FAILED\"} 7\n";

static void
what_it_says(void **state)
{
	struct doorman_facts f = {.ready = false};
	const struct doorman_queue *q = &f.queues[DOORMAN_FOR_APPROVAL];

	assert_true(doorman_read_metrics(&f, metrics, NOW));
	assert_string_equal(f.version, "1.2");
	assert_int_equal(f.started_at, 1799990000);
	assert_true(f.ticket_tool_up);
	assert_int_equal(f.num_lists, 3);
	assert_string_equal(f.lists[0].name, "doorman");
	assert_int_equal(f.lists[0].number, 41);
	assert_int_equal(f.lists[0].num_entries, 12);
	assert_int_equal(f.lists[0].signed_at, 1799999000);
	assert_int_equal(f.lists[0].next_update, NOW + 3600);
	assert_int_equal(f.lists[1].next_update, NOW - 60);
	assert_int_equal(f.lists[1].signed_at, 0);
	/* Never signed, so without an end. */
	assert_int_equal(f.lists[2].number, 0);
	assert_int_equal(f.lists[2].next_update, 0);
	assert_int_equal(q->certificates, 3);
	assert_int_equal(q->revocations, 1);
	assert_int_equal(q->oldest_sec, 70);
	assert_int_equal(f.queues[DOORMAN_FOR_OPERATOR].certificates, 0);
}

static void
what_is_none(void **state)
{
	static const char *const texts[] = {"", "\n\n", "ok\n",
	    "<html>doorman_build_info{version=\"1\"} 1",
	    "doorman_build_info{version=\"1\"}", "doorman_build_info 1",
	    "doorman_build_info{version=\"1\"} x", "doorman_build_info{",
	    "doorman_build_info{version=\"", "doorman_build_info{version",
	    "doorman_build_info{version=\"1",
	    "doorman_build_info{version=\"1\"",
	    "doorman_build_info{version=\"1\",", "#\ndoorman_build_info{}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct doorman_facts f = {.ready = false};

		if (doorman_read_metrics(&f, texts[i], NOW))
			fail_msg("row %zu is taken for metrics", i);
	}
}

/* As many of everything, as long, and as large as it likes. */
static void
too_much(void **state)
{
	struct doorman_facts f = {.ready = false};
	char *text = malloc(64 * 1024), *p = text;

	assert_non_null(text);
	for (int i = 0; i < 500; i++)
		p += sprintf(p, "doorman_crl_number{list=\"list %040d\"} %d\n",
		    i, i + 1);
	p += sprintf(p, "doorman_crl_number{list=\"list %040d\"} 1e99\n", 0);
	p += sprintf(p, "doorman_start_time_seconds -1\n");
	p += sprintf(
	    p, "doorman_requests{a=\"1\",b=\"2\",c=\"3\",d=\"4\",e=\"5\"} 1\n");
	sprintf(p, "doorman_build_info{version=\"<\x1b[31m%0200d\"} 1", 0);
	assert_true(doorman_read_metrics(&f, text, NOW));
	assert_int_equal(f.num_lists, DOORMAN_LISTS);
	assert_int_equal(strlen(f.lists[0].name), sizeof(f.lists[0].name) - 1);
	assert_int_equal(f.started_at, 0);
	assert_int_equal(strncmp(f.version, "<?[31m000", 9), 0);
	assert_int_equal(strlen(f.version), sizeof(f.version) - 1);
	p = text;
	for (int i = 0; i < 50; i++)
		p += sprintf(p, "%d \xe2\x80\xae%0300d\n\n", i, 0);
	doorman_read_readiness(&f, false, text);
	assert_int_equal(f.num_reasons, DOORMAN_REASONS);
	assert_int_equal(strncmp(f.reasons[1], "1 ???000", 8), 0);
	assert_int_equal(strlen(f.reasons[1]), DOORMAN_LINE - 1);
	free(text);
}

static void
ready_or_not(void **state)
{
	struct doorman_facts f = {.ready = false};

	doorman_read_readiness(&f, true, "ok\n");
	assert_true(f.ready);
	assert_int_equal(f.num_reasons, 0);
	doorman_read_readiness(&f, false, "THE LIST root EXPIRED\nokay");
	assert_false(f.ready);
	assert_int_equal(f.num_reasons, 2);
	assert_string_equal(f.reasons[0], "THE LIST root EXPIRED");
	assert_string_equal(f.reasons[1], "okay");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_it_says),
	    cmocka_unit_test(what_is_none),
	    cmocka_unit_test(too_much),
	    cmocka_unit_test(ready_or_not),
	};

	return cmocka_run_group_tests_name(
	    "watched doorman", tests, NULL, NULL);
}
