/*
 * tls_figures: figures of interleaved runs and how they are printed: a median
 * with the smallest and the largest run, and its ratio to the first column's.
 */
#ifndef TESTS_BENCH_TLS_FIGURES_H
#define TESTS_BENCH_TLS_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#define MAX_RUNS 32

/* Whether a variable of the environment names it, among others by commas or
 * spaces; one that is not set names them all. */
bool row_wanted(const char *variable, const char *row);

struct column {
	const char *name;
	double run[MAX_RUNS];
	int num;
	double goal; /* at most so many times the first column's; 0: none */
};

/* Runs beyond MAX_RUNS are not kept. */
void column_add(struct column *c, double figure);
void columns_print(
    const char *title, const char *unit, const struct column *c, size_t num);

/*
 * How that column compares to the best of the others, the goal
 * beside it: at most, or at least so many times theirs where more is better.
 */
enum column_better {
	COLUMN_LESS,
	COLUMN_MORE
};
void columns_print_best(const struct column *c, size_t num, const char *who,
    enum column_better better, double goal);

/* Many figures of one run. Owned by who measures; zeroed is empty. */
struct sample {
	double *v;
	size_t num, cap;
};

void sample_add(struct sample *s, double figure);
/* Sorts; the figure that `percent` of them do not exceed. 0 when empty. */
double sample_at(struct sample *s, double percent);
void sample_free(struct sample *s);

double now_sec(void);

#endif
