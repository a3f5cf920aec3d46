/*
 * office: a doorman of a test's own: its directory, its service, its signer,
 * and a hand that types what a person would. Helpers fail the test.
 */
#ifndef TESTS_DOORMAN_OFFICE_H
#define TESTS_DOORMAN_OFFICE_H

#include "tests/lib/net.h"

struct office {
	char *dir, *url, *conf, *sign_conf;
	struct proc serve;
	int runs; /* logs are numbered */
};

/* doorman init DIR with more options, NULL-terminated, or NULL. */
void office_init(struct office *o, const char *dir, const char *input,
    const char *const *options);
/* Appends lines to doorman.conf or sign.conf. */
void office_conf(const struct office *o, const char *lines);
void office_sign_conf(const struct office *o, const char *lines);
void office_start(struct office *o);
/* SIGTERM, and the exit status must be 0. */
void office_stop(struct office *o);
void office_free(struct office *o);

/* A fixture program run to its end with this on its stdin; *out: free it. */
int office_run(struct office *o, const char *program, const char *input,
    char **out, const char *const *arguments);
/* doorman ARGUMENTS -c doorman.conf; must succeed. */
#define office_do(o, ...) \
	office_do_args(o, (const char *const[]){__VA_ARGS__, NULL})
void office_do_args(struct office *o, const char *const *arguments);
/* doorman-sign with the confirmation (and secrets) from input. */
#define office_sign(o, input, out, ...) \
	office_sign_args(               \
	    o, input, out, (const char *const[]){__VA_ARGS__, NULL})
int office_sign_args(struct office *o, const char *input, char **out,
    const char *const *arguments);

/* POSTs a revocation request; the answer's status, its text in *text. */
long office_post(const struct office *o, const char *json, char **text);
/* The state of a request as the service tells it; free it. */
char *office_state(const struct office *o, const char *kind, const char *id);
/* Waits until that state is what it should be. */
void office_await(const struct office *o, const char *kind, const char *id,
    const char *state);

/*
 * Makes DIR/NAME.key and DIR/NAME.csr for a subject in slash form, posts the
 * request, has it approved (local tickets), signed and fetched: DIR/NAME.pem.
 * Returns the request's id; free it.
 */
char *office_enrol(struct office *o, const char *name, const char *subject,
    const char *secret);
/* Only the request. */
char *office_csr(struct office *o, const char *name, const char *subject);
/* 0x-less serial of DIR/NAME.pem; free it. */
char *office_serial(const struct office *o, const char *name);
/* ---- the fake JIRA --------------------------------------------------------
 */

struct jira {
	struct proc proc;
	char *url;
};

/* Starts it and makes the office (initialised, not started) use it. */
void jira_start(struct jira *j, struct office *o);
void jira_stop(struct jira *j);
/* How many issues there are for a request; the key of the last in *key. */
int jira_issues(const struct jira *j, const char *request, char **key);
int jira_count(const struct jira *j);
/* A person sets the status of a request's issue. */
void jira_decide(const struct jira *j, const char *request, const char *status,
    const char *who);
/* Every call is answered with this status; 0: as it should be. */
void jira_break(const struct jira *j, int status);

/* The number of a published list, 0 before the first. */
long office_crl_number(const struct office *o, const char *list);

#endif
