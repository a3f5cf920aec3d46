/*
 * Whole gateways of one fleet: of two that replace the same version one wins;
 * who asks may wait for all; what is out of step is said; a machine begins from
 * another's file; and kill -9 in the middle of a change leaves the old or the
 * new, everywhere.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/fleet.h"

#define SECTION "corda.p2p.linkManager"
#define SUBJECTS \
	"/mgm/0123456789AB/mutual-tls/allowed-client-certificate-subjects"

static struct machines m;

static int
down(void **state)
{
	(void)state;
	machines_down(&m);
	return 0;
}

/* A change of the section on one machine, by a thread of its own. */
struct put {
	pthread_t thread;
	struct gateway *g;
	int version, timeout;
	long status;
	char why[400];
};

static char *
put_body(int version, int timeout)
{
	return xasprintf("{\"section\":\"" SECTION "\",\"version\":%d,"
			 "\"config\":{\"revocationCheck\":{\"mode\":"
			 "\"HARD_FAIL\"},\"sessionTimeout\":%d},"
			 "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
	    version, timeout);
}

static void *
put_run(void *arg)
{
	struct put *p = arg;
	char *body = put_body(p->version, p->timeout);
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1/config", p->g->rest_port);
	struct web w;

	web_request(&w, "PUT", url, REST_USER, body, "application/json");
	p->status = w.status;
	snprintf(p->why, sizeof(p->why), "%s", w.body != NULL ? w.body : "");
	web_free(&w);
	free(url);
	free(body);
	return NULL;
}

static void
put_start(struct put *p, struct gateway *g, int version, int timeout)
{
	*p = (struct put){.g = g, .version = version, .timeout = timeout};
	assert_int_equal(pthread_create(&p->thread, NULL, put_run, p), 0);
}

static void
put_end(struct put *p)
{
	assert_int_equal(pthread_join(p->thread, NULL), 0);
}

/* The section's value there, as text; to be freed. */
static char *
section_there(struct gateway *g, int *version)
{
	struct web w;
	char *text;

	rest(g, &w, "GET", "/config/" SECTION, NULL);
	assert_int_equal(w.status, 200);
	*version = (int)json_number(w.json, "version");
	text = xstrdup(json_text(w.json, "sourceConfig"));
	web_free(&w);
	return text;
}

/* Every machine that runs has the same, once all have heard of it. */
static void
same_everywhere(int *version)
{
	char *text[2];
	int there[2];

	for (int i = 0; i < 2; i++)
		text[i] = section_there(&m.g[i], &there[i]);
	assert_int_equal(there[0], there[1]);
	assert_string_equal(text[0], text[1]);
	*version = there[0];
	free(text[0]);
	free(text[1]);
}

/* An entry made there now is heard here: so is all that was before it. */
static void
both_hear(void)
{
	static int num;
	char *name = xasprintf("h%d", num++);

	machine_hears(&m.g[0], &m.g[1], name);
	free(name);
	name = xasprintf("h%d", num++);
	machine_hears(&m.g[1], &m.g[0], name);
	free(name);
}

static void
of_two_one_wins(void **state)
{
	int version;

	(void)state;
	machines_up(&m, 2, NULL);
	both_hear();
	same_everywhere(&version);
	for (int round = 0; round < 10; round++) {
		struct put p[2];
		int after;

		for (int i = 0; i < 2; i++)
			put_start(
			    &p[i], &m.g[i], version, 1000 + 10 * round + i);
		for (int i = 0; i < 2; i++)
			put_end(&p[i]);
		if (p[0].status + p[1].status != 202 + 409)
			fail_msg("%ld %s, %ld %s", p[0].status, p[0].why,
			    p[1].status, p[1].why);
		/* The loser names both versions. */
		for (int i = 0; i < 2; i++)
			if (p[i].status == 409) {
				char *both = xasprintf(
				    "given is %d, the version stored is %d",
				    version, version + 1);

				assert_non_null(strstr(p[i].why, both));
				free(both);
			}
		both_hear();
		same_everywhere(&after);
		assert_int_equal(after, version + 1);
		version = after;
	}
	machines_guard(&m);
}

