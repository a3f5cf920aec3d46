/*
 * A token (SoftHSM behind slowtoken.so) that is slow, gone, shut or broken, and
 * a PIN that is not right: nobody else notices, and it comes back by itself.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/hsm.h"

static struct gateway near;

/* Its own key is made by way of gw. */
static int
setup(void **state)
{
	char *slow = fixture_path("slowtoken.so");

	dir_make("slow");
	setenv("SLOWTOKEN", "slow", 1);
	if (hsm_setup(state) != 0)
		return -1;
	hsm_certify_near();
	gateway_prepare(&near, "near", &town);
	hsm_use(&near, slow);
	hsm_identity(&near, HSM_URI "object=p2p%2Fnear");
	free(slow);
	return 0;
}

static int
teardown(void **state)
{
	gateway_free(&near);
	return hsm_teardown(state);
}

/* Lines of a file that the module appends to. */
static unsigned
lines(const char *path)
{
	size_t len;
	char *text = file_read(path, &len);
	unsigned n = 0;

	for (char *p = text; p != NULL && (p = strchr(p, '\n')) != NULL; p++)
		n++;
	free(text);
	return n;
}

static void
lines_await(const char *path, unsigned n)
{
	for (int i = 0; i < WAIT_MS / 5 && lines(path) < n; i++)
		(void)poll(NULL, 0, 5);
	assert_in_range(lines(path), n, UINT_MAX);
}

static void
a_refused_pin_is_tried_once(void **state)
{
	gateway_set(&near, "pkcs11.pin_file", "\"bad-pin\"");
	gateway_must_refuse(&near, "the PIN is wrong");
	assert_int_equal(lines("slow/logins"), 1);
	gateway_set(&near, "pkcs11.pin_file", "\"pin\"");
	(void)remove("slow/logins");
}

/* The token's identity answers to its name, an ordinary one to all others. */
static void
moody_start(const char *timeout_ms)
{
	char *key = town_path(&town, "gateway.key");
	char *cert = town_path(&town, "gateway.pem");
	char *both = xasprintf("[{\"name\":\"plain\",\"certificate\":\"%s\","
			       "\"key\":\"%s\"},"
			       "{\"name\":\"own\",\"certificate\":"
			       "\"near.pem\",\"key\":\"%s\","
			       "\"server_names\":[\"near.example\"]}]",
	    cert, key, HSM_URI "object=p2p%2Fnear");

	gateway_set(&near, "identities", both);
	gateway_set(&near, "revocation.deadline_ms", "1000");
	gateway_set(&near, "limits.handshake_timeout_ms", timeout_ms);
	(void)remove("slow/signs");
	gateway_start(&near);
	free(key);
	free(cert);
	free(both);
}

#define NUM_SLOW 20

static void
a_slow_token_holds_up_nobody_else(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls slow[NUM_SLOW];
	struct tls_options o;

	moody_start("60000");
	file_write("slow/hold", "", 0);
	for (size_t i = 0; i < NUM_SLOW; i++) {
		hsm_peer(&o, "near.example", versions[i / 2 % 2]);
		tls_dial(&slow[i], near.port, &o);
		assert_int_equal(tls_step(&slow[i]), 0);
		hsm_peer_free(&o);
	}
	/* Every thread of the token is in it; the others wait in line. */
	lines_await("slow/signs", 4);
	for (size_t v = 0; v < 4; v++)
		assert_true(hsm_visit(&near, "localhost", versions[v % 2]));
	assert_true(hsm_metric(&near, "p2p_gateway_token_up") == 1);
	/* Half of them lose patience, in the line and in the token. */
	for (size_t i = 0; i < NUM_SLOW; i += 2)
		tls_leave(&slow[i]);
	for (size_t i = 0; i < NUM_SLOW; i += 2)
		gateway_must_say_next(
		    &near, "peer left while a signature was awaited");
	assert_true(hsm_visit(&near, "localhost", 0));
	assert_int_equal(lines("slow/signs"), 4);
	assert_int_equal(remove("slow/hold"), 0);
	for (size_t i = 1; i < NUM_SLOW; i += 2) {
		(void)fcntl(slow[i].fd, F_SETFL, 0);
		assert_int_equal(tls_step(&slow[i]), 1);
		assert_int_equal(tls_echo(&slow[i]), 1);
	}
	/* Those in the line who left were never signed for. */
	assert_in_range(lines("slow/signs"), NUM_SLOW / 2, NUM_SLOW / 2 + 4);
	for (size_t i = 0; i < NUM_SLOW; i++)
		tls_free(&slow[i]);
	gateway_stop(&near);
}

