/*
 * The desk as an operator knows it: one bad item stops nothing, what was
 * approved can be taken back, some of it can be signed, four eyes see it, and
 * nobody holds the desk by thinking.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "fixtures/doorman/base/issue.h"
#include "tests/doorman/screen.h"
#include "tests/doorman/signer_client.h"
#include "tests/doorman/test_ca.h"

#define CERTIFICATE "certificate-request"
#define REVOCATION  "certificate-revocation-request"

static struct doorman_net net;

static int
setup(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	doorman_net_start(&net);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	doorman_net_free(&net);
	return 0;
}

/* An approved certificate request; free the id. */
static char *
approved_csr(const char *name)
{
	char *subject = xasprintf("/O=%s/C=GB", name);
	char *id = doorman_net_csr(&net, name, subject);

	doorman_net_do(&net, "tickets", "approve", id, "--by", "carol");
	free(subject);
	return id;
}

/* An approved revocation of a new certificate; free the id. */
static char *
approved_revocation(const char *name)
{
	char *subject = xasprintf("/O=%s/C=GB", name), *id;
	char *csr = doorman_net_enrol(&net, name, subject, "");
	char *json = xasprintf("{\"csrRequestId\":\"%s\",\"reason\":"
			       "\"KEY_COMPROMISE\",\"reporter\":\"ann\"}",
	    csr);

	assert_int_equal(doorman_net_post(&net, json, &id), 200);
	doorman_net_do(&net, "tickets", "approve", id, "--by", "carol");
	free(json);
	free(csr);
	free(subject);
	return id;
}

/* UPDATE request SET what, of one request. */
static void
change(const char *id, const char *what)
{
	char *text = xasprintf("UPDATE request SET %s WHERE id='%s'", what, id);

	doorman_net_sql(&net, text);
	free(text);
}

/* doorman ARGUMENTS; the exit status. *out: free it. */
#define run(out, ...) run_args(out, (const char *const[]){__VA_ARGS__, NULL})
static int
run_args(char **out, const char *const *arguments)
{
	const char *argv[16];
	int n = 0;

	while (*arguments != NULL && n < 13)
		argv[n++] = *arguments++;
	argv[n++] = "-c";
	argv[n++] = net.conf;
	argv[n] = NULL;
	return doorman_net_run(&net, "doorman", NULL, out, argv);
}

static void
must_say(const char *out, const char *want)
{
	if (strstr(out, want) == NULL)
		fail_msg("no '%s' in: %s", want, out);
}

/* Signs, and must end like this and say that. */
#define signs(input, status, want, ...) \
	signs_args(                     \
	    input, status, want, (const char *const[]){__VA_ARGS__, NULL})
static void
signs_args(const char *input, int status, const char *want,
    const char *const *arguments)
{
	char *out;
	int rc = doorman_net_sign_args(&net, input, &out, arguments);

	if (rc != status || strstr(out, want) == NULL)
		fail_msg("%d and not %d '%s': %s", rc, status, want, out);
	free(out);
}

static void
is_in_state(const char *kind, const char *id, const char *want)
{
	char *state = doorman_net_state(&net, kind, id);

	assert_string_equal(state, want);
	free(state);
}

static char *
next_sentence(int num)
{
	return xasprintf("sign doorman %ld +%d\n",
	    doorman_net_crl_number(&net, "doorman") + 1, num);
}

/* Signs what is approved, so that the next test begins with nothing. */
static void
settle(void)
{
	char *out;

	doorman_net_sql(&net,
	    "UPDATE request SET state='WITHDRAWN' WHERE state IN"
	    "('APPROVED','FAILED')");
	assert_int_equal(doorman_net_sign(&net, "", &out, "certificates"), 3);
	free(out);
}

/* Certificates. */

