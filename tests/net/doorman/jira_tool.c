/*
 * The ticket tool itself, asked from here: which status decides, that one
 * request has one issue, and that no other answer is a decision.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "fixtures/doorman/service/tickets/tickets.h"
#include "tests/doorman/doorman_net.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))
#define REQUEST                            \
	"00112233445566778899AABBCCDDEEFF" \
	"00112233445566778899AABBCCDDEEFF"

static struct doorman_net net;
static struct jira jira;
static struct config config;
static struct ticket_tool *tool;
static const struct ticket_text text = {
    7, REQUEST, "revocation", "Revoke", "A certificate"};

static int
setup(void **state)
{
	struct fault f = {""};

	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	jira_start(&jira, &net);
	snprintf(config.jira_url, sizeof(config.jira_url), "%s", jira.url);
	snprintf(config.jira_project, sizeof(config.jira_project), "REV");
	snprintf(
	    config.jira_issue_type, sizeof(config.jira_issue_type), "Task");
	snprintf(config.jira_credentials, sizeof(config.jira_credentials),
	    "dm/jira.secret");
	snprintf(
	    config.jira_approved, sizeof(config.jira_approved), "Approved");
	snprintf(
	    config.jira_rejected, sizeof(config.jira_rejected), "Rejected");
	config.ticket_timeout_ms = WAIT_MS;
	tool = ticket_jira_new(&config, &f);
	if (tool == NULL)
		fail_msg("%s", f.msg);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	tool->free(tool);
	jira_stop(&jira);
	doorman_net_free(&net);
	return 0;
}

/* Made, and not known to have been: the next time it is found. */
static void
one_request_has_one_issue(void **state)
{
	char first[TICKET_KEY_MAX], second[TICKET_KEY_MAX];
	struct fault f = {""};

	(void)state;
	if (tool->create(tool, &text, first, &f) != 0 ||
	    tool->create(tool, &text, second, &f) != 0)
		fail_msg("%s", f.msg);
	assert_string_equal(first, second);
	assert_int_equal(jira_count(&jira), 1);
	assert_int_equal(jira_issues(&jira, REQUEST, NULL), 1);
}

static void
only_the_whole_word_decides(void **state)
{
	static const struct {
		const char *status;
		enum ticket_decision want;
	} rows[] = {
	    {"Open", TICKET_OPEN},
	    {"Approved2", TICKET_OPEN},
	    {"Approve", TICKET_OPEN},
	    {"approved", TICKET_OPEN},
	    {"ApprovedByMallory", TICKET_OPEN},
	    {"Done", TICKET_OPEN},
	    {"Rejected2", TICKET_OPEN},
	    {"rejected", TICKET_OPEN},
	    {"Approved", TICKET_APPROVED},
	    {"Rejected", TICKET_REJECTED},
	};
	char key[TICKET_KEY_MAX], who[TICKET_WHO_MAX];
	struct fault f = {""};

	(void)state;
	assert_int_equal(tool->create(tool, &text, key, &f), 0);
	for (size_t i = 0; i < NUM(rows); i++) {
		enum ticket_decision d = TICKET_APPROVED;

		jira_decide(&jira, REQUEST, rows[i].status, "Carol");
		if (tool->poll(tool, key, &d, who, &f) != 0)
			fail_msg("%s: %s", rows[i].status, f.msg);
		assert_int_equal(d, rows[i].want);
		assert_string_equal(who, "Carol");
	}
}

/* Whatever the body of an error says. */
static void
an_error_is_no_answer(void **state)
{
	static const int statuses[] = {301, 400, 401, 403, 404, 429, 500, 503};
	char key[TICKET_KEY_MAX], again[TICKET_KEY_MAX], who[TICKET_WHO_MAX];
	struct fault f = {""};

	(void)state;
	assert_int_equal(tool->create(tool, &text, key, &f), 0);
	jira_decide(&jira, REQUEST, "Approved", "Carol");
	for (size_t i = 0; i < NUM(statuses); i++) {
		enum ticket_decision d = TICKET_OPEN;

		jira_break(&jira, statuses[i]);
		assert_int_equal(tool->poll(tool, key, &d, who, &f), -1);
		assert_int_equal(d, TICKET_OPEN);
		assert_non_null(strstr(f.msg, "answered with status"));
		assert_int_equal(tool->create(tool, &text, again, &f), -1);
	}
	jira_break(&jira, 0);
	assert_int_equal(jira_count(&jira), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_request_has_one_issue),
	    cmocka_unit_test(only_the_whole_word_decides),
	    cmocka_unit_test(an_error_is_no_answer),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
