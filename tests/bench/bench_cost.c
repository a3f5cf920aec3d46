/*
 * bench_cost: exact figures, each held against the one that is stored in
 * tests/bench/cost.txt: more than BAND above it is a change that costs, and
 * fails. COST_STORE=1 writes the table anew; COST_ONLY chooses rows.
 *
 * Which instructions run depends on what the CPU can do; OpenSSL and the C
 * library are told to do without what came after SSE 4.2 and AES-NI.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/cost.h"
#include "tests/bench/tls_figures.h"
#include "tests/bench/tls_rig.h"

#define BAND 0.02
/*
 * OPENSSL_ia32cap(3): the usual of x86-64 with SSE 4.2, AES-NI and PCLMUL; no
 * AVX, nothing of leaf 7.
 */
#define PLAIN_CPU  "0x029822031789fbff:0"
#define PLAIN_LIBC "glibc.cpu.hwcaps=-AVX_Usable,-AVX2_Usable,-AVX2,-AVX,-ERMS"

#define MAX_ROWS 64

struct cost {
	struct {
		char name[64];
		double figure;
		bool seen;
	} row[MAX_ROWS];
	size_t num;
	int num_more;
};

static const struct {
	const char *name;
	void (*run)(struct cost *c, const char *fixtures);
} rows[] = {
    {"handshakes", cost_handshakes},
    {"relay", cost_relay},
    {"check", cost_check},
    {"session", cost_session},
    {"crl", cost_crl},
};

static const struct {
	const char *name;
	cost_loop_fn *run;
} loops[] = {
    {"check-cached", cost_check_loop},
    {"session-again", cost_session_again_loop},
    {"session-new", cost_session_new_loop},
    {"crl-hash", cost_crl_hash_loop},
    {"crl-taken", cost_crl_taken_loop},
    {"crl-pieces", cost_crl_pieces_loop},
};

#define NUM(a) (sizeof(a) / sizeof(*(a)))

static size_t
row_of(struct cost *c, const char *name)
{
	size_t i = 0;

	while (i < c->num && strcmp(c->row[i].name, name) != 0)
		i++;
	if (i == MAX_ROWS)
		abort();
	if (i == c->num) {
		snprintf(c->row[i].name, sizeof(c->row[i].name), "%.63s", name);
		c->num++;
	}
	return i;
}

void
cost_figure(struct cost *c, const char *name, double figure)
{
	size_t i = row_of(c, name);
	double stored = c->row[i].figure;
	double more = stored > 0 ? figure / stored - 1 : 0;

	printf("  %-36s %12.2f", name, figure);
	if (stored <= 0)
		printf("  not stored");
	else
		printf("  stored %12.2f  %+.1f %%%s", stored, more * 100,
		    more > BAND        ? "  COSTS MORE"
			: more < -BAND ? "  less: store it"
				       : "");
	putchar('\n');
	fflush(stdout);
	c->num_more += stored <= 0 || more > BAND;
	c->row[i].figure = figure;
	c->row[i].seen = true;
}

static void
read_table(struct cost *c, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[200], name[64];
	double figure;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (*line != '#' &&
		    sscanf(line, "%63s %lf", name, &figure) == 2)
			c->row[row_of(c, name)].figure = figure;
	if (f != NULL)
		fclose(f);
}

static int
write_table(const struct cost *c, const char *path)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		return 2;
	fputs("# Written by `make check-cost COST_STORE=1`. On "
	      "Debian 12 with OpenSSL 3.0.19.\n",
	    f);
	for (size_t i = 0; i < c->num; i++)
		fprintf(f, "%-36s %.2f\n", c->row[i].name, c->row[i].figure);
	return fclose(f) == 0 ? 0 : 2;
}

/* In a folder of its own, which goes. */
static int
run_loop(const char *name, size_t n)
{
	char dir[] = "/tmp/bench_cost.XXXXXX", command[64];

	for (size_t i = 0; i < NUM(loops); i++) {
		if (strcmp(loops[i].name, name) != 0)
			continue;
		if (mkdtemp(dir) == NULL || chdir(dir) != 0)
			return 2;
		loops[i].run(n);
		snprintf(command, sizeof(command), "rm -rf '%s'", dir);
		return system(command) == 0 ? 0 : 2;
	}
	return 2;
}

int
main(int argc, char **argv)
{
	static struct cost c;

	if (argc == 3 && strcmp(argv[1], "--bare") == 0)
		rig_bare_main(argv[2]);
	if (argc == 4 && strcmp(argv[1], "--loop") == 0)
		return run_loop(argv[2], strtoul(argv[3], NULL, 10));
	if (argc != 3) {
		fprintf(stderr, "usage: bench_cost FIXTURES-DIRECTORY TABLE\n");
		return 2;
	}
	setenv("OPENSSL_ia32cap", PLAIN_CPU, 1);
	setenv("GLIBC_TUNABLES", PLAIN_LIBC, 1);
	setenv("FIXTURES", argv[1], 1);
	read_table(&c, argv[2]);
	for (size_t i = 0; i < NUM(rows); i++)
		if (row_wanted("COST_ONLY", rows[i].name))
			rows[i].run(&c, argv[1]);
	if (getenv("COST_STORE") != NULL && *getenv("COST_STORE") != '\0')
		return write_table(&c, argv[2]);
	if (c.num_more > 0)
		printf("check-cost: %d cost more than %.0f %% over what is "
		       "stored, or are not stored\n",
		    c.num_more, BAND * 100);
	return c.num_more > 0;
}
