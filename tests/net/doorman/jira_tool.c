/*
 * The ticket tool itself, asked from here, as a Data Center and as Cloud:
 * which status decides and who decided, that one request has one issue, and
 * whom an answer concerns that is none.
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
static struct ticket_text text;

/* An attempt that is remembered here. */
static bool marked;

static int
mark(struct ticket_attempt *a, struct fault *f)
{
	(void)a;
	(void)f;
	marked = true;
	return 0;
}

static void
unmark(struct ticket_attempt *a)
{
	(void)a;
	marked = false;
}

static struct ticket_attempt attempt = {0, mark, unmark};

#define SET(key, value) snprintf(config.key, sizeof(config.key), "%s", value)

static void
open_tool(void)
{
	struct fault f = {""};

	if (tool != NULL)
		tool->free(tool);
	tool = ticket_jira_new(&config, &f);
	if (tool == NULL)
		fail_msg("%s", f.msg);
}

/* Its folder holds the credentials; it is never started. */
static int
make_net(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	return 0;
}

static int
free_net(void **state)
{
	(void)state;
	doorman_net_free(&net);
	return 0;
}

static int
setup(void **state)
{
	static char api[16];

	(void)state;
	jira_start(&jira, &net);
	SET(jira_url, jira.url);
	SET(jira_project, "REV");
	SET(jira_issue_type, "Task");
	SET(jira_credentials, "dm/jira.secret");
	SET(jira_approved, "Approved");
	SET(jira_rejected, "Rejected");
	SET(jira_auth, "basic");
	SET(jira_proxy, "");
	snprintf(api, sizeof(api), "%s", *(const char **)state);
	SET(jira_api, api);
	jira_fake(
	    &jira, strcmp(api, "cloud") == 0 ? "be?cloud=1" : "be?cloud=0");
	config.ticket_timeout_ms = WAIT_MS;
	memset(&text, 0, sizeof(text));
	text.seq = 7;
	snprintf(text.id, sizeof(text.id), "%s", REQUEST);
	buf_init(&text.head, 100);
	buf_init(&text.name, 5000);
	buf_init(&text.tail, 100);
	buf_init(&text.facts, TICKET_TEXT_MAX);
	buf_printf(&text.head, "Revoke ");
	buf_printf(&text.name, "O=Alice");
	buf_printf(&text.facts, "Request: 00\n");
	attempt.since = 0;
	open_tool();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	tool->free(tool);
	tool = NULL;
	ticket_text_free(&text);
	jira_stop(&jira);
	return 0;
}

static void
create(char key[TICKET_KEY_MAX])
{
	struct fault f = {""};

	if (tool->create(tool, &text, &attempt, key, &f) != TICKET_DONE)
		fail_msg("%s", f.msg);
}

static void
poll_is(const char *key, enum ticket_answer want, enum ticket_decision decision,
    const char *says)
{
	struct ticket_verdict v = {.decision = TICKET_APPROVED};
	struct fault f = {""};
	enum ticket_answer rc = tool->poll(tool, REQUEST, key, &v, &f);

	if (rc != want)
		fail_msg("%d and not %d: %s", rc, want, f.msg);
	assert_int_equal(v.decision, decision);
	if (strstr(rc == TICKET_DONE ? v.who : f.msg, says) == NULL)
		fail_msg("'%s', '%s': no '%s'", v.who, f.msg, says);
}

/* Made, and not known to have been: the next time it is found. */
static void
one_request_has_one_issue(void **state)
{
	char first[TICKET_KEY_MAX], second[TICKET_KEY_MAX];

	(void)state;
	create(first);
	create(second);
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
	char key[TICKET_KEY_MAX];

	(void)state;
	create(key);
	for (size_t i = 0; i < NUM(rows); i++) {
		jira_decide(&jira, REQUEST, rows[i].status, "Carol");
		poll_is(key, TICKET_DONE, rows[i].want,
		    rows[i].want != TICKET_OPEN ? "Carol (" : "");
	}
}

/* The last to move it, however long the history is; not the assignee. */
static void
who_moved_it_has_decided(void **state)
{
	static const char *const way[][2] = {{"Approved", "Mallory"},
	    {"Open", "Dave"}, {"Doing", "Dave"}, {"Approved", "Carol"}};
	char key[TICKET_KEY_MAX];

	(void)state;
	create(key);
	for (size_t i = 0; i < NUM(way); i++)
		jira_decide(&jira, REQUEST, way[i][0], way[i][1]);
	poll_is(key, TICKET_DONE, TICKET_APPROVED, "Carol (");
}

