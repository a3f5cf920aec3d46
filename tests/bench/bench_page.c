/*
 * bench_page: what a refresh of the status page costs a large gateway: sources,
 * peers inside, decisions. CPU of the gateway's own, of all its threads; that
 * of the login and the TLS connection of the request is told apart, which a
 * browser pays once and this client each time.
 *
 *	bench_page [SOURCES [PEERS]]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/issuer.h"
#include "tests/lib/scene.h"

#define REFRESHES 20
/* A process of the test holds so many of the peers. */
#define PEERS_EACH 8000
#define MAX_CROWDS 16
/* For the gateway's own. */
#define OTHER_FILES 300

static int num_sources = 10000, num_peers = 20000;
static pid_t crowds[MAX_CROWDS];
static int num_crowds;

/* As the process of a crowd: they shake hands, stay, and say nothing. */
static void
be_crowd(int num, int ready)
{
	char *cert = town_path(&town, "peers/nosource.pem");
	char *key = town_path(&town, "peers/nosource.key");
	const struct tls_options o = {.cert = cert, .key = key};

	for (int i = 0; i < num; i++) {
		struct tls t;

		/* The socket is all that is kept here. */
		if (!tls_connect(&t, gw.port, &o) || dup(t.fd) < 0)
			_exit(1);
		tls_free(&t);
	}
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void
gather(int num)
{
	int fds[2];
	pid_t pid;
	char c;

	assert_true(num_crowds < MAX_CROWDS);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		be_crowd(num, fds[1]);
	}
	crowds[num_crowds++] = pid;
	close(fds[1]);
	if (read(fds[0], &c, 1) != 1)
		fail_msg("only some of %d peers came in", num);
	close(fds[0]);
}

static int
disperse(void **state)
{
	for (int i = 0; i < num_crowds; i++) {
		kill(crowds[i], SIGKILL);
		(void)waitpid(crowds[i], NULL, 0);
	}
	num_crowds = 0;
	return scene_end(state);
}

static int
setup(void **state)
{
	(void)state;
	scene_prepare();
	issuer_write_links("crls", num_sources);
	gateway_as_stranger(&gw, &town);
	gateway_set(&gw, "rest.users", REST_CHEAP_USERS);
	gateway_set(&gw, "revocation.crl_paths", "[\"crls\"]");
	/* Who sends no request takes no connection of the node's. */
	gateway_set(&gw, "http", "{}");
	gateway_set(&gw, "limits.max_connections", "100000");
	gateway_set(&gw, "limits.max_per_address", "0");
	gateway_start(&gw);
	return 0;
}

static void
await(const char *member, double least)
{
	double num;

	do {
		struct web w;

		rest(&gw, &w, "GET", "/ui/state", NULL);
		num = json_number(w.json, member);
		web_free(&w);
	} while (num < least);
}

/* Milliseconds of CPU a request; the bytes of its answer. */
static double
cost(const char *path, size_t *len)
{
	double before = gateway_cpu_ms(&gw);

	for (int i = 0; i < REFRESHES; i++) {
		struct web w;

		rest(&gw, &w, "GET", path, NULL);
		assert_int_equal(w.status, 200);
		*len = w.len;
		web_free(&w);
	}
	return (gateway_cpu_ms(&gw) - before) / REFRESHES;
}

static void
report(int peers)
{
	size_t len, nothing;
	double login = cost("/ui/icon.svg", &nothing);
	double all = cost("/ui/state", &len);

	printf("%6d sources, %6d peers: %6.2f ms a refresh, and %.2f ms for "
	       "its login and TLS; %zu bytes\n",
	    num_sources, peers, all - login, login, len);
	fflush(stdout);
}

static void
run(void **state)
{
	int done = 0;

	(void)state;
	await("sources.num", num_sources);
	report(0);
	for (int step = 1000; done < num_peers; step = num_peers) {
		int target = step < num_peers ? step : num_peers;

		while (done < target) {
			int n = target - done;

			n = n < PEERS_EACH ? n : PEERS_EACH;
			gather(n);
			done += n;
		}
		await("connections.num", done);
		report(done);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(run, setup, disperse)};
	struct rlimit rl;

	if (argc > 1)
		num_sources = atoi(argv[1]);
	if (argc > 2)
		num_peers = atoi(argv[2]);
	if (!scene_many_files(PEERS_EACH + OTHER_FILES) ||
	    getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return 1;
	if ((rlim_t)num_peers + OTHER_FILES > rl.rlim_cur) {
		num_peers = (int)rl.rlim_cur - OTHER_FILES;
		printf("no more than %d peers: that many files may be open "
		       "(RLIMIT_NOFILE)\n",
		    num_peers);
	}
	return cmocka_run_group_tests_name(
	    "page", tests, scene_setup, scene_teardown);
}