static void
who_asks_waits_for_all(void **state)
{
	struct web w;
	char *body;
	int version;

	(void)state;
	machines_up(&m, 2, NULL);
	version = rest_version(&m.g[0], SECTION);
	body = put_body(version, 1234);
	rest(&m.g[0], &w, "PUT", "/config?wait=10000", body);
	assert_int_equal(w.status, 202);
	assert_string_equal(
	    json_text(w.json, "fleet"), "in force on every member");
	web_free(&w);
	free(body);
	assert_int_equal(rest_version(&m.g[1], SECTION), version + 1);
	/* One that is gone is a member until its lease ends. */
	gateway_kill(&m.g[1]);
	body = put_body(version + 1, 1235);
	rest(&m.g[0], &w, "PUT", "/config?wait=300", body);
	assert_int_equal(w.status, 202);
	assert_non_null(strstr(json_text(w.json, "fleet"), "not yet in force"));
	assert_non_null(strstr(json_text(w.json, "fleet"), m.g[1].name));
	web_free(&w);
	rest(&m.g[0], &w, "PUT", "/config?wait=x", body);
	assert_int_equal(w.status, 400);
	web_free(&w);
	free(body);
	gateway_start(&m.g[1]);
	machine_hears(&m.g[1], &m.g[0], "w1");
	assert_int_equal(rest_version(&m.g[1], SECTION), version + 2);
	machines_guard(&m);
}

/* Until /readyz has that status, and says so or nothing of the fleet. */
static void
await_ready(struct gateway *g, long status, bool degraded)
{
	long long until = mono_ms() + WAIT_MS;
	struct web w;
	bool there;

	do {
		rest(g, &w, "GET", "/readyz", NULL);
		there = w.status == status &&
		    (strstr(w.body, "with the fleet") != NULL) == degraded;
		if (!there && mono_ms() > until)
			fail_msg("%ld %s", w.status, w.body);
		web_free(&w);
	} while (!there);
}

static void
what_is_out_of_step_is_said(void **state)
{
	struct web w;

	(void)state;
	machines_up(&m, 2, NULL);
	gateway_stop(&m.g[0]);
	gateway_set(&m.g[0], "fleet.lag_warn_sec", "1");
	gateway_set(&m.g[0], "fleet.max_lag_sec", "3");
	gateway_start(&m.g[0]);
	machine_hears(&m.g[0], &m.g[1], "s1");
	rest(&m.g[0], &w, "GET", "/fleet", NULL);
	assert_int_equal(w.status, 200);
	assert_string_equal(json_text(w.json, "state"), "up");
	assert_int_equal(json_number(w.json, "membersNum"), 2);
	assert_int_equal(json_number(w.json, "outbox"), 0);
	web_free(&w);
	rest(&m.g[0], &w, "GET", "/metrics", NULL);
	assert_non_null(strstr(w.body, "\np2p_gateway_fleet_up 1\n"));
	web_free(&w);
	etcd_kill(&m.etcd, 0);
	await_ready(&m.g[0], 200, true);
	await_ready(&m.g[0], 503, true);
	rest(&m.g[0], &w, "GET", "/metrics", NULL);
	assert_non_null(strstr(w.body, "\np2p_gateway_fleet_up 0\n"));
	web_free(&w);
	/* The front goes on. */
	machines_guard(&m);
	etcd_launch(&m.etcd, 0);
	await_ready(&m.g[0], 200, false);
}

static void
subject(struct gateway *g, const char *method, long status)
{
	rest_expect(g, method, SUBJECTS "/O%3Dnobody,C%3DGB", status);
}