static void
a_bad_request_fails_and_the_rest_goes_on(void **state)
{
	char *bad = approved_csr("Bad"), *good = approved_csr("Good"), *out;

	(void)state;
	doorman_net_sql(
	    &net, "CREATE TABLE kept AS SELECT id, csr FROM request");
	change(bad, "csr=x'3000'");
	signs(
	    "sign certificates +1\n", 5, "cannot be signed: ", "certificates");
	is_in_state(CERTIFICATE, bad, "FAILED");
	is_in_state(CERTIFICATE, good, "DONE");
	/* Why, for whoever looks. */
	assert_int_equal(run(&out, "tickets", "show", bad), 0);
	must_say(out, "Trouble: ");
	must_say(out, "APPROVED -> FAILED");
	free(out);
	/* Nothing more to do, and nobody is asked. */
	signs("", 3, "Nothing to do", "certificates");
	/* Nobody approves what cannot be read; mended, it is tried again. */
	assert_int_equal(run(&out, "tickets", "retry", bad), 1);
	must_say(out, "is not a PKCS#10 certificate request");
	free(out);
	change(bad, "csr=(SELECT csr FROM kept WHERE kept.id=request.id)");
	doorman_net_sql(&net, "DROP TABLE kept");
	doorman_net_do(&net, "tickets", "retry", bad);
	is_in_state(CERTIFICATE, bad, "APPROVED");
	/* Then it is taken back, for a reason. */
	assert_int_equal(run(&out, "tickets", "withdraw", bad), 1);
	must_say(out, "--note is missing");
	free(out);
	doorman_net_do(&net, "tickets", "withdraw", bad, "--note",
	    "broken in the database", "--by", "dave");
	is_in_state(CERTIFICATE, bad, "WITHDRAWN");
	assert_int_equal(run(&out, "tickets", "show", bad), 0);
	must_say(out, "by dave; from local uid ");
	must_say(out, "broken in the database");
	free(out);
	assert_int_equal(run(&out, "tickets", "retry", bad), 1);
	must_say(out, "is WITHDRAWN: what FAILED");
	free(out);
	free(good);
	free(bad);
}

/* Reject does what it says for what was approved, too. */
static void
reject_takes_back_what_was_approved(void **state)
{
	char *id = approved_csr("Blank"), *out;

	(void)state;
	assert_int_equal(run(&out, "tickets", "reject", id), 0);
	must_say(out, "withdrawn");
	free(out);
	is_in_state(CERTIFICATE, id, "WITHDRAWN");
	signs("", 3, "Nothing to do", "certificates");
	assert_int_equal(run(&out, "tickets", "reject", id), 1);
	must_say(out, "it is WITHDRAWN");
	free(out);
	free(id);
}

static void
some_are_signed_and_others_wait(void **state)
{
	char *id[3] = {
	    approved_csr("One"), approved_csr("Two"), approved_csr("Three")};
	char *digits = xasprintf("%.9s", id[1]), *line;

	(void)state;
	signs("", 1, "names none of the approved", "--only", "LOCAL-999",
	    "certificates");
	signs("sign certificates +1\n", 0, "Issued      O=Two", "--only",
	    digits, "certificates");
	is_in_state(CERTIFICATE, id[0], "APPROVED");
	is_in_state(CERTIFICATE, id[1], "DONE");
	/* At the prompt, before the sentence, which counts what is left. */
	line = xasprintf("except %.8s\nsign certificates +1\n", id[0]);
	signs(line, 0, "Issued      O=Three", "certificates");
	free(line);
	is_in_state(CERTIFICATE, id[0], "APPROVED");
	signs("sign certificates +2\n", 4, "'sign certificates +1' was not",
	    "certificates");
	signs("", 3, "for you to sign", "--except", id[0], "certificates");
	signs("sign certificates +1\n", 0, "Issued      O=One", "certificates");
	for (int i = 0; i < 3; i++) {
		is_in_state(CERTIFICATE, id[i], "DONE");
		free(id[i]);
	}
	free(digits);
}

/* sign.conf with one key's line replaced, tried once; nothing comes of it. */
static void
runs_in_vain(const char *key, const char *value, const char *says)
{
	char *conf = file_need(net.sign_conf, NULL), *wrong, *line, *rest;
	char *keep = net.sign_conf;

	line = strstr(conf, key);
	assert_non_null(line);
	rest = strchr(line, '\n');
	*line = '\0';
	wrong = xasprintf("%s%s = %s%s", conf, key, value, rest);
	net.sign_conf = xasprintf("%s/wrong.conf", net.dir);
	file_write(net.sign_conf, wrong, strlen(wrong));
	signs("sign certificates +1\n", 1, says, "certificates");
	free(net.sign_conf);
	net.sign_conf = keep;
	free(wrong);
	free(conf);
}

