/*
 * source_report: where evidence comes from, the most urgent first: what ran
 * out, what fails, what ends soon. One pass over the sources; only the rows
 * that are shown are kept.
 */
#ifndef GATEWAY_REST_SOURCE_REPORT_H
#define GATEWAY_REST_SOURCE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "revcheck/revcheck.h"

enum source_state {
	SOURCE_RAN_OUT = 0, /* what is held has run out */
	SOURCE_FAILING,     /* the last try failed */
	SOURCE_ENDS_SOON,   /* within the last tenth of its life */
	SOURCE_OK,
	SOURCE_NOT_TRIED, /* since the start, and nothing is held */
	SOURCE_NUM_STATES
};
/* "ranOut"; never NULL. */
const char *source_state_name(enum source_state state);
enum source_state
source_state_of(const struct revcheck_source_item *item, time_t now);

/*
 * Within the last tenth of its life, or past it. What is refreshed ahead of
 * time never comes so far: something has been failing for a while.
 */
bool source_ends_soon(const struct revcheck_source_item *item, time_t now);

/* What is looked for. Zeroed: all. */
struct source_filter {
	unsigned states;  /* a bit each; 0: all */
	int kind;         /* enum revcheck_evidence_kind; 0: all */
	const char *part; /* of the URL, in any case; NULL: all */
	size_t max;
};

struct source_report {
	cJSON *rows;
	size_t num;                         /* of all */
	size_t by_state[SOURCE_NUM_STATES]; /* of all */
};

/* Free rows; NULL: out of memory. */
void source_report_make(struct source_report *out, struct revcheck *engine,
    const struct source_filter *filter);

#endif
