/*
 * Each TCP connection of the gateway asks the other side whether it is there
 * still: the kernel's own table says that its timer runs, and for how long.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/scene.h"

#define TIMER_KEEPALIVE 2
#define ESTABLISHED     1

/*
 * How many established connections have this port at our (gateway's) end, or
 * at the other; in *running, of how many the keepalive rings within most_sec.
 */
static int
connections(int local_port, int remote_port, long most_sec, int *running)
{
	FILE *f = fopen("/proc/net/tcp", "re");
	long hz = sysconf(_SC_CLK_TCK);
	char line[256];
	int num = 0;

	assert_non_null(f);
	*running = 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned local, remote, state, timer;
		unsigned long when;

		if (sscanf(line, " %*d: %*x:%x %*x:%x %x %*x:%*x %x:%lx",
			&local, &remote, &state, &timer, &when) != 5 ||
		    state != ESTABLISHED ||
		    (local_port != 0 && (int)local != local_port) ||
		    (remote_port != 0 && (int)remote != remote_port))
			continue;
		num++;
		if (timer == TIMER_KEEPALIVE && (long)when <= most_sec * hz)
			(*running)++;
	}
	fclose(f);
	return num;
}

/* Until nothing is in flight any more: then no other timer is in the way. */
static void
must_run(int local_port, int remote_port, long sec, int want)
{
	int running = -1;

	for (int i = 0; i < WAIT_MS / 10; i++) {
		assert_true(
		    connections(local_port, remote_port, sec, &running) > 0);
		if (running >= want && (want > 0 || running == 0))
			return;
		usleep(10000);
	}
	fail_msg("%d:%d: %d have the timer", local_port, remote_port, running);
}

static void
with_peers_the_node_and_operators(void **state)
{
	struct tls t;
	int fd;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "limits.keepalive_ms", "7000");
	gateway_start(&gw);
	tls_enter(&t, &town, "good", gw.port, 0);
	must_run(gw.port, 0, 7, 1);
	must_run(0, town.node.port, 7, 1);
	assert_int_equal(tls_echo(&t), 1);
	tls_free(&t);
	fd = tcp_dial(gw.rest_port);
	must_run(gw.rest_port, 0, 7, 1);
	close(fd);
}

static void
by_default_within_a_minute(void **state)
{
	struct tls t;

	(void)state;
	scene_prepare();
	gateway_start(&gw);
	tls_enter(&t, &town, "good", gw.port, 0);
	must_run(gw.port, 0, 60, 1);
	must_run(0, town.node.port, 60, 1);
	tls_free(&t);
}

static void
not_where_it_is_off(void **state)
{
	struct tls t;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "limits.keepalive_ms", "0");
	gateway_start(&gw);
	tls_enter(&t, &town, "good", gw.port, 0);
	must_run(gw.port, 0, 1000000, 0);
	tls_free(&t);
}

/* Whoever comes after a change has what was changed; who is in stays as is. */
static void
as_it_is_when_one_comes(void **state)
{
	struct tls was, is;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "limits.keepalive_ms", "7000");
	gateway_start(&gw);
	tls_enter(&was, &town, "good", gw.port, 0);
	must_run(gw.port, 0, 7, 1);
	gateway_set(&gw, "limits.keepalive_ms", "90000");
	gateway_write(&gw);
	proc_signal(&gw.proc, SIGHUP);
	gateway_must_say_next(&gw, "reloaded the configuration");
	tls_enter(&is, &town, "good", gw.port, 0);
	must_run(gw.port, 0, 7, 1);
	must_run(gw.port, 0, 90, 2);
	assert_int_equal(tls_echo(&was), 1);
	assert_int_equal(tls_echo(&is), 1);
	tls_free(&was);
	tls_free(&is);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(with_peers_the_node_and_operators),
	    SCENE(by_default_within_a_minute),
	    SCENE(not_where_it_is_off),
	    SCENE(as_it_is_when_one_comes),
	};

	return cmocka_run_group_tests_name(
	    "keepalive", tests, scene_setup, scene_teardown);
}
