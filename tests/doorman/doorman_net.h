/*
 * doorman_net: a doorman of a test's own: its directory, its service, its
 * signer, and a hand that types what a person would. Helpers fail the test.
 */
#ifndef TESTS_DOORMAN_NET_H
#define TESTS_DOORMAN_NET_H

#include <stdbool.h>

#include "tests/lib/net.h"

struct doorman_net {
	char *dir, *url, *conf, *sign_conf;
	struct proc serve;
	int runs; /* logs are numbered */
};

/*
 * doorman init DIR with more options, NULL-terminated, or NULL. Legal names
 * may be short ones (name_rules = any); with _corda it is as init made it.
 */
void doorman_net_init(struct doorman_net *o, const char *dir, const char *input,
    const char *const *options);
void doorman_net_init_corda(struct doorman_net *o, const char *dir,
    const char *input, const char *const *options);
/* Appends lines to doorman.conf or sign.conf. */
void doorman_net_conf(const struct doorman_net *o, const char *lines);
void doorman_net_sign_conf(const struct doorman_net *o, const char *lines);
void doorman_net_start(struct doorman_net *o);
/* SIGTERM, and the exit status must be 0. */
void doorman_net_stop(struct doorman_net *o);
void doorman_net_free(struct doorman_net *o);

/* A fixture program run to its end with this on its stdin; *out: free it. */
int doorman_net_run(struct doorman_net *o, const char *program,
    const char *input, char **out, const char *const *arguments);
/* doorman ARGUMENTS: must end with status, and `want` be in what it says. */
#define doorman_net_says(o, status, want, ...) \
	doorman_net_says_args(                 \
	    o, status, want, (const char *const[]){__VA_ARGS__, NULL})
void doorman_net_says_args(struct doorman_net *o, int status, const char *want,
    const char *const *arguments);
/* doorman ARGUMENTS -c doorman.conf; must succeed. */
#define doorman_net_do(o, ...) \
	doorman_net_do_args(o, (const char *const[]){__VA_ARGS__, NULL})
void doorman_net_do_args(struct doorman_net *o, const char *const *arguments);
/* doorman-sign with the confirmation (and secrets) from input. */
#define doorman_net_sign(o, input, out, ...) \
	doorman_net_sign_args(               \
	    o, input, out, (const char *const[]){__VA_ARGS__, NULL})
int doorman_net_sign_args(struct doorman_net *o, const char *input, char **out,
    const char *const *arguments);

/* POSTs a revocation request; the answer's status, its text in *text. */
long
doorman_net_post(const struct doorman_net *o, const char *json, char **text);
/* The state of a request as the service tells it; free it. */
char *doorman_net_state(
    const struct doorman_net *o, const char *kind, const char *id);
/* Waits until that state is what it should be. */
void doorman_net_await(const struct doorman_net *o, const char *kind,
    const char *id, const char *state);

/*
 * Makes DIR/NAME.key and DIR/NAME.csr for a subject in slash form and the
 * host NAME.example, posts the request, has it approved (local tickets), signed
 * and fetched: DIR/NAME.pem. Returns the request's id; free it.
 */
char *doorman_net_enrol(struct doorman_net *o, const char *name,
    const char *subject, const char *secret);
/* Only the request. */
char *
doorman_net_csr(struct doorman_net *o, const char *name, const char *subject);
/* 0x-less serial of DIR/NAME.pem; free it. */
char *doorman_net_serial(const struct doorman_net *o, const char *name);
/* The fake JIRA. */

struct jira {
	struct proc proc;
	char *url;
};

/* Starts it and makes the doorman (initialised, not started) use it. */
void jira_start(struct jira *j, struct doorman_net *o);
void jira_stop(struct jira *j);
/* How many issues there are for a request; the key of the last in *key. */
int jira_issues(const struct jira *j, const char *request, char **key);
int jira_count(const struct jira *j);
/* A person sets the status of a request's issue. */
void jira_decide(const struct jira *j, const char *request, const char *status,
    const char *who);
/* Every call is answered with this status; 0: as it should be. */
void jira_break(const struct jira *j, int status);
/* POST /fake/WHAT, e.g. "be?cloud=1"; doorman-jira says what there is. */
void jira_fake(const struct jira *j, const char *what);
/* POST /fake/issue/KEY?QUERY of a request's issue. */
void
jira_fake_issue(const struct jira *j, const char *request, const char *query);
/* A field of a request's issue, e.g. "summary", as text; free it. */
char *jira_field(const struct jira *j, const char *request, const char *field);
/* REST calls it was asked so far. */
long jira_calls(const struct jira *j);
/* A column of a request, straight from the database; free it. */
char *doorman_net_column(
    const struct doorman_net *o, const char *id, const char *column);
/* Changes the database behind the doorman's back. */
void doorman_net_sql(const struct doorman_net *o, const char *sql);
/* Waits until it contains this text. */
void doorman_net_await_column(const struct doorman_net *o, const char *id,
    const char *column, const char *text);

/* The number of a published list, 0 before the first. */
long doorman_net_crl_number(const struct doorman_net *o, const char *list);

/* Check.java with these arguments, NULL-terminated, must be content. */
bool have_java(void);
void java_says(const char *const *arguments);

#endif