/* A list that is begun shuts out whom it does not name, on every machine. */
static void
a_subject_goes_without_the_engine(void **state)
{
	(void)state;
	machines_up(&m, 2, NULL);
	subject(&m.g[0], "PUT", 204);
	machine_awaits_num(&m.g[1], SUBJECTS, 1);
	etcd_kill(&m.etcd, 0);
	subject(&m.g[1], "DELETE", 202);
	machine_awaits_num(&m.g[1], SUBJECTS, 0);
	machine_awaits_num(&m.g[0], SUBJECTS, 1);
	subject(&m.g[1], "PUT", 503);
	machine_awaits_num(&m.g[1], SUBJECTS, 0);
	assert_int_equal(machine_allow(&m.g[1], "alice"), 503);
	etcd_launch(&m.etcd, 0);
	machine_awaits_num(&m.g[0], SUBJECTS, 0);
}

/* Every version that there was, and who made it. */
static void
same_history(struct gateway *a, struct gateway *b)
{
	struct web w[2];

	rest(a, &w[0], "GET", "/config/" SECTION "/history", NULL);
	rest(b, &w[1], "GET", "/config/" SECTION "/history", NULL);
	assert_int_equal(w[0].status, 200);
	assert_true(cJSON_GetArraySize(w[0].json) > 3);
	assert_string_equal(w[0].body, w[1].body);
	web_free(&w[0]);
	web_free(&w[1]);
}

/* With a file of another machine's, while there is no engine. */
static void
a_machine_begins_from_a_file(void **state)
{
	int n, version;

	(void)state;
	machines_up(&m, 2, NULL);
	version = rest_version(&m.g[0], SECTION);
	for (int i = 0; i < 3; i++) {
		struct put p;

		put_start(&p, &m.g[0], version + i, 3000 + i);
		put_end(&p);
		assert_int_equal(p.status, 202);
	}
	machine_command(&m.g[0], "--fleet-export", "fleet.copy", NULL);
	etcd_kill(&m.etcd, 0);
	n = machine_prepare(&m);
	gateway_set(&m.g[n], "fleet.required", "true");
	machine_command(&m.g[n], "--fleet-import", "fleet.copy", NULL);
	gateway_start(&m.g[n]);
	machines_guard(&m);
	assert_int_equal(rest_version(&m.g[n], SECTION), version + 3);
	same_history(&m.g[n], &m.g[0]);
	etcd_launch(&m.etcd, 0);
	machine_awaits_up(&m.g[0]);
	machine_awaits_up(&m.g[n]);
	machine_hears(&m.g[n], &m.g[0], "f1");
	machines_guard(&m);
}

#define KILLS     100
#define MIN_KILLS 12
#define KILLS_SEC 10 /* no more are begun then */
/* No two are at the same moment of a change, which takes less than the last. */
#define MOMENT_US(round) ((useconds_t)((round)*37 % KILLS * 200))

/* Whenever it ends, the fleet has the old or the new, and so has it. */
static void
killed_in_a_change(void **state)
{
	const long long until = mono_ms() + KILLS_SEC * 1000;
	int version;

	(void)state;
	machines_up(&m, 2, NULL);
	both_hear();
	same_everywhere(&version);
	for (int round = 0;
	     round < MIN_KILLS || (round < KILLS && mono_ms() < until);
	     round++) {
		struct put p;
		int after;

		put_start(&p, &m.g[0], version, 2000 + round);
		usleep(MOMENT_US(round));
		gateway_kill(&m.g[0]);
		put_end(&p);
		machines_guard(&m);
		gateway_start(&m.g[0]);
		both_hear();
		same_everywhere(&after);
		if (after != version && after != version + 1)
			fail_msg("%d after %d", after, version);
		/* What was acknowledged is there. */
		if (p.status == 202)
			assert_int_equal(after, version + 1);
		version = after;
	}
	machines_guard(&m);
}

