/*
 * answer: a report as the command tells it: in words, with an exit status, and
 * with what could be done. Only what is known to be good is green and 0; what
 * was asked to be forgiven is 0, too, and amber.
 */
#ifndef REVCHECK_CLI_ANSWER_H
#define REVCHECK_CLI_ANSWER_H

#include "revcheck/cli/ask.h"

struct answer {
	struct revcheck_report *rep; /* NULL: it could not be asked */
	int status;                  /* EXIT_* */
	enum tint tint;
	const char *headline; /* "accept", "refuse", "not determined" */
	const char *word;     /* of the chain: "good", "path-invalid" */
	const char *path_error;
	char text[1100]; /* the sentence */
	char hints[640]; /* what to do about it, a line each; may be empty */
};

/* Takes the report. */
void answer_make(struct answer *out, struct revcheck_report *rep);
/* It could not be asked: an exit status and what was said. */
void answer_make_failed(struct answer *out, int status, const char *text);
/* A server has another name than asked for; a revocation stays one. */
void answer_wrong_name(struct answer *out, const char *text);
void answer_cleanup(struct answer *x);

bool answer_accepts(const struct answer *x);

/* All certificates, remarks and the decision. */
void answer_print(FILE *f, const struct answer *x, const struct ask *a);
/* The decision alone. */
void answer_print_decision(FILE *f, const struct answer *x);
/* The document; NULL: out of memory. Free with cJSON_Delete. */
struct cJSON *answer_json(const struct answer *x, const struct ask *a);

/* The worse of two exit statuses, for who asked about several. */
int answer_worse(int a, int b);

#endif
