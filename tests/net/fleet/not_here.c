/*
 * A section that cannot act on one machine: valid where it was put and not
 * there, or of a newer version of the program. What was in force stays, and all
 * say so; where it was put itself, it is taken back on all.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/fleet.h"
#include "tests/unit/fleet_machine.h"

#define SECTION "revcheck"

static struct machines m;

static int
down(void **state)
{
	(void)state;
	machines_down(&m);
	return 0;
}

/* Less than the time that a handshake has is wanted of it. */
static char *
put_body(int version, int deadline)
{
	return xasprintf("{\"section\":\"" SECTION "\",\"version\":%d,"
			 "\"config\":{\"deadlineMs\":%d},"
			 "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
	    version, deadline);
}

static long
put(struct gateway *g, int version, int deadline)
{
	char *body = put_body(version, deadline);
	struct web w;
	long status;

	rest(g, &w, "PUT", "/config", body);
	status = w.status;
	web_free(&w);
	free(body);
	return status;
}

static void
await_version(struct gateway *g, int version)
{
	long long until = mono_ms() + WAIT_MS;

	while (rest_version(g, SECTION) != version)
		if (mono_ms() > until)
			fail_msg("%s never has version %d", g->name, version);
}

static void
valid_there_and_not_here(void **state)
{
	int version;

	(void)state;
	machines_up(&m, 2, NULL);
	assert_int_equal(put(&m.g[0], -1, 5001), 202);
	await_version(&m.g[1], 1);
	gateway_stop(&m.g[1]);
	gateway_set(&m.g[1], "limits.handshake_timeout_ms", "6000");
	gateway_start(&m.g[1]);
	machine_hears(&m.g[1], &m.g[0], "v1");
	assert_int_equal(put(&m.g[0], 1, 7000), 202);
	machine_awaits(&m.g[1], "/readyz", "deadlineMs is 7000", true);
	machine_awaits(&m.g[1], "/fleet", "config/" SECTION, true);
	/* The others know. */
	machine_awaits(&m.g[0], "/fleet", "deadlineMs is 7000", true);
	assert_int_equal(rest_version(&m.g[1], SECTION), 1);
	/* It replaces what it does not have: the conflict names both. */
	assert_int_equal(put(&m.g[1], 1, 5002), 409);
	machine_hears(&m.g[1], &m.g[0], "v2");
	machines_guard(&m);
	/* And so it starts; all else is in force. */
	gateway_stop(&m.g[1]);
	gateway_start(&m.g[1]);
	machine_hears(&m.g[1], &m.g[0], "v3");
	assert_int_equal(rest_version(&m.g[1], SECTION), 1);
	machines_guard(&m);
	/* The next one can act there. */
	version = rest_version(&m.g[0], SECTION);
	assert_int_equal(put(&m.g[0], version, 5003), 202);
	await_version(&m.g[1], version + 1);
	machine_awaits(&m.g[1], "/readyz", "deadlineMs", false);
	machine_awaits(&m.g[0], "/fleet", "deadlineMs", false);
	machines_guard(&m);
}

static void
machine_began(struct machine *newer)
{
	(void)newer;
}

/* As a program of tomorrow writes it. */
static void
write_newer(struct machine *newer, int version, int schema, const char *config)
{
	char *json = xasprintf("{\"v\":1,\"version\":%d,\"at\":1700000000,"
			       "\"who\":\"admin\",\"from\":\"127.0.0.1\","
			       "\"action\":\"put\",\"config\":\"%s\","
			       "\"schemaVersion\":%d}",
	    version, config, schema);
	struct fleet_outcome o =
	    machine_write(newer, FLEET_CONFIG, SECTION, json, FLEET_ANY);

	if (o.result != FLEET_WRITTEN)
		fail_msg("%d %s", o.result, o.why);
	free(json);
}

/* The version before stays, over a start too, and nobody writes past it. */
static void
is_not_understood(int version)
{
	char *text =
	    xasprintf("version %d of '" SECTION "' is not understood", version);

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 2; i++) {
			machine_awaits(&m.g[i], "/readyz", text, true);
			machine_awaits(&m.g[i], "/fleet", text, true);
			assert_int_equal(rest_version(&m.g[i], SECTION), 1);
			assert_int_equal(put(&m.g[i], 1, 5002), 409);
		}
		machines_guard(&m);
		gateway_stop(&m.g[0]);
		gateway_start(&m.g[0]);
	}
	free(text);
}

