/* A crowd of peers comes and goes; the memory that it took comes back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>

#include "tests/lib/scene.h"

#define CROWD 400

static struct tls crowd[CROWD];

static size_t
resident(void)
{
	char *path = xasprintf("/proc/%d/statm", (int)gw.proc.pid);
	unsigned long size = 0, pages = 0;
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &pages), 2);
	fclose(f);
	free(path);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void
allow_files(void)
{
	struct rlimit rl;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = rl.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	if (rl.rlim_max < 2 * CROWD)
		skip();
}

static void
memory_comes_back(void **state)
{
	const char *build = getenv("BUILD");
	size_t before, most, now = 0;

	(void)state;
	/* The sanitizers' own allocators keep what they have. */
	if (build == NULL || strstr(build, "/debug") == NULL)
		skip();
	allow_files();
	scene_prepare();
	gateway_set(&gw, "limits.max_per_address", "0");
	gateway_set(&gw, "workers", "1");
	/* What is kept of each who came. */
	gateway_set(&gw, "rest.max_decisions", "10");
	gateway_start(&gw);
	for (int i = 0; i < 20; i++) {
		tls_enter(&crowd[0], &town, "good", gw.port, 0);
		tls_free(&crowd[0]);
	}
	before = resident();
	for (int i = 0; i < CROWD; i++)
		tls_enter(&crowd[i], &town, "good", gw.port, 0);
	most = resident();
	assert_true(most > before + CROWD * 8000);
	for (int i = 0; i < CROWD; i++)
		tls_free(&crowd[i]);
	for (int i = 0; i < WAIT_MS / 10; i++) {
		now = resident();
		if (now < before + (most - before) / 4)
			return;
		usleep(10000);
	}
	fail_msg(
	    "%zu bytes before, %zu with a crowd, %zu after", before, most, now);
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
