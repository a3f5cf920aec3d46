/*
 * A machine that joins with a state of its own: nobody is let in that it had
 * refused, what the fleet has not stays there alone and is said, and what was
 * pushed there before can still be read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "tests/lib/enrol.h"
#include "tests/lib/fleet.h"

#define SECTION  "corda.p2p.linkManager"
#define H        "0123456789AB"
#define SUBJECTS "/mgm/" H "/mutual-tls/allowed-client-certificate-subjects"
#define GOOD     SUBJECTS "/C%3DGB,%20L%3DLondon,%20O%3Dgood"
#define CAROL    SUBJECTS "/C%3DGB,%20L%3DLondon,%20O%3Dcarol"

static struct machines m;
static struct pki_ca root;

static int
down(void **state)
{
	(void)state;
	machines_down(&m);
	pki_ca_cleanup(&root);
	return 0;
}

static void
chain_of_its_own(struct gateway *g)
{
	char *tls = enrol_identity(
	    g, &root, H, "tls", "TLS", "CN=erin", "\"erin.example\"", NULL);

	enrol_upload_ok(
	    g, "/certificates/vnode/" H "/p2p-tls", "tls", tls, NULL);
	free(tls);
}

/* Before it joins: so many versions, and a list that shuts out others. */
static int
newcomer(int versions)
{
	int n = machine_prepare(&m);
	cJSON *fleet = cJSON_DetachItemFromObject(m.g[n].config, "fleet");

	gateway_start(&m.g[n]);
	for (int i = 0; i < versions; i++)
		assert_int_equal(machine_mode(&m.g[n], "SOFT_FAIL"), 202);
	rest_expect(&m.g[n], "PUT", GOOD, 204);
	chain_of_its_own(&m.g[n]);
	assert_int_not_equal(tls_try(&town, "bob", m.g[n].port, 0), TLS_IN);
	gateway_stop(&m.g[n]);
	cJSON_AddItemToObject(m.g[n].config, "fleet", fleet);
	return n;
}

static void
history(struct gateway *g, struct web *w)
{
	rest(g, w, "GET", "/config/" SECTION "/history", NULL);
	assert_int_equal(w->status, 200);
}

/* As many are kept of those that were pushed there. */
static int
kept_apart(const struct gateway *g)
{
	char *path = xasprintf("%s.state/state.db", g->name);
	sqlite3_stmt *stmt;
	sqlite3 *h;
	int num = 0;

	assert_int_equal(
	    sqlite3_open_v2(path, &h, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h,
			     "SELECT version, config FROM section_before_fleet"
			     " WHERE name = '" SECTION "' ORDER BY seq",
			     -1, &stmt, NULL),
	    SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *config = (const char *)sqlite3_column_text(stmt, 1);

		assert_int_equal(sqlite3_column_int(stmt, 0), ++num);
		assert_non_null(strstr(config, "SOFT_FAIL"));
	}
	sqlite3_finalize(stmt);
	sqlite3_close(h);
	free(path);
	return num;
}

/* Whoever was refused there still is; the rest of the fleet goes on. */
static void
nobody_more_is_let_in(int n)
{
	static const char *const refused[] = {
	    "alice", "bob", "carol", "revoked", "nosource"};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_not_equal(
		    tls_try(&town, refused[i], m.g[n].port, 0), TLS_IN);
	assert_int_equal(tls_try(&town, "good", m.g[n].port, 0), TLS_IN);
	assert_int_equal(tls_try(&town, "bob", m.g[0].port, 0), TLS_IN);
}

/* The fleet has a section that cannot act there: see deadlineMs. */
static void
one_is_left_out(int n)
{
	gateway_set(&m.g[n], "limits.handshake_timeout_ms", "6000");
	rest_push(&m.g[0], "revcheck", "{\"deadlineMs\":7000}", 202);
}

/*
 * With fewer versions than the fleet, and so with numbers that it has, too; and
 * with a record among them that is left out.
 */
static void
what_is_its_own_stays(void **state)
{
	struct web ours, theirs;
	int n;

	(void)state;
	pki_ca_init(&root, "root");
	machines_up(&m, 2, NULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(machine_mode(&m.g[0], "HARD_FAIL"), 202);
	n = newcomer(2);
	one_is_left_out(n);
	gateway_start(&m.g[n]);
	machine_awaits_up(&m.g[n]);
	gateway_must_say(&m.g[n], "'config/revcheck' cannot act here");
	gateway_must_say(&m.g[n],
	    "stays in force here alone: subject 'C=GB,L=London,O=good' of " H
	    " (subjects=1 members=0 chains=1)");
	nobody_more_is_let_in(n);
	machine_awaits_num(&m.g[0], SUBJECTS, 0);
	assert_int_equal(kept_apart(&m.g[n]), 2);
	history(&m.g[n], &ours);
	history(&m.g[0], &theirs);
	assert_true(cJSON_GetArraySize(theirs.json) > 4);
	assert_string_equal(ours.body, theirs.body);
	web_free(&ours);
	web_free(&theirs);
	/* And so it starts. */
	gateway_stop(&m.g[n]);
	gateway_start(&m.g[n]);
	machine_awaits_up(&m.g[n]);
	nobody_more_is_let_in(n);
	assert_int_equal(kept_apart(&m.g[n]), 2);
}

/* Said again over REST it is the fleet's; the fleet's list adds to it. */
static void
what_is_its_own_is_given(void **state)
{
	int n;

	(void)state;
	pki_ca_init(&root, "root");
	machines_up(&m, 2, NULL);
	n = newcomer(1);
	gateway_start(&m.g[n]);
	machine_awaits_up(&m.g[n]);
	nobody_more_is_let_in(n);
	rest_expect(&m.g[0], "PUT", CAROL, 204);
	machine_awaits_num(&m.g[n], SUBJECTS, 2);
	assert_int_equal(tls_try(&town, "carol", m.g[n].port, 0), TLS_IN);
	assert_int_not_equal(tls_try(&town, "bob", m.g[n].port, 0), TLS_IN);
	assert_int_not_equal(tls_try(&town, "good", m.g[1].port, 0), TLS_IN);
	rest_expect(&m.g[n], "PUT", GOOD, 204);
	machine_awaits_num(&m.g[1], SUBJECTS, 2);
	assert_int_equal(tls_try(&town, "good", m.g[1].port, 0), TLS_IN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(what_is_its_own_stays, down),
	    cmocka_unit_test_teardown(what_is_its_own_is_given, down)};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests_name(
	    "newcomer", tests, scene_setup, scene_teardown);
}
