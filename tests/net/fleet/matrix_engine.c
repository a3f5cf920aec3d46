/*
 * What happens to whole gateways when their engine is down, frozen, split,
 * without a leader, full, or has forgotten what they missed: nobody gets in
 * who was refused, the good do, what tightens is accepted and what loosens is
 * not, and afterwards all goes on.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/fleet.h"

static struct machines m;

static int
down(void **state)
{
	(void)state;
	machines_down(&m);
	return 0;
}

static void
restart(struct gateway *g)
{
	gateway_stop(g);
	gateway_start(g);
}

/* Whoever is away is told nothing, and what it says bites here alone. */
static void
down_later(void **state)
{
	struct tls bob;

	machines_up(&m, 2, NULL);
	etcd_kill(&m.etcd, 0);
	machines_guard(&m);
	machine_let_in(&m.g[1], &bob, "bob");
	assert_int_equal(machine_mode(&m.g[0], "SOFT_FAIL"), 503);
	assert_int_equal(machine_allow(&m.g[0], "alice"), 503);
	assert_int_equal(machine_deny(&m.g[0], "bob"), 202);
	assert_int_equal(
	    tls_try(&town, "bob", m.g[0].port, 0), ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(tls_try(&town, "bob", m.g[1].port, 0), TLS_IN);
	/* It outlives a restart, and so does everything else. */
	restart(&m.g[0]);
	machines_guard(&m);
	assert_int_equal(
	    tls_try(&town, "bob", m.g[0].port, 0), ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(machine_mode(&m.g[0], "SOFT_FAIL"), 503);
	etcd_launch(&m.etcd, 0);
	etcd_await(&m.etcd, 0);
	machine_awaits_cut(&bob);
	machines_guard(&m);
	machine_hears(&m.g[0], &m.g[1], "p1");
	assert_int_equal(machine_mode(&m.g[0], "HARD_FAIL"), 202);
}

/* A machine that has no state of the fleet. */
static void
down_at_a_first_start(void **state)
{
	const char *argv[] = {NULL, "--config", NULL, NULL};
	char *path = bin_path("p2p-gateway"), *file, *line;
	struct proc waiting;

	machines_up(&m, 1, NULL);
	machine_prepare(&m);
	gateway_set(&m.g[1], "fleet.required", "true");
	gateway_write(&m.g[1]);
	file = xasprintf("%s.json", m.g[1].name);
	argv[0] = path;
	argv[2] = file;
	etcd_kill(&m.etcd, 0);
	proc_start(&waiting, "waiting", "waiting.log", argv);
	assert_true(proc_says(&waiting, "fleet.required"));
	assert_false(proc_said(&waiting, "ready listen="));
	etcd_launch(&m.etcd, 0);
	line = proc_await(&waiting, "ready listen=", WAIT_MS);
	assert_non_null(line);
	free(line);
	assert_int_equal(proc_stop(&waiting, WAIT_MS), 0);
	proc_cleanup(&waiting);
	gateway_start(&m.g[1]);
	machines_guard(&m);
	free(file);
	free(path);
}

/*
 * It answers nothing, and its connections stay. What was sent before that is
 * known may yet be written, and the answer says so: nothing laxer is asked for.
 */
static void
frozen(void **state)
{
	struct tls bob;

	machines_up(&m, 2, NULL);
	machine_let_in(&m.g[1], &bob, "bob");
	etcd_freeze(&m.etcd, 0);
	machines_guard(&m);
	assert_int_equal(machine_mode(&m.g[0], "HARD_FAIL"), 503);
	machines_guard(&m);
	assert_int_equal(machine_deny(&m.g[0], "bob"), 202);
	etcd_thaw(&m.etcd, 0);
	machine_awaits_cut(&bob);
	machines_guard(&m);
	machine_hears(&m.g[0], &m.g[1], "p2");
}

/* Two of three are gone; then one comes back. */
static void
minority(void **state)
{
	struct tls bob;

	machines_up(&m, 2, &(struct etcd_options){.nodes = 3});
	machine_let_in(&m.g[1], &bob, "bob");
	etcd_kill(&m.etcd, 0);
	etcd_kill(&m.etcd, 1);
	machines_guard(&m);
	assert_int_equal(machine_mode(&m.g[0], "HARD_FAIL"), 503);
	assert_int_equal(machine_allow(&m.g[1], "alice"), 503);
	assert_int_equal(machine_deny(&m.g[0], "bob"), 202);
	machines_guard(&m);
	etcd_launch(&m.etcd, 0);
	machine_awaits_cut(&bob);
	machines_guard(&m);
}

static void
kill_leader(void)
{
	char *who = etcd_ctl(&m.etcd, "endpoint", "status", "--cluster", NULL);
	char *line, *save = NULL;

	for (line = strtok_r(who, "\n", &save);
	     line != NULL && strstr(line, ", true, ") == NULL;)
		line = strtok_r(NULL, "\n", &save);
	assert_non_null(line);
	for (int i = 0; i < m.etcd.num; i++)
		if (strncmp(line, m.etcd.urls[i], strlen(m.etcd.urls[i])) == 0)
			etcd_kill(&m.etcd, i);
	free(who);
}

/* The leader dies: what was acknowledged stays, what follows gets through. */
static void
leader_lost(void **state)
{
	struct tls bob;

	machines_up(&m, 2, &(struct etcd_options){.nodes = 3});
	machine_let_in(&m.g[1], &bob, "bob");
	kill_leader();
	machine_deny(&m.g[0], "bob");
	machine_awaits_cut(&bob);
	machines_guard(&m);
}

/* It keeps nothing of what was before now. */
static void
forget(void)
{
	char *out, *at;

	out = etcd_ctl(&m.etcd, "endpoint", "status", "-w", "json", NULL);
	at = strstr(out, "\"revision\":");
	assert_non_null(at);
	at += strlen("\"revision\":");
	at[strspn(at, "0123456789")] = '\0';
	etcd_do(&m.etcd, "compact", at, NULL);
	free(out);
}

/* What it has forgotten since a machine fell asleep is read anew. */
static void
compacted(void **state)
{
	struct tls bob;

	machines_up(&m, 2, NULL);
	machine_let_in(&m.g[1], &bob, "bob");
	proc_signal(&m.g[1].proc, SIGSTOP);
	assert_int_equal(machine_deny(&m.g[0], "bob"), 201);
	assert_int_equal(machine_deny(&m.g[0], "carol"), 201);
	etcd_kill(&m.etcd, 0);
	etcd_launch(&m.etcd, 0);
	etcd_await(&m.etcd, 0);
	forget();
	proc_signal(&m.g[1].proc, SIGCONT);
	machine_awaits_cut(&bob);
	machines_guard(&m);
	machine_hears(&m.g[1], &m.g[0], "p3");
}

/* Puts what nobody wants until nothing more is taken. */
static void
fill_up(void)
{
	char *url = xasprintf("%s/v3/kv/put", m.etcd.urls[0]);
	char *big = xcalloc(1, 1000001), *body;
	struct web w = {.status = 200};

	memset(big, 'A', 1000000);
	body = xasprintf("{\"key\":\"ZmlsbGVy\",\"value\":\"%s\"}", big);
	for (int i = 0; i < 100 && w.status == 200; i++) {
		web_free(&w);
		web_request(&w, "POST", url, NULL, body, "application/json");
	}
	assert_int_equal(w.status, 429);
	web_free(&w);
	free(body);
	free(big);
	free(url);
}

/* Its quota is used up by somebody else. */
static void
full(void **state)
{
	const char *extra[] = {"--quota-backend-bytes", "4000000", NULL};
	struct tls bob;

	machines_up(&m, 2, &(struct etcd_options){.extra = extra});
	machine_let_in(&m.g[1], &bob, "bob");
	fill_up();
	assert_int_equal(machine_mode(&m.g[0], "SOFT_FAIL"), 503);
	assert_int_equal(machine_deny(&m.g[0], "bob"), 202);
	machines_guard(&m);
	gateway_must_say(&m.g[0], "space exceeded");
	etcd_do(&m.etcd, "del", "filler", NULL);
	forget();
	etcd_do(&m.etcd, "defrag", NULL);
	etcd_do(&m.etcd, "alarm", "disarm", NULL);
	/* Who was told so waits half a minute, or tries at its start. */
	restart(&m.g[0]);
	machine_awaits_cut(&bob);
	machines_guard(&m);
}

#define ROW(f) cmocka_unit_test_teardown(f, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {ROW(down_later),
	    ROW(down_at_a_first_start), ROW(frozen), ROW(minority),
	    ROW(leader_lost), ROW(compacted), ROW(full)};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