static void
nobody_has_decided(void **state)
{
	char key[TICKET_KEY_MAX];

	(void)state;
	/* Made in that status: a workflow that approves for everybody. */
	jira_fake(&jira, "be?start=Approved");
	create(key);
	poll_is(key, TICKET_TROUBLE, TICKET_OPEN, "who moved it");
	/* A custom field that is called "status" is none. */
	jira_fake_issue(
	    &jira, REQUEST, "status=Approved&who=Mallory&field=custom");
	poll_is(key, TICKET_TROUBLE, TICKET_OPEN, "who moved it");
	jira_decide(&jira, REQUEST, "Approved", "robot");
	poll_is(key, TICKET_TROUBLE, TICKET_OPEN, "own account");
	jira_decide(&jira, REQUEST, "Rejected", "robot");
	poll_is(key, TICKET_TROUBLE, TICKET_OPEN, "own account");
	/* An account that was deleted. */
	jira_decide(&jira, REQUEST, "Approved", "");
	poll_is(key, TICKET_TROUBLE, TICKET_OPEN, "does not name the account");
	jira_decide(&jira, REQUEST, "Approved", "Carol");
	poll_is(key, TICKET_DONE, TICKET_APPROVED, "Carol (");
}

static void
odd_answers_concern_one_issue(void **state)
{
	char key[TICKET_KEY_MAX];

	(void)state;
	create(key);
	jira_decide(&jira, REQUEST, "Approved", "Carol");
	jira_fake_issue(&jira, REQUEST, "odd=json");
	poll_is(key, TICKET_TROUBLE, TICKET_OPEN, "odd");
	jira_fake_issue(&jira, REQUEST, "odd=status");
	poll_is(key, TICKET_TROUBLE, TICKET_OPEN, "without a status");
	jira_fake_issue(&jira, REQUEST, "odd=history");
	poll_is(key, TICKET_TROUBLE, TICKET_OPEN, "");
	jira_fake_issue(&jira, REQUEST, "odd=");
	poll_is(key, TICKET_DONE, TICKET_APPROVED, "Carol (");
	jira_fake_issue(&jira, REQUEST, "delete=1");
	poll_is(key, TICKET_TROUBLE, TICKET_OPEN, "does not know issue REV-1");
}

/* Its key is the request's, and so was everything else once. */
static void
an_issue_of_another_request_decides_nothing(void **state)
{
	static const char *const labels[] = {"", "doorman-", "doorman-0000",
	    "DOORMAN-" REQUEST, "doorman-" REQUEST "0"};
	char key[TICKET_KEY_MAX], *what;

	(void)state;
	create(key);
	jira_decide(&jira, REQUEST, "Approved", "Carol");
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		what = xasprintf("issue/%s?label=%s", key, labels[i]);
		jira_fake(&jira, what);
		free(what);
		poll_is(key, TICKET_TROUBLE, TICKET_OPEN,
		    "does not have the label");
	}
	what = xasprintf("issue/%s?label=doorman-" REQUEST, key);
	jira_fake(&jira, what);
	free(what);
	poll_is(key, TICKET_DONE, TICKET_APPROVED, "Carol (");
}

static void
refused(const char *says)
{
	char key[TICKET_KEY_MAX];
	struct fault f = {""};

	assert_int_equal(
	    tool->create(tool, &text, &attempt, key, &f), TICKET_TROUBLE);
	if (strstr(f.msg, says) == NULL)
		fail_msg("'%s': no '%s'", f.msg, says);
}

static void
labels_that_lie(void **state)
{
	char key[TICKET_KEY_MAX];

	(void)state;
	create(key);
	jira_fake_issue(&jira, REQUEST, "creator=mallory");
	refused("was made by mallory");
	jira_fake_issue(&jira, REQUEST, "creator=robot");
	create(key);
	jira_fake_issue(&jira, REQUEST, "copy=1");
	refused("two issues");
}

