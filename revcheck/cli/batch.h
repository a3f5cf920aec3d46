/*
 * batch: many chains, a line each. So many are asked about at a time, by one
 * engine, and told in the order they were given.
 */
#ifndef REVCHECK_CLI_BATCH_H
#define REVCHECK_CLI_BATCH_H

#include "revcheck/cli/ask.h"

#define BATCH_JOBS     8
#define BATCH_MAX_JOBS 256

enum batch_form {
	BATCH_TEXT = 0,
	BATCH_CSV,
	BATCH_JSONL, /* a document a line */
	BATCH_JSON   /* one array */
};

struct batch {
	struct ask *ask;
	enum batch_form form;
	const char *const *names; /* files */
	size_t num, jobs;
};

/*
 * Checks all of them. What cannot be read is a line, too, and ends nothing. The
 * worst exit status of all (answer_worse).
 */
int batch_run(const struct batch *b);

#endif