/* What the whole run depends on is no request's fault. */
static void
a_fault_of_the_run_marks_nothing(void **state)
{
	char *id = approved_csr("Patient");

	(void)state;
	runs_in_vain("doorman_key", "file:ca/root-key.pem", "key");
	runs_in_vain("public_url", "http://another.example", "refuses: ");
	is_in_state(CERTIFICATE, id, "APPROVED");
	signs("sign certificates +1\n", 0, "Issued", "certificates");
	free(id);
}

/* Lists. */

static void
a_bad_revocation_fails_and_the_rest_goes_on(void **state)
{
	char *id[4] = {approved_revocation("Ra"), approved_revocation("Rb"),
	    approved_revocation("Rc"), approved_revocation("Rd")};
	char *line = next_sentence(1), *serial;

	(void)state;
	serial = doorman_net_column(&net, id[1], "serial");
	change(id[0], "serial='xyz'");
	change(id[2], "reason=6");
	change(id[3], "serial=''");
	signs(line, 5, "1 revoked", "crl");
	is_in_state(REVOCATION, id[0], "FAILED");
	is_in_state(REVOCATION, id[1], "DONE");
	is_in_state(REVOCATION, id[2], "FAILED");
	is_in_state(REVOCATION, id[3], "FAILED");
	free(line);
	/* Mended, it is tried again; one that is on the list fails alone. */
	change(id[2], "reason=1");
	doorman_net_do(&net, "tickets", "retry", id[2]);
	change(id[1], "list='root'");
	line = xasprintf("serial='%s'", serial);
	change(id[0], line);
	free(line);
	doorman_net_do(&net, "tickets", "retry", id[0]);
	line = next_sentence(1);
	signs(line, 5, "is in the current CRL already", "crl");
	is_in_state(REVOCATION, id[0], "FAILED");
	is_in_state(REVOCATION, id[2], "DONE");
	free(line);
	free(serial);
	for (int i = 0; i < 4; i++)
		free(id[i]);
	settle();
}

static void
some_revocations_are_signed(void **state)
{
	char *one = approved_revocation("Sa"), *two = approved_revocation("Sb");
	char *line = next_sentence(1);

	(void)state;
	signs(line, 0, "1 revoked", "--only", two, "crl");
	is_in_state(REVOCATION, one, "APPROVED");
	is_in_state(REVOCATION, two, "DONE");
	free(line);
	line = next_sentence(0);
	signs(line, 0, "0 revoked", "--except", one, "crl");
	is_in_state(REVOCATION, one, "APPROVED");
	free(line);
	line = next_sentence(1);
	signs(line, 0, "1 revoked", "crl");
	is_in_state(REVOCATION, one, "DONE");
	free(line);
	free(one);
	free(two);
}

/* What was said after the approval is shown, and not signed. */
static void
a_worse_report_is_shown(void **state)
{
	char *csr = doorman_net_enrol(&net, "worse", "/O=Worse/C=GB", "");
	char *json = xasprintf("{\"csrRequestId\":\"%s\",\"reason\":"
			       "\"SUPERSEDED\",\"reporter\":\"ann; x\"}",
	    csr);
	char *id, *again, *line = next_sentence(1);

	(void)state;
	assert_int_equal(doorman_net_post(&net, json, &id), 200);
	doorman_net_do(&net, "tickets", "approve", id);
	free(json);
	json = xasprintf("{\"csrRequestId\":\"%s\",\"reason\":"
			 "\"KEY_COMPROMISE\",\"reporter\":\"bob\"}",
	    csr);
	assert_int_equal(doorman_net_post(&net, json, &again), 200);
	assert_string_equal(id, again);
	signs("", 0, "WORSE     KEY_COMPROMISE was reported", "show");
	signs("", 0, "reported  SUPERSEDED by \"ann\\u{3B} x\"", "show");
	signs("", 0, "reported  KEY_COMPROMISE by bob", "show");
	doorman_net_do(&net, "tickets", "approve", id);
	signs(line, 0, "KEY_COMPROMISE         ", "crl");
	is_in_state(REVOCATION, id, "DONE");
	free(line);
	free(json);
	free(again);
	free(id);
	free(csr);
}

