/*
 * The REST server while others want all of it: descriptors, connections,
 * memory, logins. Whoever asks properly is answered.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>

#include "tests/lib/scene.h"

static long
health(void)
{
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1/healthz", gw.rest_port);
	struct web w;
	long status;

	web_request(&w, "GET", url, NULL, NULL, NULL);
	status = w.status;
	web_free(&w);
	free(url);
	return status;
}

static void
limit_files(rlim_t num)
{
	struct rlimit rl = {.rlim_cur = num, .rlim_max = num};

	assert_int_equal(prlimit(gw.proc.pid, RLIMIT_NOFILE, &rl, NULL), 0);
}

static void
hang_up(const int *fds, size_t num)
{
	for (size_t i = 0; i < num; i++)
		close(fds[i]);
}

static void
dial_many(int *fds, size_t num, int port)
{
	for (size_t i = 0; i < num; i++)
		fds[i] = tcp_dial(port);
}

/* Peers have taken what they may: REST has some left, and so it stays. */
static void
peers_leave_descriptors_for_rest(void **state)
{
	size_t few;
	int fds[100];
	struct tls t;

	scene_prepare();
	gateway_set(&gw, "limits.max_per_address", "0");
	gateway_start(&gw);
	few = pid_num_fds(gw.proc.pid) + 60;
	limit_files(few);
	dial_many(fds, 100, gw.port);
	gateway_must_say(&gw, "Too many open files, waiting");
	assert_int_equal(health(), 200);
	assert_true(pid_num_fds(gw.proc.pid) < few);
	hang_up(fds, 100);
	scene_await_fds(few - 30);
	tls_enter(&t, &town, "good", gw.port, 0);
	tls_free(&t);
}

/* All are taken by callers of REST: it waits, and goes on. */
static void
rest_outlives_the_last_descriptor(void **state)
{
	int fds[100];
	size_t few;

	scene_prepare();
	gateway_start(&gw);
	few = pid_num_fds(gw.proc.pid) + 20;
	limit_files(few);
	dial_many(fds, 100, gw.rest_port);
	gateway_must_say(&gw, "cannot accept a REST connection");
	hang_up(fds, 100);
	assert_int_equal(health(), 200);
}

static void
too_few_descriptors_are_said_at_the_start(void **state)
{
	scene_prepare();
	gw.shell = xstrdup("ulimit -n 700; exec \"$@\"");
	gateway_set(&gw, "limits.max_connections", "500");
	gateway_start(&gw);
	gateway_must_say(&gw, "700 files may be open");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(peers_leave_descriptors_for_rest),
	    SCENE(rest_outlives_the_last_descriptor),
	    SCENE(too_few_descriptors_are_said_at_the_start),
	};

	return cmocka_run_group_tests_name(
	    "REST under pressure", tests, scene_setup, scene_teardown);
}