/* Stopped while signatures are being made, too: exit status 0, no leak. */
static void
the_deadline_of_handshakes_holds(void **state)
{
	struct tls_options o;
	struct tls t;

	moody_start("2000");
	file_write("slow/hold", "", 0);
	hsm_peer(&o, "near.example", TLS1_3_VERSION);
	assert_int_equal(tls_connect(&t, near.port, &o), 0);
	gateway_must_say_next(&near, "handshake took too long");
	tls_free(&t);
	assert_int_equal(remove("slow/hold"), 0);
	assert_true(hsm_visit(&near, "near.example", TLS1_3_VERSION));
	file_write("slow/hold", "", 0);
	lines_await("slow/signs", 2);
	tls_dial(&t, near.port, &o);
	assert_int_equal(tls_step(&t), 0);
	lines_await("slow/signs", 3);
	proc_signal(&near.proc, SIGTERM);
	gateway_must_say_next(&near, "draining connections");
	assert_int_equal(remove("slow/hold"), 0);
	gateway_stop(&near);
	tls_free(&t);
	hsm_peer_free(&o);
}

static void
a_call_that_never_returns_does_not_keep_it_from_stopping(void **state)
{
	struct tls_options o;
	struct tls t;
	size_t len;
	char *log;

	moody_start("60000");
	file_write("slow/hold", "", 0);
	hsm_peer(&o, "near.example", TLS1_3_VERSION);
	tls_dial(&t, near.port, &o);
	assert_int_equal(tls_step(&t), 0);
	lines_await("slow/signs", 1);
	gateway_stop(&near);
	log = file_need("near.log", &len);
	assert_non_null(strstr(log, "a call of the token does not come back"));
	assert_int_equal(remove("slow/hold"), 0);
	free(log);
	tls_free(&t);
	hsm_peer_free(&o);
}

static void
ready_says(const char *text, long status)
{
	struct web w;

	rest(&near, &w, "GET", "/readyz", NULL);
	if (w.status != status || strstr(w.body, text) == NULL)
		fail_msg("readyz: %ld %s, expected %s", w.status, w.body, text);
	web_free(&w);
}

/* A POST that goes its own way; the status is what it prints. */
static void
post_start(struct proc *p, const char *name, const char *path, const char *body)
{
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1%s", near.rest_port, path);
	char *log = xasprintf("%s.curl", name);
	const char *argv[] = {"/usr/bin/curl", "-sk", "-u", REST_USER, "-d",
	    body, "-o", "/dev/null", "-w", "status=%{http_code}\n", url, NULL};

	proc_start(p, name, log, argv);
	free(log);
	free(url);
}

static long
post_status(struct proc *p)
{
	char *line = proc_await(p, "status=", WAIT_MS), *value;
	long status;

	assert_non_null(line);
	value = line_value(line, "status");
	status = atol(value);
	free(value);
	free(line);
	proc_cleanup(p);
	return status;
}

static unsigned
keys_labelled(const char *label)
{
	struct softtoken_key key;

	softtoken_look(&key, HSM_TOKEN, label);
	return key.num;
}

#define KEY_PATH(alias) \
	"/keys/00000000000A/alias/" alias "/category/TLS/scheme/" ENROL_P256