static void
what_jira_says_is_told(void **state)
{
	(void)state;
	jira_fake(&jira, "refuse?text=Alice");
	refused("summary: We do not like this one.");
	/* It surely was not made. */
	assert_false(marked);
	assert_int_equal(jira_count(&jira), 0);
}

/* Whatever the body of an error says. */
static void
an_error_is_no_answer(void **state)
{
	static const struct {
		int status;
		enum ticket_answer poll;
	} rows[] = {
	    {301, TICKET_DOWN},
	    {400, TICKET_TROUBLE},
	    {401, TICKET_DOWN},
	    {403, TICKET_DOWN},
	    {404, TICKET_TROUBLE},
	    {407, TICKET_DOWN},
	    {408, TICKET_DOWN},
	    {410, TICKET_TROUBLE},
	    {429, TICKET_DOWN},
	    {500, TICKET_DOWN},
	    {503, TICKET_DOWN},
	};
	char key[TICKET_KEY_MAX], again[TICKET_KEY_MAX];

	(void)state;
	create(key);
	jira_decide(&jira, REQUEST, "Approved", "Carol");
	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f = {""};

		jira_break(&jira, rows[i].status);
		poll_is(key, rows[i].poll, TICKET_OPEN, "");
		/* The search is the same for all. */
		assert_int_equal(tool->create(tool, &text, &attempt, again, &f),
		    TICKET_DOWN);
		assert_non_null(strstr(f.msg, "answered with status"));
		assert_non_null(strstr(f.msg, "out of order"));
	}
	jira_break(&jira, 0);
	assert_int_equal(jira_count(&jira), 1);
}

static void
a_pause_that_is_asked_for(void **state)
{
	char key[TICKET_KEY_MAX];
	struct fault f = {""};

	(void)state;
	create(key);
	assert_int_equal(tool->pause_ms(tool), 0);
	jira_fake(&jira, "status?code=429&retry_after=7");
	assert_int_equal(
	    tool->create(tool, &text, &attempt, key, &f), TICKET_DOWN);
	assert_int_equal(tool->pause_ms(tool), 7000);
	jira_fake(&jira, "status?code=503&retry_after=99999999");
	poll_is(key, TICKET_DOWN, TICKET_OPEN, "");
	assert_int_equal(tool->pause_ms(tool), 3600000);
	jira_break(&jira, 0);
	create(key);
	assert_int_equal(tool->pause_ms(tool), 0);
}

static void
long_texts_are_cut(void **state)
{
	char key[TICKET_KEY_MAX], *s;

	(void)state;
	for (int i = 0; i < 400; i++)
		buf_printf(&text.name, "\xf0\x9d\x94\x84");
	buf_printf(&text.tail, ", 12 names");
	for (int i = 0; i < 6000; i++)
		buf_printf(&text.facts, "Name: \"%d\" \\ \xc3\xa9\n", i);
	create(key);
	s = jira_field(&jira, REQUEST, "summary");
	assert_non_null(strstr(s, ", 12 names"));
	assert_non_null(strstr(s, "doorman tickets show " REQUEST));
	free(s);
	s = jira_field(&jira, REQUEST, "description");
	assert_non_null(strstr(s, "CUT HERE"));
	free(s);
}

/* Cloud's search is late: another is not made before it must know. */
static void
not_made_twice(void **state)
{
	char key[TICKET_KEY_MAX];

	(void)state;
	marked = false;
	jira_fake(&jira, "be?lag=1");
	create(key);
	assert_true(marked);
	attempt.since = time(NULL);
	refused("may have been made already");
	assert_int_equal(jira_count(&jira), 1);
	jira_fake(&jira, "be?lag=0");
	create(key);
	assert_int_equal(jira_count(&jira), 1);
	jira_fake(&jira, "be?lag=1");
	attempt.since = time(NULL) - 301;
	create(key);
	assert_int_equal(jira_count(&jira), 2);
}

static void
write_secret(const char *secret)
{
	file_write("dm/jira.secret", secret, strlen(secret));
}

