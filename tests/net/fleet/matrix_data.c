/*
 * What happens to whole gateways when their engine has lost what it had, has
 * what is older, another fleet's, damaged, forged or taken away, and when one
 * machine has another secret: nobody gets in who was refused, and what the
 * machines hold is put back.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/fleet.h"

#define PREFIX "/p2p-gateway/" FLEET_OF_TESTS "/"

static struct machines m;

static int
down(void **state)
{
	(void)state;
	machines_down(&m);
	return 0;
}

static void
shell(const char *script, const char *a, const char *b)
{
	const char *argv[] = {"/bin/sh", "-c", script, "sh", a, b, NULL};
	char *out;

	if (proc_run(argv, "shell.log", WAIT_MS, &out) != 0)
		fail_msg("%s: %s", script, out);
	free(out);
}

/* One that is new takes what the fleet has, and refuses likewise. */
static void
newcomer_refuses(const char *peer)
{
	int i = machine_prepare(&m);
	struct gateway *g = &m.g[i];

	gateway_set(g, "fleet.required", "true");
	gateway_start(g);
	machines_guard(&m);
	assert_int_equal(
	    tls_try(&town, peer, g->port, 0), ALERT_CERTIFICATE_REVOKED);
}

static void
wiped(void **state)
{
	machines_up(&m, 2, NULL);
	etcd_kill(&m.etcd, 0);
	etcd_wipe(&m.etcd, 0);
	etcd_launch(&m.etcd, 0);
	etcd_await(&m.etcd, 0);
	machines_guard(&m);
	/* By whichever was first. */
	machine_hears(&m.g[1], &m.g[0], "p1");
	machines_guard(&m);
	assert_int_equal(machine_mode(&m.g[0], "HARD_FAIL"), 202);
	newcomer_refuses("p1");
}

/* From before bob was denied and HARD_FAIL put a second time. */
static void
restored(void **state)
{
	struct etcd_node *n = &m.etcd.node[0];
	struct tls bob;

	machines_up(&m, 2, NULL);
	etcd_kill(&m.etcd, 0);
	shell("cp -a \"$1\" \"$2\"", n->data, "backup");
	etcd_launch(&m.etcd, 0);
	etcd_await(&m.etcd, 0);
	machine_let_in(&m.g[1], &bob, "bob");
	assert_int_equal(machine_mode(&m.g[0], "HARD_FAIL"), 202);
	assert_int_equal(machine_deny(&m.g[0], "bob"), 201);
	machine_awaits_cut(&bob);
	etcd_kill(&m.etcd, 0);
	etcd_wipe(&m.etcd, 0);
	shell("mv \"$2\" \"$1\"", n->data, "backup");
	etcd_launch(&m.etcd, 0);
	etcd_await(&m.etcd, 0);
	machine_hears(&m.g[1], &m.g[0], "p2");
	machines_guard(&m);
	for (int i = 0; i < 2; i++)
		assert_int_equal(tls_try(&town, "bob", m.g[i].port, 0),
		    ALERT_CERTIFICATE_REVOKED);
	newcomer_refuses("bob");
}

/* Of the same name and with the same secret; what it says counts nowhere. */
static void
another_fleet(void **state)
{
	struct gateway *other;

	machines_up(&m, 1, NULL);
	gateway_stop(&m.g[0]);
	etcd_kill(&m.etcd, 0);
	etcd_wipe(&m.etcd, 0);
	etcd_launch(&m.etcd, 0);
	etcd_await(&m.etcd, 0);
	other = &m.g[machine_prepare(&m)];
	machine_command(other, "--fleet-create", NULL, NULL);
	gateway_start(other);
	(void)machine_deny(other, "good");
	gateway_start(&m.g[0]);
	gateway_must_say(&m.g[0], "and this machine is of");
	gateway_stop(other);
	machines_guard(&m);
	assert_int_equal(machine_mode(&m.g[0], "SOFT_FAIL"), 503);
	assert_int_equal(machine_deny(&m.g[0], "bob"), 202);
	machines_guard(&m);
}

/* Keys go, are overwritten, and stand under other names. */
static void
tampered(void **state)
{
	struct tls bob;

	machines_up(&m, 2, NULL);
	etcd_do(&m.etcd, "del", "--prefix", PREFIX "deny/", NULL);
	etcd_do(&m.etcd, "del", "--prefix", PREFIX "config/", NULL);
	machine_hears(&m.g[1], &m.g[0], "p3");
	machines_guard(&m);
	etcd_do(
	    &m.etcd, "put", PREFIX "deny/0123456789abcdef", "nonsense", NULL);
	etcd_do(&m.etcd, "put", PREFIX "config/corda.p2p.linkManager",
	    "{\"version\":99}", NULL);
	etcd_do(&m.etcd, "put", PREFIX "head", "nonsense", NULL);
	gateway_must_say(&m.g[1], "deny/0123456789abcdef");
	gateway_must_say(&m.g[1], "config/corda.p2p.linkManager");
	machines_guard(&m);
	/* Whatever they make of it, what tightens is taken. */
	machine_let_in(&m.g[0], &bob, "bob");
	machine_deny(&m.g[0], "bob");
	machine_awaits_cut(&bob);
	machines_guard(&m);
}

/* Of somebody else below the prefix: large ones, which make a page short, and
 * pages of nothing but those that none of ours can be. */
