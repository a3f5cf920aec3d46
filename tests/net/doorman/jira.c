/*
 * Tickets in JIRA: made once, decided there, and a tool that is down or that
 * does not know us costs time and nothing else.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

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
approved_in_jira(void **state)
{
	char *id = doorman_net_csr(&net, "alice", "/O=Alice"), *key = NULL,
	     *url;
	const char *no[] = {"tickets", "approve", id, "-c", net.conf, NULL};
	char *out;
	struct web w;

	(void)state;
	doorman_net_await(&net, "certificate-request", id, "TICKET_CREATED");
	assert_int_equal(jira_issues(&jira, id, &key), 1);
	/* What is decided in JIRA is decided nowhere else. */
	doorman_net_says_args(&net, 1, "decided in jira", no);
	jira_decide(&jira, id, "Approved", "Carol");
	doorman_net_await(&net, "certificate-request", id, "APPROVED");
	url = xasprintf("%s/certificate-request/%s", net.url, id);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_string_equal(json_text(w.json, "ticket"), key);
	assert_string_equal(
	    json_text(cJSON_GetArrayItem(json_at(w.json, "history"), 2), "by"),
	    "Carol (Carol)");
	web_free(&w);
	assert_int_equal(doorman_net_sign(&net, "sign certificates +1\n", &out,
			     "certificates"),
	    0);
	free(out);
	doorman_net_await(&net, "certificate-request", id, "DONE");
	free(url);
	free(key);
	free(id);
}

static char *
report(const char *reason, const char *reporter)
{
	char *body = xasprintf("{\"legalName\":\"O=Alice\",\"reason\":\"%s\","
			       "\"reporter\":\"%s\"}",
	    reason, reporter);
	char *id;

	assert_int_equal(doorman_net_post(&net, body, &id), 200);
	free(body);
	return id;
}

/* Waits until the request's issue has so many comments, and returns them. */
static char *
comments(const char *id, int want)
{
	time_t end = time(NULL) + WAIT_MS / 1000;
	char *text = NULL, *key = NULL, *url;

	assert_int_equal(jira_issues(&jira, id, &key), 1);
	url = xasprintf("%s/fake/issues", jira.url);
	while (text == NULL) {
		const cJSON *i;
		struct web w;

		web_request(&w, "GET", url, NULL, NULL, NULL);
		cJSON_ArrayForEach(i, w.json)
		{
			cJSON *c = cJSON_GetObjectItem(i, "comments");

			if (strcmp(json_text(i, "key"), key) == 0 &&
			    cJSON_GetArraySize(c) == want)
				text = cJSON_PrintUnformatted(c);
		}
		web_free(&w);
		if (text == NULL && time(NULL) > end)
			fail_msg("issue %s never has %d comments", key, want);
		if (text == NULL)
			poll(NULL, 0, 20);
	}
	free(url);
	free(key);
	return text;
}

/* What is reported after the issue was made is told in it. */
static void
news_are_told_in_the_issue(void **state)
{
	char *id = report("UNSPECIFIED", "troll"), *again, *text, *out;
	const char *approve[] = {
	    "tickets", "approve", id, "-c", net.conf, NULL};
	struct web w;
	char *url;

	(void)state;
	doorman_net_await(
	    &net, "certificate-revocation-request", id, "TICKET_CREATED");
	again = report("SUPERSEDED", "ann {noformat} @carol");
	assert_string_equal(again, id);
	free(again);
	text = comments(id, 1);
	assert_non_null(strstr(
	    text, "Reported: SUPERSEDED, anonymous, from 127.0.0.1, by ann"));
	assert_non_null(strstr(text, "Reason now: SUPERSEDED"));
	assert_null(strstr(text, "troll"));
	assert_null(strstr(text, "ann {noformat"));
	cJSON_free(text);
	/* One that takes no comment is decided all the same. */
	jira_fake(&jira, "refuse?text=unspeakable&code=400");
	free(report("AFFILIATION_CHANGED", "unspeakable"));
	jira_decide(&jira, id, "Approved", "Carol");
	doorman_net_await(
	    &net, "certificate-revocation-request", id, "APPROVED");
	jira_fake(&jira, "refuse?text=&code=400");
	cJSON_free(comments(id, 1));
	/* The issue is closed: worse news are approved here. */
	free(report("KEY_COMPROMISE", "officer"));
	assert_int_equal(
	    doorman_net_run(&net, "doorman", NULL, &out, approve), 0);
	free(out);
	url = xasprintf("%s/certificate-revocation-request/%s", net.url, id);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_string_equal(json_text(w.json, "reason"), "KEY_COMPROMISE");
	web_free(&w);
	free(url);
	free(id);
}

