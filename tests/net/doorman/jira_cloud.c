/*
 * Tickets on Atlassian's Cloud, from the service: made, found again after a
 * kill though the search is late, and decided.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "tests/doorman/doorman_net.h"

static struct doorman_net net;
static struct jira jira;

static int
setup(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	jira_start(&jira, &net);
	jira_fake(&jira, "be?cloud=1");
	doorman_net_conf(&net, "jira_api = cloud\n");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	doorman_net_free(&net);
	jira_stop(&jira);
	return 0;
}

static void
decided(const char *name, const char *status, const char *state)
{
	char *subject = xasprintf("/O=%s/C=GB", name);
	char *id = doorman_net_csr(&net, name, subject), *s;

	doorman_net_await(&net, "certificate-request", id, "TICKET_CREATED");
	s = jira_field(&jira, id, "description");
	assert_non_null(strstr(s, "\"type\":\"doc\""));
	assert_non_null(strstr(s, name));
	free(s);
	jira_decide(&jira, id, status, "Carol");
	doorman_net_await(&net, "certificate-request", id, state);
	free(id);
	free(subject);
}

static void
made_and_decided(void **state)
{
	char *s, *id;

	(void)state;
	doorman_net_start(&net);
	decided("alice", "Approved", "APPROVED");
	decided("bob", "Rejected", "REJECTED");
	/* Two pages of history: the last move counts. */
	id = doorman_net_csr(&net, "dave", "/O=Dave/C=GB");
	doorman_net_await(&net, "certificate-request", id, "TICKET_CREATED");
	jira_decide(&jira, id, "Doing", "Erin");
	jira_decide(&jira, id, "Waiting", "Erin");
	jira_decide(&jira, id, "Doing", "Erin");
	jira_decide(&jira, id, "Approved", "Carol");
	doorman_net_await(&net, "certificate-request", id, "APPROVED");
	s = doorman_net_column(&net, id, "approved_by");
	assert_string_equal(s, "Carol (557058:Carol)");
	free(s);
	free(id);
	doorman_net_stop(&net);
}

/* Killed between JIRA's answer and our record of it. */
static void
found_after_a_kill(void **state)
{
	char *id;

	(void)state;
	jira_fake(&jira, "be?lag=1");
	setenv("DOORMAN_CRASH", "ticket.made-not-recorded", 1);
	doorman_net_start(&net);
	id = doorman_net_csr(&net, "frank", "/O=Frank/C=GB");
	assert_int_equal(proc_wait(&net.serve, WAIT_MS), 128 + 9);
	proc_cleanup(&net.serve);
	unsetenv("DOORMAN_CRASH");
	assert_int_equal(jira_issues(&jira, id, NULL), 1);
	doorman_net_start(&net);
	doorman_net_await_column(
	    &net, id, "trouble", "may have been made already");
	assert_int_equal(jira_issues(&jira, id, NULL), 1);
	/* The others do not wait. */
	decided("grace", "Approved", "APPROVED");
	jira_fake(&jira, "be?lag=0");
	doorman_net_await(&net, "certificate-request", id, "TICKET_CREATED");
	assert_int_equal(jira_issues(&jira, id, NULL), 1);
	free(id);
	doorman_net_stop(&net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(made_and_decided),
	    cmocka_unit_test(found_after_a_kill),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
