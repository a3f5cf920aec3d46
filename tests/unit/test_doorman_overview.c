/* What `doorman status` finds in a database, and what it calls trouble. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/service/status/overview.h"
#include "tests/doorman/test_ca.h"

#define NOW  1800000000
#define HOUR 3600

static struct test_ca root, ca;
static struct config conf;
static struct store store;

static int
setup(void **state)
{
	struct fault f;
	int lock;

	(void)state;
	test_ca_make(&root, "Root", NULL, NOW);
	test_ca_make(&ca, "Doorman", &root, NOW);
	assert_int_equal(cert_write_file("root.pem", &root.cert, 1, &f), 0);
	assert_int_equal(cert_write_file("ca.pem", &ca.cert, 1, &f), 0);
	snprintf(conf.database, CONF_TEXT, "t.sqlite");
	snprintf(conf.path, CONF_TEXT, "doorman.conf");
	snprintf(conf.root_cert, CONF_TEXT, "root.pem");
	snprintf(conf.doorman_cert, CONF_TEXT, "ca.pem");
	snprintf(conf.ocsp_root_cert, CONF_TEXT, "root.pem");
	snprintf(conf.ocsp_doorman_cert, CONF_TEXT, "ca.pem");
	if (store_open(&store, conf.database, true, &f) != 0)
		fail_msg("%s", f.msg);
	lock = running_take(conf.database, &f);
	assert_true(lock >= 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_close(&store);
	test_ca_free(&root);
	test_ca_free(&ca);
	return 0;
}

static void
run(const char *sql)
{
	struct fault f;

	if (store_run(&store, &f, sql, "") != 0)
		fail_msg("%s: %s", sql, f.msg);
}

static void
publish(const char *list, int number, time_t this_update, time_t next_update)
{
	struct crl_plan plan = {.ca = ca.cert,
	    .number = (uint64_t)number,
	    .url = "http://a/x",
	    .this_update = this_update,
	    .next_update = next_update};
	struct test_crl crl;
	struct fault f;

	test_crl_make(&crl, &plan, ca.seal);
	assert_int_equal(
	    store_run(&store, &f,
		"INSERT INTO crl(list, number, this_update,"
		" next_update, published_at, published_by,"
		" full_der) VALUES(?,?,?,?,0,'me',?)",
		"tiiib", list, (int64_t)number, (int64_t)this_update,
		(int64_t)next_update, buf_view(&crl.der)),
	    0);
	buf_free(&crl.der);
}

static int
begin(void **state)
{
	(void)state;
	run("DELETE FROM crl");
	run("DELETE FROM report");
	run("DELETE FROM transition");
	run("DELETE FROM request");
	for (int i = 0; i < CONFIG_NUM_LISTS; i++)
		publish(config_lists[i], 3, NOW - HOUR, NOW + 23 * HOUR);
	return 0;
}

static void
look(struct overview *o)
{
	struct fault f = {""};

	if (overview_make(o, &store, &conf, NOW, &f) != 0)
		fail_msg("%s", f.msg);
}

static void
says(const struct overview *o, const char *text)
{
	for (size_t i = 0; i < o->findings.num; i++)
		if (strstr(o->findings.rows[i].text.msg, text) != NULL)
			return;
	for (size_t i = 0; i < o->findings.num; i++)
		print_error("%s\n", o->findings.rows[i].text.msg);
	fail_msg("nothing says '%s'", text);
}

static void
nothing_is_wrong(void **state)
{
	struct overview o;

	(void)state;
	look(&o);
	if (o.findings.num_errors != 0)
		fail_msg("%s", o.findings.rows[0].text.msg);
	assert_true(o.running);
	assert_int_equal(o.pid, getpid());
	assert_int_equal(o.lists[0].number, 3);
	assert_int_equal(o.num_ends, 4);
}

static void
a_list_that_ends_is_trouble(void **state)
{
	struct overview o;

	(void)state;
	/* An eighth of its time is 3 hours. */
	publish("doorman", 4, NOW - 21 * HOUR, NOW + 3 * HOUR);
	look(&o);
	assert_false(o.lists[0].due);
	assert_int_equal(o.findings.num_errors, 0);
	publish("doorman", 5, NOW - 21 * HOUR - 1, NOW + 3 * HOUR - 1);
	look(&o);
	assert_true(o.lists[0].due);
	assert_false(o.lists[0].expired);
	says(&o, "the doorman list ends in 2 hours: doorman-sign crl doorman");
	/* It has ended when nextUpdate has come. */
	publish("root", 4, NOW - HOUR, NOW);
	look(&o);
	assert_true(o.lists[1].expired);
	says(&o, "THE root LIST HAS EXPIRED, 0 seconds ago");
	publish("root", 5, NOW - HOUR, NOW + 1);
	look(&o);
	assert_false(o.lists[1].expired);
	/* A clock was wrong: nobody takes it, however long it lasts. */
	publish("root", 6, NOW + 301, NOW + 48 * HOUR);
	look(&o);
	says(&o, "the root list says that it is of a time 5 minutes from now");
	publish("root", 7, NOW + 300, NOW + 48 * HOUR);
	look(&o);
	assert_int_equal(o.findings.num_errors, 1);
	run("DELETE FROM crl WHERE list='empty'");
	look(&o);
	says(&o, "the empty list was never published");
	run("UPDATE crl SET full_der=x'3000' WHERE list='doorman'");
	look(&o);
	says(&o, "the doorman list cannot be read");
}