/* A renewed token is read when it is needed. */
static void
tokens_change(void **state)
{
	char key[TICKET_KEY_MAX];
	struct fault f = {""};

	(void)state;
	SET(jira_auth, "bearer");
	write_secret("first\n");
	open_tool();
	jira_fake(&jira, "auth?header=Bearer%20first");
	create(key);
	jira_fake(&jira, "auth?header=Bearer%20second");
	write_secret("second\n");
	assert_int_equal(
	    tool->create(tool, &text, &attempt, key, &f), TICKET_DOWN);
	create(key);
	/* What cannot be used changes nothing. */
	jira_fake(&jira, "auth?header=Bearer%20third");
	write_secret("robot:token\n");
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    tool->create(tool, &text, &attempt, key, &f), TICKET_DOWN);
	jira_fake(&jira, "auth?header=Bearer%20second");
	create(key);
	write_secret("robot:token\n");
	SET(jira_auth, "bearer");
	assert_null(ticket_jira_new(&config, &f));
	assert_non_null(strstr(f.msg, "a token alone"));
	SET(jira_auth, "basic");
	write_secret("token\n");
	assert_null(ticket_jira_new(&config, &f));
	assert_non_null(strstr(f.msg, "USER:TOKEN"));
}

/* The environment's proxy is used when that is said, and only then. */
static void
proxies(void **state)
{
	char key[TICKET_KEY_MAX];
	struct fault f = {""};

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	create(key);
	SET(jira_proxy, "env");
	assert_int_equal(
	    tool->create(tool, &text, &attempt, key, &f), TICKET_DOWN);
	unsetenv("http_proxy");
	create(key);
	/* The fake JIRA serves as a proxy, too: it is asked for itself. */
	SET(jira_proxy, jira.url);
	SET(jira_url, "http://jira.invalid");
	create(key);
	setenv("no_proxy", "*", 1);
	create(key);
	unsetenv("no_proxy");
	SET(jira_proxy, "");
	assert_int_equal(
	    tool->create(tool, &text, &attempt, key, &f), TICKET_DOWN);
}

/* A CA of nobody's list is trusted where it is named, and only there. */
static void
another_ca(void **state)
{
	const char *make[] = {"/usr/bin/openssl", "req", "-x509", "-newkey",
	    "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
	    "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
	    "-keyout", "tls.key", "-out", "tls.pem", NULL};
	const char *serve[] = {"/usr/bin/openssl", "s_server", "-accept",
	    "127.0.0.1:0", "-cert", "tls.pem", "-key", "tls.key", "-www", NULL};
	char key[TICKET_KEY_MAX], *line, *url;
	struct fault f = {""};
	struct proc p;

	(void)state;
	proc_start(&p, "req", "req.log", make);
	assert_int_equal(proc_wait(&p, WAIT_MS), 0);
	proc_cleanup(&p);
	proc_start(&p, "s_server", "s_server.log", serve);
	line = proc_await(&p, "ACCEPT ", WAIT_MS);
	assert_non_null(line);
	url = xasprintf("https://%s", strstr(line, "ACCEPT ") + 7);
	url[strcspn(url, " \n")] = '\0';
	SET(jira_url, url);
	open_tool();
	assert_int_equal(
	    tool->create(tool, &text, &attempt, key, &f), TICKET_DOWN);
	assert_non_null(strstr(f.msg, "certificate"));
	SET(jira_ca, "tls.pem");
	assert_int_equal(
	    tool->create(tool, &text, &attempt, key, &f), TICKET_DOWN);
	assert_non_null(strstr(f.msg, "the answer is not JSON"));
	SET(jira_ca, "");
	(void)proc_stop(&p, WAIT_MS);
	proc_cleanup(&p);
	free(line);
	free(url);
}

#define WITH(api, test)                                             \
	{                                                           \
#test " " api, test, setup, teardown, (void *)(api) \
	}
#define BOTH(test) WITH("datacenter", test), WITH("cloud", test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(one_request_has_one_issue),
	    BOTH(only_the_whole_word_decides),
	    BOTH(who_moved_it_has_decided),
	    BOTH(nobody_has_decided),
	    BOTH(odd_answers_concern_one_issue),
	    BOTH(an_issue_of_another_request_decides_nothing),
	    BOTH(labels_that_lie),
	    BOTH(what_jira_says_is_told),
	    BOTH(an_error_is_no_answer),
	    BOTH(a_pause_that_is_asked_for),
	    BOTH(long_texts_are_cut),
	    WITH("cloud", not_made_twice),
	    WITH("datacenter", tokens_change),
	    WITH("datacenter", proxies),
	    WITH("datacenter", another_ca),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, make_net, free_net);
}