/* Its denylist goes to all; its sections are the fleet's from then on. */
static void
a_machine_with_a_state_of_its_own_joins(void **state)
{
	struct tls eve;
	cJSON *fleet;
	int n;

	(void)state;
	machines_up(&m, 2, NULL);
	machine_peer("eve");
	n = machine_prepare(&m);
	fleet = cJSON_DetachItemFromObject(m.g[n].config, "fleet");
	gateway_start(&m.g[n]);
	for (int i = 0; i < 3; i++)
		assert_int_equal(machine_mode(&m.g[n], "SOFT_FAIL"), 202);
	assert_int_equal(machine_deny(&m.g[n], "eve"), 201);
	gateway_stop(&m.g[n]);
	machine_let_in(&m.g[0], &eve, "eve");
	cJSON_AddItemToObject(m.g[n].config, "fleet", fleet);
	gateway_start(&m.g[n]);
	machine_awaits_cut(&eve);
	assert_int_equal(
	    tls_try(&town, "eve", m.g[n].port, 0), ALERT_CERTIFICATE_REVOKED);
	machine_hears(&m.g[n], &m.g[0], "j1");
	assert_int_equal(
	    rest_version(&m.g[n], SECTION), rest_version(&m.g[0], SECTION));
	machines_guard(&m);
	/* And so it starts. */
	gateway_stop(&m.g[n]);
	gateway_start(&m.g[n]);
	machines_guard(&m);
}

static void
reload(struct gateway *g, const char *secret, const char *previous)
{
	char *json = xasprintf("\"%s\"", secret);

	gateway_set(g, "fleet.secret_file", json);
	free(json);
	json = xasprintf("\"%s\"", previous);
	gateway_set(g, "fleet.previous_secret_file", json);
	free(json);
	gateway_write(g);
	proc_mark(&g->proc);
	proc_signal(&g->proc, SIGHUP);
}

static void
both_are_up_and_hear(void)
{
	for (int i = 0; i < 2; i++)
		machine_awaits_up(&m.g[i]);
	both_hear();
	machines_guard(&m);
}

/* The new one is accepted everywhere before anybody writes with it. */
static void
secrets_are_exchanged_in_two_reloads(void **state)
{
	const char *fresh = "another secret of 32 characters!\n";
	int version;

	(void)state;
	machines_up(&m, 2, NULL);
	file_write("fleet.secret.new", fresh, strlen(fresh));
	for (int i = 0; i < 2; i++) {
		reload(&m.g[i], "fleet.secret", "fleet.secret.new");
		gateway_must_say_next(&m.g[i], "reloaded the configuration");
	}
	both_are_up_and_hear();
	for (int i = 0; i < 2; i++) {
		reload(&m.g[i], "fleet.secret.new", "fleet.secret");
		gateway_must_say_next(&m.g[i], "reloaded the configuration");
		both_are_up_and_hear();
	}
	same_everywhere(&version);
	/* One that is not there changes nothing. */
	reload(&m.g[0], "no.such.secret", "fleet.secret");
	gateway_must_say_next(&m.g[0], "cannot reload");
	both_are_up_and_hear();
}

/* Who is found revoked by one is cut by the other, which has not asked. */
static void
found_revoked_by_one(void **state)
{
	struct tls dora;
	struct web w;

	(void)state;
	machines_up(&m, 2, NULL);
	machine_peer("dora");
	machine_let_in(&m.g[1], &dora, "dora");
	town_ca(&town, "revoke", "peers/dora", NULL);
	rest(&m.g[0], &w, "POST", "/cache/refresh", "");
	assert_int_equal(w.status, 202);
	web_free(&w);
	while (
	    tls_try(&town, "dora", m.g[0].port, 0) != ALERT_CERTIFICATE_REVOKED)
		continue;
	machine_awaits_cut(&dora);
	assert_int_equal(
	    tls_try(&town, "dora", m.g[1].port, 0), ALERT_CERTIFICATE_REVOKED);
	machines_guard(&m);
}