static void
rest_does_not_wait_either(void **state)
{
	struct proc one, two, csr;
	char *key, *path;
	struct web w;

	moody_start("10000");
	key = enrol_key(&near, "00000000000A", "first", "TLS", ENROL_P256);
	path = xasprintf("/certificates/00000000000A/%s", key);
	(void)remove("slow/keys");
	(void)remove("slow/made");
	file_write("slow/hold", "", 0);
	post_start(&one, "one", KEY_PATH("same"), "");
	post_start(&two, "two", KEY_PATH("same"), "");
	post_start(&csr, "csr", path, "{\"x500Name\":\"O=A, L=London, C=GB\"}");
	lines_await("slow/keys", 2);
	lines_await("slow/signs", 1);
	ready_says("\"degraded\":false", 200);
	assert_true(hsm_metric(&near, "p2p_gateway_token_up") == 1);
	assert_int_equal(remove("slow/hold"), 0);
	assert_int_equal(post_status(&csr), 200);
	/* One was first; the other one's key is not left behind. */
	assert_int_equal(post_status(&one) + post_status(&two), 200 + 409);
	assert_int_equal(keys_labelled("00000000000A/same"), 1);
	/* Nor is one that nobody waits for any longer. */
	file_write("slow/hold", "", 0);
	post_start(&one, "one", KEY_PATH("left"), "");
	lines_await("slow/keys", 3);
	proc_cleanup(&one);
	gateway_must_say_next(&near, "rest caller left before the answer");
	assert_int_equal(remove("slow/hold"), 0);
	lines_await("slow/made", 3);
	for (int i = 0; i < 1000 && keys_labelled("00000000000A/left") > 0; i++)
		(void)poll(NULL, 0, 5);
	assert_int_equal(keys_labelled("00000000000A/left"), 0);
	/* Not every token has every kind. */
	file_write("slow/rsaonly", "", 0);
	rest(&near, &w, "POST", KEY_PATH("none"), "");
	assert_int_equal(w.status, 400);
	assert_non_null(strstr(w.body, "does not know the mechanism"));
	web_free(&w);
	assert_int_equal(remove("slow/rsaonly"), 0);
	gateway_stop(&near);
	free(path);
	free(key);
}

static void
a_token_goes_and_comes_back(void **state)
{
	moody_start("10000");
	assert_true(hsm_visit(&near, "near.example", TLS1_3_VERSION));
	ready_says("\"degraded\":false", 200);
	file_write("slow/gone", "", 0);
	assert_false(hsm_visit(&near, "near.example", TLS1_3_VERSION));
	gateway_must_say_next(&near, "the token is lost: ");
	gateway_must_say_next(&near, "cannot sign: ");
	assert_true(hsm_metric(&near, "p2p_gateway_token_up") == 0);
	/* The default identity's key is elsewhere: still ready. */
	ready_says("is not available", 200);
	assert_true(hsm_visit(&near, "localhost", TLS1_2_VERSION));
	assert_int_equal(remove("slow/gone"), 0);
	/* Nobody has to come for that. */
	gateway_must_say_next(&near, "the token is back");
	assert_true(hsm_visit(&near, "near.example", TLS1_2_VERSION));
	ready_says("\"degraded\":false", 200);
	assert_true(hsm_metric(&near, "p2p_gateway_token_losses_total") == 1);
	gateway_stop(&near);
}

/* Logging in helps no one here, so it is done less and less. */
static void
a_broken_token_is_not_logged_in_to_for_each_peer(void **state)
{
	unsigned logins;
	bool in = false;

	moody_start("10000");
	logins = lines("slow/logins");
	file_write("slow/broken", "", 0);
	for (int i = 0; i < 20; i++)
		assert_false(hsm_visit(&near, "near.example", TLS1_3_VERSION));
	assert_in_range(lines("slow/logins"), logins + 1, logins + 12);
	assert_int_equal(remove("slow/broken"), 0);
	for (int i = 0; i < WAIT_MS / 50 && !in; i++) {
		(void)poll(NULL, 0, 50);
		in = hsm_visit(&near, "near.example", TLS1_3_VERSION);
	}
	assert_true(in);
	gateway_stop(&near);
}

static void
reload(const char *text)
{
	gateway_write(&near);
	proc_signal(&near.proc, SIGHUP);
	gateway_must_say_next(&near, text);
}