static void
foreign_keys(void **state)
{
	size_t len = 110000;
	char *much = xrealloc(NULL, len + 1), *key;

	machines_up(&m, 2, NULL);
	gateway_stop(&m.g[1]);
	memset(much, 'x', len);
	much[len] = '\0';
	for (int i = 0; i < 40; i++) {
		key = xasprintf(PREFIX "\001\377%d", i);
		etcd_do(&m.etcd, "put", key, "x", NULL);
		free(key);
		key = xasprintf(PREFIX "zz/%d", i);
		etcd_do(&m.etcd, "put", key, much, NULL);
		free(key);
	}
	free(much);
	gateway_start(&m.g[1]);
	machine_hears(&m.g[1], &m.g[0], "p5");
	machines_guard(&m);
}

/* All begin when nobody can read which fleet it is: with the head they see that
 * it is theirs, without it somebody takes it away. */
static void
nobody_knows_the_fleet(void **state)
{
	machines_up(&m, 2, NULL);
	for (int i = 0; i < 2; i++)
		gateway_stop(&m.g[i]);
	etcd_do(&m.etcd, "put", PREFIX "fleet", "nonsense", NULL);
	for (int i = 0; i < 2; i++)
		gateway_start(&m.g[i]);
	machine_hears(&m.g[1], &m.g[0], "p8");
	machine_hears(&m.g[0], &m.g[1], "p9");
	machines_guard(&m);
	for (int i = 0; i < 2; i++)
		gateway_stop(&m.g[i]);
	etcd_do(&m.etcd, "put", PREFIX "fleet", "nonsense", NULL);
	etcd_do(&m.etcd, "put", PREFIX "head", "nonsense", NULL);
	for (int i = 0; i < 2; i++) {
		gateway_start(&m.g[i]);
		gateway_must_say(&m.g[i], "cannot be read with the secret");
	}
	machines_guard(&m);
	etcd_do(&m.etcd, "del", PREFIX "fleet", NULL);
	machine_hears(&m.g[1], &m.g[0], "p6");
	machine_hears(&m.g[0], &m.g[1], "p7");
	machines_guard(&m);
}

static void
wrong_secret(void **state)
{
	const char *other = "ffffffffffffffffffffffffffffffff\n";

	machines_up(&m, 2, NULL);
	gateway_stop(&m.g[1]);
	file_write("other.secret", other, strlen(other));
	(void)chmod("other.secret", 0600);
	gateway_set(&m.g[1], "fleet.secret_file", "\"other.secret\"");
	gateway_start(&m.g[1]);
	gateway_must_say(&m.g[1], "other.secret");
	machines_guard(&m);
	assert_int_equal(machine_mode(&m.g[1], "SOFT_FAIL"), 503);
	assert_int_equal(machine_deny(&m.g[1], "bob"), 202);
	machines_guard(&m);
	/* The others do not notice. */
	assert_int_equal(machine_mode(&m.g[0], "HARD_FAIL"), 202);
	/* And the right one mends it. */
	gateway_stop(&m.g[1]);
	gateway_set(&m.g[1], "fleet.secret_file", "\"fleet.secret\"");
	gateway_start(&m.g[1]);
	machine_hears(&m.g[0], &m.g[1], "p4");
	machines_guard(&m);
}

static void
secret_now(struct gateway *g, const char *secret, const char *previous)
{
	gateway_set(g, "fleet.secret_file", secret);
	gateway_set(g, "fleet.previous_secret_file", previous);
	gateway_write(g);
	proc_mark(&g->proc);
	proc_signal(&g->proc, SIGHUP);
	gateway_must_say_next(g, "reloaded the configuration");
}

/* When the secret changed one was left out, and both write. */
static void
a_member_was_forgotten(void **state)
{
	const char *fresh = "another secret of 32 characters!\n";

	machines_up(&m, 2, NULL);
	file_write("fresh.secret", fresh, strlen(fresh));
	(void)chmod("fresh.secret", 0600);
	secret_now(&m.g[0], "\"fresh.secret\"", "\"fleet.secret\"");
	machine_awaits_up(&m.g[0]);
	assert_int_equal(machine_deny(&m.g[0], "bob"), 201);
	gateway_must_say(&m.g[1], "do all members have it");
	machines_guard(&m);
	/* An emergency bites there all the same, and is not lost. */
	assert_int_equal(machine_deny(&m.g[1], "carol"), 202);
	assert_int_equal(
	    tls_try(&town, "carol", m.g[1].port, 0), ALERT_CERTIFICATE_REVOKED);
	secret_now(&m.g[1], "\"fresh.secret\"", "\"fleet.secret\"");
	machine_hears(&m.g[1], &m.g[0], "s1");
	machine_hears(&m.g[0], &m.g[1], "s2");
	for (int i = 0; i < 2; i++) {
		machine_awaits_up(&m.g[i]);
		assert_int_equal(tls_try(&town, "bob", m.g[i].port, 0),
		    ALERT_CERTIFICATE_REVOKED);
		assert_int_equal(tls_try(&town, "carol", m.g[i].port, 0),
		    ALERT_CERTIFICATE_REVOKED);
	}
}

#define ROW(f) cmocka_unit_test_teardown(f, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {ROW(wiped), ROW(restored),
	    ROW(another_fleet), ROW(tampered), ROW(foreign_keys),
	    ROW(nobody_knows_the_fleet), ROW(wrong_secret),
	    ROW(a_member_was_forgotten)};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
