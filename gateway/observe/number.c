/* number: see the header. */
#include "gateway/observe/number.h"

#include <string.h>

static double
number_get(const struct number *n, const void *from)
{
	const char *at = (const char *)from + n->offset;

	switch (n->kind) {
	case NUMBER_U64:
		return (double)*(const uint64_t *)(const void *)at;
	case NUMBER_UNSIGNED:
		return *(const unsigned *)(const void *)at;
	case NUMBER_DOUBLE:
		return *(const double *)(const void *)at;
	case NUMBER_BOOL:
		return *(const bool *)(const void *)at;
	}
	return 0;
}

void
number_put_all(struct prometheus *t, const struct number *table, size_t num,
    const void *from)
{
	const char *last = "";

	for (size_t i = 0; i < num; i++) {
		const struct number *n = &table[i];
		double v = number_get(n, from);

		if (n->metric == NULL)
			continue;
		if (strcmp(n->metric, last) != 0)
			prometheus_head(t, n->metric,
			    n->type == NUMBER_GAUGE ? "gauge" : "counter",
			    n->help != NULL ? n->help : n->words);
		last = n->metric;
		if (n->label != NULL)
			prometheus_put(
			    t, "%s{%s} %.15g\n", n->metric, n->label, v);
		else
			prometheus_put(t, "%s %.15g\n", n->metric, v);
	}
}

void
number_add_all(
    cJSON *o, const struct number *table, size_t num, const void *from)
{
	for (size_t i = 0; i < num; i++) {
		const struct number *n = &table[i];

		if (n->json == NULL)
			continue;
		if (n->kind == NUMBER_BOOL)
			cJSON_AddBoolToObject(
			    o, n->json, number_get(n, from) != 0);
		else
			cJSON_AddNumberToObject(
			    o, n->json, number_get(n, from));
	}
}
