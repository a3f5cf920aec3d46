/*
 * What whole gateways of one fleet know of evidence: a CRL is fetched once for
 * all, what one found revoked all refuse, and a new machine needs no CA. A real
 * engine, a real store of objects; the CA's server counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/fleet.h"
#include "tests/lib/objects.h"

#define CRL_PATH "/certificate-revocation-list/doorman"

static struct machines m;
static struct objects store;

static int
down(void **state)
{
	(void)state;
	machines_down(&m);
	return 0;
}

static struct gateway *
prepare(void)
{
	struct gateway *g = &m.g[machine_prepare(&m)];
	char *url = xasprintf("\"%s\"", store.url);

	gateway_set(g, "fleet.evidence_store.url", url);
	gateway_set(g, "revocation.mode", "\"HARD_FAIL\"");
	gateway_as_stranger(g, &town);
	free(url);
	return g;
}

/* So many machines with empty disks, of which the CA knows nothing yet. */
static void
up(int num)
{
	static int row;

	m = (struct machines){.row = 100 + ++row};
	objects_forget(&store);
	etcd_start(&m.etcd, "etcd", &(struct etcd_options){0});
	for (int i = 0; i < num; i++)
		(void)prepare();
	machine_command(&m.g[0], "--fleet-create", NULL, NULL);
	for (int i = 0; i < num; i++)
		gateway_start(&m.g[i]);
	control(&town.web, "/_reset", "");
}

static void
one_fetch_for_three(void **state)
{
	struct tls t[3];

	(void)state;
	machine_peer("dora");
	up(3);
	for (int i = 0; i < 3; i++)
		machine_let_in(&m.g[i], &t[i], "dora");
	assert_int_equal(hits(&town.web, CRL_PATH), 1);
	for (int i = 0; i < 3; i++)
		tls_free(&t[i]);
}

/* Whoever is in is cut on all of them, by one more fetch. */
static void
found_by_one_refused_by_all(void **state)
{
	struct tls t[3];

	(void)state;
	machine_peer("emil");
	up(3);
	for (int i = 0; i < 3; i++)
		machine_let_in(&m.g[i], &t[i], "emil");
	town_ca(&town, "revoke", "peers/emil", NULL);
	control(&town.web, "/_reset", "");
	for (int i = 0; i < 1000 && hits(&town.web, CRL_PATH) == 0; i++)
		rest_expect(&m.g[1], "POST", "/cache/refresh", 202);
	for (int i = 0; i < 3; i++)
		machine_awaits_cut(&t[i]);
	assert_int_equal(hits(&town.web, CRL_PATH), 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(tls_try(&town, "emil", m.g[i].port, 0),
		    ALERT_CERTIFICATE_REVOKED);
}

/* The CA is gone; then the store gives something else, too. */
static void
a_new_machine_needs_no_ca(void **state)
{
	struct gateway *g;
	struct tls t;

	(void)state;
	machine_peer("fritz");
	up(1);
	machine_let_in(&m.g[0], &t, "fritz");
	tls_free(&t);
	gateway_settle_log(&m.g[0]);
	control(&town.web, "/_listen/off", "");
	g = prepare();
	gateway_set(g, "fleet.required", "true");
	gateway_start(g);
	machine_let_in(g, &t, "fritz");
	tls_free(&t);
	objects_spoil(&store);
	g = prepare();
	gateway_set(g, "fleet.required", "true");
	gateway_start(g);
	assert_int_equal(
	    tls_try(&town, "fritz", g->port, 0), ALERT_CERTIFICATE_UNKNOWN);
	control(&town.web, "/_listen/on", "");
}

static int
setup(void **state)
{
	objects_start(&store);
	return scene_setup(state);
}

static int
teardown(void **state)
{
	objects_stop(&store);
	return scene_teardown(state);
}

#define ROW(f) cmocka_unit_test_teardown(f, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ROW(one_fetch_for_three),
	    ROW(found_by_one_refused_by_all),
	    ROW(a_new_machine_needs_no_ca),
	};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests(tests, setup, teardown);
}
