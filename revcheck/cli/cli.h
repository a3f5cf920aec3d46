/*
 * cli: what the parts of the command share: exit statuses, options, printing.
 * The command is a user of revcheck.h and nothing else of the library.
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
/* From here on cli_fail on this thread only keeps what it would say. */
void cli_mute(bool muted);
/* What cli_fail said last, without "revcheck: ". */
const char *cli_last_failure(void);
/* A remark on stderr that changes no exit status. */
void cli_warn(const char *fmt, ...) CLI_LIKE(1, 2);

/* Milliseconds that only go forward. */
uint64_t cli_mono_ms(void);

/* Options (opt.c). */

#define OPT_MAX_VALUES 64

/*
 * An option table ends with name NULL. Values are appended to `values` in the
 * order given; an option without arg is counted in `count`.
 */
struct opt {
	const char *name; /* with its dashes */
	const char *arg;  /* what its value is, "a|b" for words; NULL: none */
	bool repeats;
	const char *values[OPT_MAX_VALUES];
	int count;
};
#define OPT_FLAG(name)                      \
	{                                   \
		(name), NULL, false, {0}, 0 \
	}
#define OPT_VALUE(name, arg)                 \
	{                                    \
		(name), (arg), false, {0}, 0 \
	}
#define OPT_VALUES(name, arg)               \
	{                                   \
		(name), (arg), true, {0}, 0 \
	}
/* What every command takes. */
#define OPT_COMMON OPT_VALUE("--color", "auto|always|never"), OPT_FLAG("--help")

/* Returned by opt_parse when the command line is dealt with already. */
#define OPT_DEALT_WITH (-1)

/*
 * opt_parse reads argv[0..argc): 0, or EXIT_USAGE after a sentence that names
 * the option. What is not an option goes to words (at most max_words);
 * "--name=value" and "--name value" are the same; "--" ends the options.
 * --color is obeyed here. OPT_DEALT_WITH: --help or --list-options was, and the
 * command is over with exit status 0.
 */
int opt_parse(const char *command, struct opt *table, int argc, char **argv,
    const char **words, int max_words, int *num_words);
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
/* EXIT_USAGE where two are given that exclude each other, else 0. */
int opt_exclude(struct opt *table, const char *a, const char *b);

/* Printing (print.c). */

enum tint {
	TINT_NONE,
	TINT_GOOD,
	TINT_BAD,
	TINT_WARN,
	TINT_DIM,
	TINT_BOLD
};

enum color {
	COLOR_AUTO, /* on a terminal, unless NO_COLOR is set */
	COLOR_ALWAYS,
	COLOR_NEVER
};
void tint_choose(enum color c);
/* Wraps text in an escape sequence where colour is wanted; "" otherwise. */
const char *tint_on(FILE *f, enum tint t);
const char *tint_off(FILE *f);

/* Replaces what is not printable ASCII by '?'. */
void print_plain(char *text);
/* "  name        text\n", aligned; nothing when text is empty. */
void print_field(FILE *f, const char *name, enum tint t, const char *fmt, ...)
    CLI_LIKE(4, 5);
/* "2026-11-22T03:00:00Z"; false where t is no time that can be written. */
#define PRINT_UTC_LEN 32
bool print_utc(char out[PRINT_UTC_LEN], time_t t);
/* "2026-11-22T03:00:00Z (3 h ago)"; "-" for 0. */
#define PRINT_TIME_LEN 80
const char *print_time(char buf[PRINT_TIME_LEN], time_t t, time_t now);
struct cJSON;
/* A member of octets, such as a file's name: what is not UTF-8 becomes '?'. */
void print_json_octets(struct cJSON *o, const char *name, const char *octets);
/* A member, null where there is no text, or where t is 0. */
void print_json_text(struct cJSON *o, const char *name, const char *text);
void print_json_time(struct cJSON *o, const char *name, time_t t);
/* One document on stdout, laid out for who looks at a terminal. */
int print_document(const struct cJSON *json);
/* The same on one line wherever it goes. */
int print_line(const struct cJSON *json);
enum tint print_status_tint(enum revcheck_status s);
/* The evidence and status of one certificate. */
void print_result(
    FILE *f, const struct revcheck_result *r, time_t now, const char *title);
/* Remarks, one line each. */
void print_notes(FILE *f, const char *notes);

/* Prints the command's page of help. */
int help_print(FILE *f, const char *command);

#endif
