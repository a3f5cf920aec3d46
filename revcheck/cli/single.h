/*
 * single: one chain, asked about and told at length. What check, connect and
 * explain do alike.
 */
#ifndef REVCHECK_CLI_SINGLE_H
#define REVCHECK_CLI_SINGLE_H

#include "revcheck/cli/answer.h"
#include "revcheck/cli/issuers.h"

/* Zeroed to begin with, but for ask and chain. */
struct single {
	struct ask *ask;
	struct revcheck_certs *chain; /* owned */
	struct issuers issuers;
	struct answer answer;
	struct revcheck_certs *path; /* leaf first; NULL: there is none */
};

/* Asks; 0 and answer, or an exit status. */
int single_ask(struct single *s);
void single_cleanup(struct single *s);

/* What came of --fetch-issuers and --urls, behind the answer. */
void single_print_more(FILE *f, const struct single *s);
/* The whole document, to be added to; NULL: out of memory, and said. */
struct cJSON *single_json(const struct single *s);
/*
 * The exit status, once everything is written: an answer that could not be
 * written counts as a failure.
 */
int single_end(const struct single *s);

#endif
