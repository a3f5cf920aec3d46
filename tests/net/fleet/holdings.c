/*
 * A holding identity of one machine on the others: its chain, its registration
 * and its roots travel, its private key does not. A setup whose key is not
 * there leaves everything else in force, and is said.
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

/* The answer to GET path there has this text in it, sooner or later. */
static void
await_text(struct gateway *g, const char *path, const char *text)
{
	long long until = mono_ms() + WAIT_MS;
	struct web w;
	bool there;

	do {
		rest(g, &w, "GET", path, NULL);
		there = w.body != NULL && strstr(w.body, text) != NULL;
		if (!there && mono_ms() > until)
			fail_msg("%s: %s", path, w.body);
		web_free(&w);
	} while (!there);
}

/* What the other machine has, and has not. */
static void
the_rest_is_in_force(void)
{
	struct web w;

	await_text(&m.g[1], "/readyz", "needs key");
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

static void
a_key_stays_where_it_is(void **state)
{
	char *sid, *tls, *ses;

	(void)state;
	pki_ca_init(&root, "root");
	machines_up(&m, 2, NULL);
	tls = enrol_identity(&m.g[0], &root, H, "tls", "TLS", "CN=erin",
	    "\"erin.example\"", NULL);
	ses = enrol_identity(
	    &m.g[0], &root, H, "ses", "SESSION_INIT", DN, "", &sid);
	enrol_upload_ok(
	    &m.g[0], "/certificates/vnode/" H "/p2p-tls", "tls", tls, NULL);
	enrol_upload_ok(
	    &m.g[0], "/certificates/vnode/" H "/p2p-session", "ses", ses, NULL);
	await_text(&m.g[1], "/certificates/vnode/" H "/p2p-session", "ses");
	/* The name that its session certificate gives came with it. */
	await_text(&m.g[1], "/membership/" H, "Erin");
	register_member(&m.g[0]);
	await_text(&m.g[1], "/membership/" H, "\"registered\":true");
	set_up(&m.g[0], sid);
	await_text(&m.g[0], "/network/setup/" H, "\"inEffect\":true");
	the_rest_is_in_force();
	/* And so it starts. */
	gateway_stop(&m.g[1]);
	gateway_start(&m.g[1]);
	the_rest_is_in_force();
	free(sid);
	free(tls);
	free(ses);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(a_key_stays_where_it_is, down)};

	if (!etcd_have()) {
		printf("1..0 # SKIP no etcd\n");
		return 0;
	}
	return cmocka_run_group_tests_name(
	    "holdings", tests, scene_setup, scene_teardown);
}
