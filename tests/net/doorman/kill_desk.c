/*
 * kill -9 where a request fails, is tried again, is withdrawn, and has the
 * first of two approvals: before the commit nothing has happened, after it
 * everything has, and doing it again does it once.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "fixtures/doorman/service/store/history.h"
#include "tests/doorman/signer_client.h"

static struct doorman_net net;
static char *id;

static int
setup(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	doorman_net_conf(&net, "approvals_ca_compromise = 2\n");
	doorman_net_start(&net);
	assert_int_equal(
	    doorman_net_post(&net,
		"{\"legalName\":\"CN=Doorman CA, O=Private Network, C=GB\","
		"\"reason\":\"CA_COMPROMISE\",\"reporter\":\"ann\"}",
		&id),
	    200);
	doorman_net_await(
	    &net, "certificate-revocation-request", id, "TICKET_CREATED");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unsetenv("DOORMAN_CRASH");
	doorman_net_free(&net);
	free(id);
	return 0;
}

/* The hash chain holds and the request has so many steps. */
static void
history_has(int steps)
{
	struct store st;
	struct fault f = {""};
	struct history_head head;

	if (store_open(&st, "dm/doorman.sqlite", false, &f) != 0 ||
	    history_verify(&st, NULL, &head, &f) != 0)
		fail_msg("%s", f.msg);
	assert_int_equal(
	    store_number(&st, -1,
		"SELECT count(*) FROM transition WHERE request=?", "t", id),
	    steps);
	store_close(&st);
}

static void
state_is(const char *want)
{
	char *state =
	    doorman_net_state(&net, "certificate-revocation-request", id);

	assert_string_equal(state, want);
	free(state);
}

static int
decide(const char *what, const char *by)
{
	const char *argv[] = {"tickets", what, id, "--by", by, "--note",
	    "because", "-c", net.conf, NULL};

	return doorman_net_run(&net, "doorman", NULL, NULL, argv);
}

/* A command that dies at both of its places, and then is run in peace. */
static void
dies_and_is_done(const char *what, const char *place, const char *by,
    const char *from, const char *to, int *steps)
{
	char *before = xasprintf("%s.before-commit", place);
	char *after = xasprintf("%s.after-commit", place);

	setenv("DOORMAN_CRASH", before, 1);
	assert_int_equal(decide(what, by), 128 + SIGKILL);
	state_is(from);
	history_has(*steps);
	setenv("DOORMAN_CRASH", after, 1);
	assert_int_equal(decide(what, by), 128 + SIGKILL);
	unsetenv("DOORMAN_CRASH");
	state_is(to);
	history_has(++*steps);
	/* Whoever was not answered does it again: it is done already. */
	assert_int_equal(decide(what, by), 1);
	state_is(to);
	history_has(*steps);
	free(after);
	free(before);
}

static void
doorman_dies(void)
{
	assert_int_equal(proc_wait(&net.serve, WAIT_MS), 128 + SIGKILL);
	proc_cleanup(&net.serve);
	memset(&net.serve, 0, sizeof(net.serve));
	unsetenv("DOORMAN_CRASH");
	doorman_net_start(&net);
}

static void
report_failed(struct signer_client *s)
{
	struct buf ask;
	size_t begun;

	signer_client_open(s, &net);
	signer_client_hello(s);
	buf_init(&ask, 1024);
	begun = wire_begin(&ask, WIRE_REPORT_FAILED);
	wire_text(&ask, id);
	wire_text(&ask, "the token refuses");
	wire_end(&ask, begun);
	signer_client_ask(s, &ask);
}

/* The service dies while the signer reports: it reports again. */
static void
fails(int *steps)
{
	static const char *const places[] = {
	    "failed.before-commit", "failed.after-commit"};
	static const char *const then[] = {"APPROVED", "FAILED"};
	static struct signer_client s;

	for (int i = 0; i < 2; i++) {
		doorman_net_stop(&net);
		setenv("DOORMAN_CRASH", places[i], 1);
		doorman_net_start(&net);
		report_failed(&s);
		signer_client_ended(&s);
		signer_client_close(&s);
		doorman_dies();
		*steps += i;
		state_is(then[i]);
		history_has(*steps);
	}
	report_failed(&s);
	signer_client_refused(&s, WIRE_E_CHANGED);
	signer_client_leave(&s);
	history_has(*steps);
}

static void
every_death_at_the_desk_is_survived(void **state)
{
	int steps = 2; /* NEW, TICKET_CREATED */

	(void)state;
	dies_and_is_done("approve", "decide", "carol", "TICKET_CREATED",
	    "TICKET_CREATED", &steps);
	doorman_net_sql(&net, "UPDATE approval SET uid=4242");
	dies_and_is_done(
	    "approve", "decide", "dave", "TICKET_CREATED", "APPROVED", &steps);
	fails(&steps);
	dies_and_is_done(
	    "retry", "retry", "carol", "FAILED", "APPROVED", &steps);
	dies_and_is_done(
	    "withdraw", "withdraw", "carol", "APPROVED", "WITHDRAWN", &steps);
	assert_int_equal(steps, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_death_at_the_desk_is_survived),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
