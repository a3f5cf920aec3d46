/*
 * opt: reads a command line. Not getopt_long, because every refusal has to name
 * the option and say what was expected.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "revcheck/cli/cli.h"

struct opt *
opt_get(struct opt *table, const char *name)
{
	for (struct opt *o = table; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

bool
opt_given(struct opt *table, const char *name)
{
	struct opt *o = opt_get(table, name);

	return o != NULL && o->count > 0;
}

const char *
opt_value(struct opt *table, const char *name)
{
	struct opt *o = opt_get(table, name);

	return o != NULL && o->count > 0 ? o->values[o->count - 1] : NULL;
}

/* An option that was recognised takes its value and is counted. */
static int
opt_take(struct opt *o, const char *value)
{
	if (o->count > 0 && o->arg != NULL && !o->repeats)
		return cli_fail(
		    EXIT_USAGE, "option '%s' was given twice", o->name);
	if (o->count == OPT_MAX_VALUES)
		return cli_fail(EXIT_USAGE,
		    "option '%s' was given more than %d times", o->name,
		    OPT_MAX_VALUES);
	o->values[o->count++] = value;
	return 0;
}

/* argv[*i] is an option; *i moves on to its value where it has one. */
static int
opt_read(struct opt *table, int argc, char **argv, int *i)
{
	const char *word = argv[*i], *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
	struct opt *o;

	for (o = table; o->name != NULL; o++)
		if (strlen(o->name) == len && memcmp(o->name, word, len) == 0)
			break;
	if (o->name == NULL)
		return cli_fail(
		    EXIT_USAGE, "unknown option '%.*s'", (int)len, word);
	if (o->arg == NULL) {
		if (equals != NULL)
			return cli_fail(
			    EXIT_USAGE, "option '%s' takes no value", o->name);
		return opt_take(o, "");
	}
	if (equals != NULL)
		return opt_take(o, equals + 1);
	if (*i + 1 >= argc)
		return cli_fail(
		    EXIT_USAGE, "option '%s' needs a value", o->name);
	return opt_take(o, argv[++*i]);
}

static int
opt_read_all(struct opt *table, int argc, char **argv, const char **words,
    int max_words, int *num_words)
{
	bool options = true;
	int rc;

	*num_words = 0;
	for (int i = 0; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
			continue;
		}
		if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
			rc = opt_read(table, argc, argv, &i);
			if (rc != 0)
				return rc;
			continue;
		}
		if (*num_words == max_words)
			return cli_fail(
			    EXIT_USAGE, "unexpected argument '%s'", argv[i]);
		words[(*num_words)++] = argv[i];
	}
	return 0;
}

/* For who compares: a line each, the name and what its value is. */
static void
opt_list(const struct opt *table)
{
	for (const struct opt *o = table; o->name != NULL; o++)
		printf("%s%s%s\n", o->name, o->arg != NULL ? " " : "",
		    o->arg != NULL ? o->arg : "");
}

int
opt_parse(const char *command, struct opt *table, int argc, char **argv,
    const char **words, int max_words, int *num_words)
{
	static const char *const colors[] = {[COLOR_AUTO] = "auto",
	    [COLOR_ALWAYS] = "always",
	    [COLOR_NEVER] = "never",
	    NULL};
	int rc, color = COLOR_AUTO;

	if (argc == 1 && strcmp(argv[0], "--list-options") == 0) {
		opt_list(table);
		return OPT_DEALT_WITH;
	}
	rc = opt_read_all(table, argc, argv, words, max_words, num_words);
	if (rc == 0)
		rc = opt_word(table, "--color", colors, &color);
	if (rc != 0)
		return rc;
	tint_choose((enum color)color);
	if (!opt_given(table, "--help"))
		return 0;
	rc = help_print(stdout, command);
	return rc == 0 ? OPT_DEALT_WITH : rc;
}

int
opt_exclude(struct opt *table, const char *a, const char *b)
{
	if (!opt_given(table, a) || !opt_given(table, b))
		return 0;
	return cli_fail(
	    EXIT_USAGE, "options '%s' and '%s' exclude each other", a, b);
}

int
opt_number(struct opt *table, const char *name, uint64_t min, uint64_t max,
    uint64_t *out)
{
	const char *text = opt_value(table, name);
	unsigned long long v;
	char *end;

	if (text == NULL)
		return 0;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
	    v < min || v > max)
		return cli_fail(EXIT_USAGE,
		    "option '%s' expects a number from %llu to %llu, not '%s'",
		    name, (unsigned long long)min, (unsigned long long)max,
		    text);
	*out = v;
	return 0;
}

int
opt_time(struct opt *table, const char *name, time_t *out)
{
	const char *text = opt_value(table, name), *end;
	char again[PRINT_UTC_LEN];
	struct tm tm = {0};
	time_t t;

	if (text == NULL)
		return 0;
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	t = timegm(&tm);
	/* Written back it must be the same: no 31 February, no short year. */
	if (end == NULL || strlen(text) != sizeof("2026-01-31T00:00:00Z") - 1 ||
	    *end != '\0' || !print_utc(again, t) || strcmp(again, text) != 0)
		return cli_fail(EXIT_USAGE,
		    "option '%s' expects YYYY-MM-DDThh:mm:ssZ, not '%s'", name,
		    text);
	*out = t;
	return 0;
}

int
opt_word(
    struct opt *table, const char *name, const char *const *words, int *out)
{
	const char *text = opt_value(table, name);
	char list[160];
	size_t n = 0;

	if (text == NULL)
		return 0;
	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return 0;
		}
	}
	list[0] = '\0';
	for (int i = 0; words[i] != NULL && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
		    i > 0 ? ", " : "", words[i]);
	return cli_fail(EXIT_USAGE, "option '%s' expects one of %s; not '%s'",
	    name, list, text);
}
