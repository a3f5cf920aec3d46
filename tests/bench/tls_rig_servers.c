/*
 * tls_rig_servers: the servers to compare: their configurations, their
 * processes, and what these have spent.
 */
#include "tests/bench/tls_rig_parts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVER_CORE 0

static int
free_port(void)
{
	int port = 0, fd = rig_listen(&port);

	close(fd);
	return port;
}

static const struct rig_kind *
kind_of(const char *name)
{
	for (const struct rig_kind *k = rig_kinds; k->name != NULL; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

static const char *
program_of(const struct rig *r, const struct rig_kind *k)
{
	if (strcmp(k->program, RIG_SELF) == 0)
		return r->self;
	if (strcmp(k->program, RIG_GATEWAY) == 0)
		return getenv("BENCH_GATEWAY");
	return k->program;
}

static void __attribute__((noreturn))
exec_server(struct rig *r, const struct rig_kind *k, const struct rig_want *w,
    const char *path, const char *log)
{
	const char *program = program_of(r, k);
	const char *argv[12] = {NULL};
	char arg[400];
	int n = 0, fd;

	for (int i = 0; w->wrap != NULL && i < 4 && w->wrap[i] != NULL; i++)
		argv[n++] = w->wrap[i];
	argv[n++] = program;
	for (int i = 0; i < 4 && k->args[i] != NULL; i++) {
		const char *percent = strchr(k->args[i], '%');

		argv[n++] = k->args[i];
		if (percent == NULL)
			continue;
		snprintf(arg, sizeof(arg), "%.*s%s",
		    (int)(percent - k->args[i]), k->args[i], path);
		argv[n - 1] = arg;
	}
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd >= 0) {
		dup2(fd, 1);
		dup2(fd, 2);
	}
	if (chdir(r->dir) == 0 && program != NULL)
		execv(argv[0], (char **)(void *)argv);
	_exit(127);
}

static void
show_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[512];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		fputs(line, stderr);
	if (f != NULL)
		fclose(f);
}

/* Until it accepts; false when it has ended, or takes half a minute. */
static bool
await_server(struct rig_server *s)
{
	for (int i = 0; i < 3000; i++) {
		int fd = rig_dial(s->port);

		if (fd >= 0) {
			close(fd);
			return true;
		}
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid) {
			s->pid = 0;
			return false;
		}
		usleep(10000);
	}
	return false;
}

bool
rig_start(struct rig *r, struct rig_server *s, const char *name,
    const struct rig_want *w)
{
	const struct rig_kind *k = kind_of(name);
	char path[300];
	FILE *f;

	memset(s, 0, sizeof(*s));
	s->name = name;
	if (k == NULL || program_of(r, k) == NULL ||
	    access(program_of(r, k), X_OK) != 0) {
		fprintf(stderr, "bench: %s is not installed\n", name);
		return false;
	}
	s->port = free_port();
	r->num_started++;
	snprintf(
	    path, sizeof(path), "%s/%u-%s.conf", r->dir, r->num_started, name);
	snprintf(s->log, sizeof(s->log), "%s/%u-%s.log", r->dir, r->num_started,
	    name);
	f = fopen(path, "w");
	if (f == NULL)
		rig_give_up("cannot write '%s'", path);
	k->write(r, f, s, w);
	fclose(f);
	s->pid = rig_fork(w->both_cores ? RIG_BOTH_CORES : SERVER_CORE);
	if (s->pid == 0)
		exec_server(r, k, w, path, s->log);
	if (await_server(s))
		return true;
	fprintf(stderr, "bench: %s did not start; it says:\n", name);
	show_file(s->log);
	rig_stop(s);
	return false;
}

/* ---- processes */

/* The process, and those that it made. */
static size_t
family(pid_t pid, pid_t *out, size_t max)
{
	char path[64], text[512];
	size_t n = 0;
	FILE *f;

	out[n++] = pid;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "r");
	if (f == NULL)
		return n;
	if (fgets(text, sizeof(text), f) != NULL) {
		char *save = NULL, *word = strtok_r(text, " \n", &save);

		for (; word != NULL && n < max;
		     word = strtok_r(NULL, " \n", &save))
			out[n++] = atoi(word);
	}
	fclose(f);
	return n;
}

uint64_t
rig_cpu_ns(const struct rig_server *s)
{
	pid_t pids[16];
	size_t n = family(s->pid, pids, 16);
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		struct timespec ts;
		clockid_t clock;

		/* Threads that have ended count, too. */
		if (clock_getcpuclockid(pids[i], &clock) == 0 &&
		    clock_gettime(clock, &ts) == 0)
			sum += (uint64_t)ts.tv_sec * 1000000000u +
			    (uint64_t)ts.tv_nsec;
	}
	return sum;
}

size_t
rig_rss(const struct rig_server *s)
{
	pid_t pids[16];
	size_t n = family(s->pid, pids, 16), sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned long size, resident;
		char path[64];
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/statm", pids[i]);
		f = fopen(path, "r");
		if (f == NULL)
			continue;
		if (fscanf(f, "%lu %lu", &size, &resident) == 2)
			sum += resident * (size_t)sysconf(_SC_PAGESIZE);
		fclose(f);
	}
	return sum;
}

void
rig_stop(struct rig_server *s)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGTERM);
	for (int i = 0; i < 2000; i++) {
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid) {
			s->pid = 0;
			return;
		}
		usleep(10000);
	}
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
}
