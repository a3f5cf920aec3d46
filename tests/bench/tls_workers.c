/*
 * tls_workers: handshakes a second of the gateway with one worker and with
 * two, on both cores, where the clients run, too: whether workers scale. That
 * a handshake costs more CPU with two shows what they share; most of it is the
 * read locks of OpenSSL 3.0's library contexts, 660 a handshake, counted by
 * callgrind.
 */
#include "tests/bench/tls_bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NUM_CLIENTS 4
#define SECONDS     1.0

/* A client process: handshakes of peers seen before, counted, for ever. */
static pid_t
client_start(struct setting *s, int port, volatile unsigned long *num)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rig_pin(RIG_BOTH_CORES);
	for (;; ++*num)
		client_handshake(s, port, 0);
}

static unsigned long
sum_of(const volatile unsigned long *num)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < NUM_CLIENTS; i++)
		sum += num[i];
	return sum;
}

/*
 * Handshakes a second, from when each client has had its first ones, and what
 * each costs: clients take the rest of the same two cores, so how many there
 * are is bounded by both; what they cost shows what workers share.
 */
static double
run_rate(struct setting *s, struct rig_server *srv, volatile unsigned long *num,
    double *cpu_us)
{
	pid_t pids[NUM_CLIENTS];
	unsigned long before;
	uint64_t spent;
	double since;

	for (size_t i = 0; i < NUM_CLIENTS; i++) {
		num[i] = 0;
		pids[i] = client_start(s, srv->port, &num[i]);
		if (pids[i] < 0)
			exit(1);
	}
	for (size_t i = 0; i < NUM_CLIENTS; i++)
		while (num[i] < 10 && waitpid(pids[i], NULL, WNOHANG) == 0)
			usleep(1000);
	before = sum_of(num);
	spent = rig_cpu_ns(srv);
	since = now_sec();
	usleep((useconds_t)(SECONDS * 1e6));
	before = sum_of(num) - before;
	since = now_sec() - since;
	spent = rig_cpu_ns(srv) - spent;
	for (size_t i = 0; i < NUM_CLIENTS; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	*cpu_us = (double)spent / 1e3 / (double)before;
	return (double)before / since;
}

void
bench_workers(struct setting *s)
{
	static const char *const names[] = {"one worker", "two workers"};
	volatile unsigned long *num = mmap(NULL, sizeof(*num) * NUM_CLIENTS,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct rig_server srv[2] = {0};
	struct column c[2] = {0}, cpu[2] = {0};

	if (num == MAP_FAILED)
		exit(1);
	for (int i = 0; i < 2; i++) {
		const struct rig_want want = {.tls_version = s->version,
		    .workers = i + 1,
		    .both_cores = true};

		c[i].name = cpu[i].name = names[i];
		if (!rig_start(&s->rig, &srv[i], "gateway", &want))
			exit(1);
		client_prove_echo(s, srv[i].port);
	}
	for (int r = 0; r < s->runs; r++)
		for (int i = 0; i < 2; i++) {
			double us;

			column_add(&c[i], run_rate(s, &srv[i], num, &us));
			column_add(&cpu[i], us);
		}
	for (int i = 0; i < 2; i++)
		rig_stop(&srv[i]);
	munmap((void *)(uintptr_t)num, sizeof(*num) * NUM_CLIENTS);
	columns_print("the gateway on two cores, four clients on the same ones",
	    "handshakes a second", c, 2);
	columns_print("  each of them", "us CPU", cpu, 2);
}
