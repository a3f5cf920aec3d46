/* process_stats: see the header; proc(5). */
#include "gateway/process/process_stats.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Fields of /proc/self/stat behind the name, which may hold anything. */
enum {
	FIELD_THREADS = 18 - 1,
	FIELD_START = 20 - 1,
	FIELD_VIRTUAL,
	FIELD_RESIDENT,
	NUM_FIELDS
};

/* The first line of a file; empty when it cannot be read. */
static void
read_line(char *out, int size, const char *path)
{
	FILE *f = fopen(path, "re");

	if (f == NULL || fgets(out, size, f) == NULL)
		out[0] = '\0';
	if (f != NULL)
		fclose(f);
}

static void
read_stat(struct process_stats *out)
{
	unsigned long long v[NUM_FIELDS] = {0};
	struct timespec wall, up;
	char line[1024], *save = NULL, *at, *word;
	double age;

	read_line(line, sizeof(line), "/proc/self/stat");
	at = strrchr(line, ')');
	if (at == NULL)
		return;
	word = strtok_r(at + 1, " ", &save);
	for (int i = 0; i < NUM_FIELDS && word != NULL; i++) {
		sscanf(word, "%llu", &v[i]);
		word = strtok_r(NULL, " ", &save);
	}
	out->threads = v[FIELD_THREADS];
	out->virtual_bytes = v[FIELD_VIRTUAL];
	out->resident_bytes =
	    v[FIELD_RESIDENT] * (unsigned long long)sysconf(_SC_PAGESIZE);
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &up);
	age = (double)up.tv_sec + (double)up.tv_nsec / 1e9 -
	    (double)v[FIELD_START] / (double)sysconf(_SC_CLK_TCK);
	out->started_at =
	    (double)wall.tv_sec + (double)wall.tv_nsec / 1e9 - age;
}

static uint64_t
count_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *e;
	uint64_t num = 0;

	if (dir == NULL)
		return 0;
	while ((e = readdir(dir)) != NULL)
		num += e->d_name[0] != '.';
	closedir(dir);
	return num > 0 ? num - 1 : 0; /* that of the directory */
}

void
process_stats_get(struct process_stats *out)
{
	struct timespec cpu = {0};
	struct rlimit rl;

	*out = (struct process_stats){.cpu_sec = 0};
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	out->cpu_sec = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
	read_stat(out);
	out->open_fds = count_open();
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0)
		out->max_fds = rl.rlim_cur;
}