static void
rejected_in_jira(void **state)
{
	char *id = doorman_net_csr(&net, "bob", "/O=Bob"), *out;

	(void)state;
	doorman_net_await(&net, "certificate-request", id, "TICKET_CREATED");
	jira_decide(&jira, id, "Rejected", "Carol");
	doorman_net_await(&net, "certificate-request", id, "REJECTED");
	assert_int_equal(doorman_net_sign(&net, "", &out, "certificates"), 3);
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
		proc_mark(&net.serve);
		id = doorman_net_csr(&net, name, subject);
		line =
		    proc_await(&net.serve, "ticket tool jira is down", WAIT_MS);
		assert_non_null(line);
		free(line);
		s = doorman_net_state(&net, "certificate-request", id);
		assert_string_equal(s, "NEW");
		free(s);
		assert_int_equal(jira_issues(&jira, id, NULL), 0);
		jira_break(&jira, 0);
		line =
		    proc_await(&net.serve, "ticket tool jira is back", WAIT_MS);
		assert_non_null(line);
		free(line);
		doorman_net_await(
		    &net, "certificate-request", id, "TICKET_CREATED");
		assert_int_equal(jira_issues(&jira, id, NULL), 1);
		jira_decide(&jira, id, "Rejected", "x");
		doorman_net_await(&net, "certificate-request", id, "REJECTED");
		free(id);
		free(subject);
		free(name);
	}
}

static void
down_while_waiting_for_a_decision(void **state)
{
	char *id = doorman_net_csr(&net, "late", "/O=Late"), *line;

	(void)state;
	doorman_net_await(&net, "certificate-request", id, "TICKET_CREATED");
	proc_mark(&net.serve);
	jira_break(&jira, 500);
	line = proc_await(&net.serve, "is down", WAIT_MS);
	assert_non_null(line);
	free(line);
	jira_decide(&jira, id, "Approved", "Carol");
	jira_break(&jira, 0);
	doorman_net_await(&net, "certificate-request", id, "APPROVED");
	free(id);
}

/* One that takes a question and never answers is not waited for. */
static void
a_stop_does_not_wait_for_it(void **state)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	struct doorman_net o;
	struct pollfd p = {.fd = listener, .events = POLLIN};
	char *conf, *id, *s, byte;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(
	    getsockname(listener, (struct sockaddr *)&sin, &len), 0);
	doorman_net_init(&o, "silent", NULL, (const char *const[]){NULL});
	file_write("silent/jira.secret", "robot:token\n", 12);
	conf = xasprintf("tickets = jira\njira_url = http://127.0.0.1:%d\n"
			 "jira_project = REV\njira_credentials = jira.secret\n"
			 "ticket_timeout_ms = 600000\n",
	    ntohs(sin.sin_port));
	doorman_net_conf(&o, conf);
	doorman_net_start(&o);
	id = doorman_net_csr(&o, "alice", "/O=Alice");
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(recv(fd, &byte, 1, MSG_WAITALL), 1);
	/* WAIT_MS is far below the timeout: this fails if it is waited out. */
	doorman_net_stop(&o);
	/* What was not answered is done the next time. */
	doorman_net_start(&o);
	s = doorman_net_state(&o, "certificate-request", id);
	assert_string_equal(s, "NEW");
	close(fd);
	close(listener);
	doorman_net_free(&o);
	free(s);
	free(id);
	free(conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(approved_in_jira),
	    cmocka_unit_test(news_are_told_in_the_issue),
	    cmocka_unit_test(rejected_in_jira),
	    cmocka_unit_test(down_is_waited_for),
	    cmocka_unit_test(down_while_waiting_for_a_decision),
	    cmocka_unit_test(a_stop_does_not_wait_for_it),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
