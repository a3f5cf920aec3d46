/* batch_row: one of many answers, as text, CSV (RFC 4180) or JSON. */
#ifndef REVCHECK_CLI_BATCH_ROW_H
#define REVCHECK_CLI_BATCH_ROW_H

#include "revcheck/cli/answer.h"
#include "revcheck/cli/batch.h"

struct batch_row {
	const char *name; /* of the file */
	X509 *leaf;       /* NULL: it could not be read */
	const struct answer *answer;
};

struct batch_sum {
	size_t good, revoked, undetermined, forgiven, invalid, failed;
	int worst;
};

/* What comes before the first row and behind the last. */
void batch_begin(const struct batch *b);
void batch_end(const struct batch *b, const struct batch_sum *sum);
/* Row i. 0, or EXIT_SOFTWARE where it cannot be written. */
int
batch_row_print(const struct batch_row *row, const struct batch *b, size_t i);
void batch_sum_add(struct batch_sum *sum, const struct answer *x);

#endif
