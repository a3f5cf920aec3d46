/*
 * A machine that was a member, then was none for a while, or shared less, and
 * is a member again; and one that could not read its fleet and then can: what
 * the fleet has is in force there as if it had never been away.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/fleet.h"

#define REST_OF_TIME "[\"config\", \"subjects\", \"holdings\", \"evidence\"]"

static struct machines m;

static int
down(void **state)
{
	(void)state;
	machines_down(&m);
	return 0;
}

/* What its operator does alone is undone by the fleet; what tightens stays. */
static void
alone_for_a_while(void **state)
{
	struct tls bob, carol;
	char *fleet;

	(void)state;
	machines_up(&m, 2, NULL);
	/* The fleet has removed what is made again below. */
	machine_let_in(&m.g[1], &carol, "carol");
	assert_int_equal(machine_deny(&m.g[0], "carol"), 201);
	machine_awaits_cut(&carol);
	assert_int_equal(machine_allow(&m.g[1], "carol"), 204);
	gateway_stop(&m.g[1]);
	fleet = cJSON_PrintUnformatted(
	    cJSON_GetObjectItemCaseSensitive(m.g[1].config, "fleet"));
	gateway_set(&m.g[1], "fleet", NULL);
	gateway_start(&m.g[1]);
	/* Nothing is loosened by that. */
	machines_guard(&m);
	assert_int_equal(machine_deny(&m.g[1], "carol"), 201);
	assert_int_equal(machine_allow(&m.g[1], "alice"), 204);
	assert_int_equal(machine_mode(&m.g[1], "SOFT_FAIL"), 202);
	assert_int_equal(machine_deny(&m.g[1], "bob"), 201);
	gateway_stop(&m.g[1]);
	gateway_set(&m.g[1], "fleet", fleet);
	cJSON_free(fleet);
	machine_let_in(&m.g[0], &bob, "bob");
	machine_let_in(&m.g[0], &carol, "carol");
	gateway_start(&m.g[1]);
	machine_awaits_up(&m.g[1]);
	machine_awaits_cut(&bob);
	machine_awaits_cut(&carol);
	machines_guard(&m);
	assert_int_equal(
	    tls_try(&town, "bob", m.g[1].port, 0), ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(
	    tls_try(&town, "carol", m.g[1].port, 0), ALERT_CERTIFICATE_REVOKED);
}

/* The same of one kind alone, while the engine cannot be had afterwards. */
static void
shares_less_for_a_while(void **state)
{
	(void)state;
	machines_up(&m, 2, NULL);
	gateway_stop(&m.g[1]);
	gateway_set(&m.g[1], "fleet.share", REST_OF_TIME);
	gateway_start(&m.g[1]);
	machine_awaits_up(&m.g[1]);
	machines_guard(&m);
	assert_int_equal(machine_allow(&m.g[1], "alice"), 204);
	gateway_stop(&m.g[1]);
	etcd_kill(&m.etcd, 0);
	gateway_set(&m.g[1], "fleet.share", NULL);
	gateway_start(&m.g[1]);
	machines_guard(&m);
}

/* A secret that was wrong and is put right needs no restart. */
static void
reads_it_at_last(void **state)
{
	const char *other = "ffffffffffffffffffffffffffffffff\n";
	const char *right = "0123456789abcdef0123456789abcdef\n";

	(void)state;
	machines_up(&m, 2, NULL);
	gateway_stop(&m.g[1]);
	file_write("own.secret", other, strlen(other));
	(void)chmod("own.secret", 0600);
	gateway_set(&m.g[1], "fleet.secret_file", "\"own.secret\"");
	gateway_start(&m.g[1]);
	gateway_must_say(&m.g[1], "own.secret");
	file_write("own.secret", right, strlen(right));
	proc_signal(&m.g[1].proc, SIGHUP);
	machine_awaits_up(&m.g[1]);
	machine_hears(&m.g[1], &m.g[0], "r1");
	machines_guard(&m);
}

/* A machine that has lost its disk hears from the fleet what itself has found,
 * while the CA cannot be asked. */
static void
its_own_words(void **state)
{
	struct gateway *g = &m.g[0];
	struct web w;
	char *rm;

	(void)state;
	machines_up(&m, 2, NULL);
	assert_int_equal(machine_mode(g, "SOFT_FAIL"), 202);
	machine_peer("dora");
	town_ca(&town, "revoke", "peers/dora", NULL);
	rest(g, &w, "POST", "/cache/refresh", "");
	assert_int_equal(w.status, 202);
	web_free(&w);
	while (tls_try(&town, "dora", g->port, 0) != ALERT_CERTIFICATE_REVOKED)
		continue;
	/* The other has heard of it, so it is there. */
	while (
	    tls_try(&town, "dora", m.g[1].port, 0) != ALERT_CERTIFICATE_REVOKED)
		continue;
	control(&town.web, "/_listen/off", "");
	gateway_stop(g);
	rm = xasprintf("rm -r %s.state", g->name);
	assert_int_equal(system(rm), 0);
	free(rm);
	gateway_set(g, "fleet.required", "true");
	gateway_start(g);
	machine_awaits_up(g);
	assert_int_equal(
	    tls_try(&town, "dora", g->port, 0), ALERT_CERTIFICATE_REVOKED);
	control(&town.web, "/_listen/on", "");
}

#define ROW(f) cmocka_unit_test_teardown(f, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {ROW(alone_for_a_while),
	    ROW(shares_less_for_a_while), ROW(reads_it_at_last),
	    ROW(its_own_words)};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
