/*
 * A crowd of peers comes and goes; the memory that it took comes back, and what
 * was decided about it is told as before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/scene.h"

#define CROWD 600

static struct tls crowd[CROWD];

static size_t
resident(void)
{
	return pid_rss_bytes(gw.proc.pid);
}

/* All decisions, with their evidence, as text. */
static char *
decisions(void)
{
	struct web w;
	char *text;

	rest(&gw, &w, "GET", "/decisions", NULL);
	assert_int_equal(w.status, 200);
	assert_true(cJSON_GetArraySize(w.json) > CROWD);
	assert_non_null(json_text(w.json, "0.report.certificates.0.subject"));
	assert_non_null(json_text(w.json, "400.leaf.serial"));
	text = xasprintf("%s", w.body);
	web_free(&w);
	return text;
}

static void
await_pages(size_t before, size_t most)
{
	size_t now = 0;

	for (int i = 0; i < WAIT_MS / 10; i++) {
		now = resident();
		if (now < before + (most - before) / 3)
			return;
		usleep(10000);
	}
	fail_msg(
	    "%zu bytes before, %zu with a crowd, %zu after", before, most, now);
}

static void
memory_comes_back(void **state)
{
	const char *build = getenv("BUILD");
	char *told, *then;
	size_t before, most;

	(void)state;
	/* The sanitizers' own allocators keep what they have. */
	if (build == NULL || strstr(build, "/debug") == NULL ||
	    !scene_many_files(2 * CROWD))
		skip();
	scene_prepare();
	gateway_set(&gw, "limits.max_per_address", "0");
	gateway_set(&gw, "workers", "1");
	gateway_start(&gw);
	tls_try(&town, "revoked", gw.port, 0);
	for (int i = 0; i < 20; i++) {
		tls_enter(&crowd[0], &town, "good", gw.port, 0);
		tls_free(&crowd[0]);
	}
	before = resident();
	for (int i = 0; i < CROWD; i++)
		tls_enter(&crowd[i], &town, "good", gw.port, 0);
	most = resident();
	assert_true(most > before + CROWD * 8000);
	told = decisions();
	for (int i = 0; i < CROWD; i++)
		tls_free(&crowd[i]);
	await_pages(before, most);
	then = decisions();
	assert_string_equal(then, told);
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	tls_enter(&crowd[0], &town, "good", gw.port, 0);
	tls_free(&crowd[0]);
	free(told);
	free(then);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(memory_comes_back),
	};

	return cmocka_run_group_tests_name(
	    "crowd", tests, scene_setup, scene_teardown);
}