static void
request(const char *id, const char *kind, const char *in, int64_t since)
{
	struct fault f;

	assert_int_equal(
	    store_run(&store, &f,
		"INSERT INTO request(id, kind, state, subject, created_at,"
		" list, serial, key_hash) VALUES(?,?,?,?,?,'doorman',?,?)",
		"ttttitt", id, kind, in, id, (int64_t)0, id, id),
	    0);
	assert_int_equal(store_run(&store, &f,
			     "INSERT INTO transition(request, from_state,"
			     " to_state, at, who, note, origin, uid, hash)"
			     " VALUES(?,'',?,?,'','','',-1,'')",
			     "tti", id, in, since),
	    0);
}

static const struct overview_queue *
queue(const struct overview *o, const char *kind, const char *in)
{
	for (size_t i = 0; i < o->num_queues; i++)
		if (strcmp(o->queues[i].kind, kind) == 0 &&
		    strcmp(o->queues[i].state, in) == 0)
			return &o->queues[i];
	fail_msg("no queue %s %s", kind, in);
	return NULL;
}

static void
who_waits_too_long_is_named(void **state)
{
	const struct overview_queue *q;
	struct overview o;

	(void)state;
	request("A", "revocation", "APPROVED", NOW - OVERVIEW_PERSON_SEC);
	request("B", "revocation", "APPROVED", NOW - 5);
	request(
	    "C", "certificate", "TICKET_CREATED", NOW - OVERVIEW_PERSON_SEC);
	request("D", "revocation", "NEW", NOW - OVERVIEW_TICKET_SEC);
	request("E", "revocation", "DONE", NOW - 999 * HOUR);
	request("F", "certificate", "WITHDRAWN", NOW - 999 * HOUR);
	look(&o);
	if (o.findings.num_errors != 0)
		fail_msg("%s", o.findings.rows[0].text.msg);
	q = queue(&o, "revocation", "APPROVED");
	assert_int_equal(q->count, 2);
	assert_int_equal(q->oldest, NOW - OVERVIEW_PERSON_SEC);
	assert_int_equal(q->waits, WAIT_SIGNER);
	assert_int_equal(queue(&o, "revocation", "NEW")->waits, WAIT_TICKET);
	assert_int_equal(
	    queue(&o, "certificate", "TICKET_CREATED")->waits, WAIT_APPROVER);
	assert_int_equal(queue(&o, "revocation", "DONE")->waits, WAIT_NOBODY);
	run("UPDATE transition SET at=at-1");
	/* One more report, or another's approval, is no new beginning. */
	run("INSERT INTO transition(request, from_state, to_state, at, who,"
	    " note, origin, uid, hash) SELECT request, to_state, to_state,"
	    " at+999, 'troll', '', '', -1, '' FROM transition");
	look(&o);
	assert_int_equal(o.findings.num_errors, 3);
	says(&o, "a revocation request has waited for the signer for 24 hours");
	says(&o, "a certificate request has waited for the approver");
	says(&o, "a revocation request has waited for a ticket for 15 minutes");
}

static void
what_failed_is_the_operators(void **state)
{
	struct overview o;

	(void)state;
	request("A", "certificate", "FAILED", NOW);
	look(&o);
	assert_int_equal(
	    queue(&o, "certificate", "FAILED")->waits, WAIT_OPERATOR);
	says(&o, "1 certificate request could not be signed");
	run("DELETE FROM transition");
	run("DELETE FROM request");
	request("B", "revocation", "NEW", NOW);
	run("UPDATE request SET trouble='JIRA says 400'");
	look(&o);
	says(&o, "1 request has trouble with the ticket tool");
	run("UPDATE request SET trouble=NULL, state='APPROVED', reason=4,"
	    " created_at=1800000000");
	run("INSERT INTO report(request, reporter, reason, origin, proof, at)"
	    " VALUES('B','x',4,'','',0)");
	look(&o);
	assert_int_equal(o.findings.num_errors, 0);
	run("INSERT INTO report(request, reporter, reason, origin, proof, at)"
	    " VALUES('B','x',1,'','',0)");
	look(&o);
	says(&o, "1 approved revocation was reported for a worse reason");
}

static void
ages_are_read_aloud(void **state)
{
	static const struct {
		long sec;
		const char *text;
	} rows[] = {
	    {0, "0 seconds"},
	    {1, "1 second"},
	    {59, "59 seconds"},
	    {60, "1 minute"},
	    {119, "119 seconds"},
	    {120, "2 minutes"},
	    {3600, "1 hour"},
	    {86400, "1 day"},
	    {86401, "24 hours"},
	    {172800, "2 days"},
	    {-172800, "2 days"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(
		    overview_age(text, rows[i].sec), rows[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(nothing_is_wrong, begin),
	    cmocka_unit_test_setup(a_list_that_ends_is_trouble, begin),
	    cmocka_unit_test_setup(who_waits_too_long_is_named, begin),
	    cmocka_unit_test_setup(what_failed_is_the_operators, begin),
	    cmocka_unit_test(ages_are_read_aloud),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
