/*
 * One issue that JIRA refuses, has lost or answers oddly for is the trouble
 * of that request: it is said with it, and all others go on.
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
	doorman_net_start(&net);
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
goes_on(const char *name)
{
	char *subject = xasprintf("/O=%s/C=GB", name);
	char *id = doorman_net_csr(&net, name, subject);

	doorman_net_await(&net, "certificate-request", id, "TICKET_CREATED");
	jira_decide(&jira, id, "Approved", "Carol");
	doorman_net_await(&net, "certificate-request", id, "APPROVED");
	free(id);
	free(subject);
}

static void
state_is(const char *id, const char *want)
{
	char *s = doorman_net_state(&net, "certificate-request", id);

	assert_string_equal(s, want);
	free(s);
}

static void
listed(const char *text)
{
	const char *arguments[] = {"tickets", "list", "-c", net.conf, NULL};

	doorman_net_says_args(&net, 0, text, arguments);
}

/* The longest name there can be is no reason for a refusal. */
static void
the_longest_name(void **state)
{
	char x[129], *subject, *id, *s;

	(void)state;
	memset(x, 'x', 128);
	x[128] = '\0';
	subject =
	    xasprintf("/CN=%.64s/OU=%.64s/O=%.64s/L=%.128s/C=GB", x, x, x, x);
	id = doorman_net_csr(&net, "long", subject);
	doorman_net_await(&net, "certificate-request", id, "TICKET_CREATED");
	s = jira_field(&jira, id, "summary");
	assert_non_null(strstr(s, id));
	assert_non_null(strstr(s, "tickets show"));
	free(s);
	s = jira_field(&jira, id, "description");
	assert_non_null(strstr(s, x));
	free(s);
	goes_on("after-long");
	free(id);
	free(subject);
}

static void
one_is_refused(void **state)
{
	char *id, *s, *line;
	struct web w;

	(void)state;
	jira_fake(&jira, "refuse?text=Poison");
	proc_mark(&net.serve);
	id = doorman_net_csr(&net, "poison", "/O=Poison/C=GB");
	goes_on("after-poison");
	doorman_net_await_column(&net, id, "trouble", "We do not like this");
	state_is(id, "NEW");
	listed("; TROUBLE: ");
	line = proc_await(&net.serve, "event=trouble", WAIT_MS);
	assert_non_null(line);
	assert_non_null(strstr(line, id));
	free(line);
	/* Strangers are told only that it waits. */
	s = xasprintf("%s/certificate-request/%s", net.url, id);
	web_request(&w, "GET", s, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	line = cJSON_Print(w.json);
	assert_null(strstr(line, "like"));
	cJSON_free(line);
	web_free(&w);
	free(s);
	/* Later it is tried again, by itself. */
	jira_fake(&jira, "refuse?text=");
	doorman_net_await(&net, "certificate-request", id, "TICKET_CREATED");
	s = doorman_net_column(&net, id, "trouble");
	assert_string_equal(s, "");
	free(s);
	free(id);
}

/* An error of JIRA's own that only one text makes does not stop the others. */
static void
one_breaks_it(void **state)
{
	char *id;

	(void)state;
	jira_fake(&jira, "refuse?text=Breaker&code=500");
	id = doorman_net_csr(&net, "breaker", "/O=Breaker/C=GB");
	goes_on("after-breaker");
	doorman_net_await_column(&net, id, "trouble", "status 500");
	goes_on("after-breaker-2");
	state_is(id, "NEW");
	jira_fake(&jira, "refuse?text=");
	doorman_net_await(&net, "certificate-request", id, "TICKET_CREATED");
	free(id);
}

static void
one_is_deleted(void **state)
{
	char *id = doorman_net_csr(&net, "lost", "/O=Lost/C=GB");

	(void)state;
	doorman_net_await(&net, "certificate-request", id, "TICKET_CREATED");
	jira_fake_issue(&jira, id, "delete=1");
	goes_on("after-lost");
	doorman_net_await_column(&net, id, "trouble", "does not know issue");
	state_is(id, "TICKET_CREATED");
	/* Another is made when a person says so. */
	assert_int_equal(jira_issues(&jira, id, NULL), 0);
	doorman_net_do(&net, "tickets", "retry", id);
	doorman_net_await_column(&net, id, "ticket", "REV-");
	assert_int_equal(jira_issues(&jira, id, NULL), 1);
	jira_decide(&jira, id, "Rejected", "Carol");
	doorman_net_await(&net, "certificate-request", id, "REJECTED");
	free(id);
}

static void
one_is_odd(void **state)
{
	static const char *const odd[] = {"json", "status"};
	char *id = doorman_net_csr(&net, "odd", "/O=Odd/C=GB"), *query;

	(void)state;
	doorman_net_await(&net, "certificate-request", id, "TICKET_CREATED");
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		query = xasprintf("odd=%s", odd[i]);
		jira_fake_issue(&jira, id, query);
		doorman_net_await_column(&net, id, "trouble", "odd");
		free(query);
		query = xasprintf("after-odd-%zu", i);
		goes_on(query);
		free(query);
		jira_fake_issue(&jira, id, "odd=");
		doorman_net_await_column(
		    &net, id, "coalesce(trouble,'well')", "well");
	}
	/* It has the status, but nobody gave it. */
	jira_fake(&jira, "be?start=Approved");
	free(id);
	id = doorman_net_csr(&net, "odd2", "/O=Odd Two/C=GB");
	doorman_net_await_column(&net, id, "trouble", "who moved it");
	state_is(id, "TICKET_CREATED");
	jira_fake(&jira, "be?start=Open");
	goes_on("after-odd-two");
	jira_decide(&jira, id, "Approved", "Carol");
	doorman_net_await(&net, "certificate-request", id, "APPROVED");
	free(id);
}

/* A pause that JIRA asks for is given it, whoever comes meanwhile. */
static void
a_pause_is_given(void **state)
{
	char *one, *two, *line;
	long calls;

	(void)state;
	proc_mark(&net.serve);
	jira_fake(&jira, "status?code=429&retry_after=3600");
	one = doorman_net_csr(&net, "pause1", "/O=Pause One/C=GB");
	line = proc_await(&net.serve, "is down", WAIT_MS);
	assert_non_null(line);
	free(line);
	calls = jira_calls(&jira);
	two = doorman_net_csr(&net, "pause2", "/O=Pause Two/C=GB");
	state_is(two, "NEW");
	assert_int_equal(jira_calls(&jira), calls);
	jira_break(&jira, 0);
	doorman_net_stop(&net);
	doorman_net_start(&net);
	doorman_net_await(&net, "certificate-request", one, "TICKET_CREATED");
	doorman_net_await(&net, "certificate-request", two, "TICKET_CREATED");
	free(one);
	free(two);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_longest_name),
	    cmocka_unit_test(one_is_refused),
	    cmocka_unit_test(one_breaks_it),
	    cmocka_unit_test(one_is_deleted),
	    cmocka_unit_test(one_is_odd),
	    cmocka_unit_test(a_pause_is_given),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
