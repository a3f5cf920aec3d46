/*
 * The status page of a large gateway: ten thousand sources, a thousand peers
 * inside, a thousand decisions. However many there are, a refresh has the rows
 * that fit on a page and stays below 100 KB. What it costs is measured by
 * bench_page.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/issuer.h"
#include "tests/lib/scene.h"

#define ROWS      50
#define BYTES_MAX 100000

/* Under a sanitizer the same code takes longer to run. */
static int num_sources = 10000, num_peers = 1000;

static struct tls *peers;

static int
setup(void **state)
{
	const char *build = getenv("BUILD");

	(void)state;
	if (build == NULL || strstr(build, "/debug") == NULL) {
		num_sources = 2000;
		num_peers = 200;
	}
	scene_prepare();
	issuer_write_links("crls", num_sources);
	gateway_as_stranger(&gw, &town);
	gateway_set(&gw, "rest.users", REST_CHEAP_USERS);
	gateway_set(&gw, "revocation.crl_paths", "[\"crls\"]");
	gateway_start(&gw);
	peers = calloc((size_t)num_peers, sizeof(*peers));
	assert_non_null(peers);
	return 0;
}

static int
teardown(void **state)
{
	for (int i = 0; i < num_peers; i++)
		tls_free(&peers[i]);
	free(peers);
	return scene_end(state);
}

/* Until there are so many: with REST as the clock. */
static void
await(const char *member, int least)
{
	long long until = mono_ms() + WAIT_MS;
	double num;

	do {
		struct web w;

		rest(&gw, &w, "GET", "/ui/state", NULL);
		assert_int_equal(w.status, 200);
		num = json_number(w.json, member);
		web_free(&w);
		if (mono_ms() > until)
			fail_msg("%s: %.0f after all this time", member, num);
	} while (num < least);
}

/* They say nothing: that they are in, the gateway says. */
static void
peers_enter(void)
{
	char *cert = town_path(&town, "peers/nosource.pem");
	char *key = town_path(&town, "peers/nosource.key");
	const struct tls_options o = {.cert = cert, .key = key};

	for (int i = 0; i < num_peers; i++)
		if (!tls_connect(&peers[i], gw.port, &o))
			fail_msg("peer %d: %s", i, peers[i].error);
	await("connections.num", num_peers);
	free(cert);
	free(key);
}

static void
has_rows(const struct web *w, const char *path)
{
	assert_int_equal(cJSON_GetArraySize(json_at(w->json, path)), ROWS);
}

/* As long as they may be, of what is longer as JSON. */
static void
deny_many(void)
{
	char note[2 * 256 + 1] = "";

	for (size_t i = 0; i + 1 < sizeof(note); i += 2)
		memcpy(&note[i], "\\\"", 3);
	for (int i = 0; i < ROWS + 10; i++) {
		char *body = xasprintf(
		    "{\"spkiSha256\":\"%064d\",\"reason\":\"%s\"}", i, note);
		struct web w;

		rest(&gw, &w, "POST", "/denylist", body);
		assert_int_equal(w.status, 201);
		web_free(&w);
		free(body);
	}
}

static void
a_refresh_is_bounded(void **state)
{
	struct web w;
	char *path;

	(void)state;
	peers_enter();
	await("sources.num", num_sources);
	rest(&gw, &w, "GET", "/ui/state", NULL);
	assert_int_equal(w.status, 200);
	assert_true(json_number(w.json, "sources.num") >= num_sources);
	assert_true(json_number(w.json, "connections.num") == num_peers);
	assert_true(json_number(w.json, "connections.notGood") == num_peers);
	assert_true(json_number(w.json, "decisions.last") >= num_peers);
	has_rows(&w, "sources.rows");
	has_rows(&w, "connections.rows");
	has_rows(&w, "decisions.rows");
	assert_true(w.len < BYTES_MAX);
	path = xasprintf(
	    "/ui/state?after=%.0f", json_number(w.json, "decisions.last"));
	web_free(&w);

	/* What was seen is not told again. */
	rest(&gw, &w, "GET", path, NULL);
	assert_int_equal(w.status, 200);
	assert_int_equal(
	    cJSON_GetArraySize(json_at(w.json, "decisions.rows")), 0);
	has_rows(&w, "sources.rows");
	assert_true(w.len < BYTES_MAX);
	web_free(&w);
	free(path);

	/* Each list gives way, and none disappears. */
	deny_many();
	rest(&gw, &w, "GET", "/ui/state", NULL);
	assert_true(w.len < BYTES_MAX);
	assert_true(json_number(w.json, "denylist.num") == ROWS + 10);
	assert_true(
	    cJSON_GetArraySize(json_at(w.json, "denylist.rows")) < ROWS);
	assert_non_null(json_at(w.json, "denylist.rows.5"));
	assert_non_null(json_at(w.json, "sources.rows.20"));
	assert_non_null(json_at(w.json, "connections.rows.20"));
	assert_non_null(json_at(w.json, "decisions.rows.20"));
	web_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_refresh_is_bounded, setup, teardown),
	};

	scene_many_files(4000);
	return cmocka_run_group_tests_name(
	    "page bounds", tests, scene_setup, scene_teardown);
}
