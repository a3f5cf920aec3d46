/*
 * A holding identity of one machine on the others: its chain, its registration
 * and its roots travel, its private key does not. A setup whose key is not
 * there leaves everything else in force, and is said; keys go along only where
 * that is asked for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/enrol.h"
#include "tests/lib/fleet.h"

#define H  "0123456789AB"
#define DN "O=Erin, L=London, C=GB"

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
register_member(struct gateway *g)
{
	char *pem = enrol_pem(root.cert), *text;
	cJSON *body = cJSON_CreateObject(), *context;
	struct web w;

	context = cJSON_AddObjectToObject(body, "context");
	cJSON_AddStringToObject(context, "corda.group.trustroot.tls.0", pem);
	cJSON_AddStringToObject(
	    context, "corda.group.trustroot.session.0", pem);
	text = cJSON_PrintUnformatted(body);
	rest(g, &w, "POST", "/membership/" H, text);
	if (w.status != 200)
		fail_msg("%ld %s", w.status, w.body);
	web_free(&w);
	free(text);
	free(pem);
	cJSON_Delete(body);
}

static void
set_up(struct gateway *g, const char *key)
{
	char *body = xasprintf("{\"p2pTlsCertificateChainAlias\":\"tls\","
			       "\"sessionKeyId\":\"%s\","
			       "\"sessionCertificateChainAlias\":\"ses\"}",
	    key);
	struct web w;

	rest(g, &w, "PUT", "/network/setup/" H, body);
	if (w.status != 204)
		fail_msg("%ld %s", w.status, w.body);
	web_free(&w);
	free(body);
}

/* What the other machine has, and has not. */
static void
the_rest_is_in_force(void)
{
	struct web w;

	machine_awaits(&m.g[1], "/readyz", "needs key", true);
	rest(&m.g[1], &w, "GET", "/network/setup/" H, NULL);
	assert_int_equal(w.status, 200);
	assert_true(cJSON_IsTrue(json_at(w.json, "registered")));
	assert_true(cJSON_IsFalse(json_at(w.json, "setUp")));
	web_free(&w);
	rest(&m.g[1], &w, "GET", "/fleet", NULL);
	assert_string_equal(
	    json_text(w.json, "notInForce.0.record"), "holding/" H);
	web_free(&w);
	machines_guard(&m);
}

/* On the first machine, from nothing to a setup in effect. */
static void
enrol_erin(void)
{
	char *sid;
	char *tls = enrol_identity(&m.g[0], &root, H, "tls", "TLS", "CN=erin",
	    "\"erin.example\"", NULL);
	char *ses = enrol_identity(
	    &m.g[0], &root, H, "ses", "SESSION_INIT", DN, "", &sid);

	enrol_upload_ok(
	    &m.g[0], "/certificates/vnode/" H "/p2p-tls", "tls", tls, NULL);
	enrol_upload_ok(
	    &m.g[0], "/certificates/vnode/" H "/p2p-session", "ses", ses, NULL);
	machine_awaits(
	    &m.g[1], "/certificates/vnode/" H "/p2p-session", "ses", true);
	/* The name that its session certificate gives came with it. */
	machine_awaits(&m.g[1], "/membership/" H, "Erin", true);
	register_member(&m.g[0]);
	machine_awaits(&m.g[1], "/membership/" H, "\"registered\":true", true);
	set_up(&m.g[0], sid);
	machine_awaits(&m.g[0], "/network/setup/" H, "\"inEffect\":true", true);
	free(sid);
	free(tls);
	free(ses);
}

static void
a_key_stays_where_it_is(void **state)
{
	struct web w;

	(void)state;
	pki_ca_init(&root, "root");
	machines_up(&m, 2, NULL);
	enrol_erin();
	the_rest_is_in_force();
	rest(&m.g[1], &w, "GET", "/keys/" H, NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 0);
	web_free(&w);
	/* And so it starts. */
	gateway_stop(&m.g[1]);
	gateway_start(&m.g[1]);
	the_rest_is_in_force();
}

/* Both have the secret that they are encrypted with. */
static void
share_keys(struct gateway *g)
{
	const char *secret = "a secret for keys that both machines have\n";

	file_write("keys.secret", secret, strlen(secret));
	gateway_stop(g);
	gateway_set(g, "key_secret", "\"keys.secret\"");
	gateway_set(g, "fleet.share",
	    "[\"config\",\"denylist\",\"subjects\",\"holdings\","
	    "\"revocations\",\"evidence\",\"sessions\",\"keys\"]");
	gateway_start(g);
}

/* Nobody does anything on the machine that lacked it. */
static void
a_setup_acts_when_its_key_comes(void **state)
{
	struct web w;

	(void)state;
	pki_ca_init(&root, "root");
	machines_up(&m, 2, NULL);
	gateway_stop(&m.g[0]);
	gateway_set(&m.g[0], "key_secret", "\"keys.secret\"");
	share_keys(&m.g[1]);
	gateway_start(&m.g[0]);
	enrol_erin();
	the_rest_is_in_force();
	share_keys(&m.g[0]);
	machine_awaits(&m.g[1], "/network/setup/" H, "\"inEffect\":true", true);
	machine_awaits(&m.g[1], "/readyz", "needs key", false);
	rest(&m.g[1], &w, "GET", "/fleet", NULL);
	assert_null(json_at(w.json, "notInForce.0"));
	web_free(&w);
	machines_guard(&m);
}

static void
keys_go_where_they_are_asked_for(void **state)
{
	(void)state;
	pki_ca_init(&root, "root");
	machines_up(&m, 2, NULL);
	for (int i = 0; i < 2; i++)
		share_keys(&m.g[i]);
	machine_hears(&m.g[1], &m.g[0], "k1");
	machine_hears(&m.g[0], &m.g[1], "k2");
	enrol_erin();
	machine_awaits(&m.g[1], "/network/setup/" H, "\"inEffect\":true", true);
	gateway_stop(&m.g[1]);
	gateway_start(&m.g[1]);
	machine_awaits(&m.g[1], "/network/setup/" H, "\"inEffect\":true", true);
	machines_guard(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(a_key_stays_where_it_is, down),
	    cmocka_unit_test_teardown(a_setup_acts_when_its_key_comes, down),
	    cmocka_unit_test_teardown(keys_go_where_they_are_asked_for, down)};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests_name(
	    "holdings", tests, scene_setup, scene_teardown);
}
