/* tls_figures: see the header. */
#include "tests/bench/tls_figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double
now_sec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

bool
row_wanted(const char *variable, const char *row)
{
	const char *only = getenv(variable);
	size_t len = strlen(row);

	if (only == NULL || *only == '\0')
		return true;
	for (; *only != '\0'; only += strcspn(only, ", ")) {
		only += strspn(only, ", ");
		if (strncmp(only, row, len) == 0 && strcspn(only, ", ") == len)
			return true;
	}
	return false;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

void
column_add(struct column *c, double figure)
{
	if (c->num < MAX_RUNS)
		c->run[c->num++] = figure;
}

static double
median(const struct column *c)
{
	double v[MAX_RUNS];

	if (c->num == 0)
		return 0;
	memcpy(v, c->run, sizeof(v));
	qsort(v, (size_t)c->num, sizeof(*v), by_value);
	return v[c->num / 2];
}

void
columns_print(
    const char *title, const char *unit, const struct column *c, size_t num)
{
	double base = 0;

	printf("\n%s\n", title);
	for (size_t i = 0; i < num; i++) {
		double min = 1e300, max = 0;

		if (c[i].num == 0)
			continue;
		for (int k = 0; k < c[i].num; k++) {
			min = c[i].run[k] < min ? c[i].run[k] : min;
			max = c[i].run[k] > max ? c[i].run[k] : max;
		}
		if (base == 0)
			base = median(&c[i]);
		printf("  %-22s %10.1f %s  (%.1f .. %.1f)  %.2f x", c[i].name,
		    median(&c[i]), unit, min, max, median(&c[i]) / base);
		if (c[i].goal > 0)
			printf("  goal %.2f", c[i].goal);
		putchar('\n');
	}
	fflush(stdout);
}

void
columns_print_best(const struct column *c, size_t num, const char *who,
    enum column_better better, double goal)
{
	double own = 0, best = 0;

	for (size_t i = 0; i < num; i++) {
		double m = median(&c[i]);

		if (strcmp(c[i].name, who) == 0)
			own = m;
		else if (m > 0 &&
		    (best == 0 ||
			(better == COLUMN_MORE ? m > best : m < best)))
			best = m;
	}
	if (own == 0 || best == 0)
		return;
	printf("  %s against the best other: %.2f x  goal %.2f\n", who,
	    own / best, goal);
	fflush(stdout);
}

void
sample_add(struct sample *s, double figure)
{
	if (s->num == s->cap) {
		s->cap = s->cap * 2 + 1024;
		s->v = realloc(s->v, s->cap * sizeof(*s->v));
		if (s->v == NULL)
			abort();
	}
	s->v[s->num++] = figure;
}

double
sample_at(struct sample *s, double percent)
{
	if (s->num == 0)
		return 0;
	qsort(s->v, s->num, sizeof(*s->v), by_value);
	return s->v[(size_t)((double)(s->num - 1) * percent / 100)];
}

void
sample_free(struct sample *s)
{
	free(s->v);
	*s = (struct sample){0};
}
