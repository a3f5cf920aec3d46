/* histogram: see the header. */
#include "gateway/observe/histogram.h"

#include <stdio.h>

const uint32_t histogram_bounds_us[HISTOGRAM_NUM_BOUNDS] = {1000, 2500, 5000,
    10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
    10000000, 30000000};

/* Its worker alone writes: no read-modify-write is needed. */
static void
raise_by(_Atomic uint64_t *n, uint64_t by)
{
	uint64_t old = atomic_load_explicit(n, memory_order_relaxed);

	atomic_store_explicit(n, old + by, memory_order_relaxed);
}

void
histogram_add(struct histogram *h, uint64_t us)
{
	size_t i = 0;

	while (i < HISTOGRAM_NUM_BOUNDS && us > histogram_bounds_us[i])
		i++;
	raise_by(&h->num[i], 1);
	raise_by(&h->sum_us, us);
}

void
histogram_read(struct histogram_sum *out, const struct histogram *h)
{
	for (size_t i = 0; i <= HISTOGRAM_NUM_BOUNDS; i++)
		out->num[i] +=
		    atomic_load_explicit(&h->num[i], memory_order_relaxed);
	out->sum_us += atomic_load_explicit(&h->sum_us, memory_order_relaxed);
}

void
histogram_put(struct prometheus *t, const struct histogram_lines *l)
{
	const char *comma = l->label[0] != '\0' ? "," : "";
	char braced[128] = "";
	uint64_t sum = 0;

	for (size_t i = 0; i < l->num_bounds; i++) {
		sum += l->num[i];
		prometheus_put(t, "%s_bucket{%s%sle=\"%g\"} %llu\n", l->name,
		    l->label, comma, l->bounds[i], (unsigned long long)sum);
	}
	sum += l->num[l->num_bounds];
	prometheus_put(t, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", l->name,
	    l->label, comma, (unsigned long long)sum);
	if (l->label[0] != '\0')
		snprintf(braced, sizeof(braced), "{%s}", l->label);
	prometheus_put(t, "%s_sum%s %.9g\n%s_count%s %llu\n", l->name, braced,
	    l->sum_sec, l->name, braced, (unsigned long long)sum);
}

void
histogram_put_sum(struct prometheus *t, const char *name, const char *label,
    const struct histogram_sum *s)
{
	double bounds[HISTOGRAM_NUM_BOUNDS];
	const struct histogram_lines lines = {.name = name,
	    .label = label,
	    .bounds = bounds,
	    .num_bounds = HISTOGRAM_NUM_BOUNDS,
	    .num = s->num,
	    .sum_sec = (double)s->sum_us / 1e6};

	for (size_t i = 0; i < HISTOGRAM_NUM_BOUNDS; i++)
		bounds[i] = histogram_bounds_us[i] / 1e6;
	histogram_put(t, &lines);
}
