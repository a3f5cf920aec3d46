/*
 * The fixtures themselves: what later tests rely on. A broken fixture must
 * fail here, not look like a broken gateway there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/net.h"
#include "tests/lib/peer.h"

#define CRL_PATH "/certificate-revocation-list/doorman"

static struct town town;

static int
setup(void **state)
{
	town_start(&town, "net", NULL);
	return 0;
}

static int
teardown(void **state)
{
	town_stop(&town);
	return 0;
}

static void
get(struct web *w, const struct server *s, const char *path)
{
	char *url = xasprintf("http://127.0.0.1:%d%s", s->port, path);

	web_request(w, "GET", url, NULL, NULL, NULL);
	free(url);
}

static void
crl_is_der_and_counted(void **state)
{
	unsigned long before = hits(&town.web, CRL_PATH);
	struct web w;
	char *type;

	get(&w, &town.web, CRL_PATH);
	assert_int_equal(w.status, 200);
	assert_int_equal((unsigned char)w.body[0], 0x30);
	type = web_header(&w, "Content-Type");
	assert_string_equal(type, "application/pkix-crl");
	assert_int_equal(hits(&town.web, CRL_PATH), before + 1);
	free(type);
	web_free(&w);
}

static void
crl_names_the_revoked(void **state)
{
	char *crl = town_path(&town, "www" CRL_PATH), *out;
	char *ca = town_path(&town, "doorman/ca.pem");
	const char *argv[] = {"/usr/bin/openssl", "crl", "-inform", "DER",
	    "-in", crl, "-noout", "-text", "-CAfile", ca, NULL};

	assert_int_equal(proc_run(argv, "crl.txt", WAIT_MS, &out), 0);
	assert_non_null(strstr(out, "verify OK"));
	assert_non_null(strstr(out, "Key Compromise"));
	assert_non_null(strstr(out, "Certificate Hold"));
	free(out);
	free(ca);
	free(crl);
}

/* What `openssl ocsp` as a client says about a peer. */
static char *
ocsp_ask(const char *peer)
{
	char *cert = xasprintf("%s/peers/%s.pem", town.dir, peer), *out;
	char *ca = town_path(&town, "doorman/ca.pem");
	char *trust = town_path(&town, "trust.pem");
	char *url = xasprintf("http://127.0.0.1:%d/doorman", town.ocsp.port);
	const char *argv[] = {"/usr/bin/openssl", "ocsp", "-issuer", ca,
	    "-cert", cert, "-url", url, "-CAfile", trust, "-no_nonce", NULL};

	assert_int_equal(proc_run(argv, "ocsp.txt", WAIT_MS, &out), 0);
	assert_non_null(strstr(out, "Response verify OK"));
	free(url);
	free(trust);
	free(ca);
	free(cert);
	return out;
}

static void
responder_is_the_real_one(void **state)
{
	char *out = ocsp_ask("good");

	assert_non_null(strstr(out, "good.pem: good"));
	free(out);
	out = ocsp_ask("revoked");
	assert_non_null(strstr(out, "revoked.pem: revoked"));
	assert_non_null(strstr(out, "keyCompromise"));
	free(out);
}

static void
revocation_counts_at_once(void **state)
{
	char *out;

	mint(&town, "leaf", "doorman", "peers/later", NULL);
	out = ocsp_ask("later");
	assert_non_null(strstr(out, "later.pem: good"));
	free(out);
	mint(&town, "revoke", "peers/later", "--reason", "superseded", NULL);
	out = ocsp_ask("later");
	assert_non_null(strstr(out, "later.pem: revoked"));
	free(out);
	mint(&town, "release", "peers/later", NULL);
	out = ocsp_ask("later");
	assert_non_null(strstr(out, "later.pem: good"));
	free(out);
}

static void
steps_are_taken_hit_by_hit(void **state)
{
	struct web w;

	control(&town.web, "/_script", "/steps 2x 500 ; close ; text=good\n");
	get(&w, &town.web, "/steps");
	assert_int_equal(w.status, 500);
	web_free(&w);
	get(&w, &town.web, "/steps");
	assert_int_equal(w.status, 500);
	web_free(&w);
	get(&w, &town.web, "/steps");
	assert_int_equal(w.status, 0);
	web_free(&w);
	for (int i = 0; i < 2; i++) {
		get(&w, &town.web, "/steps");
		assert_string_equal(w.body, "good");
		web_free(&w);
	}
}

static void
truncation_and_garbage_are_what_they_say(void **state)
{
	struct web w;

	control(&town.web, "/_script",
	    "/cut truncate=3 text=abcdef\n/noise garbage=100\n"
	    "/there redirect=http://127.0.0.1/x\n/long length=9 text=abc\n");
	get(&w, &town.web, "/cut");
	assert_string_equal(w.body, "abc");
	assert_int_equal(w.status, 0);
	web_free(&w);
	get(&w, &town.web, "/noise");
	assert_int_equal(w.len, 100);
	web_free(&w);
	get(&w, &town.web, "/there");
	assert_int_equal(w.status, 302);
	web_free(&w);
	get(&w, &town.web, "/long");
	assert_int_equal(w.status, 0);
	web_free(&w);
}

static void
stopped_server_refuses_and_comes_back(void **state)
{
	struct web w;

	control(&town.web, "/_listen/off", NULL);
	get(&w, &town.web, CRL_PATH);
	assert_int_equal(w.status, 0);
	web_free(&w);
	control(&town.web, "/_listen/on", NULL);
	get(&w, &town.web, CRL_PATH);
	assert_int_equal(w.status, 200);
	web_free(&w);
}

static void
bad_script_is_refused(void **state)
{
	char *url = xasprintf("http://127.0.0.1:%d/_script", town.web.control);
	struct web w;

	web_request(&w, "POST", url, NULL, "/x frobnicate\n", "text/plain");
	assert_int_equal(w.status, 400);
	assert_non_null(strstr(w.body, "frobnicate"));
	web_free(&w);
	free(url);
}

static void
node_counts(void **state)
{
	/* Any bytes do; an HTTP request comes back as no HTTP answer. */
	unsigned long long before = node_stat(&town.node, "connections");
	struct web w;

	get(&w, &town.node, "/");
	assert_int_equal(w.status, 0);
	web_free(&w);
	node_await(&town.node, "connections", before + 1);
	assert_true(node_stat(&town.node, "received") > 0);
}

static void
town_ends_its_children(void **state)
{
	struct town other;
	char *path;

	town_start(&other, "other", NULL);
	path = xasprintf("/proc/%d", other.web.pid);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(proc_stop(&other.proc, WAIT_MS), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	free(path);
	town_stop(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(crl_is_der_and_counted),
	    cmocka_unit_test(crl_names_the_revoked),
	    cmocka_unit_test(responder_is_the_real_one),
	    cmocka_unit_test(revocation_counts_at_once),
	    cmocka_unit_test(steps_are_taken_hit_by_hit),
	    cmocka_unit_test(truncation_and_garbage_are_what_they_say),
	    cmocka_unit_test(stopped_server_refuses_and_comes_back),
	    cmocka_unit_test(bad_script_is_refused),
	    cmocka_unit_test(node_counts),
	    cmocka_unit_test(town_ends_its_children),
	};

	return cmocka_run_group_tests_name("town", tests, setup, teardown);
}