/* Withdrawn while the person reads: refused by name, shown again, signed. */
static void
what_is_withdrawn_meanwhile_is_not_signed(void **state)
{
	char *one = approved_revocation("Wa"), *two = approved_revocation("Wb");
	char *both = next_sentence(2), *left = next_sentence(1), *prompt;
	static struct screen s;

	(void)state;
	both[strlen(both) - 1] = left[strlen(left) - 1] = '\0';
	screen_open(&s, &net, (const char *const[]){"crl", NULL});
	prompt = xasprintf("Type '%s' to sign: ", both);
	assert_int_equal(screen_until(&s, prompt), 1);
	free(prompt);
	doorman_net_do(&net, "tickets", "withdraw", one, "--note", "a mistake");
	screen_type(&s, both);
	prompt = xasprintf("Type '%s' to sign: ", left);
	assert_int_equal(screen_next(&s, prompt), 1);
	free(prompt);
	must_say(s.text, one);
	must_say(s.text, "it is WITHDRAWN by now");
	must_say(s.text, "looking again");
	screen_type(&s, left);
	assert_int_equal(screen_end(&s), 0);
	must_say(s.text, "1 revoked");
	is_in_state(REVOCATION, one, "WITHDRAWN");
	is_in_state(REVOCATION, two, "DONE");
	free(both);
	free(left);
	free(one);
	free(two);
}

/* Certificates are one by one: only that one is left out. */
static void
a_withdrawn_certificate_request_is_left_out(void **state)
{
	char *one = approved_csr("Va"), *two = approved_csr("Vb");
	static struct screen s;

	(void)state;
	screen_open(&s, &net, (const char *const[]){"certificates", NULL});
	assert_int_equal(
	    screen_until(&s, "Type 'sign certificates +2' to sign: "), 1);
	doorman_net_do(&net, "tickets", "withdraw", one, "--note", "a mistake");
	screen_type(&s, "sign certificates +2");
	assert_int_equal(screen_end(&s), 5);
	must_say(s.text, "not issued: ");
	must_say(s.text, "it is WITHDRAWN by now");
	must_say(s.text, "Issued      O=Vb");
	is_in_state(CERTIFICATE, one, "WITHDRAWN");
	is_in_state(CERTIFICATE, two, "DONE");
	free(one);
	free(two);
}

/* Ctrl-C where the signer asks: the shell sees it, and nothing is signed. */
static void
ctrl_c_signs_nothing(void **state)
{
	char *id = approved_csr("Ctrl");
	static struct screen s;

	(void)state;
	screen_open(&s, &net, (const char *const[]){"certificates", NULL});
	assert_int_equal(screen_until(&s, "to sign: "), 1);
	assert_int_equal(write(s.fd, "\003", 1), 1);
	assert_int_equal(screen_end(&s), 130);
	is_in_state(CERTIFICATE, id, "APPROVED");
	settle();
	free(id);
}

/* The desk. */

static void
who_holds_the_desk_is_said(void **state)
{
	static struct signer_client holder;
	static struct screen s;
	char *id = approved_csr("Hold"), *who, *out, *since;

	(void)state;
	screen_open(&s, &net, (const char *const[]){"certificates", NULL});
	assert_int_equal(screen_until(&s, "to sign: "), 1);
	signer_client_open(&holder, &net);
	signer_client_hello(&holder);
	assert_int_equal(doorman_net_sign(&net, "", &out, "ping"), 1);
	who = xasprintf("busy: held by uid %ld since ", (long)geteuid());
	must_say(out, who);
	since = strstr(out, who) + strlen(who);
	assert_int_equal(strspn(since, "0123456789:"), 8);
	must_say(since + 8, " UTC");
	free(out);
	free(who);
	/* What was typed is worth waiting for. */
	screen_type(&s, "sign certificates +1");
	assert_int_equal(screen_until(&s, "; waiting"), 1);
	must_say(s.text, "busy: held by uid ");
	signer_client_leave(&holder);
	assert_int_equal(screen_end(&s), 0);
	is_in_state(CERTIFICATE, id, "DONE");
	free(id);
}

