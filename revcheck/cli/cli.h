/*
 * cli: what the parts of the command share. The command is a user of
 * revcheck.h and nothing else of the library.
 */
#ifndef REVCHECK_CLI_H
#define REVCHECK_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "revcheck/revcheck.h"

/* Exit status: part of the interface, see revcheck(1). */
enum {
	EXIT_ACCEPTED = 0,
	EXIT_REVOKED = 1,
	EXIT_UNDETERMINED = 2,
	EXIT_PATH_INVALID = 3,
	EXIT_USAGE = 64,
	EXIT_INPUT = 65,       /* unreadable input */
	EXIT_UNAVAILABLE = 69, /* a host or URL did not answer */
	EXIT_SOFTWARE = 70,    /* out of memory and the like */
};

#define CLI_LIKE(f, a) __attribute__((format(printf, f, a)))

/* "revcheck: " + text on stderr; returns code, to be returned in turn. */
int cli_fail(int code, const char *fmt, ...) CLI_LIKE(2, 3);
/* The exit status for a failed library call, its sentence on stderr. */
int cli_fail_library(const struct revcheck_error *err);

/* Options (opt.c). */

#define OPT_MAX_VALUES 64

/*
 * An option table ends with name NULL. Values are appended to `values` in the
 * order given; an option without has_value is counted in `count`.
 */
struct opt {
	const char *name; /* with its dashes */
	bool has_value;
	bool repeats;
	const char *values[OPT_MAX_VALUES];
	int count;
};

/*
 * opt_parse reads argv[0..argc): 0, or EXIT_USAGE after a sentence that names
 * the option. What is not an option goes to words (at most max_words);
 * "--name=value" and "--name value" are the same; "--" ends the options.
 */
int opt_parse(struct opt *table, int argc, char **argv, const char **words,
    int max_words, int *num_words);
struct opt *opt_get(struct opt *table, const char *name);
bool opt_given(struct opt *table, const char *name);
/* The (last) value, or NULL. */
const char *opt_value(struct opt *table, const char *name);
/* Decimal in min..max; absent: *out stays. 0 or EXIT_USAGE. */
int opt_number(struct opt *table, const char *name, uint64_t min, uint64_t max,
    uint64_t *out);
/* YYYY-MM-DDThh:mm:ssZ; absent: *out stays. 0 or EXIT_USAGE. */
int opt_time(struct opt *table, const char *name, time_t *out);
/* One of the words (NULL-terminated); its index in *out. 0 or EXIT_USAGE. */
int opt_word(
    struct opt *table, const char *name, const char *const *words, int *out);

/* Printing (print.c). */

enum tint {
	TINT_NONE,
	TINT_GOOD,
	TINT_BAD,
	TINT_WARN,
	TINT_DIM,
	TINT_BOLD
};

/* Wraps text in an escape sequence on a terminal; "" otherwise. */
const char *tint_on(FILE *f, enum tint t);
const char *tint_off(FILE *f);

/* "  name        text\n", aligned; nothing when text is empty. */
void print_field(FILE *f, const char *name, enum tint t, const char *fmt, ...)
    CLI_LIKE(4, 5);
/* "2026-11-22T03:00:00Z"; false where t is no time that can be written. */
#define PRINT_UTC_LEN 32
bool print_utc(char out[PRINT_UTC_LEN], time_t t);
/* "2026-11-22T03:00:00Z (3 h ago)"; "-" for 0. */
#define PRINT_TIME_LEN 80
const char *print_time(char buf[PRINT_TIME_LEN], time_t t, time_t now);
/* A member, null where there is no text, or where t is 0. */
struct cJSON;
void print_json_text(struct cJSON *o, const char *name, const char *text);
void print_json_time(struct cJSON *o, const char *name, time_t t);
/* One document on stdout, laid out for who looks at a terminal. */
int print_document(const struct cJSON *json);
/* The evidence and status of one certificate. */
void print_result(
    FILE *f, const struct revcheck_result *r, time_t now, const char *title);
void print_report(FILE *f, const struct revcheck_report *rep, time_t now);

/* Questions (ask.c): shared by check and connect. */

/* The options that say what is accepted, and by which evidence. */
#define ASK_OPTIONS                                                            \
	{"--anchors", true, false, {0}, 0},                                    \
	    {"--untrusted", true, true, {0}, 0},                               \
	    {"--crl", true, true, {0}, 0}, {"--ocsp", true, true, {0}, 0},     \
	    {"--at", true, false, {0}, 0}, {"--mode", true, false, {0}, 0},    \
	    {"--method", true, false, {0}, 0},                                 \
	    {"--scope", true, false, {0}, 0},                                  \
	    {"--status-only", false, false, {0}, 0},                           \
	    {"--max-age", true, false, {0}, 0},                                \
	    {"--no-next-update", true, false, {0}, 0},                         \
	    {"--skew", true, false, {0}, 0}, {"--nonce", true, false, {0}, 0}, \
	    {"--relax", true, true, {0}, 0},                                   \
	    {"--security-level", true, false, {0}, 0},                         \
	    {"--purpose", true, false, {0}, 0},                                \
	    {"--offline", false, false, {0}, 0},                               \
	    {"--deadline-ms", true, false, {0}, 0},                            \
	    {"--state-dir", true, false, {0}, 0},                              \
	    {"--allow-address", true, true, {0}, 0},                           \
	    {"--any-port", false, false, {0}, 0},                              \
	    {"--proxy", true, false, {0}, 0},                                  \
	    {"--https-ca-file", true, false, {0}, 0},                          \
	    {"--json", false, false, {0}, 0},                                  \
	    {"--verbose", false, false, {0}, 0},                               \
	{                                                                      \
		"--help", false, false, {0}, 0                                 \
	}

/* Everything a question needs, made from options. Zeroed, then cleaned up. */
struct ask {
	struct revcheck *rc;
	struct revcheck_trust *trust;
	struct revcheck_certs *chain;
	struct revcheck_certs *untrusted;
	struct revcheck_evidence *evidence;
	struct revcheck_policy policy;
	struct revcheck_query query;
	bool has_at;
	time_t at; /* has_at: the time for everything; else now */
	bool json;
};

/* --relax into the policy; 0 or an exit status. */
int ask_relax(struct revcheck_policy *policy, struct opt *table);
/* 0 or an exit status, the sentence already on stderr. */
int ask_init(struct ask *a, struct opt *table, bool anchors_needed);
/* Asks, prints, and returns the exit status. */
int ask_run(struct ask *a);
void ask_cleanup(struct ask *a);

/* Commands. */

int cmd_check(int argc, char **argv);
int cmd_connect(int argc, char **argv);
int cmd_crl(int argc, char **argv);
int cmd_ocsp(int argc, char **argv);
int cmd_cache(int argc, char **argv);

/* Prints the command's page of help. */
int help_print(FILE *f, const char *command);

#endif