/* POSTs what ca has made of a name, and wants that status. */
static void
post_made(struct gateway *g, const char *path, char *body, long status)
{
	struct web w;

	rest(g, &w, "POST", path, body);
	if (w.status != status)
		fail_msg("%s: %ld %s", path, w.status, w.body);
	web_free(&w);
	free(body);
}

static char *
session_body(void)
{
	char *path = fixture_path("ca"), *out;
	const char *argv[] = {path, "body", town.dir, "sessions/good", "--mode",
	    "SOFT_FAIL", "--trust", "trust", NULL};

	assert_int_equal(proc_run(argv, "body.log", WAIT_MS, &out), 0);
	free(path);
	return out;
}

static char *
denial_body(void)
{
	char *path = town_path(&town, "sessions/good.pem");
	char *pem = file_need(path, NULL), *body;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "certificate", pem);
	body = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	free(pem);
	free(path);
	return body;
}

/* Waits for the one that is withdrawn after that: its number there. */
static double
withdrawn_on(struct gateway *g, double after)
{
	char *path =
	    xasprintf("/revocation/events?after=%.0f&timeoutMs=20000", after);
	struct web w;
	double number;

	rest(g, &w, "GET", path, NULL);
	free(path);
	assert_int_equal(w.status, 200);
	number = json_number(w.json, "events.0.number");
	assert_true(number > after);
	assert_non_null(json_text(w.json, "epoch"));
	assert_non_null(
	    strstr(json_text(w.json, "events.0.reason"), "denylist"));
	assert_null(json_at(w.json, "events.1"));
	web_free(&w);
	return number;
}

static void
engine_awaits_withdrawn(void)
{
	bool there = false;

	while (!there) {
		char *keys = etcd_ctl(
		    &m.etcd, "get", "--prefix", "--keys-only", "/", NULL);

		there = strstr(keys, "/withdrawn/") != NULL;
		free(keys);
	}
}

/*
 * A node may ask any of them: what one withdraws has one number on all. (One of
 * its own when etcd has not answered within a second: then it is tried again.)
 * Where etcd has lost it, who starts then hears of it as well.
 */
static void
a_session_is_withdrawn_on_all(void **state)
{
	double last[2] = {0, 0};

	(void)state;
	machines_up(&m, 2, NULL);
	for (int i = 0; i == 0 || (last[0] != last[1] && i < 10); i++) {
		char name[16];

		snprintf(name, sizeof(name), "w%d", i);
		if (i > 0) {
			assert_int_equal(machine_allow(&m.g[0], "good"), 204);
			machine_hears(&m.g[1], &m.g[0], name);
		}
		post_made(&m.g[0], "/revocation/check", session_body(), 200);
		post_made(&m.g[1], "/denylist", denial_body(), 201);
		for (int k = 0; k < 2; k++)
			last[k] = withdrawn_on(&m.g[k], last[k]);
	}
	assert_true(last[0] == last[1]);
	etcd_kill(&m.etcd, 0);
	etcd_wipe(&m.etcd, 0);
	etcd_launch(&m.etcd, 0);
	etcd_await(&m.etcd, 0);
	engine_awaits_withdrawn();
	gateway_stop(&m.g[1]);
	gateway_start(&m.g[1]);
	(void)withdrawn_on(&m.g[1], 0);
}

#define ROW(f) cmocka_unit_test_teardown(f, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {ROW(of_two_one_wins),
	    ROW(who_asks_waits_for_all), ROW(what_is_out_of_step_is_said),
	    ROW(a_subject_goes_without_the_engine),
	    ROW(a_machine_begins_from_a_file),
	    ROW(a_machine_with_a_state_of_its_own_joins),
	    ROW(secrets_are_exchanged_in_two_reloads),
	    ROW(found_revoked_by_one), ROW(a_session_is_withdrawn_on_all),
	    ROW(killed_in_a_change)};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests_name(
	    "joined", tests, scene_setup, scene_teardown);
}