/* Four eyes. */

static void
restart_with(const char *lines)
{
	doorman_net_stop(&net);
	doorman_net_conf(&net, lines);
	doorman_net_start(&net);
}

static void
who_approved_does_not_sign(void **state)
{
	char *conf = file_need(net.conf, NULL), *line;
	char *revocation = approved_revocation("MineToo"), *mine;

	(void)state;
	mine = approved_csr("Mine");
	restart_with("approver_is_not_signer = yes\n");
	signs("", 3, "not yours to sign: carol approved it", "certificates");
	signs("", 1, "carol approved it and is the signer, too", "--only", mine,
	    "certificates");
	line = next_sentence(0);
	signs(line, 0, "not yours to sign: carol approved it", "crl");
	free(line);
	is_in_state(CERTIFICATE, mine, "APPROVED");
	is_in_state(REVOCATION, revocation, "APPROVED");
	/* Another user of this host approved it. */
	doorman_net_sql(&net, "UPDATE approval SET uid=4242");
	signs(
	    "sign certificates +1\n", 0, "Issued      O=Mine", "certificates");
	line = next_sentence(1);
	signs(line, 0, "1 revoked", "crl");
	free(line);
	doorman_net_stop(&net);
	file_write(net.conf, conf, strlen(conf));
	doorman_net_start(&net);
	free(revocation);
	free(mine);
	free(conf);
}

static void
two_approve_what_is_grave(void **state)
{
	char *conf = file_need(net.conf, NULL), *id, *out, *url;
	struct web w;

	(void)state;
	restart_with("approvals_ca_compromise = 2\n");
	assert_int_equal(
	    doorman_net_post(&net,
		"{\"legalName\":\"CN=Doorman CA, O=Private Network, C=GB\","
		"\"reason\":\"CA_COMPROMISE\",\"reporter\":\"ann\"}",
		&id),
	    200);
	assert_int_equal(
	    run(&out, "tickets", "approve", id, "--by", "carol"), 0);
	must_say(out, "approval 1 of 2");
	free(out);
	is_in_state(REVOCATION, id, "TICKET_CREATED");
	assert_int_equal(run(&out, "tickets", "show", id), 0);
	must_say(out, "1 of 2");
	free(out);
	url = xasprintf("%s/" REVOCATION "/%s", net.url, id);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_string_equal(json_text(w.json, "approvals"), "1 of 2");
	web_free(&w);
	free(url);
	/* The same user of this host under another name is the same person. */
	assert_int_equal(
	    run(&out, "tickets", "approve", id, "--by", "dave"), 1);
	must_say(out, "needs a second approval by another person");
	free(out);
	is_in_state(REVOCATION, id, "TICKET_CREATED");
	doorman_net_sql(&net, "UPDATE approval SET uid=4242 WHERE who='carol'");
	assert_int_equal(
	    run(&out, "tickets", "approve", id, "--by", "dave"), 0);
	must_say(out, "approved ");
	free(out);
	is_in_state(REVOCATION, id, "APPROVED");
	signs("", 0, "; ann; carol, dave; ", "show", "root");
	doorman_net_do(&net, "tickets", "withdraw", id, "--note", "a drill");
	doorman_net_stop(&net);
	file_write(net.conf, conf, strlen(conf));
	doorman_net_start(&net);
	free(id);
	free(conf);
}

/* The clock. */

static void
publish_from_the_future(void)
{
	struct secret none = {.fd = 0};
	struct fault f = {""};
	char *url =
	    xasprintf("%s/certificate-revocation-list/doorman", net.url);
	X509 *ca = cert_read_file("dm/ca/doorman.pem", &f);
	struct signing_key *key;
	struct buf old_der;
	struct crl old;
	struct crl_plan plan = {.ca = ca,
	    .url = url,
	    .this_update = time(NULL) + 86400,
	    .next_update = time(NULL) + 2 * 86400};
	struct test_crl made;
	struct web w;

	assert_non_null(ca);
	assert_int_equal(signing_key_open(&key, "file:dm/ca/doorman-key.pem",
			     X509_get0_pubkey(ca), &none, &f),
	    0);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	buf_init(&old_der, CRL_MAX_BYTES);
	buf_add(&old_der, w.body, w.len);
	web_free(&w);
	assert_int_equal(crl_parse(&old, buf_view(&old_der), &f), 0);
	plan.number = old.number + 1;
	plan.old_entries = old.entries;
	test_crl_make(&made, &plan, key);
	file_write("dm/future.crl", (const char *)made.der.p, made.der.len);
	doorman_net_do(&net, "import-crl", "doorman", "dm/future.crl");
	buf_free(&made.der);
	buf_free(&old_der);
	signing_key_free(key);
	X509_free(ca);
	free(url);
}