static void
of_a_newer_program(void **state)
{
	const struct machine_options options = {
	    .fleet = FLEET_OF_TESTS, .secret_file = "fleet.secret"};
	struct machine newer;

	(void)state;
	machines_up(&m, 2, NULL);
	assert_int_equal(put(&m.g[0], -1, 5001), 202);
	await_version(&m.g[1], 1);
	base = event_base_new();
	machine_endpoints = m.etcd.urls;
	machine_init(&newer, "newer", &options);
	loop_until(machine_state(&newer) == FLEET_UP);
	/* What it means may be another thing. */
	write_newer(&newer, 2, 2, "{\\\"deadlineMs\\\":1000}");
	is_not_understood(2);
	/* A key that is not known here. */
	write_newer(&newer, 3, 1, "{\\\"tomorrow\\\":true}");
	is_not_understood(3);
	write_newer(&newer, 4, 1, "{\\\"deadlineMs\\\":5003}");
	for (int i = 0; i < 2; i++) {
		await_version(&m.g[i], 4);
		machine_awaits(&m.g[i], "/readyz", "not understood", false);
	}
	machines_guard(&m);
	machine_cleanup(&newer);
	event_base_free(base);
}

struct putting {
	pthread_t thread;
	int version;
	long status;
};

static void *
run(void *arg)
{
	struct putting *p = arg;

	p->status = put(&m.g[0], p->version, 7000);
	return NULL;
}

static void
handshakes_have(struct gateway *g, const char *ms)
{
	gateway_set(g, "limits.handshake_timeout_ms", ms);
	gateway_write(g);
	proc_mark(&g->proc);
	proc_signal(&g->proc, SIGHUP);
	gateway_must_say_next(g, "reloaded the configuration");
}

/* What acts everywhere, whatever became of the attempt before. Its version. */
static int
begin_anew(void)
{
	long long until = mono_ms() + WAIT_MS;
	int version;

	handshakes_have(&m.g[0], "10000");
	machine_awaits_up(&m.g[0]);
	do {
		if (mono_ms() > until)
			fail_msg("nothing can be put");
		version = rest_version(&m.g[0], SECTION);
	} while (put(&m.g[0], version > 0 ? version : -1, 5001) != 202);
	version = rest_version(&m.g[0], SECTION);
	await_version(&m.g[1], version);
	return version;
}

/*
 * It was valid when it was asked for, and is not when the engine has written
 * it: the bootstrap file was read anew in between. False: that was too early,
 * or took longer than a change waits for the engine.
 */
static bool
put_and_reload(int version, unsigned delay_ms)
{
	struct putting p = {.version = version};

	etcd_freeze(&m.etcd, 0);
	assert_int_equal(pthread_create(&p.thread, NULL, run, &p), 0);
	usleep(delay_ms * 1000);
	handshakes_have(&m.g[0], "6000");
	etcd_thaw(&m.etcd, 0);
	assert_int_equal(pthread_join(p.thread, NULL), 0);
	if (p.status != 400 && p.status != 503)
		assert_int_equal(p.status, 500);
	return p.status == 500;
}

static void
ends_with_what_was(struct gateway *g, int version)
{
	const cJSON *last;
	struct web w;

	rest(g, &w, "GET", "/config/" SECTION "/history", NULL);
	last = cJSON_GetArrayItem(w.json, cJSON_GetArraySize(w.json) - 1);
	assert_string_equal(json_text(last, "action"), "taken back");
	assert_int_equal(json_number(last, "version"), version);
	web_free(&w);
	rest(g, &w, "GET", "/config/" SECTION, NULL);
	assert_string_equal(
	    json_text(w.json, "sourceConfig"), "{\"deadlineMs\":5001}");
	web_free(&w);
}

static void
is_taken_back(void **state)
{
	long long until;
	unsigned delay_ms = 100;
	int version;

	(void)state;
	machines_up(&m, 2, NULL);
	until = mono_ms() + 4 * WAIT_MS;
	while (!put_and_reload(version = begin_anew(), delay_ms)) {
		if (mono_ms() > until)
			fail_msg("it never came in between");
		/* A busy machine needs longer for the one, or the other. */
		delay_ms = delay_ms < 1600 ? 2 * delay_ms : 100;
	}
	version += 2;
	for (int i = 0; i < 2; i++) {
		await_version(&m.g[i], version);
		ends_with_what_was(&m.g[i], version);
	}
	machine_hears(&m.g[0], &m.g[1], "b1");
	machine_hears(&m.g[1], &m.g[0], "b2");
	machine_awaits(&m.g[0], "/readyz", "deadlineMs", false);
	assert_int_equal(put(&m.g[0], version, 5004), 202);
	await_version(&m.g[1], version + 1);
	/* Who comes later can read of it. */
	machine_prepare(&m);
	gateway_start(&m.g[2]);
	await_version(&m.g[2], version + 1);
	machine_awaits(
	    &m.g[2], "/config/" SECTION "/history", "taken back", true);
	machines_guard(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(valid_there_and_not_here, down),
	    cmocka_unit_test_teardown(of_a_newer_program, down),
	    cmocka_unit_test_teardown(is_taken_back, down)};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests_name(
	    "not here", tests, scene_setup, scene_teardown);
}