static void
where_is(const char *tenant, const char *key, const char *hsm)
{
	char *path = xasprintf("/keys/%s", tenant);
	char *place = xasprintf("%s.hsmId", key);
	struct web w;

	rest(&near, &w, "GET", path, NULL);
	assert_string_equal(json_text(w.json, place), hsm);
	web_free(&w);
	free(place);
	free(path);
}

static void
a_reload_may_change_categories_but_not_the_token(void **state)
{
	char *tls, *session;

	moody_start("10000");
	gateway_set(&near, "pkcs11.token", "\"another\"");
	reload("another module or token takes a restart");
	gateway_set(&near, "pkcs11.token", "\"" HSM_TOKEN "\"");
	gateway_set(&near, "pkcs11.categories", "[\"SESSION_INIT\"]");
	reload("reloaded the configuration");
	tls = enrol_key(&near, "00000000000B", "tls", "TLS", ENROL_P256);
	session =
	    enrol_key(&near, "00000000000B", "ses", "SESSION_INIT", ENROL_P256);
	where_is("00000000000B", tls, "SOFT");
	where_is("00000000000B", session, HSM_TOKEN);
	X509_REQ_free(enrol_csr(&near, "00000000000B", tls,
	    "{\"x500Name\":\"O=B, L=London, C=GB\"}"));
	gateway_stop(&near);
	gateway_start(&near);
	where_is("00000000000B", tls, "SOFT");
	where_is("00000000000B", session, HSM_TOKEN);
	assert_true(hsm_visit(&near, "near.example", TLS1_3_VERSION));
	gateway_stop(&near);
	gateway_set(&near, "pkcs11.categories", NULL);
	free(session);
	free(tls);
}

/* Somebody changes the PIN while the gateway runs. */
static void
a_pin_that_was_refused_waits_for_another(void **state)
{
	unsigned logins;

	moody_start("10000");
	logins = lines("slow/logins");
	file_write("slow/pin", "11112222", 8);
	file_write("slow/gone", "", 0);
	assert_false(hsm_visit(&near, "near.example", TLS1_3_VERSION));
	gateway_must_say_next(&near, "the token is not available");
	assert_int_equal(remove("slow/gone"), 0);
	gateway_must_say_next(&near, "the PIN is wrong");
	assert_int_equal(lines("slow/logins"), logins + 1);
	/* Neither a peer nor a reload makes it try the same one again. */
	for (int i = 0; i < 3; i++)
		assert_false(hsm_visit(&near, "near.example", TLS1_2_VERSION));
	proc_signal(&near.proc, SIGHUP);
	gateway_must_say_next(
	    &near, "cannot reload, the old configuration stays");
	ready_says("the PIN is wrong", 200);
	assert_int_equal(lines("slow/logins"), logins + 1);
	file_write("pin", "11112222\n", 9);
	proc_signal(&near.proc, SIGHUP);
	gateway_must_say_next(&near, "the token is back");
	gateway_must_say_next(&near, "reloaded the configuration");
	assert_true(hsm_visit(&near, "near.example", TLS1_3_VERSION));
	assert_int_equal(lines("slow/logins"), logins + 2);
	assert_int_equal(remove("slow/pin"), 0);
	file_write("pin", SOFTTOKEN_PIN "\n", strlen(SOFTTOKEN_PIN) + 1);
	gateway_stop(&near);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_refused_pin_is_tried_once),
	    cmocka_unit_test(a_slow_token_holds_up_nobody_else),
	    cmocka_unit_test(the_deadline_of_handshakes_holds),
	    cmocka_unit_test(
		a_call_that_never_returns_does_not_keep_it_from_stopping),
	    cmocka_unit_test(rest_does_not_wait_either),
	    cmocka_unit_test(a_token_goes_and_comes_back),
	    cmocka_unit_test(a_broken_token_is_not_logged_in_to_for_each_peer),
	    cmocka_unit_test(a_reload_may_change_categories_but_not_the_token),
	    cmocka_unit_test(a_pin_that_was_refused_waits_for_another),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