static void
a_wrong_clock_stops_nobody_for_a_day(void **state)
{
	char *id = approved_revocation("Clock"), *line, *log;

	(void)state;
	signs(
	    "", 1, "there is nothing to override", "--clock-was-wrong", "crl");
	publish_from_the_future();
	line = next_sentence(1);
	signs(line, 1, "sign with --clock-was-wrong", "crl");
	signs("", 1, "sign with --clock-was-wrong", "--unattended", "crl");
	signs("", 1, "a person's word", "--unattended", "--clock-was-wrong",
	    "crl");
	signs(line, 0, "Override    the clock was wrong", "--clock-was-wrong",
	    "crl");
	free(line);
	is_in_state(REVOCATION, id, "DONE");
	log = proc_log(&net.serve);
	must_say(log, "clock-was-wrong: thisUpdate ");
	free(log);
	log = doorman_net_column(&net, id,
	    "(SELECT note FROM transition WHERE to_state='DONE' AND "
	    "transition.request=request.id)");
	must_say(log, "clock-was-wrong: thisUpdate ");
	free(log);
	/* And from then on as always. */
	line = next_sentence(0);
	signs(line, 0, "0 revoked", "crl");
	free(line);
	free(id);
}

/* Strangers. */

/* The public side has no descriptor left; the signer comes in all the same. */
static void
a_flood_does_not_keep_the_signer_out(void **state)
{
	char *path = fixture_path("doorman"), *log, *ready, *where;
	const char *argv[] = {"/bin/sh", "-c",
	    "ulimit -n 64; exec \"$0\" \"$@\"", path, "serve", "-c", net.conf,
	    NULL};
	static int guests[80];
	int port;
	struct proc few;

	(void)state;
	doorman_net_stop(&net);
	log = xasprintf("%s/few.log", net.dir);
	proc_start(&few, "few", log, argv);
	free(log);
	ready = proc_await(&few, "ready http=", WAIT_MS);
	assert_non_null(ready);
	where = line_value(ready, "http");
	port = atoi(strchr(where, ':') + 1);
	for (size_t i = 0; i < 80; i++)
		guests[i] = tcp_dial(port);
	for (int i = 0; i < 3; i++)
		signs("", 0, "The doorman is there", "ping");
	for (size_t i = 0; i < 80; i++)
		close(guests[i]);
	assert_int_equal(proc_stop(&few, WAIT_MS), 0);
	proc_cleanup(&few);
	free(where);
	free(ready);
	free(path);
	doorman_net_start(&net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_bad_request_fails_and_the_rest_goes_on),
	    cmocka_unit_test(reject_takes_back_what_was_approved),
	    cmocka_unit_test(some_are_signed_and_others_wait),
	    cmocka_unit_test(a_fault_of_the_run_marks_nothing),
	    cmocka_unit_test(a_bad_revocation_fails_and_the_rest_goes_on),
	    cmocka_unit_test(some_revocations_are_signed),
	    cmocka_unit_test(a_worse_report_is_shown),
	    cmocka_unit_test(what_is_withdrawn_meanwhile_is_not_signed),
	    cmocka_unit_test(a_withdrawn_certificate_request_is_left_out),
	    cmocka_unit_test(ctrl_c_signs_nothing),
	    cmocka_unit_test(who_holds_the_desk_is_said),
	    cmocka_unit_test(who_approved_does_not_sign),
	    cmocka_unit_test(two_approve_what_is_grave),
	    cmocka_unit_test(a_wrong_clock_stops_nobody_for_a_day),
	    cmocka_unit_test(a_flood_does_not_keep_the_signer_out),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
