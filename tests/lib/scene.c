/*
 * scene: see scene.h.
 */
#include "tests/lib/scene.h"

#include <stdlib.h>

struct town town;
struct gateway gw;

int
scene_setup(void **state)
{
	(void)state;
	town_start(&town, "net", NULL);
	return 0;
}

int
scene_teardown(void **state)
{
	(void)state;
	gateway_free(&gw);
	town_stop(&town);
	return 0;
}

void
scene_up_args(const char *const *settings)
{
	town_start(&town, "net", NULL);
	gateway_prepare(&gw, "gateway", &town);
	for (; settings[0] != NULL; settings += 2)
		gateway_set(&gw, settings[0], settings[1]);
	gateway_start(&gw);
}

int
scene_up_plain(void **state)
{
	(void)state;
	scene_up_args((const char *const[]){NULL});
	return 0;
}

int
scene_end(void **state)
{
	(void)state;
	gateway_free(&gw);
	return 0;
}

void
scene_prepare(void)
{
	static int num;
	char *name = xasprintf("gateway%d", ++num);

	gateway_prepare(&gw, name, &town);
	free(name);
}

void
scene_await_fds(size_t most)
{
	for (int i = 0; i < 2000; i++) {
		if (pid_num_fds(gw.proc.pid) <= most)
			return;
		assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	}
	fail_msg("%zu descriptors open, %zu expected", pid_num_fds(gw.proc.pid),
	    most);
}

bool
scene_many_files(rlim_t least)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0 || rl.rlim_max < least)
		return false;
	rl.rlim_cur = rl.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &rl) == 0;
}
