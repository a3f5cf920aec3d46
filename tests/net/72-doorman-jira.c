/*
 * Tickets in JIRA: made once, decided there, and a tool that is down or that
 * does not know us costs time and nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "tests/doorman/office.h"

static struct office office;
static struct jira jira;

static int
setup(void **state)
{
	(void)state;
	office_init(&office, "dm", NULL, NULL);
	jira_start(&jira, &office);
	office_start(&office);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	office_free(&office);
	jira_stop(&jira);
	return 0;
}

static void
approved_in_jira(void **state)
{
	char *id = office_csr(&office, "alice", "/O=Alice"), *key = NULL, *url;
	const char *no[] = {"tickets", "approve", id, "-c", office.conf, NULL};
	char *out;
	struct web w;

	(void)state;
	office_await(&office, "certificate-request", id, "TICKET_CREATED");
	assert_int_equal(jira_issues(&jira, id, &key), 1);
	/* What is decided in JIRA is decided nowhere else. */
	assert_int_equal(office_run(&office, "doorman", NULL, &out, no), 1);
	assert_non_null(strstr(out, "decided in jira"));
	free(out);
	jira_decide(&jira, id, "Approved", "Carol");
	office_await(&office, "certificate-request", id, "APPROVED");
	url = xasprintf("%s/certificate-request/%s", office.url, id);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_string_equal(json_text(w.json, "ticket"), key);
	assert_string_equal(
	    json_text(cJSON_GetArrayItem(json_at(w.json, "history"), 2), "by"),
	    "Carol");
	web_free(&w);
	assert_int_equal(office_sign(&office, "sign certificates +1\n", &out,
			     "certificates"),
	    0);
	free(out);
	office_await(&office, "certificate-request", id, "DONE");
	free(url);
	free(key);
	free(id);
}

static void
rejected_in_jira(void **state)
{
	char *id = office_csr(&office, "bob", "/O=Bob"), *out;

	(void)state;
	office_await(&office, "certificate-request", id, "TICKET_CREATED");
	jira_decide(&jira, id, "Rejected", "Carol");
	office_await(&office, "certificate-request", id, "REJECTED");
	assert_int_equal(office_sign(&office, "", &out, "certificates"), 3);
	free(out);
	free(id);
}

static void
down_is_waited_for(void **state)
{
	static const int broken[] = {503, 401, 404};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		char *name = xasprintf("down%zu", i);
		char *subject = xasprintf("/O=Down %zu", i), *id, *line, *s;

		jira_break(&jira, broken[i]);
		proc_mark(&office.serve);
		id = office_csr(&office, name, subject);
		line = proc_await(
		    &office.serve, "ticket tool jira is down", WAIT_MS);
		assert_non_null(line);
		free(line);
		s = office_state(&office, "certificate-request", id);
		assert_string_equal(s, "NEW");
		free(s);
		assert_int_equal(jira_issues(&jira, id, NULL), 0);
		jira_break(&jira, 0);
		line = proc_await(
		    &office.serve, "ticket tool jira is back", WAIT_MS);
		assert_non_null(line);
		free(line);
		office_await(
		    &office, "certificate-request", id, "TICKET_CREATED");
		assert_int_equal(jira_issues(&jira, id, NULL), 1);
		jira_decide(&jira, id, "Rejected", "x");
		office_await(&office, "certificate-request", id, "REJECTED");
		free(id);
		free(subject);
		free(name);
	}
}

static void
down_while_waiting_for_a_decision(void **state)
{
	char *id = office_csr(&office, "late", "/O=Late"), *line;

	(void)state;
	office_await(&office, "certificate-request", id, "TICKET_CREATED");
	proc_mark(&office.serve);
	jira_break(&jira, 500);
	line = proc_await(&office.serve, "is down", WAIT_MS);
	assert_non_null(line);
	free(line);
	jira_decide(&jira, id, "Approved", "Carol");
	jira_break(&jira, 0);
	office_await(&office, "certificate-request", id, "APPROVED");
	free(id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(approved_in_jira),
	    cmocka_unit_test(rejected_in_jira),
	    cmocka_unit_test(down_is_waited_for),
	    cmocka_unit_test(down_while_waiting_for_a_decision),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
