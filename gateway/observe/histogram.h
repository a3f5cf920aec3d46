/*
 * histogram: how long something took, in buckets. Only its worker adds, by a
 * few instructions and without a lock; anybody may read.
 */
#ifndef GATEWAY_OBSERVE_HISTOGRAM_H
#define GATEWAY_OBSERVE_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/observe/prometheus.h"

/* From a handshake at hand to one that waited for all that it may wait for. */
#define HISTOGRAM_NUM_BOUNDS 14
extern const uint32_t histogram_bounds_us[HISTOGRAM_NUM_BOUNDS];

struct histogram {
	_Atomic uint64_t num[HISTOGRAM_NUM_BOUNDS + 1]; /* the last: longer */
	_Atomic uint64_t sum_us;
};

/* What one or several of them hold. */
struct histogram_sum {
	uint64_t num[HISTOGRAM_NUM_BOUNDS + 1]; /* not cumulative */
	uint64_t sum_us;
};

void histogram_add(struct histogram *h, uint64_t us);
/* Adds h to *out. */
void histogram_read(struct histogram_sum *out, const struct histogram *h);

/*
 * Lines of a histogram: num[i] is how many took at most bounds[i] seconds and
 * more than the bound before, num[num_bounds] how many took longer. label is
 * like "kind=\"crl\"", or "".
 */
struct histogram_lines {
	const char *name, *label;
	const double *bounds;
	size_t num_bounds;
	const uint64_t *num;
	double sum_sec;
};
void histogram_put(struct prometheus *t, const struct histogram_lines *l);
/* Those of a sum. */
void histogram_put_sum(struct prometheus *t, const char *name,
    const char *label, const struct histogram_sum *s);

#endif
