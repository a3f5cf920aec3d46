/* cost_count: see cost.h. */
#include "tests/bench/cost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define VALGRIND   "/usr/bin/valgrind"
#define STRACE_OUT "strace.out"

const char *const cost_strace[] = {
    "/usr/bin/strace", "-f", "-I2", "-o" STRACE_OUT, NULL};

static void
give_up(const char *what, const char *log)
{
	fprintf(stderr, "bench: %s in '%s'\n", what, log);
	exit(2);
}

double
cost_collected(const char *log)
{
	FILE *f = fopen(log, "r");
	char line[512], *at;
	double n = 0;

	/* "==123== Collected : 456" */
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		at = strstr(line, "Collected : ");
		if (at != NULL)
			n = strtod(at + strlen("Collected : "), NULL);
	}
	if (f != NULL)
		fclose(f);
	if (n == 0)
		give_up("callgrind counted nothing", log);
	return n;
}

static int
by_value(const void *a, const void *b)
{
	const unsigned *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* A line of strace -f: its thread, and the call; NULL: none begins here. */
static const char *
call_of(const char *line, long *tid)
{
	char *call;

	*tid = strtol(line, &call, 10);
	call += strspn(call, " ");
	/* The end of a call that another interrupted; a signal; an exit. */
	return strchr("<+-", *call) != NULL ? NULL : call;
}

static bool
is_accept(const char *call)
{
	return strncmp(call, "accept", 6) == 0 && strstr(call, " = -1") == NULL;
}

/* The thread that accepts, or 0. */
static long
accepting(FILE *f)
{
	char line[512];
	long tid;

	while (fgets(line, sizeof(line), f) != NULL) {
		const char *call = call_of(line, &tid);

		if (call != NULL && is_accept(call))
			return tid;
	}
	return 0;
}

double
cost_calls(const char *dir, double *each)
{
	static unsigned v[4096];
	size_t num = 0, all = 0;
	char log[300], line[512];
	long who, tid;
	FILE *f;

	snprintf(log, sizeof(log), "%s/" STRACE_OUT, dir);
	f = fopen(log, "r");
	who = f == NULL ? 0 : accepting(f);

	if (who == 0)
		give_up("strace saw no connection", log);
	rewind(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *call = call_of(line, &tid);

		if (call == NULL || tid != who)
			continue;
		all++;
		if (is_accept(call) && num < sizeof(v) / sizeof(*v))
			v[num++] = 0;
		if (num > 0)
			v[num - 1]++;
	}
	fclose(f);
	qsort(v, num, sizeof(*v), by_value);
	num /= 2;
	*each = v[num];
	return (double)all;
}

static double
run_loop(const char *name, size_t num)
{
	char self[300] = "", text[24], log[] = "/tmp/bench_cost.XXXXXX";
	int fd = mkstemp(log), status = 0;
	double n;
	pid_t pid;

	if (fd < 0 || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		give_up("cannot count", log);
	snprintf(text, sizeof(text), "%zu", num);
	pid = fork();
	if (pid == 0) {
		dup2(fd, 1);
		dup2(fd, 2);
		execl(VALGRIND, VALGRIND, "--tool=callgrind",
		    "--callgrind-out-file=/dev/null", self, "--loop", name,
		    text, (char *)NULL);
		_exit(127);
	}
	close(fd);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		give_up("the loop failed", log);
	n = cost_collected(log);
	unlink(log);
	return n;
}

double
cost_loop(const char *name, size_t num)
{
	double base = run_loop(name, num);

	return (run_loop(name, 2 * num) - base) / (double)num;
}
